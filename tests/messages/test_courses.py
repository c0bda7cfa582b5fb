"""Courses and reading progress."""

from dataclasses import replace

import pytest

from bot.callbacks.actions import (
    CourseNext,
    CoursePause,
    CourseResume,
    CourseStart,
    CourseStop,
    ShowPost,
    ShowScope,
)
from bot.callbacks.codec import decode
from bot.messages.courses import CourseFacts, Progress, course, course_offer, courses, lesson_line, reading
from bot.messages.elements import page_of
from bot.messages.i18n import LANGUAGES, words_for
from bot.messages.scope_pages import Neighbour
from storage.model import Stage, When
from tests.messages.golden_files import Scene, check
from tests.messages.posts import DIFFUSION, ROPE


def _at(stage: Stage, when: When = When.DAILY, gaps: tuple[str, ...] = ()) -> CourseFacts:
    return CourseFacts(
        scope=DIFFUSION,
        stage=stage,
        when=when,
        at="20:00",
        zone="UTC+8",
        weekday="周日",
        sent=29 if stage is Stage.CAUGHT_UP else 9,
        of=29,
        read=2,
        next=Neighbour(post=3, episode=3),
        gaps=gaps,
    )


PROGRESS = (
    Progress(scope=ROPE, read=5, have=21, known=21, next=Neighbour(post=9, episode=6)),
    Progress(scope=DIFFUSION, read=3, have=3, known=20),
)
SCENES: dict[str, Scene] = {
    "running": lambda words: course(_at(Stage.RUNNING, gaps=("2", "5–7")), words),
    "weekly": lambda words: course(replace(_at(Stage.RUNNING, When.WEEKLY), weekday=words.weekday(6)), words),
    "paused": lambda words: course(_at(Stage.PAUSED), words),
    "stopped": lambda words: course(_at(Stage.STOPPED), words),
    "caught up": lambda words: course(_at(Stage.CAUGHT_UP), words),
    "offer": lambda words: course_offer(ROPE, 21, words),
    "offer of one": lambda words: course_offer(ROPE, 1, words),
    "all": lambda words: courses((_at(Stage.CAUGHT_UP), _at(Stage.RUNNING), _at(Stage.PAUSED)), words),
    "completed": lambda words: courses((_at(Stage.CAUGHT_UP),), words),
    "none": lambda words: courses((), words),
    "progress": lambda words: reading(page_of(PROGRESS, 1), words),
    "no progress": lambda words: reading(page_of((), 1), words),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("courses", name, SCENES[name], language)


@pytest.mark.parametrize(
    ("stage", "offered"),
    [
        (Stage.RUNNING, {CourseNext, CoursePause, CourseStop}),
        (Stage.PAUSED, {CourseResume, CourseStop}),
        (Stage.STOPPED, {CourseStart}),
        (Stage.CAUGHT_UP, set()),
    ],
)
def test_each_stage_offers_what_can_follow(stage: Stage, offered: set[type]) -> None:
    row = course(_at(stage), words_for("zh")).keyboard[0]
    assert {type(decode(button.action or "")) for button in row} - {ShowScope, ShowPost} == offered


def test_a_lesson_names_the_gap_before_it() -> None:
    facts = _at(Stage.RUNNING)
    assert lesson_line(facts, "2–4", words_for("zh")) == "课程 · 第 9 / 29 课（◌ 第 2–4 篇未收录）"
    assert lesson_line(facts, None, words_for("en")) == "Course · lesson 9 of 29"

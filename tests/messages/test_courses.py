"""Courses and reading progress."""

import pytest

from bot.callbacks.actions import CourseNext, CoursePause, CourseResume, CourseStart, CourseStop
from bot.callbacks.codec import decode
from bot.messages.courses import CourseFacts, Progress, course, course_offer, courses, lesson_line, reading
from bot.messages.i18n import LANGUAGES, words_for
from bot.messages.keyboards import page_of
from storage.model import Stage, When
from tests.messages.golden_files import Scene, check
from tests.messages.posts import DIFFUSION, ROPE


def _at(stage: Stage, when: When = When.DAILY, gaps: tuple[int, ...] = ()) -> CourseFacts:
    return CourseFacts(scope=DIFFUSION, stage=stage, when=when, at="20:00", sent=9, of=29, gaps=gaps)


SCENES: dict[str, Scene] = {
    "running": lambda words: course(_at(Stage.RUNNING, gaps=(2, 5)), words),
    "weekly": lambda words: course(_at(Stage.RUNNING, When.WEEKLY), words),
    "paused": lambda words: course(_at(Stage.PAUSED), words),
    "stopped": lambda words: course(_at(Stage.STOPPED), words),
    "caught up": lambda words: course(_at(Stage.CAUGHT_UP), words),
    "offer": lambda words: course_offer(ROPE, 21, words),
    "all": lambda words: courses((_at(Stage.RUNNING), _at(Stage.PAUSED)), words),
    "none": lambda words: courses((), words),
    "progress": lambda words: reading(page_of((Progress(scope=ROPE, read=5, of=21),), 1), words),
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
    assert {type(decode(button.action or "")) for button in row[1:]} == offered


def test_a_lesson_names_the_gap_before_it() -> None:
    assert lesson_line(_at(Stage.RUNNING), (2,), words_for("zh")) == "从头读 · 9 / 29（◌ 第 2 篇没有收录）"
    assert lesson_line(_at(Stage.RUNNING), (), words_for("en")) == "From the start · 9 / 29"

"""Reading a series from its first part, one post at a time, and how far somebody has read.

The post itself is a card; these are the sentences around it.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from bot.callbacks.actions import (
    CourseNext,
    CoursePause,
    CourseResume,
    CourseStart,
    CourseStop,
    Reading,
    SeriesIndex,
    ShowScope,
)
from bot.messages.i18n import Words
from bot.messages.keyboards import Page, Row, label, paging, press
from bot.messages.post_lists import bar
from bot.render.document import Block, Body, Heading, Item, Items, Message, Paragraph, Text
from bot.text_sanitizer import one_line
from storage.model import Scope, Stage, When


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFacts:
    """A course: `sent` of `of` stored episodes have come; `gaps` are episodes that were passed over."""

    scope: Scope
    stage: Stage
    when: When
    at: str  # as shown: 20:00
    sent: int
    of: int
    gaps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How much of a series somebody has read."""

    scope: Scope
    read: int
    of: int


def course(facts: CourseFacts, words: Words) -> Message:
    """Where a course stands, and what can be done with it."""
    name = one_line(facts.scope.name)
    body: list[Block] = [
        Heading((Text(words.text("「{name}」从头读", name=name)),)),
        Paragraph(
            (Text(f"{bar(facts.sent, facts.of)} {words.number(facts.sent)} / {words.number(facts.of)}"),)
        ),
        Paragraph((Text(_stands(facts, words)),)),
    ]
    if facts.gaps:
        episodes = words.join([str(episode) for episode in facts.gaps])
        body.append(
            Paragraph(
                (Text(words.count("◌ 第 {episodes} 篇没有收录，跳过。", len(facts.gaps), episodes=episodes)),)
            )
        )
    return Message(body=tuple(body), keyboard=_keys(facts, words))


def course_offer(scope: Scope, of: int, words: Words) -> Message:
    """The pace, before a course begins."""
    said = words.count(
        "「{name}」收录了 {n} 篇，从第一篇起，一次发一篇。多久一篇？", of, name=one_line(scope.name)
    )
    row = (
        press(words.text("每天一篇"), CourseStart(scope.id, When.DAILY)),
        press(words.text("每周一篇"), CourseStart(scope.id, When.WEEKLY)),
    )
    return Message(body=(Paragraph((Text(said),)),), keyboard=(row,))


def courses(running: tuple[CourseFacts, ...], words: Words) -> Message:
    """All courses of a chat; where there is none, how to begin one."""
    choose: Row = (press(words.text("选系列"), SeriesIndex()),)
    if not running:
        said = words.text("从第一篇起，每天或每周读一篇，读完自动接上新文章。选一个系列，再点「每天一篇」。")
        return Message(body=(Paragraph((Text(said),)),), keyboard=(choose,))
    items = tuple(
        Item(
            (Text(f"{one_line(facts.scope.name)}  {facts.sent} / {facts.of} · {_stage(facts, words)}"),),
            label=str(index),
        )
        for index, facts in enumerate(running, 1)
    )
    rows = tuple(row for facts in running[:8] for row in _keys(facts, words, named=True)[:1])
    return Message(body=(Heading((Text(words.text("正在读")),)), Items(items)), keyboard=(*rows, choose))


def reading(page: Page[Progress], words: Words) -> Message:
    """How far each series is read, those begun only."""
    if not page.total:
        said = words.text("还没有标过「读过了」的文章。在系列文章的卡片上点它，这里就会记下进度。")
        return Message(body=(Paragraph((Text(said),)),))
    items = tuple(
        Item(
            (Text(f"{one_line(each.scope.name)}\n{bar(each.read, each.of, 8)} {each.read} / {each.of}"),),
            label=str(index),
        )
        for index, each in enumerate(page.items, page.before + 1)
    )
    rows = tuple((press(label(each.scope.name, 40), ShowScope(each.scope.id)),) for each in page.items)
    head = Heading((Text(words.text("读到哪里了")),))
    return Message(body=(head, Items(items)), keyboard=(*rows, *paging(page, Reading)))


def lesson_line(facts: CourseFacts, gap: tuple[int, ...], words: Words) -> str:
    """What stands above a card that a course sends; `gap` are the episodes just passed over."""
    said = words.text("从头读 · {sent} / {of}", sent=facts.sent, of=facts.of)
    if gap:
        episodes = words.join([str(episode) for episode in gap])
        said += words.count("（◌ 第 {episodes} 篇没有收录）", len(gap), episodes=episodes)
    return said


def lesson(shown: Message, facts: CourseFacts, gap: tuple[int, ...], words: Words) -> Message:
    """The card `shown` as a lesson: what stands above it, how to go on, and that it was the last one."""
    body: Body = (Paragraph((Text(lesson_line(facts, gap, words)),)), *shown.body)
    if facts.stage is Stage.CAUGHT_UP:
        body = (*body, Paragraph((Text(_stands(facts, words)),)))
    rows = [row[1:] for row in _keys(facts, words)]
    return replace(shown, body=body, keyboard=(*shown.keyboard, *(row for row in rows if row)))


def _stands(facts: CourseFacts, words: Words) -> str:
    match facts.stage:
        case Stage.RUNNING if facts.when is When.WEEKLY:
            return words.text("每周一篇，{at} 发来。", at=facts.at)
        case Stage.RUNNING:
            return words.text("每天一篇，{at} 发来。", at=facts.at)
        case Stage.PAUSED:
            return words.text("停在这里，随时可以继续。")
        case Stage.STOPPED:
            return words.text("不再发了。进度还在，重新开始会从这里接上。")
        case Stage.CAUGHT_UP:
            return words.text("读完了已有的。从现在起，这个系列的新文章一到就发来。")
        case _:
            assert_never(facts.stage)


def _stage(facts: CourseFacts, words: Words) -> str:
    match facts.stage:
        case Stage.RUNNING:
            return words.text("每周一篇") if facts.when is When.WEEKLY else words.text("每天一篇")
        case Stage.PAUSED:
            return words.text("停着")
        case Stage.STOPPED:
            return words.text("停了")
        case Stage.CAUGHT_UP:
            return words.text("读完了")
        case _:
            assert_never(facts.stage)


def _keys(facts: CourseFacts, words: Words, *, named: bool = False) -> tuple[Row, ...]:
    scope = facts.scope.id
    keys: Row
    match facts.stage:
        case Stage.RUNNING:
            keys = (
                press(words.text("下一篇"), CourseNext(scope)),
                press(words.text("暂停"), CoursePause(scope)),
                press(words.text("停止"), CourseStop(scope)),
            )
        case Stage.PAUSED:
            keys = (
                press(words.text("继续"), CourseResume(scope)),
                press(words.text("停止"), CourseStop(scope)),
            )
        case Stage.STOPPED:
            keys = (press(words.text("重新开始"), CourseStart(scope, facts.when)),)
        case Stage.CAUGHT_UP:
            keys = ()
        case _:
            assert_never(facts.stage)
    look = press(label(facts.scope.name) if named else words.text("系列"), ShowScope(scope))
    return ((look, *keys[-2:]),) if named else ((look, *keys),)

"""Views of courses (a series sent part by part) and of reading progress."""

from dataclasses import dataclass, replace
from typing import Final, assert_never

from bot.callbacks.actions import (
    CourseNext,
    CourseOffer,
    CoursePause,
    CourseResume,
    CourseStart,
    CourseStop,
    Options,
    Reading,
    SeriesIndex,
    Setting,
    ShowPost,
    ShowScope,
)
from bot.messages.i18n import Words
from bot.messages.keyboards import Page, Row, label, paging, press
from bot.messages.post_lists import bar
from bot.messages.scope_pages import Neighbour, continue_label
from bot.render.document import Block, Body, Button, Heading, Item, Items, Message, Paragraph, Text
from bot.text_sanitizer import one_line
from storage.model import Scope, Stage, When

_BUTTON_ROWS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFacts:
    """A course: `sent` of `of` stored episodes were sent, `read` of them are read (None: no one reader).

    `at` and `zone` are the local time of the lessons as shown, `weekday` the day of weekly ones; `gaps` are
    the skipped episodes, as ranges.
    """

    scope: Scope
    stage: Stage
    when: When
    at: str = ""
    zone: str = ""
    weekday: str = ""
    sent: int
    of: int
    read: int | None = None
    next: Neighbour | None = None
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A series of which `read` of `known` episodes are read; `have` are stored, `next` is unread."""

    scope: Scope
    read: int
    have: int
    known: int
    next: Neighbour | None = None


def course(facts: CourseFacts, words: Words) -> Message:
    """Return the state of a course with its buttons."""
    name = one_line(facts.scope.name)
    sent = words.text("已发 {sent} / {of}", sent=facts.sent, of=facts.of)
    read = words.text("已读 {read}", read=facts.read) if facts.read else None
    figures = " · ".join(part for part in (sent, read) if part)
    body: list[Block] = [
        Heading((Text(words.text("课程「{name}」", name=name)),)),
        Paragraph((Text(f"{bar(facts.sent, facts.of)} {figures}"),)),
        Paragraph((Text(_state(facts, words)),)),
    ]
    if facts.gaps:
        episodes = words.join(facts.gaps)
        body.append(Paragraph((Text(words.text("◌ 第 {episodes} 篇未收录，跳过。", episodes=episodes)),)))
    rows: list[Row] = [_keys(facts, words)]
    if facts.next is not None and facts.read:
        go_on = continue_label(facts.next.episode, facts.read, words)
        rows.append((press(go_on, ShowPost(facts.next.post)),))
    look: list[Button] = [press(words.text("系列"), ShowScope(facts.scope.id))]
    if facts.stage is Stage.RUNNING:
        look.append(press(words.text("改时间"), Options(Setting.HOUR)))
    rows.append(tuple(look))
    return Message(body=tuple(body), keyboard=tuple(row for row in rows if row))


def course_offer(scope: Scope, of: int, words: Words) -> Message:
    """Return the choice of the rhythm, before a course starts; a series of one post has no course."""
    name = one_line(scope.name)
    if of < 2:
        text = words.text("「{name}」只收录了 {of} 篇，开不了课程。", name=name, of=of)
        row: Row = (press(words.text("系列"), ShowScope(scope.id)),)
        return Message(body=(Paragraph((Text(text),)),), keyboard=(row,))
    text = words.text(
        "「{name}」收录了 {of} 篇。课程从最早的一篇起，一次发一篇，发完自动订阅这个系列。多久一篇？",
        of=of,
        name=name,
    )
    row = (
        press(words.text("每天一篇"), CourseStart(scope.id, When.DAILY)),
        press(words.text("每周一篇"), CourseStart(scope.id, When.WEEKLY)),
    )
    return Message(body=(Paragraph((Text(text),)),), keyboard=(row,))


def courses(every: tuple[CourseFacts, ...], words: Words) -> Message:
    """Return all courses of a chat, those under way first; without any, how one is started."""
    choose: Row = (press(words.text("选系列开课"), SeriesIndex()),)
    if not every:
        text = words.text("课程把一个系列从头一篇篇发给你，每天或每周一篇。选一个系列，再点「📖 开课」。")
        return Message(body=(Paragraph((Text(text),)),), keyboard=(choose,))
    body: list[Block] = []
    done = [facts for facts in every if facts.stage is Stage.CAUGHT_UP]
    running = [facts for facts in every if facts.stage is not Stage.CAUGHT_UP]
    if running:
        body += [Heading((Text(words.text("课程")),)), _listed(running, words)]
    if done:
        body += [Heading((Text(words.text("已完成")),), level=4 if running else 3), _listed(done, words)]
    rows = [_named_keys(facts, words) for facts in [*running, *done][:_BUTTON_ROWS]]
    if any(facts.stage is Stage.RUNNING for facts in running):
        choose = (*choose, press(words.text("改时间"), Options(Setting.HOUR)))
    return Message(body=tuple(body), keyboard=(*rows, choose))


def _listed(some: list[CourseFacts], words: Words) -> Items:
    return Items(
        tuple(
            Item(
                (
                    Text(f"{one_line(facts.scope.name)}  "),
                    Text(words.text("已发 {sent} / {of}", sent=facts.sent, of=facts.of)),
                    Text(f" · {_stage(facts, words)}"),
                ),
                label=str(index),
            )
            for index, facts in enumerate(some, 1)
        )
    )


def _named_keys(facts: CourseFacts, words: Words) -> Row:
    look = press(label(facts.scope.name), CourseOffer(facts.scope.id))
    return (look, *_keys(facts, words)[-2:])


def reading(page: Page[Progress], words: Words) -> Message:
    """Return how much of each begun series is read, with the button to its next unread part."""
    if not page.total:
        text = words.text("还没有标过「读过了」的文章。在文章下面点它，这里就会记下进度。")
        row: Row = (press(words.text("按系列"), SeriesIndex()),)
        return Message(body=(Paragraph((Text(text),)),), keyboard=(row,))
    items = tuple(
        Item((Text(f"{one_line(each.scope.name)}\n{_progress(each, words)}"),), label=str(index))
        for index, each in enumerate(page.items, page.before + 1)
    )
    rows = tuple(_progress_keys(each, words) for each in page.items)
    head = Heading((Text(words.text("阅读进度")),))
    return Message(body=(head, Items(items)), keyboard=(*rows, *paging(page, Reading)))


def _progress(each: Progress, words: Words) -> str:
    text = words.text("已读 {read} / {of}", read=each.read, of=each.known)
    if each.have < each.known:
        text += words.text("（收录 {have} 篇）", have=each.have)
    return f"{bar(each.read, each.known, 8)} {text}"


def _progress_keys(each: Progress, words: Words) -> Row:
    name = press(label(each.scope.name), ShowScope(each.scope.id))
    if each.next is None:
        return (name,)
    return (name, press(continue_label(each.next.episode, each.read, words), ShowPost(each.next.post)))


def lesson_line(facts: CourseFacts, gap: str | None, words: Words) -> str:
    """Return the line above a lesson's card; `gap` are the episodes just skipped."""
    text = words.text("课程 · 第 {sent} / {of} 课", sent=facts.sent, of=facts.of)
    if gap is not None:
        text += words.text("（◌ 第 {episodes} 篇未收录）", episodes=gap)
    return text


def lesson(shown: Message, facts: CourseFacts, gap: str | None, words: Words) -> Message:
    """Return the card `shown` as a lesson, with the buttons of its course."""
    body: Body = (Paragraph((Text(lesson_line(facts, gap, words)),)), *shown.body)
    if facts.stage is Stage.CAUGHT_UP:
        body = (*body, Paragraph((Text(words.text("这是最后一课。系列的新文章按你的订阅发来。")),)))
    keys = _keys(facts, words)
    return replace(shown, body=body, keyboard=(*((keys,) if keys else ()), *shown.keyboard))


def _state(facts: CourseFacts, words: Words) -> str:
    match facts.stage:
        case Stage.RUNNING if facts.when is When.WEEKLY:
            return words.text(
                "每{weekday} {at} 发一篇（{zone}），发完自动订阅这个系列。",
                weekday=facts.weekday,
                at=facts.at,
                zone=facts.zone,
            )
        case Stage.RUNNING:
            return words.text(
                "每天 {at} 发一篇（{zone}），发完自动订阅这个系列。", at=facts.at, zone=facts.zone
            )
        case Stage.PAUSED:
            return words.text("已暂停，随时可以继续。")
        case Stage.STOPPED:
            return words.text("已退出，不再发课。进度还在，重新开课会接着发。")
        case Stage.CAUGHT_UP:
            return words.text("收录的都发完了。系列的新文章按你的订阅发来。")
        case _:
            assert_never(facts.stage)


def _stage(facts: CourseFacts, words: Words) -> str:
    match facts.stage:
        case Stage.RUNNING if facts.when is When.WEEKLY:
            return words.text("每{weekday} {at}", weekday=facts.weekday, at=facts.at)
        case Stage.RUNNING:
            return words.text("每天 {at}", at=facts.at)
        case Stage.PAUSED:
            return words.text("已暂停")
        case Stage.STOPPED:
            return words.text("已退出")
        case Stage.CAUGHT_UP:
            return words.text("已发完")
        case _:
            assert_never(facts.stage)


def _keys(facts: CourseFacts, words: Words) -> Row:
    scope = facts.scope.id
    match facts.stage:
        case Stage.RUNNING:
            return (
                press(words.text("下一课"), CourseNext(scope)),
                press(words.text("暂停课程"), CoursePause(scope)),
                press(words.text("退出课程"), CourseStop(scope)),
            )
        case Stage.PAUSED:
            return (
                press(words.text("继续课程"), CourseResume(scope)),
                press(words.text("退出课程"), CourseStop(scope)),
            )
        case Stage.STOPPED:
            return (press(words.text("重新开课"), CourseStart(scope, facts.when)),)
        case Stage.CAUGHT_UP:
            return ()
        case _:
            assert_never(facts.stage)

"""Views of courses (a series sent part by part) and of reading progress."""

from dataclasses import dataclass, replace
from typing import Final, assert_never

from bot.callbacks import actions
from bot.messages.elements import Page, Row, heading, item, items, label, paging, paragraph, press, usual
from bot.messages.i18n import Words
from bot.messages.notices import notice
from bot.messages.post_lists import bar
from bot.messages.scope_pages import Neighbour, continue_label
from bot.render.document import Block, Body, Button, Items, Message
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
    figures = [words.text("已发 {sent} / {of}", sent=facts.sent, of=facts.of)]
    if facts.read:
        figures.append(words.text("已读 {read}", read=facts.read))
    body: list[Block] = [
        heading(words.text("课程「{name}」", name=one_line(facts.scope.name))),
        paragraph(f"{bar(facts.sent, facts.of)} {' · '.join(figures)}"),
        paragraph(_state(facts, words)),
    ]
    if facts.gaps:
        episodes = words.join(facts.gaps)
        body.append(paragraph(words.text("◌ 第 {episodes} 篇未收录，跳过。", episodes=episodes)))
    rows: list[Row] = [_keys(facts, words)]
    if facts.next is not None and facts.read:
        go_on = continue_label(facts.next.episode, facts.read, words)
        rows.append((press(go_on, actions.ShowPost(facts.next.post)),))
    look: list[Button] = [press(words.text("系列"), actions.ShowScope(facts.scope.id))]
    if facts.stage is Stage.RUNNING:
        look.append(press(words.text("改时间"), actions.Options(actions.Setting.HOUR)))
    rows.append(tuple(look))
    return Message(body=tuple(body), keyboard=tuple(row for row in rows if row))


def course_offer(scope: Scope, of: int, words: Words) -> Message:
    """Return the choice of the rhythm, before a course starts; a series of one post has no course."""
    name = one_line(scope.name)
    if of < 2:
        text = words.text("「{name}」只收录了 {of} 篇，开不了课程。", name=name, of=of)
        return notice(text, press(words.text("系列"), actions.ShowScope(scope.id)))
    text = words.text(
        "「{name}」收录了 {of} 篇。课程从最早的一篇起，一次发一篇，发完自动订阅这个系列。多久一篇？",
        of=of,
        name=name,
    )
    daily = press(words.text("每天一篇"), actions.CourseStart(scope.id, When.DAILY))
    return notice(text, daily, press(words.text("每周一篇"), actions.CourseStart(scope.id, When.WEEKLY)))


def courses(every: tuple[CourseFacts, ...], words: Words) -> Message:
    """Return all courses of a chat, those under way first; without any, how one is started."""
    choose: Row = (press(words.text("选系列开课"), actions.SeriesIndex()),)
    if not every:
        text = words.text("课程把一个系列从头一篇篇发给你，每天或每周一篇。选一个系列，再点「📖 开课」。")
        return notice(text, *choose)
    body: list[Block] = []
    done = [facts for facts in every if facts.stage is Stage.CAUGHT_UP]
    running = [facts for facts in every if facts.stage is not Stage.CAUGHT_UP]
    if running:
        body += [heading(words.text("课程")), _listed(running, words)]
    if done:
        body += [heading(words.text("已完成"), level=4 if running else 3), _listed(done, words)]
    rows = [_named_keys(facts, words) for facts in [*running, *done][:_BUTTON_ROWS]]
    if any(facts.stage is Stage.RUNNING for facts in running):
        choose = (*choose, press(words.text("改时间"), actions.Options(actions.Setting.HOUR)))
    return Message(body=tuple(body), keyboard=(*rows, choose))


def _listed(some: list[CourseFacts], words: Words) -> Items:
    lines = []
    for index, facts in enumerate(some, 1):
        sent = words.text("已发 {sent} / {of}", sent=facts.sent, of=facts.of)
        stage = _stage(facts, words)
        lines.append(item(f"{one_line(facts.scope.name)}  {sent} · {stage}", label=str(index)))
    return items(lines)


def _named_keys(facts: CourseFacts, words: Words) -> Row:
    look = press(label(facts.scope.name), actions.CourseOffer(facts.scope.id))
    return (look, *_keys(facts, words)[-2:])


def reading(page: Page[Progress], words: Words) -> Message:
    """Return how much of each begun series is read, with the button to its next unread part."""
    if not page.total:
        text = words.text("还没有标过「读过了」的文章。在文章下面点它，这里就会记下进度。")
        return notice(text, *usual(words, actions.SeriesIndex()))
    lines = (
        item(f"{one_line(each.scope.name)}\n{_progress(each, words)}", label=str(index))
        for index, each in page.numbered()
    )
    body = (heading(words.text("阅读进度")), items(lines))
    rows = tuple(_progress_keys(each, words) for each in page.items)
    return Message(body=body, keyboard=(*rows, *paging(page, actions.Reading)))


def _progress(each: Progress, words: Words) -> str:
    text = words.text("已读 {read} / {of}", read=each.read, of=each.known)
    if each.have < each.known:
        text += words.text("（收录 {have} 篇）", have=each.have)
    return f"{bar(each.read, each.known, 8)} {text}"


def _progress_keys(each: Progress, words: Words) -> Row:
    name = press(label(each.scope.name), actions.ShowScope(each.scope.id))
    if each.next is None:
        return (name,)
    return (
        name,
        press(continue_label(each.next.episode, each.read, words), actions.ShowPost(each.next.post)),
    )


def lesson_line(facts: CourseFacts, gap: str | None, words: Words) -> str:
    """Return the line above a lesson's card; `gap` are the episodes just skipped."""
    text = words.text("课程 · 第 {sent} / {of} 课", sent=facts.sent, of=facts.of)
    return text if gap is None else text + words.text("（◌ 第 {episodes} 篇未收录）", episodes=gap)


def lesson(shown: Message, facts: CourseFacts, gap: str | None, words: Words) -> Message:
    """Return the card `shown` as a lesson, with the buttons of its course."""
    body: Body = (paragraph(lesson_line(facts, gap, words)), *shown.body)
    if facts.stage is Stage.CAUGHT_UP:
        body = (*body, paragraph(words.text("这是最后一课。系列的新文章按你的订阅发来。")))
    keys = _keys(facts, words)
    return replace(shown, body=body, keyboard=(*((keys,) if keys else ()), *shown.keyboard))


def _state(facts: CourseFacts, words: Words) -> str:
    day, at, zone = facts.weekday, facts.at, facts.zone
    daily = words.text("每天 {at} 发一篇（{zone}），发完自动订阅这个系列。", at=at, zone=zone)
    weekly = words.text(
        "每{weekday} {at} 发一篇（{zone}），发完自动订阅这个系列。", weekday=day, at=at, zone=zone
    )
    return {
        Stage.RUNNING: weekly if facts.when is When.WEEKLY else daily,
        Stage.PAUSED: words.text("已暂停，随时可以继续。"),
        Stage.STOPPED: words.text("已退出，不再发课。进度还在，重新开课会接着发。"),
        Stage.CAUGHT_UP: words.text("收录的都发完了。系列的新文章按你的订阅发来。"),
    }[facts.stage]


def _stage(facts: CourseFacts, words: Words) -> str:
    daily = words.text("每天 {at}", at=facts.at)
    weekly = words.text("每{weekday} {at}", weekday=facts.weekday, at=facts.at)
    return {
        Stage.RUNNING: weekly if facts.when is When.WEEKLY else daily,
        Stage.PAUSED: words.text("已暂停"),
        Stage.STOPPED: words.text("已退出"),
        Stage.CAUGHT_UP: words.text("已发完"),
    }[facts.stage]


def _keys(facts: CourseFacts, words: Words) -> Row:
    scope = facts.scope.id
    leave = press(words.text("退出课程"), actions.CourseStop(scope))
    match facts.stage:
        case Stage.RUNNING:
            following = press(words.text("下一课"), actions.CourseNext(scope))
            return (following, press(words.text("暂停课程"), actions.CoursePause(scope)), leave)
        case Stage.PAUSED:
            return (press(words.text("继续课程"), actions.CourseResume(scope)), leave)
        case Stage.STOPPED:
            return (press(words.text("重新开课"), actions.CourseStart(scope, facts.when)),)
        case Stage.CAUGHT_UP:
            return ()
        case _:
            assert_never(facts.stage)

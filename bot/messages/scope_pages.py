"""Views of series, tags and categories: indexes, pages of posts, ambiguous and unknown names.

A series is listed in the order of its episodes, with its gaps and the reader's progress.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from bot.callbacks import actions
from bot.messages.elements import (
    Page,
    Row,
    footer,
    heading,
    in_rows,
    item,
    label,
    link,
    paging,
    paragraph,
    press,
    usual,
)
from bot.messages.i18n import Words
from bot.messages.links import deep_link
from bot.messages.post_lists import Gap, Line, bar, entries, files_button, keys_of, listing
from bot.render.document import Block, Button, Inline, Item, Items, Message, Text
from bot.text_sanitizer import one_line
from storage.model import Counted, Scope, ScopeKind

_LISTED: Final = 12  # names in one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An episode that a button leads to."""

    post: int
    episode: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFacts:
    """A series: `have` of `known` episodes are stored, `read` of them by the reader; `next` is unread."""

    scope: Scope
    have: int
    known: int
    span: tuple[tuple[int, int], tuple[int, int]] | None = None  # (year, month) of the oldest and newest
    read: int = 0
    next: Neighbour | None = None
    subscribed: bool = False


def series_view(
    facts: SeriesFacts,
    page: Page[Line | Gap],
    words: Words,
    *,
    broader: bool = False,
    editable: bool = True,
    bot: str | None = None,
) -> Message:
    """Return one series with its episodes in order and its gaps.

    `broader`: other scopes are subscribed; `editable`: the person may change the subscriptions of the chat.
    """
    head = [one_line(facts.scope.name), words.count("{n} 篇", facts.known)]
    if facts.span is not None:
        head.append(span_text(facts.span, words))
    body: list[Block] = [heading(" · ".join(head))]
    if facts.read:
        progress = words.text("已读 {read} / {of}", read=facts.read, of=facts.known)
        body.append(paragraph(f"{bar(facts.read, facts.known)} {progress}"))
    if facts.have < facts.known:
        stored = words.text("共 {known} 篇，收录 {have} 篇。", known=facts.known, have=facts.have)
        body.append(paragraph(stored))
    body.append(entries(page, words, bot))
    scope = facts.scope.id
    first: list[Button] = []
    if facts.next is not None:
        go_on = continue_label(facts.next.episode, facts.read, words)
        first.append(press(go_on, actions.ShowPost(facts.next.post)))
    if facts.have > 1 and editable:
        first.append(press(words.text("📖 开课"), actions.CourseOffer(scope)))
    last = _subscription(facts.scope, words.text("🔔 订阅系列"), facts.subscribed, broader, words)
    rows = (
        *keys_of(page, bot),
        *paging(page, lambda number: actions.ShowScope(scope, number)),
        tuple(first),
        last if editable else (),
        (
            press(words.text("‹ 所有系列"), actions.SeriesIndex()),
            files_button(actions.ListKind.SCOPE, scope, words),
        ),
    )
    return Message(body=tuple(body), keyboard=tuple(row for row in rows if row))


def continue_label(episode: int | None, read: int, words: Words) -> str:
    """Return the label of the button to the next unread episode."""
    if episode is None:
        return words.text("接着读") if read else words.text("开始读")
    if read:
        return words.text("接着读 第 {episode} 篇", episode=episode)
    return words.text("从第 {episode} 篇读起", episode=episode)


def scope_view(
    scope: Scope,
    page: Page[Line],
    words: Words,
    *,
    subscribed: bool = False,
    broader: bool = False,
    editable: bool = True,
    inferred: int = 0,
    bot: str | None = None,
) -> Message:
    """Return the posts of a tag or a category, newest first; `inferred` of them have the tag inferred."""
    sign = "" if scope.kind is not ScopeKind.TAG else "≈" if inferred == page.total else "#"
    title = f"{sign}{one_line(scope.name)} · {words.count('{n} 篇', page.total)}"
    last: list[Button] = []
    if editable:
        last += _subscription(scope, words.text("🔔 订阅"), subscribed, broader, words)
    if scope.kind is ScopeKind.TAG:
        last.append(press(words.text("‹ 所有标签"), actions.TagIndex()))
    last.append(files_button(actions.ListKind.SCOPE, scope.id, words))
    view = listing(
        title, page, words, bot, lambda number: actions.ShowScope(scope.id, number), (tuple(last),)
    )
    if not inferred:
        return view
    return replace(view, body=(*view.body, footer(inferred_note(words))))


def inferred_note(words: Words) -> str:
    """Return the meaning of the sign ≈."""
    return words.text("≈ 是机器人按标题推断的标签。")


def span_text(span: tuple[tuple[int, int], tuple[int, int]], words: Words) -> str:
    """Return 2022-06 至 2026-05; one month if both are the same."""
    first, last = (words.month(*month) for month in span)
    return first if first == last else words.text("{first} 至 {last}", first=first, last=last)


def _subscription(scope: Scope, offer: str, subscribed: bool, broader: bool, words: Words) -> Row:
    """Return the button to subscribe or not, and to mute where another subscription brings its posts."""
    if subscribed:
        return (press(words.text("🔕 退订"), actions.Unsubscribe(scope.id)),)
    mute = (press(words.text("🔕 屏蔽"), actions.Mute(scope.id)),) if broader else ()
    return (press(offer, actions.Subscribe(scope.id)), *mute)


def scope_name(scope: Scope, words: Words) -> str:
    """Return kind and name, for a sentence or a list: 系列「生成扩散模型漫谈」."""
    name = one_line(scope.name)
    return {
        ScopeKind.EVERYTHING: words.text("全部文章"),
        ScopeKind.SERIES: words.text("系列「{name}」", name=name),
        ScopeKind.TAG: words.text("标签「{name}」", name=name),
        ScopeKind.CATEGORY: words.text("分类「{name}」", name=name),
        ScopeKind.WORD: words.text("关键词「{name}」", name=name),
    }[scope.kind]


def scope_names(scopes: Sequence[Scope], words: Words) -> str:
    """Return the first names of a list, for one sentence."""
    names = words.join([scope_name(scope, words) for scope in scopes[:_LISTED]])
    return names + " …" if len(scopes) > _LISTED else names


def scope_label(scope: Scope, words: Words) -> str:
    """Return the shortest name, for a button: #扩散."""
    if scope.kind is ScopeKind.EVERYTHING:
        return words.text("全部文章")
    return ("#" if scope.kind is ScopeKind.TAG else "") + one_line(scope.name)


class Asked(Enum):
    """Kind of the name that was asked for."""

    SERIES = "series"
    TAG = "tag"
    CATEGORY = "category"
    ANY = "any"


def series_index(page: Page[SeriesFacts], words: Words, *, bot: str | None = None) -> Message:
    """Return all series, each with the number of stored posts."""
    lines = tuple(item(*_of_series(facts, words, bot), label=str(index)) for index, facts in page.numbered())
    scopes = [facts.scope for facts in page.items]
    return _index(words.count("{n} 个系列", page.total), lines, scopes, paging(page, actions.SeriesIndex))


def tag_index(page: Page[Counted], words: Words, *, bot: str | None = None) -> Message:
    """Return all tags, the commonest first."""
    return _names(words.count("{n} 个标签", page.total), page, actions.TagIndex, words, bot)


def category_index(page: Page[Counted], words: Words, *, bot: str | None = None) -> Message:
    """Return all categories."""
    return _names(words.count("{n} 个分类", page.total), page, actions.CategoryIndex, words, bot)


def choices(
    name: str,
    found: tuple[Counted, ...],
    words: Words,
    to: Callable[[int], actions.Action] = actions.ShowScope,
) -> Message:
    """Return the several names that fit what was typed; a button is the action `to` of its scope."""
    said = words.text("「{name}」可以是：", name=one_line(name))
    keys = (
        press(f"{label(scope_label(counted.scope, words), 32)} · {words.number(counted.posts)}",
              to(counted.scope.id))
        for counted in found
    )  # fmt: skip
    return Message(body=(paragraph(said),), keyboard=in_rows(keys, 1))


def unknown_name(asked: Asked, name: str, nearest: tuple[Scope, ...], words: Words) -> Message:
    """Return that there is no such name, with similar ones as buttons."""
    hint = words.text("你是不是要找：") if nearest else words.text("换个说法试试，或者搜索文章。")
    if asked is Asked.ANY:
        hint = words.sentences(
            words.text("按词订阅这样写：/subscribe 关键词 {name}。", name=label(name, 64)), hint
        )
    said = words.sentences(_unknown(asked, label(name, 64), words), hint)
    keys = _scope_keys(nearest, words)
    return Message(body=(paragraph(said),), keyboard=(*keys, usual(words, actions.AskSearch())))


def nothing_found(phrase: str, nearest: tuple[Scope, ...], words: Words) -> Message:
    """Return that a search has no result, with similar series and tags as buttons."""
    hint = words.text("也许是：") if nearest else words.text("少用几个词，或者换个说法。")
    typed = label(phrase.removesuffix(" by:date"), 64)  # which /latest adds
    said = words.sentences(words.text("没有找到「{phrase}」。", phrase=typed), hint)
    keys = _scope_keys(nearest, words)
    browse = usual(words, actions.Latest(), actions.SeriesIndex())
    return Message(body=(paragraph(said),), keyboard=(*keys, browse))


def _scope_keys(scopes: Sequence[Scope], words: Words) -> tuple[Row, ...]:
    keys = (press(label(scope_label(scope, words)), actions.ShowScope(scope.id)) for scope in scopes)
    return in_rows(keys, 2)


def _unknown(asked: Asked, name: str, words: Words) -> str:
    return {
        Asked.SERIES: words.text("没有叫「{name}」的系列。", name=name),
        Asked.TAG: words.text("没有叫「{name}」的标签。", name=name),
        Asked.CATEGORY: words.text("没有叫「{name}」的分类。", name=name),
        Asked.ANY: words.text("没有叫「{name}」的系列、标签或分类。", name=name),
    }[asked]


def _of_series(facts: SeriesFacts, words: Words, bot: str | None) -> tuple[Inline, str]:
    if facts.have >= facts.known:
        figures = words.count("{n} 篇", facts.known)
    else:
        figures = words.text("{n} 篇，收录 {have} 篇", n=facts.known, have=facts.have)
    span = None if facts.span is None else span_text(facts.span, words)
    return linked_name(facts.scope, bot), "\n" + " · ".join(filter(None, (figures, span)))


def _names(
    head: str, page: Page[Counted], to: Callable[[int], actions.Action], words: Words, bot: str | None
) -> Message:
    lines = tuple(
        item(linked_name(each.scope, bot), f"  {words.count('{n} 篇', each.posts)}", label=str(index))
        for index, each in page.numbered()
    )
    return _index(head, lines, [each.scope for each in page.items], paging(page, to))


def _index(head: str, lines: tuple[Item, ...], scopes: Sequence[Scope], pages: tuple[Row, ...]) -> Message:
    keys = in_rows((press(label(scope.name), actions.ShowScope(scope.id)) for scope in scopes), 2)
    return Message(body=(heading(head), Items(lines)), keyboard=(*keys, *pages))


def linked_name(scope: Scope, bot: str | None) -> Inline:
    """Return the name of a scope as the link to its posts; without the bot's username the name alone."""
    name = one_line(scope.name)
    address = deep_link(bot, actions.ShowScope(scope.id))
    return link(address, name) if address else Text(name)

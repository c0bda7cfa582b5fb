"""Views of series, tags and categories: indexes, pages of posts, ambiguous and unknown names.

A series is listed in the order of its episodes, with its gaps and the reader's progress.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, assert_never

from bot.callbacks.actions import (
    Action,
    AskSearch,
    CategoryIndex,
    CourseOffer,
    Latest,
    ListKind,
    Mute,
    SeriesIndex,
    ShowPost,
    ShowScope,
    Subscribe,
    TagIndex,
    Unsubscribe,
)
from bot.messages.i18n import Words
from bot.messages.keyboards import Page, T, in_rows, label, paging, press
from bot.messages.links import deep_link
from bot.messages.post_lists import Gap, Line, bar, entries, files_button, keys_of, listing
from bot.render.document import (
    Block,
    Button,
    Footer,
    Heading,
    Inline,
    Item,
    Items,
    Link,
    Message,
    Paragraph,
    Text,
)
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
    body: list[Block] = [Heading((Text(" · ".join(head)),))]
    if facts.read:
        progress = words.text("已读 {read} / {of}", read=facts.read, of=facts.known)
        body.append(Paragraph((Text(f"{bar(facts.read, facts.known)} {progress}"),)))
    if facts.have < facts.known:
        stored = words.text("共 {known} 篇，收录 {have} 篇。", known=facts.known, have=facts.have)
        body.append(Paragraph((Text(stored),)))
    body.append(entries(page, words, bot))
    scope = facts.scope.id
    first: list[Button] = []
    if facts.next is not None:
        first.append(press(continue_label(facts.next.episode, facts.read, words), ShowPost(facts.next.post)))
    if facts.have > 1 and editable:
        first.append(press(words.text("📖 开课"), CourseOffer(scope)))
    last: tuple[Button, ...] = ()
    if editable:
        last = (
            _subscription(facts.scope, words.text("🔔 订阅系列"), facts.subscribed, words),
            *_mute(facts.scope, facts.subscribed, broader, words),
        )
    rows = (
        *keys_of(page, bot),
        *paging(page, lambda number: ShowScope(scope, number)),
        *((tuple(first),) if first else ()),
        *((last,) if last else ()),
        (press(words.text("‹ 所有系列"), SeriesIndex()), files_button(ListKind.SCOPE, scope, words)),
    )
    return Message(body=tuple(body), keyboard=rows)


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
        last = [
            _subscription(scope, words.text("🔔 订阅"), subscribed, words),
            *_mute(scope, subscribed, broader, words),
        ]
    if scope.kind is ScopeKind.TAG:
        last.append(press(words.text("‹ 所有标签"), TagIndex()))
    last.append(files_button(ListKind.SCOPE, scope.id, words))
    view = listing(title, page, words, bot, lambda number: ShowScope(scope.id, number), (tuple(last),))
    if not inferred:
        return view
    note = Footer((Text(inferred_note(words)),))
    return replace(view, body=(*view.body, note))


def inferred_note(words: Words) -> str:
    """Return the meaning of the sign ≈."""
    return words.text("≈ 是机器人按标题推断的标签。")


def span_text(span: tuple[tuple[int, int], tuple[int, int]], words: Words) -> str:
    """Return 2022-06 至 2026-05; one month if both are the same."""
    first, last = (words.month(*month) for month in span)
    return first if first == last else words.text("{first} 至 {last}", first=first, last=last)


def _subscription(scope: Scope, offer: str, subscribed: bool, words: Words) -> Button:
    return (
        press(words.text("🔕 退订"), Unsubscribe(scope.id))
        if subscribed
        else press(offer, Subscribe(scope.id))
    )


def _mute(scope: Scope, subscribed: bool, broader: bool, words: Words) -> tuple[Button, ...]:
    """Return a mute button where another subscription could bring the scope's posts."""
    return (press(words.text("🔕 屏蔽"), Mute(scope.id)),) if broader and not subscribed else ()


def scope_name(scope: Scope, words: Words) -> str:
    """Return kind and name, for a sentence or a list: 系列「生成扩散模型漫谈」."""
    name = one_line(scope.name)
    match scope.kind:
        case ScopeKind.EVERYTHING:
            return words.text("全部文章")
        case ScopeKind.SERIES:
            return words.text("系列「{name}」", name=name)
        case ScopeKind.TAG:
            return words.text("标签「{name}」", name=name)
        case ScopeKind.CATEGORY:
            return words.text("分类「{name}」", name=name)
        case ScopeKind.WORD:
            return words.text("关键词「{name}」", name=name)
        case _:
            assert_never(scope.kind)


def scope_names(scopes: Sequence[Scope], words: Words) -> str:
    """Return the first names of a list, for one sentence."""
    names = words.join([scope_name(scope, words) for scope in scopes[:_LISTED]])
    return names + " …" if len(scopes) > _LISTED else names


def scope_label(scope: Scope, words: Words) -> str:
    """Return the shortest name, for a button: #扩散."""
    match scope.kind:
        case ScopeKind.EVERYTHING:
            return words.text("全部文章")
        case ScopeKind.TAG:
            return f"#{one_line(scope.name)}"
        case ScopeKind.SERIES | ScopeKind.CATEGORY | ScopeKind.WORD:
            return one_line(scope.name)
        case _:
            assert_never(scope.kind)


class Asked(Enum):
    """Kind of the name that was asked for."""

    SERIES = "series"
    TAG = "tag"
    CATEGORY = "category"
    ANY = "any"


def series_index(page: Page[SeriesFacts], words: Words, *, bot: str | None = None) -> Message:
    """Return all series, each with the number of stored posts."""
    items = tuple(_series_item(facts, index, words, bot) for index, facts in _numbered(page))
    head = words.count("{n} 个系列", page.total)
    keys = in_rows((press(label(facts.scope.name), ShowScope(facts.scope.id)) for facts in page.items), 2)
    return Message(body=(Heading((Text(head),)), Items(items)), keyboard=(*keys, *paging(page, SeriesIndex)))


def tag_index(page: Page[Counted], words: Words, *, bot: str | None = None) -> Message:
    """Return all tags, the commonest first."""
    return _names(words.count("{n} 个标签", page.total), page, TagIndex, words, bot)


def category_index(page: Page[Counted], words: Words, *, bot: str | None = None) -> Message:
    """Return all categories."""
    return _names(words.count("{n} 个分类", page.total), page, CategoryIndex, words, bot)


def choices(
    name: str,
    found: tuple[Counted, ...],
    words: Words,
    to: Callable[[int], Action] = ShowScope,
) -> Message:
    """Return the several names that fit what was typed; a button is the action `to` of its scope."""
    said = words.text("「{name}」可以是：", name=one_line(name))
    keys = (
        press(f"{label(scope_label(counted.scope, words), 32)} · {words.number(counted.posts)}",
              to(counted.scope.id))
        for counted in found
    )  # fmt: skip
    return Message(body=(Paragraph((Text(said),)),), keyboard=in_rows(keys, 1))


def unknown_name(asked: Asked, name: str, nearest: tuple[Scope, ...], words: Words) -> Message:
    """Return that there is no such name, with similar ones as buttons."""
    hint = words.text("你是不是要找：") if nearest else words.text("换个说法试试，或者搜索文章。")
    if asked is Asked.ANY:
        hint = words.sentences(
            words.text("按词订阅这样写：/subscribe 关键词 {name}。", name=label(name, 64)), hint
        )
    said = words.sentences(_unknown(asked, label(name, 64), words), hint)
    keys = in_rows((press(label(scope_label(s, words)), ShowScope(s.id)) for s in nearest), 2)
    return Message(
        body=(Paragraph((Text(said),)),), keyboard=(*keys, (press(words.text("搜索文章"), AskSearch()),))
    )


def nothing_found(phrase: str, nearest: tuple[Scope, ...], words: Words) -> Message:
    """Return that a search has no result, with similar series and tags as buttons."""
    hint = words.text("也许是：") if nearest else words.text("少用几个词，或者换个说法。")
    said = words.sentences(words.text("没有找到「{phrase}」。", phrase=label(phrase, 64)), hint)
    keys = in_rows((press(label(scope_label(s, words)), ShowScope(s.id)) for s in nearest), 2)
    browse = (press(words.text("最近文章"), Latest()), press(words.text("按系列"), SeriesIndex()))
    return Message(body=(Paragraph((Text(said),)),), keyboard=(*keys, browse))


def _unknown(asked: Asked, name: str, words: Words) -> str:
    match asked:
        case Asked.SERIES:
            return words.text("没有叫「{name}」的系列。", name=name)
        case Asked.TAG:
            return words.text("没有叫「{name}」的标签。", name=name)
        case Asked.CATEGORY:
            return words.text("没有叫「{name}」的分类。", name=name)
        case Asked.ANY:
            return words.text("没有叫「{name}」的系列、标签或分类。", name=name)
        case _:
            assert_never(asked)


def _series_item(facts: SeriesFacts, index: int, words: Words, bot: str | None) -> Item:
    complete = facts.have >= facts.known
    figures = (
        words.count("{n} 篇", facts.known)
        if complete
        else words.text("{n} 篇，收录 {have} 篇", n=facts.known, have=facts.have)
    )
    parts = [figures]
    if facts.span is not None:
        parts.append(span_text(facts.span, words))
    name = _linked(facts.scope, bot)
    return Item((name, Text("\n" + " · ".join(parts))), label=str(index))


def _names(
    head: str, page: Page[Counted], to: Callable[[int], Action], words: Words, bot: str | None
) -> Message:
    items = tuple(
        Item(
            (_linked(counted.scope, bot), Text(f"  {words.count('{n} 篇', counted.posts)}")), label=str(index)
        )
        for index, counted in _numbered(page)
    )
    body: tuple[Block, ...] = (Heading((Text(head),)), Items(items))
    keys = in_rows((press(label(c.scope.name), ShowScope(c.scope.id)) for c in page.items), 2)
    return Message(body=body, keyboard=(*keys, *paging(page, to)))


def _linked(scope: Scope, bot: str | None) -> Inline:
    name = Text(one_line(scope.name))
    address = deep_link(bot, ShowScope(scope.id))
    return Link(address, (name,)) if address else name


def _numbered(page: Page[T]) -> "enumerate[T]":
    return enumerate(page.items, page.before + 1)

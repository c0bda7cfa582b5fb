"""Lists of posts: eight lines a page, one hand for all of them.

A line's title opens the card by a deep link; where the bot's username is not known, numbered buttons do.
Which posts a list holds is decided elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.messages.actions import Action
from bot.messages.actions.browsing import Archive, Hot, Latest, SearchPage, SeriesIndex, ShowScope, TagIndex
from bot.messages.actions.courses import CourseStart
from bot.messages.actions.posts import Related, Saved, ShowPost
from bot.messages.actions.subscriptions import Mute, Subscribe, Unsubscribe
from bot.messages.buttons import PER_PAGE, Page, Row, in_rows, paging, press
from bot.messages.characters import one_line
from bot.messages.document import (
    Block,
    Bold,
    Button,
    Heading,
    Inline,
    Item,
    Items,
    Keyboard,
    Link,
    Message,
    Paragraph,
    Text,
)
from bot.messages.links import deep_link, post_url
from bot.messages.words import Words
from storage.model import Post, Scope, ScopeKind

_BAR: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A post in a list. `title` is how it is called there: within its series, without the series' name.

    `label` stands before it in place of its number in the list; `note` in place of date and readers.
    """

    post: Post
    title: str
    label: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """An episode that is known to exist and is not stored; its title where a post mentions it."""

    episode: int
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFacts:
    """A series: `have` of `known` episodes are stored; `first` is the post to begin with."""

    scope: Scope
    have: int
    known: int
    span: tuple[tuple[int, int], tuple[int, int]] | None = None  # (year, month) of the oldest and newest
    first: int | None = None
    subscribed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of text; `hit` where it is what was searched for."""

    text: str
    hit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A search result: the title and a line of context with the words marked. No context: () ."""

    post: Post
    title: tuple[Span, ...]
    context: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    post: Post
    readers: int


def series_view(
    facts: SeriesFacts, page: Page[Line | Gap], words: Words, *, bot: str | None = None
) -> Message:
    """One series with its episodes in order and its gaps."""
    head = [one_line(facts.scope.name), words.count("{n} 篇", facts.known)]
    if facts.span is not None:
        head.append(span_text(facts.span, words))
    body: list[Block] = [Heading((Text(" · ".join(head)),))]
    stored = words.count("已收录 {n} 篇", facts.have)
    body.append(Paragraph((Text(f"{bar(facts.have, facts.known)} {stored}"),)))
    body.append(_items(page, words, bot))
    scope = facts.scope.id
    last: list[Button] = [_subscription(facts.scope, words.say("🔔 订阅系列"), facts.subscribed, words)]
    if facts.first is not None:
        last.append(press(words.say("从头读"), ShowPost(facts.first)))
    if facts.have > 1:
        last.append(press(words.say("每天一篇"), CourseStart(scope)))
    rows = (*_numbers(page, bot), *paging(page, lambda number: ShowScope(scope, number)), tuple(last))
    away = (press(words.say("‹ 所有系列"), SeriesIndex()), *_mute(facts.scope, facts.subscribed, words))
    return Message(body=tuple(body), keyboard=(*rows, away))


def scope_view(
    scope: Scope, page: Page[Line], words: Words, *, subscribed: bool = False, bot: str | None = None
) -> Message:
    """The posts of a tag or a category, newest first."""
    sign = "#" if scope.kind is ScopeKind.TAG else ""
    title = f"{sign}{one_line(scope.name)} · {words.count('{n} 篇', page.total)}"
    last = [_subscription(scope, words.say("🔔 订阅"), subscribed, words), *_mute(scope, subscribed, words)]
    if scope.kind is ScopeKind.TAG:
        last.append(press(words.say("‹ 所有标签"), TagIndex()))
    return _listing(title, page, words, bot, lambda number: ShowScope(scope.id, number), (tuple(last),))


def latest(page: Page[Line], words: Words, *, bot: str | None = None) -> Message:
    """The newest posts."""
    title = words.count("最近的文章 · 共 {n} 篇", page.total)
    return _listing(title, page, words, bot, Latest)


def saved(page: Page[Line], words: Words, *, bot: str | None = None) -> Message:
    """The posts a reader has saved, the last one first."""
    if not page.total:
        return Message(
            body=(Paragraph((Text(words.say("还没有收藏。看文章时点「☆ 收藏」，就会出现在这里。")),)),)
        )
    return _listing(words.count("收藏 · {n} 篇", page.total), page, words, bot, Saved)


def related(post: Post, page: Page[Line], words: Words, *, bot: str | None = None) -> Message:
    """What a post cites, what cites it and its neighbours; each line's note says which."""
    title = words.say("与《{title}》相关", title=one_line(post.title))
    back = ((press(words.say("‹ 回到文章"), ShowPost(post.id)),),)
    return _listing(title, page, words, bot, lambda number: Related(post.id, number), back)


def search_results(
    phrase: str, number: int, page: Page[Found], words: Words, *, bot: str | None = None
) -> Message:
    """What was found for `phrase`, kept under `number`; the words are bold, in their context."""
    title = words.count("「{phrase}」 · {n} 篇", page.total, phrase=one_line(phrase))
    items: list[Item] = []
    for index, found in enumerate(page.items, page.before + 1):
        children: list[Inline] = [*_titled(found.post, _spans(found.title), bot)]
        if said := _dated(found.post, words):
            children.append(Text(f"  {said}"))
        if found.context:
            children += [Text("\n"), *_spans(found.context)]
        items.append(Item(tuple(children), label=str(index)))
    body: tuple[Block, ...] = (Heading((Text(title),)), Items(tuple(items)))
    keys = _number_keys([(str(i), f.post.id) for i, f in enumerate(page.items, page.before + 1)], bot)
    return Message(body=body, keyboard=(*keys, *paging(page, lambda at: SearchPage(number, at))))


def archive_years(years: tuple[tuple[int, int], ...], words: Words) -> Message:
    """All years with the number of their posts, newest first: a small chart, and a button for each."""
    most = max((posts for _, posts in years), default=1)
    lines = [
        Item((Text(f"{bar(posts, most, 10, filled_only=True)} {words.number(posts)}"),), label=str(year))
        for year, posts in years
    ]
    total = sum(posts for _, posts in years)
    head = words.count("归档 · {n} 篇", total)
    keys = in_rows((press(str(year), Archive(year)) for year, _ in years), 6)
    return Message(body=(Heading((Text(head),)), Items(tuple(lines))), keyboard=keys)


def archive_months(year: int, months: tuple[tuple[int, int], ...], words: Words) -> Message:
    """The months of a year that have posts."""
    most = max((posts for _, posts in months), default=1)
    lines = [
        Item(
            (Text(f"{bar(posts, most, 10, filled_only=True)} {words.number(posts)}"),),
            label=words.month_name(month),
        )
        for month, posts in months
    ]
    head = words.count("{year} 年 · {n} 篇", sum(posts for _, posts in months), year=str(year))
    keys = in_rows((press(words.month_name(month), Archive(year, month)) for month, _ in months), 4)
    body: tuple[Block, ...] = (Heading((Text(head),)), Items(tuple(lines)))
    return Message(body=body, keyboard=(*keys, (press(words.say("‹ 所有年份"), Archive()),)))


def archive_posts(
    year: int, month: int, page: Page[Line], words: Words, *, bot: str | None = None
) -> Message:
    """The posts of one month, oldest first."""
    title = f"{words.month(year, month)} · {words.count('{n} 篇', page.total)}"
    back = ((press(f"‹ {year}", Archive(year)),),)
    return _listing(title, page, words, bot, lambda number: Archive(year, month, number), back)


def hot(days: int, page: Page[Gain], words: Words, *, bot: str | None = None) -> Message:
    """What gained most readers in the `days` before the newest capture."""
    if not page.total:
        said = words.say("还看不出来：要有同一篇文章的两次抓取，才能比较读者的增长。")
        return Message(body=(Paragraph((Text(said),)),))
    lines = tuple(
        Line(
            post=gain.post,
            title=gain.post.title,
            note=f"+{words.number(gain.readers)} → {words.number(gain.post.readers or 0)}",
        )
        for gain in page.items
    )
    shown = Page(items=lines, number=page.number, of=page.of, total=page.total)
    return _listing(words.count("近 {n} 天读者增长最多", days), shown, words, bot, Hot)


def _listing(
    title: str,
    page: Page[Line],
    words: Words,
    bot: str | None,
    to: Callable[[int], Action],
    below: Keyboard = (),
) -> Message:
    body: tuple[Block, ...] = (Heading((Text(title),)), _items(page, words, bot))
    return Message(body=body, keyboard=(*_numbers(page, bot), *paging(page, to), *below))


def _items(page: Page[Line] | Page[Line | Gap], words: Words, bot: str | None) -> Items:
    items: list[Item] = []
    for index, line in enumerate(page.items, page.before + 1):
        if isinstance(line, Gap):
            title = f"{one_line(line.title)}  " if line.title else ""
            items.append(Item((Text(f"◌ {title}{words.say('未收录')}"),), label=str(line.episode)))
        else:
            after = line.note if line.note is not None else _dated(line.post, words)
            linked = _titled(line.post, (Text(one_line(line.title)),), bot)
            children = (*linked, Text(f"  {after}")) if after else linked
            items.append(Item(children, label=line.label or str(index)))
    return Items(tuple(items))


def _titled(post: Post, title: tuple[Inline, ...], bot: str | None) -> tuple[Inline, ...]:
    return (Link(deep_link(bot, ShowPost(post.id)) or post_url(post), title),)


def _dated(post: Post, words: Words) -> str:
    readers = words.short_number(post.readers) if post.readers is not None else None
    return " · ".join(part for part in (words.date_of(post), readers) if part)


def _spans(spans: tuple[Span, ...]) -> tuple[Inline, ...]:
    return tuple(Bold((Text(span.text),)) if span.hit else Text(span.text) for span in spans)


def _numbers(page: Page[Line] | Page[Line | Gap], bot: str | None) -> tuple[Row, ...]:
    labelled = [
        (line.label or str(index), line.post.id)
        for index, line in enumerate(page.items, page.before + 1)
        if isinstance(line, Line)
    ]
    return _number_keys(labelled, bot)


def _number_keys(labelled: Sequence[tuple[str, int]], bot: str | None) -> tuple[Row, ...]:
    """A button for each line, where a line cannot be a deep link."""
    if bot:
        return ()
    return in_rows((press(label, ShowPost(post)) for label, post in labelled), PER_PAGE)


def _subscription(scope: Scope, offer: str, subscribed: bool, words: Words) -> Button:
    return (
        press(words.say("🔕 退订"), Unsubscribe(scope.id))
        if subscribed
        else press(offer, Subscribe(scope.id))
    )


def _mute(scope: Scope, subscribed: bool, words: Words) -> tuple[Button, ...]:
    """What is subscribed can be unsubscribed; only the rest can be shut out."""
    return () if subscribed else (press(words.say("🔕 屏蔽"), Mute(scope.id)),)


def span_text(span: tuple[tuple[int, int], tuple[int, int]], words: Words) -> str:
    """2022-06 至 2026-05; one month where both are the same."""
    first, last = (words.month(*month) for month in span)
    return first if first == last else words.say("{first} 至 {last}", first=first, last=last)


def bar(have: int, of: int, cells: int = _BAR, *, filled_only: bool = False) -> str:
    """`have` of `of` as ▓▓▓░: full only if nothing lacks, begun if there is anything."""
    if of <= 0:
        return ""
    filled = min(cells, have * cells // of)
    if have > 0:
        filled = max(1, filled)
    return "▓" * filled + ("" if filled_only else "░" * (cells - filled))

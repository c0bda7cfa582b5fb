"""Views of digests: several new posts in one message, by series, then the rest by date.

Titles link to the posts on the blog.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, assert_never

from bot.callbacks.actions import Step
from bot.messages.elements import Page, heading, item, items, link, paging, press
from bot.messages.i18n import Words
from bot.messages.links import post_url
from bot.messages.post_lists import after
from bot.render.document import Block, Item, Message
from bot.text_sanitizer import one_line
from storage.model import Post

DAY: Final = dt.timedelta(days=1)
NOON: Final = 12


class Period(Enum):
    """Period of a digest."""

    DUMP = "dump"  # the posts of one dump
    DAY = "day"
    WEEK = "week"
    NIGHT = "night"  # the do-not-disturb hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A post in a digest, with its title as it is called within its series."""

    post: Post
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """`delivery` is stepped through post by post. The digest is due on `day` at `hour`, both local.

    `since` is the local day on which the first of its posts arrived; None if the period is as long as usual.
    """

    period: Period
    day: dt.date
    hour: int = 8
    since: dt.date | None = None
    entries: tuple[Entry, ...]
    delivery: int | None = None


def digest(facts: Digest, words: Words) -> Message:
    """Return all posts of `facts` as one message, which renderers split only if it is too long."""
    body: list[Block] = [heading(f"{_title(facts, words)} · {_span(facts, words)}")]
    groups, others = _grouped(facts.entries)
    for name, entries in groups:
        body += [heading(one_line(name), level=4), items(_item(entry, words) for entry in entries)]
    if others:
        if groups:
            body.append(heading(words.text("其他"), level=4))
        body.append(items(_item(entry, words) for entry in others))
    keys = ((press(words.text("逐篇看"), Step(facts.delivery, 0)),),) if facts.delivery is not None else ()
    return Message(body=tuple(body), keyboard=keys)


def stepping(card: Message, delivery: int, position: int, of: int) -> Message:
    """Return the card of post `position` of a digest, with buttons to the posts before and after it."""
    page: Page[Post] = Page(items=(), number=position, of=of, total=of)
    row = paging(page, lambda number: Step(delivery, number))
    return replace(card, keyboard=(*row, *card.keyboard))


def _title(facts: Digest, words: Words) -> str:
    n = len(facts.entries)
    if facts.period is Period.WEEK and (facts.since is None or facts.since >= facts.day - 7 * DAY):
        return words.count("一周新文 {n} 篇", n)
    if facts.period is Period.DUMP:
        return words.count("新收到 {n} 篇", n)
    if facts.period is Period.NIGHT:
        return words.count("免打扰期间的 {n} 篇", n)
    return words.count("新文章 {n} 篇", n)


def _span(facts: Digest, words: Words) -> str:
    """Return the days that the digest covers, more if posts waited for longer.

    One due before noon hardly reaches into its own day.
    """
    since = facts.since or facts.day
    match facts.period:
        case Period.DAY:
            return words.text("{day}起", day=words.day(min(since, facts.day - DAY)))
        case Period.WEEK:
            last = facts.day - DAY if facts.hour < NOON else facts.day
            return words.span(min(since, facts.day - 7 * DAY), last)
        case Period.DUMP | Period.NIGHT:
            return words.day(facts.day)
        case _:
            assert_never(facts.period)


def _grouped(
    entries: Iterable[Entry],
) -> tuple[list[tuple[str, list[Entry]]], list[Entry]]:
    """Return the series in the order of their first post, and the posts without a series."""
    series: dict[str, list[Entry]] = {}
    others: list[Entry] = []
    for entry in sorted(entries, key=_when):
        if entry.post.series is None:
            others.append(entry)
        else:
            series.setdefault(entry.post.series, []).append(entry)
    return [(name, sorted(those, key=_episode)) for name, those in series.items()], others


def _when(entry: Entry) -> tuple[dt.date, int]:
    return entry.post.date or dt.date.max, entry.post.id


def _episode(entry: Entry) -> tuple[int, dt.date, int]:
    return entry.post.episode or 0, *_when(entry)


def _item(entry: Entry, words: Words) -> Item:
    post = entry.post
    title = link(post_url(post, words.site), one_line(entry.title))
    numbered = post.series is not None and post.episode is not None
    return item(title, after(words.date_of(post)), label=str(post.episode) if numbered else "·")

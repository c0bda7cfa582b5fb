"""How the evidence on one post adds up: which title, date, excerpt and figures win, field by field.

Pure. `combine` gives the same post whatever the order in which its sightings come, but for counts over time:
every rule takes the greatest of something, and what that is travels with the post.
"""

import re
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from bot.titles import flatten, shown_title, title_key
from storage.model import Certainty, Layout, Post, PostId, Sighting

T = TypeVar("T", str, tuple[str, ...])

BEGINNING = 40  # characters of an excerpt's normal form that tell two posts apart
DESCRIPTION = 100  # a feed cuts its descriptions to this length, the three points included

# A feed's date is the server's; the page prints the author's own.
PRINTED = frozenset(set(Layout) - {Layout.FEED})


def post_from_sighting(sighting: Sighting, layout: Layout, captured_at: datetime) -> Post:
    """A post that only this sighting tells of."""
    return Post(
        id=PostId(0),
        title=sighting.title,
        title_key=title_key(sighting.title),
        date=sighting.date,
        month_day=sighting.month_day,
        date_certainty=Certainty.GIVEN if sighting.date else Certainty.GUESSED,
        readers=sighting.readers,
        readers_at=captured_at if sighting.readers is not None else None,
        comments=sighting.comments,
        category=sighting.category,
        tags=sighting.tags,
        inferred_tags=(),
        excerpt=sighting.excerpt or "",
        series=None,
        series_key=None,
        episode=None,
        style=None,
        archive_id=sighting.archive_id,
        first_seen_at=captured_at,
        title_at=captured_at,
        excerpt_at=captured_at if sighting.excerpt else None,
        date_layout=layout if sighting.date else None,
        category_at=captured_at if sighting.category is not None else None,
        tags_at=captured_at if sighting.tags is not None else None,
    )


def combine(post: Post, other: Post) -> Post:
    """`post` with all that `other`, the same post, tells of it; the very same object if that is nothing.

    What does not come from the blog (id, series, inferred tags, when it was first seen) stays that of `post`.
    """
    merged = _with_title(post, other)
    merged = _with_date(merged, other)
    merged = _with_excerpt(merged, other)
    merged = _with_counts(merged, other)
    category, category_at = _latest(post.category, post.category_at, other.category, other.category_at)
    tags, tags_at = _latest(post.tags, post.tags_at, other.tags, other.tags_at)
    merged = replace(
        merged,
        archive_id=post.archive_id if post.archive_id is not None else other.archive_id,
        category=category,
        category_at=category_at,
        tags=tags,
        tags_at=tags_at,
    )
    return post if merged == post else merged


def changed_visibly(before: Post, now: Post) -> bool:
    """Whether a reader would see the difference: another title or excerpt, not another spelling."""
    return before.title_key != now.title_key or _words(before.excerpt) != _words(now.excerpt)


def beginning(excerpt: str) -> str:
    """The normal form of an excerpt's first characters; empty where there are too few to tell posts apart."""
    start = _words(excerpt[: 4 * BEGINNING])[:BEGINNING]
    return start if len(start) == BEGINNING else ""


@lru_cache(maxsize=4096)
def _words(excerpt: str) -> str:
    return re.sub(r"\s+", "", flatten(excerpt))


def _with_title(post: Post, other: Post) -> Post:
    titles = dict(post.aliases)
    for key, title in (*other.aliases, (other.title_key, other.title), (post.title_key, post.title)):
        titles[key] = _best(titles[key], title) if key in titles else title
    key, at = post.title_key, post.title_at
    if _later((other.title_at, other.title_key), (at, key)):
        key, at = other.title_key, other.title_at
    title = titles.pop(key)
    aliases = tuple(sorted(titles.items()))
    return replace(post, title=title, title_key=key, title_at=at, aliases=aliases)


def _best(a: str, b: str) -> str:
    first, second = sorted((a, b))
    return shown_title(first, second)


def _later(a: tuple[datetime | None, str], b: tuple[datetime | None, str]) -> bool:
    """Whether `a` is the later evidence; for two from the same moment any rule will do that never changes."""
    return (a[0] is not None, *a) > (b[0] is not None, *b) if a[0] != b[0] else a[1] > b[1]


def _with_date(post: Post, other: Post) -> Post:
    days = [day for day in (post.month_day, other.month_day) if day is not None]
    post = replace(post, month_day=max(days, default=None))
    if other.date is None or other.date_certainty is not Certainty.GIVEN:
        return post
    given = post.date is not None and post.date_certainty is Certainty.GIVEN
    # Two printed dates differ only where the author moved the post: the later one was printed later.
    if (
        given
        and post.date
        and _date_rank(post.date_layout, post.date) >= _date_rank(other.date_layout, other.date)
    ):
        return post
    return replace(post, date=other.date, date_certainty=Certainty.GIVEN, date_layout=other.date_layout)


def _date_rank(layout: Layout | None, day: object) -> tuple[bool, str, str]:
    return layout in PRINTED, str(day), str(layout or "")


def _with_excerpt(post: Post, other: Post) -> Post:
    mine, theirs = _words(post.excerpt), _words(other.excerpt)
    if not theirs:
        return post
    if mine == theirs:
        best = max(post.excerpt, other.excerpt, key=_width)
        at = max(filter(None, (post.excerpt_at, other.excerpt_at)), default=None)
        return replace(post, excerpt=best, excerpt_at=at)
    if _better(other, theirs, post, mine):
        return replace(post, excerpt=other.excerpt, excerpt_at=other.excerpt_at)
    return post


def _better(one: Post, one_words: str, two: Post, two_words: str) -> bool:
    """A whole excerpt before one that a feed cut, the longer before its own beginning, else the later one."""
    if not two_words or is_description(one.excerpt) != is_description(two.excerpt):
        return is_description(two.excerpt) or not two_words
    if one_words.startswith(two_words) or two_words.startswith(one_words):
        return len(one_words) > len(two_words)
    return _later((one.excerpt_at, one_words), (two.excerpt_at, two_words))


def is_description(excerpt: str) -> bool:
    """Whether this looks like a feed's description, which Typecho cuts at 97 characters."""
    return len(excerpt) <= DESCRIPTION and excerpt.endswith("...")


def _width(excerpt: str) -> tuple[int, str]:
    return sum("\uff01" <= sign <= "\uff5e" for sign in excerpt), excerpt


def _with_counts(post: Post, other: Post) -> Post:
    """Readers only ever grow, so the larger count is the later one, whatever a file's time says."""
    if other.readers is not None and other.readers > (-1 if post.readers is None else post.readers):
        post = replace(post, readers=other.readers, readers_at=other.readers_at)
    if other.comments is not None and other.comments > (-1 if post.comments is None else post.comments):
        post = replace(post, comments=other.comments)
    return post


def _latest(
    mine: T | None, mine_at: datetime | None, theirs: T | None, theirs_at: datetime | None
) -> tuple[T | None, datetime | None]:
    if theirs is None:
        return mine, mine_at
    if mine is None or _later((theirs_at, repr(theirs)), (mine_at, repr(mine))):
        return theirs, theirs_at
    return mine, mine_at

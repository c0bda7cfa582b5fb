"""How one sighting changes what is known of a post: which evidence wins, field by field.

Pure. The rules give the same post whatever the order in which sightings arrive, but for counts over time.
"""

import re
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from bot.intake.titles import flatten, shown_title, title_key
from storage.model import Certainty, Layout, Post, PostId, Sighting

BEGINNING = 40  # characters of an excerpt's normal form that tell two posts apart

# A feed's date is the server's; the page prints the author's own.
PRINTED = frozenset(set(Layout) - {Layout.FEED})


def born(sighting: Sighting, layout: Layout, captured_at: datetime) -> Post:
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
    )


def absorb(post: Post, sighting: Sighting, layout: Layout, captured_at: datetime) -> Post:
    """The post with what this sighting adds; the very same object if it adds nothing."""
    merged = _with_title(post, sighting, captured_at)
    merged = _with_date(merged, sighting, layout)
    merged = _with_excerpt(merged, sighting, captured_at)
    merged = _with_counts(merged, sighting, captured_at)
    if sighting.archive_id is not None and merged.archive_id is None:
        merged = replace(merged, archive_id=sighting.archive_id)
    if sighting.category is not None and (merged.category is None or _newer(post, captured_at)):
        merged = replace(merged, category=sighting.category)
    if sighting.tags is not None and (merged.tags is None or _newer(post, captured_at)):
        merged = replace(merged, tags=sighting.tags)
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


def _newer(post: Post, captured_at: datetime) -> bool:
    return post.title_at is not None and captured_at >= post.title_at


def _with_title(post: Post, sighting: Sighting, captured_at: datetime) -> Post:
    key = title_key(sighting.title)
    if key == post.title_key:
        at = captured_at if post.title_at is None else max(post.title_at, captured_at)
        return replace(post, title=_best(post.title, sighting.title), title_at=at)
    aliases = dict(post.aliases)
    known = _best(aliases.get(key, sighting.title), sighting.title)
    if post.title_at is None or (captured_at, key) > (post.title_at, post.title_key):
        aliases.pop(key, None)
        aliases[post.title_key] = post.title
        post = replace(post, title=known, title_key=key, title_at=captured_at)
    else:
        aliases[key] = known
    return replace(post, aliases=tuple(sorted(aliases.items())))


def _best(a: str, b: str) -> str:
    first, second = sorted((a, b))
    return shown_title(first, second)


def _with_date(post: Post, sighting: Sighting, layout: Layout) -> Post:
    if sighting.month_day and post.month_day is None:
        post = replace(post, month_day=sighting.month_day)
    if sighting.date is None:
        return post
    given = post.date is not None and post.date_certainty is Certainty.GIVEN
    printed = layout in PRINTED
    known_printed = post.date_layout in PRINTED
    # Two printed dates differ only where the author moved the post: the later one was printed later.
    better = (printed, sighting.date) > (known_printed, post.date) if given and post.date else True
    if not better:
        return post
    return replace(post, date=sighting.date, date_certainty=Certainty.GIVEN, date_layout=layout)


def _with_excerpt(post: Post, sighting: Sighting, captured_at: datetime) -> Post:
    if not sighting.excerpt:
        return post
    mine, theirs = _words(post.excerpt), _words(sighting.excerpt)
    if mine == theirs:
        best = max(post.excerpt, sighting.excerpt, key=_width)
    elif _is_cut(mine, theirs):
        best = sighting.excerpt
    elif _is_cut(theirs, mine):
        best = post.excerpt
    elif post.excerpt_at is None or (captured_at, theirs) > (post.excerpt_at, mine):
        return replace(post, excerpt=sighting.excerpt, excerpt_at=captured_at)
    else:
        return post
    at = captured_at if post.excerpt_at is None else max(captured_at, post.excerpt_at)
    return replace(post, excerpt=best, excerpt_at=at)


def _is_cut(short: str, long: str) -> bool:
    """Whether `short` is `long` cut off, as a feed does it (with three points)."""
    return len(short) < len(long) and long.startswith(short.removesuffix("...").removesuffix("…"))


def _width(excerpt: str) -> tuple[int, str]:
    return sum("\uff01" <= sign <= "\uff5e" for sign in excerpt), excerpt


def _with_counts(post: Post, sighting: Sighting, captured_at: datetime) -> Post:
    """Readers only ever grow, so the larger count is the later one, whatever a file's time says."""
    if sighting.readers is not None and sighting.readers > (post.readers or -1):
        post = replace(post, readers=sighting.readers, readers_at=captured_at)
    if sighting.comments is not None and sighting.comments > (post.comments or -1):
        post = replace(post, comments=sighting.comments)
    return post

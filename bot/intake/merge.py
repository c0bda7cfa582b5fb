"""Merge of the evidence on one post: which title, date, excerpt and counts win, field by field.

Pure. Each rule takes the maximum of a rank that is stored with the field (its capture time and layout), so
`combine` gives the same post for sightings in any order, except for counts over time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from bot.latex.delimiters import SegmentKind, split_segments
from bot.titles import clean_title, compact, shown_title, title_key
from storage.model import Certainty, Layout, Note, NoteKind, Post, PostId, Sighting

T = TypeVar("T", str, tuple[str, ...])

BEGINNING = 40  # characters of an excerpt in normal form that distinguish two posts
LEAST = 20  # characters of an excerpt that is shorter than that, but whole
DESCRIPTION = 100  # a feed cuts its descriptions to this length, the three points included
DATED = ("title_at", "date_at", "month_day_at", "excerpt_at", "category_at", "tags_at")
JUST_BEFORE = timedelta(microseconds=1)  # the resolution of stored times

# The layouts that are rendered by the blog's own templates. A feed has its own escaping, dates and excerpts.
HTML = frozenset({Layout.LIST_PAGE, Layout.HOME_PAGE, Layout.POST_PAGE, Layout.ARCHIVE_PAGE})


def post_from_sighting(sighting: Sighting, layout: Layout, captured_at: datetime) -> Post:
    """Return a new post (id 0) with the evidence of one sighting."""
    title = clean_title(sighting.title)
    return Post(
        id=PostId(0),
        title=title,
        title_key=title_key(title),
        title_at=None if sighting.untitled else captured_at,
        title_layout=None if sighting.untitled else layout,
        date=sighting.date,
        date_certainty=Certainty.GIVEN if sighting.date else Certainty.GUESSED,
        date_at=captured_at if sighting.date else None,
        date_layout=layout if sighting.date else None,
        month_day=sighting.month_day,
        month_day_at=captured_at if sighting.month_day else None,
        readers=sighting.readers,
        readers_at=captured_at if sighting.readers is not None else None,
        comments=sighting.comments,
        category=sighting.category,
        category_at=captured_at if sighting.category is not None else None,
        tags=sighting.tags,
        tags_at=captured_at if sighting.tags is not None and not sighting.tags_partial else None,
        inferred_tags=(),
        excerpt=sighting.excerpt or "",
        excerpt_at=captured_at if sighting.excerpt else None,
        excerpt_layout=layout if sighting.excerpt else None,
        excerpt_partial=bool(sighting.excerpt) and sighting.excerpt_partial,
        series=None,
        series_key=None,
        episode=None,
        style=None,
        archive_id=sighting.archive_id,
        first_seen_at=captured_at,
    )


def with_stored_titles(
    seen: Sequence[Sighting], known: Sequence[Post]
) -> tuple[tuple[Sighting, ...], tuple[Note, ...]]:
    """Return the sightings, those without a title with the title of the stored post, and notes on the others.

    The stored post is the one with the same archive id, otherwise the only one with the same opening and
    without an archive id.
    """
    found: list[Sighting] = []
    notes: list[Note] = []
    for sighting in seen:
        if not sighting.untitled:
            found.append(sighting)
        elif (post := _stored(sighting, known)) is not None:
            first, _, rest = (sighting.excerpt or "").partition("\n")
            excerpt = rest.lstrip("\n") if title_key(first) == title_key(post.title) else sighting.excerpt
            found.append(replace(sighting, title=post.title, excerpt=excerpt or None))
        else:
            text = (
                f"archives/{sighting.archive_id}: a page without its title, of a post not known yet, skipped"
            )
            notes.append(Note(NoteKind.SKIPPED, text))
    return tuple(found), tuple(notes)


def _stored(sighting: Sighting, known: Sequence[Post]) -> Post | None:
    numbered = [post for post in known if post.archive_id == sighting.archive_id]
    if numbered or not (start := beginning(sighting.excerpt or "")):
        return next(iter(numbered), None)
    alike = [post for post in known if post.archive_id is None and beginning(post.excerpt) == start]
    return alike[0] if len(alike) == 1 else None


def combine(post: Post, other: Post) -> Post:
    """Return `post` with all evidence of `other`, the same post; the very same object if nothing changes.

    Fields that are not from the blog (id, series, inferred tags, first seen) stay those of `post`.
    """
    mine, theirs = _in_order_of_readers(post, other)
    merged = mine
    for rule in (_with_title, _with_date, _with_excerpt, _with_counts):
        merged = rule(merged, theirs)
    category, category_at = _latest(mine.category, mine.category_at, theirs.category, theirs.category_at)
    tags, tags_at = _all_tags(mine, theirs)
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
    """Return whether title or excerpt differ in more than spelling, escaping and blanks."""
    return title_key(before.title_key) != now.title_key or _words(before.excerpt) != _words(now.excerpt)


def beginning(excerpt: str) -> str:
    """Return the first `BEGINNING` characters of an excerpt in normal form; empty if it has under `LEAST`."""
    start = _words(excerpt[: 4 * BEGINNING])[:BEGINNING]
    return start if len(start) >= LEAST else ""


@lru_cache(maxsize=4096)
def _words(excerpt: str) -> str:
    return compact(excerpt)


def _in_order_of_readers(post: Post, other: Post) -> tuple[Post, Post]:
    """Date the capture with fewer readers before the one with more, whatever their files' times are.

    Readers only grow, so they order captures; a file's time may be that of a copy.
    """
    if post.readers is None or other.readers is None or post.readers == other.readers:
        return post, other
    if post.readers < other.readers:
        return _dated_before(post, other.readers_at), other
    return post, _dated_before(other, post.readers_at)


def _dated_before(post: Post, limit: datetime | None) -> Post:
    """Move the evidence that came with the readers of `post` before `limit`, if it is dated later."""
    seen = post.readers_at
    if limit is None or seen is None or seen < limit:
        return post
    at = limit - JUST_BEFORE
    moved: dict[str, Any] = {name: at for name in DATED if getattr(post, name) == seen}
    return replace(post, readers_at=at, **moved)


def _rank(layout: Layout | None) -> int:
    """Return how close a layout is to the author's text: feed, text capture (or unknown), page."""
    return 0 if layout is Layout.FEED else 2 if layout in HTML else 1


def _with_title(post: Post, other: Post) -> Post:
    titles: dict[str, str] = {}
    for key, title in (
        *post.aliases,
        *other.aliases,
        (other.title_key, other.title),
        (post.title_key, post.title),
    ):
        key = title_key(key)  # a stored key may be that of an earlier normal form
        titles[key] = _best(titles[key], title) if key in titles else title
    key, at, layout = title_key(post.title_key), post.title_at, post.title_layout
    later = _later((other.title_at, other.title_key), (at, key))
    if other.title_key == key:
        at, layout = (other.title_at, other.title_layout) if later else (at, layout)
    elif later and not _is_old_dispute(post, other):
        key, at, layout = other.title_key, other.title_at, other.title_layout
    title = titles.pop(key)
    return replace(
        post,
        title=title,
        title_key=key,
        title_at=at,
        title_layout=layout,
        aliases=tuple(sorted(titles.items())),
    )


def _is_old_dispute(post: Post, other: Post) -> bool:
    """Return whether `other` repeats an earlier title from another kind of source than the current title.

    Two sources that disagree would otherwise rename the post with every capture.
    """
    if post.title_layout is None or _rank(post.title_layout) == _rank(other.title_layout):
        return False
    return any(title_key(key) == other.title_key for key, _ in post.aliases)


def _best(a: str, b: str) -> str:
    first, second = sorted((a, b))
    return shown_title(first, second)


def _later(a: tuple[datetime | None, str], b: tuple[datetime | None, str]) -> bool:
    """Return whether `a` is the later evidence; equal times are ordered by text, to be deterministic."""
    return (a[0] is not None, *a) > (b[0] is not None, *b) if a[0] != b[0] else a[1] > b[1]


def _with_date(post: Post, other: Post) -> Post:
    mine, theirs = (post.month_day_at, post.month_day or ""), (other.month_day_at, other.month_day or "")
    if other.month_day is not None and (post.month_day is None or _later(theirs, mine)):
        post = replace(post, month_day=other.month_day, month_day_at=other.month_day_at)
    if other.date is None or other.date_certainty is not Certainty.GIVEN:
        return post
    is_given = post.date is not None and post.date_certainty is Certainty.GIVEN
    return _taking(post, other, _DATE) if not is_given or _better_date(other, post) else post


def _better_date(one: Post, two: Post) -> bool:
    """Return whether the date of `one` wins: a printed one over a feed's, then the later capture."""
    ranks = one.date_layout is not Layout.FEED, two.date_layout is not Layout.FEED
    if ranks[0] != ranks[1]:
        return ranks[0]
    return _later(
        (one.date_at, f"{one.date} {one.date_layout}"), (two.date_at, f"{two.date} {two.date_layout}")
    )


_DATE = ("date", "date_certainty", "date_layout", "date_at")
_EXCERPT = ("excerpt", "excerpt_at", "excerpt_layout", "excerpt_partial")


def _taking(post: Post, other: Post, names: tuple[str, ...]) -> Post:
    taken: dict[str, Any] = {name: getattr(other, name) for name in names}
    return replace(post, **taken)


def _with_excerpt(post: Post, other: Post) -> Post:
    mine, theirs = _words(post.excerpt), _words(other.excerpt)
    if not theirs:
        return post
    if mine == theirs:
        return replace(
            post,
            excerpt=max(post.excerpt, other.excerpt, key=_width),
            excerpt_at=max(filter(None, (post.excerpt_at, other.excerpt_at)), default=None),
            excerpt_layout=max(
                post.excerpt_layout, other.excerpt_layout, key=lambda each: (_rank(each), str(each))
            ),
            excerpt_partial=post.excerpt_partial and other.excerpt_partial,
        )
    return _taking(post, other, _EXCERPT) if _better_excerpt(other, theirs, post, mine) else post


def _better_excerpt(one: Post, one_words: str, two: Post, two_words: str) -> bool:
    """Return whether the excerpt of `one` wins: more complete, longer, closer source, later capture."""
    if (complete := _completeness(one)) != (other := _completeness(two)):
        return complete > other
    if one_words.startswith(two_words) or two_words.startswith(one_words):
        return len(one_words) > len(two_words)
    # The page of one may define the macros of its formulas, where that of the other shows only their names.
    is_same_prose = "\\" in one.excerpt and _prose(one.excerpt) == _prose(two.excerpt)
    if is_same_prose and (unshown := _unshown(one.excerpt)) != (other := _unshown(two.excerpt)):
        return unshown < other
    if (rank := _rank(one.excerpt_layout)) != (other := _rank(two.excerpt_layout)):
        return rank > other
    return _later((one.excerpt_at, one_words), (two.excerpt_at, two_words))


_MATHEMATICS = (SegmentKind.INLINE, SegmentKind.DISPLAY)


@lru_cache(maxsize=4096)
def _prose(excerpt: str) -> str:
    """Return the text between the formulas, in normal form."""
    return compact("".join(part.text for part in split_segments(excerpt) if part.kind is SegmentKind.TEXT))


@lru_cache(maxsize=4096)
def _unshown(excerpt: str) -> int:
    """Return the number of formulas that Telegram cannot show, as those with unknown macros."""
    from bot.latex.telegram_subset import safe_tex

    return sum(safe_tex(part.text) is None for part in split_segments(excerpt) if part.kind in _MATHEMATICS)


def _completeness(post: Post) -> int:
    """Return 3 for an excerpt with a known end, 2 for a partial one, 1 for a feed's description, or 0."""
    if not post.excerpt:
        return 0
    if is_description(post.excerpt):
        return 1
    return 2 if post.excerpt_partial else 3


def is_description(excerpt: str) -> bool:
    """Return whether this looks like a feed's description, which Typecho cuts at 97 characters."""
    return len(excerpt) <= DESCRIPTION and excerpt.endswith("...")


def _width(excerpt: str) -> tuple[int, str]:
    return sum("\uff01" <= sign <= "\uff5e" for sign in excerpt), excerpt


def _with_counts(post: Post, other: Post) -> Post:
    """Keep the larger counts: readers only grow, whatever a file's time is."""
    if other.readers is not None and other.readers > (-1 if post.readers is None else post.readers):
        post = replace(post, readers=other.readers, readers_at=other.readers_at)
    if other.comments is not None and other.comments > (-1 if post.comments is None else post.comments):
        post = replace(post, comments=other.comments)
    return post


def _all_tags(mine: Post, theirs: Post) -> tuple[tuple[str, ...] | None, datetime | None]:
    """Return the latest complete tags; without complete ones, all that tag pages have shown."""
    if mine.tags and theirs.tags and mine.tags_at is None and theirs.tags_at is None:
        return tuple(sorted({*mine.tags, *theirs.tags})), None
    return _latest(mine.tags, mine.tags_at, theirs.tags, theirs.tags_at)


def _latest(
    mine: T | None, mine_at: datetime | None, theirs: T | None, theirs_at: datetime | None
) -> tuple[T | None, datetime | None]:
    if theirs is None:
        return mine, mine_at
    if mine is None or _later((theirs_at, repr(theirs)), (mine_at, repr(mine))):
        return theirs, theirs_at
    return mine, mine_at


@dataclass(frozen=True, slots=True)
class Entry:
    """One post as it was stored (None for a new one) and as it is with this dump."""

    before: Post | None
    now: Post

    @property
    def edited(self) -> bool:
        return self.before is not None and changed_visibly(self.before, self.now)


@dataclass(frozen=True, slots=True)
class Changes:
    """Result of a diff; `places[i]` is the index of the entry of the i-th sighting.

    `joined` are stored posts that were merged into others: (gone, heir). `unseen` are stored posts that the
    dump changes without showing them: another post has their archive id now.
    """

    entries: tuple[Entry, ...]
    places: tuple[int, ...]
    joined: tuple[tuple[PostId, PostId], ...] = ()
    unseen: tuple[Entry, ...] = ()

    @property
    def new(self) -> tuple[Post, ...]:
        return tuple(entry.now for entry in self.entries if entry.before is None)

    @property
    def edited(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.edited)

    @property
    def unchanged(self) -> int:
        return sum(entry.before is not None and not entry.edited for entry in self.entries)

    @property
    def touched(self) -> tuple[Post, ...]:
        """Return the stored posts with any difference."""
        both = (*self.entries, *self.unseen)
        return tuple(e.now for e in both if e.before is not None and e.before != e.now)

    @property
    def released(self) -> tuple[PostId, ...]:
        """Return the stored posts that lose their archive id or change it."""
        both = (*self.entries, *self.unseen)
        return tuple(
            e.before.id
            for e in both
            if e.before is not None
            and e.before.archive_id is not None
            and e.before.archive_id != e.now.archive_id
        )


def numbered(changes: Changes, stored: Sequence[Post]) -> Changes:
    """Return the same changes with the new posts as `stored`, in the order of `changes.new`, with ids."""
    ids = iter(stored)
    entries = tuple(Entry(None, next(ids)) if entry.before is None else entry for entry in changes.entries)
    return replace(changes, entries=entries)

"""What a dump adds to what is known: its sightings are matched with the stored posts and merged into them.

Pure: no storage, no clock. A post that is born here has no id yet (0).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from bot.intake.merge import beginning, changed_visibly, combine, post_from_sighting
from storage.model import Certainty, Layout, Post, PostId, Sighting

NEAR = timedelta(days=1)  # a feed's date is in the server's zone and may be a day off near midnight


class PostMatcher:
    """Posts findable by what identifies them. Places stay; that of a joined post leads to its heir."""

    def __init__(self, posts: Iterable[Post]) -> None:
        self._posts: list[Post] = []
        self._heirs: dict[int, int] = {}
        self._by_archive: dict[int, int] = {}
        self._by_key: dict[str, list[int]] = defaultdict(list)
        self._by_day: dict[str, list[int]] = defaultdict(list)
        for post in posts:
            self._add(post)
        self._stored = tuple(self._posts)

    def match_or_add(self, fresh: Post) -> int:
        """The place of the post that `fresh` is, a new one if need be, with `fresh` combined into it.

        With its evidence other posts may turn out to be the same one: they are joined into the oldest.
        """
        found = self._same(fresh)
        if not found:
            return self._add(fresh)
        at = found[0]
        self._put(at, combine(self._posts[at], fresh))
        while twins := [place for place in self._same(self._posts[at]) if place != at]:
            heir, gone = sorted((at, twins[0]))
            self._heirs[gone] = heir
            self._put(heir, combine(self._posts[heir], self._posts[gone]))
            at = heir
        return at

    def place(self, at: int) -> int:
        """Where the post of this place is now."""
        while at in self._heirs:
            at = self._heirs[at]
        return at

    def post(self, at: int) -> Post:
        return self._posts[at]

    def stored(self, at: int) -> Post | None:
        """The post of this place as it was stored; None for a new one."""
        return self._stored[at] if at < len(self._stored) else None

    def joined(self) -> tuple[tuple[PostId, PostId], ...]:
        """The stored posts that were joined into others: (gone, heir)."""
        ends = ((gone, self.place(gone)) for gone in sorted(self._heirs))
        return tuple(
            (self._stored[gone].id, self._stored[heir].id) for gone, heir in ends if gone < len(self._stored)
        )

    def _add(self, post: Post) -> int:
        self._posts.append(post)
        at = len(self._posts) - 1
        self._enter(at, post)
        return at

    def _put(self, at: int, post: Post) -> None:
        if post is not self._posts[at]:
            self._posts[at] = post
            self._enter(at, post)

    def _enter(self, at: int, post: Post) -> None:
        if post.archive_id is not None:
            self._by_archive[post.archive_id] = at
        for key in _keys(post):
            if at not in self._by_key[key]:
                self._by_key[key].append(at)
        for day in _days(post):
            if at not in self._by_day[day]:
                self._by_day[day].append(at)

    def _same(self, post: Post) -> list[int]:
        """The places of what is the same post, the likeliest first."""
        found: dict[int, None] = {}
        if post.archive_id is not None and post.archive_id in self._by_archive:
            found[self.place(self._by_archive[post.archive_id])] = None
        namesakes = [at for key in _keys(post) for at in self._by_key.get(key, ()) if self._fits(at, post)]
        found |= dict.fromkeys(sorted(namesakes, key=lambda at: (not self._same_date(at, post), at)))
        alike = self._of_its_day(post)
        if alike and (start := beginning(post.excerpt)):
            alike = [at for at in alike if beginning(self._posts[at].excerpt) == start]
            found |= dict.fromkeys(sorted(alike, key=lambda at: (not self._same_date(at, post), at)))
        return list(found)

    def _of_its_day(self, post: Post) -> list[int]:
        """The places of the posts that may be of the same day, and the same."""
        days = _days(post)
        found = {at for day in days for at in self._by_day.get(day, ())}
        return [at for at in found if self._fits(at, post) and not days.isdisjoint(_days(self._posts[at]))]

    def _fits(self, at: int, post: Post) -> bool:
        return at not in self._heirs and not contradict(self._posts[at], post)

    def _same_date(self, at: int, post: Post) -> bool:
        return post.date is not None and self._posts[at].date == post.date


def contradict(one: Post, other: Post) -> bool:
    """Whether two posts cannot be the same: other ids, or days further apart than a time zone explains."""
    if one.archive_id is not None and other.archive_id is not None:
        return one.archive_id != other.archive_id
    a, b = _given(one), _given(other)
    if a is not None and b is not None:
        return abs(a - b) > NEAR
    if a is not None and other.month_day is not None:
        return not _near(a, other.month_day)
    if b is not None and one.month_day is not None:
        return not _near(b, one.month_day)
    return None not in (one.month_day, other.month_day) and one.month_day != other.month_day


def _keys(post: Post) -> tuple[str, ...]:
    return (post.title_key, *(key for key, _ in post.aliases))


def _given(post: Post) -> date | None:
    return post.date if post.date_certainty is Certainty.GIVEN else None


def _days(post: Post) -> frozenset[str]:
    """The month-days that the blog's pages may print for this post."""
    # A feed's day may hide the one that would have told: the order of dumps would matter if it stood alone.
    if (given := _given(post)) is not None and post.date_layout is Layout.FEED:
        return _around(given)
    day = post.date.isoformat()[5:] if post.date is not None else post.month_day
    return frozenset() if day is None else frozenset((day,))


def _near(full: date, month_day: str) -> bool:
    return month_day in _around(full)


@lru_cache(maxsize=4096)
def _around(day: date) -> frozenset[str]:
    first = day - NEAR if day > date.min else day  # a broken feed may name the first or last day there is
    last = day + NEAR if day < date.max else day
    return frozenset(each.isoformat()[5:] for each in (first, day, last))


@dataclass(frozen=True, slots=True)
class Entry:
    """One post as it was (None: not known) and as it is with this dump."""

    before: Post | None
    now: Post

    @property
    def edited(self) -> bool:
        return self.before is not None and changed_visibly(self.before, self.now)


@dataclass(frozen=True, slots=True)
class Changes:
    """`places[i]` is the number of the entry that the i-th sighting belongs to.

    `joined` are stored posts that turned out to be others: (gone, the one that stays).
    """

    entries: tuple[Entry, ...]
    places: tuple[int, ...]
    joined: tuple[tuple[PostId, PostId], ...] = ()

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
        """The known posts of which anything at all is different now."""
        return tuple(e.now for e in self.entries if e.before is not None and e.before != e.now)


def diff(
    sightings: Sequence[Sighting], known: Iterable[Post], layout: Layout, captured_at: datetime
) -> Changes:
    """Match each sighting with a known post, or with an earlier one of the same dump, and merge it in."""
    shelf = PostMatcher(known)
    taken = [shelf.match_or_add(post_from_sighting(sighting, layout, captured_at)) for sighting in sightings]
    places = [shelf.place(at) for at in taken]
    used = dict.fromkeys(places)
    number = {at: place for place, at in enumerate(used)}
    entries = tuple(Entry(shelf.stored(at), shelf.post(at)) for at in used)
    return Changes(entries, tuple(number[at] for at in places), shelf.joined())


def numbered(changes: Changes, stored: Sequence[Post]) -> Changes:
    """The same changes once their new posts are `stored`, in the order of `changes.new`, and have ids."""
    ids = iter(stored)
    entries = tuple(Entry(None, next(ids)) if entry.before is None else entry for entry in changes.entries)
    return replace(changes, entries=entries)

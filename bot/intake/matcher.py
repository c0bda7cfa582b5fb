"""Identity resolution: the diff of a dump against the stored posts, each sighting with its post.

Pure; a new post has the id 0. Tried in this order: the archive id, the title key, the day with the same
opening, and the one post of the day that the dump must show and leaves out. Different archive ids are always
different posts.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import takewhile

from bot.intake.merge import Changes, Entry, beginning, combine, post_from_sighting
from bot.titles import read_title, title_key
from storage.model import Certainty, Layout, Post, Sighting

ALIKE = 0.3  # ratio of equal characters in two titles, of which one may be an edit of the other
LEAST_TITLE = 5  # characters of a title that identify it at the beginning of a longer one
NEAR = timedelta(days=1)  # a feed's date is in the server's zone and may be a day off near midnight


class PostMatcher:
    """Mutable index of posts by place. Places are stable; that of a merged post leads to its heir."""

    def __init__(self, posts: Iterable[Post]) -> None:
        self._posts: list[Post] = []
        self._heirs: dict[int, int] = {}
        self._by_archive: dict[int, int] = {}
        self._by_key: dict[str, dict[int, None]] = defaultdict(dict)  # ordered sets
        self._by_day: dict[str, dict[int, None]] = defaultdict(dict)
        self._shown: dict[int, set[str]] = {}  # place → the title keys under which this dump shows it
        for post in posts:
            self._add(post)
        self._stored = tuple(self._posts)

    def match(self, fresh: Sequence[Post], *, is_complete: bool = False) -> list[int]:
        """Return the place of each post of one dump, merged with the stored one or added.

        With the new evidence stored posts may turn out to be the same: they are merged into the oldest. A
        dump that `is_complete` shows every post of the blog.
        """
        found: list[int | None] = [None] * len(fresh)
        steps = (self._same_title, self._same_opening, self._extended_title)
        for step in steps:
            for index, post in enumerate(fresh):
                if found[index] is None and (at := step(post)) is not None:
                    found[index] = self._merge(at, post)
        self._match_unlisted(fresh, found)
        if is_complete:
            self._match_by_day(fresh, found)
        for index, post in enumerate(fresh):
            if found[index] is None:
                at = self._same_title(post)  # the dump may show it twice
                found[index] = self._show(self._add(post), post) if at is None else self._merge(at, post)
        places = [at for at in found if at is not None]
        for at in dict.fromkeys(places):
            self._merge_duplicates(at)
        return [self.place(at) for at in places]

    def place(self, at: int) -> int:
        """Return the place of the post that `at` was merged into, `at` itself if it was not."""
        while at in self._heirs:
            at = self._heirs[at]
        return at

    def changes(self, places: Sequence[int]) -> Changes:
        """Return what changes if a dump shows the posts at `places`."""
        index = {at: number for number, at in enumerate(dict.fromkeys(places))}
        merged = [(gone, self.place(gone)) for gone in sorted(self._heirs) if gone < len(self._stored)]
        unseen = [
            at
            for at, before in enumerate(self._stored)
            if at not in self._heirs and at not in index and self._posts[at] is not before
        ]
        return Changes(
            entries=tuple(map(self._entry, index)),
            places=tuple(index[at] for at in places),
            joined=tuple((self._stored[gone].id, self._stored[heir].id) for gone, heir in merged),
            unseen=tuple(map(self._entry, unseen)),
        )

    def _entry(self, at: int) -> Entry:
        return Entry(self._stored[at] if at < len(self._stored) else None, self._posts[at])

    def _add(self, post: Post) -> int:
        self._posts.append(post)
        at = len(self._posts) - 1
        self._claim_archive_id(at)
        self._index(at, self._posts[at])
        return at

    def _put(self, at: int, post: Post) -> None:
        if post is not self._posts[at]:
            self._posts[at] = post
            self._claim_archive_id(at)
            self._index(at, self._posts[at])

    def _index(self, at: int, post: Post) -> None:
        for key in _keys(post):
            self._by_key[key][at] = None
        for day in _days(post):
            self._by_day[day][at] = None

    def _claim_archive_id(self, at: int) -> None:
        """Give the archive id of the post at `at` to it, or to its other holder if that was seen later.

        Typecho on SQLite reuses the number of a deleted post.
        """
        post = self._posts[at]
        if post.archive_id is None:
            return
        holder = self._by_archive.get(post.archive_id)
        if holder is not None and (holder := self.place(holder)) != at:
            other = self._posts[holder]
            if other.archive_id == post.archive_id and _seen(other) > _seen(post):
                self._posts[at] = replace(post, archive_id=None)
                return
            self._posts[holder] = replace(other, archive_id=None)
        self._by_archive[post.archive_id] = at

    def _merge(self, at: int, post: Post) -> int:
        holder = self._holder(post)
        if holder is not None and holder != at and _seen(self._posts[holder]) > _seen(post):
            post = replace(post, archive_id=None)
        self._put(at, combine(self._posts[at], post))
        return self._show(at, post)

    def _show(self, at: int, post: Post) -> int:
        self._shown.setdefault(at, set()).add(post.title_key)
        return at

    def _holder(self, post: Post) -> int | None:
        at = None if post.archive_id is None else self._by_archive.get(post.archive_id)
        return None if at is None else self.place(at)

    def _same_title(self, post: Post) -> int | None:
        """Return the place with the archive id of `post`, otherwise the likeliest one with its title."""
        holder = self._holder(post)
        if holder is not None and not _is_reused_id(self._posts[holder], post):
            return holder
        return next((at for at in self._namesakes(post) if self._is_free(at, post)), None)

    def _namesakes(self, post: Post) -> list[int]:
        found = {at for key in _keys(post) for at in self._by_key.get(key, ()) if self._fits(at, post)}
        return sorted(
            found,
            key=lambda at: (
                not self._has_date_of(at, post),
                title_key(self._posts[at].title_key) != post.title_key,
                at,
            ),
        )

    def _same_opening(self, post: Post) -> int | None:
        return next((at for at in self._with_opening(post) if self._is_free(at, post)), None)

    def _extended_title(self, post: Post) -> int | None:
        """Return the only place of the same day whose title was extended: a beginning, or one episode.

        One of the openings is unknown, otherwise it decides.
        """
        found = [
            at
            for at in self._of_days(post)
            if self._is_free(at, post)
            and not (beginning(post.excerpt) and beginning(self._posts[at].excerpt))
            and _extends(self._posts[at], post)
        ]
        return found[0] if len(found) == 1 else None

    def _of_days(self, post: Post) -> set[int]:
        """Return the places of the same day that `post` may be."""
        return {at for day in _days(post) for at in self._by_day.get(day, ()) if self._fits(at, post)}

    def _with_opening(self, post: Post) -> list[int]:
        """Return the places of the same day whose excerpt begins with the same words, the likeliest first."""
        days, start = _days(post), beginning(post.excerpt)
        alike = [
            at
            for at in (self._of_days(post) if start else ())
            if not days.isdisjoint(_days(self._posts[at])) and beginning(self._posts[at].excerpt) == start
        ]
        if len(alike) < 2:
            return alike
        return sorted(
            alike,
            key=lambda at: (not self._has_date_of(at, post), -_likeness(self._posts[at], post), at),
        )

    def _fits(self, at: int, post: Post) -> bool:
        return at not in self._heirs and not contradict(self._posts[at], post)

    def _is_free(self, at: int, post: Post) -> bool:
        """Return whether the dump does not show this place under another title: two titles are two posts."""
        return self._shown.get(at, {post.title_key}) == {post.title_key}

    def _has_date_of(self, at: int, post: Post) -> bool:
        return post.date is not None and self._posts[at].date == post.date

    def _match_unlisted(self, fresh: Sequence[Post], found: list[int | None]) -> None:
        """Match a retitled post without an opening to the post of its day that the dump leaves out.

        A page that shows the posts before and after a stored post would show that one, too: if it has one
        unrecognized post of the same day in its place, or the same title on another day, they are the same.
        """
        unmatched = Counter(
            post.date or post.month_day for post, at in zip(fresh, found, strict=True) if at is None
        )
        seen = (*fresh, *(self._posts[at] for at in self._shown))
        newest = max((day for post in seen if (day := _given(post)) is not None), default=None)
        if not unmatched or not self._shown or newest is None:
            return
        dated = sorted(
            (day, at)
            for at, post in enumerate(self._posts)
            if at not in self._heirs
            and (day := _given(post)) is not None
            and day <= newest  # what was published later is not missing
        )
        pairs: dict[int, int] = {}  # place → index of the sighting
        for index, post in enumerate(fresh):
            if found[index] is None and (mark := post.date or post.month_day) is not None:
                missing = self._missing(post, dated, alone=unmatched[mark] == 1)
                if len(missing) == 1:
                    pairs[missing[0]] = index
        while (at := next((at for at in pairs if self._is_unlisted(at, dated, pairs)), None)) is not None:
            index = pairs.pop(at)
            found[index] = self._merge(at, fresh[index])

    def _missing(self, post: Post, dated: Sequence[tuple[date, int]], *, alone: bool) -> list[int]:
        """Return the places that the dump leaves out and that `post` may be; `alone`: no other of its day."""
        same_day: list[int] = []
        if alone and post.date is not None:
            first = bisect_left(dated, (post.date, -1))
            same_day = [at for _, at in takewhile(lambda entry: entry[0] == post.date, dated[first:])]
        elif alone and post.month_day is not None:
            same_day = [at for day, at in dated if f"{day:%m-%d}" == post.month_day]
        return [
            at
            for at in dict.fromkeys((*self._by_key.get(post.title_key, ()), *same_day))
            if at not in self._heirs
            and at not in self._shown
            and not _other_opening(self._posts[at], post)
            and not _other_identity(self._posts[at], post)
        ]

    def _is_unlisted(self, at: int, dated: Sequence[tuple[date, int]], paired: Collection[int]) -> bool:
        """Return whether the dump shows the dated neighbours of a stored post, but not that one.

        Of several such posts in a row, each must be `paired` with a post of the dump.
        """
        day = _given(self._posts[at])
        if day is None:
            return False
        first, last = bisect_left(dated, (day, -1)), bisect_left(dated, (day + NEAR, -1))
        first = bisect_left(dated, (dated[first - 1][0], -1)) if first > 0 else first
        last = bisect_left(dated, (dated[last][0] + NEAR, -1)) if last < len(dated) else last
        around = [other for _, other in dated[first:last] if other != at]
        shown = [other for other in around if other in self._shown]
        return bool(shown) and all(other in paired for other in around if other not in self._shown)

    def _match_by_day(self, fresh: Sequence[Post], found: list[int | None]) -> None:
        """Match the posts that a page of all posts shows with those of their day that it leaves out.

        The most alike titles are matched first. Where the day has more unrecognized posts than are missing,
        titles have to be alike: the others are new.
        """
        unmatched: dict[date, list[int]] = defaultdict(list)
        for index, post in enumerate(fresh):
            if found[index] is None and post.date is not None:
                unmatched[post.date].append(index)
        for day, indexes in unmatched.items():
            missing = [at for at in self._by_day.get(f"{day:%m-%d}", ()) if self._is_missing(at, day)]
            pairs = [
                (_likeness(self._posts[at], fresh[index]), -at, -index)
                for at in missing
                for index in indexes
                if not _other_identity(self._posts[at], fresh[index])
            ]
            least = 0 if len(missing) >= len(indexes) else ALIKE
            for likeness, at, index in sorted(pairs, reverse=True):
                if likeness >= least and found[-index] is None and -at not in self._shown:
                    found[-index] = self._merge(-at, fresh[-index])

    def _is_missing(self, at: int, day: date) -> bool:
        post = self._posts[at]
        is_of_day = post.date is not None and (
            post.date == day or (post.date_layout is Layout.FEED and abs(post.date - day) <= NEAR)
        )
        return is_of_day and at not in self._heirs and at not in self._shown

    def _merge_duplicates(self, at: int) -> None:
        """Merge the stored posts that the evidence for the post at `at` shows to be the same."""
        at = self.place(at)
        while (twin := self._duplicate(at)) is not None:
            heir, gone = sorted((at, twin))
            self._heirs[gone] = heir
            self._shown[heir] = self._shown.get(heir, set()) | self._shown.pop(gone, set())
            self._put(heir, combine(self._posts[heir], self._posts[gone]))
            at = heir

    def _duplicate(self, at: int) -> int | None:
        post = self._posts[at]
        for twin in self._namesakes(post):
            if twin != at and self._may_merge(at, twin):
                return twin
        for twin in self._with_opening(post):
            if twin != at and self._may_merge(at, twin) and (self._is_news(at) or self._is_news(twin)):
                return twin
        return None

    def _may_merge(self, at: int, twin: int) -> bool:
        """Return whether the dump does not show both under different titles."""
        return self._shown.get(at, set()) == self._shown.get(twin, self._shown.get(at, set()))

    def _is_news(self, at: int) -> bool:
        """Return whether day or opening of this post are known by this dump only.

        Two stored posts of one day and opening are two: they were seen as such when they were stored.
        """
        entry = self._entry(at)
        before, now = entry.before, entry.now
        return (
            before is None
            or beginning(before.excerpt) != beginning(now.excerpt)
            or _days(before) != _days(now)
        )


def contradict(one: Post, other: Post) -> bool:
    """Return whether two posts are certainly different: other ids, other episodes, or other days.

    A difference of one day is allowed for time zones; with the same title and opening the date was corrected.
    """
    if one.archive_id is not None and other.archive_id is not None:
        return one.archive_id != other.archive_id
    same_title = not set(_keys(one)).isdisjoint(_keys(other))
    if not same_title and _other_episode(one, other):
        return True
    if same_title and (start := beginning(one.excerpt)) and beginning(other.excerpt) == start:
        return False
    return _other_day(one, other)


def _other_day(one: Post, other: Post) -> bool:
    a, b = _given(one), _given(other)
    if a is not None and b is not None:
        return abs(a - b) > NEAR
    if a is not None and other.month_day is not None:
        return other.month_day not in _around(a)
    if b is not None and one.month_day is not None:
        return one.month_day not in _around(b)
    return None not in (one.month_day, other.month_day) and one.month_day != other.month_day


def _other_episode(one: Post, other: Post) -> bool:
    """Return whether the titles are different episodes of one series."""
    a, b = read_title(one.title), read_title(other.title)
    return a is not None and b is not None and a.key == b.key and (a.episode, a.part) != (b.episode, b.part)


def _extends(one: Post, other: Post) -> bool:
    """Return whether the titles are one episode of a series, or one is the beginning of the other."""
    a, b = read_title(one.title), read_title(other.title)
    if a is not None and b is not None:
        return (a.key, a.episode, a.part) == (b.key, b.episode, b.part)
    short, long = sorted((one.title_key, other.title_key), key=len)
    return len(short) >= LEAST_TITLE and long.startswith(short)


def _other_opening(one: Post, other: Post) -> bool:
    a, b = beginning(one.excerpt), beginning(other.excerpt)
    return bool(a) and bool(b) and a != b


def _other_identity(one: Post, other: Post) -> bool:
    """Return whether both have an archive id, or an episode, and these differ."""
    if one.archive_id is not None and other.archive_id is not None:
        return one.archive_id != other.archive_id
    return _other_episode(one, other)


def _is_reused_id(holder: Post, post: Post) -> bool:
    """Return whether `post` has the archive id of `holder`, but title, day and opening of another post.

    Where an opening is missing, the post must have been written after `holder` was last seen.
    """
    if not set(_keys(holder)).isdisjoint(_keys(post)) or not _other_day(holder, post):
        return False
    if beginning(holder.excerpt) and beginning(post.excerpt):
        return _other_opening(holder, post)
    day, seen = _given(post), holder.title_at
    return day is not None and seen is not None and day > seen.date() + NEAR


def _seen(post: Post) -> float:
    return 0 if post.title_at is None else post.title_at.timestamp()


def _likeness(one: Post, other: Post) -> float:
    return SequenceMatcher(None, one.title_key, other.title_key).ratio()


def _keys(post: Post) -> tuple[str, ...]:
    """Return the keys of all titles of the post; a stored key may be that of an earlier normal form."""
    return (title_key(post.title_key), *(title_key(key) for key, _ in post.aliases))


def _given(post: Post) -> date | None:
    return post.date if post.date_certainty is Certainty.GIVEN else None


def _days(post: Post) -> frozenset[str]:
    """Return the month-days that the blog's pages may print for this post."""
    # A feed's date may hide the printed one that would match: the result would depend on the order of dumps.
    if (given := _given(post)) is not None and post.date_layout is Layout.FEED:
        return _around(given)
    day = post.date.isoformat()[5:] if post.date is not None else post.month_day
    return frozenset() if day is None else frozenset((day,))


@lru_cache(maxsize=4096)
def _around(day: date) -> frozenset[str]:
    first = day - NEAR if day > date.min else day  # a broken feed may name the first or last day there is
    last = day + NEAR if day < date.max else day
    return frozenset(each.isoformat()[5:] for each in (first, day, last))


def diff(
    sightings: Sequence[Sighting],
    known: Iterable[Post],
    layout: Layout,
    captured_at: datetime,
    *,
    is_complete: bool = False,
) -> Changes:
    """Match each sighting of one dump with a stored post, and merge it in.

    A dump that `is_complete` shows every post of the blog.
    """
    matcher = PostMatcher(known)
    fresh = [post_from_sighting(sighting, layout, captured_at) for sighting in sightings]
    return matcher.changes(matcher.match(fresh, is_complete=is_complete))

"""What a dump adds to what is known: its sightings are matched with the stored posts and merged into them.

Pure: no storage, no clock. A post that is born here has no id yet (0).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bot.intake.merging import absorb, beginning, born, changed_visibly
from bot.intake.titles import title_key
from storage.model import Certainty, Layout, Post, Sighting

NEAR = timedelta(days=1)  # a feed's date is in the server's zone and may be a day off near midnight


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
    """`places[i]` is the number of the entry that the i-th sighting belongs to."""

    entries: tuple[Entry, ...]
    places: tuple[int, ...]

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
    """Match each sighting with a known post, or with an earlier one of the same dump, and merge it in.

    A sighting is a known post if the archive id agrees; else if the title key (also a former one) agrees and
    the dates do not contradict; else if the date agrees and the excerpt begins alike: its title was edited.
    """
    index = _Index(known)
    places = []
    for sighting in sightings:
        at = index.find(sighting)
        if at is None:
            at = index.add(born(sighting, layout, captured_at))
        else:
            index.replace(at, absorb(index.posts[at], sighting, layout, captured_at))
        places.append(at)
    used = dict.fromkeys(places)
    number = {at: place for place, at in enumerate(used)}
    entries = tuple(Entry(index.before(at), index.posts[at]) for at in used)
    return Changes(entries, tuple(number[at] for at in places))


class _Index:
    """Posts findable by what identifies them; grows while a dump is read."""

    def __init__(self, known: Iterable[Post]) -> None:
        self.posts: list[Post] = []
        self._by_archive: dict[int, int] = {}
        self._by_key: dict[str, list[int]] = defaultdict(list)
        self._by_day: dict[str, list[int]] = defaultdict(list)
        for post in known:
            self.add(post)
        self._known = tuple(self.posts)

    def add(self, post: Post) -> int:
        self.posts.append(post)
        at = len(self.posts) - 1
        self._enter(at, post)
        return at

    def replace(self, at: int, post: Post) -> None:
        if post is not self.posts[at]:
            self.posts[at] = post
            self._enter(at, post)

    def before(self, at: int) -> Post | None:
        return self._known[at] if at < len(self._known) else None

    def _enter(self, at: int, post: Post) -> None:
        if post.archive_id is not None:
            self._by_archive[post.archive_id] = at
        for key in (post.title_key, *(key for key, _ in post.aliases)):
            if at not in self._by_key[key]:
                self._by_key[key].append(at)
        if (day := _month_day(post.date, post.month_day)) and at not in self._by_day[day]:
            self._by_day[day].append(at)

    def find(self, sighting: Sighting) -> int | None:
        if sighting.archive_id is not None and sighting.archive_id in self._by_archive:
            return self._by_archive[sighting.archive_id]
        namesakes = [at for at in self._by_key.get(title_key(sighting.title), ()) if self._fits(at, sighting)]
        if namesakes:
            return min(namesakes, key=lambda at: (not self._same_day(at, sighting), at))
        start = beginning(sighting.excerpt or "")
        day = _month_day(sighting.date, sighting.month_day)
        if not start or day is None:
            return None
        alike = (at for at in self._by_day.get(day, ()) if self._fits(at, sighting))
        return next((at for at in alike if beginning(self.posts[at].excerpt) == start), None)

    def _fits(self, at: int, sighting: Sighting) -> bool:
        post = self.posts[at]
        if None not in (post.archive_id, sighting.archive_id) and post.archive_id != sighting.archive_id:
            return False
        return not _contradict(post, sighting)

    def _same_day(self, at: int, sighting: Sighting) -> bool:
        return sighting.date is not None and self.posts[at].date == sighting.date


def _contradict(post: Post, sighting: Sighting) -> bool:
    if post.date is not None and post.date_certainty is Certainty.GIVEN:
        if sighting.date is not None:
            return abs(post.date - sighting.date) > NEAR
        return sighting.month_day is not None and not _near_day(post.date, sighting.month_day)
    if post.month_day is not None and sighting.date is not None:
        return not _near_day(sighting.date, post.month_day)
    return None not in (post.month_day, sighting.month_day) and post.month_day != sighting.month_day


def _near_day(full: date, month_day: str) -> bool:
    return any(f"{full + shift:%m-%d}" == month_day for shift in (-NEAR, timedelta(0), NEAR))


def _month_day(full: date | None, month_day: str | None) -> str | None:
    return f"{full:%m-%d}" if full else month_day


def numbered(changes: Changes, stored: Sequence[Post]) -> Changes:
    """The same changes once their new posts are `stored`, in the order of `changes.new`, and have ids."""
    ids = iter(stored)
    entries = tuple(
        replace(entry, now=next(ids)) if entry.before is None else entry for entry in changes.entries
    )
    return replace(changes, entries=entries)

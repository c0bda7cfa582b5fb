"""What a dump adds to what is known: its sightings are matched with the stored posts and merged into them.

Pure: no storage, no clock. A post that is born here has no id yet (0).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.intake.matching import Known
from bot.intake.merging import born, changed_visibly
from storage.model import Layout, Post, PostId, Sighting


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
    shelf = Known(known)
    taken = [shelf.take(born(sighting, layout, captured_at)) for sighting in sightings]
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

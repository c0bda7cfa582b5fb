"""Diff of a dump against the stored posts.

Pure: each sighting is matched with a stored post and merged into it. A new post has the id 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.intake.matcher import PostMatcher
from bot.intake.merge import changed_visibly, post_from_sighting
from storage.model import Layout, Post, PostId, Sighting


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


def diff(
    sightings: Sequence[Sighting], known: Iterable[Post], layout: Layout, captured_at: datetime
) -> Changes:
    """Match each sighting of one dump with a stored post, and merge it in."""
    matcher = PostMatcher(known)
    places = matcher.match([post_from_sighting(sighting, layout, captured_at) for sighting in sightings])
    used = dict.fromkeys(places)
    index = {at: number for number, at in enumerate(used)}
    unseen = (at for at in matcher.changed() if at not in index)
    return Changes(
        entries=tuple(Entry(matcher.stored(at), matcher.post(at)) for at in used),
        places=tuple(index[at] for at in places),
        joined=matcher.joined(),
        unseen=tuple(Entry(matcher.stored(at), matcher.post(at)) for at in unseen),
    )


def numbered(changes: Changes, stored: Sequence[Post]) -> Changes:
    """Return the same changes with the new posts as `stored`, in the order of `changes.new`, with ids."""
    ids = iter(stored)
    entries = tuple(Entry(None, next(ids)) if entry.before is None else entry for entry in changes.entries)
    return replace(changes, entries=entries)

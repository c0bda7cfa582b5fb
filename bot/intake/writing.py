"""Writing what a dump changes: its posts with all that is understood of them, its sightings, who names whom.

Works within the intake's transaction, and writes every row once. Knows neither layouts nor deliveries.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.intake.diff import Changes, numbered
from bot.intake.overrides import Overrides
from bot.intake.understanding import NOTHING, Understanding, resolved, understand
from bot.intake.wording import word_places
from storage.database import Transaction
from storage.model import Dump, DumpId, HomeCapture, Post, PostId, Sighting

log = logging.getLogger(__name__)

Seen = Sequence[tuple[PostId, Sighting]]


async def write_changes(
    tx: Transaction,
    archive: Sequence[Post],
    changes: Changes,
    sightings: Sequence[Sighting],
    dump_id: DumpId,
    dump: Dump,
    overrides: Overrides,
    now: datetime,
) -> Changes:
    """Write what the `sightings` of a dump change in the stored `archive`; returns the changes with ids."""
    await join_posts(tx, changes.joined)
    changes = numbered(changes, await tx.archive.numbered(changes.new))
    ids = [changes.entries[place].now.id for place in changes.places]
    seen: Seen = list(zip(ids, sightings, strict=True))
    known = _known_now(archive, changes)
    understanding = await _understand(tx, known, changes, seen, dump, overrides)
    latest = known | {post.id: post for post in understanding.posts}
    fresh = {post.id for post in changes.new}
    await tx.archive.add([latest[post.id] for post in changes.new], dump_id, now)
    await tx.archive.update([latest[stale] for stale in _stale(changes, understanding, known)], now)
    await tx.archive.sighted(dump_id, dump.captured_at, seen)
    if understanding is not NOTHING:
        await _put_in_place(tx, understanding, latest, fresh)
    return changes


async def join_posts(tx: Transaction, joined: Sequence[tuple[PostId, PostId]]) -> None:
    """Stored posts turned out to be others: all that hangs on them moves over."""
    for gone, heir in joined:
        log.info("the posts %s and %s are one", gone, heir)
        await tx.joining.join(gone, heir)


def _known_now(archive: Sequence[Post], changes: Changes) -> dict[PostId, Post]:
    known = {post.id: post for post in archive} | {entry.now.id: entry.now for entry in changes.entries}
    for gone, _ in changes.joined:
        del known[gone]
    return known


async def _understand(
    tx: Transaction,
    known: Mapping[PostId, Post],
    changes: Changes,
    seen: Seen,
    dump: Dump,
    overrides: Overrides,
) -> Understanding:
    changed = {e.now.id for e in changes.entries if e.before is None or _matters(e.before, e.now)}
    changed |= {heir for _, heir in changes.joined}
    if not changed:
        return NOTHING
    captures = await tx.posts.home_captures()
    if page := tuple(post_id for post_id, sighting in seen if sighting.month_day is not None):
        captures.append(HomeCapture(posts=page, captured_at=dump.captured_at))
    return understand(list(known.values()), changed, captures, overrides)


def _matters(before: Post, now: Post) -> bool:
    """Whether more than counts and times are different, so that what is derived may be too."""
    if before is now:
        return False
    same = replace(
        before,
        readers=now.readers,
        readers_at=now.readers_at,
        comments=now.comments,
        title_at=now.title_at,
        excerpt_at=now.excerpt_at,
        category_at=now.category_at,
        tags_at=now.tags_at,
    )
    return same != now


def _stale(
    changes: Changes, understanding: Understanding, known: Mapping[PostId, Post]
) -> Collection[PostId]:
    """The stored posts whose own rows say something else than what is known now."""
    fresh = {post.id for post in changes.new}
    derived = (post.id for post in understanding.posts if _differs(post, known[post.id]))
    return dict.fromkeys(
        post_id for post_id in (*(post.id for post in changes.touched), *derived) if post_id not in fresh
    )


def _differs(post: Post, before: Post) -> bool:
    """Whether what was derived of a post stands in its own row, not only in what it is gathered under."""
    kept = (before.date, before.date_certainty, before.episode, before.style)
    return (post.date, post.date_certainty, post.episode, post.style) != kept


async def _put_in_place(
    tx: Transaction, understanding: Understanding, latest: Mapping[PostId, Post], fresh: Collection[PostId]
) -> None:
    worded = word_places([latest[post] for post in understanding.places], await tx.scopes.words())
    places = {post: (*at, *worded.get(post, ())) for post, at in understanding.places.items()}
    await tx.archive.gather(places, fresh=fresh)
    await tx.archive.mention(understanding.mentions, fresh=fresh)
    waiting = await tx.posts.unresolved()
    await tx.archive.resolve(resolved(waiting, list(latest.values())))

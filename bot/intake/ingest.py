"""Taking a dump in: one transaction writes posts, sightings, what is understood of them, and the deliveries.

So a post is never known without the duties that it causes. Knows neither Telegram nor where dumps come from.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.intake.derive import NOTHING, DerivedData, derive, resolved
from bot.intake.diff import Changes, diff, numbered
from bot.intake.formats import ParsedDump, UnreadableDumpError, read_dump
from bot.intake.series_overrides import NO_OVERRIDES, Overrides
from bot.intake.word_subscriptions import word_places
from bot.ops.logging import correlate, new_correlation_id
from bot.site_profile import KEXUE, SiteProfile
from storage.database import Database, Transaction
from storage.model import Dump, DumpId, DumpRecord, HomeCapture, Layout, Note, Post, PostId, Sighting

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
    await merge_duplicates(tx, changes.joined)
    changes = numbered(changes, await tx.post_writer.assign_ids(changes.new))
    ids = [changes.entries[place].now.id for place in changes.places]
    seen: Seen = list(zip(ids, sightings, strict=True))
    known = _known_now(archive, changes)
    understanding = await _derive(tx, known, changes, seen, dump, overrides)
    latest = known | {post.id: post for post in understanding.posts}
    fresh = {post.id for post in changes.new}
    await tx.post_writer.add([latest[post.id] for post in changes.new], dump_id, now)
    await tx.post_writer.update([latest[stale] for stale in _stale(changes, understanding, known)], now)
    await tx.post_writer.add_sightings(dump_id, dump.captured_at, seen)
    if understanding is not NOTHING:
        await _put_in_place(tx, understanding, latest, fresh)
    return changes


async def merge_duplicates(tx: Transaction, joined: Sequence[tuple[PostId, PostId]]) -> None:
    """Stored posts turned out to be others: all that hangs on them moves over."""
    for gone, heir in joined:
        log.info("the posts %s and %s are one", gone, heir)
        await tx.post_writer.merge(gone, heir)


def _known_now(archive: Sequence[Post], changes: Changes) -> dict[PostId, Post]:
    known = {post.id: post for post in archive} | {entry.now.id: entry.now for entry in changes.entries}
    for gone, _ in changes.joined:
        del known[gone]
    return known


async def _derive(
    tx: Transaction,
    known: Mapping[PostId, Post],
    changes: Changes,
    seen: Seen,
    dump: Dump,
    overrides: Overrides,
) -> DerivedData:
    changed = {e.now.id for e in changes.entries if e.before is None or _matters(e.before, e.now)}
    changed |= {heir for _, heir in changes.joined}
    if not changed:
        return NOTHING
    captures = await tx.posts.home_captures()
    if page := tuple(post_id for post_id, sighting in seen if sighting.month_day is not None):
        captures.append(HomeCapture(posts=page, captured_at=dump.captured_at))
    return derive(list(known.values()), changed, captures, overrides)


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


def _stale(changes: Changes, understanding: DerivedData, known: Mapping[PostId, Post]) -> Collection[PostId]:
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
    tx: Transaction, understanding: DerivedData, latest: Mapping[PostId, Post], fresh: Collection[PostId]
) -> None:
    worded = word_places([latest[post] for post in understanding.places], await tx.scopes.words())
    places = {post: (*at, *worded.get(post, ())) for post, at in understanding.places.items()}
    await tx.post_writer.set_scopes(places, fresh=fresh)
    await tx.post_writer.set_mentions(understanding.mentions, fresh=fresh)
    waiting = await tx.posts.unresolved()
    await tx.post_writer.resolve_mentions(resolved(waiting, list(latest.values())))


Notice = Callable[["IngestReport"], str]
Also = Callable[[Transaction, "IngestReport"], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRules:
    """What an operator chose about taking in. `notice` says to `admins` what they should know of a report.

    `silent` takes in without telling subscribers anything, and without holding anything back.
    """

    digest_above: int = 5
    hold_above: int = 50
    edit_days: int = 2
    overrides: Overrides = NO_OVERRIDES
    admins: tuple[int, ...] = ()
    notice: Notice | None = None
    silent: bool = False
    site: SiteProfile = KEXUE


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What came of one dump. `skipped` counts the sightings, or parts of it, that were not taken in."""

    dump: str
    layout: str | None = None
    sightings: int = 0
    new: int = 0
    edited: int = 0
    unchanged: int = 0
    skipped: int = 0
    error: str | None = None
    held: bool = False
    deliveries: int = 0
    dump_id: int = 0
    notes: tuple[Note, ...] = field(default=())

    @property
    def result(self) -> str:
        """What became of the dump, in one word: refused, held, known or taken."""
        if self.error is not None:
            return "refused"
        if self.held:
            return "held"
        return "known" if self.dump_id == 0 else "taken"

    @property
    def noteworthy(self) -> bool:
        """Whether an operator should hear of it."""
        return self.error is not None or self.held


async def ingest(
    database: Database, dump: Dump, rules: IngestRules, now: datetime, also: Also | None = None
) -> IngestReport:
    """Take one dump in. The same bytes are never taken in twice; what is unreadable is recorded.

    `also` is done in the same transaction, after all else.

    Raises what storage raises; then nothing of the dump is kept, and it can be taken in again.
    """
    sha256 = hashlib.sha256(dump.content).hexdigest()
    with correlate(new_correlation_id(sha256)):
        known = await database.read(lambda tx: tx.dumps.find(sha256))
        if known is not None:
            log.debug("%s is known already", dump.name)
            return _known_already(dump, known)
        try:
            reading = read_dump(dump, rules.site)
        except UnreadableDumpError as reason:
            return await reject(database, dump.name, str(reason), sha256, dump.captured_at, rules, now)
        return await ingest_parsed(database, dump, reading, rules, now, also)


async def ingest_parsed(
    database: Database,
    dump: Dump,
    reading: ParsedDump,
    rules: IngestRules,
    now: datetime,
    also: Also | None = None,
) -> IngestReport:
    """Take in a dump that was read already; `also` is done in the same transaction, after all else.

    Raises what storage and `also` raise; then nothing of the dump is kept.
    """
    sha256 = hashlib.sha256(dump.content).hexdigest()

    async def unit(tx: Transaction) -> IngestReport:
        earlier = await tx.dumps.find(sha256)  # another process may have been faster
        report = (
            _known_already(dump, earlier)
            if earlier is not None
            else await _take_in(tx, dump, sha256, reading, rules, now)
        )
        if also is not None:
            await also(tx, report)
        return report

    with correlate(new_correlation_id(sha256)):
        report = await database.write(unit)
        log.info(
            "took in %s: %s new, %s edited, %s unchanged, %s deliveries",
            dump.name,
            report.new,
            report.edited,
            report.unchanged,
            report.deliveries,
        )
    return report


async def reject(
    database: Database,
    name: str,
    reason: str,
    sha256: str,
    captured_at: datetime,
    rules: IngestRules,
    now: datetime,
) -> IngestReport:
    """Record a dump that gives nothing, and tell the admins why; `sha256` stands for what was refused."""
    report = IngestReport(dump=name, error=reason)

    async def unit(tx: Transaction) -> IngestReport:
        if await tx.dumps.find(sha256) is None:
            record = _record(name, sha256, "folder", None, captured_at, now)
            record = await tx.dumps.add(replace(record, error=reason))
            await _tell(tx, report, record.id, rules, now)
        return report

    with correlate(new_correlation_id(sha256)):
        log.warning("%s was not taken in: %s", name, reason)
        return await database.write(unit)


async def _take_in(
    tx: Transaction, dump: Dump, sha256: str, reading: ParsedDump, rules: IngestRules, now: datetime
) -> IngestReport:
    archive = await tx.posts.everything()
    first_fill = not archive
    changes = diff(reading.sightings, archive, reading.format, dump.captured_at)
    quiet = first_fill or rules.silent
    held = not quiet and len(changes.new) > rules.hold_above
    record = await tx.dumps.add(
        replace(
            _record(dump.name, sha256, dump.origin, reading.format, dump.captured_at, now),
            sightings=len(reading.sightings),
            new=len(changes.new),
            edited=len(changes.edited),
            unchanged=changes.unchanged,
            skipped=len(reading.notes),
            held=held,
        )
    )
    changes = await write_changes(
        tx, archive, changes, reading.sightings, record.id, dump, rules.overrides, now
    )
    planned = 0
    if not quiet:
        new = [post.id for post in changes.new]
        planned = await tx.planner.announce(new, record.id, now, digest_above=rules.digest_above, held=held)
        since = now - timedelta(days=rules.edit_days)
        planned += await tx.planner.edit_sent([e.now.id for e in changes.edited], record.id, now, since)
    report = _report(record, reading, planned)
    await _tell(tx, report, record.id, rules, now)
    return report


async def _tell(
    tx: Transaction, report: IngestReport, dump_id: DumpId, rules: IngestRules, now: datetime
) -> None:
    if report.noteworthy and rules.notice is not None:
        await tx.planner.notify_chats(rules.admins, f"notice:dump:{dump_id}", rules.notice(report), now)


def _record(
    name: str, sha256: str, origin: str, layout: Layout | None, captured_at: datetime, now: datetime
) -> DumpRecord:
    return DumpRecord(
        id=DumpId(0),
        name=name,
        sha256=sha256,
        origin=origin,
        layout=layout,
        captured_at=captured_at,
        taken_in_at=now,
    )


def _known_already(dump: Dump, record: DumpRecord) -> IngestReport:
    """The same bytes again: all that they show is unchanged, and what could not be read still cannot."""
    return IngestReport(
        dump=dump.name,
        layout=record.layout,
        sightings=record.sightings,
        unchanged=record.sightings,
        skipped=record.skipped,
        error=record.error,
    )


def _report(record: DumpRecord, reading: ParsedDump, planned: int) -> IngestReport:
    return IngestReport(
        dump=record.name,
        layout=record.layout,
        sightings=record.sightings,
        new=record.new,
        edited=record.edited,
        unchanged=record.unchanged,
        skipped=record.skipped,
        held=record.held,
        deliveries=planned,
        dump_id=record.id,
        notes=reading.notes,
    )

"""Ingest of a dump: one transaction writes posts, sightings, derived data, deliveries and the ledger.

A post is never stored without the deliveries that it causes.
"""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from operator import attrgetter
from zoneinfo import ZoneInfo

from bot.intake.derive import NOTHING, DerivedData, derive, resolved, word_places
from bot.intake.formats import ParsedDump, UnreadableDumpError
from bot.intake.formats.detect import read_dump
from bot.intake.matcher import diff
from bot.intake.merge import Changes, numbered, with_stored_titles
from bot.intake.series import NO_OVERRIDES, Overrides
from bot.ops.logging import correlate, new_correlation_id
from bot.site_profile import KEXUE, SiteProfile
from storage.database import PLANNING_SECONDS, Database, Transaction
from storage.model import (
    Certainty,
    Dump,
    DumpId,
    DumpRecord,
    HomeCapture,
    Layout,
    Note,
    NoteKind,
    Post,
    PostId,
    Sighting,
)

log = logging.getLogger(__name__)

Seen = Sequence[tuple[PostId, Sighting]]


async def write_changes(
    tx: Transaction,
    archive: Sequence[Post],
    changes: Changes,
    sightings: Sequence[Sighting],
    dump_id: DumpId,
    dump: Dump,
    rules: "IngestRules",
    now: datetime,
) -> Changes:
    """Write what the `sightings` of a dump change in the stored `archive`; return the changes with ids."""
    for gone, heir in changes.joined:
        log.info("merge post %s into %s", gone, heir)
        await tx.post_writer.merge(gone, heir)
    await tx.post_writer.release_archive_ids(changes.released)
    changes = numbered(changes, await tx.post_writer.assign_ids(changes.new))
    ids = [changes.entries[place].now.id for place in changes.places]
    seen: Seen = list(zip(ids, sightings, strict=True))
    known = _known_now(archive, changes)
    derived = await _derive(tx, known, changes, seen, dump, rules)
    latest = known | {post.id: post for post in derived.posts}
    fresh = {post.id for post in changes.new}
    await tx.post_writer.add([latest[post.id] for post in changes.new], dump_id, now)
    await tx.post_writer.update([latest[stale] for stale in _stale(changes, derived, known)], now)
    await tx.post_writer.record_edits([edit.now.id for edit in changes.edited], dump.captured_at)
    await tx.post_writer.add_sightings(dump_id, dump.captured_at, seen)
    if derived is not NOTHING:
        await _write_derived(tx, derived, latest, fresh)
    return changes


def _known_now(archive: Sequence[Post], changes: Changes) -> dict[PostId, Post]:
    """Return the stored posts with the changes; deleted ones leave before new ones enter."""
    gone = {post for post, _ in changes.joined}
    known = {post.id: post for post in archive if post.id not in gone}
    return known | {entry.now.id: entry.now for entry in (*changes.entries, *changes.unseen)}


async def _derive(
    tx: Transaction,
    known: Mapping[PostId, Post],
    changes: Changes,
    seen: Seen,
    dump: Dump,
    rules: "IngestRules",
) -> DerivedData:
    changed = {
        entry.now.id
        for entry in changes.entries
        if entry.before is None or _MATTERING(entry.before) != _MATTERING(entry.now)
    }
    changed |= {heir for _, heir in changes.joined}
    if not changed:
        return NOTHING
    captures = await tx.posts.home_captures()
    if page := tuple(post_id for post_id, sighting in seen if sighting.month_day is not None):
        captures.append(HomeCapture(posts=page, captured_at=dump.captured_at))
    return derive(list(known.values()), changed, captures, rules.overrides, rules.zone)


def _stale(changes: Changes, derived: DerivedData, known: Mapping[PostId, Post]) -> Collection[PostId]:
    """Return the stored posts whose own rows must be written."""
    rederived = [post for post in derived.posts if _DERIVED(post) != _DERIVED(known[post.id])]
    fresh = {post.id for post in changes.new}
    return dict.fromkeys(post.id for post in (*changes.touched, *rederived) if post.id not in fresh)


async def _write_derived(
    tx: Transaction, derived: DerivedData, latest: Mapping[PostId, Post], fresh: Collection[PostId]
) -> None:
    worded = word_places([latest[post] for post in derived.places], await tx.scopes.words())
    places = {post: (*at, *worded.get(post, ())) for post, at in derived.places.items()}
    await tx.post_writer.set_scopes(places, fresh=fresh)
    await tx.post_writer.set_mentions(derived.mentions, fresh=fresh)
    waiting = await tx.posts.unresolved()
    await tx.post_writer.resolve_mentions(resolved(waiting, list(latest.values())))


# Fields of a post from which nothing is derived; getters of the others, and of what is derived in its row.
EVIDENCE = (
    *("readers", "readers_at", "comments", "title_at", "title_layout", "excerpt_at", "excerpt_layout"),
    *("excerpt_partial", "date_at", "month_day_at", "category_at", "tags_at"),
)
_MATTERING = attrgetter(*(each.name for each in fields(Post) if each.name not in EVIDENCE))
_DERIVED = attrgetter("date", "date_certainty", "episode", "style")
REMARKS = frozenset({NoteKind.SKIPPED, NoteKind.UNREAD, NoteKind.CHARSET})
OLD_NEWS = timedelta(days=30)  # a post dated further back than this is not news when it is first seen
MOST_NOTES, LONGEST_NOTE = 50, 300  # kept in the ledger for one dump
PROTECTED = "protected posts"  # the key of the archive ids that were listed, but closed by a password

Notice = Callable[["IngestReport"], str]
Also = Callable[[Transaction, "IngestReport"], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRules:
    """Settings of an ingest; `notice` renders a report as the payload of a notice to `admins`.

    `silent` announces and holds nothing. So does `first_reading`, for the first dump of a source, but
    operators are notified of the number of posts. `unreadable` takes the place of the notice of an unreadable
    dump, in the transaction that records it.
    """

    digest_above: int = 5
    hold_above: int = 50
    edit_days: int = 2
    overrides: Overrides = NO_OVERRIDES
    admins: tuple[int, ...] = ()
    notice: Notice | None = None
    silent: bool = False
    first_reading: bool = False
    unreadable: Also | None = None
    site: SiteProfile = KEXUE

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of the days that the blog prints."""
        return ZoneInfo(self.site.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """Result of one dump; `skipped` counts its notes.

    `unannounced` are the new posts that are no news: old ones, and those of the first reading of a source.
    """

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
    unannounced: int = 0
    dump_id: int = 0
    notes: tuple[Note, ...] = field(default=())

    @property
    def result(self) -> str:
        """Return the outcome in one word: refused, held, known or taken."""
        if self.error is not None:
            return "refused"
        if self.held:
            return "held"
        return "known" if self.dump_id == 0 else "taken"

    @property
    def noteworthy(self) -> bool:
        """Return whether the dump was refused or is held."""
        return self.error is not None or self.held

    @property
    def remarks(self) -> tuple[Note, ...]:
        """Return the notes that operators are notified of: what was left out, not understood or guessed."""
        return _remarks(self.notes)


async def ingest(
    database: Database, dump: Dump, rules: IngestRules, now: datetime, also: Also | None = None
) -> IngestReport:
    """Ingest one dump once: the same bytes again change nothing, an unreadable dump is recorded.

    `also` runs at the end of the same transaction. Raises the errors of storage and of `also`; then nothing
    is stored, and the dump can be ingested again.
    """
    sha256 = _sha256(dump)
    with correlate(new_correlation_id(sha256)):
        known = await database.read(lambda tx: tx.dumps.find(sha256))
        if known is not None:
            log.debug("%s was ingested before", dump.name)
            return _known_already(dump, known)
        try:
            reading = read_dump(dump, rules.site)
        except UnreadableDumpError as reason:
            return await reject(database, dump.name, str(reason), sha256, dump.captured_at, rules, now)
        return await ingest_parsed(database, dump, reading, rules, now, also)


def _sha256(dump: Dump) -> str:
    """Return the hash of a capture: of its bytes, and of its address, which may name its post or its tag."""
    address = "" if dump.address is None else f"\0{dump.address}"
    return hashlib.sha256(dump.content + address.encode("utf-8", "replace")).hexdigest()


async def ingest_parsed(
    database: Database,
    dump: Dump,
    reading: ParsedDump,
    rules: IngestRules,
    now: datetime,
    also: Also | None = None,
) -> IngestReport:
    """Ingest a parsed dump; `also` runs at the end of the same transaction.

    Raises the errors of storage and of `also`; then nothing of the dump is stored.
    """
    sha256 = _sha256(dump)

    async def unit(tx: Transaction) -> IngestReport:
        earlier = await tx.dumps.find(sha256)  # another process may have ingested it meanwhile
        report = (
            _known_already(dump, earlier)
            if earlier is not None
            else await _take_in(tx, dump, sha256, reading, rules, now)
        )
        if also is not None:
            await also(tx, report)
        return report

    with correlate(new_correlation_id(sha256)):
        report = await database.write(unit, seconds=PLANNING_SECONDS)
        log.info(
            "took in %s: %s new, %s edited, %s unchanged, %s deliveries so far",
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
    """Record an unusable dump and notify the admins of the reason; `sha256` identifies its content.

    The dump id of one that was recorded before is 0.
    """
    report = IngestReport(dump=name, error=reason)

    async def unit(tx: Transaction) -> IngestReport:
        if await tx.dumps.find(sha256) is None:
            record = await tx.dumps.add(
                DumpRecord(
                    id=DumpId(0),
                    name=name,
                    sha256=sha256,
                    origin="folder",
                    layout=None,
                    captured_at=captured_at,
                    taken_in_at=now,
                    error=reason,
                )
            )
            recorded = replace(report, dump_id=record.id)
            await _notify_admins(tx, recorded, rules, now)
            return recorded
        return report

    with correlate(new_correlation_id(sha256)):
        log.warning("%s was not taken in: %s", name, reason)
        return await database.write(unit, seconds=PLANNING_SECONDS)


async def _take_in(
    tx: Transaction, dump: Dump, sha256: str, reading: ParsedDump, rules: IngestRules, now: datetime
) -> IngestReport:
    archive = await tx.posts.everything()
    first_fill = not archive
    if any(sighting.untitled for sighting in reading.sightings):
        sightings, notes = with_stored_titles(reading.sightings, archive)
        reading = replace(reading, sightings=sightings, notes=(*reading.notes, *notes))
    closed = await _closed_posts(tx, archive, reading.protected)
    is_complete = reading.format is Layout.ARCHIVE_PAGE and not reading.notes
    changes = diff(reading.sightings, archive, reading.format, dump.captured_at, is_complete=is_complete)
    quiet = first_fill or rules.silent or rules.first_reading
    old = 0 if quiet else sum(_is_old(post, dump, closed, rules.zone) for post in changes.new)
    held = not quiet and len(changes.new) - old > rules.hold_above
    record = await tx.dumps.add(
        DumpRecord(
            id=DumpId(0),
            name=dump.name,
            sha256=sha256,
            origin=dump.origin,
            layout=reading.format,
            captured_at=dump.captured_at,
            taken_in_at=now,
            sightings=len(reading.sightings),
            new=len(changes.new),
            edited=len(changes.edited),
            unchanged=changes.unchanged,
            skipped=len(reading.notes),
            held=held,
            notes=_bounded(reading.notes),
            time_known=is_time_known(dump),
        )
    )
    changes = await write_changes(tx, archive, changes, reading.sightings, record.id, dump, rules, now)
    await _remember_closed_posts(tx, closed, changes.new)
    planned = 0
    if not quiet:
        news = [post.id for post in changes.new if not _is_old(post, dump, closed, rules.zone)]
        planned = await tx.planner.announce(news, record.id, now, digest_above=rules.digest_above, held=held)
        since = now - timedelta(days=rules.edit_days)
        planned += await tx.planner.edit_sent([e.now.id for e in changes.edited], record.id, now, since)
    elif rules.first_reading and not first_fill:
        old = len(changes.new)
    report = replace(_report(record), notes=reading.notes, deliveries=planned, unannounced=old)
    await _notify_admins(tx, report, rules, now)
    return report


def is_time_known(dump: Dump) -> bool:
    """Return whether the capture time is stated or the dump was fetched live; a file's time is a guess."""
    return dump.time_known or dump.origin != "folder"


def _is_old(post: Post, dump: Dump, closed: Collection[int], zone: ZoneInfo) -> bool:
    """Return whether a new post is no news: its date lies over `OLD_NEWS` before a known capture time.

    A post that was listed behind a password until now is news whatever its date.
    """
    if not is_time_known(dump) or post.date is None or post.date_certainty is not Certainty.GIVEN:
        return False
    if post.archive_id in closed:
        return False
    return dump.captured_at.astimezone(zone).date() - post.date > OLD_NEWS


async def _closed_posts(tx: Transaction, archive: Sequence[Post], protected: Sequence[int]) -> frozenset[int]:
    """Return the archive ids of the posts that are not stored, as all dumps showed them behind a password."""
    stored = {post.archive_id for post in archive}
    before = set(json.loads(await tx.key_values.get(PROTECTED) or "[]"))
    return frozenset((before | set(protected)) - stored)


async def _remember_closed_posts(tx: Transaction, closed: frozenset[int], new: Sequence[Post]) -> None:
    left = json.dumps(sorted(closed - {post.archive_id for post in new}))
    if left != (await tx.key_values.get(PROTECTED) or "[]"):
        await tx.key_values.put(PROTECTED, left)


def _bounded(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Return the notes for the ledger, at most `MOST_NOTES` of at most `LONGEST_NOTE` characters."""
    return tuple(Note(note.kind, note.text[:LONGEST_NOTE]) for note in notes[:MOST_NOTES])


async def _notify_admins(tx: Transaction, report: IngestReport, rules: IngestRules, now: datetime) -> None:
    """Queue the notices on a dump: that it is refused or held, and once what was left out of it.

    Remarks that the previous dump of this name had as well are not repeated.
    """
    if rules.notice is None:
        return
    key = f"notice:dump:{report.dump_id}"
    if report.error is not None and rules.unreadable is not None:
        await rules.unreadable(tx, report)
    elif report.noteworthy:
        await tx.planner.notify_chats(rules.admins, key, rules.notice(report), now)
    remarks = report.remarks
    if remarks and _bounded(remarks) == _remarks(await tx.dumps.previous_notes(DumpId(report.dump_id))):
        remarks = ()
    if remarks or report.unannounced:
        text = rules.notice(replace(report, held=False, notes=remarks))
        await tx.planner.notify_chats(rules.admins, f"{key}:notes", text, now)


def _remarks(notes: Sequence[Note]) -> tuple[Note, ...]:
    return tuple(note for note in notes if note.kind in REMARKS)


def _report(record: DumpRecord) -> IngestReport:
    return IngestReport(
        dump=record.name,
        layout=record.layout,
        sightings=record.sightings,
        new=record.new,
        edited=record.edited,
        unchanged=record.unchanged,
        skipped=record.skipped,
        error=record.error,
        held=record.held,
        dump_id=record.id,
        notes=record.notes,
    )


def _known_already(dump: Dump, record: DumpRecord) -> IngestReport:
    """Return the report for a dump with recorded bytes: every sighting is unchanged."""
    return replace(
        _report(record), dump=dump.name, new=0, edited=0, unchanged=record.sightings, held=False, dump_id=0
    )

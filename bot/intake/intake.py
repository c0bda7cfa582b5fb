"""Taking a dump in: one transaction writes posts, sightings, what is understood of them, and the deliveries.

So a post is never known without the duties that it causes. Knows neither Telegram nor where dumps come from.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.intake.diff import Changes, diff, numbered
from bot.intake.layouts import Reading, Unreadable, read_dump
from bot.intake.overrides import NO_OVERRIDES, Overrides
from bot.intake.understanding import resolved, understand
from bot.intake.wording import word_places
from storage.database import Database, Transaction
from storage.model import Dump, DumpId, DumpRecord, Layout, Post, PostId, Sighting

log = logging.getLogger(__name__)

Notice = Callable[["Report"], str]
Also = Callable[[Transaction, "Report"], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
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
    notes: tuple[str, ...] = field(default=())

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


async def take_in(
    database: Database, dump: Dump, rules: Rules, now: datetime, also: Also | None = None
) -> Report:
    """Take one dump in. The same bytes are never taken in twice; what is unreadable is recorded.

    `also` is done in the same transaction, after all else.

    Raises what storage raises; then nothing of the dump is kept, and it can be taken in again.
    """
    sha256 = hashlib.sha256(dump.content).hexdigest()
    known = await database.read(lambda tx: tx.dumps.find(sha256))
    if known is not None:
        return _known_already(dump, known)
    try:
        reading = read_dump(dump)
    except Unreadable as reason:
        return await reject(database, dump.name, str(reason), sha256, dump.captured_at, rules, now)
    return await take_in_reading(database, dump, reading, rules, now, also)


async def take_in_reading(
    database: Database, dump: Dump, reading: Reading, rules: Rules, now: datetime, also: Also | None = None
) -> Report:
    """Take in a dump that was read already; `also` is done in the same transaction, after all else.

    Raises what storage and `also` raise; then nothing of the dump is kept.
    """
    sha256 = hashlib.sha256(dump.content).hexdigest()

    async def unit(tx: Transaction) -> Report:
        earlier = await tx.dumps.find(sha256)  # another process may have been faster
        report = (
            _known_already(dump, earlier)
            if earlier is not None
            else await _take_in(tx, dump, sha256, reading, rules, now)
        )
        if also is not None:
            await also(tx, report)
        return report

    report = await database.transact(unit)
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
    rules: Rules,
    now: datetime,
) -> Report:
    """Record a dump that gives nothing, and tell the admins why; `sha256` stands for what was refused."""
    report = Report(dump=name, error=reason)

    async def unit(tx: Transaction) -> Report:
        if await tx.dumps.find(sha256) is None:
            record = _record(name, sha256, "folder", None, captured_at, now)
            record = await tx.dumps.add(replace(record, error=reason))
            await _tell(tx, report, record.id, rules, now)
        return report

    log.warning("%s was not taken in: %s", name, reason)
    return await database.transact(unit)


async def _take_in(
    tx: Transaction, dump: Dump, sha256: str, reading: Reading, rules: Rules, now: datetime
) -> Report:
    archive = await tx.posts.everything()
    first_fill = not archive
    changes = diff(reading.sightings, archive, reading.layout, dump.captured_at)
    quiet = first_fill or rules.silent
    held = not quiet and len(changes.new) > rules.hold_above
    record = await tx.dumps.add(
        replace(
            _record(dump.name, sha256, dump.origin, reading.layout, dump.captured_at, now),
            sightings=len(reading.sightings),
            new=len(changes.new),
            edited=len(changes.edited),
            unchanged=changes.unchanged,
            skipped=len(reading.notes),
            held=held,
        )
    )
    changes = await _write(tx, changes, reading.sightings, record.id, dump, now)
    if changes.new or changes.touched:
        await _understand(tx, archive, changes, rules.overrides, now)
    planned = 0
    if not quiet:
        new = [post.id for post in changes.new]
        planned = await tx.planning.announce(new, record.id, now, digest_above=rules.digest_above, held=held)
        since = now - timedelta(days=rules.edit_days)
        planned += await tx.planning.edit([e.now.id for e in changes.edited], record.id, now, since)
    report = _report(record, reading, planned)
    await _tell(tx, report, record.id, rules, now)
    return report


async def _write(
    tx: Transaction, changes: Changes, seen: Sequence[Sighting], dump_id: DumpId, dump: Dump, now: datetime
) -> Changes:
    await join_posts(tx, changes.joined)
    stored = await tx.archive.add(changes.new, dump_id, now)
    await tx.archive.update(changes.touched, now)
    changes = numbered(changes, stored)
    ids = [changes.entries[place].now.id for place in changes.places]
    await tx.archive.sighted(dump_id, dump.captured_at, list(zip(ids, seen, strict=True)))
    return changes


async def join_posts(tx: Transaction, joined: Sequence[tuple[PostId, PostId]]) -> None:
    """Stored posts turned out to be others: all that hangs on them moves over."""
    for gone, heir in joined:
        log.info("the posts %s and %s are one", gone, heir)
        await tx.joining.join(gone, heir)


async def _understand(
    tx: Transaction, archive: Sequence[Post], changes: Changes, overrides: Overrides, now: datetime
) -> None:
    now_known = {post.id: post for post in archive} | {e.now.id: e.now for e in changes.entries}
    for gone, _ in changes.joined:
        del now_known[gone]
    changed = {e.now.id for e in changes.entries if e.before is None or _matters(e.before, e.now)}
    changed |= {heir for _, heir in changes.joined}
    if not changed:
        return
    whole = list(now_known.values())
    understanding = understand(whole, changed, await tx.posts.home_captures(), overrides)
    written = {entry.now.id for entry in changes.entries if entry.now != entry.before}
    again = [
        post for post in understanding.posts if post.id not in written or _derived(post, now_known[post.id])
    ]
    await tx.archive.update(again, now)
    latest = now_known | {post.id: post for post in understanding.posts}
    worded = word_places([latest[post] for post in understanding.places], await tx.scopes.words())
    places = {post: (*at, *worded.get(post, ())) for post, at in understanding.places.items()}
    await tx.archive.gather(places)
    await tx.archive.mention(understanding.mentions)
    waiting = await tx.posts.unresolved()
    await tx.archive.resolve(resolved(waiting, whole))


def _derived(post: Post, before: Post) -> bool:
    """Whether what was derived of a post stands in its own row, not only in what it is gathered under."""
    kept = (before.date, before.date_certainty, before.episode, before.style)
    return (post.date, post.date_certainty, post.episode, post.style) != kept


def _matters(before: Post, now: Post) -> bool:
    """Whether more than counts and times are different, so that what is derived may be too."""
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


async def _tell(tx: Transaction, report: Report, dump_id: DumpId, rules: Rules, now: datetime) -> None:
    if report.noteworthy and rules.notice is not None:
        await tx.planning.notice(rules.admins, f"notice:dump:{dump_id}", rules.notice(report), now)


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


def _known_already(dump: Dump, record: DumpRecord) -> Report:
    return Report(
        dump=dump.name,
        layout=record.layout,
        sightings=record.sightings,
        unchanged=record.sightings,
        skipped=record.sightings,
        error=record.error,
    )


def _report(record: DumpRecord, reading: Reading, planned: int) -> Report:
    return Report(
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

"""Periodic maintenance: expiry and pruning of deliveries, nightly backups, the scheduler."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.delivery.admin_notices import BackupsInFuture, Notice
from bot.ops.backup import back_up, copies, past_copies
from bot.supervisor import TriggeredWorker
from bot.update_dedup import KEPT
from storage.batches import BatchWriter
from storage.clock import Clock
from storage.database import Database, Transaction
from storage.send_log import SendLog

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
FIRST_SECONDS = 300.0  # after the start, which reading millions of deliveries would slow down
DAY_SECONDS = 86_400.0
SHOWN_COPIES = 3  # names in a notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Source file, target folder and number of copies of the backup."""

    source: Path
    folder: Path
    keep: int

    def newest(self, now: datetime) -> datetime | None:
        """Return the time of the newest copy that is not dated in the future."""
        return max(past_copies(self.source, self.folder, now).values(), default=None)

    def future(self, now: datetime) -> list[Path]:
        past = past_copies(self.source, self.folder, now)
        return [file for file in copies(self.source, self.folder) if file not in past]


class Maintenance(TriggeredWorker):
    """Worker that prunes the tables and makes the backup, at most once an hour."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        max_age: timedelta,
        keep: timedelta,
        backup: Backup | None = None,
        backed_up: Callable[[float], None] = lambda _at: None,
        notify: Callable[[str, Notice], object] = lambda _key, _notice: None,
    ) -> None:
        """Create the worker; `notify` gets notices for the administrators with their keys.

        `backed_up` is called with the time of the newest copy in seconds since 1970: at once, 0 for none.
        """
        super().__init__()
        self._backup = backup
        self._backed_up = backed_up
        self._notify = notify
        self._ignored: list[Path] = []
        newest = backup.newest(clock.now()) if backup is not None else None
        backed_up(newest.timestamp() if newest is not None else 0.0 if backup is not None else nan)
        self._database = database
        self._clock = clock
        self._batches = BatchWriter(database, clock)
        self._max_age = max_age
        self._keep = keep
        self._done_at: float | None = None

    async def run_once(self) -> None:
        now = self._clock.monotonic()
        if self._done_at is None:
            self._done_at = now - EVERY_SECONDS + FIRST_SECONDS
            await self.prune(history=False)
        elif now - self._done_at >= EVERY_SECONDS:
            self._done_at = now
            await self.prune()

    async def _back_up(self, backup: Backup, now: datetime) -> None:
        """Make a backup if the newest one is a day old."""
        newest = backup.newest(now)
        if (future := backup.future(now)) and future != self._ignored:
            log.warning("copies dated in the future are ignored: %s", ", ".join(file.name for file in future))
            self._notify("backup:future", BackupsInFuture(tuple(file.name for file in future[:SHOWN_COPIES])))
        self._ignored = future
        if newest is None or (now - newest).total_seconds() >= DAY_SECONDS:
            copy = await back_up(backup.source, backup.folder, keep=backup.keep, now=now)
            newest = now
            log.info("copied the database to %s", copy)
        self._backed_up(newest.timestamp())

    async def prune(self, *, history: bool = True) -> None:
        """Delete and end what is old, and make the backup; `history` is what is read whole for it."""
        now = self._clock.now()

        async def unit(tx: Transaction) -> None:
            await tx.rate_limits.prune(now)
            await tx.processed_updates.prune(now - KEPT)
            await tx.leases.prune(now - timedelta(seconds=DAY_SECONDS))

        await self._database.write(unit)
        expired = await self._expire(now)
        pruned = await self._prune_deliveries(now - self._keep) if history else 0
        await self._database.optimize()
        if self._backup is not None:
            await self._back_up(self._backup, now)
        if expired or pruned:
            log.info("%s deliveries expired, %s ended ones were deleted", expired, pruned)

    async def _expire(self, now: datetime) -> int:
        """Expire old deliveries in batches; return how many."""
        before, expired = now - self._max_age, 0
        while await self._batches.write(lambda tx, n: tx.chunks.expand(n, planned_before=before)) is not None:
            pass
        while (ids := await self._expirable(before)) is not None:
            expired += await self._expire_range(before, now, ids)
        return expired

    async def _expirable(self, before: datetime) -> tuple[int, int] | None:
        return await self._database.read(lambda tx: tx.outbox.expirable(before, self._batches.rows))

    async def _expire_range(self, before: datetime, now: datetime, ids: tuple[int, int]) -> int:
        return await self._batches.write(lambda tx, _: tx.outbox.expire(before, now, ids))

    async def _prune_deliveries(self, before: datetime) -> int:
        """Delete ended deliveries in batches; return how many."""
        after = pruned = 0
        while (ids := await self._prunable(before, after)) is not None:
            pruned += await self._prune_range(before, ids)
            after = ids[1]
        return pruned

    async def _prunable(self, before: datetime, after: int) -> tuple[int, int] | None:
        return await self._database.read(lambda tx: tx.outbox.prunable(before, after, self._batches.rows))

    async def _prune_range(self, before: datetime, ids: tuple[int, int]) -> int:
        return await self._batches.write(lambda tx, _: tx.outbox.prune(before, ids))


TICK_SECONDS = 30  # maximum delay of a digest or a prune


def make_schedule(
    *, scan: Callable[[], None], scan_seconds: float, tick: Callable[[], None]
) -> AsyncIOScheduler:
    """Return a scheduler, not started: `scan` every `scan_seconds`, `tick` every TICK_SECONDS."""
    schedule = AsyncIOScheduler(
        timezone=UTC,
        # The default grace time drops a job that is a second late.
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    schedule.add_job(_async(scan), "interval", seconds=scan_seconds, id="scan")
    schedule.add_job(_async(tick), "interval", seconds=TICK_SECONDS, id="tick")
    return schedule


def _async(wake: Callable[[], None]) -> Callable[[], object]:
    async def job() -> None:
        wake()

    return job


async def end_lost_claims(database: Database, begun: SendLog | None, now: datetime, *, resend: bool) -> None:
    """End the claims of a crashed process at the start, on SQLite only, where no other process runs.

    With several processes, claims end with their leases instead.
    """
    if database.is_multi_process:
        return
    left = None if begun is None else begun.read()

    async def unit(tx: Transaction) -> None:
        await tx.outbox.end_claims(left, now, resend=resend)

    await database.write(unit)
    if begun is not None:
        begun.reset()

"""Health checks and figures of the running bot."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.clock import Clock
from bot.delivery.worker import DeliveryWorker
from bot.ops.http import Check
from bot.ops.metrics import Figures
from bot.text_sanitizer import redact_url
from storage.database import Database, Transaction
from storage.model import DeliveryId, Source

DATABASE_SECONDS = 10.0  # the longest wait for the database's answer
TURN_SECONDS = 40.0  # without a transaction of the sender, after which it counts as stuck
SILENT_SECONDS = 10.0  # without an answer, from which on Telegram counts as silent
BEHIND_SECONDS = 900.0  # without a claim although something is due, after which sending counts as stuck


@dataclass(slots=True)
class QueueHead:
    """The delivery that the next claim would take; while it changes, sending goes on."""

    delivery: DeliveryId | None = None
    since: float = 0.0

    def age(self, found: DeliveryId | None, now: float) -> float:
        """Return the seconds, up to `now`, for which `found` has been seen at the head."""
        if found is None or found != self.delivery:
            self.delivery, self.since = found, now
        return now - self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChecks:
    """`sender` is None until Telegram was reached; `alive` returns whether a supervised task runs."""

    database: Database
    clock: Clock
    sender: Callable[[], DeliveryWorker | None]
    alive: Callable[[str], bool]
    ticking: Callable[[], bool]
    held: Callable[[], bool] = lambda: True
    _head: QueueHead = field(default_factory=QueueHead)

    async def ready(self) -> Mapping[str, Check]:
        """Return the check of every part that must work."""
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                unclaimed = self._head.age(await self.database.read(self._next_claim), self.clock.monotonic())
        except (TimeoutError, OSError) as error:
            return {"database": Check(False, f"no answer within {DATABASE_SECONDS:.0f} s ({error!r})")}
        return {
            "database": Check(True),  # it has just answered
            "lease": Check(self.held()),
            "scheduler": Check(self.ticking()),
            "dump folder": Check(self.alive("watch")),
            "sender": self._sending(),
            "outbox": Check(unclaimed < BEHIND_SECONDS, f"nothing due was claimed for {unclaimed:.0f} s"),
        }

    async def figures(self) -> Figures:
        now = self.clock.now()

        async def unit(tx: Transaction) -> Figures:
            counts = await tx.outbox.counts()
            return Figures(
                deliveries={str(state): count for state, count in counts.items()},
                oldest_due_age=_age(await tx.outbox.oldest_due(), now),
                posts=await tx.posts.count(),
                source_ages={redact_url(one.url): _read_ago(one, now) for one in await tx.dumps.sources()},
            )

        return await self.database.read(unit)

    async def _next_claim(self, tx: Transaction) -> DeliveryId | None:
        return await tx.outbox.next_claim(await tx.now(self.clock.now()))

    def _sending(self) -> Check:
        sender = self.sender()
        if sender is None:
            return Check(False, "Telegram was not reached yet")
        if sender.stopped is not None:
            return Check(False, sender.stopped.reason)
        if sender.breaker.open_for(self.clock.monotonic()) > SILENT_SECONDS:
            return Check(False, "Telegram does not answer; sending waits and probes")
        idle = self.clock.monotonic() - sender.last_turn
        if idle > TURN_SECONDS:
            return Check(False, f"the last transaction ended {idle:.0f} s ago")
        return Check(self.alive("sender"))


def _age(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds())


def _read_ago(source: Source, now: datetime) -> float:
    """Return the seconds since the source was last read, or since its first failure."""
    return _age(source.last_success or source.failing_since, now) or 0.0

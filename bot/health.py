"""Health checks and figures of the running bot."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.clock import Clock
from bot.delivery.worker import DeliveryWorker
from bot.ops.http import Check
from bot.ops.metrics import Figures
from bot.text_sanitizer import redact_url
from storage.database import Database, Transaction
from storage.model import Source

DATABASE_SECONDS = 10.0  # the longest wait for the database's answer
TURN_SECONDS = 40.0  # without a transaction of the sender, after which it counts as stuck
SILENT_SECONDS = 10.0  # without an answer, from which on Telegram counts as silent
BEHIND_SECONDS = 900.0  # a delivery due for longer means that sending does not keep up


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChecks:
    """`sender` is None until Telegram was reached; `alive` returns whether a supervised task runs."""

    database: Database
    clock: Clock
    sender: Callable[[], DeliveryWorker | None]
    alive: Callable[[str], bool]
    ticking: Callable[[], bool]
    held: Callable[[], bool] = lambda: True

    async def ready(self) -> Mapping[str, Check]:
        """Return the check of every part that must work."""
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                age = await self._oldest_age()
        except (TimeoutError, OSError) as error:
            return {"database": Check(False, f"no answer within {DATABASE_SECONDS:.0f} s ({error!r})")}
        return {
            "database": Check(True),  # it has just answered
            "lease": Check(self.held()),
            "scheduler": Check(self.ticking()),
            "dump folder": Check(self.alive("watch")),
            "sender": self._sending(),
            "outbox": Check(age is None or age < BEHIND_SECONDS, f"oldest due for {age or 0:.0f} s"),
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

    async def _oldest_age(self) -> float | None:
        return _age(await self.database.read(lambda tx: tx.outbox.oldest_due()), self.clock.now())

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

"""What is done now and then without being asked: old duties end, ended ones are forgotten."""

import asyncio
import logging
from datetime import timedelta

from bot.clock import Clock
from storage.database import Database, Transaction

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0


class Housekeeper:
    """Keeps the outbox small; woken by the schedule, works at most once an hour."""

    def __init__(self, database: Database, clock: Clock, *, max_age: timedelta, keep: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._max_age = max_age
        self._keep = keep
        self._done_at: float | None = None
        self._news = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        self._news.set()

    def stop(self) -> None:
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        while not self._stopping:
            now = self._clock.monotonic()
            if self._done_at is None or now - self._done_at >= EVERY_SECONDS:
                self._done_at = now
                await self.tidy()
            self._news.clear()
            await self._news.wait()

    async def tidy(self) -> None:
        now = self._clock.now()

        async def unit(tx: Transaction) -> tuple[int, int]:
            return await tx.outbox.expire(now - self._max_age, now), await tx.outbox.prune(now - self._keep)

        expired, pruned = await self._database.transact(unit)
        if expired or pruned:
            log.info("%s deliveries waited too long, %s ended ones are forgotten", expired, pruned)

"""Worker for time-based deliveries: digests, the end of quiet hours, lessons.

Everything follows from the rows and the clock, so a restart loses and repeats nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from bot.clock import Clock
from bot.delivery.courses import plan_due_lessons
from bot.delivery.due_times import Due, dedup_key_of, due
from bot.supervisor import TriggeredWorker
from storage.database import Database, Transaction
from storage.model import DestinationId, Rhythm, When

BATCH_PAUSE_SECONDS = 0.15  # SQLite's waiting writers look for the lock every 0.1 s

log = logging.getLogger(__name__)


class DueWorker(TriggeredWorker):
    """Turns what has become due into deliveries."""

    def __init__(
        self, database: Database, clock: Clock, *, digest_above: int, planned: Callable[[], None]
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._digest_above = digest_above
        self._planned = planned

    async def run_once(self) -> None:
        await self.advance_plans()
        await self.tick()

    async def advance_plans(self) -> None:
        """Carry out what is planned in batches, with a pause behind each for other writers."""
        if not await self._database.read(lambda tx: tx.planner.has_plans()):
            return
        while (planned := await self._database.write(lambda tx: tx.planner.advance())) is not None:
            if planned:
                self._planned()
            await asyncio.sleep(BATCH_PAUSE_SECONDS)

    async def tick(self) -> int:
        """Plan everything that is due now and return the number of deliveries."""
        now = self._clock.now()
        planned = 0
        # Looked at first without the write lock, which the sender wants too.
        for rhythm, moment in await self._database.read(lambda tx: due_rhythms(tx, now)):
            planned += await self._plan(rhythm, moment, now)
        planned += await plan_due_lessons(self._database, now)
        if planned:
            log.info("%s digests, held back posts and lessons are due", planned)
            self._planned()
        return planned

    async def _plan(self, rhythm: Rhythm, moment: Due, now: datetime) -> int:
        """Plan everything due of this rhythm in batches, with a pause behind each for other writers."""
        most = self._digest_above if rhythm.when is When.INSTANT else 0
        dedup_key, after, planned = dedup_key_of(rhythm, moment.day), DestinationId(0), 0
        while True:
            count, last = await self._database.write(
                partial(_plan_batch, rhythm, moment.until, dedup_key, now, most, after)
            )
            planned += count
            if last is None:
                return planned
            after = last
            self._planned()
            await asyncio.sleep(BATCH_PAUSE_SECONDS)


async def _plan_batch(
    rhythm: Rhythm,
    until: datetime,
    dedup_key: str,
    now: datetime,
    most: int,
    after: DestinationId,
    tx: Transaction,
) -> tuple[int, DestinationId | None]:
    return await tx.waiting.plan(rhythm, until, dedup_key, now, digest_above=most, after=after)


async def due_rhythms(tx: Transaction, now: datetime) -> list[tuple[Rhythm, Due]]:
    """Return the rhythms with something due at `now`."""
    found = [(rhythm, since, due(rhythm, now)) for rhythm, since in await tx.waiting.rhythms()]
    return [
        (rhythm, moment) for rhythm, since, moment in found if moment is not None and since <= moment.until
    ]

"""Batch writer: many rows in transactions so short that other writers wait little."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from storage.clock import Clock
from storage.database import Database, Transaction

T = TypeVar("T")

AIM_SECONDS = 0.2  # of one transaction
PAUSE_SECONDS = 0.15  # SQLite's waiting writers look for the lock every 0.1 s
FIRST_ROWS, LEAST_ROWS, MOST_ROWS = 2000, 250, 10_000


def adapted(rows: int, seconds: float) -> int:
    """Return the rows of the next batch after one of `rows` that took `seconds`."""
    factor = AIM_SECONDS / seconds if seconds > 0 else 2.0
    return max(LEAST_ROWS, min(round(rows * max(0.25, min(factor, 2.0))), MOST_ROWS))


class BatchWriter:
    """Runs writing transactions one after the other, with a pause for other writers between them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._ended = -PAUSE_SECONDS
        self.rows = FIRST_ROWS

    async def write(self, fn: Callable[[Transaction, int], Awaitable[T]]) -> T:
        """Run `fn` in a writing transaction; it is given how many rows it should write."""

        async def unit(tx: Transaction) -> tuple[T, float]:
            begun = self._clock.monotonic()  # the wait for the lock is over
            return await fn(tx, self.rows), self._clock.monotonic() - begun

        if (pause := self._ended + PAUSE_SECONDS - self._clock.monotonic()) > 0:
            await asyncio.sleep(pause)
        done, seconds = await self._database.write(unit)
        self.rows = adapted(self.rows, seconds)
        self._ended = self._clock.monotonic()
        return done

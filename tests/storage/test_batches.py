"""Batch writer: batches as large as fit into the aim, with a pause between them."""

import asyncio

import pytest

from storage.batches import (
    AIM_SECONDS,
    FIRST_ROWS,
    LEAST_ROWS,
    MOST_ROWS,
    PAUSE_SECONDS,
    BatchWriter,
    adapted,
)
from storage.clock import SystemClock
from storage.database import Database, Transaction


@pytest.mark.parametrize(
    ("rows", "seconds", "next_rows"),
    [
        (2000, AIM_SECONDS, 2000),
        (2000, 2 * AIM_SECONDS, 1000),
        (2000, 100 * AIM_SECONDS, 500),  # not less than a quarter: one slow batch may be chance
        (2000, AIM_SECONDS / 100, 4000),
        (2000, 0, 4000),
        (LEAST_ROWS, 100.0, LEAST_ROWS),
        (MOST_ROWS, 0.0, MOST_ROWS),
    ],
)
def test_a_batch_follows_from_the_time_of_the_last(rows: int, seconds: float, next_rows: int) -> None:
    assert adapted(rows, seconds) == next_rows


async def test_others_write_between_two_batches(database: Database) -> None:
    """Another writer that looks for the lock again and again is never locked out for two batches."""
    batches, order = BatchWriter(database, SystemClock()), list[str]()
    asked = list[int]()

    async def batch(tx: Transaction, rows: int) -> None:
        await tx.key_values.put("batch", "1")
        asked.append(rows)
        order.append("batch")
        await asyncio.sleep(PAUSE_SECONDS)

    async def other(tx: Transaction) -> None:
        await tx.key_values.put("other", "1")
        order.append("other")

    async def others() -> None:
        while order.count("batch") < 4:
            await database.write(other)

    async with asyncio.TaskGroup() as group:
        group.create_task(others())
        for _ in range(4):
            await batches.write(batch)
    assert asked[0] == FIRST_ROWS
    assert "batch batch" not in " ".join(order)

"""The pace of one process: answers go before pushes or, where they would be late, not at all; asked twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from prometheus_client import CollectorRegistry

from bot.ops.metrics import Metrics
from bot.rate_limit.in_process import RateLimiter
from bot.rate_limit.scheduler import Limits, SendScheduler
from storage.clock import SystemClock
from storage.database import Database
from tests.delivery.archive import database_in

METRICS = Metrics(CollectorRegistry(), version="")


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with database_in(tmp_path) as opened:
        yield opened


async def test_an_answer_that_would_come_too_late_keeps_no_slot(database: Database) -> None:
    scheduler, clock = SendScheduler(Limits(per_second=2)), SystemClock()
    limiter = RateLimiter(database, scheduler, clock, METRICS)
    assert await limiter.acquire_for_answer(1, True, 30.0)
    assert await limiter.acquire_for_answer(2, True, 30.0)
    assert not await limiter.acquire_for_answer(3, True, 0.2)
    now = clock.monotonic()
    assert scheduler.ready_at(now, 3, private=True) == now
    assert not await limiter.acquire_for_answer(1, True, 0.2)
    now = clock.monotonic()
    assert scheduler.ready_at(now, 1, private=True) - now < 1.0, "only the first was counted"


async def test_an_answer_is_refused_at_once_where_many_wait(database: Database) -> None:
    """Each waiting one costs memory, and none of the last could be said in time."""
    limiter = RateLimiter(database, SendScheduler(Limits(per_second=2)), SystemClock(), METRICS)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(limiter.acquire_for_answer(chat, True, 30.0)) for chat in range(1, 70)]
        await asyncio.sleep(0)
        async with asyncio.timeout(1):
            assert await limiter.acquire_for_answer(99, True, 30.0) is None
        for each in asked:
            each.cancel()


async def test_what_was_let_go_and_leaves_late_is_counted_when_it_leaves(database: Database) -> None:
    scheduler, clock = SendScheduler(Limits(per_second=1)), SystemClock()
    limiter = RateLimiter(database, scheduler, clock, METRICS)
    slot = await limiter.acquire_for_answer(1, True, 30.0)
    assert slot is not None
    await asyncio.sleep(0.1)
    await slot.acquire()
    slot.mark_sent()
    now = clock.monotonic()
    assert 1.025 - 0.05 < scheduler.ready_at(now, 1, private=True) - now <= 1.025


async def test_what_is_too_late_at_the_wire_waits_for_another_slot(database: Database) -> None:
    clock = SystemClock()
    limits = Limits(per_second=10, private_gap=0.3)
    limiter = RateLimiter(database, SendScheduler(limits), clock, METRICS)
    first = await limiter.acquire_for_answer(1, True, 30.0)
    await asyncio.sleep(0.35)
    second = await limiter.acquire_for_answer(1, True, 30.0)
    assert first is not None
    assert second is not None
    asked = clock.monotonic()
    await first.acquire()
    assert clock.monotonic() - asked > 0.25, "the chat was written to by the second meanwhile"

"""The pace of one process: answers go before pushes or, where they would be late, not at all; asked twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from prometheus_client import CollectorRegistry

from bot.clock import SystemClock
from bot.ops.metrics import make_metrics
from bot.rate_limit.in_process import InProcessRateLimiter
from bot.rate_limit.limits import Limits
from bot.rate_limit.scheduler import SendScheduler
from storage.database import Database
from tests.delivery.archive import database_in

METRICS = make_metrics(CollectorRegistry(), version="")


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with database_in(tmp_path) as opened:
        yield opened


async def test_an_answer_that_would_come_too_late_is_not_booked(database: Database) -> None:
    """It would exceed the limit of its second, or keep an unused slot."""
    pacing = SendScheduler(Limits(per_second=2))
    pace = InProcessRateLimiter(database, pacing, SystemClock(), METRICS)
    assert await pace.acquire_for_answer(1, True, 30.0)
    assert await pace.acquire_for_answer(2, True, 30.0)
    booked = pacing.starts
    assert not await pace.acquire_for_answer(3, True, 0.5)
    assert pacing.starts == booked


async def test_what_was_let_go_and_leaves_late_is_counted_when_it_leaves(database: Database) -> None:
    pacing, clock = SendScheduler(Limits(per_second=1)), SystemClock()
    pace = InProcessRateLimiter(database, pacing, clock, METRICS)
    slot = await pace.acquire_for_answer(1, True, 30.0)
    assert slot is not None
    await asyncio.sleep(0.1)
    await slot.acquire()
    slot.mark_sent()
    (counted,) = pacing.starts_of(1)
    assert 0 <= clock.monotonic() - counted < 0.05

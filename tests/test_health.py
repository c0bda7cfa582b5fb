"""Readiness: a long queue is no failure, one whose head nothing claims is."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.delivery.worker import DeliveryWorker
from bot.health import BEHIND_SECONDS, HealthChecks
from storage import enqueue
from storage.database import Database, Transaction
from storage.model import ChatKind, Delivery
from tests.delivery.archive import THEN, essay, store

pytestmark = pytest.mark.both_databases


class SetClock:
    """A clock whose monotonic seconds are set."""

    seconds = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.seconds


async def announce(tx: Transaction) -> None:
    everything = await tx.scopes.everything()
    for number in range(3):
        to = await tx.destinations.ensure(number + 1, None, ChatKind.PRIVATE, "", THEN)
        await tx.destinations.subscribe(to.id, everything.id, THEN)
    dump, (post,) = await store(tx, [essay("一")])
    await tx.planner.announce([post.id], dump, THEN, digest_above=3)


async def claim(tx: Transaction) -> list[Delivery]:
    return await tx.outbox.claim(1, datetime.now(UTC), timedelta(minutes=1))


def no_sender() -> DeliveryWorker | None:
    return None


def outbox_check(database: Database, clock: SetClock) -> Callable[[], Awaitable[bool]]:
    health = HealthChecks(
        database=database, clock=clock, sender=no_sender, alive=lambda _: True, ticking=lambda: True
    )

    async def is_ok() -> bool:
        return (await health.ready())["outbox"].ok

    return is_ok


async def test_a_queue_is_a_failure_only_if_nothing_is_claimed(database: Database) -> None:
    await database.write(announce)
    clock = SetClock()
    is_ok = outbox_check(database, clock)

    for _ in range(3):  # due for days, and the queue moves
        assert await is_ok()
        clock.seconds += BEHIND_SECONDS - 1
        assert await is_ok()
        assert len(await database.write(claim)) == 1
    clock.seconds += 10 * BEHIND_SECONDS
    assert await is_ok(), "what is being sent is not waited for here"
    await database.write(lambda tx: tx.outbox.recover(datetime.now(UTC), resend=True, everything=True))
    assert await is_ok()
    clock.seconds += BEHIND_SECONDS
    assert not await is_ok()


async def test_a_chunk_that_becomes_no_rows_is_a_failure(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueue, "AHEAD", 0)
    await database.write(announce)
    clock = SetClock()
    is_ok = outbox_check(database, clock)

    assert await is_ok()
    clock.seconds += BEHIND_SECONDS
    assert not await is_ok()
    await database.write(lambda tx: tx.chunks.expand(1))
    assert await is_ok(), "its rows are waited for from now on"


async def test_a_database_without_an_answer_is_a_failure(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.health.DATABASE_SECONDS", 0.0)
    health = HealthChecks(
        database=database, clock=SetClock(), sender=no_sender, alive=lambda _: True, ticking=lambda: True
    )
    started = time.monotonic()
    assert not (await health.ready())["database"].ok
    assert time.monotonic() - started < 5

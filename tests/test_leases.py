"""Holding a lease by this process's own clock: never longer than the database would say."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio

from bot.leases import SPAN_SECONDS, LeaseHolder
from storage.database import Database, open_database
from tests.tools.postgres import MakeUrl


class Hands:
    """A clock that is set by hand; the database has its own."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest_asyncio.fixture
async def shared(postgres: MakeUrl) -> AsyncIterator[Database]:
    opened = await open_database(postgres())
    yield opened
    await opened.close()


async def test_one_that_was_frozen_does_not_believe_that_it_holds(shared: Database) -> None:
    clock = Hands()
    holding = LeaseHolder(shared, clock, "updates", "a")
    assert not holding.is_held()
    assert await holding.renew()
    assert holding.is_held()
    clock.seconds += SPAN_SECONDS
    assert not holding.is_held()
    token = holding.token
    assert await holding.renew(), "nobody took it meanwhile: the database's clock did not go on"
    assert (holding.is_held(), holding.token) == (True, token)


async def test_another_gets_it_when_it_is_given_back_and_the_first_never_again(shared: Database) -> None:
    first, second = (LeaseHolder(shared, Hands(), "updates", owner) for owner in ("a", "b"))
    assert await first.renew()
    assert not await second.renew()
    await first.release()
    assert not first.is_held()
    assert await second.renew()
    assert not await first.renew()
    assert second.is_held()


async def test_a_new_holding_has_another_token(shared: Database) -> None:
    holding = LeaseHolder(shared, Hands(), "updates", "a")
    await holding.renew()
    before = holding.token
    await shared.write(lambda tx: tx.leases.release("updates", before))
    assert await holding.renew()
    assert holding.token != before


async def test_where_there_is_one_process_it_always_holds(tmp_path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path}/kexue.db")
    holding = LeaseHolder(database, Hands(), "updates", "a")
    assert holding.is_held()
    assert await holding.renew()
    await holding.release()
    await database.close()

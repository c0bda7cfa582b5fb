"""Holding a lease by this process's own clock: never longer than the database would say."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio

from bot.leases import SPAN_SECONDS, Holding
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
    holding = Holding(shared, clock, "updates", "a")
    assert not holding.held()
    assert await holding.keep()
    assert holding.held()
    clock.seconds += SPAN_SECONDS
    assert not holding.held()
    token = holding.token
    assert await holding.keep(), "nobody took it meanwhile: the database's clock did not go on"
    assert (holding.held(), holding.token) == (True, token)


async def test_another_gets_it_when_it_is_given_back_and_the_first_never_again(shared: Database) -> None:
    first, second = (Holding(shared, Hands(), "updates", owner) for owner in ("a", "b"))
    assert await first.keep()
    assert not await second.keep()
    await first.give_back()
    assert not first.held()
    assert await second.keep()
    assert not await first.keep()
    assert second.held()


async def test_a_new_holding_has_another_token(shared: Database) -> None:
    holding = Holding(shared, Hands(), "updates", "a")
    await holding.keep()
    before = holding.token
    await shared.transact(lambda tx: tx.leases.give_back("updates", before))
    assert await holding.keep()
    assert holding.token != before


async def test_where_there_is_one_process_it_always_holds(tmp_path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path}/kexue.db")
    holding = Holding(database, Hands(), "updates", "a")
    assert holding.held()
    assert await holding.keep()
    await holding.give_back()
    await database.close()

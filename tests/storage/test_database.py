"""Units of work that come in each other's way: one at a time, or run again until they are through."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage.database import TRIES, ClosedDatabaseError, Database, Transaction, open_database, passing
from tests.tools.databases import rows
from tests.tools.postgres import MakeUrl


@pytest_asyncio.fixture
async def shared(postgres: MakeUrl) -> AsyncIterator[Database]:
    opened = await open_database(postgres())
    yield opened
    await opened.close()


async def say(tx: Transaction, words: str) -> None:
    await tx.key_values._connection.execute(text(words))


async def put(database: Database, name: str, value: str) -> None:
    await database.write(lambda tx: tx.key_values.put(name, value))


async def test_units_that_read_and_then_write_do_not_overtake_each_other(database: Database) -> None:
    await put(database, "count", "0")

    async def unit(tx: Transaction) -> None:
        count = int(await tx.key_values.get("count") or 0)
        await asyncio.sleep(0)
        await tx.key_values.put("count", str(count + 1))

    await asyncio.gather(*(database.write(unit) for _ in range(20)))
    assert await database.read(lambda tx: tx.key_values.get("count")) == "20"


async def test_units_that_wait_for_each_other_both_end(shared: Database) -> None:
    for name in ("a", "b"):
        await put(shared, name, "")
    both = asyncio.Barrier(2)
    tries: list[str] = []

    async def unit(tx: Transaction, first: str, second: str) -> None:
        tries.append(first)
        await tx.key_values.put(first, first)
        if tries.count(first) == 1:
            await both.wait()
        await tx.key_values.put(second, first)

    await asyncio.gather(
        shared.write(lambda tx: unit(tx, "a", "b"), exclusive=False),
        shared.write(lambda tx: unit(tx, "b", "a"), exclusive=False),
    )
    assert len(tries) == 3, "one of them was broken off and run again"


async def test_a_unit_whose_connection_is_lost_is_run_again(shared: Database) -> None:
    runs = 0

    async def unit(tx: Transaction) -> str | None:
        nonlocal runs
        runs += 1
        await tx.key_values.put("a", str(runs))
        if runs == 1:
            await say(tx, "SELECT pg_terminate_backend(pg_backend_pid())")
        return await tx.key_values.get("a")

    assert await shared.write(unit) == "2"
    assert await shared.read(lambda tx: tx.key_values.get("a")) == "2"


async def test_a_unit_that_is_always_broken_off_fails_in_the_end(shared: Database, tmp_path: Path) -> None:
    runs = 0

    async def unit(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        await say(tx, "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")

    with pytest.raises(DBAPIError, match="again"):
        await shared.write(unit)
    assert runs == TRIES


async def test_a_mistake_is_not_repeated(database: Database) -> None:
    runs = 0

    async def unit(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        await say(tx, "INSERT INTO facts (name) VALUES ('a')")

    with pytest.raises(IntegrityError) as raised:
        await database.write(unit)
    assert runs == 1
    assert not passing(raised.value)


async def test_two_that_start_at_once_both_find_todays_schema(postgres: MakeUrl) -> None:
    url = postgres()
    opened = await asyncio.gather(*(open_database(url) for _ in range(3)))
    for one in opened:
        assert (await one.read(lambda tx: tx.scopes.everything())).id == 1
        await one.close()


async def test_a_database_that_closes_ends_what_runs_and_begins_nothing(database: Database) -> None:
    """A unit that began while others are waited for would leave its connection to the garbage collector."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def unit(tx: Transaction) -> None:
        begun.set()
        await go_on.wait()
        await tx.key_values.put("a", "written")

    async with asyncio.TaskGroup() as group:
        running = group.create_task(database.write(unit))
        await begun.wait()
        closing = group.create_task(database.close())
        await asyncio.sleep(0)
        try:
            with pytest.raises(ClosedDatabaseError):
                await database.read(lambda tx: tx.key_values.get("a"))
            assert not closing.done()
        finally:
            go_on.set()
    assert running.exception() is None
    with pytest.raises(ClosedDatabaseError):
        await put(database, "a", "late")
    url = database.engine.url.render_as_string(hide_password=False)
    assert await asyncio.to_thread(rows, url, "SELECT value FROM facts WHERE name = 'a'") == [("written",)]

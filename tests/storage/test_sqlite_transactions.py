"""SQLite transactions: when the lock is taken, what a reading one may do, how rows are streamed."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.database import Database
from storage.engine import READ_ONLY, create_engine

MANY = 1507


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "numbers.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY, word TEXT)")
        connection.executemany("INSERT INTO numbers (n) VALUES (?)", [(n,) for n in range(MANY)])
        connection.commit()
    return file


@pytest_asyncio.fixture
async def engine(file: Path) -> AsyncIterator[AsyncEngine]:
    """Yield an engine with one connection."""
    engine = create_engine(f"sqlite+aiosqlite:///{file}", pool_size=1)
    yield engine
    await engine.dispose()


async def numbers(connection: AsyncConnection, most: int = MANY) -> list[int]:
    return list((await connection.execute(text(f"SELECT n FROM numbers ORDER BY n LIMIT {most}"))).scalars())


async def one_read(connection: AsyncConnection) -> None:
    assert await numbers(connection, 1) == [0]


async def one_write(connection: AsyncConnection) -> None:
    await connection.execute(text("UPDATE numbers SET word = 'w' WHERE n = 1"))


async def test_many_rows_come_whole_and_in_order(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await numbers(connection) == list(range(MANY))
        streamed = await connection.stream(text("SELECT n FROM numbers ORDER BY n"))
        assert [row.n async for row in streamed] == list(range(MANY))
        parts = await connection.stream(text("SELECT n FROM numbers ORDER BY n"))
        assert [len(part) async for part in parts.partitions(1000)] == [1000, MANY - 1000]
        stopped = await connection.stream(text("SELECT n FROM numbers ORDER BY n"))
        first = await stopped.fetchone()
        await stopped.close()
        assert first == (0,)
        assert await numbers(connection, 2) == [0, 1]


async def test_rows_that_were_written_are_counted_and_returned(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        assert (await connection.execute(text("UPDATE numbers SET word = 'a'"))).rowcount == MANY
        made = await connection.execute(text("DELETE FROM numbers WHERE n < 600 RETURNING n"))
        assert sorted(made.scalars()) == list(range(600))
    async with engine.begin() as connection:
        assert (await numbers(connection))[0] == 600


async def test_a_transaction_that_writes_has_the_lock_before_its_first_statement(
    engine: AsyncEngine, file: Path
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as other:
        async with engine.begin():
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")


async def test_where_it_cannot_begin_nothing_is_written(engine: AsyncEngine, file: Path) -> None:
    async def writes() -> None:
        async with engine.begin() as connection:
            await one_write(connection)

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        async with engine.connect() as connection:
            await connection.execute(text("PRAGMA busy_timeout=0"))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            await writes()
        other.execute("ROLLBACK")
        assert other.execute("SELECT count(*) FROM numbers WHERE word = 'w'").fetchone() == (0,)
        await writes()
        assert other.execute("SELECT count(*) FROM numbers WHERE word = 'w'").fetchone() == (1,)


async def test_reading_and_writing_take_turns_on_one_connection(engine: AsyncEngine) -> None:
    for _ in range(2):
        async with engine.connect() as connection:
            await connection.execution_options(**{READ_ONLY: True})
            async with connection.begin():
                await one_read(connection)
                with pytest.raises(OperationalError, match="readonly"):
                    await one_write(connection)
        async with engine.begin() as connection:
            await one_write(connection)


async def test_a_unit_that_failed_leaves_nothing_behind(engine: AsyncEngine) -> None:
    async def breaks() -> None:
        async with engine.begin() as connection:
            await one_write(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaks()
    async with engine.begin() as connection:
        found = await connection.execute(text("SELECT count(*) FROM numbers WHERE word = 'w'"))
        assert found.scalar_one() == 0


async def test_autocommit_is_one_transaction_with_no_further_statements(engine: AsyncEngine) -> None:
    await Database(engine).write(lambda tx: one_write(tx.connection), autocommit=True)
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        assert raw.driver_connection.isolation_level is None, "a level is set anew with each change"

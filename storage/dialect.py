"""The few places where SQLite and PostgreSQL want different words for the same thing."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Executable, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


def upsert(connection: AsyncConnection, table: Table) -> sqlite.Insert:
    """An INSERT that can take ON CONFLICT. Both dialects' classes have the same methods for it."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)  # type: ignore[return-value]


def few_lengths(values: Iterable[T]) -> list[T]:
    """The same values, the last repeated up to a power of two: for an IN list of a statement that runs often.

    Each length is a statement of its own, which the driver compiles and keeps for every connection.
    """
    given = list(values)
    return given + given[-1:] * ((1 << (len(given) - 1).bit_length()) - len(given)) if given else given


async def written(connection: AsyncConnection, statement: Executable) -> int:
    """Execute an INSERT … SELECT and return how many rows it wrote.

    Python's SQLite driver does not count what a statement writes that begins with WITH; SQLite itself does.
    """
    result = await connection.execute(statement, execution_options={"preserve_rowcount": True})
    if connection.dialect.name == "sqlite":
        return int((await connection.execute(select(func.changes()))).scalar_one())
    return int(result.rowcount)


async def now_on(connection: AsyncConnection, given: datetime) -> datetime:
    """The time that all who share the database agree on: its own clock's, or `given` where nobody else is.

    On PostgreSQL the moment of asking, not of the transaction's beginning, which may lie before a wait.
    """
    if connection.dialect.name == "sqlite":
        return given
    asked: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    return asked.astimezone(UTC)


async def next_ids(connection: AsyncConnection, table: Table, count: int) -> list[int]:
    """Ids for `count` new rows of `table`, ascending; on SQLite they hold within a writing transaction."""
    if connection.dialect.name == "sqlite":
        last = select(func.coalesce(func.max(table.c.id), 0))
        first = int((await connection.execute(last)).scalar_one()) + 1
        return list(range(first, first + count))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    numbers = select(func.nextval(sequence)).select_from(func.generate_series(1, count))
    return sorted((await connection.execute(numbers)).scalars())

"""The few places where SQLite and PostgreSQL want different words for the same thing."""

from sqlalchemy import Executable, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def upsert(connection: AsyncConnection, table: Table) -> sqlite.Insert:
    """An INSERT that can take ON CONFLICT. Both dialects' classes have the same methods for it."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)  # type: ignore[return-value]


async def written(connection: AsyncConnection, statement: Executable) -> int:
    """Execute an INSERT … SELECT and return how many rows it wrote.

    Python's SQLite driver does not count what a statement writes that begins with WITH; SQLite itself does.
    """
    result = await connection.execute(statement, execution_options={"preserve_rowcount": True})
    if connection.dialect.name == "sqlite":
        return int((await connection.execute(select(func.changes()))).scalar_one())
    return int(result.rowcount)

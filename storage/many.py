"""One statement for many rows, at little more than what the database itself takes for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Insert, Update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Delete


async def run_many(
    connection: AsyncConnection, statement: Insert | Update | Delete, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Execute `statement` once for each of `rows`, which all name the same parameters. Nothing is returned.

    SQLAlchemy puts the parameters of every row together anew, at several times the cost of writing the row;
    here the statement is compiled once, and the types' own conversions are all that is done for a row.
    """
    if not rows:
        return
    names = list(rows[0])
    keys = names if isinstance(statement, Insert) else None
    compiled = statement.compile(dialect=connection.dialect, column_keys=keys)
    assert isinstance(compiled, SQLCompiler)
    order = compiled.positiontup or names
    conversions = [
        compiled.binds[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
        for name in order
    ]
    columns = [
        [row[name] for row in rows] if convert is None else [convert(row[name]) for row in rows]
        for name, convert in zip(order, conversions, strict=True)
    ]
    await connection.exec_driver_sql(compiled.string, list(zip(*columns, strict=True)))

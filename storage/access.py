"""Data access object: base of the classes that read and write one concern within a transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, CursorResult, Executable, Row, RowMapping, Table, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import upsert

Given = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class DataAccess:
    """Statements on the connection of one transaction; `given` are the values of their parameters."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def _rows(self, statement: Executable, given: Given = None) -> Sequence[Row[*tuple[Any, ...]]]:
        return (await self._connection.execute(statement, given)).all()

    async def _first(self, statement: Executable, given: Given = None) -> Row[*tuple[Any, ...]] | None:
        return (await self._connection.execute(statement, given)).first()

    async def _mappings(self, statement: Executable, given: Given = None) -> Sequence[RowMapping]:
        return (await self._connection.execute(statement, given)).mappings().all()

    async def _column(self, statement: Executable, given: Given = None) -> list[Any]:
        """Return the first value of each row."""
        return list((await self._connection.execute(statement, given)).scalars())

    async def _value(self, statement: Executable, given: Given = None) -> Any | None:
        """Return the first value of the first row; None without a row."""
        return (await self._connection.execute(statement, given)).scalar()

    async def _number(self, statement: Executable, given: Given = None) -> int:
        """Return the only value, such as a count."""
        return int((await self._connection.execute(statement, given)).scalar_one())

    async def _write(self, statement: Executable, given: Given = None) -> int:
        """Return how many rows were changed."""
        return (await self._connection.execute(statement, given)).rowcount

    async def _update(self, table: Table, *conditions: Any, **values: object) -> int:
        """Change the rows that meet all conditions; return how many there were."""
        return await self._write(update(table).where(*conditions).values(values))

    async def _put(
        self,
        table: Table,
        rows: Given,
        *update: str,
        key: Sequence[Column[Any]] = (),
        returning: Sequence[Any] = (),
    ) -> CursorResult[Any]:
        """Insert rows; of those whose `key`, by default the primary one, is there, `update` these columns."""
        statement = upsert(self._connection, table)
        if update:
            statement = statement.on_conflict_do_update(
                index_elements=list(key or table.primary_key.columns),
                set_={name: statement.excluded[name] for name in update},
            )
        else:
            statement = statement.on_conflict_do_nothing()
        return await self._connection.execute(
            statement.returning(*returning) if returning else statement, rows
        )

"""Key-value table: single named settings of the running installation."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import upsert
from storage.schema import facts


class KeyValues:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, name: str) -> str | None:
        found = await self._connection.execute(select(facts.c.value).where(facts.c.name == name))
        return found.scalar_one_or_none()

    async def put(self, name: str, value: str) -> None:
        statement = upsert(self._connection, facts).values(name=name, value=value)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[facts.c.name], set_={"value": statement.excluded.value}
            )
        )

"""Small named facts that outlive a process: what was last told to Telegram, when an alert went out."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.dialect import upsert
from storage.schema import facts


class Facts:
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

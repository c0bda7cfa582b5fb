"""Update dedup: ids of the handled updates; a repeated one has no second effect."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import upsert
from storage.schema import updates


class ProcessedUpdates:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def seen(self, number: int) -> bool:
        found = await self._connection.execute(select(updates.c.seen_at).where(updates.c.update_id == number))
        return found.first() is not None

    async def highest(self) -> int | None:
        """Return the highest stored update id."""
        found = await self._connection.execute(select(func.max(updates.c.update_id)))
        number: int | None = found.scalar_one()
        return number

    async def mark(self, numbers: Iterable[int], now: datetime) -> None:
        """Mark these updates as processed; one that is marked already stays unchanged."""
        rows = [{"update_id": number, "seen_at": now} for number in numbers]
        if rows:
            statement = upsert(self._connection, updates).on_conflict_do_nothing()
            await self._connection.execute(statement, rows)

    async def stamp(self, number: int, began: datetime) -> bool:
        """Mark it within the transaction that is its effect; False if another handling has done so.

        `began` identifies one handling of an update, which may stamp more than once.
        """
        await self.mark([number], began)
        found = await self._connection.execute(select(updates.c.seen_at).where(updates.c.update_id == number))
        return bool(found.scalar_one() == began)

    async def prune(self, before: datetime) -> None:
        """Forget what was handled before `before`: Telegram keeps an update for a day."""
        await self._connection.execute(delete(updates).where(updates.c.seen_at < before))

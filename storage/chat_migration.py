"""A chat or a topic that became another: all it had goes over, and what both have is joined.

Knows the tables that hang on a destination; why it moved is the caller's.
"""

from sqlalchemy import Column, Select, Table, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.destinations import Destinations, destination_of
from storage.model import DestinationId, Standing
from storage.schema import courses, deliveries, destinations, subscriptions, waiting


class ChatMigrations:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._destinations = Destinations(connection)

    async def move(self, old: int, new: int) -> None:
        """The group `old` became the supergroup `new`: carry everything over, joining what both have."""
        theirs = await self._connection.execute(select(destinations).where(destinations.c.chat_id == old))
        for row in theirs.mappings().all():
            twin = await self._destinations.find(new, row["thread_id"])
            # Numbers of messages of the group mean other messages, or none, in the supergroup.
            await self._connection.execute(
                update(deliveries).where(deliveries.c.destination_id == row["id"]).values(message_id=None)
            )
            if twin is None:
                await self._connection.execute(
                    update(destinations)
                    .where(destinations.c.id == row["id"])
                    .values(chat_id=new, standing=Standing.ACTIVE, reason=None)
                )
            else:
                if not await self._destinations.subscriptions(twin.id):
                    # It came about by itself, perhaps by being written in: nobody chose anything there.
                    await self._destinations.prefer(twin.id, destination_of(row).preferences)
                await self._join(row["id"], twin.id)
        await self._destinations.returned(new)

    async def to_general(self, destination_id: DestinationId) -> None:
        """The topic is no more: what it wanted goes on in the chat itself."""
        found = await self._connection.execute(
            select(destinations.c.chat_id, destinations.c.thread_id).where(
                destinations.c.id == destination_id
            )
        )
        row = found.first()
        if row is None or row.thread_id == 0:
            return
        twin = await self._destinations.find(row.chat_id, None)
        if twin is None:
            await self._connection.execute(
                update(destinations).where(destinations.c.id == destination_id).values(thread_id=0)
            )
        else:
            await self._join(destination_id, twin.id)

    async def _join(self, source: DestinationId, target: DestinationId) -> None:
        here = subscriptions.alias()
        await self._connection.execute(
            update(subscriptions)
            .where(subscriptions.c.destination_id == source)
            .where(
                subscriptions.c.scope_id.not_in(
                    select(here.c.scope_id).where(here.c.destination_id == target)
                )
            )
            .values(destination_id=target)
        )
        there = deliveries.alias()
        await self._connection.execute(
            update(deliveries)
            .where(deliveries.c.destination_id == source)
            .where(deliveries.c.duty.not_in(select(there.c.duty).where(there.c.destination_id == target)))
            .values(destination_id=target)
        )
        told = select(there.c.post_id).where(there.c.destination_id == target, there.c.post_id.is_not(None))
        await self._connection.execute(
            delete(waiting).where(waiting.c.destination_id == target, waiting.c.post_id.in_(told))
        )
        await self._carry(waiting, waiting.c.post_id, source, target, told)
        await self._carry(courses, courses.c.scope_id, source, target)
        await self._connection.execute(delete(destinations).where(destinations.c.id == source))

    async def _carry(
        self,
        table: Table,
        what: Column[int],
        source: DestinationId,
        target: DestinationId,
        besides: Select[tuple[int]] | None = None,
    ) -> None:
        """Hand over the rows of `table` for every `what` that the target has not, here or in `besides`."""
        its = table.alias()
        has = select(its.c[what.name]).where(its.c.destination_id == target)
        statement = update(table).where(table.c.destination_id == source, what.not_in(has))
        if besides is not None:
            statement = statement.where(what.not_in(besides))
        await self._connection.execute(statement.values(destination_id=target))

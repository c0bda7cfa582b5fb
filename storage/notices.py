"""What is said beside posts: an operator's words to everybody, and notices to chosen chats."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.destinations import Destinations
from storage.duties import duties_to, plan
from storage.model import ChatKind, DeliveryKind, Priority, Standing
from storage.schema import destinations, subscriptions


class Notices:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def broadcast(self, duty: str, words: str, now: datetime) -> int:
        """Say this once to every active destination that has a subscription."""
        rows = duties_to(
            destinations.c.id,
            literal(duty),
            DeliveryKind.BROADCAST,
            Priority.BROADCAST,
            now,
            payload=literal(words),
        ).where(
            destinations.c.standing == Standing.ACTIVE,
            destinations.c.id.in_(select(subscriptions.c.destination_id).where(~subscriptions.c.muted)),
        )
        return await plan(self._connection, rows)

    async def tell(self, chat_ids: Collection[int], duty: str, words: str, now: datetime) -> None:
        """Tell these chats this, once for each `duty`."""
        known = Destinations(self._connection)
        for chat_id in chat_ids:
            kind = ChatKind.PRIVATE if chat_id > 0 else ChatKind.GROUP
            to = await known.find(chat_id) or await known.ensure(chat_id, None, kind, "", now)
            told = duties_to(
                destinations.c.id,
                literal(duty),
                DeliveryKind.NOTICE,
                Priority.POST,
                now,
                payload=literal(words),
            ).where(destinations.c.id == to.id)
            await plan(self._connection, told)

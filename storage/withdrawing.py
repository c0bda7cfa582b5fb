"""Taking back what is planned for a destination and no longer wanted there: duties, lines of digests."""

from datetime import datetime

from sqlalchemy import CompoundSelect, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.model import DeliveryKind, DestinationId, State
from storage.schema import deliveries, post_scopes, subscriptions, waiting


class Withdrawing:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def unwanted(self, destination_id: DestinationId, now: datetime) -> int:
        """Cancel what is pending for a destination and no longer wanted by any of its subscriptions."""
        posts_wanted = self._wanted_by(destination_id)
        ended = await self._connection.execute(
            update(deliveries)
            .where(
                text("deliveries.state = 'pending'"),
                deliveries.c.destination_id == destination_id,
                deliveries.c.kind == DeliveryKind.POST,
                deliveries.c.post_id.not_in(posts_wanted),
            )
            .values(state=State.CANCELLED, reason="unsubscribed", updated_at=now)
        )
        waited = await self._connection.execute(
            delete(waiting).where(
                waiting.c.destination_id == destination_id, waiting.c.post_id.not_in(posts_wanted)
            )
        )
        return ended.rowcount + waited.rowcount + await self._thin(destination_id, posts_wanted, now)

    async def _thin(
        self, destination_id: DestinationId, posts_wanted: CompoundSelect[tuple[int]], now: datetime
    ) -> int:
        """Take from its pending digests what is not wanted any more; returns how many said nothing else."""
        found = await self._connection.execute(
            select(deliveries.c.id, deliveries.c.payload).where(
                text("deliveries.state = 'pending'"),
                deliveries.c.destination_id == destination_id,
                deliveries.c.kind == DeliveryKind.DIGEST,
            )
        )
        digests = found.all()
        if not digests:
            return 0
        wanted = {str(post) for post in (await self._connection.execute(posts_wanted)).scalars()}
        ended = 0
        for digest in digests:
            left = ",".join(post for post in digest.payload.split(",") if post in wanted)
            change = {"payload": left} if left else {"state": State.CANCELLED, "reason": "unsubscribed"}
            ended += not left
            await self._connection.execute(
                update(deliveries).where(deliveries.c.id == digest.id).values(updated_at=now, **change)
            )
        return ended

    def _wanted_by(self, destination_id: DestinationId) -> CompoundSelect[tuple[int]]:
        mine = subscriptions.c.destination_id == destination_id
        under = select(post_scopes.c.post_id).join(
            subscriptions, subscriptions.c.scope_id == post_scopes.c.scope_id
        )
        return under.where(mine, ~subscriptions.c.muted).except_(under.where(mine, subscriptions.c.muted))

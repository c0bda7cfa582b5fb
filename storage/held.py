"""What a dump brought too much of at once: held until an administrator lets it out or discards it."""

from datetime import datetime

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.bell import ring
from storage.model import DumpId, State
from storage.schema import deliveries, posts, waiting


class Held:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def release(self, dump_id: DumpId, now: datetime) -> int:
        """Let the held duties of a dump go out; returns how many there were."""
        return await self._decide(dump_id, State.PENDING, None, now)

    async def discard(self, dump_id: DumpId, now: datetime) -> int:
        """Never announce what a dump held back."""
        return await self._decide(dump_id, State.CANCELLED, "an administrator discarded it", now)

    async def _decide(self, dump_id: DumpId, state: State, reason: str | None, now: datetime) -> int:
        its_posts = select(posts.c.id).where(posts.c.first_dump_id == dump_id)
        held_back = and_(waiting.c.held, waiting.c.post_id.in_(its_posts))
        waited = await self._connection.execute(
            update(waiting).where(held_back).values(held=False, since=now)
            if state is State.PENDING
            else delete(waiting).where(held_back)
        )
        its_own = or_(deliveries.c.post_id.in_(its_posts), deliveries.c.duty == f"digest:dump:{dump_id}")
        decided = await self._connection.execute(
            update(deliveries)
            .where(deliveries.c.state == State.HELD, its_own)
            .values(state=state, reason=reason, due_at=now, created_at=now, updated_at=now)
        )
        await ring(self._connection)
        return decided.rowcount + waited.rowcount

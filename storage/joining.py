"""Joining two posts that turned out to be one: all that hangs on the one moves to the other.

Nobody is told twice: where a destination has a duty for both, the one that has not been sent is cancelled.
"""

from collections.abc import Collection

from sqlalchemy import case, delete, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.model import DeliveryKind, PostId, State
from storage.schema import bookmarks, courses, deliveries, mentions, posts, sightings, waiting

WAITING = (State.PENDING, State.HELD)
SPOKEN = (DeliveryKind.POST, DeliveryKind.COURSE)
CAUSE = "the post turned out to be another that was announced"


class Joining:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def join(self, gone: PostId, heir: PostId) -> None:
        """`gone` ceases to exist; what the posts themselves say is written by the archive afterwards."""
        await self._connection.execute(
            update(sightings).where(sightings.c.post_id == gone).values(post_id=heir)
        )
        await self._connection.execute(
            update(mentions).where(mentions.c.target_id == gone).values(target_id=heir)
        )
        await self._connection.execute(update(courses).where(courses.c.post_id == gone).values(post_id=heir))
        await self._bookmarks(gone, heir)
        await self._duties(gone, heir)
        await self._digests(gone, heir)
        await self._waiting(gone, heir)
        await self._connection.execute(delete(posts).where(posts.c.id == gone))

    async def _bookmarks(self, gone: PostId, heir: PostId) -> None:
        """Who marked both keeps the earlier marks of either."""
        theirs = bookmarks.alias("theirs")
        for column in (bookmarks.c.saved_at, bookmarks.c.read_at):
            earlier = (
                select(theirs.c[column.name])
                .where(theirs.c.user_id == bookmarks.c.user_id, theirs.c.post_id == gone)
                .scalar_subquery()
            )
            await self._connection.execute(
                update(bookmarks)
                .where(bookmarks.c.post_id == heir, earlier.is_not(None))
                .values({column: case((column < earlier, column), else_=earlier)})
            )
        mine = select(theirs.c.user_id).where(theirs.c.post_id == heir)
        await self._connection.execute(
            update(bookmarks)
            .where(bookmarks.c.post_id == gone, bookmarks.c.user_id.not_in(mine))
            .values(post_id=heir)
        )

    async def _duties(self, gone: PostId, heir: PostId) -> None:
        """Each kind's duty for `gone` becomes the one for `heir`, unless the destination has that already."""
        for kind in SPOKEN:
            theirs = deliveries.alias("theirs")
            both = select(theirs.c.destination_id).where(theirs.c.duty == f"{kind}:{heir}")
            await self._connection.execute(
                update(deliveries)
                .where(deliveries.c.duty == f"{kind}:{gone}", deliveries.c.destination_id.not_in(both))
                .values(duty=f"{kind}:{heir}")
            )
            await self._once(f"{kind}:{gone}", f"{kind}:{heir}")
        await self._connection.execute(
            update(deliveries).where(deliveries.c.post_id == gone).values(post_id=heir)
        )

    async def _once(self, gone: str, heir: str) -> None:
        """Of two duties of one destination only one may still be sent."""
        for waits, stays in ((gone, heir), (heir, gone)):
            other = deliveries.alias("other")
            has = select(other.c.destination_id).where(
                other.c.duty == stays, other.c.state.not_in((State.CANCELLED, State.EXPIRED, State.FAILED))
            )
            await self._connection.execute(
                update(deliveries)
                .where(
                    deliveries.c.duty == waits,
                    deliveries.c.state.in_(WAITING),
                    deliveries.c.destination_id.in_(has),
                )
                .values(state=State.CANCELLED, reason=CAUSE)
            )

    async def _digests(self, gone: PostId, heir: PostId) -> None:
        """Digests list their posts by id."""
        listed = literal(",").concat(deliveries.c.payload).concat(",")
        found = await self._connection.execute(
            select(deliveries.c.id, deliveries.c.payload).where(
                deliveries.c.kind == DeliveryKind.DIGEST, listed.contains(f",{gone},")
            )
        )
        for row in found.all():
            await self._connection.execute(
                update(deliveries)
                .where(deliveries.c.id == row.id)
                .values(payload=_renamed(row.payload.split(","), str(gone), str(heir)))
            )

    async def _waiting(self, gone: PostId, heir: PostId) -> None:
        """What waits for a digest waits on, unless the destination was told, or it waits already."""
        theirs = waiting.alias("theirs")
        told = select(deliveries.c.destination_id).where(
            deliveries.c.post_id == heir, deliveries.c.kind == DeliveryKind.POST
        )
        waits = select(theirs.c.destination_id).where(theirs.c.post_id == heir)
        await self._connection.execute(
            update(waiting)
            .where(
                waiting.c.post_id == gone,
                waiting.c.destination_id.not_in(told),
                waiting.c.destination_id.not_in(waits),
            )
            .values(post_id=heir)
        )


def _renamed(ids: Collection[str], gone: str, heir: str) -> str:
    return ",".join(dict.fromkeys(heir if post == gone else post for post in ids))

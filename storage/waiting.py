"""What is wanted but not due yet: rows that wait for a digest or for the end of quiet hours.

Knows how they are found and turned into deliveries; what is due when is decided by the caller.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, String, and_, cast, delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.destinations import minutes_of, time_of
from storage.duties import digests, plan, singles
from storage.model import DestinationId, PostId, Rhythm, Standing, State
from storage.schema import destinations, posts, waiting

AWAITED = and_(~waiting.c.held, destinations.c.standing == Standing.ACTIVE)
RHYTHM = (
    destinations.c.when,
    destinations.c.hour,
    destinations.c.weekday,
    destinations.c.quiet_from,
    destinations.c.quiet_to,
    destinations.c.time_zone,
)


class Waiting:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def rhythms(self) -> list[tuple[Rhythm, datetime]]:
        """Every rhythm for which something waits, and since when the oldest of it does."""
        found = await self._connection.execute(
            select(*RHYTHM, func.min(waiting.c.since).label("since"))
            .join(destinations, destinations.c.id == waiting.c.destination_id)
            .where(AWAITED)
            .group_by(*RHYTHM)
        )
        return [
            (
                Rhythm(
                    when=row.when,
                    hour=row.hour,
                    weekday=row.weekday,
                    quiet_from=time_of(row.quiet_from),
                    quiet_to=time_of(row.quiet_to),
                    time_zone=row.time_zone,
                ),
                row.since,
            )
            for row in found
        ]

    async def of(self, destination_id: DestinationId) -> list[PostId]:
        """What waits for a destination."""
        found = await self._connection.execute(
            select(waiting.c.post_id).where(waiting.c.destination_id == destination_id)
        )
        return list(found.scalars())

    async def send(
        self, rhythm: Rhythm, until: datetime, duty: str, now: datetime, *, digest_above: int
    ) -> int:
        """Turn what has waited since `until` or longer into duties; returns how many were planned.

        More than `digest_above` posts of one destination become a digest called `duty` and its last post, so
        that no two digests ever have one name; the others go singly, oldest first.
        """
        mine = and_(AWAITED, waiting.c.since <= until, *_keeping(rhythm))
        counted = (
            select(
                waiting.c.destination_id,
                waiting.c.post_id,
                waiting.c.scope_id,
                func.count().over(partition_by=waiting.c.destination_id).label("posts"),
            )
            .join(destinations, destinations.c.id == waiting.c.destination_id)
            .where(mine)
            .cte("due")
        )
        listed = digests(
            counted, literal(f"{duty}:").concat(cast(func.max(counted.c.post_id), String)), State.PENDING, now
        ).where(counted.c.posts > digest_above)
        single = (
            singles(counted, State.PENDING, now)
            .where(counted.c.posts <= digest_above)
            .order_by(posts.c.date.nulls_last(), posts.c.id, counted.c.destination_id)
        )
        planned = 0
        for rows in (listed, single) if digest_above else (listed,):
            planned += await plan(self._connection, rows)
        keepers = select(destinations.c.id).where(
            destinations.c.standing == Standing.ACTIVE, *_keeping(rhythm)
        )
        await self._connection.execute(
            delete(waiting).where(
                ~waiting.c.held, waiting.c.since <= until, waiting.c.destination_id.in_(keepers)
            )
        )
        return planned


def _keeping(rhythm: Rhythm) -> list[ColumnElement[bool]]:
    """Which destinations keep this rhythm."""
    values = (
        rhythm.when,
        rhythm.hour,
        rhythm.weekday,
        minutes_of(rhythm.quiet_from),
        minutes_of(rhythm.quiet_to),
        rhythm.time_zone,
    )
    return [
        (column == value) if value is not None else column.is_(None)
        for column, value in zip(RHYTHM, values, strict=True)
    ]

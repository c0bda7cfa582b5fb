"""What a dump brought too much of at once: held until an administrator lets it out or discards it."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    String,
    and_,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.destinations import minutes_of, time_of
from storage.enqueue import digests, plan, singles
from storage.model import DeliveryKind, DestinationId, DumpId, PostId, Rhythm, Standing, State
from storage.notify import notify
from storage.schema import deliveries, destinations, post_scopes, posts, subscriptions, waiting


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
        await notify(self._connection)
        return decided.rowcount + waited.rowcount


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

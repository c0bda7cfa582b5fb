"""Planning deliveries: which destinations are told about which posts, as statements over whole sets."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    CompoundSelect,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.bell import ring
from storage.destinations import Destinations
from storage.dialect import upsert, written
from storage.duties import due_at, plan
from storage.model import (
    ChatKind,
    DeliveryKind,
    DestinationId,
    DumpId,
    PostId,
    Priority,
    ScopeKind,
    Standing,
    State,
    When,
)
from storage.quiet import local_minute
from storage.schema import deliveries, destinations, post_scopes, posts, scopes, subscriptions, waiting

# Who wants which of the new posts, while they are planned; it goes with the transaction.
wanted = Table(
    "wanted",
    MetaData(),
    Column("destination_id", BigInteger, primary_key=True, autoincrement=False),
    Column("post_id", BigInteger, primary_key=True, autoincrement=False),
    Column("scope_id", BigInteger),
    prefixes=["TEMPORARY"],
    sqlite_with_rowid=False,  # read in its own order, it need not be sorted again
)


class Planning:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def announce(
        self,
        new: Collection[PostId],
        dump_id: DumpId,
        now: datetime,
        *,
        digest_above: int,
        held: bool = False,
    ) -> int:
        """One duty for each destination and new post it wants; a digest for more than `digest_above`.

        What is wanted with a digest, or is new within quiet hours, waits instead (waiting.py). Held duties
        wait for an administrator. Returns how many rows were planned.
        """
        if not new:
            return 0
        await self._gather(new)
        instant = await self._instant(now)
        state = State.HELD if held else State.PENDING
        planned = await self._wait(~instant, now, held=held)
        # No destination can want more posts than there are: then there is nothing to count.
        few = ~wanted.c.destination_id.in_(_flooded(digest_above)) if len(new) > digest_above else true()
        planned += await self._single(and_(instant, few), state, now, several=len(new) > 1)
        if len(new) > digest_above:
            planned += await self._digests(instant, dump_id, state, now, digest_above)
        await self._connection.run_sync(wanted.drop)
        return planned

    async def _gather(self, new: Collection[PostId]) -> None:
        """Find once who wants what, into a table of this transaction: three statements read it."""
        await self._connection.run_sync(lambda connection: wanted.create(connection, checkfirst=False))
        columns = ["destination_id", "post_id", "scope_id"]
        await self._connection.execute(insert(wanted).from_select(columns, _wanted(new)))

    async def _instant(self, now: datetime) -> ColumnElement[bool]:
        """Whether a destination is told at once: it wants no digests and its clock shows no quiet hour."""
        found = await self._connection.execute(
            select(destinations.c.time_zone).where(destinations.c.quiet_from.is_not(None)).distinct()
        )
        minutes = {zone: local_minute(zone, now) for zone in found.scalars()}
        if not minutes:
            return destinations.c.when == When.INSTANT
        begin, end = destinations.c.quiet_from, destinations.c.quiet_to
        minute = case(minutes, value=destinations.c.time_zone, else_=0)
        within = or_(
            and_(begin <= end, minute >= begin, minute < end),
            and_(begin > end, or_(minute >= begin, minute < end)),
        )
        asleep = and_(begin.is_not(None), end.is_not(None), within)
        return and_(destinations.c.when == When.INSTANT, ~asleep)

    async def _wait(self, to: ColumnElement[bool], now: datetime, *, held: bool) -> int:
        rows = (
            select(
                wanted.c.destination_id,
                wanted.c.post_id,
                wanted.c.scope_id,
                literal(now, waiting.c.since.type),
                literal(held, Boolean),
            )
            .join(destinations, destinations.c.id == wanted.c.destination_id)
            .where(destinations.c.standing == Standing.ACTIVE, to)
        )
        columns = ["destination_id", "post_id", "scope_id", "since", "held"]
        statement = upsert(self._connection, waiting).from_select(columns, rows)
        return await written(self._connection, statement.on_conflict_do_nothing())

    async def edit(self, edited: Collection[PostId], dump_id: DumpId, now: datetime, since: datetime) -> int:
        """One duty for each message about these posts that was sent since `since`: bring it up to date."""
        if not edited:
            return 0
        announced = deliveries.alias("announced")
        rows = select(
            announced.c.destination_id,
            literal(f"edit:dump:{dump_id}:").concat(cast(announced.c.post_id, String)),
            literal(DeliveryKind.EDIT, deliveries.c.kind.type),
            announced.c.post_id,
            announced.c.scope_id,
            cast(announced.c.message_id, String),
            literal(State.PENDING, deliveries.c.state.type),
            literal(int(Priority.EDIT), Integer),
            literal(now, deliveries.c.due_at.type),
            literal(now, deliveries.c.due_at.type),
            literal(now, deliveries.c.due_at.type),
        ).where(
            announced.c.post_id.in_(edited),
            announced.c.kind == DeliveryKind.POST,
            announced.c.state == State.SENT,
            announced.c.message_id.is_not(None),
            announced.c.updated_at >= since,
        )
        return await plan(self._connection, rows)

    async def withdraw(self, destination_id: DestinationId, now: datetime) -> int:
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

    async def broadcast(self, duty: str, words: str, now: datetime) -> int:
        """Say this once to every active destination that has a subscription."""
        at = literal(now, deliveries.c.due_at.type)
        rows = select(
            destinations.c.id,
            literal(duty),
            literal(DeliveryKind.BROADCAST, deliveries.c.kind.type),
            literal(None, Integer),
            literal(None, Integer),
            literal(words),
            literal(State.PENDING, deliveries.c.state.type),
            literal(int(Priority.BROADCAST), Integer),
            at,
            at,
            at,
        ).where(
            destinations.c.standing == Standing.ACTIVE,
            destinations.c.id.in_(select(subscriptions.c.destination_id).where(~subscriptions.c.muted)),
        )
        return await plan(self._connection, rows)

    async def notice(self, chat_ids: Collection[int], duty: str, words: str, now: datetime) -> None:
        """Tell these chats this, once for each `duty`."""
        await ring(self._connection)
        for chat_id in chat_ids:
            known = Destinations(self._connection)
            kind = ChatKind.PRIVATE if chat_id > 0 else ChatKind.GROUP
            to = await known.find(chat_id) or await known.ensure(chat_id, None, kind, "", now)
            statement = upsert(self._connection, deliveries).values(
                destination_id=to.id,
                duty=duty,
                kind=DeliveryKind.NOTICE,
                payload=words,
                state=State.PENDING,
                priority=Priority.POST,
                due_at=now,
                created_at=now,
                updated_at=now,
            )
            await self._connection.execute(statement.on_conflict_do_nothing())

    async def _single(self, to: ColumnElement[bool], state: State, now: datetime, *, several: bool) -> int:
        # Oldest post first, and all destinations for it before the next: no chat waits for its own pace.
        by_post = (posts.c.date.nulls_last(), posts.c.id) if several else ()
        rows = (
            select(
                wanted.c.destination_id,
                literal("post:").concat(cast(wanted.c.post_id, String)),
                literal(DeliveryKind.POST, deliveries.c.kind.type),
                wanted.c.post_id,
                wanted.c.scope_id,
                literal(None, String),
                literal(state, deliveries.c.state.type),
                literal(int(Priority.POST), Integer),
                due_at(now),
                literal(now, deliveries.c.due_at.type),
                literal(now, deliveries.c.due_at.type),
            )
            .join(posts, posts.c.id == wanted.c.post_id)
            .join(destinations, destinations.c.id == wanted.c.destination_id)
            .where(destinations.c.standing == Standing.ACTIVE, to)
            .order_by(*by_post, wanted.c.destination_id)
        )
        return await plan(self._connection, rows)

    async def _digests(
        self, to: ColumnElement[bool], dump_id: DumpId, state: State, now: datetime, digest_above: int
    ) -> int:
        rows = (
            select(
                wanted.c.destination_id,
                literal(f"digest:dump:{dump_id}"),
                literal(DeliveryKind.DIGEST, deliveries.c.kind.type),
                literal(None, Integer),
                func.max(wanted.c.scope_id),
                func.aggregate_strings(cast(wanted.c.post_id, String), ","),
                literal(state, deliveries.c.state.type),
                literal(int(Priority.DIGEST), Integer),
                func.max(due_at(now)),
                literal(now, deliveries.c.due_at.type),
                literal(now, deliveries.c.due_at.type),
            )
            .join(destinations, destinations.c.id == wanted.c.destination_id)
            .where(destinations.c.standing == Standing.ACTIVE, to)
            .group_by(wanted.c.destination_id)
            .having(func.count() > digest_above)
        )
        return await plan(self._connection, rows)


def _wanted(new: Collection[PostId]) -> Select[tuple[int, int, int]]:
    """Every (destination, post) that a subscription asks for and no mute forbids, each once: for `wanted`.

    Wishes and mutes are read in one pass: to look every wish up among the mutes grows with the square of
    both on SQLite.
    """
    everything = (
        select(func.coalesce(func.max(scopes.c.id), 0))
        .where(scopes.c.kind == ScopeKind.EVERYTHING)
        .scalar_subquery()
    )
    return (
        select(
            subscriptions.c.destination_id,
            post_scopes.c.post_id,
            # The reason that is named: NULL, that is everything, only where no narrower scope asked.
            func.max(case((subscriptions.c.scope_id != everything, subscriptions.c.scope_id))),
        )
        .join(post_scopes, post_scopes.c.scope_id == subscriptions.c.scope_id)
        .where(post_scopes.c.post_id.in_(new))
        .group_by(subscriptions.c.destination_id, post_scopes.c.post_id)
        # Of numbers, as PostgreSQL has no maximum of truths.
        .having(func.max(case((subscriptions.c.muted, 1), else_=0)) == 0)
    )


def _flooded(digest_above: int) -> Select[tuple[int]]:
    """The destinations that want more than `digest_above` of the new posts."""
    return (
        select(wanted.c.destination_id).group_by(wanted.c.destination_id).having(func.count() > digest_above)
    )

"""Delivery planner: posts, edits, broadcasts, notices and decisions about held posts become rows.

A delivery is unique by destination and dedup key, so planning twice inserts nothing twice. Plans for more
than `FIRST_BATCH` destinations take several transactions; a row with a cursor keeps their state.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
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
    true,
    update,
)

from storage.chunks import DeliveryChunks
from storage.destinations import Destinations
from storage.engine import DataAccess, now_on, upsert, written
from storage.enqueue import digests, duties_to, notify, plan, plan_many, singles
from storage.model import (
    ChatKind,
    DeliveryKind,
    DumpId,
    PlanKind,
    PostId,
    Priority,
    ScopeKind,
    Standing,
    State,
    When,
    local_minute,
)
from storage.outbox_sql import DISCARDED, UNSENT
from storage.schema import (
    deliveries,
    delivery_chunks,
    destinations,
    plans,
    post_scopes,
    posts,
    scopes,
    subscriptions,
    waiting,
)

# Temporary table of (destination, post) pairs during planning; dropped with the transaction.
wanted = Table(
    "wanted",
    MetaData(),
    Column("destination_id", BigInteger, primary_key=True, autoincrement=False),
    Column("post_id", BigInteger, primary_key=True, autoincrement=False),
    Column("scope_id", BigInteger),
    prefixes=["TEMPORARY"],
    sqlite_with_rowid=False,  # read in its own order, it need not be sorted again
)

FIRST_BATCH = 2000  # destinations planned with the post itself; of the others as many as last 0.2 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be planned for all destinations, in batches; `created_at` is the time of every batch."""

    kind: PlanKind
    created_at: datetime
    state: State = State.PENDING
    dedup_key: str = ""
    dump_id: DumpId | None = None
    payload: str = ""
    digest_above: int = 0
    since: datetime | None = None

    @property
    def posts(self) -> list[PostId]:
        return [PostId(int(part)) for part in self.payload.split(",")]


class DeliveryPlanner(DataAccess):
    async def announce(
        self,
        new: Collection[PostId],
        dump_id: DumpId,
        now: datetime,
        *,
        digest_above: int,
        held: bool = False,
    ) -> int:
        """Plan one delivery for each destination and new post, a digest for more than `digest_above`.

        What is wanted as a digest, or is new within quiet hours, is stored as waiting instead. Held
        deliveries wait for an administrator. Only the first batch of destinations is planned here; a plan
        row keeps the others for `advance`. Return how many rows were planned.
        """
        if not new:
            return 0
        plan_row = Plan(
            kind=PlanKind.POST,
            dedup_key=f"digest:dump:{dump_id}",
            dump_id=dump_id,
            payload=_listed(new),
            state=State.HELD if held else State.PENDING,
            digest_above=digest_above,
            created_at=now,
        )
        return await self._start(plan_row)

    async def has_plans(self) -> bool:
        """Return whether `advance` has anything to do."""
        return await self._first(select(plans.c.id).limit(1)) is not None

    async def has_chunks(self) -> bool:
        """Return whether anything that is planned is no row yet."""
        return await self._first(select(delivery_chunks.c.id).limit(1)) is not None

    async def advance(self, batch: int) -> int | None:
        """Plan `batch` more destinations of the oldest plan.

        Return how many rows were planned; None without a plan.
        """
        found = await self._mappings(select(plans).order_by(plans.c.id).limit(1).with_for_update())
        if not found:
            return None
        values = dict(found[0])
        plan_id, after = values.pop("id"), values.pop("after_id")
        plan_row = Plan(**values)
        last = await self._last_of_batch(after, batch)
        planned = await self._carry_out(plan_row, after, last)
        at_row = plans.c.id == plan_id
        await self._write(
            delete(plans).where(at_row) if last is None else update(plans).where(at_row).values(after_id=last)
        )
        return planned

    async def _start(self, plan_row: Plan) -> int:
        """Plan the first batch; store the plan if there are more."""
        last = await self._last_of_batch(0, FIRST_BATCH)
        if last is not None:
            await self._write(insert(plans).values(**asdict(plan_row), after_id=last))
        return await self._carry_out(plan_row, 0, last)

    async def _last_of_batch(self, after: int, batch: int) -> int | None:
        """Return the last destination of the batch behind `after`; None if that batch is the last."""
        ends = (
            select(destinations.c.id)
            .where(destinations.c.id > after)
            .order_by(destinations.c.id)
            .offset(batch - 1)
            .limit(2)
        )
        ids = await self._column(ends)
        return ids[0] if len(ids) == 2 else None

    async def _carry_out(self, plan_row: Plan, after: int, last: int | None) -> int:
        """Plan the destinations behind `after` up to `last`, due now by the database's clock."""
        # Not later than the given time, or a process whose clock is ahead would hold the deliveries back.
        now = min(plan_row.created_at, await now_on(self._connection, plan_row.created_at))
        batch = _between(destinations.c.id, after, last)
        match plan_row.kind:
            case PlanKind.POST:
                return await self._announce(plan_row, after, last, now)
            case PlanKind.EDIT:
                return await self._edit(plan_row, batch, now)
            case PlanKind.BROADCAST:
                return await self._broadcast(plan_row, batch, now)
            case PlanKind.RELEASE | PlanKind.DISCARD:
                return await self._decide(plan_row, after, last, now)
            case _:
                assert_never(plan_row.kind)

    async def _announce(self, plan_row: Plan, after: int, last: int | None, now: datetime) -> int:
        new, state, digest_above = plan_row.posts, plan_row.state, plan_row.digest_above
        await self._gather(new, after, last, plan_row.created_at)
        # Said of both tables, or PostgreSQL reads all destinations for each batch.
        batch = _between(destinations.c.id, after, last)
        at_once = await self._instant(now, batch)
        instant = and_(at_once, *batch)
        planned = await self._wait(and_(~at_once, *batch), now, held=state is State.HELD)
        # No destination can want more posts than there are: then there is nothing to count.
        few = ~wanted.c.destination_id.in_(_flooded(digest_above)) if len(new) > digest_above else true()
        planned += await self._single(and_(instant, few), state, now, several=len(new) > 1)
        if len(new) > digest_above:
            planned += await self._digests(instant, plan_row.dedup_key, state, now, digest_above)
        await self._connection.run_sync(wanted.drop)
        return planned

    async def _gather(
        self, new: Collection[PostId], after: int, last: int | None, subscribed_by: datetime
    ) -> None:
        """Store who wants which post in a table of this transaction, which three statements read."""
        await self._connection.run_sync(lambda connection: wanted.create(connection, checkfirst=False))
        columns = ["destination_id", "post_id", "scope_id"]
        conditions = _between(subscriptions.c.destination_id, after, last)
        if after:  # the first batch is planned in the transaction that stored the posts
            conditions.append(or_(subscriptions.c.muted, subscriptions.c.created_at <= subscribed_by))
        await self._write(insert(wanted).from_select(columns, _wanted(new, conditions)))

    async def _instant(self, now: datetime, batch: Collection[ColumnElement[bool]]) -> ColumnElement[bool]:
        """Return whether a destination of the batch wants no digests and is outside its quiet hours."""
        zones = select(destinations.c.time_zone).where(destinations.c.quiet_from.is_not(None), *batch)
        found = await self._column(zones.distinct())
        minutes = {zone: local_minute(zone, now) for zone in found}
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

    async def edit_sent(
        self, edited: Collection[PostId], dump_id: DumpId, now: datetime, since: datetime
    ) -> int:
        """Plan an edit of each message about these posts sent since `since`, or now, as `announce` does."""
        if not edited:
            return 0
        key = f"edit:dump:{dump_id}:"
        plan_row = Plan(
            kind=PlanKind.EDIT, dedup_key=key, payload=_listed(edited), created_at=now, since=since
        )
        return await self._start(plan_row)

    async def _edit(self, plan_row: Plan, batch: Collection[ColumnElement[bool]], now: datetime) -> int:
        announced = deliveries.alias("announced")
        # By dedup key, whose index begins with the destination: a batch reads the rows of its destinations.
        same = and_(
            announced.c.destination_id == destinations.c.id,
            announced.c.duty.in_([f"post:{post_id}" for post_id in plan_row.posts]),
        )
        rows = (
            duties_to(
                announced.c.destination_id,
                literal(plan_row.dedup_key).concat(cast(announced.c.post_id, String)),
                DeliveryKind.EDIT,
                Priority.EDIT,
                now,
                post_id=announced.c.post_id,
                scope_id=announced.c.scope_id,
            )
            .select_from(destinations)
            .join(announced, same)
            .where(
                # What is being sent may have been written before the edit.
                announced.c.state.in_((State.SENT, State.SENDING)),
                or_(announced.c.state == State.SENDING, announced.c.message_id.is_not(None)),
                announced.c.updated_at >= plan_row.since,
                *batch,
            )
        )
        return await plan_many(self._connection, rows, Priority.EDIT, now)

    async def _single(self, to: ColumnElement[bool], state: State, now: datetime, *, several: bool) -> int:
        # Oldest post first, and all destinations for it before the next: no chat waits for its own pace.
        by_post = (posts.c.date.nulls_last(), posts.c.id) if several else ()
        rows = (
            singles(wanted, state, now)
            .where(destinations.c.standing == Standing.ACTIVE, to)
            .order_by(*by_post, wanted.c.destination_id)
        )
        return await self._plan(rows, Priority.POST, state, now)

    async def _digests(
        self, to: ColumnElement[bool], dedup_key: str, state: State, now: datetime, digest_above: int
    ) -> int:
        rows = (
            digests(self._connection, wanted, literal(dedup_key), state, now)
            .where(destinations.c.standing == Standing.ACTIVE, to)
            .having(func.count() > digest_above)
        )
        return await self._plan(rows, Priority.DIGEST, state, now)

    async def _plan(self, rows: Select[Any], priority: Priority, state: State, now: datetime) -> int:
        """Plan a batch; what an administrator decides about must be rows."""
        if state is State.HELD:  # which are no chunks; released, they go behind what was planned before
            if await self.has_chunks():
                to = rows.subquery("held").c.destination_id
                await DeliveryChunks(self._connection).expand_for(await self._column(select(to).distinct()))
            return await plan(self._connection, rows)
        return await plan_many(self._connection, rows, priority, now)

    async def broadcast(self, dedup_key: str, words: str, now: datetime) -> int:
        """Plan this text once for every active destination that has a subscription, as `announce` does.

        Return 0 where this broadcast is planned already.
        """
        planned = select(plans.c.id).where(plans.c.dedup_key == dedup_key).limit(1)
        if await self._first(planned) or await DeliveryChunks(self._connection).has_duty(dedup_key):
            return 0
        plan_row = Plan(kind=PlanKind.BROADCAST, dedup_key=dedup_key, payload=words, created_at=now)
        return await self._start(plan_row)

    async def _broadcast(self, plan_row: Plan, batch: Collection[ColumnElement[bool]], now: datetime) -> int:
        rows = duties_to(
            destinations.c.id,
            literal(plan_row.dedup_key),
            DeliveryKind.BROADCAST,
            Priority.BROADCAST,
            now,
            payload=literal(plan_row.payload),
        ).where(
            destinations.c.standing == Standing.ACTIVE,
            destinations.c.id.in_(select(subscriptions.c.destination_id).where(~subscriptions.c.muted)),
            *batch,
        )
        return await plan_many(self._connection, rows, Priority.BROADCAST, now)

    async def release_held(self, dump_id: DumpId, now: datetime) -> int:
        """Release the held deliveries of a dump, as `announce` plans them, and return how many there are."""
        return await self._decide_held(dump_id, PlanKind.RELEASE, now)

    async def discard_held(self, dump_id: DumpId, now: datetime) -> int:
        """Cancel the held deliveries of a dump in the same way, and return how many there are."""
        return await self._decide_held(dump_id, PlanKind.DISCARD, now)

    async def _decide_held(self, dump_id: DumpId, kind: PlanKind, now: datetime) -> int:
        unfinished = and_(plans.c.dump_id == dump_id, plans.c.state == State.HELD)
        await self._write(
            update(plans).where(unfinished).values(state=State.PENDING)
            if kind is PlanKind.RELEASE
            else delete(plans).where(unfinished)
        )
        held = 0
        for table, condition in ((deliveries, and_(UNSENT, _held(dump_id))), (waiting, _waits_held(dump_id))):
            counted = select(func.count()).select_from(table).where(condition)
            held += await self._number(counted)
        if held:
            await self._start(Plan(kind=kind, dump_id=dump_id, created_at=now))
        return held

    async def _decide(self, plan_row: Plan, after: int, last: int | None, now: datetime) -> int:
        assert plan_row.dump_id is not None
        released = plan_row.kind is PlanKind.RELEASE
        held_back = and_(_waits_held(plan_row.dump_id), *_between(waiting.c.destination_id, after, last))
        waited = await self._write(
            update(waiting).where(held_back).values(held=False, since=now)
            if released
            else delete(waiting).where(held_back)
        )
        values = (
            {"state": State.PENDING, "reason": None}
            if released
            else {"state": State.CANCELLED, "reason": DISCARDED}
        )
        mine = (_held(plan_row.dump_id), *_between(deliveries.c.destination_id, after, last))
        times = {"due_at": now, "created_at": now, "updated_at": now}
        decided = await self._update(deliveries, *mine, **values, **times)
        await notify(self._connection)
        return decided + waited

    async def notify_chats(self, chat_ids: Collection[int], duty: str, words: str, now: datetime) -> None:
        """Plan a notice to these chats, once for each `duty`; `now` may lie ahead."""
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


def _listed(post_ids: Collection[PostId]) -> str:
    return ",".join(str(post_id) for post_id in post_ids)


def _held(dump_id: DumpId) -> ColumnElement[bool]:
    """Return the condition of the deliveries that this dump holds back."""
    first_shown = select(posts.c.id).where(posts.c.first_dump_id == dump_id)
    its_own = or_(deliveries.c.post_id.in_(first_shown), deliveries.c.duty == f"digest:dump:{dump_id}")
    return and_(deliveries.c.state == State.HELD, its_own)


def _waits_held(dump_id: DumpId) -> ColumnElement[bool]:
    first_shown = select(posts.c.id).where(posts.c.first_dump_id == dump_id)
    return and_(waiting.c.held, waiting.c.post_id.in_(first_shown))


def _between(column: ColumnElement[int], after: int, last: int | None) -> list[ColumnElement[bool]]:
    """Return the conditions of a batch; none where one batch holds all, which needs no range."""
    above = [column > after] if after else []
    return above if last is None else [*above, column <= last]


def _wanted(
    new: Collection[PostId], conditions: Collection[ColumnElement[bool]]
) -> Select[tuple[int, int, int]]:
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
        .where(post_scopes.c.post_id.in_(new), *conditions)
        .group_by(subscriptions.c.destination_id, post_scopes.c.post_id)
        # Of numbers, as PostgreSQL has no maximum of truths.
        .having(func.max(case((subscriptions.c.muted, 1), else_=0)) == 0)
    )


def _flooded(digest_above: int) -> Select[tuple[int]]:
    """Return the destinations that want more than `digest_above` of the new posts."""
    return (
        select(wanted.c.destination_id).group_by(wanted.c.destination_id).having(func.count() > digest_above)
    )

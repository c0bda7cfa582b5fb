"""Data access of the outbox: claim, settle, cancel, expire, retry and count deliveries.

A claim leads straight to SENDING with a lease and a token. A success is written unconditionally, because it
is knowledge that cannot become untrue; every other end is fenced by the token of its claim.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    RowMapping,
    Select,
    and_,
    delete,
    func,
    or_,
    select,
)

from storage.chunks import DeliveryChunks
from storage.destinations import destination_of
from storage.engine import DataAccess, few_lengths
from storage.enqueue import notify
from storage.model import (
    Delivery,
    DeliveryId,
    DeliveryKind,
    DestinationId,
    PostId,
    Priority,
    Settlement,
    State,
)
from storage.outbox_sql import (
    BEGIN_TOGETHER,
    CLAIM,
    CLAIM_TOGETHER,
    CLAIMABLE,
    CLAIMED,
    COUNT_ALL,
    COUNT_BY_INDEX,
    DISCARDED,
    DUE_PRIORITIES,
    EARLIEST,
    EARLIEST_SENDING,
    ESTIMATE_ALL,
    FROM_THE_FUTURE,
    IN_CHUNKS,
    IN_DOUBT,
    OLDEST_FIRST,
    PENDING,
    RECOVER,
    SENDING,
    SETTLE_OTHERS,
    SETTLE_SENT,
    SETTLE_SENT_TOGETHER,
    UNARRIVED,
    UNSENT,
    UNSUBSCRIBED,
)
from storage.schema import (
    deliveries,
    delivery_chunks,
    destinations,
    post_scopes,
    posts,
    subscriptions,
    waiting,
)
from storage.send_log import Claim, SendLogSnapshot

CLOCK_ERROR = timedelta(minutes=1)  # transactions that run at once may differ by less
EXACT_ROWS = 100_000  # are counted within 20 ms
# Fields of a delivery that equal their column.
AS_STORED = {
    name: f"delivery_{name}"
    for name in ("id", "token", "attempts", "unsure", "scope_id", "message_id", "form", "post_updated_at")
} | {"dedup_key": "delivery_duty"}


def _delivery(row: RowMapping) -> Delivery:
    kind: DeliveryKind = row["delivery_kind"]
    payload: str | None = row["delivery_payload"]
    listed = payload if kind is DeliveryKind.DIGEST else None
    ids = [int(part) for part in listed.split(",")] if listed else []
    post_id: PostId | None = row["delivery_post_id"]
    return Delivery(
        **{name: row[column] for name, column in AS_STORED.items()},
        kind=kind,
        destination=destination_of(row),
        post_ids=tuple(PostId(i) for i in ids) if ids else ((post_id,) if post_id else ()),
        text=None if listed else payload,
        reply_to=row["episode_before"],
    )


class Outbox(DataAccess):
    async def claim(
        self, slots: int, now: datetime, lease: timedelta, owner: str | None = None
    ) -> list[Delivery]:
        """Take up to `slots` due duties into SENDING: by priority, then oldest first.

        Within a destination a duty waits until every older one of the same or a more urgent kind has ended.
        `owner` is the token of a lease that the claims end with, too, where several processes claim.
        """
        asked = {"claim": uuid4().hex, "now": now, "until": now + lease, "owner": owner, "slots": slots}
        if self._connection.dialect.name == "postgresql":
            claimed = await self._mappings(CLAIM_TOGETHER, asked)
        else:
            claimed = await self._claimed_one_by_one(slots, asked)
        return [_delivery(row) for row in claimed]

    async def _claimed_one_by_one(self, slots: int, asked: Mapping[str, object]) -> Sequence[RowMapping]:
        due = (await self._connection.execute(DUE_PRIORITIES, asked)).one()
        free = slots
        for priority in (each for each, found in zip(Priority, due, strict=True) if found):
            if free > 0:
                free -= await self._write(CLAIM, {**asked, "slots": free, "urgency": priority})
        return [] if free == slots else await self._mappings(CLAIMED, asked)

    async def settle(self, settlements: Sequence[Settlement], now: datetime) -> None:
        """Write what became of tries."""
        sent = [s for s in settlements if s.state is State.SENT]
        if sent and self._connection.dialect.name == "postgresql":
            rows = {"rows": [s.delivery_id for s in sent], "messages": [s.message_id for s in sent]}
            await self._write(SETTLE_SENT_TOGETHER, {**rows, "now": now})
        elif sent:
            await self._write(
                SETTLE_SENT, [{"row": s.delivery_id, "message": s.message_id, "now": now} for s in sent]
            )
        others = [s for s in settlements if s.state is not State.SENT]
        if others:
            await self._write(
                SETTLE_OTHERS,
                [
                    {
                        "row": s.delivery_id,
                        "claim": s.token,
                        "to": s.state,
                        "why": s.reason,
                        "again": s.due_at,
                        "uncounted": int(not s.counts),
                        "unanswered": int(s.unsure),
                        "simpler": s.form,
                        "now": now,
                    }
                    for s in others
                ],
            )

    async def begin(self, claims: Collection[Claim]) -> frozenset[Claim]:
        """Mark that the requests of these claims are about to be made; return those that have not ended.

        With several processes only, which have no send log: without the mark a request was surely not made.
        """
        ids, tokens = zip(*claims, strict=True)
        rows = {"rows": list(ids), "tokens": list(tokens)}
        marked = await self._rows(BEGIN_TOGETHER, rows)
        return frozenset((DeliveryId(row.id), row.token) for row in marked)

    async def recover(
        self, now: datetime, *, resend: bool, quiet: timedelta = timedelta(), everything: bool = False
    ) -> int:
        """End the claims whose lease, or whose owner's, ran out: their requests may have been sent.

        The first such try is repeated if `resend`; after the second, or without it, the row ends UNCERTAIN.
        An owner marks requests before they start, so one without a mark was not sent, and cannot begin once
        its claim has ended. Such a claim ends when its owner's lease runs for no more than `quiet`: a renewal
        is overdue. `everything` is for a start that holds the process lock.
        """
        return await self._write(
            RECOVER,
            {"now": now, "quiet": now + quiet, "everything": int(everything), "resend": int(resend)},
        )

    async def correct_clock(self, now: datetime) -> int:
        """Make due what a clock that was ahead put off, which would hold its chat back; return how many."""
        return await self._write(FROM_THE_FUTURE, {"now": now, "latest": now + CLOCK_ERROR})

    async def end_claims(self, snapshot: SendLogSnapshot | None, now: datetime, *, resend: bool) -> None:
        """End the claims of a killed process by its send log; without one, each request may have been sent.

        Only for a start that holds the process lock: with several processes, leases end the claims.
        """
        if snapshot is not None:
            claims = await self.sending()
            arrived = [
                Settlement(
                    delivery_id=number, token=token, state=State.SENT, message_id=snapshot.sent[number, token]
                )
                for number, token in claims
                if (number, token) in snapshot.sent
            ]
            await self.settle(arrived, now)
            await self.unclaim([claim[0] for claim in claims if claim not in snapshot.begun], now)
        await self.recover(now, resend=resend, everything=True)

    async def sending(self) -> list[Claim]:
        """Return the claims that have not ended."""
        found = await self._rows(select(deliveries.c.id, deliveries.c.token).where(SENDING))
        return [(DeliveryId(row.id), row.token) for row in found]

    async def unclaim(self, ids: Collection[DeliveryId], now: datetime) -> None:
        """Free claims whose requests were surely not made."""
        await self._update(
            deliveries,
            SENDING,
            deliveries.c.id.in_(ids),
            state=State.PENDING,
            attempts=deliveries.c.attempts - 1,
            reason="the process ended before its request",
            due_at=now,
            lease_until=None,
            updated_at=now,
        )

    async def highest_id(self) -> int:
        """Return the highest id of a delivery; 0 without any."""
        return await self._value(select(func.max(deliveries.c.id))) or 0

    async def next_due(self, after: datetime | None = None) -> datetime | None:
        """Return when the earliest pending delivery is due, of those due after `after`."""
        asked = {"after": after or datetime.min.replace(tzinfo=UTC)}
        earliest = (await self._connection.execute(EARLIEST, asked)).one()
        return min((due for due in earliest if due is not None), default=None)

    async def cancel(self, ids: Collection[DestinationId], reason: str, now: datetime) -> int:
        """Cancel what is pending or waits for these destinations."""
        await self._write(delete(waiting).where(waiting.c.destination_id.in_(ids)))
        await DeliveryChunks(self._connection).expand_for(ids)
        return await self._update(
            deliveries,
            PENDING,
            deliveries.c.destination_id.in_(ids),
            state=State.CANCELLED,
            reason=reason,
            updated_at=now,
        )

    async def cancel_chat(self, chat_id: int, reason: str, now: datetime) -> int:
        return await self.cancel(await self._column(_of_chat(chat_id)), reason, now)

    async def fan_out(self, post_id: PostId) -> int:
        """Return the number of destinations with a delivery for a post."""
        rows = select(func.count()).where(
            deliveries.c.post_id == post_id, deliveries.c.kind == DeliveryKind.POST
        )
        return await self._number(rows) + await DeliveryChunks(self._connection).size_of(post_id)

    async def refused(self, dedup_key: str) -> int:
        """Return how many of these deliveries were tried and are to be tried again."""
        return await self._number(select(func.count()).where(_is_refused(dedup_key)))

    async def hasten(self, dedup_key: str, now: datetime) -> None:
        """Make those of these deliveries due that wait to be tried again."""
        await self._update(deliveries, _is_refused(dedup_key), deliveries.c.due_at > now, due_at=now)

    async def resume_chats(
        self, chat_ids: Collection[int], since: datetime, now: datetime, due_at: datetime
    ) -> int:
        """Make pending again what was failed for these chats since then, or cancelled by no person."""
        theirs = select(destinations.c.id).where(destinations.c.chat_id.in_(few_lengths(chat_ids)))
        return await self._update(
            deliveries,
            deliveries.c.destination_id.in_(theirs),
            deliveries.c.state.in_((State.FAILED, State.CANCELLED)),
            deliveries.c.updated_at >= since,
            deliveries.c.reason.not_in((UNSUBSCRIBED, DISCARDED)),
            state=State.PENDING,
            due_at=due_at,
            updated_at=now,
        )

    async def postpone_chat(self, chat_id: int, until: datetime) -> None:
        """Nothing pending for this chat is due before `until`."""
        await self._update(
            deliveries,
            PENDING,
            deliveries.c.destination_id.in_(_of_chat(chat_id)),
            deliveries.c.due_at < until,
            due_at=until,
        )

    async def expirable(self, before: datetime, limit: int) -> tuple[int, int] | None:
        """Return the first and last id of up to `limit` deliveries that `expire` would end; None without."""
        # By an expression: in the order of the key SQLite would look for the pending among all rows.
        in_order = deliveries.c.id + 0
        return await self._ends(and_(PENDING, deliveries.c.created_at < before), in_order, limit)

    async def expire(self, before: datetime, now: datetime, ids: tuple[int, int] | None = None) -> int:
        """End what has been pending since before `before`, of the range `ids` where it is given."""
        return await self._update(
            deliveries,
            PENDING,
            deliveries.c.created_at < before,
            *_range(ids),
            state=State.EXPIRED,
            reason="it waited too long",
            updated_at=now,
        )

    async def prunable(self, before: datetime, after: int, limit: int) -> tuple[int, int] | None:
        """Return the first and last id of up to `limit` deliveries that `prune` would delete behind `after`.

        Read without the write lock, so that a history without such rows holds up no writer.
        """
        condition = and_(deliveries.c.id > after, _is_prunable(before))
        return await self._ends(condition, deliveries.c.id, limit)

    async def prune(self, before: datetime, ids: tuple[int, int] | None = None) -> int:
        """Delete rows that ended before `before`, but the last episodes': the next ones reply to them."""
        return await self._write(delete(deliveries).where(_is_prunable(before), *_range(ids)))

    async def _ends(
        self, condition: ColumnElement[bool], in_order: ColumnElement[int], limit: int
    ) -> tuple[int, int] | None:
        found = select(deliveries.c.id).where(condition).order_by(in_order).limit(limit).subquery("found")
        row = (await self._connection.execute(select(func.min(found.c.id), func.max(found.c.id)))).one()
        return None if row[0] is None else (row[0], row[1])

    async def retry(self, states: Collection[State], now: datetime) -> int:
        """Make ended rows pending once more, with their counts at zero: an operator asked for it."""
        await notify(self._connection)
        return await self._update(
            deliveries,
            UNSENT,
            deliveries.c.state.in_(states),
            state=State.PENDING,
            due_at=now,
            attempts=0,
            unsure=0,
            reason=None,
            updated_at=now,
        )

    async def counts(self) -> dict[State, int]:
        """Return how many deliveries each state has; states without any are left out.

        On PostgreSQL SENT is an estimate above EXACT_ROWS, where a count would read a whole index.
        """
        found, in_chunks = await self._unsent()
        found[State.SENT] = max(0, await self._total() - found.total())
        found[State.PENDING] += in_chunks
        return {state: count for state, count in found.items() if count}

    async def _total(self) -> int:
        if self._connection.dialect.name == "postgresql":
            about = await self._number(ESTIMATE_ALL)
            if about > EXACT_ROWS:
                return about
        return await self._number(COUNT_ALL)

    async def chats_in_doubt(self) -> int:
        """Return how many destinations have a pending delivery whose request the server did not answer."""
        return await self._number(IN_DOUBT)

    async def unsent_counts(self) -> dict[State, int]:
        """Return the same without SENT."""
        found, in_chunks = await self._unsent()
        found[State.PENDING] += in_chunks
        return {state: count for state, count in found.items() if count}

    async def _unsent(self) -> tuple[Counter[State], int]:
        """Return how many rows have each state but SENT, and how many deliveries are in chunks."""
        found = Counter({str(state): int(n) for state, n in await self._rows(COUNT_BY_INDEX)})
        in_chunks = found.pop(IN_CHUNKS, 0)
        return Counter({State(state): n for state, n in found.items()}), in_chunks

    async def next_claim(self, now: datetime) -> DeliveryId | None:
        """Return the delivery that the next claim would take; None if nothing is due."""
        for priority in Priority:
            asked = {"now": now, "urgency": priority, "slots": 1}
            if found := await self._column(CLAIMABLE, asked):
                return DeliveryId(found[0])
        return None

    async def oldest_due(self) -> datetime | None:
        """Return when the earliest delivery that is pending or being sent was due."""
        both = (await self._value(EARLIEST_SENDING), await self.next_due())
        return min((due for due in both if due is not None), default=None)

    async def posts_of(self, delivery_id: DeliveryId, chat_id: int) -> list[PostId]:
        """Return the posts of a digest sent to this chat, oldest first; empty for any other delivery."""
        listed = await self._value(
            select(deliveries.c.payload)
            .join(destinations, destinations.c.id == deliveries.c.destination_id)
            .where(
                deliveries.c.id == delivery_id,
                deliveries.c.kind == DeliveryKind.DIGEST,
                destinations.c.chat_id == chat_id,
            )
        )
        if not listed:
            return []
        # An aggregate joined them, in whatever order its rows came.
        ids = {"ids": [int(part) for part in listed.split(",")]}
        return await self._column(OLDEST_FIRST, ids)

    async def cancel_unwanted(self, destination_id: DestinationId, now: datetime) -> int:
        """Cancel what a destination has not received and no longer wants by any of its subscriptions."""
        posts_wanted = self._wanted_by(destination_id)
        await DeliveryChunks(self._connection).expand_for([destination_id])
        ended = await self._update(
            deliveries,
            UNARRIVED,
            deliveries.c.destination_id == destination_id,
            deliveries.c.kind == DeliveryKind.POST,
            deliveries.c.post_id.not_in(posts_wanted),
            state=State.CANCELLED,
            reason=UNSUBSCRIBED,
            updated_at=now,
        )
        ended += await self._write(
            delete(waiting).where(
                waiting.c.destination_id == destination_id, waiting.c.post_id.not_in(posts_wanted)
            )
        )
        return ended + await self._thin(destination_id, posts_wanted, now)

    async def _thin(
        self, destination_id: DestinationId, posts_wanted: CompoundSelect[tuple[int]], now: datetime
    ) -> int:
        """Remove unwanted posts from digests that have not arrived; return how many became empty."""
        digests = await self._rows(
            select(deliveries.c.id, deliveries.c.payload).where(
                UNARRIVED,
                deliveries.c.destination_id == destination_id,
                deliveries.c.kind == DeliveryKind.DIGEST,
            )
        )
        if not digests:
            return 0
        wanted = {str(post) for post in await self._column(posts_wanted)}
        ended = 0
        for digest in digests:
            left = ",".join(post for post in digest.payload.split(",") if post in wanted)
            change = {"payload": left} if left else {"state": State.CANCELLED, "reason": UNSUBSCRIBED}
            ended += not left
            await self._update(deliveries, deliveries.c.id == digest.id, updated_at=now, **change)
        return ended

    def _wanted_by(self, destination_id: DestinationId) -> CompoundSelect[tuple[int]]:
        mine = subscriptions.c.destination_id == destination_id
        under = select(post_scopes.c.post_id).join(
            subscriptions, subscriptions.c.scope_id == post_scopes.c.scope_id
        )
        return under.where(mine, ~subscriptions.c.muted).except_(under.where(mine, subscriptions.c.muted))


def _of_chat(chat_id: int) -> Select[tuple[int]]:
    return select(destinations.c.id).where(destinations.c.chat_id == chat_id)


def _range(ids: tuple[int, int] | None) -> list[ColumnElement[bool]]:
    return [] if ids is None else [deliveries.c.id.between(*ids)]


def _is_refused(dedup_key: str) -> ColumnElement[bool]:
    return and_(PENDING, deliveries.c.duty == dedup_key, deliveries.c.attempts > 0)


def _is_prunable(before: datetime) -> ColumnElement[bool]:
    ended = (State.SENT, State.FAILED, State.UNCERTAIN, State.CANCELLED, State.EXPIRED)
    latest = (
        select(posts.c.series_id, func.max(posts.c.episode).label("episode"))
        .where(posts.c.series_id.is_not(None))
        .group_by(posts.c.series_id)
        .subquery()
    )
    # A row keeps what a chunk still lists from being planned again; made of the chunk, it is as old. Only one
    # of a post that was merged into another may be older.
    oldest_chunk = select(func.min(delivery_chunks.c.created_at)).scalar_subquery()
    in_chunks = select(delivery_chunks.c.post_id).where(delivery_chunks.c.post_id.is_not(None))
    last = select(posts.c.id).join(
        latest, and_(latest.c.series_id == posts.c.series_id, latest.c.episode == posts.c.episode)
    )
    return and_(
        deliveries.c.state.in_(ended),
        or_(oldest_chunk.is_(None), deliveries.c.created_at < oldest_chunk),
        or_(deliveries.c.post_id.is_(None), deliveries.c.post_id.not_in(in_chunks)),
        deliveries.c.updated_at < before,
        or_(
            deliveries.c.state != State.SENT,
            deliveries.c.post_id.is_(None),
            deliveries.c.kind == DeliveryKind.EDIT,
            deliveries.c.post_id.not_in(last),
        ),
    )

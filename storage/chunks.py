"""Chunks of large fan-outs: deliveries that are planned, but become rows only shortly before they are sent.

A row of the outbox costs PostgreSQL about 500 bytes of write-ahead log, a destination in a chunk about ten.
The destinations are decided when a chunk is written. Whatever changes a destination's deliveries, or needs
their order, turns its part of the chunks into rows first (`expand_for`); only counts and merged posts handle
chunks as such. A row that was made of a chunk is kept as long as the chunk lists its destination.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SelectBase,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    true,
)

from storage.engine import DataAccess
from storage.enqueue import COLUMNS, are_enough_due, due_at, plan
from storage.model import DeliveryKind, DestinationId, PostId, State
from storage.outbox_sql import CLAIMABLE
from storage.schema import deliveries, destinations
from storage.schema import delivery_chunks as chunks

LOOK = 1000  # chunks of one expansion at most
FEW = 10  # destinations that are looked for in the lists of chunks
TOGETHER = 5000  # destinations of one statement at most


class DeliveryChunks(DataAccess):
    async def wanted(self, now: datetime) -> bool:
        """Return whether the most urgent chunk should become rows: few are due, or none of them can go.

        None can go while an older delivery of each chat is put off.
        """
        urgency = await self._value(select(func.min(chunks.c.priority)))
        if urgency is None:
            return False
        if not await self._value(select(are_enough_due(urgency, now))):
            return True
        return not await self._column(CLAIMABLE, {"now": now, "urgency": urgency, "slots": 1})

    async def first(self) -> int | None:
        """Return the id of the oldest chunk."""
        found: int | None = await self._value(select(func.min(chunks.c.id)))
        return found

    async def expand(self, rows: int, planned_before: datetime | None = None) -> int | None:
        """Turn the first chunks of the most urgent priority into about `rows` deliveries; return how many.

        With `planned_before` only of those planned before it. None where there is no chunk.
        """
        some = [] if planned_before is None else [chunks.c.created_at < planned_before]
        first = select(chunks.c.id, chunks.c.priority, chunks.c.size).where(*some)
        found = await self._rows(first.order_by(chunks.c.priority, chunks.c.id).limit(LOOK))
        taken: list[int] = []
        for chunk in found:
            if chunk.priority != found[0].priority or (taken and rows <= 0):
                break
            taken.append(chunk.id)
            rows -= chunk.size
        if not taken:
            return None
        planned = await plan(self._connection, self._deliveries(chunks.c.id.in_(taken)))
        await self._write(delete(chunks).where(chunks.c.id.in_(taken)))
        return planned

    async def expand_for(self, ids: Collection[DestinationId]) -> None:
        """Turn what chunks hold for these destinations into deliveries; what is a row already stays."""
        wanted = sorted(ids)
        if not wanted:
            return
        within = [chunks.c.first_id <= wanted[-1], chunks.c.last_id >= wanted[0]]
        if len(wanted) <= FEW:  # the spans of digests overlap: most do not list them
            listed = literal(",").concat(chunks.c.destination_ids).concat(",")
            within.append(or_(*(listed.contains(f",{destination_id},") for destination_id in wanted)))
        spans = select(chunks.c.id, chunks.c.first_id, chunks.c.last_id).where(*within)
        for chunk in await self._rows(spans.order_by(chunks.c.id)):
            inside = wanted[bisect_left(wanted, chunk.first_id) : bisect_right(wanted, chunk.last_id)]
            for start in range(0, len(inside), TOGETHER):
                some = destinations.c.id.in_(inside[start : start + TOGETHER])
                planned = await plan(self._connection, self._deliveries(chunks.c.id == chunk.id, some))
                if planned:
                    # Its list stays as it is: to write it again costs more than a row that is refused.
                    await self._update(chunks, chunks.c.id == chunk.id, size=chunks.c.size - planned)

    async def size_of(self, post_id: PostId) -> int:
        """Return how many announcements of a post are no rows yet."""
        of_post = (chunks.c.post_id == post_id, chunks.c.kind == DeliveryKind.POST)
        return await self._number(select(func.coalesce(func.sum(chunks.c.size), 0)).where(*of_post))

    async def has_duty(self, duty: str) -> bool:
        """Return whether a chunk has this dedup key."""
        return await self._first(select(chunks.c.id).where(chunks.c.duty == duty).limit(1)) is not None

    async def expand_some(self, post_ids: Collection[PostId], among: SelectBase) -> None:
        """Turn into deliveries what chunks of these posts hold for the destinations that `among` selects."""
        listed = self._deliveries(chunks.c.post_id.in_(post_ids)).order_by(None).subquery("listed").c
        both = select(listed.destination_id).where(listed.destination_id.in_(among)).distinct()
        await self.expand_for(await self._column(both))

    async def replace_post(self, gone: PostId, heir: PostId) -> None:
        """Name `heir` in the place of a post that was merged into it."""
        announced = chunks.c.duty == f"{DeliveryKind.POST}:{gone}"
        await self._update(chunks, announced, duty=f"{DeliveryKind.POST}:{heir}")
        await self._update(chunks, chunks.c.post_id == gone, post_id=heir)

    def _deliveries(self, *conditions: ColumnElement[bool]) -> Select[Any]:
        """Select the deliveries of chunks as `plan` takes them, but for destinations that were erased."""
        if self._connection.dialect.name == "postgresql":
            numbers = func.unnest(func.string_to_array(chunks.c.destination_ids, ","))
            listed = numbers.table_valued("value", name="listed").render_derived()
        else:
            array = literal("[").concat(chunks.c.destination_ids).concat("]")
            listed = func.json_each(array).table_valued("value", name="listed")
        values = {
            **{name: chunks.c[name] for name in COLUMNS if name in chunks.c},
            "destination_id": destinations.c.id.label("destination_id"),
            "state": literal(State.PENDING, deliveries.c.state.type),
            "due_at": due_at(chunks.c.due_at),
            "updated_at": chunks.c.created_at,
        }
        return (
            select(*(values[name] for name in COLUMNS))
            .select_from(chunks)
            .join(listed, true())
            .join(destinations, destinations.c.id == cast(listed.c.value, BigInteger))
            .where(*conditions)
            .order_by(chunks.c.id, destinations.c.id)
        )

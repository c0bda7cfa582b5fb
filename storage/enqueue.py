"""Enqueue statements: one delivery per dedup key, with a notification of the workers.

Statements work on whole sets of destinations.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import upsert, written
from storage.model import DeliveryKind, Priority, State
from storage.notify import notify
from storage.schema import deliveries, destinations, posts

COLUMNS = (
    "destination_id",
    "duty",
    "kind",
    "post_id",
    "scope_id",
    "payload",
    "state",
    "priority",
    "due_at",
    "created_at",
    "updated_at",
)


async def plan(connection: AsyncConnection, rows: Select[Any]) -> int:
    """Insert the deliveries whose dedup key is new, notify the workers, and return their number."""
    await notify(connection)
    statement = upsert(connection, deliveries).from_select(list(COLUMNS), rows)
    return await written(connection, statement.on_conflict_do_nothing())


def duties_to(
    to: ColumnElement[int],
    duty: ColumnElement[str],
    kind: DeliveryKind,
    priority: Priority,
    now: datetime,
    *,
    post_id: ColumnElement[int] | None = None,
    scope_id: ColumnElement[int] | None = None,
    payload: ColumnElement[str] | None = None,
    state: State = State.PENDING,
    due: ColumnElement[datetime] | None = None,
) -> Select[*tuple[Any, ...]]:
    """Duties as `plan` takes them, for each row that these columns are of; without `due` they are due now."""
    at = now if due is None else due
    values = (to, duty, kind, post_id, scope_id, payload, state, int(priority), at, now, now)
    return select(
        *(
            value if isinstance(value, ColumnElement) else literal(value, deliveries.c[name].type)
            for name, value in zip(COLUMNS, values, strict=True)
        )
    )


def singles(source: FromClause, state: State, now: datetime) -> Select[*tuple[Any, ...]]:
    """Return a delivery for each row of `source`: a destination, a post, and the scope that matched."""
    told = duties_to(
        source.c.destination_id,
        literal("post:").concat(cast(source.c.post_id, String)),
        DeliveryKind.POST,
        Priority.POST,
        now,
        post_id=source.c.post_id,
        scope_id=source.c.scope_id,
        state=state,
        due=due_at(now),
    )
    return told.join(posts, posts.c.id == source.c.post_id).join(
        destinations, destinations.c.id == source.c.destination_id
    )


def digests(
    source: FromClause, duty: ColumnElement[str], state: State, now: datetime
) -> Select[*tuple[Any, ...]]:
    """One duty for each destination of such rows, which lists all of its posts."""
    told = duties_to(
        source.c.destination_id,
        duty,
        DeliveryKind.DIGEST,
        Priority.DIGEST,
        now,
        scope_id=func.max(source.c.scope_id),
        payload=func.aggregate_strings(cast(source.c.post_id, String), ","),
        state=state,
        due=func.max(due_at(now)),
    )
    return told.join(destinations, destinations.c.id == source.c.destination_id).group_by(
        source.c.destination_id
    )


def due_at(now: datetime) -> ColumnElement[datetime]:
    """`now`, or when Telegram allows the chat to be written to again."""
    at = literal(now, deliveries.c.due_at.type)
    later = and_(destinations.c.not_before.is_not(None), destinations.c.not_before > at)
    return case((later, destinations.c.not_before), else_=at)

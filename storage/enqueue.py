"""Enqueue statements, as rows or chunks, one delivery per dedup key; notification of the workers.

NOTIFY is only an optimisation: workers also poll every few seconds. On SQLite there is one process and none.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    String,
    aggregate_order_by,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.clock import Backoff
from storage.engine import KeepaliveLoop, upsert, written
from storage.model import DeliveryKind, Priority, State
from storage.outbox_sql import PENDING
from storage.schema import deliveries, destinations, posts
from storage.schema import delivery_chunks as chunks

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


AHEAD = 20_000  # rows of a priority that are due before more is kept in chunks: at 30 a second 11 minutes
CHUNK = 2000  # a chunk's destinations have ids within a range of so many


async def plan(connection: AsyncConnection, rows: Select[Any]) -> int:
    """Insert the deliveries whose dedup key is new, notify the workers, and return their number."""
    await notify(connection)
    statement = upsert(connection, deliveries).from_select(list(COLUMNS), rows)
    return await written(connection, statement.on_conflict_do_nothing())


async def plan_many(connection: AsyncConnection, rows: Select[Any], priority: Priority, now: datetime) -> int:
    """Insert deliveries whose dedup key is new, as chunks where enough rows wait; return how many."""
    if not await _is_full(connection, priority, now):
        return await plan(connection, rows)
    row = rows.subquery("row").c
    # Not an EXISTS, which PostgreSQL may join with all deliveries.
    same = select(deliveries.c.id).where(
        deliveries.c.destination_id == row.destination_id, deliveries.c.duty == row.duty
    )
    ids = func.aggregate_strings(cast(row.destination_id, String), ",")
    kept = (row.duty, row.kind, row.post_id, row.scope_id, row.payload, row.priority)
    first = func.min(row.destination_id)
    values = {
        **{column.name: column for column in kept},
        "due_at": func.min(row.due_at),
        "created_at": func.min(row.created_at),
        "first_id": first,
        "last_id": func.max(row.destination_id),
        "size": func.count(),
        "destination_ids": ids,
    }
    grouped = (
        select(*values.values())
        .outerjoin(posts, posts.c.id == row.post_id)
        .where(same.scalar_subquery().is_(None))
        .group_by(*kept, posts.c.date, row.destination_id // literal_column(str(CHUNK), Integer))
        .order_by(posts.c.date.nulls_last(), row.post_id, first)
    )
    sizes = insert(chunks).from_select(list(values), grouped).returning(chunks.c.size)
    return sum((await connection.execute(sizes)).scalars())


async def _is_full(connection: AsyncConnection, priority: Priority, now: datetime) -> bool:
    """Return whether new deliveries must be kept in chunks: chunks precede them, or AHEAD rows are due."""
    earlier = exists().where(chunks.c.priority <= int(priority))
    asked = select(or_(earlier, are_enough_due(priority, now)))
    return bool((await connection.execute(asked)).scalar_one())


def are_enough_due(priority: int, now: datetime) -> ColumnElement[bool]:
    """Return whether AHEAD deliveries of a priority are due; none beyond them is read."""
    found = (
        select(literal_column("1").label("one"))
        .select_from(deliveries)
        .where(
            PENDING,
            deliveries.c.priority == literal_column(str(int(priority))),
            deliveries.c.due_at <= now,
        )
        .limit(AHEAD)
        .subquery("due")
    )
    return select(func.count()).select_from(found).scalar_subquery() >= AHEAD


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
    columns = {
        name: value if isinstance(value, ColumnElement) else literal(value, deliveries.c[name].type)
        for name, value in zip(COLUMNS, values, strict=True)
    }
    return select(*(column.label(name) for name, column in columns.items()))


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
    connection: AsyncConnection, source: FromClause, duty: ColumnElement[str], state: State, now: datetime
) -> Select[*tuple[Any, ...]]:
    """One duty for each destination of such rows, which lists all of its posts."""
    listed = func.aggregate_strings(cast(source.c.post_id, String), ",")
    # On PostgreSQL in any order otherwise, and equal lists share a chunk; SQLite has no order before 3.44.
    is_ordered = connection.dialect.name == "postgresql"
    told = duties_to(
        source.c.destination_id,
        duty,
        DeliveryKind.DIGEST,
        Priority.DIGEST,
        now,
        scope_id=func.max(source.c.scope_id),
        payload=aggregate_order_by(listed, source.c.post_id) if is_ordered else listed,
        state=state,
        due=func.max(due_at(now)),
    )
    return told.join(destinations, destinations.c.id == source.c.destination_id).group_by(
        source.c.destination_id
    )


def due_at(now: datetime | ColumnElement[datetime]) -> ColumnElement[datetime]:
    """`now`, or when Telegram allows the chat to be written to again."""
    at = now if isinstance(now, ColumnElement) else literal(now, deliveries.c.due_at.type)
    later = and_(destinations.c.not_before.is_not(None), destinations.c.not_before > at)
    return case((later, destinations.c.not_before), else_=at)


log = logging.getLogger(__name__)

CHANNEL = "kexue_deliveries"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between tries to listen
CONNECT_SECONDS = 10.0
LOOK_SECONDS = 30.0  # a connection that broke without a word is noticed within

_RING = text(f"SELECT pg_notify('{CHANNEL}', '')")


async def notify(connection: AsyncConnection) -> None:
    """Notify all processes at the commit of this transaction; repeated calls send one notification."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_RING)


async def listen(engine: AsyncEngine, heard: Callable[[], None]) -> None:
    """Call the callback at every notification and after every reconnection; never return."""
    # Imported on use: the driver is installed only with the PostgreSQL extra.
    import asyncpg

    _, options = engine.dialect.create_connect_args(engine.url)
    for name in [name for name in options if name.startswith("prepared_statement_")]:
        del options[name]  # SQLAlchemy's own
    backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
    while True:
        try:
            connection = await asyncpg.connect(**options, timeout=CONNECT_SECONDS, loop=KeepaliveLoop())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.info("the bell cannot be heard (%s); looking every few seconds", type(error).__name__)
            await asyncio.sleep(backoff.fail())
            continue
        backoff.reset()
        try:
            await _hear(connection, heard)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(FIRST_PAUSE)
        finally:
            connection.terminate()


async def _hear(connection: Any, heard: Callable[[], None]) -> None:
    """Until the connection breaks."""
    broken = asyncio.Event()

    connection.add_termination_listener(lambda _: broken.set())
    await connection.add_listener(CHANNEL, lambda *_: heard())
    heard()
    while not broken.is_set():
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await broken.wait()
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=LOOK_SECONDS)

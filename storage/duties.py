"""Writing duties: one row for each, never two for the same, and the senders hear of it.

Knows the rows, not why anybody is told anything.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, literal
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.bell import ring
from storage.dialect import upsert, written
from storage.schema import deliveries, destinations

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
    """Write these duties but those that are there already, and wake the senders; how many they were."""
    await ring(connection)
    statement = upsert(connection, deliveries).from_select(list(COLUMNS), rows)
    return await written(connection, statement.on_conflict_do_nothing())


def due_at(now: datetime) -> ColumnElement[datetime]:
    """`now`, or when Telegram allows the chat to be written to again."""
    at = literal(now, deliveries.c.due_at.type)
    later = and_(destinations.c.not_before.is_not(None), destinations.c.not_before > at)
    return case((later, destinations.c.not_before), else_=at)

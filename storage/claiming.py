"""Claiming due duties: the few statements of it, and what is told of each duty that was claimed.

Knows no outcomes. On PostgreSQL each statement costs a way to the server and back, so there it is one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.destinations import destination_of
from storage.model import Delivery, DeliveryId, DeliveryKind, PostId, Priority
from storage.outbox_statements import CLAIM, CLAIM_TOGETHER, CLAIMED, DUE_PRIORITIES, EPISODE_BEFORE

# What of a duty is told as it stands in its row, and its column there.
AS_STORED = {
    name: f"delivery_{name}"
    for name in ("id", "token", "attempts", "unsure", "scope_id", "message_id", "form", "duty")
}

Asked = Mapping[str, object]


async def claim(
    connection: AsyncConnection, slots: int, now: datetime, lease: timedelta, owner: str | None
) -> list[Delivery]:
    """Take up to `slots` due duties into SENDING, in the order in which they are to leave."""
    asked: Asked = {"claim": uuid4().hex, "now": now, "until": now + lease, "owner": owner, "slots": slots}
    if connection.dialect.name == "postgresql":
        claimed = (await connection.execute(CLAIM_TOGETHER, asked)).mappings().all()
    else:
        claimed = await _one_by_one(connection, slots, asked)
    before = await _episodes_before(connection, claimed, asked)
    return [_delivery(row, before.get(row["delivery_id"])) for row in claimed]


async def _one_by_one(connection: AsyncConnection, slots: int, asked: Asked) -> Sequence[RowMapping]:
    due = (await connection.execute(DUE_PRIORITIES, asked)).one()
    free = slots
    for priority in (each for each, found in zip(Priority, due, strict=True) if found):
        if free > 0:
            free -= (await connection.execute(CLAIM, {**asked, "slots": free, "urgency": priority})).rowcount
    if free == slots:
        return []
    return (await connection.execute(CLAIMED, asked)).mappings().all()


async def _episodes_before(
    connection: AsyncConnection, claimed: Sequence[RowMapping], asked: Asked
) -> dict[DeliveryId, int]:
    """For announcements of episodes, the message there that told of the episode before.

    Looked up at the claim, because an older duty of the same destination has always ended by then.
    """
    if not any(row["delivery_kind"] is DeliveryKind.POST for row in claimed):
        return {}
    found = await connection.execute(EPISODE_BEFORE, asked)
    return {DeliveryId(row.id): int(row.message) for row in found}


def _delivery(row: RowMapping, reply_to: int | None) -> Delivery:
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
        reply_to=reply_to,
    )

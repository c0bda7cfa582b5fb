"""Deliveries have no foreign keys, and none refers to a row that an operation has deleted."""

import pytest
from sqlalchemy import func, select

from storage import enqueue
from storage.database import Database, Transaction
from storage.model import ChatKind, DestinationId, PostId
from storage.schema import deliveries, destinations, metadata, posts, scopes
from tests.delivery.archive import THEN, essay, store

GROUP, SUPERGROUP, PERSON = -5, -1000000000005, 7

LEFT = {  # how many of eight deliveries are left by each operation, as rows and as chunks
    "unsubscribe": (8, 8),
    "forget a chat": (4, 4),
    "migrate a chat to its twin": (6, 6),
    "move a topic to its chat": (6, 6),
    "merge two posts": (8, 4),  # of two rows of a destination one is cancelled
}


async def operate(tx: Transaction, name: str, to: list[DestinationId], new: list[PostId]) -> None:
    match name:
        case "unsubscribe":
            await tx.destinations.unsubscribe(to[0])
        case "forget a chat":
            await tx.destinations.forget(GROUP)
        case "migrate a chat to its twin":
            await tx.destinations.migrate_chat(GROUP, SUPERGROUP)
        case "move a topic to its chat":
            await tx.destinations.move_topic_to_chat(to[1])
        case "merge two posts":
            await tx.post_writer.merge(*new)
        case _:
            raise AssertionError(name)


async def announced(tx: Transaction) -> tuple[list[DestinationId], list[PostId]]:
    """Announce two posts to a group, its topic, its supergroup and a person."""
    everything, to = await tx.scopes.everything(), []
    for chat, thread in ((GROUP, None), (GROUP, 5), (SUPERGROUP, None), (PERSON, None)):
        made = await tx.destinations.ensure(chat, thread, ChatKind.GROUP, "", THEN)
        await tx.destinations.subscribe(made.id, everything.id, THEN)
        to.append(made.id)
    dump, stored = await store(tx, [essay("一"), essay("二")])
    new = [post.id for post in stored]
    await tx.planner.announce(new, dump, THEN, digest_above=9)
    return to, new


@pytest.mark.parametrize("ahead", [0, enqueue.AHEAD], ids=["chunks", "rows"])
@pytest.mark.parametrize(("name", "left"), LEFT.items())
async def test_no_delivery_refers_to_what_is_gone(
    database: Database, monkeypatch: pytest.MonkeyPatch, name: str, left: tuple[int, int], ahead: int
) -> None:
    monkeypatch.setattr(enqueue, "AHEAD", ahead)

    async def unit(tx: Transaction) -> None:
        await operate(tx, name, *await announced(tx))
        while await tx.chunks.expand(1) is not None:
            pass
        rows = select(func.count()).select_from(deliveries)
        connection = tx.outbox._connection
        assert (await connection.execute(rows)).scalar_one() == left[ahead == 0]
        for column, table in (("destination_id", destinations), ("post_id", posts), ("scope_id", scopes)):
            orphans = rows.where(deliveries.c[column].not_in(select(table.c.id)))
            assert (await connection.execute(orphans)).scalar_one() == 0, column

    await database.write(unit)


def test_all_other_references_are_foreign_keys() -> None:
    """A new column that refers to a table has one, or belongs to the test above."""
    bare = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_id") and not column.foreign_keys
    }
    assert bare == {
        "deliveries.destination_id", "deliveries.post_id", "deliveries.scope_id", "deliveries.message_id",
        "posts.archive_id", "destinations.chat_id", "destinations.thread_id", "bookmarks.user_id",
        "plans.dump_id", "plans.after_id", "updates.update_id",
        "delivery_chunks.post_id", "delivery_chunks.scope_id", "delivery_chunks.first_id",
        "delivery_chunks.last_id",
    }  # fmt: skip

"""Chunks next to rows: the order of a chat's messages, and rows that keep a post from being sent again."""

from datetime import timedelta

import pytest

from storage import enqueue
from storage.database import Database, Transaction
from storage.model import Settlement, State
from tests.delivery.archive import THEN, essay, store
from tests.storage.test_chunks import LEASE, announce, expand_all, subscribe

pytestmark = pytest.mark.both_databases
AHEAD = pytest.mark.parametrize("ahead", [0, enqueue.AHEAD], ids=["chunks", "rows"])


async def send(tx: Transaction, seconds: float = 0) -> list[str]:
    """Claim and settle what is due so many seconds later; return the dedup keys."""
    claimed = await tx.outbox.claim(9, THEN + timedelta(seconds=seconds), LEASE)
    ended = [
        Settlement(delivery_id=one.id, token=one.token, state=State.SENT, message_id=1) for one in claimed
    ]
    await tx.outbox.settle(ended, THEN)
    return [one.dedup_key for one in claimed]


@AHEAD
async def test_released_posts_follow_what_was_planned_before(
    database: Database, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    monkeypatch.setattr(enqueue, "AHEAD", ahead)

    async def unit(tx: Transaction) -> None:
        await subscribe(tx, 101)
        (first,) = await announce(tx, "一")
        dump, (held,) = await store(tx, [essay("二")])
        await tx.planner.announce([held.id], dump, THEN, digest_above=3, held=True)
        await tx.planner.release_held(dump, THEN)
        sent: list[str] = []
        for second in range(3):
            sent += await send(tx, second)
            await tx.chunks.expand(1)
        assert sent == [f"post:{first}", f"post:{held.id}"]

    await database.write(unit)


@AHEAD
async def test_a_row_is_kept_while_the_twin_of_its_post_is_in_chunks(
    database: Database, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """A post that was sent long ago was announced under another title; then the two were merged."""
    later = THEN + timedelta(days=91)

    async def unit(tx: Transaction) -> None:
        await subscribe(tx, 101)
        (old,) = await announce(tx, "旧")
        assert await send(tx) == [f"post:{old}"]
        monkeypatch.setattr(enqueue, "AHEAD", ahead)
        dump, (twin,) = await store(tx, [essay("旧文")])
        await tx.planner.announce([twin.id], dump, later, digest_above=3)
        await tx.post_writer.merge(twin.id, old)
        await tx.outbox.prune(later - timedelta(days=90))
        await expand_all(tx)
        assert await tx.outbox.claim(9, later + timedelta(seconds=1), LEASE) == []

    await database.write(unit)

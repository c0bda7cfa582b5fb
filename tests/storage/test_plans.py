"""Planning in batches: the same deliveries as in one, resumed at its cursor, each exactly once."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.delivery.due_worker import DueWorker
from storage import batches, enqueue, planner
from storage.clock import SystemClock
from storage.database import Database, Transaction
from storage.model import ChatKind, DestinationId, DumpId, PostId, Preferences, Settlement, State, When
from storage.schema import deliveries
from tests.delivery.archive import THEN, essay, store

CHATS = 11
LEASE = timedelta(minutes=1)
pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True, params=["rows", "chunks"])
def small_batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plans take several batches, written as rows, or as chunks and these as rows afterwards."""
    if request.param == "chunks":
        monkeypatch.setattr(enqueue, "AHEAD", 0)
    monkeypatch.setattr(planner, "FIRST_BATCH", 3)
    monkeypatch.setattr(batches, "FIRST_ROWS", 3)
    monkeypatch.setattr(batches, "MOST_ROWS", 3)
    monkeypatch.setattr(batches, "LEAST_ROWS", 3)


async def subscribe(tx: Transaction, number: int, *, late: bool = False) -> DestinationId:
    everything = await tx.scopes.everything()
    at = THEN + timedelta(seconds=int(late))
    to = await tx.destinations.ensure(number, None, ChatKind.PRIVATE, "", at)
    await tx.destinations.subscribe(to.id, everything.id, at)
    return to.id


async def announced(tx: Transaction, *, posts: int = 1, held: bool = False) -> tuple[DumpId, list[PostId]]:
    """Subscribe the chats and plan the first batch of an announcement to them."""
    for number in range(CHATS):
        await subscribe(tx, number + 1)
    dump, stored = await store(tx, [essay(f"第{n}篇") for n in range(posts)])
    new = [post.id for post in stored]
    assert 0 < await tx.planner.announce(new, dump, THEN, digest_above=3, held=held) <= 3 * posts
    assert await tx.planner.has_plans()
    return dump, new


async def finish(tx: Transaction) -> int:
    planned = 0
    while (batch := await tx.planner.advance(3)) is not None:
        planned += batch
    assert not await tx.planner.has_plans()
    await expand_all(tx)
    return planned


async def expand_all(tx: Transaction) -> None:
    while await tx.chunks.expand(3) is not None:
        pass


async def rows(tx: Transaction) -> list[tuple[int, str, State]]:
    found = await tx.outbox._connection.execute(
        deliveries.select().order_by(deliveries.c.destination_id, deliveries.c.duty)
    )
    return [(row.destination_id, row.duty, row.state) for row in found]


@pytest.mark.parametrize("posts", [1, 2, 5])
async def test_every_destination_is_planned_once(database: Database, posts: int) -> None:
    async def unit(tx: Transaction) -> None:
        dump, new = await announced(tx, posts=posts)
        await finish(tx)
        keys = [f"post:{post}" for post in new] if posts <= 3 else [f"digest:dump:{dump}"]
        assert len(await rows(tx)) == CHATS * len(keys)
        assert {duty for _, duty, _ in await rows(tx)} == set(keys)

    await database.write(unit)


async def test_a_change_of_subscriptions_between_batches(database: Database) -> None:
    """Subscribers since the post was found and former subscribers get no delivery."""

    async def unit(tx: Transaction) -> None:
        await announced(tx)
        late = await subscribe(tx, 900, late=True)
        left = await subscribe(tx, CHATS)
        await tx.destinations.unsubscribe(left)
        await finish(tx)
        told = {to for to, _, _ in await rows(tx)}
        assert len(told) == CHATS - 1
        assert not {late, left} & told

    await database.write(unit)


@pytest.mark.parametrize(
    ("release", "states"), [(True, [State.PENDING] * CHATS), (False, [State.CANCELLED] * 3)]
)
async def test_a_held_announcement_is_decided_between_batches(
    database: Database, release: bool, states: list[State]
) -> None:
    async def unit(tx: Transaction) -> None:
        dump, _ = await announced(tx, held=True)
        await (tx.planner.release_held if release else tx.planner.discard_held)(dump, THEN)
        await finish(tx)
        assert [state for _, _, state in await rows(tx)] == states

    await database.write(unit)


@pytest.mark.parametrize(("release", "state"), [(True, State.PENDING), (False, State.CANCELLED)])
async def test_held_deliveries_are_decided_in_batches(
    database: Database, release: bool, state: State
) -> None:
    async def unit(tx: Transaction) -> None:
        dump, _ = await announced(tx, held=True)
        await finish(tx)
        assert {state for _, _, state in await rows(tx)} == {State.HELD}
        assert await (tx.planner.release_held if release else tx.planner.discard_held)(dump, THEN) == CHATS
        assert [found for _, _, found in await rows(tx)] == [state] * 3 + [State.HELD] * (CHATS - 3)
        assert await finish(tx) == CHATS - 3
        assert [found for _, _, found in await rows(tx)] == [state] * CHATS
        assert await tx.planner.release_held(dump, THEN) == 0
        assert not await tx.planner.has_plans()

    await database.write(unit)


async def test_messages_are_edited_in_batches(database: Database) -> None:
    """Only messages that were sent, and since the given time."""

    async def unit(tx: Transaction) -> None:
        dump, (post,) = await announced(tx)
        await finish(tx)
        for sent_at in (THEN - timedelta(days=9), THEN):
            claimed = await tx.outbox.claim(5, THEN, timedelta(minutes=1))
            await tx.outbox.settle(
                [
                    Settlement(delivery_id=d.id, token=d.token, state=State.SENT, message_id=100 + n)
                    for n, d in enumerate(claimed)
                ],
                sent_at,
            )
        planned = await tx.planner.edit_sent([post], dump, THEN, THEN - timedelta(days=3))
        assert planned < 5
        assert planned + await finish(tx) == 5
        edits = {to for to, duty, _ in await rows(tx) if duty == f"edit:dump:{dump}:{post}"}
        assert edits == {d.destination.id for d in claimed}

    await database.write(unit)


async def test_digests_are_planned_in_batches(database: Database) -> None:
    async def unit(tx: Transaction) -> None:
        for number in range(CHATS):
            to = await subscribe(tx, number + 1)
            await tx.destinations.prefer(to, Preferences(when=When.DAILY))
        dump, stored = await store(tx, [essay("一"), essay("二")])
        await tx.planner.announce([post.id for post in stored], dump, THEN, digest_above=3)
        await finish(tx)

    await database.write(unit)
    woken = 0

    def wake() -> None:
        nonlocal woken
        woken += 1

    class Later(SystemClock):
        def now(self) -> datetime:
            return THEN + timedelta(days=1)

    assert await DueWorker(database, Later(), digest_above=3, planned=wake).tick() == CHATS
    assert woken > 3
    await database.write(expand_all)
    listed = await database.read(rows)
    assert len(listed) == len({to for to, _, _ in listed}) == CHATS


async def test_a_clock_that_is_ahead_holds_nothing_back(database: Database) -> None:
    """By the database's clock, which several processes share; on SQLite there is one clock."""
    ahead = datetime.now(UTC) + timedelta(minutes=10) * database.is_multi_process

    async def unit(tx: Transaction) -> None:
        await subscribe(tx, 1)
        dump, (post,) = await store(tx, [essay("一")])
        assert await tx.planner.announce([post.id], dump, ahead, digest_above=3) == 1
        await expand_all(tx)

    await database.write(unit)
    assert len(await database.write(lambda tx: tx.outbox.claim(9, datetime.now(UTC), LEASE))) == 1


async def test_a_post_that_is_merged_between_batches(database: Database) -> None:
    async def unit(tx: Transaction) -> None:
        _, (gone,) = await announced(tx)
        _, (heir,) = await store(tx, [essay("另一篇")])
        await tx.post_writer.merge(gone, heir.id)
        await finish(tx)
        assert {to for to, _, _ in await rows(tx)} == set(range(1, CHATS + 1))

    await database.write(unit)


async def test_a_broadcast(database: Database) -> None:
    async def unit(tx: Transaction) -> None:
        for number in range(CHATS):
            await subscribe(tx, number + 1)
        assert await tx.planner.broadcast("broadcast:1", "各位好", THEN) == 3
        assert await finish(tx) == CHATS - 3
        assert len(await rows(tx)) == CHATS

    await database.write(unit)


async def test_a_plan_is_resumed_after_a_restart(database: Database) -> None:
    await database.write(announced)
    woken = 0

    def wake() -> None:
        nonlocal woken
        woken += 1

    worker = DueWorker(database, SystemClock(), digest_above=3, planned=wake)
    await worker.advance_plans()
    assert woken >= 3  # each batch, and chunks while nothing else could be claimed
    assert (await database.read(lambda tx: tx.outbox.counts())) == {State.PENDING: CHATS}

"""Chunks of a fan-out: what happens to a destination before its delivery is a row happens to the delivery."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

import pytest

from bot.delivery.due_worker import DueWorker
from bot.maintenance import Maintenance
from storage import enqueue
from storage.clock import SystemClock
from storage.database import Database, Transaction
from storage.model import (
    ChatKind,
    Course,
    DestinationId,
    DumpId,
    PostId,
    Preferences,
    Settlement,
    Stage,
    State,
    When,
)
from storage.schema import deliveries, delivery_chunks
from tests.delivery.archive import THEN, essay, store

LEASE = timedelta(minutes=1)
CHATS = (101, 102, 103)
GROUP, SUPERGROUP = -5, -1005
P, C = State.PENDING, State.CANCELLED
pytestmark = pytest.mark.both_databases


async def subscribe(tx: Transaction, chat_id: int, thread_id: int | None = None) -> DestinationId:
    everything = await tx.scopes.everything()
    kind = ChatKind.PRIVATE if chat_id > 0 else ChatKind.GROUP
    to = await tx.destinations.ensure(chat_id, thread_id, kind, "", THEN)
    await tx.destinations.subscribe(to.id, everything.id, THEN)
    return to.id


async def announce(tx: Transaction, *titles: str, digest_above: int = 3) -> list[PostId]:
    dump, stored = await store(tx, [essay(title) for title in titles])
    new = [post.id for post in stored]
    await tx.planner.announce(new, dump, THEN, digest_above=digest_above)
    return new


async def expand_all(tx: Transaction) -> None:
    while await tx.chunks.expand(2) is not None:
        pass


async def told(tx: Transaction) -> dict[int, list[State]]:
    """Return the states of each chat's deliveries, oldest first, when all are rows."""
    await expand_all(tx)
    rows = (await tx.outbox._connection.execute(deliveries.select().order_by(deliveries.c.id))).all()
    known = await tx.destinations.many([row.destination_id for row in rows])
    found: dict[int, list[State]] = {}
    for row in rows:
        found.setdefault(known[row.destination_id].chat_id, []).append(row.state)
    return found


async def settle(ended: list[Settlement], tx: Transaction) -> None:
    await tx.outbox.settle(ended, THEN)


async def nothing(_tx: Transaction, _post: PostId) -> None:
    return


async def gone(tx: Transaction, _post: PostId) -> None:
    await tx.destinations.gone(102, "blocked")
    await tx.outbox.cancel_chat(102, "blocked", THEN)


async def gone_and_back(tx: Transaction, post: PostId) -> None:
    await gone(tx, post)
    await tx.destinations.returned(102)
    assert await tx.outbox.resume_chats([102], THEN, THEN, THEN) == 1


async def unsubscribed(tx: Transaction, _post: PostId) -> None:
    to = await tx.destinations.find(102)
    assert to is not None
    await tx.destinations.unsubscribe(to.id)
    await tx.outbox.cancel_unwanted(to.id, THEN)


async def erased(tx: Transaction, _post: PostId) -> None:
    await tx.destinations.forget(102)


async def planned_again(tx: Transaction, post: PostId) -> None:
    await tx.planner.announce([post], DumpId(1), THEN, digest_above=3)


async def merged(tx: Transaction, post: PostId) -> None:
    _, (heir,) = await store(tx, [essay("另一篇")])
    await tx.post_writer.merge(post, heir.id)


async def migrated(tx: Transaction, _post: PostId) -> None:
    """The supergroup is known already, so that the two become one destination."""
    await tx.destinations.ensure(SUPERGROUP, None, ChatKind.GROUP, "", THEN)
    await tx.destinations.migrate_chat(GROUP, SUPERGROUP)


Change = Callable[[Transaction, PostId], Awaitable[None]]
ALL = {101: [P], 102: [P], 103: [P], GROUP: [P]}


@pytest.mark.parametrize("ahead", [0, enqueue.AHEAD], ids=["chunks", "rows"])
@pytest.mark.parametrize(
    ("change", "states"),
    [
        (nothing, ALL),
        (gone, ALL | {102: [C]}),
        (gone_and_back, ALL),
        (unsubscribed, ALL | {102: [C]}),
        (erased, {101: [P], 103: [P], GROUP: [P]}),
        (planned_again, ALL),
        (merged, ALL),
        (migrated, {101: [P], 102: [P], 103: [P], SUPERGROUP: [P]}),
    ],
)
async def test_a_change_before_the_delivery_is_a_row(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    ahead: int,
    change: Change,
    states: dict[int, list[State]],
) -> None:
    """It has the effect that it has on a row."""
    monkeypatch.setattr(enqueue, "AHEAD", ahead)

    async def unit(tx: Transaction) -> None:
        for chat_id in (*CHATS, GROUP):
            await subscribe(tx, chat_id)
        (post,) = await announce(tx, "一")
        assert await tx.planner.has_chunks() is not bool(ahead)
        await change(tx, post)
        counted = await tx.outbox.counts()
        found = await told(tx)
        assert found == states
        if change not in (erased, planned_again):  # which chunks count until they become rows
            assert counted == await tx.outbox.counts()
        assert await tx.outbox.counts() == Counter(chain(*found.values()))

    await database.write(unit)


async def topic_failed(tx: Transaction) -> None:
    """A topic's delivery has failed when the topic is joined to its chat."""
    topic, chat = await subscribe(tx, GROUP, 7), await subscribe(tx, GROUP)
    await announce(tx, "一")
    await tx.chunks.expand_for([topic])
    for one in await tx.outbox.claim(9, THEN, LEASE):
        state = State.FAILED if one.destination.id == topic else State.PENDING
        await tx.outbox.settle([Settlement(delivery_id=one.id, token=one.token, state=state)], THEN)
    await tx.destinations.move_topic_to_chat(topic)
    assert await tx.waiting.posts(chat) == []


async def topic_waits(tx: Transaction) -> None:
    """A topic's post waits for its digest when the topic is joined to its chat, which gets it at once."""
    topic, chat = await subscribe(tx, GROUP, 7), await subscribe(tx, GROUP)
    await tx.destinations.prefer(topic, Preferences(when=When.DAILY))
    await announce(tx, "一")
    await tx.destinations.move_topic_to_chat(topic)
    assert await tx.waiting.posts(chat) == []


async def merged_after_an_end(tx: Transaction) -> None:
    """One of the posts that are merged was cancelled for the chat."""
    await subscribe(tx, GROUP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enqueue, "AHEAD", 9)
        (gone,) = await announce(tx, "一")
    await tx.outbox.cancel_chat(GROUP, "blocked", THEN)
    (heir,) = await announce(tx, "二")
    await tx.post_writer.merge(gone, heir)


async def merged_while_waiting(tx: Transaction) -> None:
    """One of the posts that are merged waits for the chat's digest."""
    to = await subscribe(tx, GROUP)
    (heir,) = await announce(tx, "一")
    await tx.destinations.prefer(to, Preferences(when=When.DAILY))
    (gone,) = await announce(tx, "二")
    assert await tx.waiting.posts(to) == [gone]
    await tx.post_writer.merge(gone, heir)
    assert await tx.waiting.posts(to) == []


@pytest.mark.parametrize("ahead", [0, enqueue.AHEAD], ids=["chunks", "rows"])
@pytest.mark.parametrize("steps", [topic_failed, topic_waits, merged_after_an_end, merged_while_waiting])
async def test_deliveries_that_meet_are_one(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    ahead: int,
    steps: Callable[[Transaction], Awaitable[None]],
) -> None:
    """Where destinations or posts become one, neither form of a delivery hides or doubles the other."""
    monkeypatch.setattr(enqueue, "AHEAD", ahead)

    async def unit(tx: Transaction) -> None:
        await steps(tx)
        assert (await told(tx))[GROUP].count(P) == 1

    await database.write(unit)


async def test_a_row_is_kept_while_a_chunk_lists_its_destination(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a person who unsubscribed long ago would get the post after all."""
    monkeypatch.setattr(enqueue, "AHEAD", 0)

    async def unit(tx: Transaction) -> None:
        to = await subscribe(tx, 101)
        await subscribe(tx, 102)
        await announce(tx, "一")
        await tx.destinations.unsubscribe(to)
        await tx.outbox.cancel_unwanted(to, THEN)

    await database.write(unit)
    later, day = THEN + timedelta(days=2), timedelta(days=1)
    assert await database.read(lambda tx: tx.outbox.prunable(later - day, 0, 9)) is None
    assert await database.write(told) == {101: [C], 102: [P]}
    assert await database.read(lambda tx: tx.outbox.prunable(later - day, 0, 9)) is not None


async def test_put_off_chats_keep_no_others_in_chunks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many rows as are kept ahead are due, but each waits for an older one of its chat."""

    async def unit(tx: Transaction) -> None:
        first, _ = await subscribe(tx, 101), await subscribe(tx, 102)
        await announce(tx, "一")
        later = THEN + timedelta(hours=1)
        for one in await tx.outbox.claim(9, THEN, LEASE):
            ends = {"state": P, "due_at": later} if one.destination.id == first else {"state": State.SENT}
            await tx.outbox.settle([Settlement(delivery_id=one.id, token=one.token, **ends)], THEN)
        monkeypatch.setattr(enqueue, "AHEAD", 0)
        await announce(tx, "二")
        await tx.chunks.expand_for([first])
        monkeypatch.setattr(enqueue, "AHEAD", 1)
        assert await tx.outbox.claim(9, THEN, LEASE) == []
        assert await tx.chunks.wanted(THEN)

    await database.write(unit)


class BrokenTickError(Exception):
    pass


async def test_a_failure_of_what_is_due_does_not_stop_the_sending(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueue, "AHEAD", 0)

    async def unit(tx: Transaction) -> None:
        await subscribe(tx, 101)
        await announce(tx, "一")

    class Failing(DueWorker):
        async def tick(self) -> int:
            raise BrokenTickError

    await database.write(unit)
    monkeypatch.setattr(enqueue, "AHEAD", 1)
    with pytest.raises(BrokenTickError):
        await Failing(database, SystemClock(), digest_above=3, planned=lambda: None).run_once()
    assert len(await database.write(lambda tx: tx.outbox.claim(9, THEN, LEASE))) == 1


async def test_a_broadcast_that_is_known_is_planned_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueue, "AHEAD", 0)

    async def unit(tx: Transaction) -> None:
        for chat_id in CHATS:
            await subscribe(tx, chat_id)
        assert await tx.planner.broadcast("broadcast:1", "各位好", THEN) == 3
        assert await tx.planner.broadcast("broadcast:1", "各位好", THEN) == 0
        assert await tx.outbox.counts() == {P: 3}
        await expand_all(tx)
        assert await tx.planner.broadcast("broadcast:1", "各位好", THEN) == 0
        assert await tx.outbox.counts() == {P: 3}

    await database.write(unit)


async def test_a_lesson_follows_what_its_chat_is_owed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueue, "AHEAD", 0)

    async def unit(tx: Transaction) -> None:
        to = await subscribe(tx, 101)
        await announce(tx, "一")
        _, (old,) = await store(tx, [essay("旧")])
        course = Course(
            destination_id=to,
            scope=await tx.scopes.everything(),
            stage=Stage.RUNNING,
            when=When.DAILY,
            last=None,
            since=THEN,
        )
        await tx.courses.teach(course, old.id, THEN)
        (first,) = await tx.outbox.claim(9, THEN, LEASE)
        assert first.dedup_key.startswith("post:")

    await database.write(unit)


async def test_equal_digests_share_chunks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their posts are listed in one order, whatever order the database reads them in."""
    monkeypatch.setattr(enqueue, "AHEAD", 0)

    async def unit(tx: Transaction) -> None:
        for chat_id in range(1, 400):
            await subscribe(tx, chat_id)
        await announce(tx, *(f"第{number}篇" for number in range(8)), digest_above=2)
        kept = (await tx.connection.execute(delivery_chunks.select())).all()
        assert [row.size for row in kept] == [399]
        await expand_all(tx)
        assert await tx.outbox.counts() == {P: 399}

    await database.write(unit)


async def test_counts_hold_what_is_no_row_yet(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enqueue, "AHEAD", 0)

    async def unit(tx: Transaction) -> None:
        for chat_id in CHATS:
            await subscribe(tx, chat_id)
        one, two = await announce(tx, "一", "二")
        assert await tx.outbox.counts() == await tx.outbox.unsent_counts() == {P: 6}
        assert await tx.outbox.fan_out(one) == await tx.outbox.fan_out(two) == 3
        await expand_all(tx)
        assert await tx.outbox.counts() == await tx.outbox.unsent_counts() == {P: 6}
        assert await tx.outbox.fan_out(one) == 3

    await database.write(unit)


async def test_rows_are_planned_up_to_a_limit_and_topped_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oldest post first, and for a chat in the order of the posts, whichever of them are in chunks."""
    monkeypatch.setattr(enqueue, "AHEAD", 4)
    monkeypatch.setattr(enqueue, "CHUNK", 2)

    async def unit(tx: Transaction) -> None:
        for chat_id in CHATS:
            await subscribe(tx, chat_id)
        await announce(tx, "一")
        assert not await tx.planner.has_chunks()  # three are due, one less than the limit
        await announce(tx, "二")
        assert not await tx.planner.has_chunks()
        await announce(tx, "三")
        await announce(tx, "四")
        assert await tx.planner.has_chunks()
        assert not await tx.chunks.wanted(THEN)

    await database.write(unit)
    woken: list[None] = []
    worker = DueWorker(database, SystemClock(), digest_above=3, planned=lambda: woken.append(None))
    sent: dict[int, list[str]] = {}
    while claimed := await database.write(lambda tx: tx.outbox.claim(2, THEN, LEASE)):
        for one in claimed:
            sent.setdefault(one.destination.chat_id, []).append(one.dedup_key)
        ended = [Settlement(delivery_id=one.id, token=one.token, state=State.SENT) for one in claimed]
        await database.write(partial(settle, ended))
        await worker.expand_chunks()
    assert woken
    orders = {tuple(keys) for keys in sent.values()}
    assert len(sent) == 3
    assert len(orders) == 1
    assert len(orders.pop()) == 4
    assert not await database.read(lambda tx: tx.planner.has_chunks())


async def test_more_urgent_chunks_become_rows_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post that is found during a broadcast to many does not wait for its end."""
    monkeypatch.setattr(enqueue, "AHEAD", 0)

    async def unit(tx: Transaction) -> None:
        for chat_id in CHATS:
            await subscribe(tx, chat_id)
        await tx.planner.broadcast("broadcast:1", "各位好", THEN)
        await announce(tx, "一")
        monkeypatch.setattr(enqueue, "AHEAD", 3)
        assert await tx.chunks.wanted(THEN)
        assert await tx.chunks.expand(1) == 3
        claimed = await tx.outbox.claim(9, THEN, LEASE)
        assert {one.dedup_key.split(":")[0] for one in claimed} == {"post"}
        assert await tx.chunks.wanted(THEN)
        assert await tx.chunks.expand(1) == 3
        assert await tx.outbox.counts() == {P: 3, State.SENDING: 3}

    await database.write(unit)


async def test_a_chat_that_may_not_be_written_to_yet(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its delivery is due when Telegram allows it."""
    monkeypatch.setattr(enqueue, "AHEAD", 0)
    until = THEN + timedelta(hours=1)

    async def unit(tx: Transaction) -> None:
        for chat_id in CHATS:
            await subscribe(tx, chat_id)
        await announce(tx, "一")
        await tx.destinations.freeze(102, until)
        await tx.outbox.postpone_chat(102, until)
        await expand_all(tx)
        claimed = await tx.outbox.claim(9, THEN, LEASE)
        assert [one.destination.chat_id for one in claimed] == [101, 103]
        assert await tx.outbox.next_due(THEN) == until

    await database.write(unit)


async def test_what_waited_too_long_expires_in_chunks_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueue, "AHEAD", 0)

    async def unit(tx: Transaction) -> None:
        for chat_id in CHATS:
            await subscribe(tx, chat_id)
        await announce(tx, "一")

    class Later(SystemClock):
        def now(self) -> datetime:
            return THEN + timedelta(days=15)

    await database.write(unit)
    housekeeper = Maintenance(database, Later(), max_age=timedelta(days=14), keep=timedelta(days=90))
    await housekeeper.prune(history=False)
    assert await database.read(lambda tx: tx.outbox.counts()) == {State.EXPIRED: 3}


async def test_digests_of_many_are_chunks_whose_posts_may_be_merged(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueue, "AHEAD", 0)

    async def unit(tx: Transaction) -> None:
        daily = await subscribe(tx, 104)
        await tx.destinations.prefer(daily, Preferences(when=When.DAILY))
        for chat_id in CHATS:
            await subscribe(tx, chat_id)
        one, two = await announce(tx, "一", "二", digest_above=1)
        _, (heir,) = await store(tx, [essay("三")])
        await tx.post_writer.merge(two, heir.id)
        assert len(await tx.waiting.posts(daily)) == 2
        await expand_all(tx)
        claimed = await tx.outbox.claim(9, THEN, LEASE)
        assert {frozenset(delivery.post_ids) for delivery in claimed} == {frozenset({one, heir.id})}
        assert len(claimed) == 3

    await database.write(unit)

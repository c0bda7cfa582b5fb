"""The outbox on both databases: claims, fences, leases, order, and what ends of itself."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from functools import partial

import pytest
import pytest_asyncio

from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Delivery, DestinationId, DumpId, Form, Settlement, Standing, State
from storage.send_log import Claim
from tests.delivery.archive import THEN, essay, store
from tests.tools.postgres import MakeUrl

LEASE = timedelta(seconds=120)
SOON = timedelta(seconds=1)


async def chat(database: Database, chat_id: int) -> DestinationId:
    """An active destination that wants everything."""

    async def unit(tx: Transaction) -> DestinationId:
        made = await tx.destinations.ensure(chat_id, None, ChatKind.PRIVATE, "A chat", THEN)
        await tx.destinations.subscribe(made.id, (await tx.scopes.everything()).id, THEN)
        return made.id

    return await database.write(unit)


async def announce(database: Database, *titles: str) -> None:
    """Posts of these titles are stored and announced, one duty for each chat and post."""

    async def unit(tx: Transaction) -> int:
        dump, stored = await store(tx, [essay(title) for title in titles])
        return await tx.planner.announce([one.id for one in stored], dump, THEN, digest_above=100)

    await database.write(unit)


async def claim(database: Database, slots: int = 100, after: timedelta = SOON) -> list[Delivery]:
    return await database.write(lambda tx: tx.outbox.claim(slots, THEN + after, LEASE))


async def settle(database: Database, *written: Settlement, after: timedelta = SOON) -> None:
    await database.write(lambda tx: tx.outbox.settle(written, THEN + after))


async def counts(database: Database) -> dict[State, int]:
    return await database.read(lambda tx: tx.outbox.counts())


def ended(of: Delivery, state: State, **more: object) -> Settlement:
    return Settlement(delivery_id=of.id, token=of.token, state=state, **more)  # type: ignore[arg-type]


async def test_a_duty_is_claimed_once_however_many_ask(database: Database) -> None:
    for chat_id in range(1, 31):
        await chat(database, chat_id)
    await announce(database, "一篇")
    claimed = await asyncio.gather(*(claim(database, 7) for _ in range(8)))
    ids = [one.id for batch in claimed for one in batch]
    assert len(ids) == len(set(ids)) == 30
    assert all(len(batch) <= 7 for batch in claimed)
    assert await counts(database) == {State.SENDING: 30}


async def test_a_duty_waits_for_the_older_ones_of_its_chat(database: Database) -> None:
    for chat_id in (1, 2):
        await chat(database, chat_id)
    await announce(database, "第一篇", "第二篇")
    first = await claim(database)
    assert len(first) == 2
    assert {one.destination.chat_id for one in first} == {1, 2}
    assert await claim(database) == []
    await settle(database, ended(first[0], State.SENT, message_id=5))
    (second,) = await claim(database)
    assert second.destination == first[0].destination
    assert second.post_ids > first[0].post_ids


async def test_a_postponed_duty_holds_back_the_ones_behind_it(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "第一篇", "第二篇")
    (first,) = await claim(database)
    await settle(database, ended(first, State.PENDING, due_at=THEN + timedelta(minutes=5)))
    assert await claim(database, after=timedelta(minutes=4)) == []
    (again,) = await claim(database, after=timedelta(minutes=6))
    assert (again.id, again.attempts) == (first.id, 2)


async def test_a_clock_that_was_ahead_holds_nothing_back(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "第一篇", "第二篇")
    right = -timedelta(hours=1)
    assert await claim(database, after=right) == []
    assert await database.write(lambda tx: tx.outbox.correct_clock(THEN + right)) == 2
    assert len(await claim(database, after=right + SOON)) == 1


async def test_a_pause_is_no_error_of_the_clock(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "第一篇")
    (first,) = await claim(database)
    await settle(database, ended(first, State.PENDING, due_at=THEN + timedelta(minutes=5)))
    assert await database.write(lambda tx: tx.outbox.correct_clock(THEN)) == 0
    assert await claim(database, after=timedelta(minutes=4)) == []


async def test_a_late_verdict_of_an_old_claim_changes_nothing(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "一篇")
    (old,) = await claim(database)
    later = LEASE + 2 * SOON
    await database.write(lambda tx: tx.outbox.recover(THEN + later, resend=True))
    (new,) = await claim(database, after=later)
    assert (new.id, new.unsure, new.token != old.token) == (old.id, 1, True)
    await settle(database, ended(old, State.FAILED, reason="too late"))
    assert await counts(database) == {State.SENDING: 1}


async def test_a_late_success_is_written_whoever_holds_the_claim(database: Database) -> None:
    """That Telegram has it cannot become untrue."""
    await chat(database, 1)
    await announce(database, "一篇")
    (old,) = await claim(database)
    later = LEASE + 2 * SOON
    await database.write(lambda tx: tx.outbox.recover(THEN + later, resend=True))
    (new,) = await claim(database, after=later)
    await settle(database, ended(old, State.SENT, message_id=7))
    await settle(database, ended(new, State.FAILED, reason="refused"))
    assert await counts(database) == {State.SENT: 1}


async def test_a_lost_claim_is_repeated_once_and_then_uncertain(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "一篇")
    states = []
    for turn in range(1, 4):
        after = turn * 2 * LEASE
        await claim(database, after=after)
        await database.write(
            lambda tx, after=after: tx.outbox.recover(THEN + after + 2 * LEASE, resend=True)  # type: ignore[misc]
        )
        states.append(await counts(database))
    assert states == [{State.PENDING: 1}, {State.UNCERTAIN: 1}, {State.UNCERTAIN: 1}]


async def test_chats_in_doubt_are_those_without_an_answer(database: Database) -> None:
    for chat_id in range(1, 5):
        await chat(database, chat_id)
    await announce(database, "一篇", "又一篇")
    first, second, third, _ = await claim(database)
    again = {"reason": "no answer", "due_at": THEN + LEASE}
    for each in (first, second):
        await settle(database, ended(each, State.PENDING, unsure=True, **again))
    await settle(database, ended(third, State.PENDING, **again))
    await database.write(lambda tx: tx.outbox.recover(THEN + 2 * LEASE, resend=True))
    assert await database.read(lambda tx: tx.outbox.chats_in_doubt()) == 2


async def test_a_lost_claim_is_never_repeated_where_that_was_chosen(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "一篇")
    await claim(database)
    await database.write(lambda tx: tx.outbox.recover(THEN + 2 * LEASE, resend=False))
    assert await counts(database) == {State.UNCERTAIN: 1}


async def test_a_claim_that_still_holds_is_left_alone(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "一篇")
    await claim(database)
    assert await database.write(lambda tx: tx.outbox.recover(THEN + LEASE / 2, resend=True)) == 0
    assert await counts(database) == {State.SENDING: 1}


async def test_a_simpler_form_is_remembered_for_the_next_try(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "一篇")
    (first,) = await claim(database)
    await settle(database, ended(first, State.PENDING, form=Form.CLASSIC, due_at=THEN, counts=False))
    (second,) = await claim(database)
    assert (second.form, second.attempts) == (Form.CLASSIC, 1)


async def test_one_duty_is_one_row_however_often_it_is_planned(database: Database) -> None:
    await chat(database, 1)
    for _ in range(2):
        await database.write(lambda tx: tx.planner.broadcast("broadcast:1", "明天维护", THEN))
        await database.write(lambda tx: tx.planner.notify_chats((9,), "notice:1", "{}", THEN))
    assert await counts(database) == {State.PENDING: 2}


async def test_old_duties_end_and_ended_ones_are_forgotten(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "一篇")
    day = timedelta(days=1)
    assert await database.write(lambda tx: tx.outbox.expire(THEN - day, THEN)) == 0
    assert await database.write(lambda tx: tx.outbox.expire(THEN + day, THEN + day)) == 1
    assert await claim(database, after=2 * day) == []
    assert await database.write(lambda tx: tx.outbox.prune(THEN)) == 0
    assert await database.write(lambda tx: tx.outbox.prune(THEN + 2 * day)) == 1
    assert await counts(database) == {}


async def test_what_failed_can_be_tried_again_by_an_operator(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "一篇")
    (first,) = await claim(database)
    await settle(database, ended(first, State.FAILED, reason="refused"))
    assert await database.write(lambda tx: tx.outbox.retry((State.FAILED,), THEN)) == 1
    (again,) = await claim(database)
    assert (again.id, again.attempts, again.unsure) == (first.id, 1, 0)


async def test_a_notice_leaves_the_operators_chat_as_it_is(database: Database) -> None:
    await chat(database, 9)
    await database.write(lambda tx: tx.destinations.gone(9, "blocked"))
    await database.write(lambda tx: tx.planner.notify_chats((9,), "notice:1", "{}", THEN))
    found = await database.read(lambda tx: tx.destinations.find(9))
    assert found is not None
    assert (found.title, found.standing) == ("A chat", Standing.GONE)


async def test_held_duties_wait_for_a_decision(database: Database) -> None:
    await chat(database, 1)

    async def unit(tx: Transaction) -> int:
        dump, stored = await store(tx, [essay("一篇"), essay("又一篇")])
        await tx.planner.announce([one.id for one in stored], dump, THEN, digest_above=100, held=True)
        return dump

    dump = await database.write(unit)
    assert await claim(database) == []
    other = await database.write(lambda tx: tx.planner.release_held(DumpId(dump + 1), THEN))
    released = await database.write(lambda tx: tx.planner.release_held(DumpId(dump), THEN))
    assert (other, released) == (0, 2)
    assert len(await claim(database)) == 1


@pytest.mark.parametrize("digest_above", [100, 1], ids=["single", "digest"])
@pytest.mark.parametrize("state", [State.PENDING, State.HELD, State.SENDING])
async def test_what_is_unsubscribed_is_not_sent_later(
    database: Database, state: State, digest_above: int
) -> None:
    """Neither when an operator releases it, nor after a pause that ended its try, nor with a second try."""
    to = await chat(database, 1)

    async def announced(tx: Transaction) -> DumpId:
        dump, stored = await store(tx, [essay("一篇"), essay("又一篇")])
        ids, held = [one.id for one in stored], state is State.HELD
        await tx.planner.announce(ids, dump, THEN, digest_above=digest_above, held=held)
        return dump

    async def unsubscribe(tx: Transaction) -> None:
        await tx.destinations.unsubscribe(to)
        await tx.outbox.cancel_unwanted(to, THEN + SOON)

    dump = await database.write(announced)
    claimed = await claim(database) if state is State.SENDING else []
    await database.write(unsubscribe)
    await settle(database, *(ended(one, State.PENDING, due_at=THEN) for one in claimed))
    await database.write(lambda tx: tx.planner.release_held(dump, THEN))
    await database.write(lambda tx: tx.outbox.resume_chats([1], THEN, THEN + SOON, THEN))
    assert await claim(database, after=2 * SOON) == []
    await settle(database, *(ended(one, State.SENT, message_id=5) for one in claimed))
    assert (await counts(database)).get(State.SENT, 0) == len(claimed)


@pytest_asyncio.fixture
async def shared(postgres: MakeUrl) -> AsyncIterator[Database]:
    """A database of several processes, which mark their requests there."""
    opened = await open_database(postgres())
    yield opened
    await opened.close()


async def lease_for(database: Database, name: str, *, span: timedelta = LEASE) -> str:
    """The token of a process's own lease; it runs by the database's clock, here by `THEN` on SQLite."""
    lease = await database.write(lambda tx: tx.leases.take(name, name, THEN, span))
    assert lease is not None
    return lease.token


async def owned(database: Database, owner: str) -> list[Delivery]:
    now = await database.read(lambda tx: tx.now(THEN + SOON))
    return await database.write(lambda tx: tx.outbox.claim(100, now, LEASE, owner))


async def recover(database: Database, *, resend: bool = True, quiet: timedelta = timedelta()) -> int:
    now = await database.read(lambda tx: tx.now(THEN + SOON))
    return await database.write(lambda tx: tx.outbox.recover(now, resend=resend, quiet=quiet))


async def test_claims_end_with_the_lease_of_who_made_them(database: Database) -> None:
    await chat(database, 1)
    await announce(database, "一篇")
    token = await lease_for(database, "process a")
    await owned(database, token)
    assert await recover(database) == 0
    await database.write(lambda tx: tx.leases.release("process a", token))
    assert await recover(database) == 1
    assert await counts(database) == {State.PENDING: 1}


async def test_a_try_that_was_not_begun_does_not_count(shared: Database) -> None:
    """However often a process dies: only a request that may have left spends the one repetition."""
    await chat(shared, 1)
    await announce(shared, "一篇")
    for unsure in (0, 1):
        for turn in range(3):
            (delivery,) = await owned(shared, f"of nobody {turn}")
            assert (delivery.unsure, delivery.attempts) == (unsure, unsure + 1)
            await recover(shared)
        assert await counts(shared) == {State.PENDING: 1}
        (delivery,) = await owned(shared, "of nobody")
        claims = [(delivery.id, delivery.token)]
        assert await shared.write(partial(_begin, claims=claims)) == frozenset(claims)
        await recover(shared)
    assert await counts(shared) == {State.UNCERTAIN: 1}


async def test_what_a_quiet_process_has_not_begun_is_taken_before_its_lease_ends(shared: Database) -> None:
    """What it may have sent waits for the end of the lease."""
    for chat_id in (1, 2):
        await chat(shared, chat_id)
    await announce(shared, "一篇")
    first, second = await owned(shared, await lease_for(shared, "process a"))
    assert await shared.write(lambda tx: tx.outbox.begin([(first.id, first.token)]))
    assert await recover(shared) == 0
    assert await recover(shared, quiet=timedelta(days=1)) == 1
    assert await counts(shared) == {State.SENDING: 1, State.PENDING: 1}
    assert not await shared.write(lambda tx: tx.outbox.begin([(second.id, second.token)]))


async def _begin(tx: Transaction, *, claims: list[Claim]) -> frozenset[Claim]:
    return await tx.outbox.begin(claims)


async def test_where_nothing_is_repeated_a_try_that_was_not_begun_still_is(shared: Database) -> None:
    await chat(shared, 1)
    await announce(shared, "一篇")
    await owned(shared, "of nobody")
    await recover(shared, resend=False)
    assert await counts(shared) == {State.PENDING: 1}
    (delivery,) = await owned(shared, "of nobody")
    assert await shared.write(lambda tx: tx.outbox.begin([(delivery.id, delivery.token)]))
    await recover(shared, resend=False)
    assert await counts(shared) == {State.UNCERTAIN: 1}


async def test_a_claim_that_ended_cannot_begin(shared: Database) -> None:
    await chat(shared, 1)
    await announce(shared, "一篇")
    (old,) = await owned(shared, "of nobody")
    await recover(shared)
    assert not await shared.write(lambda tx: tx.outbox.begin([(old.id, old.token)]))


async def test_the_posts_of_a_digest_come_oldest_first(database: Database) -> None:
    await chat(database, 1)

    async def unit(tx: Transaction) -> list[str]:
        days = [date(2026, 3, 1), date(2026, 1, 1), date(2026, 2, 1)]
        dump, stored = await store(tx, [essay(f"{day}", day) for day in days])
        await tx.planner.announce([one.id for one in stored], dump, THEN, digest_above=2)
        (digest,) = await tx.outbox.claim(5, THEN, LEASE)
        return [post.title for post in await tx.posts.many(await tx.outbox.posts_of(digest.id, 1))]

    assert await database.write(unit) == ["2026-01-01", "2026-02-01", "2026-03-01"]

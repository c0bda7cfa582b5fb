"""The rate of two processes on one PostgreSQL: no window of any limit holds too much of both together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from bot.leases import LeaseHolder
from bot.ops.metrics import Metrics
from bot.rate_limit import ClaimedDelivery, Postponed
from bot.rate_limit.scheduler import FIRST_BOT_PAUSE, Limits, SlotRequest
from bot.rate_limit.shared import (
    FRESH_SECONDS,
    KEEP,
    LATE_SECONDS,
    ClockBounds,
    SharedRateLimiter,
    UnwrittenStart,
)
from bot.telegram.http_request import SendGate, SlotExpiredError
from storage.clock import SystemClock
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, State
from storage.rate_limits import SHARES, NewStart
from tests.rate_limit.process_model import most_within
from tests.storage.test_outbox import announce, chat, counts
from tests.tools.postgres import MakeUrl

LEASE = timedelta(minutes=2)
LIMITS = Limits(per_second=20, group_per_minute=4)
REGISTRY = CollectorRegistry()
METRICS = Metrics(REGISTRY, version="")
CLOCK = SystemClock()


@pytest_asyncio.fixture
async def shared(postgres: MakeUrl) -> AsyncIterator[Database]:
    opened = await open_database(postgres())
    yield opened
    await opened.close()


async def process(database: Database, name: str, limits: Limits = LIMITS) -> SharedRateLimiter:
    """The limiter of one more process, which lives and has what it may have of the rate."""
    pulse = LeaseHolder(database, CLOCK, f"process {name}", name)
    await pulse.renew()
    limiter = SharedRateLimiter(database, limits, CLOCK, pulse, METRICS)
    await limiter.start()
    return limiter


def floods_counted(extent: str) -> float:
    return REGISTRY.get_sample_value("kexue_floods_total", {"extent": extent}) or 0.0


async def claim(database: Database, limiter: SharedRateLimiter, slots: int = 50) -> list[ClaimedDelivery]:
    now = await database.read(lambda tx: tx.now(CLOCK.now()))
    claimed = await database.write(
        lambda tx: limiter.claim(tx, min(slots, limiter.budget()), now, LEASE), exclusive=False
    )
    await limiter.committed(claimed)
    return list(claimed)


async def slot_of(limiter: SharedRateLimiter, claimed: ClaimedDelivery) -> SendGate:
    slot = await limiter.acquire(claimed)
    assert not isinstance(slot, Postponed)
    return slot


async def send(slot: SendGate | None) -> float:
    """Send at once; when that was."""
    assert slot is not None
    await slot.acquire()
    slot.mark_sent()
    return CLOCK.monotonic()


async def settle(database: Database, limiter: SharedRateLimiter) -> None:
    await database.write(limiter.settle, exclusive=False)
    await limiter.committed([])


async def forum_topic(database: Database, topic: int) -> None:
    now = CLOCK.now()

    async def unit(tx: Transaction) -> None:
        made = await tx.destinations.ensure(-5, topic, ChatKind.GROUP, "A group", now)
        await tx.destinations.subscribe(made.id, (await tx.scopes.everything()).id, now)

    await database.write(unit)


async def one_claim(shared: Database, limiter: SharedRateLimiter) -> ClaimedDelivery:
    await chat(shared, 1)
    await announce(shared, "一篇")
    (claimed,) = await claim(shared, limiter)
    return claimed


async def test_two_processes_that_send_all_they_can_keep_every_limit(shared: Database) -> None:
    both = [await process(shared, name) for name in ("a", "b")]
    sent: list[tuple[float, int]] = []
    end = CLOCK.monotonic() + 6.0

    async def answers(limiter: SharedRateLimiter, first: int) -> None:
        chat_id = first
        while CLOCK.monotonic() < end:
            chat_id += 8
            slot = await limiter.acquire_for_answer(chat_id % 160 - 2, chat_id % 160 > 2, 30.0)
            with suppress(SlotExpiredError):  # the share became smaller, and it is asked again
                if slot is not None:
                    sent.append((await send(slot), chat_id % 160 - 2))

    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(limiter.run()) for limiter in both]
        await asyncio.gather(
            *(answers(limiter, 10 * at + number) for at, limiter in enumerate(both) for number in range(8))
        )
        for run in runs:
            run.cancel()
    assert most_within([at for at, _ in sent], 1.0) <= 20
    assert len(sent) > 10
    for chat_id in {chat_id for _, chat_id in sent}:
        most, window = (1, 1.0) if chat_id > 0 else (4, 60.0)
        assert most_within([at for at, chat in sent if chat == chat_id], window) <= most


async def test_the_shares_of_all_processes_are_at_most_the_rate(shared: Database) -> None:
    first = await process(shared, "a")
    assert first.budget() > 0
    second = await process(shared, "b")
    assert second.budget() == 0, "the first has all of it, and another's is used only one window later"
    await first._renew()
    await asyncio.sleep(1.3)
    await second._renew()
    assert first._share.most == second._share.most == 10


async def test_a_share_is_given_back_at_the_end(shared: Database) -> None:
    first = await process(shared, "a")
    async with asyncio.TaskGroup() as group:
        run = group.create_task(first.run())
        await asyncio.sleep(0.05)
        run.cancel()
    assert first.budget() == 0
    await asyncio.sleep(1.1)
    assert (await process(shared, "b"))._share.most == 20


async def test_nothing_is_sent_with_a_share_whose_lease_has_ended(shared: Database) -> None:
    """As by a process that was frozen; even what was granted before."""
    limiter = await process(shared, "a")
    claimed = await one_claim(shared, limiter)
    slot = await slot_of(limiter, claimed)
    limiter._usable_until = CLOCK.monotonic()
    limiter._use_share(20)
    assert limiter.budget() == 0
    async with asyncio.TaskGroup() as group:
        waits = group.create_task(slot.acquire())
        await asyncio.sleep(0.2)
        assert not waits.done()
        limiter._usable_until += 5.0
        limiter._use_share(20)
        limiter._queue.dispatch()


async def test_no_share_is_taken_while_an_older_version_sends(shared: Database) -> None:
    """It books each start in the bot's row, for the whole rate."""
    await process(shared, "a")
    now = await shared.read(lambda tx: tx.now(CLOCK.now()))
    recent = int(now.timestamp() * 1e6)
    async with shared.engine.begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE pace SET starts = '{recent - 900} 500 400' WHERE key = 'bot'"
        )
        await connection.exec_driver_sql(f"UPDATE pace SET starts = '' WHERE key = '{SHARES}'")
    assert (await process(shared, "b")).budget() == 0


async def test_claims_are_no_more_than_soon_may_leave(shared: Database) -> None:
    limiter = await process(shared, "a")
    for chat_id in range(1, 41):
        await chat(shared, chat_id)
    await announce(shared, "一篇")
    claimed = await claim(shared, limiter)
    assert 5 < len(claimed) < 20
    assert await counts(shared) == {State.SENDING: len(claimed), State.PENDING: 40 - len(claimed)}


async def test_without_a_limit_nothing_is_leased(shared: Database) -> None:
    limiter = await process(shared, "a", Limits(per_second=None))
    assert limiter.budget() > 1000
    await send(await slot_of(limiter, await one_claim(shared, limiter)))


async def test_a_push_waits_for_what_another_process_sent_to_its_chat(shared: Database) -> None:
    first, second = [await process(shared, name, Limits(per_second=None)) for name in ("a", "b")]
    await chat(shared, 1)
    await announce(shared, "一篇")
    (claimed,) = await claim(shared, first)
    at = await send(await slot_of(first, claimed))
    await settle(shared, first)
    await shared.write(lambda tx: tx.outbox.recover(CLOCK.now(), resend=True, everything=True))
    (again,) = await claim(shared, second)
    assert await send(await slot_of(second, again)) - at >= 1.0


async def test_an_answer_waits_for_what_another_process_sends_to_its_chat(shared: Database) -> None:
    first, second = [await process(shared, name, Limits(per_second=None)) for name in ("a", "b")]
    claimed = await one_claim(shared, first)
    async with asyncio.TaskGroup() as group:
        answer = group.create_task(second.acquire_for_answer(1, True, 30.0))
        await asyncio.sleep(0.3)
        assert not answer.done(), "the other has claimed one"
        at = await send(await slot_of(first, claimed))
        await settle(shared, first)
        await shared.write(lambda tx: tx.outbox.recover(CLOCK.now(), resend=False, everything=True))
    assert await send(answer.result()) - at >= 1.0


async def test_a_push_waits_for_the_answer_of_another_process(shared: Database) -> None:
    first, second = [await process(shared, name, Limits(per_second=None)) for name in ("a", "b")]
    at = await send(await first.acquire_for_answer(1, True, 30.0))
    assert await send(await slot_of(second, await one_claim(shared, second))) - at >= 1.0


async def test_a_chat_is_answered_at_most_once_a_second_by_both(shared: Database) -> None:
    both = [await process(shared, name, Limits(per_second=None)) for name in ("a", "b")]
    times = [await send(await both[number % 2].acquire_for_answer(1, True, 30.0)) for number in range(3)]
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))
    times = [await send(await both[0].acquire_for_answer(2, True, 30.0)) for _ in range(3)]
    assert all(1.0 <= later - earlier <= 1.0 + LATE_SECONDS for earlier, later in pairwise(times))


async def test_claims_of_other_processes_count_for_a_group(shared: Database) -> None:
    first, second = [
        await process(shared, name, Limits(per_second=None, group_per_minute=2)) for name in "ab"
    ]
    for topic in (1, 2, 3):
        await forum_topic(shared, topic)
    await announce(shared, "一篇")
    assert len(await claim(shared, first, 2)) == 2
    (third,) = await claim(shared, second, 1)
    assert isinstance(await second.acquire(third), Postponed)


async def test_a_flood_of_one_chat_is_seen_by_all_and_outlives_its_process(shared: Database) -> None:
    first = await process(shared, "a", Limits(per_second=None))
    await first.pause_chat_after_answer(7, 60.0)
    second = await process(shared, "b", Limits(per_second=None))
    assert await second.acquire_for_answer(7, True, 5.0) is None
    assert await second.acquire_for_answer(8, True, 5.0) is not None


async def test_floods_of_two_chats_stop_everything_and_are_counted_as_such(shared: Database) -> None:
    before = {extent: floods_counted(extent) for extent in ("chat", "bot")}
    first, second = [await process(shared, name, Limits(per_second=None)) for name in ("a", "b")]
    await first.pause_chat_after_answer(7, 30.0)
    await second.pause_chat_after_answer(8, 60.0)
    now = CLOCK.monotonic()
    await first._renew()
    for limiter in (first, second, await process(shared, "c", Limits(per_second=None))):
        assert limiter.budget() == 0
        assert limiter._scheduler.ready_at(now, 9, private=True) >= now + FIRST_BOT_PAUSE - 1.0
    assert {extent: floods_counted(extent) - before[extent] for extent in before} == {"chat": 1, "bot": 1}


async def test_the_row_of_a_chat_is_read_again_for_a_claim_that_waited(shared: Database) -> None:
    first, second = [await process(shared, name, Limits(per_second=None)) for name in ("a", "b")]
    claimed = await one_claim(shared, first)
    start = NewStart(chat_id=1, at=round(second._bounds.there(CLOCK.monotonic()) * 1e6))
    await shared.write(lambda tx: tx.rate_limits.add_starts([start], timedelta(minutes=1)))
    asked = CLOCK.monotonic()
    old = replace(claimed, at=claimed.at - FRESH_SECONDS)
    assert await send(await slot_of(first, old)) - asked >= 0.9


async def test_a_slot_that_is_used_too_late_has_passed(shared: Database) -> None:
    limiter = await process(shared, "a", Limits(per_second=None))
    claimed = await one_claim(shared, limiter)
    slot = await slot_of(limiter, replace(claimed, at=claimed.at - 0.4 * FRESH_SECONDS))
    await asyncio.sleep(0.7 * FRESH_SECONDS)
    with pytest.raises(SlotExpiredError):
        await slot.acquire()


async def test_nothing_leaves_when_the_process_may_be_taken_for_dead(shared: Database) -> None:
    limiter = await process(shared, "a")
    claimed = await one_claim(shared, limiter)
    assert await limiter.acquire(replace(claimed, owner="an earlier holding")) == Postponed(0.0)
    await limiter._pulse.release()
    assert await limiter.acquire(claimed) == Postponed(0.0)
    assert limiter.budget() == 0
    assert await claim(shared, limiter) == []


async def test_a_repeated_try_is_marked_before_it_begins_and_only_while_it_is_ours(shared: Database) -> None:
    limiter = await process(shared, "a")
    claimed = await one_claim(shared, limiter)
    repeated = replace(claimed, delivery=replace(claimed.delivery, unsure=1))
    await slot_of(limiter, repeated)
    now = await shared.read(lambda tx: tx.now(CLOCK.now()))
    await shared.write(lambda tx: tx.outbox.recover(now, resend=True, everything=True))
    await asyncio.sleep(1.1)
    assert await limiter.acquire(repeated) == Postponed(0.0)


async def test_what_was_granted_is_asked_again_when_its_first_byte_goes(shared: Database) -> None:
    """A process that freezes between the two starts nothing that may be another's by then."""
    limiter = await process(shared, "a")
    slot = await slot_of(limiter, await one_claim(shared, limiter))
    await slot.acquire()
    await limiter._pulse.release()
    with pytest.raises(SlotExpiredError):
        await slot.acquire()


async def test_starts_that_were_never_made_are_forgotten(shared: Database) -> None:
    limiter = await process(shared, "a", Limits(per_second=None))
    old = UnwrittenStart(SlotRequest(1, private=True), CLOCK.monotonic() - 2 * KEEP.total_seconds())
    new = limiter._unwritten_start(SlotRequest(2, private=True))
    limiter._unwritten.append(old)
    await settle(shared, limiter)
    assert limiter._unwritten == [new]


async def test_starts_of_a_chat_are_added_and_replaced(shared: Database) -> None:
    keep = timedelta(seconds=60)

    async def add(*starts: NewStart) -> tuple[int, ...]:
        rows = await shared.write(lambda tx: tx.rate_limits.add_starts(starts, keep))
        return rows[7].starts

    now = 1_800_000_000_000_000
    assert await add(NewStart(chat_id=7, at=now)) == (now,)
    assert await add(NewStart(chat_id=7, at=now + 1)) == (now, now + 1)
    assert await add(NewStart(chat_id=7, at=now + 2, instead_of=now)) == (now + 1, now + 2)
    assert await add(NewStart(chat_id=7, at=now + 3), NewStart(chat_id=8, at=now)) == (
        now + 1,
        now + 2,
        now + 3,
    )
    assert await add(NewStart(chat_id=7, at=now + 90_000_000)) == (now + 90_000_000,)


def test_the_other_clock_is_never_believed_to_be_further_than_it_is() -> None:
    bounds = ClockBounds()
    bounds.observe(100.0, 100.3, 5000.0)  # shown at some time between
    assert bounds.there(101.0) == pytest.approx(5001.0)
    assert bounds.here(5001.0) == pytest.approx(101.3)

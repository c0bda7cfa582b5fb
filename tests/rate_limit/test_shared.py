"""The pace of two processes on one PostgreSQL: no window of any limit holds too much of both together."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TypeVar

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from bot.clock import SystemClock
from bot.leases import LeaseHolder
from bot.ops.metrics import make_metrics
from bot.rate_limit import ClaimedDelivery, Postponed
from bot.rate_limit.limits import Limits
from bot.rate_limit.reservations import LATE_SECONDS, ReservationRequest
from bot.rate_limit.scheduler import FIRST_BOT_PAUSE
from bot.rate_limit.shared import FAR_SECONDS, SharedRateLimiter
from bot.telegram.http_request import SendGate, SlotExpiredError
from storage.database import Database, TransactionFn, open_database
from storage.model import State
from storage.rate_limits import seconds
from tests.rate_limit.process_model import most_within
from tests.storage.test_outbox import announce, chat, counts
from tests.tools.postgres import MakeUrl

T = TypeVar("T")

LEASE = timedelta(minutes=2)
LIMITS = Limits(per_second=20, group_per_minute=4)
REGISTRY = CollectorRegistry()
METRICS = make_metrics(REGISTRY, version="")


@pytest_asyncio.fixture
async def shared(postgres: MakeUrl) -> AsyncIterator[Database]:
    opened = await open_database(postgres())
    yield opened
    await opened.close()


async def process(database: Database, name: str) -> SharedRateLimiter:
    """The pace of one more process, which lives."""
    pulse = LeaseHolder(database, SystemClock(), f"process {name}", name)
    await pulse.renew()
    return SharedRateLimiter(database, LIMITS, SystemClock(), pulse, METRICS)


def floods_counted(extent: str) -> float:
    return REGISTRY.get_sample_value("kexue_floods_total", {"extent": extent}) or 0.0


async def claim(database: Database, pace: SharedRateLimiter, slots: int = 50) -> list[ClaimedDelivery]:
    now = await database.read(lambda tx: tx.now(SystemClock().now()))
    return list(await database.write(lambda tx: pace.claim(tx, slots, now, LEASE), exclusive=False))


async def book(pace: SharedRateLimiter, chat_id: int, *, interactive: bool = False) -> float:
    """The start of one request."""
    wish = ReservationRequest(chat_id=chat_id, private=chat_id > 0, interactive=interactive)
    return (await pace._reservations.reserve(wish)).start


async def slot_of(pace: SharedRateLimiter, claimed: ClaimedDelivery) -> SendGate:
    slot = await pace.acquire(claimed)
    assert not isinstance(slot, Postponed)
    return slot


async def now_there(database: Database) -> float:
    return seconds(await database.read(lambda tx: tx.now(SystemClock().now())))


async def test_what_both_book_keeps_every_limit(shared: Database) -> None:
    both = [await process(shared, name) for name in ("a", "b")]
    booked: list[tuple[float, int]] = []

    async def books(pace: SharedRateLimiter, first: int) -> None:
        for number in range(30):
            chat_id = (first + number) % 7 - 2  # the negative ones are groups
            start = await book(pace, chat_id, interactive=number % 3 == 0)
            booked.append((start, chat_id))

    await asyncio.gather(*(books(pace, 3 * at) for at, pace in enumerate(both)))
    assert len(booked) == 60
    assert most_within([start for start, _ in booked], 1.0) <= 20
    for chat_id in {chat_id for _, chat_id in booked}:
        most, window = (1, 1.0) if chat_id > 0 else (4, 60.0)
        assert most_within([start for start, chat in booked if chat == chat_id], window) <= most


async def test_claims_are_booked_with_their_rows(shared: Database) -> None:
    both = [await process(shared, name) for name in ("a", "b")]
    for chat_id in range(1, 41):
        await chat(shared, chat_id)
    await announce(shared, "一篇")
    claimed = [each for pace in both for each in await claim(shared, pace)]
    bot, _ = await shared.write(lambda tx: tx.rate_limits.lock())
    starts = sorted(each.start for each in claimed)
    assert list(bot.starts) == sorted({*starts, *(each.until for each in claimed)})
    assert 0 < len(claimed) < 40, "no more than soon may leave"
    assert most_within(starts, 1.0) <= 20
    assert await counts(shared) == {State.SENDING: len(claimed), State.PENDING: 40 - len(claimed)}


async def test_a_chat_that_is_not_ready_soon_gives_its_claim_back(shared: Database) -> None:
    pace = await process(shared, "a")
    await chat(shared, 1)
    await announce(shared, "一篇")
    for _ in range(2):
        start = await book(pace, 1)
    assert await claim(shared, pace) == []
    assert await counts(shared) == {State.PENDING: 1}
    due = await shared.read(lambda tx: tx.outbox.next_due())
    assert due is not None
    assert seconds(due) >= start + FAR_SECONDS


async def test_a_flood_of_one_chat_is_seen_by_all_and_outlives_its_process(shared: Database) -> None:
    first = await process(shared, "a")
    await first.pause_chat_after_answer(7, 60.0)
    second, now = await process(shared, "b"), await now_there(shared)
    assert await book(second, 7) >= now + 59
    assert await book(second, 8) < now + 5


async def test_floods_of_two_chats_stop_everything_and_are_counted_as_such(shared: Database) -> None:
    before = {extent: floods_counted(extent) for extent in ("chat", "bot")}
    first, second = [await process(shared, name) for name in ("a", "b")]
    await chat(shared, 1)
    await announce(shared, "一篇")
    now = await now_there(shared)
    await first.pause_chat_after_answer(7, 30.0)
    await second.pause_chat_after_answer(8, 60.0)
    for pace in (first, second, await process(shared, "c")):
        assert await claim(shared, pace) == []
        assert pace.budget() == 0
        assert await book(pace, 9) >= now + FIRST_BOT_PAUSE
    assert {extent: floods_counted(extent) - before[extent] for extent in before} == {"chat": 1, "bot": 1}


async def test_what_comes_too_late_is_booked_again(shared: Database) -> None:
    pace = await process(shared, "a")
    await chat(shared, 1)
    await announce(shared, "一篇")
    (claimed,) = await claim(shared, pace)
    await asyncio.sleep(LATE_SECONDS + 0.3)
    await slot_of(pace, claimed)
    bot, _ = await shared.write(lambda tx: tx.rate_limits.lock())
    assert min(bot.starts) > claimed.start + LATE_SECONDS, "the one that was missed is free again"


async def test_nothing_leaves_when_the_process_may_be_taken_for_dead(shared: Database) -> None:
    pace = await process(shared, "a")
    await chat(shared, 1)
    await announce(shared, "一篇")
    (claimed,) = await claim(shared, pace)
    assert await pace.acquire(replace(claimed, owner="an earlier holding")) == Postponed(0.0)
    await pace._pulse.release()
    assert await pace.acquire(claimed) == Postponed(0.0)
    assert pace.budget() == 0
    assert await claim(shared, pace) == []


async def test_a_repeated_try_is_marked_before_it_begins_and_only_while_it_is_ours(shared: Database) -> None:
    pace = await process(shared, "a")
    await chat(shared, 1)
    await announce(shared, "一篇")
    (claimed,) = await claim(shared, pace)
    repeated = replace(claimed, delivery=replace(claimed.delivery, unsure=1))
    await slot_of(pace, repeated)
    now = await shared.read(lambda tx: tx.now(SystemClock().now()))
    await shared.write(lambda tx: tx.outbox.recover(now, resend=True, everything=True))
    assert await pace.acquire(repeated) == Postponed(0.0)


class Distant(Database):
    """A database that is far away: what was done there is known here only after some time."""

    async def transact(self, unit: TransactionFn[T], *, alone: bool = True) -> T:
        done = await super().write(unit, exclusive=alone)
        await asyncio.sleep(0.3)
        return done


async def test_what_is_booked_in_a_distant_database_leaves_all_the_same(shared: Database) -> None:
    await chat(shared, 1)
    await announce(shared, "一篇")
    distant = Distant(shared._engine)
    pace = await process(distant, "a")
    (claimed,) = await claim(distant, pace)
    await slot_of(pace, claimed)


async def test_what_could_leave_only_much_later_keeps_no_place(shared: Database) -> None:
    pace = await process(shared, "a")
    await chat(shared, 1)
    await announce(shared, "一篇")
    (claimed,) = await claim(shared, pace)
    await pace.pause_chat_after_answer(1, 30.0)
    await asyncio.sleep(LATE_SECONDS + 0.3)
    postponed = await pace.acquire(claimed)
    assert isinstance(postponed, Postponed)
    assert postponed.seconds > 20
    assert (await shared.write(lambda tx: tx.rate_limits.lock()))[0].starts == ()


async def test_what_comes_late_leaves_all_the_same_where_there_is_room_for_it(shared: Database) -> None:
    pace = await process(shared, "a")
    await chat(shared, 1)
    await announce(shared, "一篇")
    (claimed,) = await claim(shared, pace)
    assert claimed.until == pytest.approx(claimed.start + LATE_SECONDS)
    in_time = replace(claimed, until=claimed.until + 60)  # however slow this machine is
    await asyncio.sleep(0.2)
    slot = await slot_of(pace, in_time)
    assert (await shared.write(lambda tx: tx.rate_limits.lock()))[0].starts == (claimed.start, claimed.until)
    slot.mark_sent()
    await book(pace, 2)
    bot, _ = await shared.write(lambda tx: tx.rate_limits.lock())
    assert claimed.start not in bot.starts, "it counts when it left"
    assert min(bot.starts) > claimed.start


async def test_a_chat_hears_no_oftener_than_it_may_though_starts_come_late(shared: Database) -> None:
    pace = await process(shared, "a")
    starts = sorted([await book(pace, 1) for _ in range(3)])
    assert all(later - earlier >= 1.0 + LATE_SECONDS for earlier, later in pairwise(starts))


async def test_what_was_granted_is_asked_again_when_its_first_byte_goes(shared: Database) -> None:
    """A process that freezes between the two starts nothing that may be another's by then."""
    pace = await process(shared, "a")
    await chat(shared, 1)
    await announce(shared, "一篇")
    (claimed,) = await claim(shared, pace)
    slot = await slot_of(pace, claimed)
    await slot.acquire()
    await pace._pulse.release()
    with pytest.raises(SlotExpiredError):
        await slot.acquire()

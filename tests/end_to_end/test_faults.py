"""Fault matrix: faults of the server, the database and the process, at every moment of a fan-out.

Columns: deliveries lost, messages doubled, seconds that chats without the fault wait, notices to operators.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.model import State
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import Reply, cut_after, cut_before, cut_body, error, flood, page
from tests.tools.databases import change, locked
from tests.tools.dumps import NEXT
from tests.tools.postgres import MakeUrl
from tests.torture.fleet import announced
from tests.torture.runs import scene

CHATS = range(1, 13)
AFFECTED = (3, 7)
STALLED = 5.0  # seconds that a chat without the fault may wait longer
BURST = 48  # chats
SHARED = 180  # chats, for two processes
RATE = 30
EXPOSED = (
    "SELECT chat_id FROM deliveries JOIN destinations ON destinations.id = destination_id"
    " WHERE state = 'sending' AND begun"
)
LASTS = 2.0  # seconds of an outage


@dataclass(frozen=True, slots=True)
class Fault:
    """`everywhere`: for every method and chat. `arrives`: the affected chats have the post in the end.

    `notice` is a part of what the operators get; a fault that ends by itself needs none.
    """

    name: str
    reply: Reply
    everywhere: bool = False
    arrives: bool = True
    notice: str = ""


FAULTS = [
    Fault("gateway page", page(502), everywhere=True),
    Fault("cut before the request", cut_before, everywhere=True),
    Fault("cut after the request", cut_after, everywhere=True),
    Fault("firewall page of two chats", page(403), arrives=False),
    Fault("flood of two chats", flood(3600), arrives=False),
    Fault("flood of a second of two chats", flood(1)),
    Fault("two chats are not found", error(400, "Bad Request: chat not found"), arrives=False),
    Fault("two chats cut each answer", cut_body, arrives=False, notice="不确定是否送达"),
]
MOMENTS: dict[str, Callable[[FakeTelegram], bool]] = {
    "before the fan-out": lambda _: True,
    "within the fan-out": lambda telegram: len(telegram.messages()) >= 4,
}


@pytest.mark.both_databases
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_stays_its_own(
    knowing: WholeBot, telegram: FakeTelegram, fault: Fault, moment: str
) -> None:
    for chat_id in CHATS:
        await knowing.subscribes(chat_id)
    if moment == "within the fan-out":
        telegram.world.latency = 0.02
    else:
        _begin(telegram, fault)
    started = time.monotonic()
    knowing.lands("next.txt", NEXT)
    if moment == "within the fan-out":
        assert await telegram.world.until(lambda: MOMENTS[moment](telegram), 20)
        _begin(telegram, fault)
    if fault.everywhere:
        await asyncio.sleep(LASTS)
        telegram.recovers()
        started = time.monotonic()
    healthy = set(CHATS) if fault.everywhere or fault.arrives else set(CHATS) - set(AFFECTED)

    def all_have_it() -> bool:
        return all(_copies(telegram)[chat_id] for chat_id in healthy)

    assert await telegram.world.until(all_have_it, 30), f"lost: {healthy - set(_copies(telegram))}"
    stalled = time.monotonic() - started
    assert stalled < STALLED + 3 * fault.everywhere, "stalled"
    if not fault.notice or moment == "before the fan-out":  # later they may have it already
        await _reports(telegram, fault.notice)
    copies = _copies(telegram)
    doubled, told = sum(copies.values()) - len(copies), len(telegram.messages(OPERATOR))
    dialect = knowing.database.dialect
    print(f"| {fault.name} | {moment} | {dialect} | 0 | {doubled} | {stalled:.1f} | {told} |")  # noqa: T201
    assert max(copies.values()) <= 2, "tripled"
    unaffected = copies if fault.everywhere else {chat: copies[chat] for chat in healthy - set(AFFECTED)}
    if not fault.everywhere:
        assert set(unaffected.values()) == {1}, "doubled"
    assert State.FAILED not in await knowing.counts()


async def _reports(telegram: FakeTelegram, told: str) -> None:
    """Check that the operators hear of what does not heal by itself, and of nothing else."""
    if told:

        def heard() -> bool:
            return any(told in message.text for message in telegram.messages(OPERATOR))

        assert await telegram.world.until(heard, 20), "not told"
    else:
        assert telegram.messages(OPERATOR) == []


async def _restarts(bot: WholeBot) -> None:
    await bot.restarts()


async def _database_is_locked(bot: WholeBot) -> None:
    """By another program, for as long as an outage lasts."""
    async with locked(bot.url, "deliveries"):
        await asyncio.sleep(LASTS)


async def _connections_are_cut(bot: WholeBot) -> None:
    """All connections to PostgreSQL again and again; SQLite has none, so its file is locked instead."""
    if not bot.database.is_multi_process:
        return await _database_is_locked(bot)
    end = time.monotonic() + LASTS
    while time.monotonic() < end:
        await asyncio.to_thread(change, bot.url, CUT)
        await asyncio.sleep(0.3)
    return None


CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)
OUTAGES: dict[str, Callable[[WholeBot], Awaitable[None]]] = {
    "stopped and started": _restarts,
    "database locked": _database_is_locked,
    "database connections cut": _connections_are_cut,
}


@pytest.mark.both_databases
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_of_the_database_or_the_process(
    knowing: WholeBot, telegram: FakeTelegram, outage: str, moment: str
) -> None:
    for chat_id in CHATS:
        await knowing.subscribes(chat_id)
    telegram.world.latency = 0.02
    knowing.lands("next.txt", NEXT)
    if moment == "within the fan-out":
        assert await telegram.world.until(lambda: MOMENTS[moment](telegram), 20)
    await OUTAGES[outage](knowing)
    started = time.monotonic()
    assert await telegram.world.until(lambda: len(_copies(telegram)) == len(CHATS), 30), "lost"
    stalled = time.monotonic() - started
    await knowing.settles()
    copies = _copies(telegram)
    doubled = sum(copies.values()) - len(copies)
    told = len(telegram.messages(OPERATOR))
    print(f"| {outage} | {moment} | {knowing.database.dialect} | 0 | {doubled} | {stalled:.1f} | {told} |")  # noqa: T201
    assert stalled < STALLED, "stalled"
    assert doubled == 0
    assert State.FAILED not in await knowing.counts()


def test_a_kill_within_a_burst(tmp_path: Path) -> None:
    """On SQLite, at the default rate: of a burst at most a quarter comes twice."""
    with scene(tmp_path, BURST, latency=0.3) as here:
        here.start(RATE_PER_SECOND=30, MAX_IN_FLIGHT=32)
        here.until(lambda: here.server.count() >= BURST // 2)
        here.end(signal.SIGKILL)
        started = time.monotonic()
        counted = here.finish(RATE_PER_SECOND=30)
        stalled = time.monotonic() - started
    print(f"| killed | within {BURST} | sqlite | {counted.lost} | {counted.duplicates} | {stalled:.1f} | |")  # noqa: T201
    assert dict(counted.rows) == {State.SENT: BURST}
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= BURST // 4


def test_a_kill_of_one_of_two(tmp_path: Path, postgres: MakeUrl) -> None:
    """With the default leases. Chats whose request may have left are not counted as stalled.

    They wait for the end of the dead process's lease: asked sooner, a process that is only slow would send
    them as well.
    """
    with announced(tmp_path, postgres(), SHARED, settings={"RATE_PER_SECOND": RATE}, latency=0.3) as ships:
        for name in ("a", "b"):
            ships.start(name)
        ships.until(lambda: ships.sent() >= 12 and ships.claimed_by("a") > 0 and ships.claimed_by("b") > 0)
        ships.end("a")
        killed = time.time()
        exposed = {row[0] for row in ships.ask(EXPOSED)}
        left = SHARED - ships.sent()
        ships.until(ships.settled)
        ships.end("b", signal.SIGTERM)
        counted = ships.count()
        assert ships.log is not None
        first = {message["chat"]: message["at"] for message in reversed(ships.log.taken())}
    last = max(at for chat, at in first.items() if chat not in exposed)
    stalled = last - killed - left / RATE
    moment = f"one of two, {len(exposed)} exposed"
    print(f"| killed | {moment} | postgresql | {counted.lost} | {counted.duplicates} | {stalled:.1f} | |")  # noqa: T201
    assert dict(counted.rows) == {State.SENT: SHARED}
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= len(exposed), "at most what may have left"
    assert stalled < STALLED


def _begin(telegram: FakeTelegram, fault: Fault) -> None:
    if fault.everywhere:
        telegram.answers("*", fault.reply, always=True)
        return
    for chat_id in AFFECTED:
        telegram.answers("sendMessage", fault.reply, chat_id=chat_id, always=not fault.arrives)


def _copies(telegram: FakeTelegram) -> Counter[int]:
    """Return how often each chat has the post."""
    return Counter(message.chat_id for message in telegram.messages() if message.chat_id != OPERATOR)

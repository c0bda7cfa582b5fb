"""Fault matrix: every fault of the server, at every moment of a fan-out, on both databases.

Columns: deliveries lost, messages doubled and tripled, and the seconds that chats without the fault wait.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from storage.model import State
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import Reply, cut_after, cut_before, cut_body, error, flood, page
from tests.tools.dumps import NEXT

pytestmark = pytest.mark.both_databases

CHATS = range(1, 13)
AFFECTED = (3, 7)
STALLED = 5.0  # seconds that a chat without the fault may wait longer
LASTS = 2.0  # seconds of an outage


@dataclass(frozen=True, slots=True)
class Fault:
    """`everywhere`: for every method and chat. `arrives`: the affected chats have the post in the end."""

    name: str
    reply: Reply
    everywhere: bool = False
    arrives: bool = True


FAULTS = [
    Fault("gateway page", page(502), everywhere=True),
    Fault("cut before the request", cut_before, everywhere=True),
    Fault("cut after the request", cut_after, everywhere=True),
    Fault("firewall page of two chats", page(403), arrives=False),
    Fault("flood of two chats", flood(3600), arrives=False),
    Fault("flood of a second of two chats", flood(1)),
    Fault("two chats are not found", error(400, "Bad Request: chat not found"), arrives=False),
    Fault("two chats cut each answer", cut_body, arrives=False),
]
MOMENTS: dict[str, Callable[[FakeTelegram], bool]] = {
    "before the fan-out": lambda _: True,
    "within the fan-out": lambda telegram: len(telegram.messages()) >= 4,
}


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
    assert time.monotonic() - started < STALLED + 3 * fault.everywhere, "stalled"
    copies = _copies(telegram)
    assert max(copies.values()) <= 2, "tripled"
    unaffected = copies if fault.everywhere else {chat: copies[chat] for chat in healthy - set(AFFECTED)}
    if not fault.everywhere:
        assert set(unaffected.values()) == {1}, "doubled"
    assert State.FAILED not in await knowing.counts()


def _begin(telegram: FakeTelegram, fault: Fault) -> None:
    if fault.everywhere:
        telegram.answers("*", fault.reply, always=True)
        return
    for chat_id in AFFECTED:
        telegram.answers("sendMessage", fault.reply, chat_id=chat_id, always=not fault.arrives)


def _copies(telegram: FakeTelegram) -> Counter[int]:
    """Return how often each chat has the post."""
    return Counter(message.chat_id for message in telegram.messages() if message.chat_id != OPERATOR)

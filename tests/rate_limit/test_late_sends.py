"""A process that is late: what leaves counts when it leaves, and little of the rate is lost."""

import random
from collections.abc import Callable
from functools import partial
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.rate_limit.scheduler import Limits, SendScheduler, SlotRequest
from tests.rate_limit.process_model import NETWORK, Sender, Server, stalls
from tests.tools.examples import examples

LATENESS: dict[str, Callable[[random.Random], float]] = {
    "punctual": lambda _: 0.0,
    "2 ms late": lambda _: 0.002,
    "20 ms late": lambda _: 0.02,
    "250 ms late": lambda _: 0.25,
    "up to 10 ms late": lambda luck: luck.uniform(0, 0.01),
    "up to 50 ms late": lambda luck: luck.uniform(0, 0.05),
}


@pytest.mark.parametrize("rate", [1, 30, 1000])
@pytest.mark.parametrize("stalling", [False, True])
@pytest.mark.parametrize("lateness", LATENESS)
def test_a_saturated_minute_uses_nearly_all_of_the_rate(rate: int, lateness: str, stalling: bool) -> None:
    """And nothing of it is refused, although the process is late, stands still and the network is uneven."""
    seconds = 60 if rate < 1000 else 8
    luck = random.Random(rate)
    sender = Sender(
        SendScheduler(Limits(per_second=rate)),
        late=partial(LATENESS[lateness], luck),
        to_wire=lambda: luck.expovariate(1000),
        stalls=stalls(luck, 1000 + seconds, every=10, least=0.02, most=0.2) if stalling else (),
    )
    sender.saturate(seconds, partial(next, count(1)))
    sent = [(at, chat_id) for at, chat_id in sender.started if at < 1000 + seconds]
    # Each window begins with the lateness of the one before it.
    used = {"250 ms late": 0.75, "up to 50 ms late": 0.93, "20 ms late": 0.94}.get(lateness, 0.96)
    assert len(sent) >= used * seconds * rate - 1  # the last one may be about to leave
    margin = Limits(per_second=rate).first_margin / 2
    server = Server(per_second=rate)
    server.arrive([(at + luck.uniform(0.05, 0.05 + margin), chat_id) for at, chat_id in sent])
    assert server.refused == 0


@examples(15)
@given(
    st.integers(0, 10**6), st.sampled_from([5, 30, 60]), st.floats(0, 0.08), st.floats(0.1, 5),
    st.floats(0, 0.4), st.floats(0, 0.3),
)  # fmt: skip
@example(63045, 30, 0.0, 0.1, 0.27734375, 0.0)  # requests of two chats wait until the very same time
def test_whatever_the_process_suffers_a_strict_server_refuses_nothing(
    seed: int, rate: int, late: float, every: float, stall: float, to_wire: float
) -> None:
    """Stalls, late wakes, slow connections, answers among the pushes, several messages to one chat."""
    luck = random.Random(seed)
    limits = Limits(per_second=rate)
    sender = Sender(
        SendScheduler(limits),
        late=lambda: luck.uniform(0, late),
        to_wire=lambda: luck.choice((0.0, 0.001, to_wire)),
        stalls=stalls(luck, 1020.0, every=every, least=0.0, most=stall),
    )
    while sender.now < 1020.0:
        sender.saturate(0.3, lambda: luck.choice((luck.randrange(1, 10_000), luck.randrange(-6, 9) or 1)))
        if luck.random() < 0.3:
            sender.reply(luck.randrange(1, 10_000))
    sender.advance(300.0)
    server, network = Server(per_second=rate), limits.first_margin / 2
    server.arrive([(at + luck.uniform(0, 0.99 * network), chat_id) for at, chat_id in sender.started])
    assert server.refused == 0


def test_a_late_start_is_counted_when_it_leaves() -> None:
    """What comes after it keeps its distance to when it left, not to when it should have."""
    scheduler = SendScheduler(Limits(per_second=1))
    first, second = (SlotRequest(chat_id, private=True) for chat_id in (1, 2))
    for request in (first, second):
        scheduler.enqueue(0.0, request)
    assert scheduler.grant(0.25) == [first]
    assert scheduler.next_at(0.25) == pytest.approx(0.25 + NETWORK)
    assert scheduler.grant(0.25 + NETWORK) == [second]


def test_what_a_stall_held_back_leaves_at_once_and_what_follows_waits_for_it() -> None:
    sender = Sender(SendScheduler(), stalls=[(1000.001, 1000.2)])
    for chat_id in range(1, 61):
        sender.push(chat_id)
    sender.advance(10.0)
    assert sender.times().count(1000.2) == 6
    assert sender.times()[30] >= 1000.0 + NETWORK
    assert sender.times()[36] >= 1000.2 + NETWORK
    assert sender.times()[59] < 1002.1, "the plan is kept"


def test_a_request_that_is_long_on_its_way_is_counted_when_its_bytes_go() -> None:
    scheduler = SendScheduler(Limits(per_second=1))
    first, second = (SlotRequest(chat_id, private=True) for chat_id in (1, 2))
    for request in (first, second):
        scheduler.enqueue(0.0, request)
    assert scheduler.grant(0.0) == [first]
    assert scheduler.is_counted(0.6, first)
    scheduler.mark_sent(0.7, first)
    assert scheduler.grant(1.1) == []
    assert scheduler.next_at(1.1) == pytest.approx(0.7 + NETWORK)
    assert scheduler.ready_at(1.0, 1, private=True) == pytest.approx(0.7 + 1.025)


def test_a_request_that_others_overtook_on_its_way_waits_for_another_slot() -> None:
    scheduler = SendScheduler(Limits(per_second=1))
    first, second = (SlotRequest(chat_id, private=True) for chat_id in (1, 2))
    for request in (first, second):
        scheduler.enqueue(0.0, request)
    assert scheduler.grant(0.0) == [first]
    assert scheduler.grant(1.1) == [second]
    assert not scheduler.is_counted(1.2, first)
    scheduler.withdraw(first)
    scheduler.enqueue(1.2, first)
    assert scheduler.grant(1.2) == []
    assert scheduler.grant(1.1 + NETWORK) == [first]

"""A process that is late: what leaves counts when it leaves, and little of the rate is lost."""

import random
from collections.abc import Callable
from functools import partial
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.rate_limit.limits import Limits
from bot.rate_limit.scheduler import SendScheduler
from tests.rate_limit.process_model import NETWORK, OTHER, PRIVATE, Sender, Server, most_within, stalls
from tests.tools.examples import examples

LATENESS: dict[str, Callable[[random.Random], float]] = {
    "punctual": lambda _: 0.0,
    "2 ms late": lambda _: 0.002,
    "20 ms late": lambda _: 0.02,
    "250 ms late": lambda _: 0.25,
    "up to 10 ms late": lambda luck: luck.uniform(0, 0.01),
    "up to 50 ms late": lambda luck: luck.uniform(0, 0.05),
}

# What stalls, and then takes a quarter of a second to wake, has lost more than three parts of a hundred.
LATE_AND_STALLING = [(late, stalling) for late in LATENESS for stalling in (False, True)]
LATE_AND_STALLING.remove(("250 ms late", True))


@pytest.mark.parametrize("rate", [1, 30, 1000])
@pytest.mark.parametrize(("lateness", "stalling"), LATE_AND_STALLING)
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
    assert len(sent) >= 0.97 * seconds * rate - 1  # the last one may be about to leave
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


def test_a_late_start_leaves_where_there_is_room_and_is_counted_when_it_leaves() -> None:
    """What comes after it keeps its distance to when it left, not to when it should have."""
    pacing = SendScheduler(Limits(per_second=1))
    first, second = (pacing.reserve(0.0, chat_id, private=True, movable=True) for chat_id in (1, 2))
    assert pacing.confirm(0.25, 1, True, first) == 0.25
    again = pacing.confirm(second, 2, True, second)
    assert again == pytest.approx(0.25 + NETWORK)
    assert pacing.confirm(again, 2, True, again) == again


def test_late_requests_of_one_chat_do_not_wait_for_each_other_in_circles() -> None:
    """Every one of them finds others before it that should have left, and have not."""
    sender = Sender(SendScheduler(Limits(per_second=2.5)), late=lambda: 0.5, to_wire=lambda: 1.2)
    for chat_id in (PRIVATE, PRIVATE, OTHER, PRIVATE, PRIVATE, OTHER, PRIVATE):
        sender.push(chat_id)
    sender.advance(60.0)
    assert len(sender.times(PRIVATE)) == 5
    assert most_within(sender.times(PRIVATE), NETWORK) == 1


def test_what_a_stall_held_back_leaves_at_once_and_what_follows_waits_for_it() -> None:
    pacing = SendScheduler()
    starts = [pacing.reserve(0.0, chat_id, private=True, movable=True) for chat_id in range(1, 61)]
    stalled, end = [start for start in starts if start < 0.2], 0.2
    assert [pacing.confirm(end, number, True, start) for number, start in enumerate(stalled, 1)] == [end] * 7
    for number, start in enumerate(starts[7:30], 8):
        assert pacing.confirm(start, number, True, start) == start
    assert pacing.confirm(starts[30], 31, True, starts[30]) == pytest.approx(end + NETWORK)


def test_a_request_that_is_long_on_its_way_is_counted_when_its_bytes_go() -> None:
    pacing = SendScheduler(Limits(per_second=1))
    first, second = (pacing.reserve(0.0, chat_id, private=True, movable=True) for chat_id in (1, 2))
    confirmed = pacing.confirm(0.0, 1, True, first)
    assert pacing.acquire(0.6, 1, True, confirmed) == confirmed
    assert pacing.mark_sent(0.7, 1, True, confirmed) == 0.7
    assert pacing.confirm(second, 2, True, second) == pytest.approx(0.7 + NETWORK)
    assert pacing.ready_at(1.0, 1, private=True) == pytest.approx(0.7 + 1.025)


def test_a_request_that_others_overtook_on_its_way_waits_where_it_would_be_too_much() -> None:
    pacing = SendScheduler(Limits(per_second=1))
    first, second = (pacing.reserve(0.0, chat_id, private=True, movable=True) for chat_id in (1, 2))
    confirmed = pacing.confirm(0.0, 1, True, first)
    assert pacing.confirm(second, 2, True, second) == second
    assert pacing.acquire(second + 0.1, 1, True, confirmed) == pytest.approx(second + NETWORK)

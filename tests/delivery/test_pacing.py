"""The pacing: no window of any limit ever holds too much, and as much is sent as the limits allow."""

import random
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.limits import Limits
from bot.delivery.pacing import Pacing
from bot.delivery.windows import Window, book
from tests.delivery.pace_model import Sender, Server, most_within, private, stalls
from tests.examples import examples

PRIVATE, OTHER, GROUP = 7, 8, -5
NETWORK = 1.0125  # the part of the margin that is the network's, whatever happens in the process


CHATS = st.sampled_from([PRIVATE, OTHER, 9, 10, GROUP, -6])
STEPS = st.one_of(
    st.tuples(st.just("push"), CHATS),
    st.tuples(st.just("push"), CHATS),
    st.tuples(st.just("reply"), CHATS),
    st.tuples(st.just("flood"), CHATS),
    st.tuples(st.just("wait"), st.floats(0, 3)),
    st.tuples(st.just("stall"), st.floats(0, 0.5)),
    st.tuples(st.just("late"), st.floats(0, 0.5)),
    st.tuples(st.just("to wire"), st.floats(0, 2)),
)


@examples(60)
@given(st.lists(STEPS, max_size=60), st.sampled_from([None, 0.4, 2.5, 4.0]))
def test_no_window_holds_too_much_whatever_happens(
    steps: list[tuple[str, float]], per_second: float | None
) -> None:
    limits = Limits(per_second=per_second, group_per_minute=4, margin=0.025)
    sender = Sender(Pacing(limits))
    frozen: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for verb, value in steps:
        match verb:
            case "push":
                sender.push(int(value))
            case "reply":
                sender.reply(int(value))
            case "flood":
                sender.pacing.flooded(sender.now, int(value), 2.0)
                frozen[int(value)].append((sender.now, sender.now + 2.0))
            case "stall":
                sender.now += value
            case "late":
                sender.late = partial(float, value)
            case "to wire":
                sender.to_wire = partial(float, value)
            case _:
                sender.advance(value)
    replies = len(sender.times())
    sender.advance(10_000.0)
    assert not sender.waiting
    assert len(sender.times()) >= replies
    if per_second is not None:
        most = max(1, int(per_second))
        assert most_within(sender.times(), most / per_second * NETWORK) <= most
    for chat_id in {chat for _, chat in sender.started}:
        most, seconds = (1, 1.0) if private(chat_id) else (4, 60.0)
        assert most_within(sender.times(chat_id), seconds * NETWORK) <= most


@examples(60)
@given(st.lists(st.tuples(CHATS, st.floats(0, 2), st.booleans()), max_size=40))
def test_a_booking_is_never_in_the_past_nor_before_its_chat_is_ready(
    steps: list[tuple[int, float, bool]],
) -> None:
    pacing, now = Pacing(Limits(per_second=3)), 50.0
    for chat_id, pause, interactive in steps:
        now += pause
        ready = pacing.ready_at(now, chat_id, private(chat_id))
        start = pacing.reserve(now, chat_id, private(chat_id), interactive=interactive)
        assert start >= ready >= now


@examples(100)
@given(
    st.lists(st.integers(0, 40), max_size=12, unique=True), st.integers(0, 40), st.integers(1, 4),
    st.integers(1, 10),
)  # fmt: skip
def test_a_window_gives_the_first_time_that_it_allows(
    taken: list[int], at: int, most: int, seconds: int
) -> None:
    """Also between starts: a slot that somebody left behind is as good as one at the end."""
    window, starts = Window(most, seconds), list[float]()
    for start in taken:
        if window.earliest(starts, start) == start:
            book(starts, start)
    free = [time for time in range(at, 80) if most_within([*starts, time], seconds) <= most]
    assert window.earliest(starts, at) == free[0]


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
        Pacing(Limits(per_second=rate)),
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
def test_whatever_the_process_suffers_a_strict_server_refuses_nothing(
    seed: int, rate: int, late: float, every: float, stall: float, to_wire: float
) -> None:
    """Stalls, late wakes, slow connections, answers among the pushes, several messages to one chat."""
    luck = random.Random(seed)
    limits = Limits(per_second=rate)
    sender = Sender(
        Pacing(limits),
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


def test_a_group_gets_nearly_all_of_its_messages_and_a_private_chat_one_a_second() -> None:
    for chat_id, allowed in ((GROUP, 20 / 60), (PRIVATE, 1.0)):
        pacing, now, starts = Pacing(), 0.0, []
        while now < 600:
            now = pacing.reserve(now, chat_id, private(chat_id))
            starts.append(now)
        assert len(starts) >= 0.97 * 600 * allowed
        assert most_within(starts, 60.0) <= (20 if chat_id == GROUP else 60)


def test_requests_that_travel_unevenly_keep_the_limit_where_they_arrive() -> None:
    pacing, chance = Pacing(), random.Random(7)
    starts = [pacing.reserve(0.0, chat_id, private=True) for chat_id in range(1, 900)]
    arrivals = [start + 0.05 + chance.uniform(0, 0.024) for start in starts]
    assert most_within(arrivals, 1.0) <= 30


def test_pushes_leave_evenly_after_a_rest() -> None:
    pacing = Pacing()
    starts = [pacing.reserve(0.0, chat_id, private=True) for chat_id in range(1, 40)]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert starts[0] == 0.0
    assert min(gaps) > 0.03 * 0.9
    assert starts[29] < 1.0


def test_an_answer_takes_the_slot_of_a_push_that_then_goes_later() -> None:
    sender = Sender(Pacing())
    for chat_id in range(100, 145):
        sender.push(chat_id)
    sender.advance(1.05)
    waits = [sender.reply(chat_id) for chat_id in (1, 2, 3)]
    assert max(waits) < 0.15
    sender.advance(60)
    assert len(sender.times()) == 48
    assert most_within(sender.times(), 1.0) == 30


def test_an_answer_waits_only_for_its_own_chat() -> None:
    pacing = Pacing()
    assert pacing.reserve(0.0, PRIVATE, private=True) == 0.0
    assert pacing.reserve(0.1, OTHER, private=True, interactive=True) == 0.1
    assert pacing.reserve(0.2, PRIVATE, private=True, interactive=True) == pytest.approx(1.025)


def test_a_flood_stops_its_chat_for_exactly_as_long_as_it_says() -> None:
    pacing = Pacing()
    pacing.flooded(10.0, PRIVATE, 234)
    assert pacing.reserve(10.0, PRIVATE, private=True) == 244.0
    assert pacing.reserve(10.0, OTHER, private=True) == 10.0


def test_floods_of_two_chats_stop_the_bot_until_the_longest_is_over() -> None:
    pacing = Pacing()
    pacing.flooded(10.0, PRIVATE, 30)
    pacing.flooded(11.0, PRIVATE, 40)
    assert pacing.ready_at(11.0, OTHER, private=True) == 11.0
    pacing.flooded(14.0, GROUP, 3)
    assert pacing.ready_at(14.0, OTHER, private=True) == 51.0
    assert pacing.reserve(14.0, OTHER, private=True, interactive=True) == 51.0
    assert pacing.budget(14.0, 30.0) == 0


def test_a_paid_rate_keeps_a_small_margin_until_the_bot_is_flooded() -> None:
    """Else one part in forty of what is paid for would lie idle; and a server that is stricter is obeyed."""

    def thousand_and_one(pacing: Pacing, now: float) -> float:
        starts = [pacing.reserve(now, chat_id, private=True) for chat_id in range(100, 1101)]
        return starts[-1] - starts[0]

    pacing = Pacing(Limits(per_second=1000))
    assert thousand_and_one(pacing, 0.0) == pytest.approx(1.005)
    pacing.flooded(10.0, PRIVATE, 1)
    assert thousand_and_one(pacing, 20.0) == pytest.approx(1.005)
    for chat_id in range(1, 34):
        pacing.flooded(30.0, chat_id, 1)
    assert thousand_and_one(pacing, 40.0) == pytest.approx(1.025)


@pytest.mark.parametrize(
    ("per_second", "crowd"), [(None, 2), (1, 2), (30, 2), (60, 2), (300, 10), (1000, 33)]
)
def test_the_faster_a_bot_may_be_the_more_floods_it_takes_to_stop_it(
    per_second: float | None, crowd: int
) -> None:
    """One slow chat in ten thousand must not cost a paid rate half of its messages."""
    pacing = Pacing(Limits(per_second=per_second))
    for chat_id in range(1, crowd):
        assert not pacing.flooded(10.0, chat_id, 5)
        assert pacing.ready_at(10.0, 999, private=True) == 10.0
    assert pacing.flooded(10.0, crowd, 5)
    assert pacing.ready_at(10.0, 999, private=True) == 15.0


def test_pushes_at_a_paid_rate_leave_in_small_groups() -> None:
    pacing = Pacing(Limits(per_second=1000))
    starts = [pacing.reserve(0.0, chat_id, private=True) for chat_id in range(1, 1001)]
    assert most_within(starts, 0.005) == 10
    assert starts[-1] < 0.7


def test_floods_far_apart_and_remembered_freezes_do_not_stop_the_bot() -> None:
    pacing = Pacing()
    pacing.freeze(1, 500.0)
    pacing.freeze(2, 600.0)
    pacing.flooded(10.0, PRIVATE, 100)
    pacing.flooded(15.1, OTHER, 100)
    assert pacing.ready_at(15.1, 9, private=True) == 15.1
    assert pacing.ready_at(15.1, 1, private=True) == 500.0


def test_a_flood_holds_back_what_was_booked_before_it() -> None:
    pacing = Pacing()
    start = pacing.reserve(10.0, PRIVATE, private=True, movable=True)
    pacing.flooded(10.0, PRIVATE, 7)
    assert pacing.confirm(10.0, PRIVATE, True, start) == 17.0
    assert pacing.confirm(17.0, PRIVATE, True, 17.0) == 17.0


def test_a_slot_that_a_flood_sets_free_is_used() -> None:
    pacing = Pacing(Limits(per_second=1, margin=0))
    for chat_id in (1, 2, 3, 4):
        assert pacing.reserve(0.0, chat_id, private=True, movable=True) == chat_id - 1
    pacing.flooded(1.0, 2, 100)
    assert pacing.confirm(1.0, 2, True, 1.0) == 101.0
    assert pacing.reserve(1.0, 99, private=True) == 1.0


def test_a_late_start_leaves_where_there_is_room_and_is_counted_when_it_leaves() -> None:
    """What comes after it keeps its distance to when it left, not to when it should have."""
    pacing = Pacing(Limits(per_second=1))
    first, second = (pacing.reserve(0.0, chat_id, private=True, movable=True) for chat_id in (1, 2))
    assert pacing.confirm(0.25, 1, True, first) == 0.25
    again = pacing.confirm(second, 2, True, second)
    assert again == pytest.approx(0.25 + NETWORK)
    assert pacing.confirm(again, 2, True, again) == again


def test_what_a_stall_held_back_leaves_at_once_and_what_follows_waits_for_it() -> None:
    pacing = Pacing()
    starts = [pacing.reserve(0.0, chat_id, private=True, movable=True) for chat_id in range(1, 61)]
    stalled, end = [start for start in starts if start < 0.2], 0.2
    assert [pacing.confirm(end, number, True, start) for number, start in enumerate(stalled, 1)] == [end] * 7
    for number, start in enumerate(starts[7:30], 8):
        assert pacing.confirm(start, number, True, start) == start
    assert pacing.confirm(starts[30], 31, True, starts[30]) == pytest.approx(end + NETWORK)


def test_a_request_that_is_long_on_its_way_is_counted_when_its_bytes_go() -> None:
    pacing = Pacing(Limits(per_second=1))
    first, second = (pacing.reserve(0.0, chat_id, private=True, movable=True) for chat_id in (1, 2))
    confirmed = pacing.confirm(0.0, 1, True, first)
    assert pacing.leave(0.6, 1, True, confirmed) == confirmed
    assert pacing.left(0.7, 1, True, confirmed) == 0.7
    assert pacing.confirm(second, 2, True, second) == pytest.approx(0.7 + NETWORK)
    assert pacing.ready_at(1.0, 1, private=True) == pytest.approx(0.7 + 1.025)


def test_a_request_that_others_overtook_on_its_way_waits_where_it_would_be_too_much() -> None:
    pacing = Pacing(Limits(per_second=1))
    first, second = (pacing.reserve(0.0, chat_id, private=True, movable=True) for chat_id in (1, 2))
    confirmed = pacing.confirm(0.0, 1, True, first)
    assert pacing.confirm(second, 2, True, second) == second
    assert pacing.leave(second + 0.1, 1, True, confirmed) == pytest.approx(second + NETWORK)


@pytest.mark.parametrize("rate", [0.4, 3, 30, 1000])
@pytest.mark.parametrize("booked", [0, 10, 40])
def test_the_budget_is_what_can_be_booked(rate: float, booked: int) -> None:
    pacing = Pacing(Limits(per_second=rate))
    for chat_id in range(1, booked + 1):
        pacing.reserve(0.0, chat_id, private=True)
    for now, within in ((0.0, 0.5), (0.7, 0.2), (1.5, 0.9)):
        budget = pacing.budget(now, within)
        trial = Pacing(Limits(per_second=rate))
        for chat_id in range(1, booked + 1):
            trial.reserve(0.0, chat_id, private=True)
        starts = [trial.reserve(now, 1000 + index, private=True) for index in range(budget + 3)]
        possible = sum(start <= now + within for start in starts)
        assert possible - 2 <= budget <= possible + 2


def test_without_a_rate_only_the_chats_count() -> None:
    pacing = Pacing(Limits(per_second=None))
    assert pacing.budget(0.0, 0.1) == sys.maxsize
    assert {pacing.reserve(0.0, chat_id, private=True) for chat_id in range(1, 5000)} == {0.0}
    assert pacing.reserve(0.0, 1, private=True) == pytest.approx(1.025)


def test_forgets_chats_whose_minute_is_over() -> None:
    pacing, now = Pacing(Limits(per_second=None)), 0.0
    for chat_id in range(1, 100_001):
        now += 0.001
        pacing.reserve(now, chat_id, private=True)
    assert pacing.remembered < 5000

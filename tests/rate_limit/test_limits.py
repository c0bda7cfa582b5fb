"""No window of any limit ever holds too much, and each gives the first time that it still allows."""

import random
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from bot.rate_limit.limits import Limits, Window, book
from bot.rate_limit.scheduler import SendScheduler
from tests.rate_limit.process_model import GROUP, NETWORK, OTHER, PRIVATE, Sender, most_within, private
from tests.tools.examples import examples

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
    sender = Sender(SendScheduler(limits))
    frozen: list[tuple[int, float, int]] = []  # a chat, since when, and its requests already on their way
    for verb, value in steps:
        match verb:
            case "push":
                sender.push(int(value))
            case "reply":
                sender.reply(int(value))
            case "flood":
                sender.pacing.flooded(sender.now, int(value), 2.0)
                leaving = sum(one.on_its_way and one.chat_id == value for one in sender.waiting)
                frozen.append((int(value), sender.now, leaving))
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
    for chat_id, since, leaving in frozen:
        assert sum(since < at < since + 2.0 for at in sender.times(chat_id)) <= leaving
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
    pacing, now = SendScheduler(Limits(per_second=3)), 50.0
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
    """Also between starts: a released slot is as good as one at the end."""
    window, starts = Window(most, seconds), list[float]()
    for start in taken:
        if window.earliest(starts, start) == start:
            book(starts, start)
    free = [time for time in range(at, 80) if most_within([*starts, time], seconds) <= most]
    assert window.earliest(starts, at) == free[0]


def test_requests_that_travel_unevenly_keep_the_limit_where_they_arrive() -> None:
    pacing, chance = SendScheduler(), random.Random(7)
    starts = [pacing.reserve(0.0, chat_id, private=True) for chat_id in range(1, 900)]
    arrivals = [start + 0.05 + chance.uniform(0, 0.024) for start in starts]
    assert most_within(arrivals, 1.0) <= 30


def test_forgets_chats_whose_minute_is_over() -> None:
    pacing, now = SendScheduler(Limits(per_second=None)), 0.0
    for chat_id in range(1, 100_001):
        now += 0.001
        pacing.reserve(now, chat_id, private=True)
    assert pacing.remembered < 5000

"""No window of any limit ever holds too much, whatever happens to the process."""

import random
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from bot.rate_limit.scheduler import Limits, SendScheduler, SlotRequest, Window
from tests.rate_limit.process_model import GROUP, NETWORK, OTHER, PRIVATE, Sender, most_within, private
from tests.tools.examples import examples

CHATS = st.sampled_from([PRIVATE, OTHER, 9, 10, GROUP, -6])
STEPS = st.one_of(
    st.tuples(st.just("push"), CHATS),
    st.tuples(st.just("push"), CHATS),
    st.tuples(st.just("reply"), CHATS),
    st.tuples(st.just("flood"), CHATS),
    st.tuples(st.just("share"), st.integers(0, 4)),
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
    most = max(1, int(per_second or 0))
    sender = Sender(SendScheduler(limits))
    paused: list[tuple[int, float, int]] = []  # a chat, since when, and its requests already on their way
    wanted = 0
    for verb, value in steps:
        match verb:
            case "push":
                sender.push(int(value))
                wanted += 1
            case "reply":
                sender.reply(int(value))
                wanted += 1
            case "flood":
                sender.scheduler.pauses.flooded(sender.now, int(value), 2.0)
                paused.append((int(value), sender.now, sender.leaving(int(value))))
            case "share":
                sender.scheduler.set_share(min(int(value), most), sender.now + 1e9)
            case "stall":
                sender.now += value
            case "late":
                sender.late = partial(float, value)
            case "to wire":
                sender.to_wire = partial(float, value)
            case _:
                sender.advance(value)
    sender.scheduler.set_share(most, sender.now + 1e9)
    sender.push(11)  # the dispatch that a renewed share causes
    sender.advance(10_000.0)
    assert len(sender.times()) == wanted + 1
    for chat_id, since, leaving in paused:
        assert sum(since < at < since + 2.0 for at in sender.times(chat_id)) <= leaving
    if per_second is not None:
        assert most_within(sender.times(), most / per_second * NETWORK) <= most
    for chat_id in {chat for _, chat in sender.started}:
        most, seconds = (1, 1.0) if private(chat_id) else (4, 60.0)
        assert most_within(sender.times(chat_id), seconds * NETWORK) <= most


@examples(100)
@given(st.lists(st.integers(0, 40), max_size=12), st.integers(0, 40), st.integers(1, 4), st.integers(1, 10))
def test_a_window_gives_the_first_time_behind_its_starts(
    taken: list[int], at: int, most: int, seconds: int
) -> None:
    window, starts, now = Window(most, seconds), list[float](), at
    for start in sorted(taken):
        if window.opens_at(starts, start) == start:
            starts.append(start)
            now = max(now, start)
    free = [time for time in range(now, 80) if most_within([*starts, time], seconds) <= most]
    assert window.opens_at(starts, now) == free[0]
    assert window.holds(starts, now) == len([start for start in starts if start > now - seconds])


def test_requests_that_travel_unevenly_keep_the_limit_where_they_arrive() -> None:
    sender, chance = Sender(SendScheduler()), random.Random(7)
    for chat_id in range(1, 900):
        sender.push(chat_id)
    sender.advance(60.0)
    assert len(sender.times()) == 899
    assert most_within([at + 0.05 + chance.uniform(0, 0.0124) for at in sender.times()], 1.0) <= 30


def test_chats_whose_minute_is_over_are_forgotten() -> None:
    scheduler, now = SendScheduler(Limits(per_second=None)), 0.0
    for chat_id in range(1, 100_001):
        now += 0.001
        scheduler.enqueue(now, SlotRequest(chat_id, private=True))
        assert len(scheduler.grant(now)) == 1
    assert scheduler.remembered < 5000

"""Bookings that may be used late: whenever they are used, no window of any limit holds too much."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.rate_limit.limits import Limits
from bot.rate_limit.scheduler import FlexibleSendScheduler
from tests.rate_limit.process_model import most_within
from tests.tools.examples import examples


@examples(60)
@example(wishes=[(-5, wait, 0.0, False) for wait in (0.0, 0.0, 0.5, 0.0, 0.0)])  # ends meet beginnings
@given(
    wishes=st.lists(
        st.tuples(st.sampled_from((1, 2, 3, -5)), st.floats(0.0, 0.5), st.floats(0.0, 0.6), st.booleans()),
        max_size=60,
    )
)
def test_what_may_leave_late_keeps_the_limits_whenever_it_leaves(
    wishes: list[tuple[int, float, float, bool]],
) -> None:
    limits = Limits(per_second=10, group_per_minute=4)
    pacing, now, left = FlexibleSendScheduler(limits), 1000.0, []
    for chat_id, wait, late, told in wishes:
        now += wait
        start = pacing.reserve(now, chat_id, chat_id > 0)
        wide = pacing.stretch(chat_id, chat_id > 0, start, start + 0.6)
        at = start + late if wide else start
        left.append((at, chat_id))
        if wide and told:
            pacing.unstretch(start, start + 0.6, at)
    assert most_within([at for at, _ in left], 1.0) <= 10
    for chat_id in {chat_id for _, chat_id in left}:
        most, window = (1, 1.0) if chat_id > 0 else (4, 60.0)
        assert most_within([at for at, chat in left if chat == chat_id], window) <= most


def test_where_there_is_no_plenty_nothing_takes_more_than_it_needs() -> None:
    pacing = FlexibleSendScheduler(Limits(per_second=10))
    wide = []
    for chat_id in range(1, 21):
        start = pacing.reserve(1000.0, chat_id, private=True)
        wide.append(pacing.stretch(chat_id, chat_id > 0, start, start + 0.5))
    assert wide[0]
    assert not all(wide)


def test_what_was_stretched_is_taken_back_whole() -> None:
    pacing = FlexibleSendScheduler(Limits(per_second=10))
    starts = [pacing.reserve(1000.0, chat_id, private=True) for chat_id in (1, 2)]
    assert all(
        pacing.stretch(chat_id, True, at, at + 0.5) for chat_id, at in zip((1, 2), starts, strict=True)
    )
    pacing.take_back(1, True, starts[0], starts[0] + 0.5)
    assert pacing.starts == (starts[1], starts[1] + 0.5)
    assert pacing.starts_of(1) == ()
    assert pacing.starts_of(2) == (starts[1] + 0.5,)


@pytest.mark.parametrize("seconds_to_book", [0.06, 0.1, 0.3])
def test_at_the_limit_little_of_the_rate_is_lost(seconds_to_book: float) -> None:
    """Claim in turns as much as may be sent soon; report sent requests with the next turn."""
    pacing, now, chat_id = FlexibleSendScheduler(Limits(per_second=30, margin=0.05)), 1000.0, 0
    stretched: list[float] = []
    left = 0
    while now < 1060.0:
        told = [start for start in stretched if start <= now]
        for start in told:
            pacing.unstretch(start, start + 0.5, start)
        stretched = stretched[len(told) :]
        for _ in range(pacing.budget(now + seconds_to_book, 0.25)):
            chat_id += 1
            start = pacing.reserve(now, chat_id, private=True, lead=seconds_to_book)
            if pacing.stretch(chat_id, True, start, start + 0.5):
                stretched.append(start)
            left += start < 1060.0
        now += seconds_to_book
    assert left / 60 > 25  # of the 28.6 that the margin leaves

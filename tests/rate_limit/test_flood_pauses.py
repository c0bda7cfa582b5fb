"""Floods: each stops its chat for as long as it says, and many at once stop the bot."""

import pytest

from bot.rate_limit.limits import Limits
from bot.rate_limit.scheduler import FIRST_BOT_PAUSE, SendScheduler
from tests.rate_limit.process_model import GROUP, OTHER, PRIVATE


def test_a_flood_stops_its_chat_for_exactly_as_long_as_it_says() -> None:
    pacing = SendScheduler()
    pacing.flooded(10.0, PRIVATE, 234)
    assert pacing.reserve(10.0, PRIVATE, private=True) == 244.0
    assert pacing.reserve(10.0, OTHER, private=True) == 10.0


def test_floods_of_two_chats_pause_the_bot_until_a_probe_is_accepted() -> None:
    pacing = SendScheduler()
    pacing.flooded(10.0, PRIVATE, 30)
    pacing.flooded(11.0, PRIVATE, 40)
    assert pacing.ready_at(11.0, OTHER, private=True) == 11.0
    pacing.flooded(12.0, GROUP, 3600)
    probe_at = 12.0 + FIRST_BOT_PAUSE
    assert pacing.ready_at(12.0, OTHER, private=True) == probe_at
    probe, waiting = (pacing.reserve(12.0, chat, private=True, movable=True) for chat in (OTHER, 9))
    assert pacing.confirm(probe_at, OTHER, True, probe) == probe_at
    assert pacing.confirm(waiting, 9, True, waiting) > waiting, "one probe at a time"
    pacing.accept(probe_at + 0.1, OTHER)
    assert pacing.ready_at(probe_at + 0.1, 10, private=True) == probe_at + 0.1
    assert pacing.ready_at(probe_at + 0.1, GROUP, private=False) == 12.0 + 3600


def test_two_slow_chats_among_others_that_are_accepted_pause_only_themselves() -> None:
    pacing = SendScheduler()
    assert not pacing.flooded(10.0, 1, 3600)
    for chat_id in (3, 4, 5):
        pacing.accept(10.1, chat_id)
    assert not pacing.flooded(10.2, 2, 46)
    assert pacing.ready_at(10.2, 6, private=True) == 10.2


def test_a_refused_probe_doubles_the_pause() -> None:
    pacing, now = SendScheduler(), 10.0
    for chat_id in (1, 2):
        pacing.flooded(now, chat_id, 3600)
    pauses = []
    for chat_id in range(3, 9):
        again = pacing.ready_at(now, chat_id, private=True)
        pauses.append(again - now)
        now = again
        start = pacing.reserve(now, chat_id, private=True, movable=True)
        assert pacing.confirm(now, chat_id, True, start) == now
        assert pacing.flooded(now, chat_id, 3600)
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_paid_rate_keeps_a_small_margin_until_the_bot_is_flooded() -> None:
    """Else one part in forty of what is paid for would lie idle; and a server that is stricter is obeyed."""

    def thousand_and_one(pacing: SendScheduler, now: float) -> float:
        starts = [pacing.reserve(now, chat_id, private=True) for chat_id in range(100, 1101)]
        return starts[-1] - starts[0]

    pacing = SendScheduler(Limits(per_second=1000))
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
    pacing = SendScheduler(Limits(per_second=per_second))
    for chat_id in range(1, crowd):
        assert not pacing.flooded(10.0, chat_id, 5)
        assert pacing.ready_at(10.0, 999, private=True) == 10.0
    assert pacing.flooded(10.0, crowd, 5)
    assert pacing.ready_at(10.0, 999, private=True) == 10.0 + FIRST_BOT_PAUSE


def test_floods_far_apart_and_remembered_freezes_do_not_stop_the_bot() -> None:
    pacing = SendScheduler()
    pacing.pause(1, 500.0)
    pacing.pause(2, 600.0)
    pacing.flooded(10.0, PRIVATE, 100)
    pacing.flooded(15.1, OTHER, 100)
    assert pacing.ready_at(15.1, 9, private=True) == 15.1
    assert pacing.ready_at(15.1, 1, private=True) == 500.0


def test_a_flood_holds_back_what_was_booked_before_it() -> None:
    pacing = SendScheduler()
    start = pacing.reserve(10.0, PRIVATE, private=True, movable=True)
    pacing.flooded(10.0, PRIVATE, 7)
    assert pacing.confirm(10.0, PRIVATE, True, start) == 17.0
    assert pacing.confirm(17.0, PRIVATE, True, 17.0) == 17.0


def test_a_slot_that_a_flood_sets_free_is_used() -> None:
    pacing = SendScheduler(Limits(per_second=1, margin=0))
    for chat_id in (1, 2, 3, 4):
        assert pacing.reserve(0.0, chat_id, private=True, movable=True) == chat_id - 1
    pacing.flooded(1.0, 2, 100)
    assert pacing.confirm(1.0, 2, True, 1.0) == 101.0
    assert pacing.reserve(1.0, 99, private=True) == 1.0

"""Floods: each stops its chat for as long as it says, and many at once stop the bot."""

import pytest

from bot.rate_limit.scheduler import FIRST_BOT_PAUSE, Limits, SendScheduler, SlotRequest
from tests.rate_limit.process_model import GROUP, OTHER, PRIVATE, Sender


def ask(scheduler: SendScheduler, now: float, chat_id: int) -> SlotRequest:
    request = SlotRequest(chat_id, private=chat_id > 0)
    scheduler.enqueue(now, request)
    return request


def test_a_flood_stops_its_chat_for_exactly_as_long_as_it_says() -> None:
    scheduler = SendScheduler()
    scheduler.pauses.flooded(10.0, PRIVATE, 234)
    flooded, other = ask(scheduler, 10.0, PRIVATE), ask(scheduler, 10.0, OTHER)
    assert scheduler.grant(10.1) == [other]
    assert scheduler.next_at(10.1) == 244.0
    assert scheduler.grant(244.0) == [flooded]


def test_a_pause_that_is_over_is_forgotten() -> None:
    scheduler = SendScheduler()
    scheduler.pauses.pause(PRIVATE, 11.0)  # as a process of several does, which counts no floods itself
    assert scheduler.ready_at(10.0, PRIVATE, private=True) == 11.0
    assert scheduler.ready_at(11.0, PRIVATE, private=True) == 11.0
    assert not scheduler.pauses._chats


def test_floods_of_two_chats_pause_the_bot_until_a_probe_is_accepted() -> None:
    scheduler = SendScheduler()
    scheduler.pauses.flooded(10.0, PRIVATE, 30)
    scheduler.pauses.flooded(11.0, PRIVATE, 40)
    assert scheduler.ready_at(11.0, OTHER, private=True) == 11.0
    scheduler.pauses.flooded(12.0, GROUP, 3600)
    probe_at = 12.0 + FIRST_BOT_PAUSE
    assert scheduler.ready_at(12.0, OTHER, private=True) == probe_at
    probe, _waiting = ask(scheduler, 12.0, OTHER), ask(scheduler, 12.0, 9)
    scheduler.grant(12.0)
    assert scheduler.grant(probe_at) == [probe], "one probe at a time"
    scheduler.pauses.accept(probe_at + 0.1, OTHER)
    assert scheduler.ready_at(probe_at + 0.1, 10, private=True) == probe_at + 0.1
    assert scheduler.ready_at(probe_at + 0.1, GROUP, private=False) == 12.0 + 3600


def test_two_slow_chats_among_others_that_are_accepted_pause_only_themselves() -> None:
    scheduler = SendScheduler()
    assert not scheduler.pauses.flooded(10.0, 1, 3600)
    for chat_id in (3, 4, 5):
        scheduler.pauses.accept(10.1, chat_id)
    assert not scheduler.pauses.flooded(10.2, 2, 46)
    assert scheduler.ready_at(10.2, 6, private=True) == 10.2


def test_a_refused_probe_doubles_the_pause() -> None:
    scheduler, now = SendScheduler(), 10.0
    for chat_id in (1, 2):
        scheduler.pauses.flooded(now, chat_id, 3600)
    pauses = []
    for chat_id in range(3, 9):
        again = scheduler.ready_at(now, chat_id, private=True)
        pauses.append(again - now)
        now = again
        probe = ask(scheduler, now, chat_id)
        assert scheduler.grant(now) == [probe]
        assert scheduler.pauses.flooded(now, chat_id, 3600)
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


@pytest.mark.parametrize(
    ("per_second", "crowd"), [(None, 2), (1, 2), (30, 2), (60, 2), (300, 10), (1000, 33)]
)
def test_the_faster_a_bot_may_be_the_more_floods_it_takes_to_stop_it(
    per_second: float | None, crowd: int
) -> None:
    """One slow chat in ten thousand must not cost a paid rate half of its messages."""
    scheduler = SendScheduler(Limits(per_second=per_second))
    for chat_id in range(1, crowd):
        assert not scheduler.pauses.flooded(10.0, chat_id, 5)
        assert scheduler.ready_at(10.0, 999, private=True) == 10.0
    assert scheduler.pauses.flooded(10.0, crowd, 5)
    assert scheduler.ready_at(10.0, 999, private=True) == 10.0 + FIRST_BOT_PAUSE


def test_floods_far_apart_and_stored_pauses_do_not_stop_the_bot() -> None:
    scheduler = SendScheduler()
    scheduler.pauses.pause(1, 500.0)
    scheduler.pauses.pause(2, 600.0)
    scheduler.pauses.flooded(10.0, PRIVATE, 100)
    scheduler.pauses.flooded(15.1, OTHER, 100)
    assert scheduler.ready_at(15.1, 9, private=True) == 15.1
    assert scheduler.ready_at(15.1, 1, private=True) == 500.0


def test_a_flood_holds_back_what_waited_before_it() -> None:
    scheduler = SendScheduler()
    waiting = ask(scheduler, 10.0, PRIVATE)
    scheduler.pauses.flooded(10.0, PRIVATE, 7)
    assert scheduler.grant(10.0) == []
    assert scheduler.next_at(10.0) == 17.0
    assert scheduler.grant(17.0) == [waiting]


def test_a_slot_that_a_flood_sets_free_is_used() -> None:
    scheduler = SendScheduler(Limits(per_second=1, margin=0))
    first, _flooded, third = (ask(scheduler, 0.0, chat_id) for chat_id in (1, 2, 3))
    assert scheduler.grant(0.0) == [first]
    scheduler.pauses.flooded(0.5, 2, 100)
    assert scheduler.grant(1.0) == [third]


def test_a_paid_rate_keeps_a_small_margin_until_the_bot_is_flooded() -> None:
    """Else one part in forty of what is paid for would lie idle; and a server that is stricter is obeyed."""

    def seconds_of_2000(scheduler: SendScheduler, now: float) -> float:
        sender = Sender(scheduler, now=now)
        for chat_id in range(100, 2100):
            sender.push(chat_id)
        sender.advance(5.0)
        assert len(sender.times()) == 2000
        return sender.times()[-1] - sender.times()[0]

    scheduler = SendScheduler(Limits(per_second=1000))
    assert seconds_of_2000(scheduler, 0.0) == pytest.approx(1.5 * 1.005, abs=0.02)
    scheduler.flooded(10.0, PRIVATE, 1)
    assert seconds_of_2000(scheduler, 20.0) == pytest.approx(1.5 * 1.005, abs=0.02)
    for chat_id in range(1, 34):
        scheduler.flooded(30.0, chat_id, 1)
    scheduler.pauses.accept(33.0, 999)
    assert seconds_of_2000(scheduler, 40.0) == pytest.approx(1.5 * 1.025, abs=0.02)

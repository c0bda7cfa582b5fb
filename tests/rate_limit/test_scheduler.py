"""The send scheduler: as much leaves as the limits allow, evenly, and an answer before the pushes."""

import sys
from itertools import pairwise

import pytest

from bot.rate_limit.scheduler import Limits, SendScheduler, SlotRequest
from tests.rate_limit.process_model import GROUP, OTHER, PRIVATE, Sender, most_within


def test_a_group_gets_nearly_all_of_its_messages_and_a_private_chat_one_a_second() -> None:
    for chat_id, allowed in ((GROUP, 20 / 60), (PRIVATE, 1.0)):
        sender = Sender(SendScheduler())
        for _ in range(700):
            sender.push(chat_id)
        sender.advance(600.0)
        assert len(sender.times()) >= 0.97 * 600 * allowed
        assert most_within(sender.times(), 60.0) <= (20 if chat_id == GROUP else 60)


def test_pushes_leave_evenly_after_a_rest() -> None:
    sender = Sender(SendScheduler())
    for chat_id in range(1, 40):
        sender.push(chat_id)
    sender.advance(10.0)
    starts = sender.times()
    assert starts[0] == 1000.0
    assert min(later - earlier for earlier, later in pairwise(starts)) > 0.03
    assert starts[29] < 1001.0


def test_pushes_at_a_paid_rate_leave_in_small_groups() -> None:
    sender = Sender(SendScheduler(Limits(per_second=1000)))
    for chat_id in range(1, 1001):
        sender.push(chat_id)
    sender.advance(2.0)
    assert 10 <= most_within(sender.times(), 0.005) <= 20
    assert len(set(sender.times())) <= 120
    assert sender.times()[-1] <= 1001.0


def test_an_answer_goes_before_the_pushes() -> None:
    sender = Sender(SendScheduler())
    for chat_id in range(100, 145):
        sender.push(chat_id)
    sender.advance(1.05)
    asked = sender.now
    for chat_id in (1, 2, 3):
        sender.reply(chat_id)
    sender.advance(60)
    assert max(sender.times(1) + sender.times(2) + sender.times(3)) - asked < 0.15
    assert len(sender.times()) == 48
    assert most_within(sender.times(), 1.0) <= 30


def test_an_answer_waits_only_for_its_own_chat() -> None:
    sender = Sender(SendScheduler())
    sender.push(PRIVATE)
    sender.advance(0.1)
    sender.reply(OTHER)
    sender.reply(PRIVATE)
    sender.advance(5.0)
    assert sender.times(OTHER) == [pytest.approx(1000.1)]
    assert sender.times(PRIVATE) == [1000.0, pytest.approx(1001.025)]


def test_answers_of_one_chat_keep_their_order() -> None:
    scheduler, now = SendScheduler(), 0.0
    asked = [SlotRequest(PRIVATE, private=True, interactive=True) for _ in range(5)]
    granted: list[SlotRequest] = []
    for request in asked:
        scheduler.enqueue(now, request)
        granted += scheduler.grant(now)
    for _ in range(10):
        now = scheduler.next_at(now)
        granted += scheduler.grant(now) if now < 100 else []
    assert granted == asked


@pytest.mark.parametrize("rate", [0.4, 3, 30, 1000])
@pytest.mark.parametrize("before", [0, 10, 40])
def test_the_budget_is_what_can_start(rate: float, before: int) -> None:
    for wait, within in ((0.0, 0.5), (0.7, 0.2), (1.5, 0.9)):
        sender = Sender(SendScheduler(Limits(per_second=rate)))
        for chat_id in range(1, before + 1):
            sender.push(chat_id)
        sender.advance(wait)
        budget = sender.scheduler.budget(sender.now, within)
        asked, already = sender.now, len(sender.times())
        waiting = before - already - sender.unsent
        for index in range(budget + 3):
            sender.push(1000 + index)
        sender.advance(100.0 + before / rate)
        possible = sum(at <= asked + within for at in sender.times()[already:]) - waiting
        together = 0.01 * rate
        assert possible - 3 - together <= budget <= max(0, possible) + 2 + 0.05 * rate


def test_without_a_rate_only_the_chats_count() -> None:
    sender = Sender(SendScheduler(Limits(per_second=None)))
    assert sender.scheduler.budget(1000.0, 0.1) == sys.maxsize
    for chat_id in (*range(1, 5000), 1):
        sender.push(chat_id)
    assert sender.unsent == 4999
    sender.advance(5.0)
    assert sender.times(1) == [1000.0, pytest.approx(1001.025)]


def test_without_any_limit_everything_starts_at_once() -> None:
    scheduler = SendScheduler(Limits(per_second=None, private_gap=0.0))
    requests = [SlotRequest(PRIVATE, private=True) for _ in range(3)]
    for request in requests:
        scheduler.enqueue(5.0, request)
    assert scheduler.grant(5.0) == requests
    assert scheduler.is_counted(50.0, requests[0])


def test_a_share_is_used_until_it_ends() -> None:
    sender = Sender(SendScheduler())
    sender.scheduler.set_share(10, 1002.0)
    for chat_id in range(1, 100):
        sender.push(chat_id)
    sender.advance(60.0)
    assert most_within(sender.times(), 1.0) <= 10
    assert 18 <= len(sender.times()) <= 20
    assert sender.scheduler.budget(sender.now, 0.5) == 0
    assert not sender.scheduler.is_counted(sender.now, sender.reply(200)), (
        "what is asked at the wire waits too"
    )


def test_what_was_granted_by_a_larger_share_is_not_sent_by_a_smaller_one() -> None:
    """The rest may be another process's one window later, however late these would be written."""
    sender = Sender(SendScheduler(), to_wire=lambda: 0.9)
    sender.scheduler.set_share(30, 2000.0)
    for chat_id in range(1, 31):
        sender.reply(chat_id)
    sender.advance(0.1)
    sender.scheduler.set_share(10, 2000.0)
    sender.advance(30.0)
    assert len(sender.times()) == 30
    assert most_within(sender.times(), 1.0) <= 10


def test_a_withdrawn_request_leaves_its_room_to_the_next() -> None:
    scheduler = SendScheduler(Limits(per_second=1))
    first, second, third = (SlotRequest(chat_id, private=True) for chat_id in (1, 2, 3))
    for request in (first, second, third):
        scheduler.enqueue(0.0, request)
    assert scheduler.grant(0.0) == [first]
    scheduler.withdraw(second)
    scheduler.withdraw(first)
    assert scheduler.ready_at(0.0, 1, private=True) == 0.0
    assert scheduler.grant(1.1) == [third]

"""The pacing: as much leaves as the limits allow, evenly, and an answer before the pushes."""

import sys
from itertools import pairwise

import pytest

from bot.rate_limit.limits import Limits
from bot.rate_limit.scheduler import SendScheduler
from tests.rate_limit.process_model import GROUP, OTHER, PRIVATE, Sender, most_within, private


def test_a_group_gets_nearly_all_of_its_messages_and_a_private_chat_one_a_second() -> None:
    for chat_id, allowed in ((GROUP, 20 / 60), (PRIVATE, 1.0)):
        pacing, now, starts = SendScheduler(), 0.0, []
        while now < 600:
            now = pacing.reserve(now, chat_id, private(chat_id))
            starts.append(now)
        assert len(starts) >= 0.97 * 600 * allowed
        assert most_within(starts, 60.0) <= (20 if chat_id == GROUP else 60)


def test_pushes_leave_evenly_after_a_rest() -> None:
    pacing = SendScheduler()
    starts = [pacing.reserve(0.0, chat_id, private=True) for chat_id in range(1, 40)]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert starts[0] == 0.0
    assert min(gaps) > 0.03 * 0.9
    assert starts[29] < 1.0


def test_pushes_at_a_paid_rate_leave_in_small_groups() -> None:
    pacing = SendScheduler(Limits(per_second=1000))
    starts = [pacing.reserve(0.0, chat_id, private=True) for chat_id in range(1, 1001)]
    assert most_within(starts, 0.005) == 10
    assert starts[-1] < 0.7


def test_an_answer_takes_the_slot_of_a_push_that_then_goes_later() -> None:
    sender = Sender(SendScheduler())
    for chat_id in range(100, 145):
        sender.push(chat_id)
    sender.advance(1.05)
    waits = [sender.reply(chat_id) for chat_id in (1, 2, 3)]
    assert max(waits) < 0.15
    sender.advance(60)
    assert len(sender.times()) == 48
    assert most_within(sender.times(), 1.0) == 30


def test_an_answer_waits_only_for_its_own_chat() -> None:
    pacing = SendScheduler()
    assert pacing.reserve(0.0, PRIVATE, private=True) == 0.0
    assert pacing.reserve(0.1, OTHER, private=True, interactive=True) == 0.1
    assert pacing.reserve(0.2, PRIVATE, private=True, interactive=True) == pytest.approx(1.025)


@pytest.mark.parametrize("rate", [0.4, 3, 30, 1000])
@pytest.mark.parametrize("booked", [0, 10, 40])
def test_the_budget_is_what_can_be_booked(rate: float, booked: int) -> None:
    pacing = SendScheduler(Limits(per_second=rate))
    for chat_id in range(1, booked + 1):
        pacing.reserve(0.0, chat_id, private=True)
    for now, within in ((0.0, 0.5), (0.7, 0.2), (1.5, 0.9)):
        budget = pacing.budget(now, within)
        trial = SendScheduler(Limits(per_second=rate))
        for chat_id in range(1, booked + 1):
            trial.reserve(0.0, chat_id, private=True)
        starts = [trial.reserve(now, 1000 + index, private=True) for index in range(budget + 3)]
        possible = sum(start <= now + within for start in starts)
        assert possible - 2 <= budget <= possible + 2


def test_without_a_rate_only_the_chats_count() -> None:
    pacing = SendScheduler(Limits(per_second=None))
    assert pacing.budget(0.0, 0.1) == sys.maxsize
    assert {pacing.reserve(0.0, chat_id, private=True) for chat_id in range(1, 5000)} == {0.0}
    assert pacing.reserve(0.0, 1, private=True) == pytest.approx(1.025)

"""Slots: so many tries at a time, the rest in order, and a stop that leaves the rest."""

import asyncio
from dataclasses import replace

from bot.delivery.task_pool import SPARE, TaskPool
from bot.rate_limit import ClaimedDelivery
from storage.clock import SystemClock
from storage.model import ChatKind, Delivery, DeliveryId, DeliveryKind, Destination, DestinationId, Standing


def claims(count: int) -> list[ClaimedDelivery]:
    to = Destination(
        id=DestinationId(1),
        chat_id=1,
        thread_id=None,
        kind=ChatKind.PRIVATE,
        title="",
        standing=Standing.ACTIVE,
        reason=None,
    )
    one = Delivery(
        id=DeliveryId(0),
        kind=DeliveryKind.POST,
        destination=to,
        post_ids=(),
        text=None,
        token="t",
        attempts=1,
        unsure=0,
    )
    return [ClaimedDelivery(replace(one, id=DeliveryId(number)), at=float(number)) for number in range(count)]


class StoppedClock(SystemClock):
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class Desk:
    """Serves one claim a tick, and remembers whom and how many at a time."""

    def __init__(self, most: int) -> None:
        self.begun: list[int] = []
        self.clock = StoppedClock()
        self.at_once = self.highest = 0
        self.open = True
        self.slots = TaskPool(most, self.serve, lambda: self.open, self.clock)

    async def serve(self, claimed: ClaimedDelivery) -> None:
        self.begun.append(claimed.delivery.id)
        self.at_once += 1
        self.highest = max(self.highest, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1


async def test_what_has_no_slot_follows_in_its_order() -> None:
    desk = Desk(3)
    desk.slots.fill(claims(10))
    assert (desk.slots.busy, desk.slots.waiting, desk.slots.oldest) == (3, 7, 3.0)
    assert await desk.slots.wait(1) == 0
    assert desk.begun == list(range(10))
    assert (desk.highest, desk.slots.waiting) == (3, 0)


async def test_as_many_are_claimed_ahead_as_end_in_a_second() -> None:
    desk = Desk(2)
    assert desk.slots.room == 2
    desk.slots.fill(claims(2))
    assert desk.slots.room == 0, "none before the first has ended"
    await desk.slots.wait(1)
    assert desk.slots.room == 2 + 2
    desk.slots.fill(claims(20))
    await desk.slots.wait(1)
    assert desk.slots.room == 2 + round(SPARE * 2)
    desk.clock.seconds += 3
    assert desk.slots.room == 2 + 1, "behind slow answers few are claimed"


async def test_who_claims_hears_when_half_of_what_may_wait_is_left() -> None:
    desk = Desk(2)
    desk.slots.fill(claims(8))
    assert (desk.slots.plenty, desk.slots.room) == (True, -6)
    assert await desk.slots.run_low(within=1)
    assert not desk.slots.plenty
    assert 0 < desk.slots.waiting <= 3


async def test_who_claims_does_not_wait_for_ever() -> None:
    desk = Desk(2)
    desk.open = False
    desk.slots.fill(claims(8))
    assert not await desk.slots.run_low(within=0.01)
    assert (desk.slots.plenty, desk.slots.waiting) == (True, 6)


async def test_what_waits_when_all_must_stop_is_taken_back() -> None:
    desk = Desk(2)
    desk.slots.fill(claims(5))
    desk.open = False
    await desk.slots.wait(1)
    assert desk.begun == [0, 1]
    assert [claimed.delivery.id for claimed in desk.slots.take_back()] == [2, 3, 4]
    assert desk.slots.waiting == 0

"""Rate limiter of several processes: starts are reserved in the transaction that claims.

The rows decide; each process waits for its start by its own clock and makes no request that would be late or
whose claim may belong to another process.
"""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from bot.clock import Clock
from bot.leases import LeaseHolder
from bot.ops.metrics import Extent, Metrics
from bot.rate_limit import ClaimedDelivery, Postponed
from bot.rate_limit.limits import Limits
from bot.rate_limit.reservations import (
    Reservation,
    ReservationBatcher,
    ReservationRequest,
    ReservedSlot,
    later,
    stretched,
    update_lead_time,
)
from bot.rate_limit.scheduler import FIRST_BOT_PAUSE, FLOODS_TOGETHER
from bot.telegram.http_request import SendGate
from storage.database import Database, Transaction
from storage.model import ChatKind, Delivery, State, settlement_of
from storage.rate_limits import RateLimitRow, instant, seconds

log = logging.getLogger(__name__)

FAR_SECONDS = 0.6  # a chat that is ready later than this returns its claim
PUSH_LEAD = 0.06  # initial estimate of the seconds to commit a claim and render its message
MARK_SECONDS = 0.02  # before its start, to record that the request begins
WIDER = 2.0  # times the margin of one process: several send less evenly


class SharedRateLimiter:
    """`pulse` is this process's lease: its claims end with it, and without it nothing is sent."""

    ahead = 0.25
    linger = 0.03
    spare = 0.0  # a claim's start is reserved with it, and must not be missed for lack of a slot

    def __init__(
        self,
        database: Database,
        limits: Limits,
        clock: Clock,
        pulse: LeaseHolder,
        metrics: Metrics,
        *,
        on_unsure: Literal["resend", "skip"] = "resend",
    ) -> None:
        self._database = database
        margin = WIDER * limits.margin
        self._limits = replace(limits, margin=margin, paid_margin=margin)
        self._clock = clock
        self._pulse = pulse
        self._metrics = metrics
        self._on_unsure = on_unsure
        self._reservations = ReservationBatcher(database, self._limits, clock, slack=limits.slack)
        self._push_lead = PUSH_LEAD
        self._accepted: deque[tuple[float, int]] = deque()

    async def start(self) -> None:
        """Do nothing: the rows hold all state."""

    def budget(self) -> int:
        if not self._pulse.is_held():
            return 0
        # The others have booked meanwhile, so it is at most this; the rows decide.
        now = self._reservations.now()
        return 1 if now is None else self._reservations.last.budget(now + self._push_lead, self.ahead)

    async def claim(
        self, tx: Transaction, slots: int, now: datetime, lease: timedelta
    ) -> Sequence[ClaimedDelivery]:
        owner, at, lead = self._pulse.token, self._clock.monotonic(), self._push_lead
        locked = await self._reservations.open(tx)
        scheduler, there = locked.scheduler, locked.now
        slots = min(slots, scheduler.budget(there + lead, self.ahead))
        if not owner or not slots:
            return []
        claimed = await tx.outbox.claim(slots, now, lease, owner)
        if not claimed:
            return []
        await locked.recall(claimed_chats(claimed))
        kept, far = [], []
        for delivery in claimed:
            chat_id, private = _chat(delivery)
            ready = scheduler.ready_at(there, chat_id, private)
            if ready - there > lead + FAR_SECONDS:
                again = instant(ready)
                far.append(
                    settlement_of(
                        delivery,
                        State.PENDING,
                        reason="postponed by the chat's rate limit",
                        due_at=again,
                        counts=False,
                    )
                )
                continue
            start = scheduler.reserve(there, chat_id, private, lead=lead)
            booked = stretched(scheduler, chat_id, private, start)
            kept.append(ClaimedDelivery(delivery, at, booked.start, booked.until, owner, lead))
        await self._reservations.close(locked)
        if far:
            await tx.outbox.settle(far, now)
        return kept

    async def acquire(self, claimed: ClaimedDelivery) -> SendGate | Postponed:
        delivery, booked = claimed.delivery, Reservation(claimed.start, claimed.until)
        ready = self._reservations.now()
        assert ready is not None, "the claim has looked"
        self._push_lead = update_lead_time(self._push_lead, claimed.lead + ready - booked.start)
        if delivery.unsure or self._on_unsure == "skip":
            await self._reservations.until(booked.start - MARK_SECONDS)
            if not await self._mark(delivery):
                return Postponed(0.0)
        chat_id, private = _chat(delivery)
        request = ReservationRequest(chat_id=chat_id, private=private, within=FAR_SECONDS)
        slot = ReservedSlot(self._reservations, request, booked, lambda: self._is_ours(claimed))
        postponed = await slot.wait_for_slot()
        return slot if postponed is None else Postponed(postponed)

    def record_success(self, chat_id: int) -> None:
        now = self._clock.monotonic()
        self._accepted.append((now, chat_id))
        while self._accepted[0][0] <= now - FLOODS_TOGETHER:
            self._accepted.popleft()

    def pause_chat(self, chat_id: int, seconds: float) -> None:
        """Do nothing: `pause_chat_for_all` writes the pause with the outcome of the push."""

    async def pause_chat_for_all(self, tx: Transaction, chat_id: int, until: datetime, now: datetime) -> None:
        """Pause the chat, and the bot if several chats were flooded together, in the shared rows."""
        bot, _ = await tx.rate_limits.lock()
        known = (await tx.rate_limits.chats([chat_id])).get(chat_id, RateLimitRow(key=str(chat_id)))
        chat = replace(known, paused_until=later(known.paused_until, until), flooded_at=now)
        rows = [replace(chat, until=later(known.until, until))]
        others, together = await tx.rate_limits.flooded_since(
            now - timedelta(seconds=FLOODS_TOGETHER), but=chat_id
        )
        extent: Extent = "chat"
        accepted = len({each for _, each in self._accepted} - {chat_id})
        if together is not None and others + 1 >= self._limits.crowd and others + 1 > accepted:
            extent = "bot"
            paused = later(bot.paused_until, min(until, now + timedelta(seconds=FIRST_BOT_PAUSE)))
            rows.append(replace(bot, paused_until=paused))
            self._reservations.last.pause_bot(seconds(paused))
        await tx.rate_limits.write(rows)
        self._metrics.flooded(extent)

    async def acquire_for_answer(self, chat_id: int, private: bool, longest: float) -> SendGate | None:
        request = ReservationRequest(chat_id=chat_id, private=private, interactive=True, within=longest)
        slot = ReservedSlot(self._reservations, request, await self._reservations.reserve(request))
        if not slot.booked.kept or await slot.wait_for_slot() is not None:
            return None
        return slot

    async def pause_chat_after_answer(self, chat_id: int, seconds: float) -> None:
        async def unit(tx: Transaction) -> None:
            now = await tx.now(self._clock.now())
            await self.pause_chat_for_all(tx, chat_id, now + timedelta(seconds=seconds), now)

        await self._database.write(unit, exclusive=False)

    async def _mark(self, delivery: Delivery) -> bool:
        return await self._database.write(
            lambda tx: tx.outbox.begin(delivery.id, delivery.token), exclusive=False
        )

    def _is_ours(self, claimed: ClaimedDelivery) -> bool:
        """Return whether the claim cannot belong to another process, however long this one was suspended."""
        return self._pulse.is_held() and self._pulse.token == claimed.owner


def claimed_chats(claimed: Sequence[Delivery]) -> dict[int, bool]:
    """Return the chats of these deliveries, each with whether it is private."""
    return dict(_chat(delivery) for delivery in claimed)


def _chat(delivery: Delivery) -> tuple[int, bool]:
    return delivery.destination.chat_id, delivery.destination.kind is ChatKind.PRIVATE

"""Rate limiter of a single process: slots are reserved in memory when a request is ready."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.ops.metrics import Metrics
from bot.rate_limit import ClaimedDelivery, Postponed
from bot.rate_limit.scheduler import SendScheduler
from bot.telegram.http_request import SendGate
from storage.database import Database, Transaction
from storage.model import ChatKind

FAR_SECONDS = 1.5  # a chat that is not ready for longer than this gives its claim back


@dataclass(slots=True)
class _ScheduledSlot:
    """A reserved slot, confirmed before the request and checked again at its first byte."""

    scheduler: SendScheduler
    clock: Clock
    chat_id: int
    private: bool
    at: float

    async def confirm(self) -> None:
        """Wait until the request may start."""
        now = self.clock.monotonic()
        while True:
            if self.at > now:
                await asyncio.sleep(self.at - now)
                now = self.clock.monotonic()
            self.at = self.scheduler.confirm(now, self.chat_id, self.private, self.at)
            if self.at <= now:
                return

    async def acquire(self) -> None:
        now = self.clock.monotonic()
        self.at = self.scheduler.acquire(now, self.chat_id, self.private, self.at)
        if self.at > now:
            await self.confirm()

    def mark_sent(self) -> None:
        self.at = self.scheduler.mark_sent(self.clock.monotonic(), self.chat_id, self.private, self.at)


class InProcessRateLimiter:
    ahead = 0.5
    linger = 0.008
    spare = 3.0

    def __init__(self, database: Database, scheduler: SendScheduler, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._scheduler = scheduler
        self._clock = clock
        self._metrics = metrics

    async def start(self) -> None:
        now = self._clock.now()
        for chat_id, until in (await self._database.read(lambda tx: tx.destinations.frozen(now))).items():
            self._scheduler.pause(chat_id, self._clock.monotonic() + (until - now).total_seconds())

    def budget(self) -> int:
        return self._scheduler.budget(self._clock.monotonic(), self.ahead)

    async def claim(
        self, tx: Transaction, slots: int, now: datetime, lease: timedelta
    ) -> Sequence[ClaimedDelivery]:
        at = self._clock.monotonic()
        return [ClaimedDelivery(delivery, at) for delivery in await tx.outbox.claim(slots, now, lease)]

    async def acquire(self, claimed: ClaimedDelivery) -> SendGate | Postponed:
        to = claimed.delivery.destination
        chat_id, private = to.chat_id, to.kind is ChatKind.PRIVATE
        now = self._clock.monotonic()
        ready = self._scheduler.ready_at(now, chat_id, private)
        if ready - now > FAR_SECONDS:
            return Postponed(ready - now)
        return await self._confirmed(
            chat_id, private, self._scheduler.reserve(now, chat_id, private, movable=True)
        )

    def record_success(self, chat_id: int) -> None:
        self._scheduler.accept(self._clock.monotonic(), chat_id)

    def pause_chat(self, chat_id: int, seconds: float) -> None:
        whole = self._scheduler.flooded(self._clock.monotonic(), chat_id, seconds)
        self._metrics.flooded("bot" if whole else "chat")

    async def pause_chat_for_all(self, tx: Transaction, chat_id: int, until: datetime, now: datetime) -> None:
        """Do nothing: there is no other process."""

    async def acquire_for_answer(self, chat_id: int, private: bool, longest: float) -> SendGate | None:
        now = self._clock.monotonic()
        start = self._scheduler.reserve(now, chat_id, private, interactive=True)
        if start - now > longest:
            self._scheduler.take_back(chat_id, private, start)
            return None
        return await self._confirmed(chat_id, private, start)

    async def pause_chat_after_answer(self, chat_id: int, seconds: float) -> None:
        self.pause_chat(chat_id, seconds)

    async def _confirmed(self, chat_id: int, private: bool, start: float) -> SendGate:
        slot = _ScheduledSlot(self._scheduler, self._clock, chat_id, private, start)
        await slot.confirm()
        return slot

"""Rate limiter of a single process: requests wait in memory for their slots."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.ops.metrics import Metrics
from bot.rate_limit import ClaimedDelivery, Postponed
from bot.rate_limit.scheduler import SendScheduler, SlotRequest
from bot.telegram.http_request import SendGate, SlotExpiredError
from storage.clock import Clock
from storage.database import Database, Transaction
from storage.model import ChatKind, Delivery

AHEAD_SECONDS = 0.5  # how long before their start deliveries are claimed
FAR_SECONDS = 1.5  # a chat that is not ready for longer than this gives its claim back
LONGEST_WAIT = 10.0  # of a request at its first byte


class SlotQueue:
    """Waits for slots on the event loop: one timer for all requests."""

    def __init__(self, scheduler: SendScheduler, clock: Clock) -> None:
        self.scheduler = scheduler
        self._clock = clock
        self._granted: dict[SlotRequest, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf

    async def wait(self, request: SlotRequest, seconds: float) -> bool:
        """Wait up to `seconds` for the slot of `request`; return whether it was granted."""
        self.scheduler.enqueue(self._clock.monotonic(), request)
        self.dispatch()
        if request.start is not None:
            return True
        granted = self._granted[request] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await granted
        except BaseException as error:
            self.scheduler.withdraw(request)
            if isinstance(error, TimeoutError):
                return False
            raise
        finally:
            self._granted.pop(request, None)
        return True

    def dispatch(self) -> None:
        """Grant what may start now, and set the timer for the next."""
        now = self._clock.monotonic()
        for request in self.scheduler.grant(now):
            granted = self._granted.get(request)
            if granted is not None and not granted.done():
                granted.set_result(None)
        wakes_at = self.scheduler.next_at(now)
        if wakes_at < self._wakes_at:
            if self._timer is not None:
                self._timer.cancel()
            self._wakes_at = wakes_at
            self._timer = asyncio.get_running_loop().call_later(max(0.0, wakes_at - now), self._wake)

    def _wake(self) -> None:
        self._timer, self._wakes_at = None, math.inf
        self.dispatch()


@dataclass(slots=True)
class QueuedSlot:
    """A granted slot, checked again at the request's first byte; `is_valid` is a further condition."""

    queue: SlotQueue
    request: SlotRequest
    clock: Clock
    is_valid: Callable[[], bool] = lambda: True
    sent: Callable[[SlotRequest], None] = lambda _: None

    async def acquire(self) -> None:
        scheduler, request = self.queue.scheduler, self.request
        while self.is_valid():
            if scheduler.is_counted(self.clock.monotonic(), request):
                return
            scheduler.withdraw(request)
            if not await self.queue.wait(request, LONGEST_WAIT):
                break
        scheduler.withdraw(request)
        raise SlotExpiredError("its slot has passed")

    def mark_sent(self) -> None:
        self.queue.scheduler.mark_sent(self.clock.monotonic(), self.request)
        self.sent(self.request)


class RateLimiter:
    """Sending rate of the bot and of each chat; all times are seconds.

    Several processes share one by `SharedRateLimiter`.
    """

    linger = 0.008  # how long results gather before they are settled in one batch
    gather = 0.15  # the same while enough claims wait
    longest_wait = 10.0  # of a push for the bot's window

    def __init__(self, database: Database, scheduler: SendScheduler, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._scheduler = scheduler
        self._clock = clock
        self._metrics = metrics
        self._queue = SlotQueue(scheduler, clock)
        self.answered_at = -math.inf  # when Telegram accepted a message last

    async def start(self) -> None:
        """Load the pauses of an earlier run."""
        now = self._clock.now()
        for chat_id, until in (await self._database.read(lambda tx: tx.destinations.frozen(now))).items():
            self._scheduler.pauses.pause(chat_id, self._clock.monotonic() + (until - now).total_seconds())

    async def run(self) -> None:
        """Renew this process's share of the rate until cancelled; alone it has all of it."""

    def budget(self) -> int:
        """Return how many pushes could be claimed now."""
        return self._scheduler.budget(self._clock.monotonic(), AHEAD_SECONDS)

    async def claim(
        self, tx: Transaction, slots: int, now: datetime, lease: timedelta
    ) -> Sequence[ClaimedDelivery]:
        """Claim up to `slots` deliveries that may start soon."""
        at = self._clock.monotonic()
        return [ClaimedDelivery(delivery, at) for delivery in await tx.outbox.claim(slots, now, lease)]

    async def settle(self, tx: Transaction) -> None:
        """Write the starts that other processes must see, before their claims are settled."""

    async def committed(self, claimed: Sequence[ClaimedDelivery]) -> None:
        """Record that `settle` and `claim` are committed; load what others sent to the claims' chats."""

    async def acquire(self, claimed: ClaimedDelivery) -> SendGate | Postponed:
        """Wait for the slot of a claimed delivery."""
        granted = await self._granted(claimed)
        if isinstance(granted, Postponed):
            return granted
        return QueuedSlot(self._queue, granted, self._clock)

    async def _granted(self, claimed: ClaimedDelivery) -> SlotRequest | Postponed:
        request = request_of(claimed.delivery)
        now = self._clock.monotonic()
        ready = self._scheduler.ready_at(now, request.chat_id, request.private)
        if ready - now > FAR_SECONDS:
            return Postponed(ready - now)
        if not await self._queue.wait(request, self.longest_wait):
            return Postponed(0.0)
        return request

    def record_success(self, chat_id: int) -> None:
        """Record that Telegram accepted a message to this chat."""
        self.answered_at = self._clock.monotonic()
        self._scheduler.pauses.accept(self.answered_at, chat_id)

    def pause_chat(self, chat_id: int, seconds: float) -> None:
        """Pause a chat after a 429 to a push, or the whole bot if others were refused as well."""
        whole = self._scheduler.flooded(self._clock.monotonic(), chat_id, seconds)
        self._metrics.flooded("bot" if whole else "chat")

    async def pause_chat_for_all(self, tx: Transaction, chat_id: int, until: datetime, now: datetime) -> None:
        """Pause it for every process, in the transaction that settles the push."""

    async def acquire_for_answer(self, chat_id: int, private: bool, longest: float) -> SendGate | None:
        """Wait for the slot of an answer, ahead of pushes; None if it is more than `longest` away."""
        request = SlotRequest(chat_id, private, interactive=True)
        if not await self._wait_for_answer(request, longest):
            return None
        return QueuedSlot(self._queue, request, self._clock)

    async def _wait_for_answer(self, request: SlotRequest, longest: float) -> bool:
        now = self._clock.monotonic()
        ready = self._scheduler.ready_at(now, request.chat_id, request.private)
        if max(ready - now, self._scheduler.answers_take()) > longest:
            return False
        return await self._queue.wait(request, longest)

    async def pause_chat_after_answer(self, chat_id: int, seconds: float) -> None:
        """Pause a chat after a 429 to an answer."""
        self.pause_chat(chat_id, seconds)


def request_of(delivery: Delivery) -> SlotRequest:
    """Return the request for a slot of this delivery."""
    to = delivery.destination
    return SlotRequest(to.chat_id, to.kind is ChatKind.PRIVATE)

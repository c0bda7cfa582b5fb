"""Reservations of starts in the rows that processes share, one transaction for all that wait."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from bot.clock import Clock
from bot.rate_limit.limits import Limits
from bot.rate_limit.scheduler import FlexibleSendScheduler
from bot.supervisor import BackgroundTasks
from bot.telegram.http_request import SlotExpiredError
from storage.database import Database, Transaction
from storage.rate_limits import RateLimitRow, as_stored, instant, seconds

SKEWED_SECONDS = 300.0  # no reservation is so far ahead: such a start is from before the clock was set back
MINUTE = 60.0  # the longest window, without its margin


@dataclass(slots=True)
class LockedLimitRows:
    """Rate limit rows locked within one transaction; `now` is the database's time."""

    tx: Transaction
    scheduler: FlexibleSendScheduler
    bot: RateLimitRow
    now: float
    chats: dict[int, RateLimitRow] = field(default_factory=dict)

    async def recall(self, chats: Mapping[int, bool]) -> None:
        """Load the rows of these chats, each with whether it is private."""
        known = await self.tx.rate_limits.chats(chats)
        for chat_id, row in known.items():
            starts = (start for start in row.starts if start < self.now + SKEWED_SECONDS)
            self.scheduler.recall_chat(chat_id, chats[chat_id], starts)
            if row.paused_until is not None:
                self.scheduler.pause(chat_id, seconds(row.paused_until))
        self.chats |= {chat_id: known.get(chat_id, RateLimitRow(key=str(chat_id))) for chat_id in chats}

    async def close(self) -> None:
        """Write the reserved starts."""
        rows = [replace(self.bot, starts=self.scheduler.starts)]
        for chat_id, row in self.chats.items():
            starts = self.scheduler.starts_of(chat_id)
            until = instant(starts[-1] + 2 * MINUTE) if starts else row.until
            rows.append(replace(row, starts=starts, until=later(until, row.paused_until)))
        await self.tx.rate_limits.write(rows)


async def lock_limit_rows(tx: Transaction, limits: Limits, given: datetime) -> LockedLimitRows:
    """Lock the rows. `given` is the time for a database without other processes."""
    bot, at = await tx.rate_limits.lock(given)
    now = seconds(at)
    scheduler = FlexibleSendScheduler(limits)
    scheduler.recall(start for start in bot.starts if start < now + SKEWED_SECONDS)
    if bot.paused_until is not None:
        scheduler.pause_bot(seconds(bot.paused_until))
    return LockedLimitRows(tx, scheduler, bot, now)


def later(one: datetime | None, other: datetime | None) -> datetime:
    """Return the later of two times, one of which may be None."""
    return max(at for at in (one, other) if at is not None)


LEAST, MOST = 0.01, 5.0  # seconds
_SPARE = 1.25
_FORGOTTEN = 0.02  # the fraction of an excess that each faster request removes


def update_lead_time(lead: float, needed: float) -> float:
    """Return the next lead time after `lead`, of which `needed` was used: up at once, down slowly."""
    wanted = _SPARE * needed
    return min(MOST, max(LEAST, wanted, lead + (wanted - lead) * _FORGOTTEN))


LOOKS = 16
OLD_SECONDS = 30.0  # after which clocks may have drifted


@dataclass(frozen=True, slots=True)
class _ClockReading:
    took: float
    ahead: float
    at: float


@dataclass(slots=True)
class ClockOffset:
    """Offset of the database's clock, estimated so that its time is never ahead of the true one."""

    _looks: deque[_ClockReading] = field(default_factory=lambda: deque(maxlen=LOOKS))

    def observe(self, before: float, after: float, there: float) -> None:
        """Record that the other clock showed `there` between own times `before` and `after`."""
        # Shown at the latest when the answer came: then the other clock is at least so far ahead.
        self._looks.append(_ClockReading(after - before, there - after, after))

    def now(self, own: float) -> float | None:
        """Return the other clock's time at `own`; None before the first observation."""
        return None if not self._looks else own + self._ahead()

    def here(self, there: float) -> float:
        """Return the own time at which the other clock shows `there`; only after an observation."""
        return there - self._ahead()

    def _ahead(self) -> float:
        newest = self._looks[-1].at
        fresh = (look for look in self._looks if newest - look.at <= OLD_SECONDS)
        return min(fresh, key=lambda look: look.took).ahead


LEAD = 0.01  # initial estimate of the seconds to commit a reservation
LATE_SECONDS = 0.5  # by which a start may be late if there is room
TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRequest:
    """Request for one start, perhaps in place of an earlier one that has passed.

    A start more than `within` seconds after the earliest possible one is not reserved, only reported.
    """

    chat_id: int
    private: bool
    interactive: bool = False
    instead_of: "Reservation | None" = None
    within: float = math.inf


@dataclass(frozen=True, slots=True)
class Reservation:
    """First and last moment of a start in seconds since 1970; reserved if `kept`."""

    start: float
    until: float
    kept: bool = True


_Waiting = tuple[ReservationRequest, asyncio.Future[Reservation]]


class ReservationBatcher:
    """Reserves starts for all waiting requests of one process in one transaction.

    Any start may be late by `slack` seconds.
    """

    def __init__(self, database: Database, limits: Limits, clock: Clock, *, slack: float) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock
        self._slack = slack
        self._there = ClockOffset()
        self.last = FlexibleSendScheduler(limits)
        self._lead = LEAD
        self._left: list[tuple[Reservation, float]] = []
        self._told = 0  # of these, by the transaction that books
        self._requests: list[_Waiting] = []
        self._booking = BackgroundTasks()
        self._is_booking = False

    def now(self) -> float | None:
        """Return the database's time; None before the first observation."""
        return self._there.now(self._clock.monotonic())

    async def until(self, start: float) -> None:
        """Wait until the database's time is `start`."""
        wait = self._there.here(start) - self._clock.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)

    def may_send(self, booked: Reservation, now: float) -> bool:
        """Return whether a request sent now keeps to its reservation and the bot is not paused."""
        return self.last.bot_paused_until <= now <= max(booked.until, booked.start + self._slack)

    def mark_sent(self, booked: Reservation) -> None:
        """Release the room that the request no longer needs: it is sent now."""
        if booked.until > booked.start and (now := self.now()) is not None:
            self._left.append((booked, now))

    async def reserve(self, request: ReservationRequest) -> Reservation:
        """Reserve one start, in one transaction with all concurrent calls."""
        booked: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self._requests.append((request, booked))
        if not self._is_booking:
            self._is_booking = True
            self._booking.start(self._book_all())
        return await booked

    async def _book_all(self) -> None:
        while True:
            waiting, self._requests = self._requests, []
            if not waiting:
                self._is_booking = False  # no await in between: no request can have been added
                return
            requests = [request for request, _ in waiting]
            try:
                asked, booked = await self._database.write(partial(self._booked, requests), exclusive=False)
            except Exception as error:
                _resolve(waiting, lambda _, future, error=error: future.set_exception(error))  # type: ignore[misc]
            else:
                self._lead = update_lead_time(self._lead, self._clock.monotonic() - self._there.here(asked))
                _resolve(waiting, lambda at, future, booked=booked: future.set_result(booked[at]))  # type: ignore[misc]

    async def _booked(
        self, requests: Sequence[ReservationRequest], tx: Transaction
    ) -> tuple[float, dict[int, Reservation]]:
        """Return the time of the reservations and each one by its index in `wishes`."""
        locked = await self.open(tx)
        scheduler, now = locked.scheduler, locked.now
        await locked.recall({request.chat_id: request.private for request in requests})
        for request in requests:
            if (passed := request.instead_of) is not None:
                scheduler.take_back(request.chat_id, request.private, passed.start, passed.until)
        booked = {}
        for at, request in sorted(enumerate(requests), key=lambda each: not each[1].interactive):
            chat_id, private = request.chat_id, request.private
            start = scheduler.reserve(now, chat_id, private, interactive=request.interactive, lead=self._lead)
            if start - now <= self._lead + request.within:
                booked[at] = stretched(scheduler, chat_id, private, start)
            else:
                scheduler.take_back(chat_id, private, start)
                booked[at] = Reservation(start, start, kept=False)
        await self.close(locked)
        return now, booked

    async def open(self, tx: Transaction) -> LockedLimitRows:
        """Lock the rows and load what other processes reserved."""
        before = self._clock.monotonic()
        locked = await lock_limit_rows(tx, self._limits, self._clock.now())
        self._there.observe(before, self._clock.monotonic(), locked.now)
        self.last = locked.scheduler
        self._told = len(self._left)
        for booked, left in self._left:
            at = booked.start if left <= booked.start + self._slack else as_stored(left)
            locked.scheduler.unstretch(booked.start, booked.until, at)
        return locked

    async def close(self, locked: LockedLimitRows) -> None:
        """Write reservations and actual send times; after a rollback too much stays reserved."""
        del self._left[: self._told]
        await locked.close()


@dataclass(slots=True)
class ReservedSlot:
    """A reserved slot, checked again at the request's first byte.

    `ours` returns whether this process may still make the request.
    """

    reservations: ReservationBatcher
    request: ReservationRequest
    booked: Reservation
    ours: Callable[[], bool] = lambda: True

    async def wait_for_slot(self) -> float | None:
        """Wait for the slot and return None, or the seconds after which the request may ask again."""
        for _ in range(TRIES):
            await self.reservations.until(self.booked.start)
            if not self.ours():
                return 0.0
            now = self.reservations.now()
            assert now is not None, "a booking has looked"
            if self.reservations.may_send(self.booked, now):
                return None
            self.booked = await self.reservations.reserve(replace(self.request, instead_of=self.booked))
            if not self.booked.kept:
                return self.booked.start - now
        return 0.0

    async def acquire(self) -> None:
        if await self.wait_for_slot() is not None:
            raise SlotExpiredError("its slot has passed")

    def mark_sent(self) -> None:
        self.reservations.mark_sent(self.booked)


def stretched(scheduler: FlexibleSendScheduler, chat_id: int, private: bool, start: float) -> Reservation:
    """Return the reservation of `start` with as much tolerance as there is room for."""
    until = as_stored(start + LATE_SECONDS)
    wide = scheduler.stretch(chat_id, private, start, until)
    return Reservation(as_stored(start), until if wide else as_stored(start))


def _resolve(waiting: Sequence[_Waiting], say: Callable[[int, asyncio.Future[Reservation]], None]) -> None:
    """Resolve the futures that are not cancelled."""
    for at, (_, future) in enumerate(waiting):
        if not future.done():
            say(at, future)

"""Starts booked in the rows that several processes share: one transaction for all who ask at the same time.

Knows when a request may begin by what is booked, and asks again when that has passed; not what it is for.
"""

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
from storage.database import Database, Transaction
from storage.rate_limits import RateLimitRow, as_stored, instant, seconds

SKEWED_SECONDS = 300.0  # nothing is booked so far ahead: such a start is of a clock that was set back
MINUTE = 60.0  # longer than this no window looks back, its margin apart


@dataclass(slots=True)
class LockedLimitRows:
    """Open within one transaction, in which nobody else books; `now` is the time that the rows go by."""

    tx: Transaction
    pacing: FlexibleSendScheduler
    bot: RateLimitRow
    now: float
    chats: dict[int, RateLimitRow] = field(default_factory=dict)

    async def recall(self, chats: Mapping[int, bool]) -> None:
        """Let the pacing know these chats, each with whether it is private."""
        known = await self.tx.rate_limits.chats(chats)
        for chat_id, row in known.items():
            starts = (start for start in row.starts if start < self.now + SKEWED_SECONDS)
            self.pacing.recall_chat(chat_id, chats[chat_id], starts)
            if row.paused_until is not None:
                self.pacing.pause(chat_id, seconds(row.paused_until))
        self.chats |= {chat_id: known.get(chat_id, RateLimitRow(key=str(chat_id))) for chat_id in chats}

    async def close(self) -> None:
        """Write what was booked."""
        rows = [replace(self.bot, starts=self.pacing.starts)]
        for chat_id, row in self.chats.items():
            starts = self.pacing.starts_of(chat_id)
            until = instant(starts[-1] + 2 * MINUTE) if starts else row.until
            rows.append(replace(row, starts=starts, until=later(until, row.paused_until)))
        await self.tx.rate_limits.write(rows)


async def lock_limit_rows(tx: Transaction, limits: Limits, given: datetime) -> LockedLimitRows:
    """Lock the rows. `given` is the time where no other process is."""
    bot, at = await tx.rate_limits.lock(given)
    now = seconds(at)
    pacing = FlexibleSendScheduler(limits)
    pacing.recall(start for start in bot.starts if start < now + SKEWED_SECONDS)
    if bot.paused_until is not None:
        pacing.pause_bot(seconds(bot.paused_until))
    return LockedLimitRows(tx, pacing, bot, now)


def later(one: datetime | None, other: datetime | None) -> datetime:
    """The later of two, of which at least one is known."""
    return max(at for at in (one, other) if at is not None)


LEAST, MOST = 0.01, 5.0  # seconds
_SPARE = 1.25
_FORGOTTEN = 0.02  # the part of an excess that each request which needed less takes away


def update_lead_time(lead: float, needed: float) -> float:
    """The next lead, after `lead` seconds where `needed` would have done: up at once, down slowly."""
    wanted = _SPARE * needed
    return min(MOST, max(LEAST, wanted, lead + (wanted - lead) * _FORGOTTEN))


LOOKS = 16
OLD_SECONDS = 30.0  # after which clocks may have gone apart


@dataclass(frozen=True, slots=True)
class _ClockReading:
    took: float
    ahead: float
    at: float


@dataclass(slots=True)
class ClockOffset:
    """Never early: its time is at most the true one, so that nothing begins before the rows allow it."""

    _looks: deque[_ClockReading] = field(default_factory=lambda: deque(maxlen=LOOKS))

    def observe(self, before: float, after: float, there: float) -> None:
        """Between `before` and `after`, in own seconds, the other clock showed `there`."""
        # Shown at the latest when the answer came: then the other clock is at least so far ahead.
        self._looks.append(_ClockReading(after - before, there - after, after))

    def now(self, own: float) -> float | None:
        """What the other clock shows at `own`; None as long as nobody has looked."""
        return None if not self._looks else own + self._ahead()

    def here(self, there: float) -> float:
        """When, in own seconds, the other clock shows `there`. Only after a look."""
        return there - self._ahead()

    def _ahead(self) -> float:
        newest = self._looks[-1].at
        fresh = (look for look in self._looks if newest - look.at <= OLD_SECONDS)
        return min(fresh, key=lambda look: look.took).ahead


LEAD = 0.01  # seconds to commit a booking, before anything is learned
LATE_SECONDS = 0.5  # by which a start may come late where there is room to book it so
TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRequest:
    """Of one request, perhaps in place of an earlier start that passed. What would lie more than `within`
    seconds after the next that could be had is not booked, only told."""

    chat_id: int
    private: bool
    interactive: bool = False
    instead_of: "Reservation | None" = None
    within: float = math.inf


@dataclass(frozen=True, slots=True)
class Reservation:
    """The first and the last moment for the start, in seconds since 1970, if `kept`."""

    start: float
    until: float
    kept: bool = True


_Waiting = tuple[ReservationRequest, asyncio.Future[Reservation]]


class ReservationBatcher:
    """Of one process. `slack` is by how many seconds any start may come late."""

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
        self._wishes: list[_Waiting] = []
        self._booking = BackgroundTasks()
        self._is_booking = False

    def now(self) -> float | None:
        """The time that the rows go by; None before the first look."""
        return self._there.now(self._clock.monotonic())

    async def until(self, start: float) -> None:
        """Wait until it is that time there."""
        wait = self._there.here(start) - self._clock.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)

    def may_send(self, booked: Reservation, now: float) -> bool:
        """Whether a request that leaves now keeps to what was booked for it, and nothing is frozen."""
        return self.last.bot_paused_until <= now <= max(booked.until, booked.start + self._slack)

    def mark_sent(self, booked: Reservation) -> None:
        """Its request leaves at this moment: it needs no more room than that."""
        if booked.until > booked.start and (now := self.now()) is not None:
            self._left.append((booked, now))

    async def reserve(self, wish: ReservationRequest) -> Reservation:
        """Book one request, together with all who ask at the same time."""
        booked: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self._wishes.append((wish, booked))
        if not self._is_booking:
            self._is_booking = True
            self._booking.start(self._book_all())
        return await booked

    async def _book_all(self) -> None:
        while True:
            waiting, self._wishes = self._wishes, []
            if not waiting:
                self._is_booking = False  # nothing is awaited in between: nobody can have come meanwhile
                return
            wishes = [wish for wish, _ in waiting]
            try:
                asked, booked = await self._database.write(partial(self._booked, wishes), exclusive=False)
            except Exception as error:
                _tell(waiting, lambda _, future, error=error: future.set_exception(error))  # type: ignore[misc]
            else:
                self._lead = update_lead_time(self._lead, self._clock.monotonic() - self._there.here(asked))
                _tell(waiting, lambda at, future, booked=booked: future.set_result(booked[at]))  # type: ignore[misc]

    async def _booked(
        self, wishes: Sequence[ReservationRequest], tx: Transaction
    ) -> tuple[float, dict[int, Reservation]]:
        """When they were booked, and what each has, by its place among `wishes`."""
        ledger = await self.open(tx)
        pacing, now = ledger.pacing, ledger.now
        await ledger.recall({wish.chat_id: wish.private for wish in wishes})
        for wish in wishes:
            if (passed := wish.instead_of) is not None:
                pacing.take_back(wish.chat_id, wish.private, passed.start, passed.until)
        booked = {}
        for at, wish in sorted(enumerate(wishes), key=lambda each: not each[1].interactive):
            chat_id, private = wish.chat_id, wish.private
            start = pacing.reserve(now, chat_id, private, interactive=wish.interactive, lead=self._lead)
            if start - now <= self._lead + wish.within:
                booked[at] = stretched(pacing, chat_id, private, start)
            else:
                pacing.take_back(chat_id, private, start)
                booked[at] = Reservation(start, start, kept=False)
        await self.close(ledger)
        return now, booked

    async def open(self, tx: Transaction) -> LockedLimitRows:
        """The rows as they stand, locked; what others booked meanwhile is known from then on."""
        before = self._clock.monotonic()
        ledger = await lock_limit_rows(tx, self._limits, self._clock.now())
        self._there.observe(before, self._clock.monotonic(), ledger.now)
        self.last = ledger.pacing
        self._told = len(self._left)
        for booked, left in self._left:
            at = booked.start if left <= booked.start + self._slack else as_stored(left)
            ledger.pacing.unstretch(booked.start, booked.until, at)
        return ledger

    async def close(self, ledger: LockedLimitRows) -> None:
        """Write what was booked, and what has left. If that comes to nothing, too much stays booked."""
        del self._left[: self._told]
        await ledger.close()


@dataclass(slots=True)
class ReservedSlot:
    """One that waits for its booked start, and is asked again when its first byte goes. `ours` says whether
    it still may be made at all."""

    bookings: ReservationBatcher
    wish: ReservationRequest
    booked: Reservation
    ours: Callable[[], bool] = lambda: True

    async def wait_for_slot(self) -> float | None:
        """Wait for its start. None: it may leave now; else it must not, and may be asked for again then."""
        for _ in range(TRIES):
            await self.bookings.until(self.booked.start)
            if not self.ours():
                return 0.0
            now = self.bookings.now()
            assert now is not None, "a booking has looked"
            if self.bookings.may_send(self.booked, now):
                return None
            self.booked = await self.bookings.reserve(replace(self.wish, instead_of=self.booked))
            if not self.booked.kept:
                return self.booked.start - now
        return 0.0

    async def acquire(self) -> None:
        if await self.wait_for_slot() is not None:
            raise ConnectionAbortedError("its turn has passed")

    def mark_sent(self) -> None:
        self.bookings.mark_sent(self.booked)


def stretched(pacing: FlexibleSendScheduler, chat_id: int, private: bool, start: float) -> Reservation:
    """What is booked for `start`, with as much room behind it as there is."""
    until = as_stored(start + LATE_SECONDS)
    wide = pacing.stretch(chat_id, private, start, until)
    return Reservation(as_stored(start), until if wide else as_stored(start))


def _tell(waiting: Sequence[_Waiting], say: Callable[[int, asyncio.Future[Reservation]], None]) -> None:
    """Whoever still waits; who was cancelled meanwhile does not."""
    for at, (_, future) in enumerate(waiting):
        if not future.done():
            say(at, future)

"""The pace of several processes that share one bot: booked in rows, in the very transaction that claims.

Only the rows decide; each process waits for its start by its own seconds, and lets no request go that would
come too late, or whose claim may have become another's. How long to wait is the pacing's arithmetic.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from bot.clock import Clock
from bot.delivery.elsewhere import Elsewhere
from bot.delivery.freezes import FLOODS_TOGETHER
from bot.delivery.lead import learned
from bot.delivery.ledger import Ledger, later, open_ledger
from bot.delivery.limits import Limits
from bot.delivery.pace import Claimed
from bot.delivery.verdict import settled
from bot.delivery.wide_pacing import WidePacing
from bot.holding import Holding
from bot.tasks import Nursery
from storage.database import Database, Transaction
from storage.model import ChatKind, Delivery, State
from storage.pace import Paced, as_stored, instant, seconds

log = logging.getLogger(__name__)

FAR_SECONDS = 0.6  # a chat that is not ready for so much longer than others gives its claim back at once
PUSH_LEAD = 0.06  # to commit a claim and to write its message, before anything is learned
LEAD = 0.01  # to commit a booking, likewise
MARK_SECONDS = 0.02  # before its start, to write that a request is about to be made
TRIES = 10
WIDER = 2.0  # times the margin of one process: of what several send, more comes unevenly
LATE_SECONDS = 0.5  # by which a start may come late where there is room to book it so


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """Of one request, perhaps in place of an earlier start that passed. What would lie more than `within`
    seconds after the next that could be had is not booked, only told."""

    chat_id: int
    private: bool
    interactive: bool = False
    instead_of: "_Booked | None" = None
    within: float = math.inf


@dataclass(frozen=True, slots=True)
class _Booked:
    """The first and the last moment for the start, if `kept`."""

    start: float
    until: float
    kept: bool = True


_Waiting = tuple[_Wish, asyncio.Future[_Booked]]


class SharedPace:
    """`pulse` is this process's own lease: claims end with it, and without it nothing leaves."""

    ahead = 0.25
    linger = 0.03
    spare = 0.0  # a claim's start is booked with it, and must not be missed for want of a slot

    def __init__(
        self,
        database: Database,
        limits: Limits,
        clock: Clock,
        pulse: Holding,
        *,
        on_unsure: Literal["resend", "skip"] = "resend",
    ) -> None:
        self._database = database
        margin = WIDER * limits.margin
        self._limits = replace(limits, margin=margin, paid_margin=margin)
        self._clock = clock
        self._pulse = pulse
        self._on_unsure = on_unsure
        self._there = Elsewhere()
        self._last = WidePacing(self._limits)
        self._slack = limits.slack
        self._push_lead, self._lead = PUSH_LEAD, LEAD
        self._left: list[tuple[_Booked, float]] = []
        self._told = 0  # of these, by the transaction that books
        self._wishes: list[_Waiting] = []
        self._booking = Nursery()
        self._is_booking = False

    async def begin(self) -> None:
        """The rows remember."""

    def budget(self) -> int:
        if not self._pulse.held():
            return 0
        # The others have booked meanwhile, so it is at most this; the rows decide.
        now = self._there.now(self._clock.monotonic())
        return 1 if now is None else self._last.budget(now + self._push_lead, self.ahead)

    async def claim(self, tx: Transaction, slots: int, now: datetime, lease: timedelta) -> Sequence[Claimed]:
        owner, at, lead = self._pulse.token, self._clock.monotonic(), self._push_lead
        ledger = await self._open(tx)
        pacing, there = ledger.pacing, ledger.now
        slots = min(slots, pacing.budget(there + lead, self.ahead))
        if not owner or not slots:
            return []
        claimed = await tx.outbox.claim(slots, now, lease, owner)
        if not claimed:
            return []
        await ledger.recall(claimed_chats(claimed))
        kept, far = [], []
        for delivery in claimed:
            chat_id, private = _chat(delivery)
            ready = pacing.ready_at(there, chat_id, private)
            if ready - there > lead + FAR_SECONDS:
                again = instant(ready)
                far.append(
                    settled(delivery, State.PENDING, reason="the chat's own pace", due_at=again, counts=False)
                )
                continue
            start = pacing.reserve(there, chat_id, private, lead=lead)
            booked = _stretched(pacing, chat_id, private, start)
            kept.append(Claimed(delivery, at, booked.start, booked.until, owner, lead))
        await self._close(ledger)
        if far:
            await tx.outbox.settle(far, now)
        return kept

    async def turn(self, claimed: Claimed) -> float | None:
        delivery, booked = claimed.delivery, _Booked(claimed.start, claimed.until)
        needed = claimed.lead + self._clock.monotonic() - self._there.here(booked.start)
        self._push_lead = learned(self._push_lead, needed)
        to_be_marked = bool(delivery.unsure) or self._on_unsure == "skip"
        for _ in range(TRIES):
            if to_be_marked:
                await self._until(booked.start - MARK_SECONDS)
                if not await self._mark(delivery):
                    return 0.0
                to_be_marked = False
            await self._until(booked.start)
            if not self._is_ours(claimed):
                return 0.0
            now = self._there.now(self._clock.monotonic())
            assert now is not None
            if self._last.bot_frozen_until <= now and self._may_leave(booked, now):
                return None
            chat_id, private = _chat(delivery)
            wish = _Wish(chat_id=chat_id, private=private, instead_of=booked, within=FAR_SECONDS)
            booked = await self._book(wish)
            if not booked.kept:
                return booked.start - now
        return 0.0

    def _may_leave(self, booked: _Booked, now: float) -> bool:
        """Whether a request that leaves now keeps to what was booked for it; then it is counted as left."""
        if now > max(booked.until, booked.start + self._slack):
            return False
        if booked.until > booked.start:
            self._left.append((booked, now))
        return True

    def flooded(self, chat_id: int, seconds: float) -> bool:  # noqa: ARG002 - of the other pace's
        """The rows say it in a moment, with what became of the push; whether all wait is known only then."""
        return False

    async def flooded_for_all(self, tx: Transaction, chat_id: int, until: datetime, now: datetime) -> None:
        """Of several chats that are flooded together it is the bot that is too fast: then nothing at all."""
        bot, _ = await tx.pace.lock()
        known = (await tx.pace.chats([chat_id])).get(chat_id, Paced(key=str(chat_id)))
        chat = replace(known, paused_until=later(known.paused_until, until), flooded_at=now)
        rows = [replace(chat, until=later(known.until, until))]
        others, together = await tx.pace.flooded_since(now - timedelta(seconds=FLOODS_TOGETHER), but=chat_id)
        if together is not None and others + 1 >= self._limits.crowd:
            paused = later(later(bot.paused_until, together), until)
            rows.append(replace(bot, paused_until=paused))
            self._last.freeze_bot(seconds(paused))
        await tx.pace.write(rows)

    async def answer(self, chat_id: int, private: bool, longest: float) -> bool:
        wish = _Wish(chat_id=chat_id, private=private, interactive=True, within=longest)
        for _ in range(TRIES):
            if not (booked := await self._book(wish)).kept:
                return False
            await self._until(booked.start)
            if self._may_leave(booked, self._there.now(self._clock.monotonic()) or math.inf):
                return True
            wish = replace(wish, instead_of=booked)
        return False

    async def answer_flooded(self, chat_id: int, seconds: float) -> None:
        async def unit(tx: Transaction) -> None:
            now = await tx.now(self._clock.now())
            await self.flooded_for_all(tx, chat_id, now + timedelta(seconds=seconds), now)

        await self._database.transact(unit, alone=False)

    async def _book(self, wish: _Wish) -> _Booked:
        """Book one request, together with all who ask at the same time."""
        booked: asyncio.Future[_Booked] = asyncio.get_running_loop().create_future()
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
                asked, booked = await self._database.transact(partial(self._booked, wishes), alone=False)
            except Exception as error:
                _tell(waiting, lambda _, future, error=error: future.set_exception(error))  # type: ignore[misc]
            else:
                self._lead = learned(self._lead, self._clock.monotonic() - self._there.here(asked))
                _tell(waiting, lambda at, future, booked=booked: future.set_result(booked[at]))  # type: ignore[misc]

    async def _booked(self, wishes: Sequence[_Wish], tx: Transaction) -> tuple[float, dict[int, _Booked]]:
        """When they were booked, and what each has, by its place among `wishes`."""
        ledger = await self._open(tx)
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
                booked[at] = _stretched(pacing, chat_id, private, start)
            else:
                pacing.take_back(chat_id, private, start)
                booked[at] = _Booked(start, start, kept=False)
        await self._close(ledger)
        return now, booked

    async def _open(self, tx: Transaction) -> Ledger:
        """The rows as they stand, locked; what others booked meanwhile is known from then on."""
        before = self._clock.monotonic()
        ledger = await open_ledger(tx, self._limits, self._clock.now())
        self._there.look(before, self._clock.monotonic(), ledger.now)
        self._last = ledger.pacing
        self._told = len(self._left)
        for booked, left in self._left:
            at = booked.start if left <= booked.start + self._slack else as_stored(left)
            ledger.pacing.unstretch(booked.start, booked.until, at)
        return ledger

    async def _close(self, ledger: Ledger) -> None:
        """Write what was booked, and what has left. If that comes to nothing, too much stays booked."""
        del self._left[: self._told]
        await ledger.close()

    async def _mark(self, delivery: Delivery) -> bool:
        return await self._database.transact(
            lambda tx: tx.outbox.begin(delivery.id, delivery.token), alone=False
        )

    def _is_ours(self, claimed: Claimed) -> bool:
        """Whether no other process can have taken it over, however long this one may have stood still."""
        return self._pulse.held() and self._pulse.token == claimed.owner

    async def _until(self, start: float) -> None:
        wait = self._there.here(start) - self._clock.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)


def _stretched(pacing: WidePacing, chat_id: int, private: bool, start: float) -> _Booked:
    """What is booked for `start`, with as much room behind it as there is."""
    until = as_stored(start + LATE_SECONDS)
    wide = pacing.stretch(chat_id, private, start, until)
    return _Booked(as_stored(start), until if wide else as_stored(start))


def _tell(waiting: Sequence[_Waiting], say: Callable[[int, asyncio.Future[_Booked]], None]) -> None:
    """Whoever still waits; who was cancelled meanwhile does not."""
    for at, (_, future) in enumerate(waiting):
        if not future.done():
            say(at, future)


def claimed_chats(claimed: Sequence[Delivery]) -> dict[int, bool]:
    """The chats of these deliveries, and whether each is private."""
    return dict(_chat(delivery) for delivery in claimed)


def _chat(delivery: Delivery) -> tuple[int, bool]:
    return delivery.destination.chat_id, delivery.destination.kind is ChatKind.PRIVATE

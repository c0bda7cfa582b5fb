"""When the next request may start: Telegram's limits for the bot and for each chat, and what a 429 stops.

Decides only; the clock is an argument (monotonic seconds) and nobody is woken. Knows no rows and no Telegram.
"""

import math
import sys
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple

from bot.rate_limit.limits import Limits, Window, book, unbook

FLOODS_TOGETHER = 5.0  # seconds within which floods of several chats are taken for a flood of the bot


class FloodPauses:
    """`crowd` chats flooded together make a flood of the bot."""

    def __init__(self, crowd: int) -> None:
        self._crowd = crowd
        self._chats: dict[int, float] = {}
        self._floods: list[tuple[float, int, float]] = []
        self.bot_until = -math.inf

    def __len__(self) -> int:
        """How many chats are frozen, or were lately."""
        return len(self._chats)

    def resume_at(self, now: float, chat_id: int) -> float:
        """The first time from `now` on at which nothing is frozen that stops a request to this chat."""
        return max(now, self.bot_until, self._chats.get(chat_id, now))

    def flooded(self, now: float, chat_id: int, retry_after: float) -> bool:
        """Nothing to this chat for exactly `retry_after` seconds. Whether it is the bot that is too fast:
        then nothing at all until the longest of all pauses is over."""
        until = now + retry_after
        self.pause(chat_id, until)
        self._floods = [flood for flood in self._floods if flood[0] > now - FLOODS_TOGETHER]
        self._floods.append((now, chat_id, until))
        whole = len({flooded for _, flooded, _ in self._floods}) >= self._crowd
        if whole:
            self.pause_bot(max(end for _, _, end in self._floods))
        return whole

    def pause(self, chat_id: int, until: float) -> None:
        self._chats[chat_id] = max(until, self._chats.get(chat_id, until))

    def pause_bot(self, until: float) -> None:
        self.bot_until = max(until, self.bot_until)

    def forget(self, now: float) -> None:
        """Drop what is over."""
        self._chats = {chat_id: until for chat_id, until in self._chats.items() if until > now}


class SentWindow:
    """Of one bot, by the seconds of one clock. `window` is kept whatever was planned; None keeps nothing."""

    def __init__(self) -> None:
        self.window: Window | None = None
        self._left: list[float] = []
        self._waiting: list[tuple[float, float, int]] = []  # until when, when it was planned, its chat

    def opens_at(self, now: float, at: float) -> float:
        """`at` if that is `now` and one more may leave; else the first time from then on that none awaits."""
        if self.window is None or (at <= now and self.window.room(self._left, now)):
            return at
        awaited = [until for until, _, _ in self._waiting if until > now]
        return self.window.earliest(sorted(self._left + awaited), at)

    def acquire(self, now: float) -> None:
        if self.window is not None:
            self.window.forget(self._left, now)
            book(self._left, now)

    def release(self, left: float) -> None:
        """What was to leave at `left` has not."""
        unbook(self._left, left)

    def park(self, until: float, planned: float, chat_id: int) -> None:
        """It asks again then."""
        insort(self._waiting, (until, planned, chat_id))

    def is_parked(self, chat_id: int) -> list[float]:
        """Until when the chat's requests wait that have not asked again, however late they are."""
        return [until for until, _, waiting in self._waiting if waiting == chat_id]

    def pop_parked(self, until: float, chat_id: int) -> float | None:
        """When that request of the chat was planned, which waits no more; None if none waits until then."""
        index = bisect_left(self._waiting, (until,))
        while index < len(self._waiting) and self._waiting[index][0] == until:
            if self._waiting[index][2] == chat_id:  # another chat's may wait until the very same time
                return self._waiting.pop(index)[1]
            index += 1
        return None

    def forget(self, before: float) -> None:
        """Drop those that waited until before then and never asked again."""
        del self._waiting[: bisect_left(self._waiting, (before,))]


_BEHIND = 0.3  # seconds; who leaves later than this after its slot is planned anew, nearer ones catch up
_MINUTE = 60.0  # longer than this nobody waits to ask again
_SWEEP_FROM = 1024


class _Booking(NamedTuple):
    start: float
    chat_id: int
    private: bool


class SendScheduler:
    """Explicit state: past and booked starts, no older than a minute, and the freezes of floods.

    A start is booked ahead and confirmed when it has come. What is confirmed late is counted as late, but the
    plan stays as it was: else every lateness would be paid again by all that follow.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits = limits or Limits()
        self._chat_windows = {private: limits.of_chat(private) for private in (True, False)}
        self._kept_windows = {private: limits.of_chat_kept(private) for private in (True, False)}
        self._bot: Window | None = None
        self._even: Window | None = None
        self._departures = SentWindow()
        self._widen(limits.first_margin)
        self._starts: list[float] = []
        self._full = (math.inf, math.inf)  # between these times no push fits; saves looking again
        self._chats: dict[int, list[float]] = {}
        self._windows: dict[int, Window] = {}
        self._freezes = FloodPauses(limits.crowd)
        self._movable: list[_Booking] = []
        self._moved: dict[_Booking, float] = {}
        self._sweep_at = _SWEEP_FROM

    def _widen(self, margin: float) -> None:
        """Keep the bot's own window longer by this part."""
        self._bot, self._even = self._limits.of_bot(margin), self._limits.evenly(margin)
        kept = self._departures.window = self._limits.of_bot_kept(margin)
        self._shortest = {
            private: window.seconds if kept is None else min(window.seconds, kept.seconds)
            for private, window in self._kept_windows.items()
        }

    @property
    def remembered(self) -> int:
        """For how many chats anything is kept; of the order of the chats written to within a minute."""
        return len(self._chats) + len(self._freezes)

    @property
    def bot_paused_until(self) -> float:
        return self._freezes.bot_until

    @property
    def starts(self) -> tuple[float, ...]:
        """The bot's starts that a window can still see, in order."""
        return tuple(self._starts)

    def starts_of(self, chat_id: int) -> tuple[float, ...]:
        return tuple(self._chats.get(chat_id, ()))

    def recall(self, starts: Iterable[float]) -> None:
        """The bot's starts, past and to come, as they were kept elsewhere."""
        self._starts = sorted(starts) if self._bot is not None else []
        self._full = (math.inf, math.inf)

    def recall_chat(self, chat_id: int, private: bool, starts: Iterable[float]) -> None:
        self._chats[chat_id], self._windows[chat_id] = sorted(starts), self._window(private)

    def take_back(self, chat_id: int, private: bool, start: float) -> None:
        """A booked request was not made, and is not going to be."""
        self._unbook(_Booking(start, chat_id, private))

    def ready_at(self, now: float, chat_id: int, private: bool) -> float:
        """The earliest start as far as the chat and freezes are concerned, whatever else the bot does."""
        return self._window(private).earliest(
            self._chats.get(chat_id, []), self._freezes.resume_at(now, chat_id)
        )

    def reserve(
        self,
        now: float,
        chat_id: int,
        private: bool,
        *,
        interactive: bool = False,
        movable: bool = False,
        lead: float = 0.0,
    ) -> float:
        """Book a request and return its start, `now` and `lead` seconds or later.

        `interactive` is for answers to people: they take the next slot, even one booked by a `movable` push.
        Whoever books movably asks `confirm` when the start has come.
        """
        self._forget(now, chat_id)
        start = self._place(
            self._freezes.resume_at(now, chat_id) + lead, chat_id, private, even=not interactive
        )
        if interactive and (pushed := self._displace(now, start, chat_id, private)) is not None:
            return pushed
        self._book(_Booking(start, chat_id, private), movable=movable)
        return start

    def confirm(self, now: float, chat_id: int, private: bool, start: float) -> float:
        """Whether a booked request may leave: `now` if so, else a later time to wait for and ask again.

        It may not if an answer to somebody took its slot, if a flood came in between, or if others left so
        late that it would be one too many within a window.
        """
        booking = _Booking(start, chat_id, private)
        if (moved := self._moved.pop(booking, None)) is not None:
            return moved if moved > now else self.confirm(now, chat_id, private, moved)
        thawed = self._freezes.resume_at(now, chat_id)
        if start > now >= thawed:
            return start
        self._unlist(booking)
        waited = self._departures.pop_parked(start, chat_id)
        planned = start if waited is None else waited
        if thawed > now:
            self._unbook(_Booking(start, chat_id, private), planned)
            again = self._place(thawed, chat_id, private, even=False)
            self._book(_Booking(again, chat_id, private), movable=True)
            return again
        return self._depart(now, chat_id, private, start, planned)

    def acquire(self, now: float, chat_id: int, private: bool, confirmed: float) -> float:
        """The same for a request that was confirmed, but whose first byte goes only now.

        Within a window of that time it needs no other room: it stands in every window that ends now already.
        """
        if now < confirmed + self._shortest[private]:
            return confirmed
        self._departures.release(confirmed)
        return self._depart(now, chat_id, private, confirmed, None)

    def mark_sent(self, now: float, chat_id: int, private: bool, confirmed: float) -> float:
        """It has left, and is counted as leaving `now` however long ago it was confirmed."""
        self._departures.release(confirmed)
        self._departures.acquire(now)
        self._rebook_chat(chat_id, private, confirmed, now)
        return now

    def _depart(self, now: float, chat_id: int, private: bool, start: float, planned: float | None) -> float:
        """Count it as leaving now, or as waiting for the first time that nobody else waits for."""
        behind = [at for at in self._chats.get(chat_id, []) if at <= now]
        unbook(behind, start)
        for late in self._departures.is_parked(chat_id) if behind else ():
            unbook(behind, late)  # it has not left: else late ones would wait for each other in circles
        at, tried = now, -math.inf
        while at != tried:
            tried = at
            at = self._departures.opens_at(now, self._kept_windows[private].earliest(behind, at))
        self._rebook_chat(chat_id, private, start, at)
        if planned is not None and self._bot is not None and at > planned + _BEHIND:
            unbook(self._starts, planned)
            book(self._starts, at)
            planned = at
        if at <= now:
            self._departures.acquire(now)
        else:
            self._departures.park(at, at if planned is None else planned, chat_id)
        return at

    def _rebook_chat(self, chat_id: int, private: bool, start: float, at: float) -> None:
        chat = self._chats.setdefault(chat_id, [])
        self._windows[chat_id] = self._window(private)
        unbook(chat, start)
        book(chat, at)

    def flooded(self, now: float, chat_id: int, retry_after: float) -> bool:
        """Telegram answered 429: nothing to this chat for exactly `retry_after` seconds.

        Several chats at almost the same time mean that it is the bot that is too fast: then nothing at all
        until the longest of their pauses is over, and more distance from then on. Returns whether it is the
        bot.
        """
        whole = self._freezes.flooded(now, chat_id, retry_after)
        if whole:
            self._widen(self._limits.margin)
        return whole

    def pause(self, chat_id: int, until: float) -> None:
        """Nothing to this chat before `until`, as remembered from an earlier run."""
        self._freezes.pause(chat_id, until)

    def pause_bot(self, until: float) -> None:
        self._freezes.pause_bot(until)

    def budget(self, now: float, within: float) -> int:
        """How many pushes, each to a chat that is ready, could still be booked within `within` seconds."""
        end, begin = now + within, max(now, self._freezes.bot_until)
        if begin > end:
            return 0
        if self._bot is None or self._even is None:
            return sys.maxsize
        coming = len(self._starts) - bisect_left(self._starts, begin)
        evenly = (math.floor((end - begin) / self._even.seconds) + 1) * self._even.most - coming
        further = max(0.0, within - self._bot.seconds) * self._bot.most / self._bot.seconds
        return max(0, min(evenly, self._bot.room(self._starts, end) + math.floor(further)))

    def _window(self, private: bool) -> Window:
        return self._chat_windows[private]

    def _place(self, lower: float, chat_id: int, private: bool, *, even: bool) -> float:
        """The first time from `lower` on that every window allows."""
        chat, window = self._chats.get(chat_id, []), self._window(private)
        at, tried = lower, -math.inf
        while at != tried:
            tried = at
            at = self._slot(window.earliest(chat, at), even=even)
        return at

    def _slot(self, at: float, *, even: bool) -> float:
        """The first time from `at` on that the bot's own windows allow."""
        if self._bot is None or self._even is None:
            return at
        if not even:
            return self._bot.earliest(self._starts, at)
        begin, end = self._full
        if begin <= at <= end:
            at = end
        else:
            begin = at
        tried = -math.inf
        while at != tried:
            tried = at
            at = self._even.earliest(self._starts, self._bot.earliest(self._starts, at))
        self._full = (begin, at)
        return at

    def _displace(self, now: float, start: float, chat_id: int, private: bool) -> float | None:
        """Give an answer the first push's slot before `start`, and that push a later one."""
        lower = self.ready_at(now, chat_id, private)
        index = bisect_left(self._movable, lower, key=lambda booking: booking.start)
        if index == len(self._movable) or self._movable[index].start >= start:
            return None
        push = self._movable[index]
        if self._window(private).earliest(self._chats.get(chat_id, []), push.start) > push.start:
            return None
        self._unlist(push)
        self._unbook(push)
        self._book(_Booking(push.start, chat_id, private), movable=False)
        later = self._place(
            self._freezes.resume_at(push.start, push.chat_id), push.chat_id, push.private, even=True
        )
        self._book(_Booking(later, push.chat_id, push.private), movable=True)
        self._moved[push] = later
        return push.start

    def _book(self, booking: _Booking, *, movable: bool) -> None:
        book(self._chats.setdefault(booking.chat_id, []), booking.start)
        self._windows[booking.chat_id] = self._window(booking.private)
        if self._bot is not None:
            book(self._starts, booking.start)
        if movable:
            insort(self._movable, booking)

    def _unbook(self, booking: _Booking, planned: float | None = None) -> None:
        self._full = (math.inf, math.inf)
        unbook(self._starts, booking.start if planned is None else planned)
        unbook(self._chats.get(booking.chat_id, []), booking.start)

    def _unlist(self, booking: _Booking) -> None:
        index = bisect_left(self._movable, booking)
        if index < len(self._movable) and self._movable[index] == booking:
            del self._movable[index]

    def _forget(self, now: float, chat_id: int) -> None:
        """Drop what can no longer matter; all other chats only now and then, so that it costs little."""
        if self._bot is not None:
            self._bot.forget(self._starts, now)
        self._departures.forget(now - _MINUTE)
        if chat_id in self._chats:
            self._windows[chat_id].forget(self._chats[chat_id], now)
        del self._movable[: bisect_left(self._movable, now, key=lambda booking: booking.start)]
        if self.remembered + len(self._moved) < self._sweep_at:
            return
        for chat_id, window in list(self._windows.items()):
            window.forget(self._chats[chat_id], now)
            if not self._chats[chat_id]:
                del self._chats[chat_id], self._windows[chat_id]
        self._freezes.forget(now)
        self._moved = {old: new for old, new in self._moved.items() if new > now - _MINUTE}
        self._sweep_at = max(_SWEEP_FROM, 2 * (self.remembered + len(self._moved)))


# So much of the bot's window must be free for bookings that take more than they need: with less, at the limit
# they take the room of what could leave (a fifth cost half of the rate where booking took 0.3 s).
PLENTY = 0.6


class FlexibleSendScheduler(SendScheduler):
    """A stretched booking counts twice, where it may begin first and where last: so at least once in every
    window of the bot in which it may begin, as long as the two are nearer than the window is long. For its
    chat it counts once, where it may begin last."""

    def stretch(self, chat_id: int, private: bool, start: float, until: float) -> bool:
        """Let what is booked for `start` begin as late as `until`, if there is plenty of room for it."""
        others = list(self._chats.get(chat_id, []))
        unbook(others, start)
        if self._window(private).earliest(others, until) > until:
            return False
        if self._bot is not None:
            if until - start >= self._bot.seconds:
                return False
            if self._bot.room(self._starts, until) < PLENTY * self._bot.most:
                return False
            if self._bot.earliest(self._starts, until) > until:
                return False
            book(self._starts, until)
        book(others, until)
        self._chats[chat_id] = others
        return True

    def unstretch(self, start: float, until: float, left: float) -> None:
        """What was stretched between the two has `left`: of the bot's windows it needs no more than that."""
        if self._bot is None:
            return
        self._full = (math.inf, math.inf)
        unbook(self._starts, until)
        if left > start:
            unbook(self._starts, start)
            book(self._starts, left)

    def take_back(self, chat_id: int, private: bool, start: float, until: float = 0.0) -> None:
        """A booked request was not made, and is not going to be; `until` if it was stretched."""
        super().take_back(chat_id, private, start)
        if until > start:
            super().take_back(chat_id, private, until)

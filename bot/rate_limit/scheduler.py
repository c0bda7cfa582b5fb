"""Send scheduler: sliding-window rate limits of the bot and of each chat, and flood pauses.

Pure: time is an argument, in monotonic seconds.
"""

import math
import sys
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from bot.rate_limit.limits import Limits, Window, book, unbook
from storage.backoff import Backoff

FIRST_BOT_PAUSE, LONGEST_BOT_PAUSE = 2.0, 30.0  # seconds before a probe, after floods of several chats
FLOODS_TOGETHER = 5.0  # seconds within which floods of several chats are taken for a flood of the bot


class FloodPauses:
    """Pauses after 429 answers, of chats and of the bot.

    `crowd` chats flooded together are a flood of the bot, unless as many others were accepted meanwhile. Then
    everything pauses briefly; a single request to another chat probes, and its acceptance ends the pause.
    """

    def __init__(self, crowd: int) -> None:
        self._crowd = crowd
        self._chats: dict[int, float] = {}
        self._floods: list[tuple[float, int, float]] = []
        self._accepted: deque[tuple[float, int]] = deque()
        self._backoff = Backoff(FIRST_BOT_PAUSE, LONGEST_BOT_PAUSE)
        self._is_probing = False
        self._probe: int | None = None
        self.bot_until = -math.inf

    def __len__(self) -> int:
        """Return how many chats are paused or were recently."""
        return len(self._chats)

    def resume_at(self, now: float, chat_id: int) -> float:
        """Return the first time from `now` on at which no pause holds a request to this chat."""
        return max(now, self.bot_until, self._chats.get(chat_id, now))

    def flooded(self, now: float, chat_id: int, retry_after: float) -> bool:
        """Pause the chat for exactly `retry_after` seconds and return whether the whole bot is paused."""
        until = now + retry_after
        self.pause(chat_id, until)
        self._floods = [flood for flood in self._floods if flood[0] > now - FLOODS_TOGETHER]
        self._floods.append((now, chat_id, until))
        chats, first = {flooded for _, flooded, _ in self._floods}, self._floods[0][0]
        accepted = {chat for at, chat in self._accepted if at >= first} - chats
        if self._is_probing:
            refused = chat_id == self._probe
        else:
            refused = len(chats) >= self._crowd and len(chats) > len(accepted)
        if refused:
            self._is_probing, self._probe = True, None
            shortest = min(end for _, _, end in self._floods)
            self.pause_bot(min(now + self._backoff.fail(), shortest))
        return refused

    def start(self, now: float, chat_id: int) -> None:
        """Record that a request starts; after a flood of the bot it is a probe, and others wait for it."""
        if self._is_probing and now >= self.bot_until:
            self._probe = chat_id
            self.bot_until = now + FIRST_BOT_PAUSE

    def accept(self, now: float, chat_id: int) -> None:
        """Record that Telegram accepted a request; this ends a flood of the bot."""
        self._accepted.append((now, chat_id))
        while self._accepted[0][0] <= now - FLOODS_TOGETHER:
            self._accepted.popleft()
        if self._is_probing:
            self._is_probing, self._probe, self.bot_until = False, None, now
            self._backoff.reset()

    def pause(self, chat_id: int, until: float) -> None:
        self._chats[chat_id] = max(until, self._chats.get(chat_id, until))

    def pause_bot(self, until: float) -> None:
        self.bot_until = max(until, self.bot_until)

    def forget(self, now: float) -> None:
        """Drop pauses that are over."""
        self._chats = {chat_id: until for chat_id, until in self._chats.items() if until > now}


class SentWindow:
    """Sliding window over requests as they were really sent; `window` None keeps nothing."""

    def __init__(self) -> None:
        self.window: Window | None = None
        self._left: list[float] = []
        self._waiting: list[tuple[float, float, int]] = []  # until when, when it was planned, its chat

    def opens_at(self, now: float, at: float) -> float:
        """Return `at` if one more request may be sent now, else the first later time not yet parked for."""
        if self.window is None or (at <= now and self.window.room(self._left, now)):
            return at
        awaited = [until for until, _, _ in self._waiting if until > now]
        return self.window.earliest(sorted(self._left + awaited), at)

    def acquire(self, now: float) -> None:
        """Count a request sent at `now`."""
        if self.window is not None:
            self.window.forget(self._left, now)
            book(self._left, now)

    def release(self, left: float) -> None:
        """Remove the request counted at `left`."""
        unbook(self._left, left)

    def park(self, until: float, planned: float, chat_id: int) -> None:
        """Record a request of `chat_id` that is parked until `until`."""
        insort(self._waiting, (until, planned, chat_id))

    def is_parked(self, chat_id: int) -> list[float]:
        """Return until when the chat's parked requests wait, including overdue ones."""
        return [until for until, _, waiting in self._waiting if waiting == chat_id]

    def pop_parked(self, until: float, chat_id: int) -> float | None:
        """Remove the request of `chat_id` parked until `until`; return its planned time, or None.

        The chat must match: two chats can be parked until the same time.
        """
        index = bisect_left(self._waiting, (until,))
        while index < len(self._waiting) and self._waiting[index][0] == until:
            if self._waiting[index][2] == chat_id:  # another chat's may wait until the very same time
                return self._waiting.pop(index)[1]
            index += 1
        return None

    def forget(self, before: float) -> None:
        """Drop requests parked until a time before `before`."""
        del self._waiting[: bisect_left(self._waiting, (before,))]


_BEHIND = 0.3  # seconds; a request later than this is planned again, others catch up
_MINUTE = 60.0  # the longest time for which a request is parked
_SWEEP_FROM = 1024


class _Booking(NamedTuple):
    start: float
    chat_id: int
    private: bool


class SendScheduler:
    """Past and reserved starts of the last minute, and flood pauses.

    A start is reserved ahead and confirmed at its time. A late confirmation is counted as late, but the plan
    stays: otherwise all later requests would inherit every delay.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits = limits or Limits()
        self._chat_windows = {private: limits.of_chat(private) for private in (True, False)}
        self._kept_windows = {private: limits.of_chat_kept(private) for private in (True, False)}
        self._bot: Window | None = None
        self._even: Window | None = None
        self._sent = SentWindow()
        self._widen(limits.first_margin)
        self._starts: list[float] = []
        self._full = (math.inf, math.inf)  # between these times no push fits; saves looking again
        self._chats: dict[int, list[float]] = {}
        self._windows: dict[int, Window] = {}
        self._pauses = FloodPauses(limits.crowd)
        self._movable: list[_Booking] = []
        self._moved: dict[_Booking, float] = {}
        self._sweep_at = _SWEEP_FROM

    def _widen(self, margin: float) -> None:
        """Set the margin of the bot's window."""
        self._bot, self._even = self._limits.of_bot(margin), self._limits.evenly(margin)
        kept = self._sent.window = self._limits.of_bot_kept(margin)
        self._shortest = {
            private: window.seconds if kept is None else min(window.seconds, kept.seconds)
            for private, window in self._kept_windows.items()
        }

    @property
    def remembered(self) -> int:
        """Return the number of chats with state, about those written to within a minute."""
        return len(self._chats) + len(self._pauses)

    @property
    def bot_paused_until(self) -> float:
        return self._pauses.bot_until

    @property
    def starts(self) -> tuple[float, ...]:
        """Return the bot's starts that a window still contains, in order."""
        return tuple(self._starts)

    def starts_of(self, chat_id: int) -> tuple[float, ...]:
        return tuple(self._chats.get(chat_id, ()))

    def recall(self, starts: Iterable[float]) -> None:
        """Load the bot's past and reserved starts from storage."""
        self._starts = sorted(starts) if self._bot is not None else []
        self._full = (math.inf, math.inf)

    def recall_chat(self, chat_id: int, private: bool, starts: Iterable[float]) -> None:
        self._chats[chat_id], self._windows[chat_id] = sorted(starts), self._window(private)

    def take_back(self, chat_id: int, private: bool, start: float) -> None:
        """Release a reserved start whose request will not be made."""
        self._unbook(_Booking(start, chat_id, private))

    def ready_at(self, now: float, chat_id: int, private: bool) -> float:
        """Return the earliest start by the chat's window and the pauses alone."""
        return self._window(private).earliest(
            self._chats.get(chat_id, []), self._pauses.resume_at(now, chat_id)
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
        """Reserve a request and return its start, `now` plus `lead` seconds or later.

        `interactive` requests answer people: they take the next slot, even one reserved by a `movable` push.
        A movable reservation needs `confirm` at its start.
        """
        self._forget(now, chat_id)
        start = self._place(
            self._pauses.resume_at(now, chat_id) + lead, chat_id, private, even=not interactive
        )
        if interactive and (pushed := self._displace(now, start, chat_id, private)) is not None:
            return pushed
        self._book(_Booking(start, chat_id, private), movable=movable)
        return start

    def confirm(self, now: float, chat_id: int, private: bool, start: float) -> float:
        """Return `now` if a reserved request may start, else a later time to wait for and confirm again.

        It may not if an answer took its slot, if a flood pause began, or if late requests would make it one
        too many within a window.
        """
        booking = _Booking(start, chat_id, private)
        if (moved := self._moved.pop(booking, None)) is not None:
            return moved if moved > now else self.confirm(now, chat_id, private, moved)
        resumes = self._pauses.resume_at(now, chat_id)
        if start > now >= resumes:
            return start
        self._unlist(booking)
        waited = self._sent.pop_parked(start, chat_id)
        planned = start if waited is None else waited
        if resumes > now:
            self._unbook(_Booking(start, chat_id, private), planned)
            again = self._place(resumes, chat_id, private, even=False)
            self._book(_Booking(again, chat_id, private), movable=True)
            return again
        return self._send_or_park(now, chat_id, private, start, planned)

    def acquire(self, now: float, chat_id: int, private: bool, confirmed: float) -> float:
        """Check a confirmed request again when its first byte is about to be written.

        Within one window of its confirmation it needs no other room: every window that ends now contains it
        already.
        """
        if now < confirmed + self._shortest[private]:
            return confirmed
        self._sent.release(confirmed)
        return self._send_or_park(now, chat_id, private, confirmed, None)

    def mark_sent(self, now: float, chat_id: int, private: bool, confirmed: float) -> float:
        """Count the request as sent at `now`, however long ago it was confirmed."""
        self._sent.release(confirmed)
        self._sent.acquire(now)
        self._rebook_chat(chat_id, private, confirmed, now)
        return now

    def _send_or_park(
        self, now: float, chat_id: int, private: bool, start: float, planned: float | None
    ) -> float:
        """Count it as sent now, or park it until the first time that no other request is parked for."""
        behind = [at for at in self._chats.get(chat_id, []) if at <= now]
        unbook(behind, start)
        for late in self._sent.is_parked(chat_id) if behind else ():
            unbook(behind, late)  # not sent yet: late requests must not wait for each other in circles
        at, tried = now, -math.inf
        while at != tried:
            tried = at
            at = self._sent.opens_at(now, self._kept_windows[private].earliest(behind, at))
        self._rebook_chat(chat_id, private, start, at)
        if planned is not None and self._bot is not None and at > planned + _BEHIND:
            unbook(self._starts, planned)
            book(self._starts, at)
            planned = at
        if at <= now:
            self._sent.acquire(now)
            self._pauses.start(now, chat_id)
        else:
            self._sent.park(at, at if planned is None else planned, chat_id)
        return at

    def _rebook_chat(self, chat_id: int, private: bool, start: float, at: float) -> None:
        chat = self._chats.setdefault(chat_id, [])
        self._windows[chat_id] = self._window(private)
        unbook(chat, start)
        book(chat, at)

    def flooded(self, now: float, chat_id: int, retry_after: float) -> bool:
        """Pause the chat for exactly `retry_after` seconds after a 429; return whether the bot is paused.

        A flood of the bot also widens the margin of its window.
        """
        whole = self._pauses.flooded(now, chat_id, retry_after)
        if whole:
            self._widen(self._limits.margin)
        return whole

    def accept(self, now: float, chat_id: int) -> None:
        """Record that Telegram accepted a request to this chat."""
        self._pauses.accept(now, chat_id)

    def pause(self, chat_id: int, until: float) -> None:
        """Pause this chat until `until`, as stored by an earlier run."""
        self._pauses.pause(chat_id, until)

    def pause_bot(self, until: float) -> None:
        self._pauses.pause_bot(until)

    def budget(self, now: float, within: float) -> int:
        """Return how many pushes to ready chats still fit within `within` seconds."""
        end, begin = now + within, max(now, self._pauses.bot_until)
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
        """Return the first time from `lower` on that every window allows."""
        chat, window = self._chats.get(chat_id, []), self._window(private)
        at, tried = lower, -math.inf
        while at != tried:
            tried = at
            at = self._slot(window.earliest(chat, at), even=even)
        return at

    def _slot(self, at: float, *, even: bool) -> float:
        """Return the first time from `at` on that the bot's windows allow."""
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
            self._pauses.resume_at(push.start, push.chat_id), push.chat_id, push.private, even=True
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
        self._sent.forget(now - _MINUTE)
        if chat_id in self._chats:
            self._windows[chat_id].forget(self._chats[chat_id], now)
        del self._movable[: bisect_left(self._movable, now, key=lambda booking: booking.start)]
        if self.remembered + len(self._moved) < self._sweep_at:
            return
        for chat_id, window in list(self._windows.items()):
            window.forget(self._chats[chat_id], now)
            if not self._chats[chat_id]:
                del self._chats[chat_id], self._windows[chat_id]
        self._pauses.forget(now)
        self._moved = {old: new for old, new in self._moved.items() if new > now - _MINUTE}
        self._sweep_at = max(_SWEEP_FROM, 2 * (self.remembered + len(self._moved)))


# So much of the bot's window must be free for bookings that take more than they need: with less, at the limit
# they take the room of what could leave (a fifth cost half of the rate where booking took 0.3 s).
PLENTY = 0.6


class FlexibleSendScheduler(SendScheduler):
    """Scheduler of reservations with a tolerance, for starts shared between processes.

    A stretched reservation counts twice for the bot, at its first and its last moment: so at least once in
    every window in which it may start, as long as the two are nearer than the window is long. For its chat it
    counts once, at the last moment.
    """

    def stretch(self, chat_id: int, private: bool, start: float, until: float) -> bool:
        """Return whether the request reserved for `start` may start as late as `until`; count it so."""
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
        """Replace a stretched reservation by its actual send time `left`."""
        if self._bot is None:
            return
        self._full = (math.inf, math.inf)
        unbook(self._starts, until)
        if left > start:
            unbook(self._starts, start)
            book(self._starts, left)

    def take_back(self, chat_id: int, private: bool, start: float, until: float = 0.0) -> None:
        """Release a reserved start whose request will not be made; `until` if it was stretched."""
        super().take_back(chat_id, private, start)
        if until > start:
            super().take_back(chat_id, private, until)

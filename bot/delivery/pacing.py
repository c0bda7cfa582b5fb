"""When the next request may start: Telegram's limits for the bot and for each chat, and what a 429 stops.

Decides only; the clock is an argument (monotonic seconds) and nobody is woken. Knows no rows and no Telegram.
"""

import math
import sys
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass

from bot.delivery.windows import Window, book, unbook

FLOODS_TOGETHER = 5.0  # seconds within which floods of several chats are taken for a flood of the bot
_EVENNESS = 0.9  # pushes keep this part of the average distance, the rest lets them catch up a late start
_PAID_EVENNESS = 0.6
_TOGETHER = 0.01  # seconds; pushes that fall into so short a time may leave at once: fewer wakes
_FREE = 30.0  # a second; what goes beyond is paid for
_FORGIVEN = 0.5  # the part of the margin that a late start may use up; the network has the rest
_SWEEP_FROM = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What Telegram lets a bot send (Bots FAQ, "My bot is hitting limits"); `per_second` None is no limit.

    Every window is kept longer by the part `margin`: requests do not travel equally fast, and a server that
    counts arrivals must find its limits kept too. It costs as much of the rate: 0.025 leaves 97.5 %. Of a
    paid rate that is 25 messages a second, so there the bot's window begins with `paid_margin`; a flood of
    the bot ends that.
    """

    per_second: float | None = 30
    private_gap: float = 1.0
    group_per_minute: int = 20
    margin: float = 0.025
    paid_margin: float = 0.005

    @property
    def crowd(self) -> int:
        """How many chats flooded together make a flood of the bot: two, and of a paid rate as many more.

        Of the 5,000 messages that go out in five seconds at 1,000/s, two may well meet slow chats.
        """
        return max(2, round((self.per_second or 0) / _FREE))


@dataclass(frozen=True, slots=True, order=True)
class _Booking:
    start: float
    chat_id: int
    private: bool


class Pacing:
    """Explicit state: past and booked starts, no older than a minute, and the freezes of floods."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits = limits or Limits()
        self._private = Window(1, limits.private_gap * (1 + limits.margin))
        self._group = Window(limits.group_per_minute, 60.0 * (1 + limits.margin))
        self._bot: Window | None = None
        self._even: Window | None = None
        # A paid rate forgives as much, for a thousand a second cannot each be woken on time.
        self._slack = _FORGIVEN * limits.margin * min(1.0, limits.private_gap)
        if limits.per_second is None and not limits.private_gap:
            self._slack = math.inf  # nothing is too near where there is no limit
        self._widen(limits.paid_margin if (limits.per_second or 0) > _FREE else limits.margin)
        self._starts: list[float] = []
        self._full = (math.inf, math.inf)  # between these times no push fits; saves looking again
        self._chats: dict[int, list[float]] = {}
        self._windows: dict[int, Window] = {}
        self._frozen: dict[int, float] = {}
        self._bot_frozen = -math.inf
        self._floods: list[tuple[float, int, float]] = []
        self._movable: list[_Booking] = []
        self._moved: dict[_Booking, float] = {}
        self._sweep_at = _SWEEP_FROM

    def _widen(self, margin: float) -> None:
        """Keep the bot's own window longer by this part."""
        limits = self._limits
        if limits.per_second is not None:
            most = max(1, math.floor(limits.per_second))
            together = max(1, math.floor(limits.per_second * _TOGETHER))
            evenness = _PAID_EVENNESS if limits.per_second > _FREE else _EVENNESS
            self._bot = Window(most, most / limits.per_second * (1 + margin))
            self._even = Window(together, evenness * together * self._bot.seconds / most)

    @property
    def remembered(self) -> int:
        """For how many chats anything is kept; of the order of the chats written to within a minute."""
        return len(self._chats) + len(self._frozen)

    @property
    def slack(self) -> float:
        """Seconds by which a start may come late without the requests behind it being too near."""
        return self._slack

    @property
    def bot_frozen_until(self) -> float:
        return self._bot_frozen

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
        return self._window(private).earliest(self._chats.get(chat_id, []), self._thawed(now, chat_id))

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
        start = self._place(self._thawed(now, chat_id) + lead, chat_id, private, even=not interactive)
        if interactive and (pushed := self._displace(now, start, chat_id, private)) is not None:
            return pushed
        self._book(_Booking(start, chat_id, private), movable=movable)
        return start

    def confirm(self, now: float, chat_id: int, private: bool, start: float) -> float:
        """Whether a movable booking may begin: its start if so, else a later time to wait for and ask again.

        It may not if an answer to somebody took its slot, if a flood came in between, or if it comes so late
        that the requests behind it would be too near.
        """
        booking = _Booking(start, chat_id, private)
        if (moved := self._moved.pop(booking, None)) is not None:
            return moved if moved > now else self.confirm(now, chat_id, private, moved)
        self._unlist(booking)
        lower = self._thawed(now, chat_id)
        if lower <= now <= start + self._slack:
            return start
        self._unbook(booking)
        again = self._place(lower, chat_id, private, even=False)
        self._book(_Booking(again, chat_id, private), movable=again > now)
        return again

    def flooded(self, now: float, chat_id: int, retry_after: float) -> bool:
        """Telegram answered 429: nothing to this chat for exactly `retry_after` seconds.

        Several chats at almost the same time mean that it is the bot that is too fast: then nothing at all
        until the longest of their pauses is over, and more distance from then on. Returns whether it is the
        bot.
        """
        until = now + retry_after
        self.freeze(chat_id, until)
        self._floods = [flood for flood in self._floods if flood[0] > now - FLOODS_TOGETHER]
        self._floods.append((now, chat_id, until))
        whole = len({flooded for _, flooded, _ in self._floods}) >= self._limits.crowd
        if whole:
            self.freeze_bot(max(end for _, _, end in self._floods))
            self._widen(self._limits.margin)
        return whole

    def freeze(self, chat_id: int, until: float) -> None:
        """Nothing to this chat before `until`, as remembered from an earlier run."""
        self._frozen[chat_id] = max(until, self._frozen.get(chat_id, until))

    def freeze_bot(self, until: float) -> None:
        self._bot_frozen = max(until, self._bot_frozen)

    def budget(self, now: float, within: float) -> int:
        """How many pushes, each to a chat that is ready, could still be booked within `within` seconds."""
        end, begin = now + within, max(now, self._bot_frozen)
        if begin > end:
            return 0
        if self._bot is None or self._even is None:
            return sys.maxsize
        coming = len(self._starts) - bisect_left(self._starts, begin)
        evenly = (math.floor((end - begin) / self._even.seconds) + 1) * self._even.most - coming
        further = max(0.0, within - self._bot.seconds) * self._bot.most / self._bot.seconds
        return max(0, min(evenly, self._bot.room(self._starts, end) + math.floor(further)))

    def _window(self, private: bool) -> Window:
        return self._private if private else self._group

    def _thawed(self, now: float, chat_id: int) -> float:
        return max(now, self._bot_frozen, self._frozen.get(chat_id, now))

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
        later = self._place(self._thawed(push.start, push.chat_id), push.chat_id, push.private, even=True)
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

    def _unbook(self, booking: _Booking) -> None:
        self._full = (math.inf, math.inf)
        unbook(self._starts, booking.start)
        unbook(self._chats.get(booking.chat_id, []), booking.start)

    def _unlist(self, booking: _Booking) -> None:
        index = bisect_left(self._movable, booking)
        if index < len(self._movable) and self._movable[index] == booking:
            del self._movable[index]

    def _forget(self, now: float, chat_id: int) -> None:
        """Drop what can no longer matter; all other chats only now and then, so that it costs little."""
        if self._bot is not None:
            self._bot.forget(self._starts, now)
        if chat_id in self._chats:
            self._windows[chat_id].forget(self._chats[chat_id], now)
        del self._movable[: bisect_left(self._movable, now, key=lambda booking: booking.start)]
        if self.remembered + len(self._moved) < self._sweep_at:
            return
        for chat_id, window in list(self._windows.items()):
            window.forget(self._chats[chat_id], now)
            if not self._chats[chat_id]:
                del self._chats[chat_id], self._windows[chat_id]
        self._frozen = {chat_id: until for chat_id, until in self._frozen.items() if until > now}
        self._moved = {old: new for old, new in self._moved.items() if new > now - self._group.seconds}
        self._sweep_at = max(_SWEEP_FROM, 2 * (self.remembered + len(self._moved)))

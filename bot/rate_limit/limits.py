"""Telegram's rate limits as sliding windows, each longer than the limit by a margin."""

import math
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` starts in any half-open interval of `seconds`."""

    most: int
    seconds: float

    def earliest(self, starts: list[float], at: float) -> float:
        """Return the first time from `at` on at which one more start fits among past and future `starts`.

        `most` consecutive starts block every time that would share a window with all of them; the next
        candidate is the first of them plus the window.
        """
        index = bisect_right(starts, at - self.seconds)
        while index + self.most <= len(starts) and starts[index + self.most - 1] - self.seconds < at:
            first, last = starts[index], starts[index + self.most - 1]
            if max(last, at) - min(first, at) < self.seconds:
                at = first + self.seconds
            index += 1
        return at

    def room(self, starts: list[float], until: float) -> int:
        """Return how many more starts fit into the window that ends at `until`."""
        return max(0, self.most - (len(starts) - bisect_right(starts, until - self.seconds)))

    def forget(self, starts: list[float], now: float) -> None:
        """Drop starts that no window from `now` on contains."""
        del starts[: bisect_right(starts, now - self.seconds)]


def book(starts: list[float], at: float) -> None:
    """Insert a start."""
    insort(starts, at)


def unbook(starts: list[float], at: float) -> None:
    """Remove a start if it is still kept."""
    index = bisect_left(starts, at)
    if index < len(starts) and starts[index] == at:
        del starts[index]


FREE = 30.0  # a second; a higher rate is paid for
_FORGIVEN = 0.5  # the fraction of the margin for late starts; the rest is for the network
_EVENNESS = 0.9  # pushes keep this fraction of the average distance; the rest makes up for late starts
_PAID_EVENNESS = 0.5
_TOGETHER = 0.01  # seconds; pushes within so short a time may start together, for fewer timers


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Telegram's limits (Bots FAQ, "My bot is hitting limits"); `per_second` None is no limit.

    Every window is planned longer by the fraction `margin`: latency varies, and a server that counts arrivals
    must find its limits kept too. A margin of 0.025 leaves 97.5 % of the rate. With a paid rate the bot's
    window starts with `paid_margin` until the bot is flooded. Between requests as they are really sent, half
    of the margin is kept in any case.
    """

    per_second: float | None = 30
    private_gap: float = 1.0
    group_per_minute: int = 20
    margin: float = 0.025
    paid_margin: float = 0.005

    @property
    def first_margin(self) -> float:
        """Return the margin of the bot's window until the bot is flooded."""
        return self.paid_margin if (self.per_second or 0) > FREE else self.margin

    @property
    def crowd(self) -> int:
        """Return how many chats flooded together may be a flood of the bot.

        Two, and more with a paid rate: of 5,000 messages in five seconds two may well meet slow chats.
        """
        return max(2, round((self.per_second or 0) / FREE))

    @property
    def slack(self) -> float:
        """Return the seconds by which a start may be late without bringing later requests too near."""
        if self.per_second is None and not self.private_gap:
            return math.inf
        return _FORGIVEN * self.margin * min(1.0, self.private_gap)

    def of_chat(self, private: bool) -> Window:
        """Return the window of one chat."""
        return self._of_chat(private, self.margin)

    def of_chat_kept(self, private: bool) -> Window:
        """Return the window of one chat between requests as they are really sent."""
        return self._of_chat(private, _kept(self.margin))

    def of_bot(self, margin: float) -> Window | None:
        """Return the bot's window; None without a limit."""
        if self.per_second is None:
            return None
        most = max(1, math.floor(self.per_second))
        return Window(most, most / self.per_second * (1 + margin))

    def of_bot_kept(self, margin: float) -> Window | None:
        """Return the bot's window between requests as they are really sent."""
        return self.of_bot(_kept(margin))

    def evenly(self, margin: float) -> Window | None:
        """Return the short window that spreads pushes over each second."""
        whole = self.of_bot(margin)
        if whole is None or self.per_second is None:
            return None
        together = max(1, math.floor(self.per_second * _TOGETHER))
        evenness = _PAID_EVENNESS if self.per_second > FREE else _EVENNESS
        return Window(together, evenness * together * whole.seconds / whole.most)

    def _of_chat(self, private: bool, margin: float) -> Window:
        if private:
            return Window(1, self.private_gap * (1 + margin))
        return Window(self.group_per_minute, 60.0 * (1 + margin))


def _kept(margin: float) -> float:
    return (1 - _FORGIVEN) * margin

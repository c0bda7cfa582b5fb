"""Telegram's rate limits as sliding windows, each longer than the limit by a margin."""

import math
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` starts in any half-open interval of `seconds`."""

    most: int
    seconds: float

    def opens_at(self, starts: list[float], now: float) -> float:
        """Return the first time from `now` on at which one more start fits behind the sorted `starts`."""
        if len(starts) < self.most:
            return now
        return max(now, starts[-self.most] + self.seconds) if self.most else math.inf

    def holds(self, starts: list[float], until: float) -> int:
        """Return how many starts the window that ends at `until` contains."""
        return len(starts) - bisect_right(starts, until - self.seconds)

    def room(self, starts: list[float], until: float) -> int:
        """Return how many more starts fit into the window that ends at `until`."""
        return max(0, self.most - self.holds(starts, until))

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
# The planned distance of pushes, as a fraction of the average: the rest makes up for late starts.
_EVENNESS, _PAID_EVENNESS = 0.95, 0.5
_TOGETHER = 0.01  # seconds; pushes within so short a time may start together, for fewer timers


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Telegram's limits (Bots FAQ, "My bot is hitting limits"); `per_second` None is no limit.

    Every window is longer by the fraction `margin`: latency varies, and a server that counts arrivals must
    find its limits kept too. A margin of 0.025 leaves 97.5 % of the rate. With a paid rate the bot's window
    starts with `paid_margin` until the bot is flooded.
    """

    per_second: float | None = 30
    private_gap: float = 1.0
    group_per_minute: int = 20
    margin: float = 0.025
    paid_margin: float = 0.005

    @property
    def is_paid(self) -> bool:
        return (self.per_second or 0) > FREE

    @property
    def first_margin(self) -> float:
        """Return the margin of the bot's window until the bot is flooded."""
        return self.paid_margin if self.is_paid else self.margin

    @property
    def crowd(self) -> int:
        """Return how many chats flooded together may be a flood of the bot.

        Two, and more with a paid rate: of 5,000 messages in five seconds two may well meet slow chats.
        """
        return max(2, round((self.per_second or 0) / FREE))

    @property
    def together(self) -> int:
        """Return how many pushes may start at once."""
        return max(1, math.floor((self.per_second or 0) * _TOGETHER))

    def of_chat(self, private: bool) -> Window:
        """Return the window of one chat."""
        if private:
            return Window(1, self.private_gap * (1 + self.margin))
        return Window(self.group_per_minute, 60.0 * (1 + self.margin))

    def of_bot(self, margin: float) -> Window | None:
        """Return the bot's window; None without a limit."""
        if self.per_second is None:
            return None
        most = max(1, math.floor(self.per_second))
        return Window(most, most / self.per_second * (1 + margin))

    def distance(self, margin: float, most: int) -> float:
        """Return the planned seconds between two pushes, for `most` of the bot's starts."""
        window = self.of_bot(margin)
        if window is None or not most:
            return 0.0
        return (_PAID_EVENNESS if self.is_paid else _EVENNESS) * window.seconds / most

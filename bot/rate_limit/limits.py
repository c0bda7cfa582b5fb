"""Telegram's rate limits as sliding windows over the starts of requests."""

import math
import sys
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass

FREE = 30.0  # a second; a higher rate is paid for


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` starts in any half-open interval of `seconds`; starts are sorted lists of times."""

    most: int
    seconds: float

    def opens_at(self, starts: list[float], now: float) -> float:
        """Return the first time from `now` on at which one more start fits behind `starts`."""
        if len(starts) < self.most:
            return now
        return max(now, starts[-self.most] + self.seconds) if self.most else math.inf

    def holds(self, starts: list[float], until: float) -> int:
        """Return how many starts the window that ends at `until` contains."""
        return len(starts) - bisect_right(starts, until - self.seconds)

    def count(self, starts: list[float], at: float) -> None:
        """Add a start; forget those that no window from then on contains."""
        del starts[: bisect_right(starts, at - self.seconds)]
        insort(starts, at)


def uncount(starts: list[float], at: float) -> None:
    """Remove a start if it is still kept."""
    index = bisect_left(starts, at)
    if index < len(starts) and starts[index] == at:
        del starts[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Telegram's limits (Bots FAQ, "My bot is hitting limits"); `per_second` None is no limit.

    Every window is longer by the fraction `margin`: latency varies, and a server that counts arrivals must
    find its limits kept too. A margin of 0.025 leaves 97.5 % of the rate.
    """

    per_second: float | None = 30
    private_gap: float = 1.0
    group_per_minute: int = 20
    margin: float = 0.025

    @property
    def crowd(self) -> int:
        """Return how many chats flooded together may be a flood of the bot.

        Two, and more with a paid rate: of 5,000 messages in five seconds two may well meet slow chats.
        """
        return max(2, round((self.per_second or 0) / FREE))

    def of_chat(self, private: bool) -> Window:
        """Return the window of one chat."""
        most, seconds = (1, self.private_gap) if private else (self.group_per_minute, 60.0)
        return Window(most, seconds * (1 + self.margin))

    def of_bot(self) -> Window:
        """Return the bot's window."""
        if self.per_second is None:
            return Window(sys.maxsize, 0.0)
        most = max(1, math.floor(self.per_second))
        return Window(most, most / self.per_second * (1 + self.margin))

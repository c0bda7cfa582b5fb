"""Sliding windows: at most so many starts within any so many seconds. Arithmetic on sorted lists of times."""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """No half-open interval of `seconds` may hold more than `most` starts."""

    most: int
    seconds: float

    def earliest(self, starts: list[float], at: float) -> float:
        """The first time, not before `at`, at which one more start fits among `starts`, past or to come.

        `most` starts that follow one another within less than the window leave no room for another one from
        the last of them less the window to the first of them plus the window.
        """
        first = bisect_right(starts, at - self.seconds)
        while first + self.most <= len(starts) and starts[first + self.most - 1] - self.seconds < at:
            at = max(at, starts[first] + self.seconds)
            first += 1
        return at

    def room(self, starts: list[float], until: float) -> int:
        """How many more starts the window that ends at `until` can hold."""
        return max(0, self.most - (len(starts) - bisect_right(starts, until - self.seconds)))

    def forget(self, starts: list[float], now: float) -> None:
        """Drop what no window from `now` on can see."""
        del starts[: bisect_right(starts, now - self.seconds)]


def book(starts: list[float], at: float) -> None:
    insort(starts, at)


def unbook(starts: list[float], at: float) -> None:
    """Take back a start; one that is forgotten already makes no difference."""
    index = bisect_left(starts, at)
    if index < len(starts) and starts[index] == at:
        del starts[index]

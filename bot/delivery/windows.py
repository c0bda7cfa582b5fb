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

        `most` starts that follow one another leave no room for one more that would stand with all of them
        within less than the window; then the first time for it is the first of them plus the window.
        """
        index = bisect_right(starts, at - self.seconds)
        while index + self.most <= len(starts) and starts[index + self.most - 1] - self.seconds < at:
            first, last = starts[index], starts[index + self.most - 1]
            if max(last, at) - min(first, at) < self.seconds:
                at = first + self.seconds
            index += 1
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

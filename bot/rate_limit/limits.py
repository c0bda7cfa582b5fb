"""What Telegram lets a bot send, as windows of time: longer than the limits by a margin, and how evenly.

Numbers only; what has been sent is not known here.
"""

import math
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


FREE = 30.0  # a second; what goes beyond is paid for
_FORGIVEN = 0.5  # the part of the margin that uneven lateness may use up; the network has the rest
_EVENNESS = 0.9  # pushes keep this part of the average distance, the rest lets them catch up a late start
_PAID_EVENNESS = 0.5
_TOGETHER = 0.01  # seconds; pushes that fall into so short a time may leave at once: fewer wakes


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What Telegram lets a bot send (Bots FAQ, "My bot is hitting limits"); `per_second` None is no limit.

    Every window is planned longer by the part `margin`: requests do not travel equally fast, and a server
    that counts arrivals must find its limits kept too. It costs as much of the rate: 0.025 leaves 97.5 %. Of
    a paid rate that is 25 messages a second, so there the bot's window begins with `paid_margin`; a flood of
    the bot ends that. Between requests as they really leave, half of the margin is kept in any case.
    """

    per_second: float | None = 30
    private_gap: float = 1.0
    group_per_minute: int = 20
    margin: float = 0.025
    paid_margin: float = 0.005

    @property
    def first_margin(self) -> float:
        """Of the bot's own window, until the bot is flooded."""
        return self.paid_margin if (self.per_second or 0) > FREE else self.margin

    @property
    def crowd(self) -> int:
        """How many chats flooded together make a flood of the bot: two, and of a paid rate as many more.

        Of the 5,000 messages that go out in five seconds at 1,000/s, two may well meet slow chats.
        """
        return max(2, round((self.per_second or 0) / FREE))

    @property
    def slack(self) -> float:
        """Seconds by which a start may come late without the requests behind it being too near."""
        if self.per_second is None and not self.private_gap:
            return math.inf
        return _FORGIVEN * self.margin * min(1.0, self.private_gap)

    def of_chat(self, private: bool) -> Window:
        return self._of_chat(private, self.margin)

    def of_chat_kept(self, private: bool) -> Window:
        """Between requests as they really leave."""
        return self._of_chat(private, _kept(self.margin))

    def of_bot(self, margin: float) -> Window | None:
        if self.per_second is None:
            return None
        most = max(1, math.floor(self.per_second))
        return Window(most, most / self.per_second * (1 + margin))

    def of_bot_kept(self, margin: float) -> Window | None:
        """Between requests as they really leave."""
        return self.of_bot(_kept(margin))

    def evenly(self, margin: float) -> Window | None:
        """What pushes keep among themselves, so that a second's worth does not leave at its beginning."""
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

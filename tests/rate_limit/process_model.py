"""A model of a process that sends: it books ahead, wakes up late, stands still at times, and is on its way.

And of a server that counts what arrives, strictly.
"""

import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from bot.rate_limit.scheduler import SendScheduler

Seconds = Callable[[], float]

PRIVATE, OTHER, GROUP = 7, 8, -5  # chats
NETWORK = 1.0125  # the part of the margin that is the network's, whatever happens in the process


def most_within(times: Sequence[float], seconds: float) -> int:
    """The largest number of times in any half-open interval of that length."""
    times = sorted(times)
    return max((bisect_left(times, at + seconds - 1e-9) - index for index, at in enumerate(times)), default=0)


def private(chat_id: int) -> bool:
    return chat_id > 0


def never() -> float:
    return 0.0


@dataclass(order=True)
class Waiting:
    """Wakes up at `wakes`; what was let go is on its way to the wire, and asks there once more."""

    wakes: float
    number: int
    chat_id: int = field(compare=False)
    start: float = field(compare=False)
    on_its_way: bool = field(compare=False, default=False)
    at_the_wire: bool = field(compare=False, default=False)


@dataclass
class Sender:
    """`late` is how much later than wanted a wake comes, `to_wire` what lies between it and the first byte.

    Within `stalls`, from and to, nothing happens; what was due then happens at their ends.
    """

    pacing: SendScheduler
    late: Seconds = never
    to_wire: Seconds = never
    stalls: Sequence[tuple[float, float]] = ()
    now: float = 1000.0
    waiting: list[Waiting] = field(default_factory=list)
    started: list[tuple[float, int]] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)

    def push(self, chat_id: int) -> None:
        start = self.pacing.reserve(self.now, chat_id, private(chat_id), movable=True)
        self._wait(start + self.late(), chat_id, start)

    def reply(self, chat_id: int) -> float:
        start = self.pacing.reserve(self.now, chat_id, private(chat_id), interactive=True)
        self._wait(start + self.late(), chat_id, start)
        return start - self.now

    def advance(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that falls into it."""
        end = self.now + seconds
        while self.waiting and self.waiting[0].wakes <= end:
            one = heappop(self.waiting)
            self.now = max(self.now, one.wakes)
            ask = self.pacing.acquire if one.on_its_way else self.pacing.confirm
            again = ask(self.now, one.chat_id, private(one.chat_id), one.start)
            there = one.at_the_wire or one.on_its_way
            if again > self.now:
                self._wait(again + self.late(), one.chat_id, again, at_the_wire=there)
            elif not there:
                self._wait(again + self.to_wire(), one.chat_id, again, on_its_way=True)
            else:
                self.pacing.mark_sent(self.now, one.chat_id, private(one.chat_id), again)
                self.started.append((self.now, one.chat_id))
        self.now = max(self.now, self._awake(end))

    def saturate(self, seconds: float, chats: Callable[[], int], *, most: int = 500) -> None:
        """Claim as much as the budget allows, all the time."""
        end = self.now + seconds
        while self.now < end:
            for _ in range(min(self.pacing.budget(self.now, 0.5), most)):
                self.push(chats())
            self.advance(0.03)

    def times(self, chat_id: int | None = None) -> list[float]:
        return [at for at, chat in self.started if chat_id in (None, chat)]

    def _wait(
        self,
        until: float,
        chat_id: int,
        start: float,
        *,
        on_its_way: bool = False,
        at_the_wire: bool = False,
    ) -> None:
        number = next(self.numbers)
        heappush(self.waiting, Waiting(self._awake(until), number, chat_id, start, on_its_way, at_the_wire))

    def _awake(self, at: float) -> float:
        return next((end for begin, end in self.stalls if begin <= at < end), at)


@dataclass
class Server:
    """Answers 429 to what is too much within the second or the minute before it, and does not count that."""

    per_second: int
    refused: int = 0
    taken: list[float] = field(default_factory=list)
    chats: "defaultdict[int, list[float]]" = field(default_factory=lambda: defaultdict(list))

    def arrive(self, arrivals: Sequence[tuple[float, int]]) -> None:
        for at, chat_id in sorted(arrivals):
            most, seconds = (1, 1.0) if private(chat_id) else (20, 60.0)
            chat = self.chats[chat_id]
            if _within(self.taken, at, 1.0) >= self.per_second or _within(chat, at, seconds) >= most:
                self.refused += 1
            else:
                self.taken.append(at)
                chat.append(at)


def _within(times: Sequence[float], at: float, seconds: float) -> int:
    return len(times) - bisect_left(times, at - seconds + 1e-9)


def stalls(
    luck: random.Random, until: float, *, every: float, least: float, most: float
) -> list[tuple[float, float]]:
    """Random stretches in which nothing happens, `every` so many seconds on average."""
    found, at = [], 1000.0
    while (at := at + luck.expovariate(1 / every)) < until:
        end = at + luck.uniform(least, most)
        found.append((at, end))
        at = end
    return found

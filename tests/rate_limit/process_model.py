"""A model of a process that sends: it wakes up late, stands still at times, and is slow to the wire.

And of a server that counts what arrives, strictly.
"""

import math
import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from bot.rate_limit.scheduler import SendScheduler, SlotRequest

Seconds = Callable[[], float]

PRIVATE, OTHER, GROUP = 7, 8, -5  # chats
NETWORK = 1.025  # the margin, which is the network's, whatever happens in the process


def most_within(times: Sequence[float], seconds: float) -> int:
    """The largest number of times in any half-open interval of that length."""
    times = sorted(times)
    return max((bisect_left(times, at + seconds - 1e-9) - index for index, at in enumerate(times)), default=0)


def private(chat_id: int) -> bool:
    return chat_id > 0


def never() -> float:
    return 0.0


@dataclass
class Sender:
    """`late` is how much later than wanted a timer fires, `to_wire` what lies between grant and first byte.

    Within `stalls`, from and to, nothing happens; what was due then happens at their ends.
    """

    scheduler: SendScheduler
    late: Seconds = never
    to_wire: Seconds = never
    stalls: Sequence[tuple[float, float]] = ()
    now: float = 1000.0
    started: list[tuple[float, int]] = field(default_factory=list)
    _on_its_way: list[tuple[float, int, SlotRequest]] = field(default_factory=list)
    _wanted_at: float = math.inf
    _wakes_at: float = math.inf
    _at_the_wire: set[SlotRequest] = field(default_factory=set)
    _numbers: "count[int]" = field(default_factory=count)

    def push(self, chat_id: int) -> None:
        self._enqueue(SlotRequest(chat_id, private(chat_id)))

    def reply(self, chat_id: int) -> SlotRequest:
        request = SlotRequest(chat_id, private(chat_id), interactive=True)
        self._enqueue(request)
        return request

    def advance(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that falls into it."""
        end = self.now + seconds
        while (at := min(self._wakes_at, self._on_its_way[0][0] if self._on_its_way else math.inf)) <= end:
            self.now = max(self.now, at)
            if at == self._wakes_at:
                self._wanted_at = self._wakes_at = math.inf
                self._dispatch()
            else:
                self._write(heappop(self._on_its_way)[2])
        self.now = max(self.now, self._awake(end))

    def saturate(self, seconds: float, chats: Callable[[], int], *, most: int = 500) -> None:
        """Claim as much as the budget allows, all the time."""
        end = self.now + seconds
        while self.now < end:
            for _ in range(min(self.scheduler.budget(self.now, 0.5), most)):
                self.push(chats())
            self.advance(0.03)

    def times(self, chat_id: int | None = None) -> list[float]:
        return [at for at, chat in self.started if chat_id in (None, chat)]

    @property
    def unsent(self) -> int:
        """How many granted requests are on their way to the wire."""
        return len(self._on_its_way)

    def leaving(self, chat_id: int) -> int:
        return sum(request.chat_id == chat_id for _, _, request in self._on_its_way)

    def _write(self, request: SlotRequest) -> None:
        if self.scheduler.is_counted(self.now, request):
            self.scheduler.mark_sent(self.now, request)
            self.started.append((self.now, request.chat_id))
        else:
            self._at_the_wire.add(request)
            self.scheduler.withdraw(request)
            self._enqueue(request)

    def _enqueue(self, request: SlotRequest) -> None:
        self.scheduler.enqueue(self.now, request)
        self._dispatch()

    def _dispatch(self) -> None:
        for request in self.scheduler.grant(self.now):
            travels = 0.0 if request in self._at_the_wire else self.to_wire()
            there = self._awake(self.now + travels)
            heappush(self._on_its_way, (there, next(self._numbers), request))
        wanted = self.scheduler.next_at(self.now)
        if wanted < self._wanted_at:
            self._wanted_at, self._wakes_at = wanted, self._awake(wanted + self.late())

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

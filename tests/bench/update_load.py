"""Bringing updates to a webhook as Telegram does: over some connections, each waiting for its 200.

A separate program; takes JSON, prints one line of JSON. Without a rate every connection sends the next
update as soon as the last was taken; with one, updates arrive at random (Poisson) times, and what they wait
for a free connection counts as a part of their latency.
"""

import asyncio
import json
import random
import sys
import time
from collections import deque
from collections.abc import Iterator

from tests.bench.fill import FIRST_CHAT
from tests.bench.questions import update_of

PATIENCE = 60.0  # seconds for what is still under way at the end
HEAD = (
    b"POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    b"X-Telegram-Bot-Api-Secret-Token: %s\r\nContent-Length: %d\r\n\r\n"
)
Waiting = tuple[float, bytes]


class Bringer(asyncio.Protocol):
    """One connection: brings what waits, one at a time."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._begun: float | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._crowd.free(self)

    def bring(self, waiting: Waiting) -> None:
        self._begun, request = waiting
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._begun is not None and b"\r\n\r\n" in data:  # the responses are too short to be split
            begun, self._begun = self._begun, None
            self._crowd.taken(data.startswith(b"HTTP/1.1 200"), time.perf_counter() - begun)
            self._crowd.free(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._begun is not None:
            self._crowd.taken(False, 0.0)


class Crowd:
    """Everybody who asks; `people` is how many different persons they are."""

    def __init__(self, *, path: str, secret: str, people: int, seed: int) -> None:
        self._path, self._secret, self._people = path.encode(), secret.encode(), people
        self._number = seed
        self._luck = random.Random(seed)
        self._idle: deque[Bringer] = deque()
        self._queue: deque[Waiting] = deque()
        self.eager = False
        self.latencies: list[float] = []
        self.refused = 0
        self.asked = 0

    def ask(self) -> None:
        """One more update arrives."""
        if self._idle:
            self._idle.popleft().bring(self._next())
        else:
            self._queue.append(self._next())

    def free(self, bringer: Bringer) -> None:
        if self._queue:
            bringer.bring(self._queue.popleft())
        elif self.eager:
            bringer.bring(self._next())
        else:
            self._idle.append(bringer)

    def taken(self, well: bool, seconds: float) -> None:
        self.latencies.append(seconds)
        self.refused += not well

    def _next(self) -> Waiting:
        self._number += 1
        self.asked += 1
        body = update_of(self._number, FIRST_CHAT + self._luck.randrange(self._people))
        return time.perf_counter(), HEAD % (self._path, self._secret, len(body)) + body

    def begin(self) -> None:
        """Without a rate: every connection brings all the time."""
        self.eager = True
        while self._idle:
            self._idle.popleft().bring(self._next())


def arrivals(rate: float, luck: random.Random) -> Iterator[float]:
    """Seconds from the beginning, for ever."""
    at = 0.0
    while True:
        at += luck.expovariate(rate)
        yield at


async def bring(
    port: int,
    path: str,
    secret: str,
    seconds: float,
    connections: int,
    people: int,
    seed: int,
    rate: float = 0,
) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    crowd = Crowd(path=path, secret=secret, people=people, seed=seed)
    for _ in range(connections):
        await loop.create_connection(lambda: Bringer(crowd), "127.0.0.1", port)
    begun = time.perf_counter()
    if rate:
        for at in arrivals(rate, random.Random(seed)):
            if at > seconds:
                break
            if (wait := at - (time.perf_counter() - begun)) > 0:
                await asyncio.sleep(wait)
            crowd.ask()
    else:
        crowd.begin()
        await asyncio.sleep(seconds)
        crowd.eager = False
    lasted = time.perf_counter() - begun
    taken = len(crowd.latencies)
    patient_until = time.perf_counter() + PATIENCE
    while len(crowd.latencies) < crowd.asked and time.perf_counter() < patient_until:
        await asyncio.sleep(0.01)
    unanswered = crowd.asked - len(crowd.latencies)
    latencies = sorted(crowd.latencies)
    return {
        "updates": len(latencies),
        "refused": crowd.refused + unanswered,
        "per_second": taken / lasted,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
        "worst_ms": 1000 * latencies[-1],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(bring(**json.loads(sys.argv[1])))) + "\n")

"""Task pool: so many requests at a time, and claims that wait for one to end."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from bot.rate_limit import ClaimedDelivery
from bot.supervisor import BackgroundTasks, wait_for
from storage.clock import Clock

SPARE = 3.0  # claims that may wait for a slot, for each slot


class TaskPool:
    """Task pool with prefetch: `most` requests at a time; `may_go_on` allows a slot its next one."""

    def __init__(
        self,
        most: int,
        work: Callable[[ClaimedDelivery], Awaitable[None]],
        may_go_on: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._most = most
        self._clock = clock
        self._ends, self._ended_at = 0.0, 0.0
        self._ran_low = asyncio.Event()
        self._work = work
        self._may_go_on = may_go_on
        self._busy = BackgroundTasks()
        self._waiting: deque[ClaimedDelivery] = deque()

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def free(self) -> int:
        return self._most - self.busy

    @property
    def waiting(self) -> int:
        """Return how many claims have no slot yet."""
        return len(self._waiting)

    @property
    def spare(self) -> int:
        """Return how many claims may wait for a free slot: about what ends within a second, at most."""
        faded = self._ends * math.exp(self._ended_at - self._clock.monotonic())
        return min(round(SPARE * self._most), math.floor(faded))

    @property
    def room(self) -> int:
        """Return how many more claims can start at once or wait."""
        return self.free + self.spare - self.waiting

    @property
    def plenty(self) -> bool:
        """Return whether enough claims wait that claiming more can be postponed."""
        return self.waiting > round(SPARE * self._most) // 2

    @property
    def oldest(self) -> float:
        """Return when the longest waiting claim was claimed; infinity if none waits."""
        return self._waiting[0].at if self._waiting else math.inf

    def fill(self, claimed: Iterable[ClaimedDelivery]) -> None:
        """Append these claims to the queue and start them while slots are free."""
        self._waiting.extend(claimed)
        while self._waiting and self.free > 0:
            self._busy.start(self._serve(self._waiting.popleft()))

    async def _serve(self, first: ClaimedDelivery) -> None:
        await self._work(first)
        self._end()
        while self._waiting and self._may_go_on():
            following = self._waiting.popleft()
            if not self.plenty:
                self._ran_low.set()
            await self._work(following)
            self._end()

    def _end(self) -> None:
        """Count an end; the count fades by the factor e in a second."""
        now = self._clock.monotonic()
        self._ends, self._ended_at = 1 + self._ends * math.exp(self._ended_at - now), now

    async def run_low(self, within: float) -> bool:
        """Wait at most `within` seconds until few claims wait; return whether that happened."""
        self._ran_low.clear()
        return not self.plenty or await wait_for(self._ran_low, within)

    def take_back(self) -> list[ClaimedDelivery]:
        """Remove and return the claims that wait for a slot."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    async def wait(self, seconds: float) -> int:
        """Wait up to `seconds` for the requests in flight; return how many have not ended."""
        return await self._busy.wait(seconds)

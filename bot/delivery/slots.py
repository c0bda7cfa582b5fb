"""The slots of the sender: so many tries at a time, and what was claimed beyond them waiting in its order.

A slot that ends goes on with what waits, so none stands empty while the next claim is written. Knows neither
what a try does nor when claims are made.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from bot.delivery.pace import Claimed
from bot.tasks import Nursery, happens


class Slots:
    """`most` tries run at a time; after each, `may_go_on` says whether its slot takes the next."""

    def __init__(
        self,
        most: int,
        work: Callable[[Claimed], Awaitable[None]],
        may_go_on: Callable[[], bool],
        *,
        spare: int,
    ) -> None:
        """`spare` is how many claims may wait for a slot."""
        self._most = most
        self._spare = spare
        self._ran_low = asyncio.Event()
        self._work = work
        self._may_go_on = may_go_on
        self._busy = Nursery()
        self._waiting: deque[Claimed] = deque()

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def free(self) -> int:
        return self._most - self.busy

    @property
    def waiting(self) -> int:
        """How many claims have no slot yet."""
        return len(self._waiting)

    @property
    def room(self) -> int:
        """How many more claims can be tried at once or may wait; none need wait before the first is tried."""
        return self.free + (self._spare if self.busy else 0) - self.waiting

    @property
    def plenty(self) -> bool:
        """Whether so many wait that claiming more can wait, too."""
        return self.waiting > self._spare // 2

    @property
    def oldest(self) -> float:
        """When the one that waits longest was claimed; infinity if none waits."""
        return self._waiting[0].at if self._waiting else math.inf

    def fill(self, claimed: Iterable[Claimed]) -> None:
        """Try these after what waits already, at once where a slot is free."""
        self._waiting.extend(claimed)
        while self._waiting and self.free > 0:
            self._busy.start(self._serve(self._waiting.popleft()))

    async def _serve(self, first: Claimed) -> None:
        await self._work(first)
        while self._waiting and self._may_go_on():
            following = self._waiting.popleft()
            if not self.plenty:
                self._ran_low.set()
            await self._work(following)

    async def run_low(self, within: float) -> bool:
        """Wait until there is no plenty any more, `within` seconds at most; whether it came to that."""
        self._ran_low.clear()
        return not self.plenty or await happens(self._ran_low, within)

    def take_back(self) -> list[Claimed]:
        """What waits and is not going to be tried here."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    async def wait(self, seconds: float) -> int:
        """Wait up to `seconds` for the tries under way; returns how many have not ended."""
        return await self._busy.wait(seconds)

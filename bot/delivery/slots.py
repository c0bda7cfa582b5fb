"""The slots of the sender: so many tries at a time, and what was claimed beyond them waiting in its order.

A slot that ends goes on with what waits, so none stands empty while the next claim is written. Knows neither
what a try does nor when claims are made.
"""

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from bot.delivery.pace import Claimed
from bot.tasks import Nursery


class Slots:
    """`most` tries run at a time; after each, `may_go_on` says whether its slot takes the next."""

    def __init__(
        self,
        most: int,
        work: Callable[[Claimed], Awaitable[None]],
        may_go_on: Callable[[], bool],
        *,
        low: int,
        ran_low: Callable[[], None],
    ) -> None:
        """`ran_low` is called when no more than `low` claims wait any longer."""
        self._most = most
        self._low = low
        self._ran_low = ran_low
        self._work = work
        self._may_go_on = may_go_on
        self._busy = Nursery()
        self._waiting: deque[Claimed] = deque()

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def waiting(self) -> int:
        """How many claims have no slot yet."""
        return len(self._waiting)

    @property
    def oldest(self) -> float:
        """When the one that waits longest was claimed; infinity if none waits."""
        return self._waiting[0].at if self._waiting else math.inf

    def fill(self, claimed: Iterable[Claimed]) -> None:
        """Try these after what waits already, at once where a slot is free."""
        self._waiting.extend(claimed)
        while self._waiting and self.busy < self._most:
            self._busy.start(self._serve(self._waiting.popleft()))

    async def _serve(self, first: Claimed) -> None:
        await self._work(first)
        while self._waiting and self._may_go_on():
            following = self._waiting.popleft()
            if len(self._waiting) == self._low:
                self._ran_low()
            await self._work(following)

    def take_back(self) -> list[Claimed]:
        """What waits and is not going to be tried here."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    async def wait(self, seconds: float) -> int:
        """Wait up to `seconds` for the tries under way; returns how many have not ended."""
        return await self._busy.wait(seconds)

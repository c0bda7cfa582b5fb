"""Work that is woken, and work in rounds: one at the start, and one more whenever somebody wakes it.

Knows nothing of the work.
"""

import asyncio
from abc import ABC, abstractmethod


class Woken:
    """A subclass looks for work when there is news, until it is to stop."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """There may be something to do."""
        self._news.set()

    def stop(self) -> None:
        """Begin nothing more; what is under way comes to its end."""
        self._stopping = True
        self._news.set()


class Rounds(Woken, ABC):
    """A subclass says what one round is; a task of its own runs it until `stop`."""

    @abstractmethod
    async def round(self) -> object:
        """Do what there is to do."""

    async def run(self) -> None:
        while not self._stopping:
            self._news.clear()  # before the work: what comes up during it must not be slept through
            await self.round()
            await self._news.wait()

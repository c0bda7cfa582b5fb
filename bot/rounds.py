"""Work in rounds: one at the start, and one more whenever somebody wakes it. Knows nothing of the work."""

import asyncio
from abc import ABC, abstractmethod


class Rounds(ABC):
    """A subclass says what one round is; a task of its own runs it until `stop`."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._stopping = False

    @abstractmethod
    async def round(self) -> object:
        """Do what there is to do."""

    def wake(self) -> None:
        self._news.set()

    def stop(self) -> None:
        """No further round; one that is under way comes to its end."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        while not self._stopping:
            self._news.clear()  # before the work: what comes up during it must not be slept through
            await self.round()
            await self._news.wait()

"""TTL cache with request coalescing, and a batch loader."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from itertools import islice
from typing import Generic, TypeVar

from cachetools import TTLCache

from bot.supervisor import BackgroundTasks

V = TypeVar("V")


class SingleFlightCache(Generic[V]):
    """TTL cache with request coalescing: up to `max_size` values for `ttl` seconds.

    Concurrent `get` calls for a missing key share one `make`. Exceptions are not cached.
    """

    def __init__(self, *, max_size: int, ttl: float) -> None:
        self._now = 0.0
        self._kept: TTLCache[Hashable, asyncio.Future[V]] = TTLCache(max_size, ttl, timer=lambda: self._now)

    async def get(self, key: Hashable, now: float, make: Callable[[], Awaitable[V]]) -> V:
        """Return the value of `key` at `now` (monotonic seconds), made by `make` if it is missing."""
        self._now = now
        kept = self._kept.get(key)
        if kept is not None:
            # Shared by several tasks, it must survive the cancellation of one.
            return kept.result() if kept.done() else await asyncio.shield(kept)
        value: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._kept[key] = value
        try:
            made = await make()
        except BaseException as error:
            if self._kept.get(key) is value:
                del self._kept[key]
            value.set_exception(error if isinstance(error, Exception) else RuntimeError("not finished"))
            value.exception()  # retrieved: asyncio must not warn if no other call waits
            raise
        value.set_result(made)
        return made

    def clear(self) -> None:
        """Remove all values; pending calls still get theirs."""
        self._kept.clear()


K = TypeVar("K", bound=Hashable)

AT_MOST = 200  # questions in one batch
APART_SECONDS = 0.02  # between the starts of two batches, at first


class BatchLoader(Generic[K, V]):
    """Collects concurrent questions and answers them with one call of `look`."""

    def __init__(self, look: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._look = look
        self.apart = APART_SECONDS
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._looks = BackgroundTasks()
        self._looking = False
        self._next_at = float("-inf")

    async def get(self, question: K) -> V:
        """Return the answer to `question`. Raises any error of `look`."""
        answer = self._waiting.get(question)
        if answer is None:
            answer = self._waiting[question] = asyncio.get_running_loop().create_future()
        if not self._looking:
            self._looking = True
            self._looks.start(self._all())
        return await asyncio.shield(answer)  # shared with other calls

    async def _all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(max(0.0, self._next_at - loop.time()))
                self._next_at = loop.time() + self.apart
                await self._some()
        finally:
            self._looking = False

    async def _some(self) -> None:
        asked = dict(islice(self._waiting.items(), AT_MOST))
        for question in asked:
            del self._waiting[question]
        try:
            answers = await self._look(asked)
        except BaseException as error:
            for answer in asked.values():
                answer.set_exception(error if isinstance(error, Exception) else RuntimeError("not finished"))
                answer.exception()  # retrieved: asyncio must not warn if no call waits
            if not isinstance(error, Exception):
                raise
        else:
            for question, answer in asked.items():
                answer.set_result(answers[question])

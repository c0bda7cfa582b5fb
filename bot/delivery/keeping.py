"""Values that many ask for at the same time and that are made once for all of them.

Knows neither what they are nor how they are made.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """At most `most` values, each for `fresh` seconds; whoever asks while one is being made waits for it."""

    def __init__(self, *, most: int, fresh: float) -> None:
        self._most = most
        self._fresh = fresh
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Future[V]]] = OrderedDict()

    async def get(self, key: Hashable, now: float, make: Callable[[], Awaitable[V]]) -> V:
        """The value of `key` at `now` (monotonic seconds); raises what `make` raises, and keeps no error."""
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] <= self._fresh:
            # Being asked for from several tasks, it must survive that one of them is cancelled.
            return kept[1].result() if kept[1].done() else await asyncio.shield(kept[1])
        value: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._forget_old(key, now)
        self._kept[key] = (now, value)
        try:
            made = await make()
        except BaseException as error:
            self._forget(key, value)
            value.set_exception(error if isinstance(error, Exception) else RuntimeError("not finished"))
            value.exception()  # the others hear of it; if there are none, nobody need be warned
            raise
        value.set_result(made)
        return made

    def clear(self) -> None:
        """Forget everything; what is being made is still handed to those who wait for it."""
        self._kept.clear()

    def _forget_old(self, key: Hashable, now: float) -> None:
        """Make room for `key`: what is not fresh any more goes, and what was made first if it is too much."""
        self._kept.pop(key, None)
        while self._kept:
            made_at, _ = next(iter(self._kept.values()))
            if now - made_at <= self._fresh and len(self._kept) < self._most:
                return
            self._kept.popitem(last=False)

    def _forget(self, key: Hashable, value: asyncio.Future[V]) -> None:
        kept = self._kept.get(key)
        if kept is not None and kept[1] is value:
            del self._kept[key]

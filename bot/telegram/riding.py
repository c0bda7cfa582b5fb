"""The response to an update that Telegram brought can carry one call, which Telegram then makes itself.

It never tells what came of it (Bot API, "Making requests when getting updates"), so this is for what nobody
waits to hear of. Knows not what is called.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from bot.tasks import Nursery

PROMPT_SECONDS = 1.0  # who pressed a button sees it wait; what has not left by then is called by itself

Call = Mapping[str, object]  # the parameters, and the method among them
Itself = Callable[[], Coroutine[object, object, None]]


class Ride:
    """For one update, from its coming to the response. Calls that missed it are made in the `nursery`."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self._waiting: tuple[Call, Itself] | None = None
        self._late: asyncio.TimerHandle | None = None
        self._left = False

    def take(self, call: Call, itself: Itself) -> bool:
        """Whether it will be made, with the response or by itself; a later one replaces an earlier."""
        if self._left:
            return False
        self._waiting = call, itself
        if self._late is None:
            self._late = asyncio.get_running_loop().call_later(PROMPT_SECONDS, self.miss)
        return True

    def leave(self) -> Call | None:
        """The response goes: what it carries."""
        waiting = self._end()
        return waiting[0] if waiting is not None else None

    def miss(self) -> None:
        """There is no response for it, or not soon."""
        waiting = self._end()
        if waiting is not None:
            self._nursery.start(waiting[1]())

    def _end(self) -> tuple[Call, Itself] | None:
        self._left = True
        if self._late is not None:
            self._late.cancel()
        waiting, self._waiting = self._waiting, None
        return waiting


_RIDE: ContextVar[Ride | None] = ContextVar("the response to the update at hand", default=None)


@contextmanager
def offered(ride: Ride | None) -> Iterator[None]:
    """Let what is done about the update within the block ride, also by tasks that begin there."""
    token = _RIDE.set(ride)
    try:
        yield
    finally:
        _RIDE.reset(token)


def rides(call: Call, itself: Itself) -> bool:
    """Whether the call is taken care of; if not, make it. `itself` is how it is made by itself."""
    ride = _RIDE.get()
    return ride is not None and ride.take(call, itself)

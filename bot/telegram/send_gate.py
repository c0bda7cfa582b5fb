"""The moment at which a request's first byte goes: whoever paces says who is asked then, the wire asks.

Between the two lie the waits for a connection, for other work and for a stalled machine. Neither knows the
other, and a request that nobody paces leaves at once.
"""

from contextvars import ContextVar
from typing import Protocol


class SendGate(Protocol):
    """One request that may leave about now."""

    async def acquire(self) -> None:
        """Wait until it may, as things stand by now. What it raises means that nothing was sent."""
        ...

    def mark_sent(self) -> None:
        """It has been handed to the network just now."""
        ...


_next: ContextVar[SendGate | None] = ContextVar("departure", default=None)


def departs(departure: SendGate) -> None:
    """The next request that this task makes is this one."""
    _next.set(departure)


def departing() -> SendGate | None:
    """Whom to ask about the request that this task makes now; the one after it is another."""
    departure = _next.get()
    if departure is not None:
        _next.set(None)
    return departure

"""Last check before a request is written to the socket.

`acquire` waits for the request's slot and raises if it has passed; `mark_sent` records the actual send time
for the rate limit. Between the two lie the waits for a connection and of a suspended machine.
"""

from typing import Protocol

from telegram.error import NetworkError


class SlotExpiredError(NetworkError):
    """The slot of the request has passed: nothing was sent, and only this request must wait."""


class SendGate(Protocol):
    """The slot of one request."""

    async def acquire(self) -> None:
        """Wait until the request may be sent. After any exception it was not sent.

        Raises SlotExpiredError if the slot has passed and no other is near.
        """
        ...

    def mark_sent(self) -> None:
        """Record that the request was written to the socket now."""
        ...

"""What this Bot API server can do, as far as it has shown: one memory for all who send.

Knows no message and no request; whoever was refused a method says so here.
"""

from collections.abc import Mapping
from typing import Final

from telegram import InputMessageContent

from bot.clock import Clock

PROBE_SECONDS: Final = 86_400.0  # how long a server without rich messages is believed to have none


class RichCapability:
    """Whether rich messages may be tried: if `wanted` at all, until the server turns out to lack them.

    A server is updated behind the bot's back, so after a day one message asks again.
    """

    def __init__(self, clock: Clock, *, wanted: bool) -> None:
        self._clock = clock
        self._wanted = wanted
        self.again_at = float("-inf")

    def usable(self) -> bool:
        return self._wanted and self._clock.monotonic() >= self.again_at

    def missing(self) -> None:
        """The server has just said that it has no such method."""
        self.again_at = self._clock.monotonic() + PROBE_SECONDS


class InputRichMessageContent(InputMessageContent):
    """`rich_message` is an `InputRichMessage` as JSON."""

    __slots__ = ("rich_message",)

    def __init__(self, rich_message: Mapping[str, object]) -> None:
        super().__init__()
        with self._unfrozen():
            self.rich_message = dict(rich_message)

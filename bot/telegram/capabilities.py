"""Capabilities of the Bot API server, learned from its answers and shared by all senders."""

from collections.abc import Mapping
from typing import Final

from telegram import InputMessageContent

from bot.clock import Clock

PROBE_SECONDS: Final = 86_400.0  # how long a server without rich messages is believed to have none


class RichCapability:
    """Whether rich messages may be sent: if `wanted`, until the server answers that it has none.

    A server may be updated at any time, so one message tries again after a day.
    """

    def __init__(self, clock: Clock, *, wanted: bool) -> None:
        self._clock = clock
        self._wanted = wanted
        self.again_at = float("-inf")

    def usable(self) -> bool:
        """Return whether a rich message may be tried now."""
        return self._wanted and self._clock.monotonic() >= self.again_at

    def missing(self) -> None:
        """Record that the server has no such method."""
        self.again_at = self._clock.monotonic() + PROBE_SECONDS


class InputRichMessageContent(InputMessageContent):
    """`rich_message` is an `InputRichMessage` as JSON."""

    __slots__ = ("rich_message",)

    def __init__(self, rich_message: Mapping[str, object]) -> None:
        super().__init__()
        with self._unfrozen():
            self.rich_message = dict(rich_message)

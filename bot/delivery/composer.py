"""What the sender asks of whoever writes the messages. Knows neither rows nor Telegram."""

from dataclasses import dataclass
from typing import Protocol

from bot.messages.rendering import Rendered
from storage.model import Delivery


@dataclass(frozen=True, slots=True)
class Composed:
    """What is said for a delivery, the message it answers, and the trail that it continues in the log."""

    message: Rendered
    reply_to: int | None = None
    trail: str = ""


class Composer(Protocol):
    """Turns duties into messages."""

    async def compose(self, delivery: Delivery) -> Composed | None:
        """What to say; None where there is nothing to say any more."""
        ...

    def rich_is_missing(self) -> None:
        """This server does not know rich messages: write classic ones for a while."""
        ...

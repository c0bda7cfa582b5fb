"""What the sender and those who answer ask of the pacing: may it leave, and when, in one process or several.

Only says what both must do; how one process books is in local_pace.py, how several do in shared_pace.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from storage.database import Transaction
from storage.model import Delivery, Rejected

NOT_SOON = Rejected(
    "it could not have been said soon"
)  # what becomes of an answer that `answer` does not let


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this process claimed; `at` in its own seconds. With several processes also the first
    and the last moment booked for its start, in seconds since 1970, the token of the lease that it ends with,
    and how far the first was to lie ahead at least."""

    delivery: Delivery
    at: float
    start: float = 0.0
    until: float = 0.0
    owner: str | None = None
    lead: float = 0.0


class RateLimiter(Protocol):
    """All times are seconds. A request is made right after `turn` or `answer` lets it, by the same task.

    The wire asks once more when its first byte is about to go (bot/departing.py).
    """

    ahead: float  # how far ahead of their start duties are claimed
    linger: float  # how long results gather before they are written together
    spare: float  # how many duties are claimed beyond the slots, as a part of these

    async def start(self) -> None:
        """Recall what an earlier run was told."""
        ...

    def budget(self) -> int:
        """How many pushes could be claimed now."""
        ...

    async def claim(
        self, tx: Transaction, slots: int, now: datetime, lease: timedelta
    ) -> Sequence[ClaimedDelivery]:
        """Claim up to `slots` duties that may leave soon."""
        ...

    async def slot_of(self, claimed: ClaimedDelivery) -> float | None:
        """Wait for its turn. None: it may leave now; else it must not, and is to be claimed again then."""
        ...

    def pause_chat(self, chat_id: int, seconds: float) -> None:
        """Telegram answered 429 to a push: nothing more for that chat, or for nobody at all."""
        ...

    async def pause_chat_for_all(self, tx: Transaction, chat_id: int, until: datetime, now: datetime) -> None:
        """The same, said to every process, with the row of the push."""
        ...

    async def slot_for_answer(self, chat_id: int, private: bool, longest: float) -> bool:
        """Wait until an answer to somebody may leave, before pushes; False if it cannot within `longest`."""
        ...

    async def pause_chat_after_answer(self, chat_id: int, seconds: float) -> None:
        """Telegram answered 429 to an answer."""
        ...

"""Rate limiter protocol: the slots of pushes and answers, in one process or several."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.telegram.http_request import SendGate
from storage.database import Transaction
from storage.model import Delivery, Rejected

NOT_SOON = Rejected("it could not have been said soon")  # outcome of an answer whose slot is too late


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery claimed by this process at `at`, in its monotonic seconds.

    `owner` is the token of the lease that the claim ends with, where several processes claim.
    """

    delivery: Delivery
    at: float
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """No slot is near: the delivery is to be claimed again after `seconds`."""

    seconds: float


class RateLimiter(Protocol):
    """Sending rate of the bot and of each chat; all times are seconds."""

    linger: float  # how long results gather before they are settled in one batch
    gather: float  # the same while enough claims wait

    async def start(self) -> None:
        """Load the pauses of an earlier run."""
        ...

    async def run(self) -> None:
        """Renew this process's share of the rate until cancelled."""
        ...

    def budget(self) -> int:
        """Return how many pushes could be claimed now."""
        ...

    async def claim(
        self, tx: Transaction, slots: int, now: datetime, lease: timedelta
    ) -> Sequence[ClaimedDelivery]:
        """Claim up to `slots` deliveries that may start soon."""
        ...

    async def settle(self, tx: Transaction) -> None:
        """Write the starts that other processes must see, in the transaction that settles their claims."""
        ...

    async def committed(self, claimed: Sequence[ClaimedDelivery]) -> None:
        """Record that `settle` and `claim` are committed; load what others sent to the claims' chats."""
        ...

    async def acquire(self, claimed: ClaimedDelivery) -> SendGate | Postponed:
        """Wait for the slot of a claimed delivery."""
        ...

    def record_success(self, chat_id: int) -> None:
        """Record that Telegram accepted a message to this chat."""
        ...

    def pause_chat(self, chat_id: int, seconds: float) -> None:
        """Pause a chat after a 429 to a push, or the whole bot if others were refused as well."""
        ...

    async def pause_chat_for_all(self, tx: Transaction, chat_id: int, until: datetime, now: datetime) -> None:
        """Pause it for every process, in the transaction that settles the push."""
        ...

    async def acquire_for_answer(self, chat_id: int, private: bool, longest: float) -> SendGate | None:
        """Wait for the slot of an answer, ahead of pushes; None if it is more than `longest` away."""
        ...

    async def pause_chat_after_answer(self, chat_id: int, seconds: float) -> None:
        """Pause a chat after a 429 to an answer."""
        ...

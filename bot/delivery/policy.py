"""What an operator chose about sending. Knows neither settings nor the sender."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

MARGIN_SECONDS = 25.0  # to have a connection before, and to write the answer after


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`answer_seconds` is how long a request may stay unanswered, `stop_seconds` how long a stop waits."""

    slots: int = 100
    lease: timedelta = timedelta(seconds=120)
    answer_seconds: float = 45
    stop_seconds: float = 20
    on_unsure: Literal["resend", "skip"] = "resend"
    admins: tuple[int, ...] = ()

    @property
    def least_lease(self) -> float:
        """Seconds that must be left of a lease for a request to start: it must end within."""
        return min(self.answer_seconds + MARGIN_SECONDS, self.lease.total_seconds() / 2)

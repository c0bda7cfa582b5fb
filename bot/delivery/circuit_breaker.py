"""Circuit breaker for sending: opens when requests are sent and stay unanswered.

Each unanswered request may become a second copy of a message, so sending pauses and probes. Pure: time is an
argument, in monotonic seconds.
"""

from collections import deque
from dataclasses import dataclass, field

TRIPPING = 3  # unanswered tries
AMONG = 20  # of the latest outcomes
FIRST_PAUSE = 5.0  # seconds to the first probe
LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class CircuitBreaker:
    """Closed: requests may start. Open: a pause, then single probes until one is answered."""

    _latest: deque[bool] = field(default_factory=lambda: deque(maxlen=AMONG))
    _probe_at: float | None = None
    _pause: float = FIRST_PAUSE

    @property
    def is_open(self) -> bool:
        return self._probe_at is not None

    def free_slots(self, now: float, in_flight: int) -> int | None:
        """Return how many requests may start at `now` with `in_flight` unfinished; None is no limit."""
        if self._probe_at is None:
            return None
        return 1 if now >= self._probe_at and in_flight == 0 else 0

    def opens_in(self, now: float) -> float:
        """Return the seconds until the next probe may start."""
        return max(0.0, (self._probe_at or now) - now)

    def record_success(self) -> None:
        """Record that Telegram answered a request, with any status."""
        self._latest.append(False)
        if self._probe_at is not None:
            self._latest.clear()
            self._probe_at, self._pause = None, FIRST_PAUSE

    def record_failure(self, now: float, begun: float) -> None:
        """Record that a request started at `begun` ended without an answer.

        A request started before the pause is no probe.
        """
        self._latest.append(True)
        if self._probe_at is not None:
            if begun >= self._probe_at:
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                self._probe_at = now + self._pause
        elif sum(self._latest) >= TRIPPING:
            self._probe_at = now + self._pause

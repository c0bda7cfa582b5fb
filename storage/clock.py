"""Clock behind one protocol, replaceable in tests, and exponential backoff."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time (aware UTC) for rows and messages, monotonic seconds for waits."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


# CLOCK_MONOTONIC stops while a Linux machine is suspended; leases in the database expire.
_RUNNING: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The clock of the operating system."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_RUNNING)


MAX_DOUBLINGS = 32  # 2.0 ** 1024 overflows


@dataclass(slots=True)
class Backoff:
    """Delay of `first` seconds, doubled by every further failure up to `longest` seconds."""

    first: float
    longest: float
    failures: int = 0

    @property
    def delay(self) -> float:
        """Return the seconds to wait after the failures so far."""
        if not self.failures:
            return 0.0
        return min(self.first * 2.0 ** min(self.failures - 1, MAX_DOUBLINGS), self.longest)

    def fail(self, worked: float = 0.0) -> float:
        """Count a failure and return the seconds to wait.

        After `worked` seconds of success, if more than `longest`, the count starts again.
        """
        if worked > self.longest:
            self.failures = 0
        self.failures += 1
        return self.delay

    def reset(self) -> None:
        """Start again at `first`, after a success."""
        self.failures = 0

"""What time it is: the one place that asks, so that everything else can be told."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for people and rows, monotonic seconds for waits."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


# On Linux the usual monotonic clock stands still while the machine sleeps, and leases do not.
_RUNNING: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_RUNNING)

"""Clock: time behind one protocol, replaceable in tests."""

import time
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

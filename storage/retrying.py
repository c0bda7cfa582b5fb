"""Which failures of a transaction are nobody's fault and go away when the whole unit is run once more.

Knows SQLSTATEs, not units. PostgreSQL breaks off one of two transactions that wait for each other, and a
connection may be lost at any time; on SQLite neither happens, because writers stand in one line.
"""

import random
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds, each drawn from between its half and its whole

# PostgreSQL's documentation, appendix A: serialization failure, deadlock, lock not available (lock_timeout),
# idle in transaction (a stalled process), shutdown by an administrator or after a crash, not yet started.
PASSING = frozenset({"40001", "40P01", "55P03", "25P03", "57P01", "57P02", "57P03"})
NO_CONNECTION = "08"  # the class of lost and refused connections


def passing(error: BaseException) -> bool:
    """Whether running the unit again may succeed; the first run may have been committed all the same."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state in PASSING or state.startswith(NO_CONNECTION)
    return isinstance(error, ConnectionError)


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try; of two that collided, one shall come first."""
    pause = FIRST_PAUSE
    for _ in range(TRIES - 1):
        yield pause * random.uniform(0.5, 1.0)  # noqa: S311 - nothing secret
        pause = min(3 * pause, LONGEST_PAUSE)

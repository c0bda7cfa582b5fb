"""How the database's clock stands to this process's own seconds. Arithmetic only.

A look at another's clock is as exact as it is quick, so of the latest looks the quickest is believed.
"""

from collections import deque
from dataclasses import dataclass, field

LOOKS = 16
OLD_SECONDS = 30.0  # after which clocks may have gone apart


@dataclass(frozen=True, slots=True)
class _Look:
    took: float
    ahead: float
    at: float


@dataclass(slots=True)
class Elsewhere:
    """Never early: its time is at most the true one, so that nothing begins before the rows allow it."""

    _looks: deque[_Look] = field(default_factory=lambda: deque(maxlen=LOOKS))

    def look(self, before: float, after: float, there: float) -> None:
        """Between `before` and `after`, in own seconds, the other clock showed `there`."""
        # Shown at the latest when the answer came: then the other clock is at least so far ahead.
        self._looks.append(_Look(after - before, there - after, after))

    def now(self, own: float) -> float | None:
        """What the other clock shows at `own`; None as long as nobody has looked."""
        return None if not self._looks else own + self._ahead()

    def here(self, there: float) -> float:
        """When, in own seconds, the other clock shows `there`. Only after a look."""
        return there - self._ahead()

    def _ahead(self) -> float:
        newest = self._looks[-1].at
        fresh = (look for look in self._looks if newest - look.at <= OLD_SECONDS)
        return min(fresh, key=lambda look: look.took).ahead

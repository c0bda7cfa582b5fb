"""Who asks too much: a bucket of requests for each person and each chat, and what is too old to answer.

Pure: time is an argument.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

BURST = 20.0  # requests at once
PER_SECOND = 0.5  # and after that
KEPT = 10_000  # buckets remembered; one that was forgotten is full again
OLDEST = timedelta(hours=1)  # a question that waited longer while the bot was away is not answered


@dataclass(slots=True)
class Gate:
    """Says whether a request may be answered; what is refused is dropped, not queued."""

    _levels: OrderedDict[int, tuple[float, float]] = field(default_factory=OrderedDict)

    def admits(self, now: float, *who: int | None) -> bool:
        """Take one from the bucket of each of `who` (a person, a chat); False, if one is empty."""
        present = [key for key in dict.fromkeys(who) if key is not None]
        levels = {key: self._level(key, now) for key in present}
        admitted = all(level >= 1 for level in levels.values())
        for key, level in levels.items():
            self._levels[key] = (now, level - 1 if admitted else level)
            self._levels.move_to_end(key)
        while len(self._levels) > KEPT:
            self._levels.popitem(last=False)
        return admitted

    def _level(self, key: int, now: float) -> float:
        at, level = self._levels.get(key, (now, BURST))
        return min(BURST, level + (now - at) * PER_SECOND)


def too_old(sent_at: datetime, now: datetime) -> bool:
    return now - sent_at > OLDEST

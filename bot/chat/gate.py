"""Who asks too much: a bucket of requests for each person and each chat.

Pure: time is an argument.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

BURST = 60.0  # requests at once; also the most that is answered of what piled up while the bot was away
PER_SECOND = 1.0  # and after that
KEPT = 10_000  # buckets remembered; one that was forgotten is full again


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

"""Who asks too much: buckets of requests for each person, each chat, what is dear, and being added to groups.

Pure: time is an argument.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

BURST = 60.0  # requests at once; also the most that is answered of what piled up while the bot was away
PER_SECOND = 1.0  # and after that
KEPT = 10_000  # buckets remembered; one that was forgotten is full again


@dataclass(slots=True)
class TokenBucket:
    """Says whether a request may be answered; what is refused is dropped, not queued."""

    burst: float = BURST
    per_second: float = PER_SECOND
    _levels: OrderedDict[int, tuple[float, float]] = field(default_factory=OrderedDict)

    def admits(self, now: float, *who: int | None) -> bool:
        """Take one from the bucket of each of `who` (a person, a chat); False, if one is empty."""
        present = [key for key in dict.fromkeys(who) if key is not None]
        levels = {key: self._level(key, now) for key in present}
        admitted = all(level >= 1 for level in levels.values())
        for key, level in levels.items():
            self._levels[key] = (now, level - 1 if admitted else level)
            self._levels.move_to_end(key)
        self._forget(now)
        return admitted

    @property
    def remembered(self) -> int:
        """Of how many anything is kept; of the order of those who asked within a minute or two."""
        return len(self._levels)

    def _forget(self, now: float) -> None:
        """Those whose buckets are full again by now, and the oldest if they are too many."""
        full_since = now - self.burst / self.per_second
        while self._levels:
            key, (at, _) = next(iter(self._levels.items()))
            if at > full_since and len(self._levels) <= KEPT:
                return
            del self._levels[key]

    def _level(self, key: int, now: float) -> float:
        at, level = self._levels.get(key, (now, self.burst))
        return min(self.burst, level + (now - at) * self.per_second)


@dataclass(slots=True)
class UserRateLimits:
    """All limits that a question passes."""

    anybody: TokenBucket = field(default_factory=TokenBucket)
    # Telegram lets a bot write to a group 20 times a minute: what is asked beyond could only queue.
    group: TokenBucket = field(default_factory=lambda: TokenBucket(burst=20, per_second=20 / 60))
    expensive: TokenBucket = field(default_factory=lambda: TokenBucket(burst=20, per_second=1 / 5))

    def admit(self, now: float, chat_id: int, person: int | None, *, expensive: bool = False) -> bool:
        """Whether a question of this person (None: the chat itself) in this chat may be answered.

        `dear` is what reads the whole archive, draws, or hands out a file.
        """
        who = chat_id if person is None else person
        if not self.anybody.admits(now, who):
            return False
        if expensive and not self.expensive.admits(now, who):
            return False
        return chat_id == who or self.group.admits(now, chat_id)


def group_join_bucket() -> TokenBucket:
    """How many groups and channels a person may add the bot to: ten at once, one more every two hours."""
    return TokenBucket(burst=10, per_second=1 / 7200)

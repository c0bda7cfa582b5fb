"""Rate limits of requests: token buckets per person, per chat, for expensive ones and for joins.

Pure: time is an argument.
"""

from dataclasses import dataclass, field

BURST = 60.0  # requests at once; also the most that is answered of what piled up while the bot was away
PER_SECOND = 1.0  # and after that
KEPT = 10_000  # buckets remembered; one that was forgotten is full again


class TokenBucket:
    """Token bucket per key; a rejected request is dropped, not queued. A bucket that is full is forgotten."""

    def __init__(self, burst: float = BURST, per_second: float = PER_SECOND) -> None:
        self.burst = burst
        self.per_second = per_second
        self._full_at: dict[int, float] = {}  # when each bucket is full again; the latest used one is last

    def admits(self, now: float, *who: int | None) -> bool:
        """Take a token from the bucket of each of `who` (a person, a chat); False if one is empty."""
        full_at = {key: max(now, self._full_at.get(key, now)) for key in who if key is not None}
        admitted = all(self.burst - (at - now) * self.per_second >= 1 for at in full_at.values())
        for key, at in full_at.items():
            self._full_at.pop(key, None)
            self._full_at[key] = at + admitted / self.per_second
        while self._full_at and (
            len(self._full_at) > KEPT or self._full_at[next(iter(self._full_at))] <= now
        ):
            del self._full_at[next(iter(self._full_at))]
        return admitted

    @property
    def remembered(self) -> int:
        """Return the number of stored buckets."""
        return len(self._full_at)


@dataclass(slots=True)
class UserRateLimits:
    """All rate limits of a request."""

    anybody: TokenBucket = field(default_factory=TokenBucket)
    # Telegram lets a bot write to a group 20 times a minute: more requests would only queue.
    group: TokenBucket = field(default_factory=lambda: TokenBucket(burst=20, per_second=20 / 60))
    expensive: TokenBucket = field(default_factory=lambda: TokenBucket(burst=20, per_second=1 / 5))

    def admit(self, now: float, chat_id: int, person: int | None, *, expensive: bool = False) -> bool:
        """Return whether a request of this person (None: the chat itself) in this chat is admitted.

        `expensive` requests scan the archive, draw or upload a file.
        """
        who = chat_id if person is None else person
        if not self.anybody.admits(now, who):
            return False
        if expensive and not self.expensive.admits(now, who):
            return False
        return chat_id > 0 or self.group.admits(now, chat_id)


def group_join_bucket() -> TokenBucket:
    """Return the token bucket of added chats per person: ten at once, one more in two hours."""
    return TokenBucket(burst=10, per_second=1 / 7200)

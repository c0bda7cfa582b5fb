"""Guard against suspending many chats at once: a fault of the server looks like chats that are gone.

Pure: time is an argument, in monotonic seconds.
"""

from collections import deque
from dataclasses import dataclass, field

WINDOW_SECONDS = 60.0
LEAST = 3  # chats, below which any share may be true


@dataclass(slots=True)
class SuspensionGuard:
    """Chats that were reported gone within the last minute, by the fan-out whose message they refused."""

    _gone: deque[tuple[float, str, int]] = field(default_factory=deque)

    def record(self, now: float, fan_out: str, chat_id: int) -> frozenset[int]:
        """Record that `chat_id` is reported gone; return all such chats of this fan-out."""
        self._gone.append((now, fan_out, chat_id))
        while self._gone[0][0] <= now - WINDOW_SECONDS:
            self._gone.popleft()
        return frozenset(chat for _, name, chat in self._gone if name == fan_out)


def is_mass(gone: int, fan_out: int) -> bool:
    """Return whether so many of a fan-out's chats may not be suspended: more than a third."""
    return gone >= LEAST and 3 * gone > fan_out

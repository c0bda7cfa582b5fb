"""Flood control of the fake server: counts in sliding windows, which contain every aligned window too."""

import math
from collections import defaultdict, deque


class Meter:
    """Counts what was let through; `refused` and `peak` tell a test how near the limits a sender came."""

    def __init__(
        self, *, per_second: int = 30, private_gap: float = 1.0, group_per_minute: int = 20, enforce: bool
    ) -> None:
        self.enforce = enforce
        self.refused = 0
        self.peak = 0
        self._bot = Window(per_second, 1.0)
        self._private: defaultdict[int, Window] = defaultdict(lambda: Window(1, private_gap))
        self._groups: defaultdict[int, Window] = defaultdict(lambda: Window(group_per_minute, 60.0))

    def retry_after(self, now: float, chat_id: int) -> int | None:
        """Count one message to `chat_id` at `now`; whole seconds to wait if it is one too many."""
        windows = (self._bot, (self._private if chat_id > 0 else self._groups)[chat_id])
        wait = max(window.wait(now) for window in windows)
        if wait > 0 and self.enforce:
            self.refused += 1
            return max(1, math.ceil(wait))
        for window in windows:
            window.count(now)
        self.peak = max(self.peak, len(self._bot.times))
        return None


class Window:
    """At most `most` events within any `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self.times: deque[float] = deque()
        self._most = most
        self._seconds = seconds

    def wait(self, now: float) -> float:
        self._forget(now)
        return 0.0 if len(self.times) < self._most else self.times[-self._most] + self._seconds - now

    def count(self, now: float) -> None:
        self._forget(now)
        self.times.append(now)

    def _forget(self, now: float) -> None:
        while self.times and self.times[0] <= now - self._seconds:
            self.times.popleft()

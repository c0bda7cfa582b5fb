"""What the bench's Bot API server does with a message: knobs for faults, and limits that it counts."""

import math
import random
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """Seconds and probabilities; `enforce` answers 429 beyond 30/s, 1/s a private chat, 20/min a group."""

    latency: float = 0.0
    jitter: float = 0.0
    cut_before: float = 0.0  # the connection breaks and the message is not recorded
    cut_after: float = 0.0  # it is recorded, and the connection breaks before the answer
    failing: float = 0.0  # status 500, not recorded
    failing_after: float = 0.0  # status 500 although it is recorded
    flooding: float = 0.0  # status 429 without reason
    retry_after: int = 1
    blocked: frozenset[int] = frozenset()
    migrated: frozenset[int] = frozenset()  # these groups are supergroups now: -100…
    per_second: int = 30
    enforce: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """Whether a message is recorded, and what is answered; `cut` is no answer at all."""

    recorded: bool
    answer: Literal["ok", "cut", "error"] = "ok"
    code: int = 200
    description: str = ""
    parameters: str = ""


OK = Fate(recorded=True)


def supergroup(chat_id: int) -> int:
    """The id that a group has once it is a supergroup."""
    return -1_000_000_000_000 + chat_id


class Traffic:
    """Counts what arrives and decides the fate of each message."""

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.floods = 0
        self._luck = random.Random(knobs.seed)
        self._faulty = any(
            (knobs.cut_before, knobs.cut_after, knobs.failing, knobs.failing_after, knobs.flooding)
        )
        self._all: deque[float] = deque()
        self._chats: defaultdict[int, deque[float]] = defaultdict(deque)

    def fate(self, chat_id: int, now: float) -> Fate:
        """What becomes of a message that arrives at `now` (monotonic seconds)."""
        knobs = self.knobs
        if knobs.enforce and (wait := self._over(chat_id, now)) > 0:
            return self._flood(math.ceil(wait))
        if chat_id in knobs.blocked:
            return Fate(False, "error", 403, "Forbidden: bot was blocked by the user")
        if chat_id in knobs.migrated:
            moved = f'"migrate_to_chat_id":{supergroup(chat_id)}'
            return Fate(
                False, "error", 400, "Bad Request: group chat was upgraded to a supergroup chat", moved
            )
        return self._by_chance() if self._faulty else OK

    def delay(self) -> float:
        if not self.knobs.jitter:
            return self.knobs.latency
        return max(0.0, self.knobs.latency + self._luck.uniform(-1, 1) * self.knobs.jitter)

    def _by_chance(self) -> Fate:
        knobs, roll = self.knobs, self._luck.random()
        for chance, fate in (
            (knobs.cut_before, Fate(False, "cut")),
            (knobs.cut_after, Fate(True, "cut")),
            (knobs.failing, Fate(False, "error", 500, "Internal Server Error: restart")),
            (knobs.failing_after, Fate(True, "error", 500, "Internal Server Error: restart")),
            (knobs.flooding, None),
        ):
            if roll < chance:
                return fate or self._flood(knobs.retry_after)
            roll -= chance
        return OK

    def _flood(self, seconds: int) -> Fate:
        self.floods += 1
        words = f"Too Many Requests: retry after {seconds}"
        return Fate(False, "error", 429, words, f'"retry_after":{seconds}')

    def _over(self, chat_id: int, now: float) -> float:
        """Return the seconds to wait if this request exceeds the limit; otherwise count it."""
        most, span = (1, 1.0) if chat_id > 0 else (20, 60.0)
        wait = max(
            _full(self._all, self.knobs.per_second, 1.0, now), _full(self._chats[chat_id], most, span, now)
        )
        if wait <= 0:
            self._all.append(now)
            self._chats[chat_id].append(now)
        return wait


def _full(times: deque[float], most: int, span: float, now: float) -> float:
    while times and times[0] <= now - span:
        times.popleft()
    return times[0] + span - now if len(times) >= most else 0.0

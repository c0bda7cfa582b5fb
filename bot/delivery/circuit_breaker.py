"""Circuit breaker for sending: opens when a request is sent and stays unanswered.

Each unanswered request may become a second copy, so the next requests wait until a probe that repeats safely
(getMe) is answered. After several chats broke in a row, one delivery to another chat is a trial; before it,
and before a second copy, a chat action shows whether that chat is reached.
Pure: time is an argument, in monotonic seconds.
"""

import math
from dataclasses import dataclass, field

from cachetools import LRUCache

from storage.clock import Backoff

TRIPPING = 3  # chats without an answer, with no answered delivery in between
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 5.0  # seconds between probes
# After trials: each one costs a delivery one of its two requests, so that an outage of hours has few of them.
LONGEST_TRIAL_PAUSE = 900.0
FIRST_SILENCE, LONGEST_SILENCE = 5.0, 60.0  # seconds between probes to one chat
MOST_SILENT = 1000  # chats whose probes are counted
QUARANTINE = 15.0  # during which a chat that broke is no trial
SECOND_REQUEST_AFTER, LONGEST_SECOND = 15.0, 3600.0  # without another trial, before one in doubt


@dataclass(slots=True)
class CircuitBreaker:
    """Closed: requests start. Open: nothing starts until a probe is answered. Trial: one at a time."""

    is_open: bool = False
    _opened_at: float = 0.0
    _asked_at: float = 0.0  # when it opened, or of the last probe without an answer
    _probe_at: float = 0.0
    _probes: Backoff = field(default_factory=lambda: Backoff(FIRST_PAUSE, LONGEST_PAUSE))
    _trials: Backoff = field(default_factory=lambda: Backoff(FIRST_PAUSE, LONGEST_TRIAL_PAUSE))
    _seconds: Backoff = field(default_factory=lambda: Backoff(SECOND_REQUEST_AFTER, LONGEST_SECOND))
    _silences: Backoff = field(
        default_factory=lambda: Backoff(FIRST_PAUSE, LONGEST_SILENCE)
    )  # of trial chats
    _broken: dict[int, float] = field(default_factory=dict)  # chats without an answer, and since when
    _silent: LRUCache[int, Backoff] = field(default_factory=lambda: LRUCache(MOST_SILENT))
    _trial_since: float | None = None
    _trial_chat: int | None = None
    _is_second: bool = False  # of the trial's delivery

    @property
    def is_closed(self) -> bool:
        return not self.is_open and self._trial_since is None

    def resume(self, now: float, chats: int) -> None:
        """Begin with a trial if `chats` of an earlier process wait for an answer."""
        if chats >= TRIPPING:
            self._trial_since = now

    def open_for(self, now: float) -> float:
        """Return for how many seconds it has been open."""
        return now - self._opened_at if self.is_open else 0.0

    def free_slots(self) -> int | None:
        """Return how many requests may start; None is no limit."""
        if self.is_open:
            return 0
        if self._trial_since is None:
            return None
        return 1 if self._trial_chat is None else 0

    def opens_in(self, now: float, answered_at: float = -math.inf) -> float:
        """Return the seconds until the next probe; none if a message was answered since the last one."""
        return 0.0 if answered_at > self._asked_at else max(0.0, self._probe_at - now)

    def admits(self, now: float, chat_id: int, *, in_doubt: bool) -> bool:
        """Return whether a delivery may start; the first one admitted is the trial."""
        if self.is_open:
            return False
        if self._trial_since is None:
            return True
        if self._trial_chat is not None or now - self._broken.get(chat_id, now - QUARANTINE) < QUARANTINE:
            return False
        if in_doubt and now - self._trial_since < SECOND_REQUEST_AFTER + self._seconds.delay:
            return False
        self._trial_chat, self._is_second = chat_id, in_doubt
        return True

    def holds(self, chat_id: int) -> bool:
        """Return whether this chat broke lately."""
        return chat_id in self._broken

    def tries(self, chat_id: int) -> bool:
        """Return whether the delivery to this chat is the trial."""
        return self._trial_chat == chat_id

    def record_silence(self, now: float, chat_id: int) -> Backoff:
        """Record that a probe to this chat was not answered; return its wait before the next one."""
        if self._trial_chat == chat_id:
            self._end_trial(now, chat_id, self._silences.fail())
        silence = self._silent.setdefault(chat_id, Backoff(FIRST_SILENCE, LONGEST_SILENCE))
        silence.fail()
        return silence

    def withdraw(self, chat_id: int) -> None:
        """Record that an admitted delivery was not sent after all."""
        if self._trial_chat == chat_id:
            self._trial_chat = None

    def record_success(self) -> None:
        """Record that Telegram answered a delivery, with any status."""
        self.is_open = False
        self._broken.clear()
        self._trial_since = self._trial_chat = None
        self._probes.reset()
        self._trials.reset()
        self._silences.reset()
        self._seconds.reset()

    def record_failure(self, now: float, chat_id: int) -> None:
        """Record that a delivery ended without an answer."""
        self._silent.pop(chat_id, None)  # its probe was answered
        if self._trial_chat == chat_id:
            self._end_trial(now, chat_id, self._trials.fail())
            if self._is_second:
                self._seconds.fail()
            return
        self._broken[chat_id] = now
        if not self.is_open and self._trial_since is None:
            self._open(now, 0.0)

    def _end_trial(self, now: float, chat_id: int, pause: float) -> None:
        self._broken[chat_id] = now
        self._trial_chat = None
        self._open(now, pause)

    def record_probe(self, now: float, *, answered: bool) -> None:
        """Record the result of a probe."""
        if not answered:
            self._asked_at, self._probe_at = now, now + self._probes.fail()
            return
        self.is_open = False
        if self._probes.failures:  # the server was out of reach, and is back: no chat was at fault
            self.record_success()
        elif self._trial_since is not None or len(self._broken) >= TRIPPING:
            self._trial_since = now

    def _open(self, now: float, pause: float) -> None:
        self.is_open, self._opened_at, self._asked_at, self._probe_at = True, now, now, now + pause

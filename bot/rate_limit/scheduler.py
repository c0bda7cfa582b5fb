"""Send scheduler: a queue of requests and sliding windows over their starts.

A start is counted when it is granted and corrected when its bytes are written; nothing is reserved ahead, so
a late process loses no slot and takes none twice. Pure: time is an argument, in monotonic seconds.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from itertools import count

from bot.rate_limit.flood_pauses import FloodPauses
from bot.rate_limit.limits import Limits, uncount

_EVENNESS = 0.95  # the planned distance of pushes, of the average; the rest makes up for late starts
_CATCH_UP = 0.3  # seconds of the plan that late pushes make up for
_REST = 1.0  # seconds without a push after which none is made up for
_TICK = 0.01  # seconds between two looks at the pushes: at a high rate several start at each
_NUMBERS = count()


@dataclass(slots=True, eq=False)
class SlotRequest:
    """A request that waits for its slot; `start` is when it is counted, None while it waits.

    An `interactive` request answers a person and goes before pushes.
    """

    chat_id: int
    private: bool
    interactive: bool = False
    start: float | None = None
    number: int = field(default_factory=_NUMBERS.__next__)


class SendScheduler:
    """Grants starts: answers as soon as the windows allow, pushes also evenly.

    Pushes follow a plan (GCRA): each moves the next one on by the average distance, however late it is, so
    that lateness is not inherited. The bot's window over the starts as they were really made is kept in any
    case.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.pauses = FloodPauses(limits.crowd)
        self._windows = {private: limits.of_chat(private) for private in (True, False)}
        # Starts by whether the chat is private and by chat, the one written to last at the end.
        self._chats = {private: OrderedDict[int, list[float]]() for private in (True, False)}
        self._bot = limits.of_bot()
        self._starts: list[float] = []
        self._answers: deque[SlotRequest] = deque()
        self._pushes: deque[SlotRequest] = deque()
        self._later: list[tuple[float, int, SlotRequest]] = []  # for their chats
        self._planned = -math.inf  # when the next push is due
        self.set_share(self._bot.most, math.inf)

    @property
    def remembered(self) -> int:
        """Return the number of chats with starts, about those written to within a minute."""
        return sum(map(len, self._chats.values()))

    def set_share(self, share: int, until: float) -> None:
        """Use at most `share` of the bot's starts, and none from `until` on."""
        self._share_until = until
        self._bot = replace(self._bot, most=share)
        self._gap = _EVENNESS * self._bot.seconds / share if share else 0.0

    def used(self, now: float) -> int:
        """Return how many starts the bot's window that ends now holds."""
        return self._bot.holds(self._starts, now)

    def recall_chat(self, chat_id: int, private: bool, starts: Iterable[float]) -> None:
        """Replace the starts of a chat by these, which may lie ahead."""
        self._chats[private][chat_id] = sorted(starts)

    def ready_at(self, now: float, chat_id: int, private: bool) -> float:
        """Return the earliest start by the chat's window and the pauses alone."""
        resumes = self.pauses.resume_at(now, chat_id)
        starts = self._chats[private].get(chat_id)
        return self._windows[private].opens_at(starts, resumes) if starts else resumes

    def answers_take(self) -> float:
        """Return about how many seconds the waiting answers need."""
        return len(self._answers) * self._gap

    def enqueue(self, now: float, request: SlotRequest) -> None:
        """Append a request to the queue; `grant` starts it."""
        if not request.interactive and self._has_rested(now):
            self._planned = now
        request.start = None
        self._queue(request).append(request)

    def withdraw(self, request: SlotRequest) -> None:
        """Remove a request that will not be made, from the queue or from the windows."""
        if request.start is not None:
            self._uncount(request)
        elif request in self._queue(request):
            self._queue(request).remove(request)
        else:
            self._later = [each for each in self._later if each[2] is not request]
            heapify(self._later)

    def grant(self, now: float) -> list[SlotRequest]:
        """Count and return the requests that start now: answers first, then in the order of the queue."""
        while self._later and self._later[0][0] <= now:
            request = heappop(self._later)[2]
            self._queue(request).append(request)
        granted: list[SlotRequest] = []
        while self._answers and self._bot_opens_at(now) <= now:
            self._start_or_postpone(now, self._answers.popleft(), granted)
        if not self._answers:
            while self._pushes and max(self._bot_opens_at(now), self._planned) <= now:
                self._start_or_postpone(now, self._pushes.popleft(), granted)
        return granted

    def next_at(self, now: float) -> float:
        """Return when `grant` should be called again; infinity if nothing waits for time to pass."""
        wakes = self._later[0][0] if self._later else math.inf
        if self._answers:
            wakes = min(wakes, self._bot_opens_at(now))
        elif self._pushes:
            wakes = min(wakes, max(self._bot_opens_at(now), self._planned, now + _TICK))
        return wakes

    def is_counted(self, now: float, request: SlotRequest) -> bool:
        """Return whether the granted request may be written now.

        Every window that ends now contains it already, so that it needs no other room.
        """
        if request.start is None or now >= self._share_until:
            return False
        if self._bot.holds(self._starts, now) > self._bot.most:
            return False  # the share is smaller than when it was granted
        windows = (self._windows[request.private].seconds, self._bot.seconds)
        return now < request.start + min((each for each in windows if each), default=math.inf)

    def mark_sent(self, now: float, request: SlotRequest) -> None:
        """Count the request as started at `now`."""
        self._uncount(request)
        self._count(now, request)

    def budget(self, now: float, within: float) -> int:
        """Return how many more pushes to ready chats could start within `within` seconds."""
        end, begin = now + within, max(now, self.pauses.bot_until)
        if begin > end or now >= self._share_until:
            return 0
        if not self._gap:
            return self._bot.most  # of no limit, or of no share
        first = now if self._has_rested(now) else max(begin - _CATCH_UP, self._planned)
        planned = math.floor((end - first) / self._gap) + 1
        room = self._bot.most - self._bot.holds(self._starts, end)
        waiting = len(self._answers) + len(self._pushes) + len(self._later)
        return max(0, min(planned, room) - waiting)

    def _has_rested(self, now: float) -> bool:
        return not self._pushes and now - self._planned > _REST

    def _queue(self, request: SlotRequest) -> deque[SlotRequest]:
        return self._answers if request.interactive else self._pushes

    def _bot_opens_at(self, now: float) -> float:
        return math.inf if now >= self._share_until else self._bot.opens_at(self._starts, now)

    def _start_or_postpone(self, now: float, request: SlotRequest, granted: list[SlotRequest]) -> None:
        ready = self.ready_at(now, request.chat_id, request.private)
        if ready > now:
            heappush(self._later, (ready, request.number, request))
            return
        self._count(now, request)
        self._planned = max(self._planned, now - _CATCH_UP) + self._gap
        self.pauses.start(now, request.chat_id)
        granted.append(request)

    def _count(self, now: float, request: SlotRequest) -> None:
        request.start = now
        self._bot.count(self._starts, now)
        chats, window = self._chats[request.private], self._windows[request.private]
        window.count(chats.setdefault(request.chat_id, []), now)
        chats.move_to_end(request.chat_id)
        while chats and not window.holds(next(iter(chats.values())), now):
            chats.popitem(last=False)

    def _uncount(self, request: SlotRequest) -> None:
        if request.start is not None:
            uncount(self._starts, request.start)
            uncount(self._chats[request.private].get(request.chat_id, []), request.start)
            request.start = None

"""Send scheduler: Telegram's rate limits as sliding windows, pauses after 429 answers, a queue of requests.

A start is counted when it is granted and corrected when its bytes are written; nothing is reserved ahead, so
a late process loses no slot and takes none twice. Pure: time is an argument, in monotonic seconds.
"""

import math
import sys
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import attrgetter

from storage.clock import Backoff

FREE = 30.0  # a second; a higher rate is paid for


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` starts in any half-open interval of `seconds`; starts are sorted lists of times."""

    most: int
    seconds: float

    def opens_at(self, starts: list[float], now: float) -> float:
        """Return the first time from `now` on at which one more start fits behind `starts`."""
        if len(starts) < self.most:
            return now
        return max(now, starts[-self.most] + self.seconds) if self.most else math.inf

    def holds(self, starts: list[float], until: float) -> int:
        """Return how many starts the window that ends at `until` contains."""
        return len(starts) - bisect_right(starts, until - self.seconds)

    def count(self, starts: list[float], at: float) -> None:
        """Add a start; forget those that no window from then on contains."""
        del starts[: bisect_right(starts, at - self.seconds)]
        insort(starts, at)


def uncount(starts: list[float], at: float) -> None:
    """Remove a start if it is still kept."""
    index = bisect_left(starts, at)
    if index < len(starts) and starts[index] == at:
        del starts[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Telegram's limits (Bots FAQ, "My bot is hitting limits"); `per_second` None is no limit.

    Every window is longer by the fraction `margin`: latency varies, and a server that counts arrivals must
    find its limits kept too. A margin of 0.025 leaves 97.5 % of the rate. With a paid rate the bot's window
    has `paid_margin` until the bot is flooded.
    """

    per_second: float | None = 30
    private_gap: float = 1.0
    group_per_minute: int = 20
    margin: float = 0.025
    paid_margin: float = 0.005

    @property
    def is_paid(self) -> bool:
        return (self.per_second or 0) > FREE

    @property
    def first_margin(self) -> float:
        """Return the margin of the bot's window until the bot is flooded."""
        return self.paid_margin if self.is_paid else self.margin

    @property
    def crowd(self) -> int:
        """Return how many chats flooded together may be a flood of the bot.

        Two, and more with a paid rate: of 5,000 messages in five seconds two may well meet slow chats.
        """
        return max(2, round((self.per_second or 0) / FREE))

    def of_chat(self, private: bool) -> Window:
        """Return the window of one chat."""
        most, seconds = (1, self.private_gap) if private else (self.group_per_minute, 60.0)
        return Window(most, seconds * (1 + self.margin))

    def of_bot(self, margin: float) -> Window:
        """Return the bot's window, longer by the fraction `margin`."""
        if self.per_second is None:
            return Window(sys.maxsize, 0.0)
        most = max(1, math.floor(self.per_second))
        return Window(most, most / self.per_second * (1 + margin))


FIRST_BOT_PAUSE, LONGEST_BOT_PAUSE = 2.0, 30.0  # seconds before a probe, after floods of several chats
FLOODS_TOGETHER = 5.0  # seconds within which floods of several chats are taken for a flood of the bot


class FloodPauses:
    """Pauses by chat, and the bot's.

    `crowd` chats flooded together are a flood of the bot, unless as many others were accepted meanwhile. Then
    everything pauses briefly; a single request to another chat probes, and its acceptance ends the pause.
    """

    def __init__(self, crowd: int) -> None:
        self._crowd = crowd
        self._chats: dict[int, float] = {}
        self._floods: list[tuple[float, int, float]] = []
        self._accepted: deque[tuple[float, int]] = deque()
        self._backoff = Backoff(FIRST_BOT_PAUSE, LONGEST_BOT_PAUSE)
        self._is_probing = False
        self._probe: int | None = None
        self.bot_until = -math.inf

    def resume_at(self, now: float, chat_id: int) -> float:
        """Return the first time from `now` on at which no pause holds a request to this chat."""
        until = self._chats.get(chat_id)
        if until is not None and until <= now:
            del self._chats[chat_id]
        return max(now, self.bot_until, until or now)

    def flooded(self, now: float, chat_id: int, retry_after: float) -> bool:
        """Pause the chat for exactly `retry_after` seconds and return whether the whole bot is paused."""
        self._chats = {chat: until for chat, until in self._chats.items() if until > now}
        self.pause(chat_id, now + retry_after)
        self._floods = [flood for flood in self._floods if flood[0] > now - FLOODS_TOGETHER]
        self._floods.append((now, chat_id, now + retry_after))
        chats, first = {flooded for _, flooded, _ in self._floods}, self._floods[0][0]
        accepted = {chat for at, chat in self._accepted if at >= first} - chats
        if self._is_probing:
            refused = chat_id == self._probe
        else:
            refused = len(chats) >= self._crowd and len(chats) > len(accepted)
        if refused:
            self._is_probing, self._probe = True, None
            shortest = min(until for _, _, until in self._floods)
            self.pause_bot(min(now + self._backoff.fail(), shortest))
        return refused

    def start(self, now: float, chat_id: int) -> None:
        """Record that a request starts; after a flood of the bot it is a probe, and others wait for it."""
        if self._is_probing and now >= self.bot_until:
            self._probe = chat_id
            self.bot_until = now + FIRST_BOT_PAUSE

    def accept(self, now: float, chat_id: int) -> None:
        """Record that Telegram accepted a request; this ends a flood of the bot."""
        while self._accepted and self._accepted[0][0] <= now - FLOODS_TOGETHER:
            self._accepted.popleft()
        self._accepted.append((now, chat_id))
        if self._is_probing:
            self._is_probing, self._probe, self.bot_until = False, None, now
            self._backoff.reset()

    def accepted(self, now: float) -> frozenset[int]:
        """Return the chats to which Telegram accepted requests lately."""
        return frozenset(chat_id for at, chat_id in self._accepted if at > now - FLOODS_TOGETHER)

    def pause(self, chat_id: int, until: float) -> None:
        self._chats[chat_id] = max(until, self._chats.get(chat_id, until))

    def pause_bot(self, until: float) -> None:
        self.bot_until = max(until, self.bot_until)


# The planned distance of pushes, as a fraction of the average: the rest makes up for late starts.
_EVENNESS, _PAID_EVENNESS = 0.95, 0.5
_CATCH_UP = 0.3  # seconds of the plan that late pushes make up for
_REST = 1.0  # seconds without a push after which none is made up for
_TICK = 0.01  # seconds between two looks at the pushes: at a high rate several start at each


@dataclass(slots=True, eq=False)
class SlotRequest:
    """A request that waits for its slot; `start` is when it is counted, None while it waits.

    An `interactive` request answers a person and goes before pushes. `ready_at` is when its chat was last
    found to be ready for it.
    """

    chat_id: int
    private: bool
    interactive: bool = False
    start: float | None = None
    ready_at: float = -math.inf


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
        self._limits = limits
        self._bot = limits.of_bot(limits.first_margin)
        self._starts: list[float] = []
        self._answers: deque[SlotRequest] = deque()
        self._pushes: deque[SlotRequest] = deque()
        self._later: list[SlotRequest] = []  # by the time at which their chats are ready
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
        evenness = _PAID_EVENNESS if self._limits.is_paid else _EVENNESS
        self._gap = evenness * self._bot.seconds / share if share else 0.0

    def flooded(self, now: float, chat_id: int, retry_after: float) -> bool:
        """Pause as `FloodPauses.flooded` does; a flood of the bot also widens the margin of its window."""
        whole = self.pauses.flooded(now, chat_id, retry_after)
        if whole:
            self.widen()
        return whole

    def widen(self) -> None:
        """Keep the margin of the free rate from now on."""
        self._bot = replace(self._limits.of_bot(self._limits.margin), most=self._bot.most)
        self.set_share(self._bot.most, self._share_until)

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
        elif request in self._later:
            self._later.remove(request)
        elif request in self._queue(request):
            self._queue(request).remove(request)

    def grant(self, now: float) -> list[SlotRequest]:
        """Count and return the requests that start now: answers first, then in the order of the queue."""
        while self._later and self._later[0].ready_at <= now:
            request = self._later.pop(0)
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
        wakes = self._later[0].ready_at if self._later else math.inf
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
        request.ready_at = self.ready_at(now, request.chat_id, request.private)
        if request.ready_at > now:
            insort(self._later, request, key=attrgetter("ready_at"))
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

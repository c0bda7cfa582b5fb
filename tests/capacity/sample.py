"""The product's own pacing over the first messages of a fan-out, with floods, edits and answers in between.

Time is an argument of the pacing, so nothing sleeps: the sample jumps from start to start.
"""

import random
from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import islice

from bot.rate_limit.limits import Limits
from bot.rate_limit.scheduler import SendScheduler
from tests.bench.rate import most_within

ANSWERS_PER_SECOND = 0.5
RETRY_AFTER = (1, 5, 30)
SLOTS = 100  # MAX_IN_FLIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What Telegram would have counted."""

    messages: int
    seconds: float
    most_in_a_second: int
    most_to_a_person_in_a_second: int
    most_to_a_group_in_a_minute: int
    floods: int

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds


def sample(per_second: float, messages: int, groups: float, floods: float, dice: random.Random) -> Sampled:
    """Send `messages` pushes, one to each chat, as the sender would: book ahead, ask again when it is time.

    A chat that answered 429 is booked again, behind its pause. People ask in between and go first; who asks
    is just written to, the hardest case for a chat's own window.
    """
    pacing, now = SendScheduler(Limits(per_second=per_second)), 0.0
    starts: list[float] = []
    by_chat: defaultdict[tuple[int, bool], list[float]] = defaultdict(list)
    booked: list[tuple[float, int, bool]] = []
    flooded, asks_at = 0, dice.expovariate(ANSWERS_PER_SECOND)
    coming = ((number, dice.random() >= groups) for number in range(1, messages + 1))

    def start(at: float, chat_id: int, private: bool) -> None:
        starts.append(at)
        by_chat[chat_id, private].append(at)

    while True:
        for chat_id, private in islice(coming, SLOTS - len(booked)):
            heappush(booked, (pacing.reserve(now, chat_id, private, movable=True), chat_id, private))
        if not booked:
            break
        at, chat_id, private = heappop(booked)
        now = max(now, at)
        if (again := pacing.confirm(now, chat_id, private, at)) > now:
            heappush(booked, (again, chat_id, private))
            continue
        start(now, chat_id, private)
        if dice.random() < floods:
            flooded += 1
            pacing.flooded(now, chat_id, dice.choice(RETRY_AFTER))
            heappush(booked, (pacing.reserve(now, chat_id, private, movable=True), chat_id, private))
        if asks_at <= now:
            asks_at = now + dice.expovariate(ANSWERS_PER_SECOND)
            start(pacing.reserve(now, chat_id, private, interactive=True), chat_id, private)
    starts.sort()
    people = [sorted(times) for (_, private), times in by_chat.items() if private]
    rooms = [sorted(times) for (_, private), times in by_chat.items() if not private]
    return Sampled(
        messages=len(starts),
        seconds=now,
        most_in_a_second=most_within(starts, 1.0),
        most_to_a_person_in_a_second=max((most_within(times, 1.0) for times in people), default=0),
        most_to_a_group_in_a_minute=max((most_within(times, 60.0) for times in rooms), default=0),
        floods=flooded,
    )

"""The product's own pacing over the first messages of a fan-out, with floods, edits and answers in between.

Time is an argument of the pacing, so nothing sleeps: the sample jumps from start to start.
"""

import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice

from bot.rate_limit.in_process import AHEAD_SECONDS
from bot.rate_limit.scheduler import Limits, SendScheduler, SlotRequest
from tests.bench.rate import most_within

ANSWERS_PER_SECOND = 0.5
RETRY_AFTER = (1, 5, 30)
SLOTS = 100  # MAX_IN_FLIGHT
LOOK_SECONDS = 0.02  # between two claims


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
    """Send `messages` pushes, one to each chat, as the worker does: it claims as much as the budget allows.

    A chat that answered 429 is written to again behind its pause. People ask in between and go first; who
    asks was just written to, the hardest case for a chat's own window.
    """
    scheduler, now = SendScheduler(Limits(per_second=per_second)), 0.0
    starts: list[float] = []
    by_chat: defaultdict[tuple[int, bool], list[float]] = defaultdict(list)
    flooded, asks_at, waiting = 0, dice.expovariate(ANSWERS_PER_SECOND), 0
    coming = ((number, dice.random() >= groups) for number in range(1, messages + 1))

    def ask(chat_id: int, private: bool, *, interactive: bool = False) -> None:
        nonlocal waiting
        waiting += 1
        scheduler.enqueue(now, SlotRequest(chat_id, private, interactive))

    while True:
        for chat_id, private in islice(coming, min(SLOTS, scheduler.budget(now, AHEAD_SECONDS))):
            ask(chat_id, private)
        for request in scheduler.grant(now):
            waiting -= 1
            starts.append(now)
            by_chat[request.chat_id, request.private].append(now)
            if dice.random() < floods:
                flooded += 1
                scheduler.pauses.flooded(now, request.chat_id, dice.choice(RETRY_AFTER))
                ask(request.chat_id, request.private)
            if asks_at <= now:
                asks_at = now + dice.expovariate(ANSWERS_PER_SECOND)
                ask(request.chat_id, request.private, interactive=True)
        if not waiting and len(starts) >= messages:
            break
        now = min(scheduler.next_at(now), now + LOOK_SECONDS)
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

"""A year of the outbox, without a network and without sleep: batches of duties drained in its own order.

A batch is duties of one kind that fall due at one time. Between two events (a batch falls due, one is empty)
everything is arithmetic; what the pacing makes of the single messages is sample.py's.
"""

import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.delivery.due_times import DAY as A_DAY
from storage.model import Priority
from tests.capacity.estimate import net_rate

DAY, HOUR = A_DAY.total_seconds(), 3600.0
DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Who subscribes to what, and what the blog does. Shares are guesses; they are what one changes first."""

    chats: int = 1_000_000
    posts: int = 130  # a year; the blog has had about 50 to 130
    edits: float = 1.5  # times that a post is edited while its announcements are still edited (EDIT_DAYS)
    everything: float = 0.6  # of the chats want everything; the others a part of the posts
    part: float = 0.25
    groups: float = 0.1  # of the chats are groups or channels
    daily: float = 0.2  # of the chats have digests instead of announcements
    weekly: float = 0.1
    asleep: float = 0.1  # of the chats have quiet hours when a post arrives and receive it at their end
    questions: float = 0.02  # of the private chats ask something on a day
    asked_by: float = 2.0  # answers to one who asks
    floods: float = 1e-5  # of the requests are answered 429 and sent again
    gone: float = 0.05  # of the chats block the bot in a year: one refused try, then nothing
    hours: Sequence[float] = (0, 4, 7, 12, 20)  # of digests, in UTC: where the time zones' evenings fall


@dataclass(order=True, slots=True)
class Batch:
    priority: int
    due: float
    count: float = field(compare=False)
    size: float = field(default=0.0, compare=False)


@dataclass(slots=True, kw_only=True)
class Year:
    """What came of it; times in seconds."""

    answers: float = 0.0
    duties: float = 0.0  # requests that are rows of the outbox
    busy: float = 0.0
    longest: dict[Priority, float] = field(default_factory=dict)  # from due to the last of a batch
    backlog: float = 0.0  # the most that ever was due at once
    busiest_day: float = 0.0
    left: float = 0.0  # due and unsent at the end

    @property
    def requests(self) -> float:
        return self.answers + self.duties

    @property
    def utilisation(self) -> float:
        return self.busy / (DAYS * DAY)


def batches(world: World, dice: random.Random) -> list[Batch]:
    """Everything that falls due in a year."""
    instant = world.chats * (1 - world.daily - world.weekly)
    share = world.everything + (1 - world.everything) * world.part
    days = sorted(dice.uniform(0, DAYS) for _ in range(world.posts))
    made: list[Batch] = []
    for day in days:
        at = day * DAY
        living = share * instant * (1 - world.gone * day / DAYS)
        made.append(Batch(Priority.POST, at, living * (1 - world.asleep)))
        made.append(Batch(Priority.POST, at + 7 * HOUR, living * world.asleep))
        for _ in range(_rounded(world.edits, dice)):
            made.append(Batch(Priority.EDIT, at + dice.uniform(1 * HOUR, 2 * DAY), living))
    made += _digests(world, days, share)
    gone = world.chats * world.gone / max(1, world.posts)  # one refused try each, with the next post
    made += [Batch(Priority.POST, day * DAY, gone) for day in days]
    for batch in made:
        batch.count *= 1 + world.floods
        batch.size = batch.count
    return [batch for batch in made if batch.count > 0]


def _digests(world: World, days: Sequence[float], share: float) -> Iterator[Batch]:
    with_news = {int(day) for day in days}
    weeks = {day // 7 for day in with_news}
    for hour in world.hours:
        zone = share * world.chats / len(world.hours)
        yield from (
            Batch(Priority.DIGEST, (day + 1) * DAY + hour * HOUR, zone * world.daily) for day in with_news
        )
        yield from (
            Batch(Priority.DIGEST, (week + 1) * 7 * DAY + hour * HOUR, zone * world.weekly) for week in weeks
        )


def _rounded(number: float, dice: random.Random) -> int:
    return int(number) + (dice.random() < number % 1)


def answers_per_second(world: World) -> float:
    """What people's questions take of the rate, spread over a day: answers go before pushes."""
    return world.chats * (1 - world.groups) * world.questions * world.asked_by / DAY


def simulate(world: World, per_second: float, dice: random.Random) -> Year:
    """Drain a year's batches at Telegram's rate, more urgent ones first, then those due first."""
    rate = net_rate(per_second) - answers_per_second(world)
    if rate <= 0:
        raise ValueError("the answers alone are more than Telegram allows")
    coming = sorted(batches(world, dice), key=lambda batch: batch.due, reverse=True)
    waiting: list[Batch] = []
    year, now, today = Year(answers=answers_per_second(world) * DAYS * DAY), 0.0, [0.0] * (DAYS + 1)
    while waiting or coming:
        if not waiting:
            now = max(now, coming[-1].due)
        if now >= DAYS * DAY:
            break
        while coming and coming[-1].due <= now:
            heapq.heappush(waiting, coming.pop())
        year.backlog = max(year.backlog, sum(batch.count for batch in waiting))
        first, until = waiting[0], min(coming[-1].due if coming else DAYS * DAY, DAYS * DAY)
        sent = min(first.count, rate * (until - now))
        _note(today, now, now + sent / rate, rate)
        now, first.count = now + sent / rate, first.count - sent
        year.busy += sent / rate
        year.duties += sent
        if first.count <= 1e-6:
            heapq.heappop(waiting)
            kind = Priority(first.priority)
            year.longest[kind] = max(year.longest.get(kind, 0.0), now - first.due)
    year.left = sum(batch.count for batch in waiting)
    year.busiest_day = max(today) + answers_per_second(world) * DAY
    return year


def _note(today: list[float], since: float, until: float, rate: float) -> None:
    """Count what was sent between two times by its day."""
    while since < until:
        day = min(int(since // DAY), DAYS)
        end = min(until, (day + 1) * DAY)
        today[day] += (end - since) * rate
        since = end

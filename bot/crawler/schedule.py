"""Cron schedules of the crawled addresses, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

FIELDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledSource:
    """An address and its cron schedule in UTC."""

    url: str
    cron: str
    origin: str = "page"


def read_pages(text: str) -> tuple[ScheduledSource, ...]:
    """Parse `URL minute hour day month weekday`, separated by semicolons. Raises ValueError."""
    pages = []
    for part in text.split(";"):
        if words := part.split():
            cron = " ".join(words[1:])
            read_cron(cron)
            pages.append(ScheduledSource(url=words[0], cron=cron))
    return tuple(pages)


def read_cron(line: str) -> CronTrigger:
    """Parse a cron line of five fields; weekdays by name, since programs number them differently.

    Raises ValueError for an invalid line and for one that never matches.
    """
    given = line.split()
    if len(given) != FIELDS:
        raise ValueError(f"a cron line has {FIELDS} parts (minute hour day month weekday), not {len(given)}")
    if any(sign.isdigit() for sign in given[-1]):
        raise ValueError("write weekdays as names (mon, tue-fri): programs number them differently")
    try:
        trigger = CronTrigger.from_crontab(line, timezone=UTC)
        never = trigger.get_next_fire_time(None, datetime(2026, 1, 1, tzinfo=UTC)) is None
    except (ValueError, TypeError) as error:
        raise ValueError(f"no cron line: {error}") from None
    if never:
        raise ValueError("a cron line that means no time at all")
    return trigger


def next_time(cron: str, after: datetime, jitter: float = 0) -> datetime:
    """Return the first time of `cron` after `after`, delayed by up to `jitter` random seconds."""
    trigger = read_cron(cron)
    trigger.jitter = int(jitter)
    found: datetime = trigger.get_next_fire_time(None, after + timedelta(seconds=1))
    return found.astimezone(UTC)

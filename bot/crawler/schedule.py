"""Times of requests, all aware UTC: cron schedules, exponential backoff of failed sources, Retry-After."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from apscheduler.triggers.cron import CronTrigger

from storage.clock import Backoff

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


MIN_PAUSE = timedelta(minutes=5)
MAX_PAUSE = timedelta(hours=6)

# Retry-After is clamped: 0 would flood the server, ten years would stop the source.
MIN_RETRY_AFTER = timedelta(minutes=1)
MAX_RETRY_AFTER = timedelta(hours=24)


def next_attempt(failures: int, now: datetime) -> datetime:
    """Return the earliest next request after `failures` consecutive failures, the last one at `now`."""
    backoff = Backoff(MIN_PAUSE.total_seconds(), MAX_PAUSE.total_seconds(), max(0, failures))
    return now + timedelta(seconds=backoff.delay)


def parse_retry_after(retry_after: str | None, now: datetime) -> datetime | None:
    """Parse Retry-After (seconds or an HTTP date, RFC 9110 §10.2.3), clamped; None if missing or invalid."""
    text = (retry_after or "").strip()
    if re.fullmatch(r"-?[0-9]+", text):
        seconds = int(text) if len(text) < 10 else (-1 if text.startswith("-") else 10**9)
        delay = timedelta(seconds=seconds)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        delay = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return now + min(max(delay, MIN_RETRY_AFTER), MAX_RETRY_AFTER)

"""When each source is asked: the grammar of FEED_CRON and PAGES, and the next time a cron line means.

Knows no source and no clock; the jitter is the only chance in it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

FIELDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """An address and the cron line by which it is asked, in UTC."""

    url: str
    cron: str
    origin: str = "page"


def read_pages(text: str) -> tuple[Timed, ...]:
    """`URL minute hour day month weekday`, several separated by semicolons. Raises ValueError."""
    pages = []
    for part in text.split(";"):
        url, *fields = part.split()[:1], *part.split()[1:]
        if not url:
            continue
        cron = " ".join(str(field) for field in fields)
        read_cron(cron)
        pages.append(Timed(url=url[0], cron=cron))
    return tuple(pages)


def read_cron(line: str) -> CronTrigger:
    """Minute, hour, day, month, weekday; weekdays by name, since programs number them differently.

    Raises ValueError for what is no such line or means no time at all.
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
    """The first time after `after` that `cron` means, up to `jitter` seconds late: not all come at once."""
    trigger = read_cron(cron)
    trigger.jitter = int(jitter)
    found: datetime = trigger.get_next_fire_time(None, after + timedelta(seconds=1))
    return found.astimezone(UTC)

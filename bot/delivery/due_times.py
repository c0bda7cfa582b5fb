"""When what waits falls due: digests at a local hour, the end of quiet hours, the hour of a lesson.

Pure; the instant is an argument. Local times follow the zone's clock: a time that the clock skips in spring
counts an hour later, one that it shows twice in autumn counts the first time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.messages.digests import Period
from storage.model import Rhythm, When, in_quiet, zone_of

DAY = timedelta(days=1)
LOOK_BACK = {When.DAILY: 2, When.WEEKLY: 8}  # days within which the last moment must lie, with one to spare


@dataclass(frozen=True, slots=True)
class Due:
    """What has waited since `until` or longer may go; `day` is the local day that it is called by."""

    until: datetime
    day: date


def due(rhythm: Rhythm, now: datetime) -> Due | None:
    """Return what is due at `now`; None within quiet hours.

    A digest is due at the chosen hour or, if that is within quiet hours, at their end. Without a digest
    everything that waits is due.
    """
    if in_quiet(rhythm.quiet_from, rhythm.quiet_to, rhythm.time_zone, now):
        return None
    if rhythm.when is When.INSTANT:
        return Due(now, now.astimezone(zone_of(rhythm.time_zone)).date())
    return next((moment for moment in _moments(rhythm, now) if moment.until <= now), None)


def _moments(rhythm: Rhythm, now: datetime) -> Iterator[Due]:
    """Yield the latest due times of a digest, newest first; the first may be after `now`."""
    zone = zone_of(rhythm.time_zone)
    today = now.astimezone(zone).date()
    # From tomorrow: a zone that skipped a day may not have reached today's hour yet.
    for back in range(-1, LOOK_BACK[rhythm.when] + 1):
        day = today - back * DAY
        if rhythm.when is When.WEEKLY and day.weekday() != rhythm.weekday:
            continue
        yield Due(_awake(rhythm, instant(day, time(rhythm.hour), zone)), day)


def _awake(rhythm: Rhythm, at: datetime) -> datetime:
    """Return `at`, or the end of the quiet hours around it."""
    if not in_quiet(rhythm.quiet_from, rhythm.quiet_to, rhythm.time_zone, at) or rhythm.quiet_to is None:
        return at
    zone = zone_of(rhythm.time_zone)
    day = at.astimezone(zone).date()
    end = instant(day, rhythm.quiet_to, zone)
    return end if end > at else instant(day + DAY, rhythm.quiet_to, zone)


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the first instant at which the clock of `zone` shows `at` on `day`."""
    return datetime.combine(day, at, zone).astimezone(UTC)


NAME = re.compile(r"digest:(day|week|night):(\d{4}-\d\d-\d\d):")
PERIODS = {"day": Period.DAY, "week": Period.WEEK, "night": Period.NIGHT}


def dedup_key_of(rhythm: Rhythm, day: date) -> str:
    """Return the dedup key prefix of the digest of `day`; the caller appends its last post."""
    match rhythm.when:
        case When.DAILY:
            return f"digest:day:{day}"
        case When.WEEKLY:
            return f"digest:week:{day}"
        case When.INSTANT if rhythm.quiet_from is not None:
            return f"digest:night:{day}"
        case When.INSTANT:
            return f"digest:now:{day}"


def period_of(dedup_key: str) -> tuple[Period, date | None]:
    """Return the period of a digest and the reader's local day; None as the day means the day it is sent."""
    found = NAME.match(dedup_key)
    return (PERIODS[found[1]], date.fromisoformat(found[2])) if found else (Period.DUMP, None)

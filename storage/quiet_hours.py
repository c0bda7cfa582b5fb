"""Quiet hours by the local clock of a time zone; may span midnight."""

from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_ZONE = ZoneInfo("UTC")


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of this name; UTC for a zone that is missing on this machine."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC_ZONE


def local_minute(zone: str, now: datetime) -> int:
    """Minutes after midnight on the clock of `zone`."""
    shown = now.astimezone(zone_of(zone))
    return shown.hour * 60 + shown.minute


def in_quiet(since: time | None, until: time | None, zone: str, now: datetime) -> bool:
    """Whether `now` lies in the hours from `since` until before `until`, perhaps past midnight."""
    if since is None or until is None:
        return False
    minute, begin, end = local_minute(zone, now), _minutes(since), _minutes(until)
    if begin <= end:
        return begin <= minute < end
    return minute >= begin or minute < end


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute

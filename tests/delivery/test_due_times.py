"""When digests and quiet hours end, by fixed clocks: zones, summer time, leap days, odd offsets."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.due_times import Due, due, instant
from storage.model import Rhythm, When, in_quiet, local_minute, zone_of

DAILY = Rhythm(when=When.DAILY)
SUNDAYS = Rhythm(when=When.WEEKLY)
ASLEEP = Rhythm(quiet_from=time(23), quiet_to=time(8))
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def at(text: str) -> datetime:
    """An instant written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# rhythm, now, what may go: what has waited since then, under which day's name
DUES: dict[str, tuple[Rhythm, str, tuple[str, str] | None]] = {
    "a minute before eight": (DAILY, "2026-11-22T11:59", ("2026-11-21T12:00", "2026-11-21")),
    "eight in Shanghai": (DAILY, "2026-11-22T12:00", ("2026-11-22T12:00", "2026-11-22")),
    "the morning after an outage": (DAILY, "2026-11-23T01:00", ("2026-11-22T12:00", "2026-11-22")),
    "a Sunday": (SUNDAYS, "2026-11-22T12:00", ("2026-11-22T12:00", "2026-11-22")),
    "a Saturday": (SUNDAYS, "2026-11-28T12:00", ("2026-11-22T12:00", "2026-11-22")),
    "a Sunday, too early": (SUNDAYS, "2026-11-29T11:59", ("2026-11-22T12:00", "2026-11-22")),
    "a leap day": (DAILY, "2028-02-29T12:00", ("2028-02-29T12:00", "2028-02-29")),
    "the day after": (DAILY, "2028-03-01T11:00", ("2028-02-29T12:00", "2028-02-29")),
    "a year's end": (DAILY, "2027-01-01T00:00", ("2026-12-31T12:00", "2026-12-31")),
    "winter in Berlin": (
        replace(DAILY, time_zone=BERLIN),
        "2027-03-27T19:00",
        ("2027-03-27T19:00", "2027-03-27"),
    ),
    "summer in Berlin": (
        replace(DAILY, time_zone=BERLIN),
        "2027-03-28T18:00",
        ("2027-03-28T18:00", "2027-03-28"),
    ),
    # 28 March 2027, 02:00 to 03:00 does not exist: the digest comes at 03:00 summer time, once.
    "an hour that is skipped": (
        replace(DAILY, time_zone=BERLIN, hour=2),
        "2027-03-28T01:00",
        ("2027-03-28T01:00", "2027-03-28"),
    ),
    "just before the skipped hour": (
        replace(DAILY, time_zone=BERLIN, hour=2),
        "2027-03-28T00:59",
        ("2027-03-27T01:00", "2027-03-27"),
    ),
    # 1 November 2026, 01:00 to 02:00 comes twice in New York: the first time counts.
    "an hour that comes twice": (
        replace(DAILY, time_zone=NEW_YORK, hour=1),
        "2026-11-01T05:00",
        ("2026-11-01T05:00", "2026-11-01"),
    ),
    "its second coming": (
        replace(DAILY, time_zone=NEW_YORK, hour=1),
        "2026-11-01T06:30",
        ("2026-11-01T05:00", "2026-11-01"),
    ),
    "a quarter of an hour off": (
        replace(DAILY, time_zone="Asia/Kathmandu"),
        "2026-11-22T14:15",
        ("2026-11-22T14:15", "2026-11-22"),
    ),
    "midnight is skipped": (
        replace(DAILY, time_zone="Africa/Cairo", hour=0),
        "2027-04-29T22:00",
        ("2027-04-29T22:00", "2027-04-30"),
    ),
    "across the date line": (
        replace(DAILY, time_zone="Pacific/Kiritimati"),
        "2026-11-22T06:00",
        ("2026-11-22T06:00", "2026-11-22"),
    ),
    "the digest's hour is quiet": (
        replace(DAILY, quiet_from=time(19), quiet_to=time(22)),
        "2026-11-22T13:00",
        None,
    ),
    "at the end of it": (
        replace(DAILY, quiet_from=time(19), quiet_to=time(22)),
        "2026-11-22T14:00",
        ("2026-11-22T14:00", "2026-11-22"),
    ),
    "the digest's night is quiet": (
        replace(DAILY, hour=23, quiet_from=time(22), quiet_to=time(7)),
        "2026-11-22T23:00",
        ("2026-11-22T23:00", "2026-11-22"),
    ),
    "missed, and quiet by now": (
        replace(DAILY, quiet_from=time(23), quiet_to=time(8)),
        "2026-11-22T16:00",
        None,
    ),
    "a zone that is no more": (
        replace(DAILY, time_zone="Mars/Olympus"),
        "2026-11-22T20:00",
        ("2026-11-22T20:00", "2026-11-22"),
    ),
    "at night": (ASLEEP, "2026-11-22T15:00", None),
    "just before the night": (ASLEEP, "2026-11-22T14:59", ("2026-11-22T14:59", "2026-11-22")),
    "still at night": (ASLEEP, "2026-11-22T23:59", None),
    "after the night": (ASLEEP, "2026-11-23T00:00", ("2026-11-23T00:00", "2026-11-23")),
    "quiet at noon": (Rhythm(quiet_from=time(12), quiet_to=time(14)), "2026-11-22T05:00", None),
    "after noon": (
        Rhythm(quiet_from=time(12), quiet_to=time(14)),
        "2026-11-22T06:00",
        ("2026-11-22T06:00", "2026-11-22"),
    ),
}


@pytest.mark.parametrize(("rhythm", "now", "expected"), DUES.values(), ids=DUES)
def test_what_is_due(rhythm: Rhythm, now: str, expected: tuple[str, str] | None) -> None:
    wanted = None if expected is None else Due(at(expected[0]), date.fromisoformat(expected[1]))
    assert due(rhythm, at(now)) == wanted


ZONES = st.sampled_from(
    (
        "Asia/Shanghai",
        BERLIN,
        NEW_YORK,
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Pacific/Chatham",
    )
)
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
RHYTHMS = st.builds(
    Rhythm, when=st.sampled_from(When), hour=st.integers(0, 23), weekday=st.integers(0, 6), time_zone=ZONES
)


@given(RHYTHMS, INSTANTS)
def test_a_digest_is_never_early_and_not_a_week_late(rhythm: Rhythm, now: datetime) -> None:
    moment = due(rhythm, now)
    assert moment is not None
    longest = {When.INSTANT: 0, When.DAILY: 26, When.WEEKLY: 7 * 24 + 2}[rhythm.when]
    assert timedelta(0) <= now - moment.until <= timedelta(hours=longest)


@given(RHYTHMS, INSTANTS, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_time_never_takes_back_what_was_due(rhythm: Rhythm, now: datetime, later: timedelta) -> None:
    before, after = due(rhythm, now), due(rhythm, now + later)
    assert before is not None
    assert after is not None
    assert before.until <= after.until


@given(RHYTHMS.filter(lambda rhythm: rhythm.when is When.DAILY), st.dates(date(2024, 1, 1), date(2032, 1, 1)))
def test_every_day_has_one_digest(rhythm: Rhythm, day: date) -> None:
    zone = zone_of(rhythm.time_zone)
    hour = instant(day, time(rhythm.hour), zone)
    assert due(rhythm, hour) == Due(hour, day)
    tomorrow = instant(day + timedelta(days=1), time(rhythm.hour), zone)
    assert due(rhythm, tomorrow - timedelta(microseconds=1)) == Due(hour, day)


@given(st.times(), st.times(), ZONES, INSTANTS)
def test_quiet_hours_and_their_opposite_share_the_day(
    since: time, until: time, zone: str, now: datetime
) -> None:
    if local_minute(zone, instant(date(2026, 1, 1), since, zone_of(zone))) == until.hour * 60 + until.minute:
        return
    assert in_quiet(since, until, zone, now) is not in_quiet(until, since, zone, now)

"""When sources are asked: the grammar of the settings, and the tries that follow success and failure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import SettingsError
from bot.crawler.fetcher import NO_VALIDATORS, Validators
from bot.crawler.schedule import ScheduledSource, next_time, read_cron, read_pages
from bot.crawler.source_state import Failing, Recovered, alert, failed, quiet, unchanged
from bot.settings import read_settings
from storage.model import DumpId, DumpRecord, Source

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SOURCE = Source(url="https://kexue.fm/feed", next_run=NOW, etag='"1"', items=10)


def test_pages_are_addresses_with_their_times() -> None:
    text = "https://kexue.fm/ 17 */6 * * *;\n https://kexue.fm/content.html 23 2 * * mon ; "
    assert read_pages(text) == (
        ScheduledSource(url="https://kexue.fm/", cron="17 */6 * * *"),
        ScheduledSource(url="https://kexue.fm/content.html", cron="23 2 * * mon"),
    )
    assert read_pages(" ") == ()


@pytest.mark.parametrize(
    "line",
    ["", "* * * *", "* * * * * *", "61 * * * *", "x * * * *", "* * * * 0", "0 0 31 2 *", "*/0 * * * *"],
)
def test_lines_that_mean_nothing(line: str) -> None:
    with pytest.raises(ValueError, match=r"cron line|weekdays"):
        read_cron(line)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("*/30 * * * *", NOW, NOW + timedelta(minutes=30)),
        ("*/30 * * * *", NOW + timedelta(minutes=1), NOW + timedelta(minutes=30)),
        ("23 2 * * *", NOW, datetime(2026, 9, 2, 2, 23, tzinfo=UTC)),
        ("0 0 * * mon", NOW, datetime(2026, 9, 7, tzinfo=UTC)),
        ("30 2 29 3 *", NOW, datetime(2027, 3, 29, 2, 30, tzinfo=UTC)),
    ],
)
def test_the_next_time(cron: str, after: datetime, expected: datetime) -> None:
    assert next_time(cron, after) == expected


def test_jitter_only_delays() -> None:
    times = {next_time("*/30 * * * *", NOW, jitter=60) - NOW for _ in range(50)}
    assert min(times) >= timedelta(minutes=30)
    assert max(times) <= timedelta(minutes=31)
    assert len(times) > 1


@pytest.mark.parametrize(
    "given",
    [
        {"feed_url": "kexue.fm/feed"},
        {"feed_url": "file:///feed"},
        {"feed_cron": "often"},
        {"pages": "https://kexue.fm/"},
        {"pages": "kexue.fm 1 2 * * *"},
        {"user_agent": "科学"},
        {"user_agent": "a\r\nHost: b"},
        {"source_alert_hours": 0},
        {"fetch_pause_seconds": -1},
    ],
)
def test_wrong_settings_are_named(given: dict[str, object]) -> None:
    (name,) = given
    with pytest.raises(SettingsError, match=name.upper()):
        read_settings(_env_file=None, **given)


def test_nothing_is_fetched_unless_it_is_asked_for() -> None:
    assert read_settings(_env_file=None).timetable == ()
    both = read_settings(
        _env_file=None, feed_url=" https://kexue.fm/feed ", pages="https://kexue.fm/ 17 */6 * * *"
    ).timetable
    assert [(timed.url, timed.origin) for timed in both] == [
        ("https://kexue.fm/feed", "feed"),
        ("https://kexue.fm/", "page"),
    ]


def fail(source: Source, at: datetime, *, wish: datetime | None = None) -> Source:
    regular = at + timedelta(minutes=30)
    return failed(source, "out of order", at, regular, retry_at=wish, alert_after=DAY)


def test_a_failure_keeps_what_is_known_and_waits_for_the_latest_wish() -> None:
    once = fail(SOURCE, NOW)
    assert (once.etag, once.items, once.error) == ('"1"', 10, "out of order")
    assert once.next_run == NOW + timedelta(minutes=30)
    assert fail(replace(once, failures=5), NOW).next_run == NOW + timedelta(minutes=160)
    assert fail(once, NOW, wish=NOW + timedelta(hours=20)).next_run == NOW + timedelta(hours=20)


def test_operators_hear_once_of_a_failure_and_once_of_its_end() -> None:
    source, heard = SOURCE, []
    for hours in (0, 1, 23, 24, 25, 48):
        at = NOW + timedelta(hours=hours)
        source, before = fail(source, at), source
        heard.append(alert(before, source))
    assert heard == [None, None, None, Failing(SOURCE.url, "out of order", NOW), None, None]
    well = unchanged(source, NO_VALIDATORS, NOW + 3 * DAY, NOW + 3 * DAY)
    assert alert(source, well) == Recovered(SOURCE.url, NOW)
    assert alert(well, unchanged(well, NO_VALIDATORS, NOW + 3 * DAY, NOW + 3 * DAY)) is None
    assert (well.error, well.failures, well.failing_since, well.alerted) == (None, 0, None, False)


def test_a_short_failure_is_not_told() -> None:
    source = fail(SOURCE, NOW)
    well = unchanged(source, Validators(etag='"2"'), NOW + timedelta(hours=1), NOW + DAY)
    assert alert(source, well) is None
    assert (well.etag, well.next_run) == ('"2"', NOW + DAY)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=40))
def test_alerts_take_turns(tries: list[tuple[bool, int]]) -> None:
    source, at, heard = SOURCE, NOW, []
    for works, hours in tries:
        at += timedelta(hours=hours)
        before = source
        source = unchanged(source, NO_VALIDATORS, at, at) if works else fail(source, at)
        if (said := alert(before, source)) is not None:
            heard.append(type(said))
    assert heard == [Failing, Recovered] * (len(heard) // 2) + [Failing] * (len(heard) % 2)


@pytest.mark.parametrize(("days", "told"), [(29, None), (30, 30), (45, 45)])
def test_silence_is_told_after_thirty_days(days: int, told: int | None) -> None:
    at = NOW - days * DAY
    last = DumpRecord(
        id=DumpId(7),
        name="feed",
        sha256="",
        origin="feed",
        layout=None,
        captured_at=at,
        taken_in_at=at,
        new=1,
    )
    said = quiet(last, NOW, 30 * DAY)
    assert (said and (said.days, said.dump)) == (told and (told, 7))


def test_an_empty_archive_is_not_silent() -> None:
    assert quiet(None, NOW, 30 * DAY) is None

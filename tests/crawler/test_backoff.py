"""When a source is asked again: tables of wishes and failures."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.crawler.fetcher import why_not_fetched
from bot.crawler.schedule import MAX_PAUSE, MAX_RETRY_AFTER, MIN_RETRY_AFTER, next_attempt, parse_retry_after
from bot.crawler.url_policy import RefusedAddressError, host_of, redirected
from bot.site_profile import KEXUE
from tests.fakes.blog import FEED, GATE, HOME

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "after"),
    [
        ("120", timedelta(minutes=2)),
        (" 3600 ", timedelta(hours=1)),
        ("0", MIN_RETRY_AFTER),
        ("-5", MIN_RETRY_AFTER),
        ("315360000", MAX_RETRY_AFTER),
        ("9" * 5000, MAX_RETRY_AFTER),
        ("-" + "9" * 5000, MIN_RETRY_AFTER),
        ("Tue, 01 Sep 2026 12:30:00 GMT", timedelta(minutes=30)),
        ("Tue, 01 Sep 2026 12:30:00 -0000", timedelta(minutes=30)),
        ("Tue, 01 Sep 2026 20:30:00 +0800", timedelta(minutes=30)),
        ("Mon, 01 Sep 1997 12:30:00 GMT", MIN_RETRY_AFTER),
        ("Mon, 01 Sep 2036 12:30:00 GMT", MAX_RETRY_AFTER),
    ],
)
def test_a_wish_is_honoured_within_bounds(header: str, after: timedelta) -> None:
    assert parse_retry_after(header, NOW) == NOW + after


@pytest.mark.parametrize("header", [None, "", "soon", "1e3", "Someday, 99 Xyz 2026", "１２０"])
def test_what_is_no_wish_is_none(header: str | None) -> None:
    assert parse_retry_after(header, NOW) is None


@given(st.text(max_size=40))
def test_no_header_breaks_the_reading(header: str) -> None:
    delay = parse_retry_after(header, NOW)
    assert delay is None or MIN_RETRY_AFTER <= delay - NOW <= MAX_RETRY_AFTER


def test_failures_double_the_pause_up_to_its_ceiling() -> None:
    minutes = [(next_attempt(failures, NOW) - NOW) / timedelta(minutes=1) for failures in range(9)]
    assert minutes == [0, 5, 10, 20, 40, 80, 160, 320, 360]
    assert next_attempt(10_000, NOW) == NOW + MAX_PAUSE


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("https://kexue.fm/feed", "/feed/", "https://kexue.fm/feed/"),
        ("https://kexue.fm/feed", "https://spaces.ac.cn/feed#top", "https://spaces.ac.cn/feed"),
        ("https://spaces.ac.cn/feed", "https://WWW.kexue.fm:443/feed", "https://WWW.kexue.fm:443/feed"),
        ("http://kexue.fm/feed", "https://kexue.fm/feed", "https://kexue.fm/feed"),
        ("http://mirror.example:8080/feed", "rss", "http://mirror.example:8080/rss"),
    ],
)
def test_redirects_that_are_followed(url: str, location: str, target: str) -> None:
    assert redirected(url, location, KEXUE.hosts) == target


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://kexue.fm/feed", "https://example.org/feed"),
        ("https://kexue.fm/feed", "https://kexue.fm.example.org/feed"),
        ("https://kexue.fm/feed", "http://kexue.fm/feed"),
        ("https://kexue.fm/feed", "https://kexue.fm:8443/feed"),
        ("https://kexue.fm/feed", "https://user@kexue.fm/feed"),
        ("https://kexue.fm/feed", "file:///etc/hostname"),
        ("https://kexue.fm/feed", "http://169.254.169.254/latest"),
        ("https://kexue.fm/feed", "http://[::1]/"),
        ("https://kexue.fm/feed", "https://kexue.fm:port/"),
        ("https://kexue.fm/feed", "//[broken/"),
        ("http://mirror.example/feed", "https://kexue.fm/feed"),
    ],
)
def test_redirects_that_are_refused(url: str, location: str) -> None:
    with pytest.raises(RefusedAddressError):
        redirected(url, location, KEXUE.hosts)


@pytest.mark.parametrize("url", ["", "kexue.fm/feed", "ftp://kexue.fm/", "http://", "http://a:99999/"])
def test_no_address(url: str) -> None:
    with pytest.raises(RefusedAddressError):
        host_of(url)


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (200, FEED, None),
        (200, HOME, None),
        (200, HOME + b"<!-- cached -->\n", None),
        (200, "纯文本".encode(), None),
        (200, b"", "an empty answer"),
        (200, b" \r\n", "an empty answer"),
        (200, GATE, "the gate before a first visit, not the page itself (200)"),
        (403, GATE, "the gate before a first visit, not the page itself (403)"),
        (403, HOME, "it forbids the request (403)"),
        (404, HOME, "it has no such page (404)"),
        (429, b"", "it says that we ask too often (429)"),
        (502, b"", "it is out of order (502)"),
        (418, b"", "an answer of no use (418)"),
        (200, FEED[:-40], "half a page: its end is missing"),
        (200, HOME[: len(HOME) // 2], "half a page: its end is missing"),
    ],
)
def test_what_an_answer_is_worth(status: int, content: bytes, reason: str | None) -> None:
    assert why_not_fetched(status, content) == reason

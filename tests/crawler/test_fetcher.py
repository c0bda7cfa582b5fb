"""Fetching from a server on the loopback that behaves and misbehaves."""

import asyncio
import gzip
import logging
import resource
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from itertools import pairwise

import pytest
import pytest_asyncio

from bot.crawler.fetcher import Fetch, Fetched, Fetcher, NotFetched, NotModified, Validators
from bot.intake.formats.detect import read_dump
from storage.clock import SystemClock
from tests.fakes.blog import (
    FEED,
    GATE,
    HOME,
    Blog,
    Say,
    behind_a_gate,
    blog,
    endless,
    gzipped,
    moved,
    no_answer,
    page,
    silence,
    trickle,
    unchanged_after,
)

ETAG, MODIFIED = 'W/"a-1"', "Tue, 01 Sep 2026 12:30:00 GMT"
MEGABYTE = 2**20


@pytest_asyncio.fixture
async def kexue() -> AsyncIterator[Blog]:
    async with blog() as running:
        yield running


@pytest_asyncio.fixture
async def spaces() -> AsyncIterator[Blog]:
    async with blog() as running:
        yield running


@pytest_asyncio.fixture
async def fetcher(kexue: Blog, spaces: Blog) -> AsyncIterator[Fetcher]:
    made = fetcher_for(kexue, spaces)
    yield made
    await made.close()


def fetcher_for(*blogs: Blog, pause: float = 0.0, deadline: float = 10.0) -> Fetcher:
    return Fetcher(
        SystemClock(),
        user_agent="a test",
        pause=pause,
        hosts=frozenset(one.host for one in blogs),
        deadline=deadline,
        private=True,
    )


def reason_of(fetch: Fetch) -> str:
    assert isinstance(fetch, NotFetched), fetch
    return fetch.reason


async def test_a_page_is_fetched_with_its_validators(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages["/feed"] = page(FEED, ETag=ETAG, Last_Modified=MODIFIED)
    fetch = await fetcher.fetch(kexue.url("/feed"), origin="feed")
    assert isinstance(fetch, Fetched)
    assert (fetch.dump.content, fetch.dump.origin, fetch.dump.name) == (FEED, "feed", f"{kexue.host}/feed")
    assert (fetch.validators.etag, fetch.validators.last_modified) == (ETAG, MODIFIED)
    assert kexue.asked[-1].headers["user-agent"] == "a test"


async def test_validators_are_sent_back_as_they_came(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages["/feed"] = unchanged_after(FEED, ETAG, MODIFIED)
    first = await fetcher.fetch(kexue.url("/feed"))
    assert isinstance(first, Fetched)
    assert await fetcher.fetch(kexue.url("/feed"), first.validators) == NotModified(first.validators)


async def test_the_same_bytes_are_not_modified(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages["/feed"] = page(FEED)
    first = await fetcher.fetch(kexue.url("/feed"))
    assert isinstance(first, Fetched)
    assert isinstance(await fetcher.fetch(kexue.url("/feed"), first.validators), NotModified)


async def test_a_304_that_was_not_asked_for_is_no_page(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages["/feed"] = page(b"", status=304)
    assert "304" in reason_of(await fetcher.fetch(kexue.url("/feed")))


async def test_a_compressed_page_is_unpacked(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages["/feed"] = gzipped(FEED)
    fetch = await fetcher.fetch(kexue.url("/feed"))
    assert isinstance(fetch, Fetched)
    assert fetch.dump.content == FEED
    assert kexue.asked[-1].headers["accept-encoding"] == "gzip"


async def test_compressed_in_several_members(kexue: Blog, fetcher: Fetcher) -> None:
    packed = gzip.compress(FEED[:1000]) + gzip.compress(FEED[1000:])
    kexue.pages["/feed"] = page(packed, Content_Encoding="gzip")
    fetch = await fetcher.fetch(kexue.url("/feed"))
    assert isinstance(fetch, Fetched)
    assert fetch.dump.content == FEED


@pytest.mark.parametrize(
    "answer",
    [
        page(gzip.compress(FEED) + b"\0" * 100, Content_Encoding="gzip"),
        page(gzip.compress(FEED) + b"\r\n", Content_Encoding="gzip"),
        page(FEED + b"<br />\n<b>Notice</b>: undefined in <b>/x.php</b>\n" * 100),
    ],
    ids=["zeros behind gzip", "a line end behind gzip", "warnings of PHP behind the page"],
)
async def test_what_follows_a_whole_page_is_no_damage(kexue: Blog, fetcher: Fetcher, answer: Say) -> None:
    kexue.pages["/feed"] = answer
    fetch = await fetcher.fetch(kexue.url("/feed"))
    assert isinstance(fetch, Fetched)
    assert fetch.dump.content.startswith(FEED)


async def test_a_move_to_the_other_host_is_followed(kexue: Blog, spaces: Blog, fetcher: Fetcher) -> None:
    kexue.pages["/feed"] = moved(spaces.url("/feed/"))
    spaces.pages["/feed/"] = page(FEED)
    assert isinstance(await fetcher.fetch(kexue.url("/feed")), Fetched)
    assert spaces.paths() == ["/feed/"]


async def test_a_move_elsewhere_is_refused(kexue: Blog, fetcher: Fetcher) -> None:
    async with blog() as elsewhere:
        elsewhere.pages["/feed"] = page(FEED)
        kexue.pages["/feed"] = moved(elsewhere.url("/feed"))
        assert "another site" in reason_of(await fetcher.fetch(kexue.url("/feed")))
        assert elsewhere.asked == []


async def test_redirects_come_to_an_end(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages |= {"/a": moved("/b", 302), "/b": moved("/a", 302)}
    assert "redirects" in reason_of(await fetcher.fetch(kexue.url("/a")))
    assert len(kexue.paths()) == 6


async def test_robots_are_obeyed_and_asked_once(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages |= {
        "/robots.txt": page(b"User-agent: *\nDisallow: /search/"),
        "/feed": page(FEED),
        "/hidden": moved("/search/x/"),
        "/search/x/": page(HOME),
    }
    assert "robots.txt" in reason_of(await fetcher.fetch(kexue.url("/search/x/")))
    assert "robots.txt" in reason_of(await fetcher.fetch(kexue.url("/hidden")))
    assert isinstance(await fetcher.fetch(kexue.url("/feed")), Fetched)
    assert [asked.path for asked in kexue.asked] == ["/robots.txt", "/hidden", "/feed"]


@pytest.mark.parametrize("target", ["https://missing.example.org/404.html", "/robots.txt"])
async def test_robots_redirected_elsewhere_or_forever_are_missing(
    kexue: Blog, fetcher: Fetcher, target: str
) -> None:
    kexue.pages |= {"/robots.txt": moved(target, 302), "/feed": page(FEED)}
    assert isinstance(await fetcher.fetch(kexue.url("/feed")), Fetched)


async def test_no_request_where_robots_cannot_be_had(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages |= {"/robots.txt": page(b"", status=503), "/feed": page(FEED)}
    assert "robots.txt" in reason_of(await fetcher.fetch(kexue.url("/feed")))
    assert kexue.paths() == []


async def test_the_gate_is_passed_with_its_cookie(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages["/feed"] = behind_a_gate(FEED)
    assert isinstance(await fetcher.fetch(kexue.url("/feed")), Fetched)
    assert isinstance(await fetcher.fetch(kexue.url("/feed")), Fetched)
    assert len(kexue.paths()) == 3


async def test_requests_stand_in_line_with_a_pause(kexue: Blog, spaces: Blog) -> None:
    fetcher = fetcher_for(kexue, spaces, pause=0.05)
    for one in (kexue, spaces):
        one.pages |= {"/a": page(FEED), "/b": page(HOME)}
    urls = [kexue.url("/a"), spaces.url("/a"), kexue.url("/b"), spaces.url("/b")]
    fetched = await asyncio.gather(*(fetcher.fetch(url) for url in urls))
    await fetcher.close()
    assert all(isinstance(fetch, Fetched) for fetch in fetched)
    times = sorted(asked.at for one in (kexue, spaces) for asked in one.asked)
    assert len(times) == 6
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.045
    assert max(kexue.most_open, spaces.most_open) == 1


FAULTS: dict[str, tuple[Say, str]] = {
    "a gate that never opens": (page(GATE, status=403), "gate"),
    "a gate with 200": (page(GATE), "gate"),
    "403 with the full page": (page(HOME, status=403), "forbids"),
    "404 with a whole page": (page(HOME, status=404), "no such page"),
    "410": (page(b"", status=410), "for good"),
    "429": (page(b"", status=429), "too often"),
    "500": (page(b"oops", status=500), "out of order"),
    "a cut body": (page(FEED, cut=100), "ends before its end"),
    "a page cut before it was sent": (page(HOME[: len(HOME) // 2]), "half a page"),
    "a cut compressed body": (gzipped(FEED, cut=50), "ends before its end"),
    "damaged compression": (page(b"\x1f\x8b\x08" + b"x" * 99, Content_Encoding="gzip"), "damaged"),
    "another compression": (page(FEED, Content_Encoding="br"), "not asked for"),
    "half a member after the first": (
        page(gzip.compress(FEED) + gzip.compress(HOME)[:50], Content_Encoding="gzip"),
        "ends before its end",
    ),
    "a redirect without an address": (page(b"", status=301), "redirects"),
    "an empty page": (page(b""), "empty"),
    "no answer": (no_answer, "cannot be reached"),
    "no HTTP": (page(b"", status=99), "cannot be reached"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_faults_are_reasons(kexue: Blog, fetcher: Fetcher, fault: str) -> None:
    kexue.pages["/feed"], words = FAULTS[fault]
    assert words in reason_of(await fetcher.fetch(kexue.url("/feed")))


async def test_a_server_that_is_not_there(kexue: Blog, fetcher: Fetcher) -> None:
    async with blog() as closed:
        pass
    assert "cannot be reached" in reason_of(await fetcher.fetch(closed.url("/feed")))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("encoding", ["", "gzip", "br"])
@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize("path", ["/feed", "/robots.txt"])
async def test_the_server_says_when_to_come_again(
    kexue: Blog, fetcher: Fetcher, status: int, encoding: str, cut: int, path: str
) -> None:
    """Whatever its body is, and whichever page it is asked for first."""
    answer = page(b"later", cut=cut, status=status, Retry_After="1800", Content_Encoding=encoding)
    kexue.pages[path] = answer
    before = SystemClock().now()
    fetch = await fetcher.fetch(kexue.url("/feed"))
    assert isinstance(fetch, NotFetched)
    assert fetch.outage
    assert fetch.retry_at is not None
    assert timedelta(0) <= fetch.retry_at - before - timedelta(minutes=30) < timedelta(minutes=1)


@pytest.mark.parametrize("slow", [silence, trickle])
async def test_a_deadline_ends_what_never_ends(kexue: Blog, slow: Say) -> None:
    fetcher = fetcher_for(kexue, deadline=0.2)
    kexue.pages["/feed"] = slow
    async with asyncio.timeout(5):
        assert "within 0.2 s" in reason_of(await fetcher.fetch(kexue.url("/feed")))
        await fetcher.close()


@pytest.mark.parametrize("charset", ["gb2312", "latin-1", "no-such-charset", '"'])
async def test_a_wrong_charset_does_not_matter(kexue: Blog, fetcher: Fetcher, charset: str) -> None:
    kexue.pages["/feed"] = page(FEED, Content_Type=f"text/xml; charset={charset}")
    fetch = await fetcher.fetch(kexue.url("/feed"))
    assert isinstance(fetch, Fetched)
    assert any("的" in sighting.title for sighting in read_dump(fetch.dump).sightings)


@pytest.mark.parametrize("said", [True, False])
async def test_200_megabytes_are_refused(kexue: Blog, fetcher: Fetcher, said: bool) -> None:
    kexue.pages["/feed"] = endless(b"<p>" * MEGABYTE, 200 * MEGABYTE, said=said)
    before = peak()
    assert "larger than" in reason_of(await fetcher.fetch(kexue.url("/feed")))
    assert peak() - before < 60 * MEGABYTE  # what was read so far, and the server's own buffers


async def test_a_gzip_bomb_is_refused(kexue: Blog, fetcher: Fetcher) -> None:
    bomb = gzip.compress(b"\0" * MEGABYTE) * 1000  # 1 MB that would unpack to 1 GB
    kexue.pages["/feed"] = page(bomb, Content_Encoding="gzip")
    before = peak()
    assert "larger than" in reason_of(await fetcher.fetch(kexue.url("/feed")))
    assert peak() - before < 40 * MEGABYTE


async def test_closing_breaks_off(kexue: Blog) -> None:
    fetcher = fetcher_for(kexue, pause=30.0)
    kexue.pages["/feed"] = page(FEED)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(fetcher.fetch(kexue.url("/feed")))
        while not kexue.asked:  # robots.txt is asked for at once, the page 30 s later
            await asyncio.sleep(0.01)
        await fetcher.close()
    assert "stopping" in reason_of(waiting.result())


async def test_headers_of_a_known_page_survive_a_304_without_them(kexue: Blog, fetcher: Fetcher) -> None:
    kexue.pages["/feed"] = page(b"", status=304)
    known = Validators(etag=ETAG, last_modified=MODIFIED, sha256="0")
    assert await fetcher.fetch(kexue.url("/feed"), known) == NotModified(known)


def peak() -> int:
    """The most memory this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def test_a_permanent_redirect_is_logged_once(
    kexue: Blog, fetcher: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    kexue.pages |= {"/feed": moved("/feed/"), "/feed/": page(FEED), "/temporary": moved("/feed/", 302)}
    with caplog.at_level(logging.INFO, "bot.crawler.fetcher"):
        for path in ("/feed", "/feed", "/temporary"):
            assert isinstance(await fetcher.fetch(kexue.url(path)), Fetched)
    assert [record.message for record in caplog.records] == [
        f"{kexue.url('/feed')} has moved to {kexue.url('/feed/')}"
    ]


@pytest.mark.parametrize("etag", ["x" * 257, "\x85\xa0", "\u00e9", "a\x01b", "\x7f"])
async def test_a_validator_that_cannot_be_sent_back_is_dropped(
    kexue: Blog, fetcher: Fetcher, etag: str
) -> None:
    async def say(writer: asyncio.StreamWriter, _headers: Mapping[str, str]) -> None:
        head = f"HTTP/1.1 200 OK\r\nETag: {etag}\r\nContent-Length: {len(FEED)}\r\n\r\n"
        writer.write(head.encode() + FEED)

    kexue.pages["/feed"] = say
    fetch = await fetcher.fetch(kexue.url("/feed"))
    if isinstance(fetch, NotFetched):  # aiohttp refuses control characters
        assert fetch.outage
    else:
        assert isinstance(fetch, Fetched)
        assert fetch.validators.etag is None


HEADERS = {
    "an empty ETag": "ETag: ",
    "a weak ETag of nothing": 'ETag: W/""',
    "an ETag with an escaped line break": r'ETag: "a\r\nX: y"',
    "an ETag over two lines": 'ETag: "a\r\n b"',
    "an ETag with a line feed": 'ETag: "a\nX: y"',
    "an ETag with a carriage return": 'ETag: "a\rb"',
    "an ETag with a NUL": 'ETag: "a\0b"',
    "two ETags": 'ETag: "a"\r\nETag: "b"',
    "an ETag of 8 KB": f'ETag: "{"x" * 8000}"',
    "an ETag of 100 KB": f'ETag: "{"x" * 100_000}"',
    "an ETag in Chinese": 'ETag: "中文"',
    "a Last-Modified that is no date": "Last-Modified: yesterday, or so",
    "a Last-Modified of the year 99999": "Last-Modified: Fri, 01 Jan 99999 00:00:00 GMT",
    "a Last-Modified of two lines": "Last-Modified: Tue,\r\n 01 Sep 2026 12:30:00 GMT",
    "a Retry-After below zero": "Retry-After: -5",
    "a Retry-After of many digits": f"Retry-After: {'9' * 400}",
    "a Content-Type without a charset": "Content-Type: text/html; charset=",
    "a Content-Type with another charset": "Content-Type: application/rss+xml; charset=utf-7",
    "a Content-Type of signs": "Content-Type: ;;;=/",
    "a Content-Encoding that is not so": "Content-Encoding: gzip",
    "a Content-Encoding that nobody knows": "Content-Encoding: zopfli, none",
    "a Content-Length twice": "Content-Length: 7",
    "a Transfer-Encoding beside a Content-Length": "Transfer-Encoding: chunked",
    "a cookie of 30 KB": f"Set-Cookie: a={'x' * 30_000}",
    "a cookie without a name": "Set-Cookie: =; path=\\; expires=never",
    "a header without a colon": "nonsense",
    "a header without a name": ": x",
    "a thousand headers": "\r\n".join(f"X-{number}: y" for number in range(1000)),
}


@pytest.mark.parametrize("name", HEADERS)
async def test_headers_of_any_kind_end_at_most_this_try(kexue: Blog, fetcher: Fetcher, name: str) -> None:
    async def say(writer: asyncio.StreamWriter, _headers: Mapping[str, str]) -> None:
        writer.write(
            f"HTTP/1.1 200 OK\r\n{HEADERS[name]}\r\nContent-Length: {len(FEED)}\r\n\r\n".encode() + FEED
        )

    kexue.pages["/feed"] = say
    fetch = await fetcher.fetch(kexue.url("/feed"))
    assert isinstance(fetch, Fetched | NotFetched)
    known = fetch.validators if isinstance(fetch, Fetched) else Validators()
    for value in (known.etag, known.last_modified):
        assert value is None or (value.isascii() and value.isprintable() and 0 < len(value) <= 256)
    kexue.pages["/feed"] = page(FEED)
    assert isinstance(await fetcher.fetch(kexue.url("/feed"), known), Fetched | NotModified)


@pytest.mark.parametrize("location", ["//[broken", "http://", "\\\\x", "http://a:99999999/", "%", "?" * 9000])
async def test_a_redirect_that_cannot_be_parsed_is_a_reason(
    kexue: Blog, fetcher: Fetcher, location: str
) -> None:
    kexue.pages["/feed"] = moved(location)
    assert reason_of(await fetcher.fetch(kexue.url("/feed")))

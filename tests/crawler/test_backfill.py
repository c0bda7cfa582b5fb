"""Filling the archive from a blog on the loopback: silently, in steps that are not repeated."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cli.sources import report, source_line
from bot.clock import SystemClock
from bot.crawler.backfill import MOST_FAILURES, BackfillResult, backfill
from bot.crawler.fetcher import Fetcher
from bot.intake.formats import read_dump
from bot.intake.ingest import IngestRules
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Dump, Source
from tests.fakes.blog import HOME, PAGES, Blog, blog, page
from tests.intake.sightings import START
from tests.tools.databases import url_in

ARCHIVE = (PAGES / "archive_page.html").read_bytes()
POST = (PAGES / "post_page.html").read_text()
SHOWN = read_dump(Dump(name="", content=ARCHIVE, captured_at=START)).sightings
IDS = sorted((sighting.archive_id for sighting in SHOWN if sighting.archive_id), reverse=True)
OWN = read_dump(Dump(name="", content=POST.encode(), captured_at=START)).sightings[0]


def post_page(number: int) -> bytes:
    """The sample page as if it were that of another post."""
    title = next(sighting.title for sighting in SHOWN if sighting.archive_id == number)
    return POST.replace(str(OWN.archive_id), str(number)).replace(OWN.title, title).encode()


def page_of_all(count: int) -> bytes:
    """The page of all posts of a small blog; its posts have the numbers from 1 on."""
    lines = (f"<li>{day}日: <a href=/archives/{day}>篇{day}</a></li>" for day in range(1, count + 1))
    years = f"<h3>2013年 (共{count}篇)</h3><ul><li><span>01月</span><ul>{''.join(lines)}</ul></li></ul>"
    return f"<html>{years}</html>".encode()


@dataclass
class Fill:
    kexue: Blog
    database: Database

    async def run(self, *, posts: bool = True, rules: IngestRules | None = None) -> BackfillResult:
        fetcher = Fetcher(SystemClock(), user_agent="a test", pause=0, private=True)
        try:
            return await backfill(
                self.database,
                fetcher,
                rules or IngestRules(),
                SystemClock(),
                self.kexue.url("/content.html"),
                posts=posts,
            )
        finally:
            await fetcher.close()


@pytest_asyncio.fixture
async def fill(tmp_path: Path) -> AsyncIterator[Fill]:
    database = await open_database(url_in(tmp_path))
    async with blog() as kexue:
        kexue.pages["/content.html"] = page(ARCHIVE)
        for number in IDS:
            kexue.pages[f"/archives/{number}"] = page(post_page(number))
        yield Fill(kexue, database)
    await database.close()


async def test_the_page_of_all_posts_alone(fill: Fill) -> None:
    filled = await fill.run(posts=False)
    assert filled == BackfillResult(posts=len(SHOWN), new=len(SHOWN))
    assert fill.kexue.paths() == ["/content.html"]


async def test_then_each_post_newest_first(fill: Fill) -> None:
    filled = await fill.run()
    assert (filled.pages, filled.absent, filled.stopped) == (len(IDS), (), None)
    assert fill.kexue.paths() == ["/content.html", *(f"/archives/{number}" for number in IDS)]
    known = await fill.database.read(lambda tx: tx.posts.everything())
    assert {post.archive_id for post in known} == set(IDS)
    assert all(post.tags for post in known)


async def test_it_goes_on_where_it_stopped(fill: Fill) -> None:
    last = f"/archives/{IDS[-1]}"
    fill.kexue.pages[last] = page(b"", status=429, Retry_After="600")
    first = await fill.run()
    assert first.stopped is not None
    assert "it asks to come again after" in first.stopped
    assert (first.pages, first.left) == (len(IDS) - 1, 1)
    fill.kexue.asked.clear()
    fill.kexue.pages[last] = page(post_page(IDS[-1]))
    second = await fill.run()
    assert (second.new, second.pages, second.stopped) == (0, 1, None)
    assert fill.kexue.paths() == ["/content.html", last]


async def test_a_page_that_is_not_there_stops_nothing(fill: Fill) -> None:
    del fill.kexue.pages[f"/archives/{IDS[0]}"]
    filled = await fill.run()
    assert (filled.absent, filled.pages, filled.stopped) == ((IDS[0],), len(IDS) - 1, None)
    assert len(await fill.database.read(lambda tx: tx.posts.everything())) == len(IDS)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [(b"", 503, "out of order"), (HOME, 200, "no archive-page"), (ARCHIVE[:900], 200, "half a page")],
)
async def test_without_the_page_of_all_posts_nothing_begins(
    fill: Fill, body: bytes, status: int, words: str
) -> None:
    fill.kexue.pages["/content.html"] = page(body, status=status)
    filled = await fill.run()
    assert filled.stopped is not None
    assert words in filled.stopped
    assert fill.kexue.paths() == ["/content.html"]


async def test_subscribers_hear_nothing(fill: Fill) -> None:
    async def subscribe(tx: Transaction) -> None:
        to = await tx.destinations.ensure(77, None, ChatKind.PRIVATE, "", START)
        everything = await tx.scopes.everything()
        await tx.destinations.subscribe(to.id, everything.id, START)

    await fill.database.write(subscribe)
    fill.kexue.pages["/content.html"] = page(page_of_all(3))
    await fill.run(posts=False)
    fill.kexue.pages["/content.html"] = page(ARCHIVE)
    filled = await fill.run(rules=IngestRules(hold_above=1))
    assert (filled.new, filled.pages) == (len(IDS), len(IDS))
    assert await fill.database.read(lambda tx: tx.outbox.counts()) == {}
    assert await fill.database.read(lambda tx: tx.dumps.held()) == []


async def test_failures_in_a_row_end_it(fill: Fill) -> None:
    fill.kexue.pages["/content.html"] = page(page_of_all(11))
    for number in range(1, 12):
        fill.kexue.pages[f"/archives/{number}"] = page(b"", status=500)
    filled = await fill.run()
    assert filled.stopped is not None
    assert (filled.posts, len(filled.absent), filled.left) == (11, MOST_FAILURES, 11)
    assert len(fill.kexue.paths()) == 1 + MOST_FAILURES


def test_the_report_says_how_to_go_on() -> None:
    said = report(
        BackfillResult(posts=3, new=1, pages=1, absent=(7,), left=2, stopped="it is out of order (502)")
    )
    assert said == [
        "3 posts on the page of all posts, 1 new; 1 pages taken in",
        "not had: 7",
        "stopped at it is out of order (502); 2 pages are left. Run it again to go on from here.",
    ]


AT = "2026-09-01 00:00"
LINES: Mapping[str, tuple[Source | None, str]] = {
    "never asked": (None, "u (* * * * *): never asked; the service asks it"),
    "well": (
        Source(url="u", next_run=START, last_try=START, last_success=START, items=10),
        f"u (* * * * *): 10 items, tried {AT}, had {AT}, changed never, next {AT}",
    ),
    "unwell": (
        Source(url="u", next_run=START, last_try=START, failing_since=START, failures=2, error="no"),
        f"u (* * * * *): no items, tried {AT}, had never, changed never, next {AT}; failed 2 in a row: no",
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_for_each_source(name: str) -> None:
    source, line = LINES[name]
    assert source_line("u", "* * * * *", source) == line

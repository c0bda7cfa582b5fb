"""Filling the archive from a blog on the loopback: silently, in steps that are not repeated."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cli.sources import report, source_line
from bot.crawler.backfill import MAX_OUTAGES, BackfillResult, SetAside, backfill, set_aside_pages
from bot.crawler.fetcher import Fetcher
from bot.intake.formats.detect import read_dump
from bot.intake.ingest import IngestRules
from bot.site_profile import Selectors, SiteProfile
from storage.clock import SystemClock
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Dump, Source
from tests.fakes.blog import GATE, HOME, PAGES, Blog, Say, blog, moved, no_answer, page
from tests.fakes.typecho import Typecho, Version
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

    async def run(
        self, *, posts: bool = True, retry: bool = False, rules: IngestRules | None = None
    ) -> BackfillResult:
        fetcher = Fetcher(SystemClock(), user_agent="a test", pause=0, private=True)
        try:
            return await backfill(
                self.database,
                fetcher,
                rules or IngestRules(),
                SystemClock(),
                self.kexue.url("/content.html"),
                posts=posts,
                retry=retry,
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
    assert (filled.pages, filled.set_aside, filled.stopped) == (len(IDS), (), None)
    assert fill.kexue.paths() == ["/content.html", *(f"/archives/{number}" for number in IDS)]
    known = await fill.database.read(lambda tx: tx.posts.everything())
    assert {post.archive_id for post in known} == set(IDS)
    assert all(post.tags for post in known)


async def test_it_goes_on_where_it_stopped(fill: Fill) -> None:
    last = f"/archives/{IDS[-1]}"
    fill.kexue.pages[last] = page(b"", status=429, Retry_After="600")
    first = await fill.run()
    assert first.stopped is not None
    assert "Retry-After" in first.stopped
    assert (first.pages, first.left) == (len(IDS) - 1, 1)
    fill.kexue.asked.clear()
    fill.kexue.pages[last] = page(post_page(IDS[-1]))
    second = await fill.run()
    assert (second.new, second.pages, second.stopped) == (0, 1, None)
    assert fill.kexue.paths() == ["/content.html", last]


async def test_a_page_that_is_not_there_stops_nothing(fill: Fill) -> None:
    del fill.kexue.pages[f"/archives/{IDS[0]}"]
    filled = await fill.run()
    assert [(one.number, one.reason) for one in filled.set_aside] == [(IDS[0], "it has no such page (404)")]
    assert (filled.pages, filled.left, filled.stopped) == (len(IDS) - 1, 0, None)
    assert len(await fill.database.read(lambda tx: tx.posts.everything())) == len(IDS)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 503, "out of order"),
        (HOME, 200, "expected a page of layout archive-page"),
        (ARCHIVE[:900], 200, "half a page"),
    ],
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
    assert (filled.posts, filled.set_aside, filled.left) == (11, (), 11)
    assert len(fill.kexue.paths()) == 1 + MAX_OUTAGES


UNUSABLE: Mapping[str, tuple[Say, str]] = {
    "404": (page(b"", status=404), "no such page (404)"),
    "403 of one post": (page(b"<html>password</html>", status=403), "forbids the request (403)"),
    "half a page": (page(POST.encode()[:900]), "half a page"),
    "another layout": (page(ARCHIVE), "expected a page of layout post-page"),
    "no page of the blog": (page(b"<html><body>moved to an app</body></html>"), "not a page or feed"),
    "another compression": (page(b"x", Content_Encoding="br"), "body of no use"),
    "a redirect to another site": (moved("https://example.org/"), "another site"),
    "a loop": (moved("/loop"), "redirects"),
}


@pytest.mark.parametrize("name", UNUSABLE)
async def test_unusable_pages_are_set_aside_and_never_end_a_run(fill: Fill, name: str) -> None:
    fill.kexue.pages["/content.html"] = page(page_of_all(8))
    fill.kexue.pages["/loop"] = moved("/loop")
    answer, reason = UNUSABLE[name]
    for number in range(1, 9):
        fill.kexue.pages[f"/archives/{number}"] = answer
    filled = await fill.run()
    assert (filled.left, filled.stopped) == (0, None)
    assert [one.number for one in filled.set_aside] == list(range(8, 0, -1))
    assert all(reason in one.reason for one in filled.set_aside)
    assert all("again" not in one.reason for one in filled.set_aside)
    assert tuple(await fill.database.read(set_aside_pages)) == filled.set_aside


async def test_set_aside_pages_are_requested_again_on_request_only(fill: Fill) -> None:
    path = f"/archives/{IDS[0]}"
    fill.kexue.pages[path] = page(b"", status=403)
    await fill.run()
    fill.kexue.pages[path] = page(post_page(IDS[0]))
    fill.kexue.asked.clear()
    assert (await fill.run()).pages == 0
    assert fill.kexue.paths() == ["/content.html"]
    filled = await fill.run(retry=True)
    assert (filled.pages, filled.set_aside) == (1, ())
    assert await fill.database.read(set_aside_pages) == []


ODD = b"<html><head><title>Notes</title></head><body>" + b"x" * 2000 + b"</body></html>"
LIST_PAGES: Mapping[str, tuple[Version, dict[str, Say], int, int, str | None]] = {
    # name: version, pages, stored posts of 40, pages that are reported, reason of an early end
    "nothing": ("1.2.1", {}, 40, 0, None),
    "1.1": ("1.1", {}, 40, 0, None),
    "refused": ("1.2.1", {"3": page(ODD, status=403)}, 16, 0, "forbids"),
    "unreadable": ("1.2.1", {"3": page(ODD)}, 32, 1, None),
    "unreadable in 1.1": ("1.1", {"3": page(ODD)}, 32, 1, None),
    "cut": ("1.2.1", {"3": page(ODD[:900])}, 32, 1, None),
    "damaged": ("1.2.1", {"3": page(ODD, Content_Encoding="gzip")}, 32, 1, None),
    "the last one": ("1.2.1", {"5": page(ODD)}, 32, 1, None),
    "elsewhere behind the end": (
        "1.2.1",
        {"6": moved("https://example.org/"), "7": moved("https://example.org/")},
        40,
        0,
        None,
    ),
    "home behind the end": ("1.2.1", {"6": moved("/", 302)}, 40, 0, None),
}


@pytest.mark.parametrize("name", LIST_PAGES)
async def test_no_list_page_is_left_out_silently(tmp_path: Path, name: str) -> None:
    version, pages, stored, unread, reason = LIST_PAGES[name]
    database = await open_database(url_in(tmp_path))
    async with blog() as notes:
        site = SiteProfile(
            name="Notes",
            author="Ann",
            home=notes.url(""),
            hosts=frozenset({notes.host}),
            selectors=Selectors(),
        )
        typecho = Typecho(version, "default", "/archives/{id}/", site.name, site.author)
        for days in range(40):
            typecho.add(f"Note {days}", f"<p>about {days}</p>", typecho.now - timedelta(days=40 - days))
        typecho.serve(notes)
        notes.pages |= {f"/page/{number}/": answer for number, answer in pages.items()}
        fetcher = Fetcher(SystemClock(), user_agent="a test", pause=0, hosts=site.hosts, private=True)
        filled = await backfill(
            database, fetcher, IngestRules(site=site), SystemClock(), site.all_posts, posts=False
        )
        await fetcher.close()
    assert (filled.new, len(filled.unread)) == (stored, unread)
    assert len([line for line in report(filled) if "list page not read" in line]) == unread
    assert filled.stopped is None if reason is None else reason in (filled.stopped or "")
    await database.close()


async def test_list_pages_go_on_in_their_own_archive_only(tmp_path: Path) -> None:
    """A run that ended in the list pages of a category leaves nothing out of the next one."""
    database = await open_database(url_in(tmp_path))
    async with blog() as notes:
        site = SiteProfile(name="Notes", author="Ann", home=notes.url(""), hosts=frozenset({notes.host}))
        typecho = Typecho("1.2.1", "default", "/archives/{id}/", site.name, site.author)
        for days in range(24):
            typecho.add(f"Note {days}", f"<p>about {days}</p>", typecho.now - timedelta(days=40 - days))
        typecho.serve(notes)
        category = notes.url("/category/a/{page}/")
        fetcher = Fetcher(SystemClock(), user_agent="a test", pause=0, hosts=site.hosts, private=True)

        async def listed(archive: str) -> BackfillResult:
            rules = IngestRules(site=site)
            return await backfill(database, fetcher, rules, SystemClock(), archive, posts=False)

        for number in (1, 2):
            notes.pages[f"/category/a/{number}/"] = typecho.respond(f"/page/{number}/", notes.host)
        notes.pages["/category/a/3/"] = page(b"", status=503)
        assert (await listed(category)).stopped is not None
        assert (await listed(site.all_posts)).posts == 24
        await fetcher.close()
    await database.close()


OUTAGES: Mapping[str, Say] = {
    "500": page(b"", status=500),
    "429": page(b"", status=429),
    "gate": page(GATE, status=403),
    "gate with 200": page(GATE),
    "no answer": no_answer,
    "a cut body": page(b"<html>", cut=3),
}


@pytest.mark.parametrize("name", OUTAGES)
async def test_outages_in_a_row_end_a_run_and_set_nothing_aside(fill: Fill, name: str) -> None:
    fill.kexue.pages["/content.html"] = page(page_of_all(11))
    for number in range(1, 12):
        fill.kexue.pages[f"/archives/{number}"] = OUTAGES[name]
    filled = await fill.run()
    assert filled.stopped is not None
    assert (filled.set_aside, filled.left) == ((), 11)


async def test_single_outages_are_left_for_the_next_run(fill: Fill) -> None:
    fill.kexue.pages[f"/archives/{IDS[0]}"] = page(b"", status=502)
    filled = await fill.run()
    assert (filled.pages, filled.left, filled.set_aside, filled.stopped) == (len(IDS) - 1, 1, (), None)


async def test_a_large_blog_ends_with_a_table(fill: Fill) -> None:
    """1 % of the pages are unreadable, scattered and in a row."""
    count = 100
    days = "".join(
        f"<h3>{2000 + month // 12}年 (共12篇)</h3><ul><li><span>{month % 12 + 1:02}月</span><ul>"
        + "".join(f"<li>{day + 1:02}日: <a href=/archives/{n}>第{n}号文章</a></li>" for day, n in posts)
        + "</ul></li></ul>"
        for month, posts in enumerate(
            list(enumerate(range(start, min(start + 20, count + 1)))) for start in range(1, count + 1, 20)
        )
    )
    fill.kexue.pages["/content.html"] = page(f"<html>{days}</html>".encode())
    broken = {17, 50, 51}
    for number in range(1, count + 1):
        body = POST.replace(str(OWN.archive_id), str(number)).replace(OWN.title, f"第{number}号文章").encode()
        fill.kexue.pages[f"/archives/{number}"] = page(body[:900] if number in broken else body)
    filled = await fill.run()
    assert (filled.posts, filled.pages, filled.left, filled.stopped) == (count, count - 3, 0, None)
    assert {one.number for one in filled.set_aside} == broken
    lines = report(filled)
    assert lines[1] == "3 pages set aside; `kexue-bot backfill --retry` requests them again:"
    assert len(lines) == 5


def test_the_report_says_how_to_continue() -> None:
    aside = SetAside(number=7, reason="it has no such page (404)", at="2026-09-01T00:00:00+00:00")
    shown = report(
        BackfillResult(
            posts=3, new=1, pages=1, set_aside=(aside,), left=2, stopped="it is out of order (502)"
        )
    )
    assert shown == [
        "3 posts listed, 1 new; 1 pages taken in",
        "1 pages set aside; `kexue-bot backfill --retry` requests them again:",
        "         7  2026-09-01 00:00  it has no such page (404)",
        "stopped at it is out of order (502); 2 pages are left. Run it again to continue.",
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

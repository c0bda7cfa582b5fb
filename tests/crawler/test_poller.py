"""Sources asked through the real fetcher and database: a blog on the loopback, a clock set by hand."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.crawler.fetcher import Fetcher
from bot.crawler.poller import LEASE, Alerts, SourcePoller
from bot.crawler.schedule import ScheduledSource
from bot.crawler.source_state import Alert, Failing, Recovered
from bot.intake.ingest import IngestRules
from bot.site_profile import KEXUE, SiteProfile
from storage.clock import SystemClock
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, ScopeKind, Source
from tests.fakes.blog import FEED, HOME, Blog, blog, page, silence, unchanged_after
from tests.fakes.typecho import Typecho
from tests.tools.databases import url_in

START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
ADMIN = 900


@dataclass
class HandClock:
    """Wall time set by the test; waits run as they are."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


@dataclass
class Live:
    """A poller with everything around it."""

    kexue: Blog
    database: Database
    clock: HandClock = field(default_factory=HandClock)
    alerts: list[Alert] = field(default_factory=list)

    def poller(
        self,
        *paths: str,
        rules: IngestRules | None = None,
        deadline: float = 20.0,
        site: SiteProfile = KEXUE,
    ) -> SourcePoller:
        def payload(alert: Alert) -> str:
            self.alerts.append(alert)
            return type(alert).__name__

        return SourcePoller(
            self.database,
            Fetcher(SystemClock(), user_agent="a test", pause=0, deadline=deadline, private=True),
            self.clock,
            [ScheduledSource(url=self.kexue.url(path), cron="*/30 * * * *", origin="feed") for path in paths],
            rules or IngestRules(site=site),
            Alerts(admins=(ADMIN,), after=timedelta(hours=24), payload=payload),
            jitter=0,
        )

    async def source(self, path: str) -> Source:
        found = await self.database.read(lambda tx: tx.dumps.sources())
        return next(one for one in found if one.url.endswith(path))

    async def posts(self) -> int:
        return await self.database.read(lambda tx: tx.posts.count())

    async def keep(self, *paths: str) -> None:
        urls = [self.kexue.url(path) for path in paths]
        await self.database.write(lambda tx: tx.dumps.keep_sources(urls, self.clock.now()))

    async def ask(self, poller: SourcePoller, *, after: timedelta = timedelta(0)) -> int:
        """Let time pass, then ask whatever is due; returns how many were."""
        self.clock.at += after
        asked = 0
        while await poller.poll_one():
            asked += 1
        return asked


@pytest_asyncio.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    database = await open_database(url_in(tmp_path))
    async with blog() as kexue:
        yield Live(kexue, database)
    await database.close()


async def test_a_feed_is_stored_and_its_source_knows(live: Live) -> None:
    live.kexue.pages["/feed"] = page(FEED, ETag='"1"')
    poller = live.poller("/feed")
    await live.keep("/feed")
    assert await live.ask(poller) == 1
    source = await live.source("/feed")
    assert await live.posts() == source.items
    assert source.items == FEED.count(b"<item>")
    assert (source.last_try, source.last_success, source.last_change) == (START, START, START)
    assert (source.etag, source.error, source.next_run) == ('"1"', None, START + timedelta(minutes=30))
    assert await live.ask(poller) == 0
    await poller.stop()


async def test_what_is_unchanged_is_not_stored_again(live: Live) -> None:
    modified = "Tue, 01 Sep 2026 12:00:00 GMT"
    with_other_time = FEED.replace(b"<channel>", b"<channel><lastBuildDate>now</lastBuildDate>")
    poller = live.poller("/feed")
    await live.keep("/feed")
    for pages in (unchanged_after(FEED, '"1"', modified), page(FEED), page(with_other_time)):
        live.kexue.pages["/feed"] = pages
        assert await live.ask(poller, after=timedelta(hours=1)) == 1
    dumps = await live.database.read(lambda tx: tx.dumps.recent(10))
    source = await live.source("/feed")
    assert len(dumps) == 1
    assert source.last_change == START + timedelta(hours=1)
    assert source.last_success == START + timedelta(hours=3)
    await poller.stop()


BAD = {
    "500": page(b"", status=500),
    "a page without a post": page(b"<html><title>x</title></html>"),
    "a feed without items": page(b'<rss version="2.0"><channel></channel></rss>'),
    "half a feed": page(FEED[: len(FEED) // 2]),
    "silence": silence,
}


@pytest.mark.parametrize("fault", BAD)
async def test_a_failure_takes_nothing_away_and_delays_nobody(live: Live, fault: str) -> None:
    live.kexue.pages |= {"/feed": page(FEED, ETag='"1"'), "/home": page(HOME)}
    patient = live.poller("/feed", "/home")
    await live.keep("/feed", "/home")
    assert await live.ask(patient) == 2
    await patient.stop()
    poller = live.poller("/feed", "/home", deadline=1.0 if fault == "silence" else 20.0)
    had = await live.posts()
    before = await live.source("/feed")
    live.kexue.pages["/feed"] = BAD[fault]
    assert await live.ask(poller, after=timedelta(hours=1)) == 2
    after = await live.source("/feed")
    assert await live.posts() == had
    assert after.error
    assert (after.failures, after.items, after.last_success) == (1, before.items, before.last_success)
    assert (after.etag, after.sha256) == (before.etag, before.sha256)
    assert (await live.source("/home")).last_success == START + timedelta(hours=1)
    await poller.stop()


async def test_validators_are_not_kept_when_storing_fails(live: Live) -> None:
    class BrokenError(Exception):
        pass

    def broken(_report: object) -> str:
        raise BrokenError

    live.kexue.pages["/feed"] = unchanged_after(FEED, '"1"', "Tue, 01 Sep 2026 12:00:00 GMT")
    first = live.poller("/other")
    live.kexue.pages["/other"] = page(HOME)  # so that the archive is not empty, and news are held
    await live.keep("/feed", "/other")
    assert await live.ask(first) == 1
    failing = live.poller("/feed", rules=IngestRules(hold_above=0, admins=(ADMIN,), notice=broken))
    with pytest.raises(BrokenError):
        await live.ask(failing, after=2 * LEASE)
    broken_source = await live.source("/feed")
    assert (broken_source.etag, broken_source.error) == (None, "unexpected error (BrokenError)")
    had = await live.posts()
    working = live.poller("/feed")
    assert await live.ask(working, after=timedelta(minutes=30)) == 1  # the claim was released
    assert (await live.source("/feed")).etag == '"1"'
    assert await live.posts() > had
    for poller in (first, failing, working):
        await poller.stop()


async def test_operators_are_told_once_of_a_failure_and_of_its_end(live: Live) -> None:
    live.kexue.pages["/feed"] = page(b"", status=500)
    poller = live.poller("/feed")
    await live.keep("/feed")
    for _ in range(30):
        await live.ask(poller, after=timedelta(hours=6))
    live.kexue.pages["/feed"] = page(FEED)
    for _ in range(3):
        await live.ask(poller, after=timedelta(hours=6))
    assert [type(alert) for alert in live.alerts] == [Failing, Recovered]
    told = await live.database.read(lambda tx: tx.outbox.counts())
    assert sum(told.values()) == 2
    await poller.stop()


async def test_silence_is_told_once(live: Live) -> None:
    live.kexue.pages["/feed"] = page(FEED)
    poller = live.poller("/feed")
    running = asyncio.get_running_loop().create_task(poller.run())

    async def settled(days: int) -> None:
        live.clock.at = START + timedelta(days=days)
        asked = len(live.kexue.paths())
        poller.wake()
        while len(live.kexue.paths()) == asked or (await live.source("/feed")).last_try != live.clock.at:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    async with asyncio.timeout(20):
        while not live.kexue.paths() or (await live.source("/feed")).last_success is None:
            await asyncio.sleep(0.01)
        for days in (29, 31, 32, 70):
            await settled(days)
        await poller.stop()
        await running
    assert [type(alert).__name__ for alert in live.alerts] == ["Quiet"]


async def test_two_processes_do_not_ask_twice(live: Live) -> None:
    live.kexue.pages["/feed"] = page(FEED)
    one, other = live.poller("/feed"), live.poller("/feed")
    await live.keep("/feed")
    await asyncio.gather(live.ask(one), live.ask(other))
    assert live.kexue.paths() == ["/feed"]
    await one.stop()
    await other.stop()


async def test_a_stop_in_the_middle_is_no_failure(live: Live) -> None:
    live.kexue.pages["/feed"] = silence
    poller = live.poller("/feed")
    await live.keep("/feed")
    asking = asyncio.get_running_loop().create_task(poller.poll_one())
    async with asyncio.timeout(5):
        while not live.kexue.paths():
            await asyncio.sleep(0.01)
        await poller.stop()
        assert await asking is False
    source = await live.source("/feed")
    assert (source.error, source.last_try, source.next_run) == (None, None, START)


async def test_a_claim_comes_back_by_time(live: Live) -> None:
    await live.keep("/feed")

    async def claim(tx: Transaction) -> bool:
        return await tx.dumps.claim_source([live.kexue.url("/feed")], live.clock.now(), LEASE) is not None

    assert await live.database.write(claim)
    assert not await live.database.write(claim)
    live.clock.at += LEASE
    assert await live.database.write(claim)


async def test_only_what_is_in_the_settings_is_asked(live: Live) -> None:
    await live.keep("/feed", "/old")
    await live.keep("/feed", "/new")
    known = await live.database.read(lambda tx: tx.dumps.sources())
    assert sorted(source.url.rpartition("/")[2] for source in known) == ["feed", "new"]
    await live.keep()
    assert await live.database.read(lambda tx: tx.dumps.sources()) == []


async def test_news_from_a_feed_is_announced_as_any_other(live: Live) -> None:
    site = Typecho("1.3.0", now=START)
    site.serve(live.kexue)
    for number in range(5):
        site.add(f"旧文{number}", "<p>文。</p>", START - timedelta(days=number))

    async def subscribe(tx: Transaction) -> None:
        to = await tx.destinations.ensure(77, None, ChatKind.PRIVATE, "", START)
        everything = await tx.scopes.ensure([(ScopeKind.EVERYTHING, "", "")])
        await tx.destinations.subscribe(to.id, everything[ScopeKind.EVERYTHING, ""].id, START)

    await live.database.write(subscribe)
    poller = live.poller("/", "/feed/", site=replace(KEXUE, hosts=frozenset({live.kexue.host})))
    await live.keep("/")
    await live.ask(poller)
    site.add("第一次读源前的新文", "<p>文。</p>")
    await live.keep("/", "/feed/")
    await live.ask(poller)
    assert await live.database.read(lambda tx: tx.outbox.counts()) == {}  # first readings are silent
    live.clock.at = site.now = START + timedelta(hours=1)
    site.add("新文", "<p>文。</p>")
    await live.ask(poller)
    planned = await live.database.read(lambda tx: tx.outbox.counts())
    assert sum(planned.values()) == 1
    await poller.stop()


@pytest.mark.parametrize("gently", [True, False], ids=["stopped", "killed"])
async def test_a_burst_that_is_interrupted_is_read_after_the_next_start(live: Live, gently: bool) -> None:
    """The feed holds ten of 25 new posts; the bot ends while it reads the page of all posts."""
    site = Typecho("1.3.0", now=START)
    site.serve(live.kexue)
    profile = replace(KEXUE, hosts=frozenset({live.kexue.host}))
    for number in range(10):
        site.add(f"旧文{number}", "<p>文。</p>", START - timedelta(days=number + 1))
    await live.keep("/feed/")
    poller = live.poller("/feed/", site=profile)
    assert await live.ask(poller) == 1
    for number in range(25):
        site.add(f"新文{number}", "<p>文。</p>", START - timedelta(minutes=number))
    live.kexue.pages["/content.html"] = silence
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(live.ask(poller, after=timedelta(hours=1)))
        while "/content.html" not in live.kexue.paths():
            await asyncio.sleep(0.01)
        if gently:
            await poller.stop()
        else:
            reading.cancel()
    await poller.stop()
    assert await live.posts() == 20
    del live.kexue.pages["/content.html"]
    again = live.poller("/feed/", site=profile)
    await again.resume_bursts()
    assert await live.posts() == 35
    live.kexue.asked.clear()
    await again.resume_bursts()
    assert live.kexue.paths() == []
    assert live.alerts == []
    await again.stop()

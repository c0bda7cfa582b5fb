"""A simulated year of a fake Typecho, followed by the poller through the real fetcher and database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.crawler.backfill import BackfillResult, backfill
from bot.crawler.fetcher import Fetcher
from bot.crawler.poller import Alerts, SourcePoller
from bot.crawler.schedule import ScheduledSource
from bot.crawler.source_state import Alert
from bot.intake.ingest import IngestRules
from bot.site_profile import SiteProfile
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Delivery, DeliveryKind, Post, ScopeKind, Settlement, State
from tests.fakes.blog import Blog, blog
from tests.fakes.typecho import FOLD, Typecho
from tests.tools.databases import url_in

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
READER, OPERATOR = 77, 900


@dataclass
class Clock:
    """Wall time of the simulation."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


def text(words: str) -> str:
    """Return a post's text with an excerpt above the fold."""
    return f"<p>{words}设$x&lt;y$。</p>{FOLD}<p>后文。</p>"


@dataclass
class Year:
    """The followed blog, and what came of following it."""

    site: Typecho
    web: Blog
    database: Database
    poller: SourcePoller
    clock: Clock
    alerts: list[Alert]
    profile: SiteProfile
    announced: list[str] = field(default_factory=list)  # titles, when they were sent
    edited: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    async def pass_time(self, time: timedelta, step: timedelta = timedelta(hours=6)) -> None:
        """Let `time` pass; every `step` poll all due sources and send all due deliveries."""
        end = self.clock.at + time
        while self.clock.at < end:
            self.clock.at = self.site.now = min(end, self.clock.at + step)
            while await self.poller.poll_one():
                pass
            while await self._send():
                pass

    async def _send(self) -> int:
        async def unit(tx: Transaction) -> list[Delivery]:
            claimed = await tx.outbox.claim(50, self.clock.at, timedelta(minutes=2))
            sent = [
                Settlement(delivery_id=one.id, token=one.token, state=State.SENT, message_id=one.id)
                for one in claimed
            ]
            await tx.outbox.settle(sent, self.clock.at)
            return claimed

        claimed = await self.database.write(unit)
        titles = {post.id: post.title for post in (await self.posts()).values()}
        for one in claimed:
            if one.kind is DeliveryKind.NOTICE:
                self.notices.append(one.text or "")
            elif one.kind is DeliveryKind.EDIT:
                self.edited += [titles[post] for post in one.post_ids]
            else:
                self.announced += [titles[post] for post in one.post_ids]
        return len(claimed)

    async def fill(self) -> BackfillResult:
        """Run a backfill with the posts' pages."""
        archive = self.web.url("/content.html" if self.site.theme == "kexue" else "/page/{page}/")
        fetcher = Fetcher(self.clock, user_agent="a test", pause=0, private=True, hosts=self.profile.hosts)
        try:
            rules = IngestRules(site=self.profile)
            return await backfill(self.database, fetcher, rules, self.clock, archive, posts=True)
        finally:
            await fetcher.close()

    async def posts(self) -> dict[int, Post]:
        stored = await self.database.read(lambda tx: tx.posts.everything())
        return {post.archive_id or -post.id: post for post in stored}


@asynccontextmanager
async def followed(folder: Path, site: Typecho, profile: SiteProfile, *paths: str) -> AsyncIterator[Year]:
    """Yield `site` served on the loopback and followed at `paths` under `profile`."""
    database = await open_database(url_in(folder))
    clock, alerts = Clock(), list[Alert]()
    site.now = clock.at

    async def subscribe(tx: Transaction) -> None:
        to = await tx.destinations.ensure(READER, None, ChatKind.PRIVATE, "", START)
        everything = await tx.scopes.ensure([(ScopeKind.EVERYTHING, "", "")])
        await tx.destinations.subscribe(to.id, everything[ScopeKind.EVERYTHING, ""].id, START)

    def payload(alert: Alert) -> str:
        alerts.append(alert)
        return type(alert).__name__

    await database.write(subscribe)
    async with blog() as web:
        site.serve(web)
        profile = replace(
            profile, home=web.url(""), hosts=profile.hosts | {web.host, f"localhost:{web.port}"}
        )
        poller = SourcePoller(
            database,
            Fetcher(clock, user_agent="a test", pause=0, private=True, hosts=profile.hosts),
            clock,
            [ScheduledSource(url=web.url(path), cron="0 */6 * * *", origin="feed") for path in paths],
            IngestRules(site=profile),
            Alerts(admins=(OPERATOR,), after=timedelta(hours=24), payload=payload),
            jitter=0,
        )
        await database.write(lambda tx: tx.dumps.keep_sources([web.url(path) for path in paths], clock.at))
        try:
            yield Year(site, web, database, poller, clock, alerts, profile)
        finally:
            await poller.stop()
            await database.close()

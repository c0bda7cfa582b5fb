"""Polling of the blog's feed and pages by cron schedule.

The state of a source is written in the transaction that stores its posts; written earlier, a crash in
between would lose them behind the next 304. A burst is a feed or list page without a stored post, unless it
is the first reading of its source: further pages are read until one has a stored post.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from urllib.parse import urljoin

from bot.crawler.fetcher import Fetch, Fetched, Fetcher, NotFetched, NotModified, Validators, fetch_parsed
from bot.crawler.schedule import ScheduledSource, next_time
from bot.crawler.source_state import (
    Alert,
    BurstMissed,
    alert,
    changed,
    failed,
    items_hash,
    quiet,
    unchanged,
    validators_of,
)
from bot.intake.formats import ParsedDump, UnreadableDumpError
from bot.intake.formats.detect import read_dump
from bot.intake.ingest import IngestReport, IngestRules, ingest_parsed
from bot.site_profile import SiteProfile
from bot.text_sanitizer import redact_url, redact_urls
from storage.clock import Clock
from storage.database import Database, Transaction
from storage.model import Dump, Layout, Source

log = logging.getLogger(__name__)

BURST_ORIGIN = "burst"
MAX_LIST_PAGES = 20  # that are read after a burst
PARTIAL = frozenset({Layout.FEED, Layout.LIST_PAGE, Layout.HOME_PAGE})  # show the newest posts only
LEASE = timedelta(minutes=10)  # longer than the slowest request, with its pauses, redirects and gate
JITTER_SECONDS = 120.0
SILENCE = timedelta(days=30)  # since 2021 the longest gap between two posts was 19 days
QUIET_CHECK_SECONDS = 3600.0
QUIET_FACT = "told of the silence after dump"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Recipients, delay and payload encoder of alerts."""

    admins: tuple[int, ...]
    after: timedelta
    payload: Callable[[Alert], str]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claimed source as it was before its request, the time of the answer and the next regular one."""

    source: Source
    token: str
    now: datetime
    regular: datetime


class SourcePoller:
    """Requests each due source in turn, then sleeps until the next one is due."""

    def __init__(
        self,
        database: Database,
        fetcher: Fetcher,
        clock: Clock,
        timetable: Sequence[ScheduledSource],
        rules: IngestRules,
        alerts: Alerts,
        *,
        jitter: float = JITTER_SECONDS,
        news: Callable[[], None] = lambda: None,
        took_in: Callable[[IngestReport], None] = lambda _report: None,
    ) -> None:
        """`news` is called after deliveries were stored, `took_in` with the report of each page."""
        self._took_in = took_in
        self._database = database
        self._fetcher = fetcher
        self._clock = clock
        self._timetable = {timed.url: timed for timed in timetable}
        self._rules = rules
        self._alerts = alerts
        self._jitter = jitter
        self._notify = news
        self._wakes = asyncio.Event()
        self._stopping = False
        self._quiet_at: float | None = None

    def wake(self) -> None:
        """Check for due sources now."""
        self._wakes.set()

    async def stop(self) -> None:
        """Cancel the request in flight; it is not counted as a failure."""
        self._stopping = True
        self._wakes.set()
        await self._fetcher.close()

    async def run(self) -> None:
        """Poll until `stop`."""
        now = self._clock.now()
        await self._database.write(lambda tx: tx.dumps.keep_sources(list(self._timetable), now))
        await self.resume_bursts()
        while not self._stopping:
            self._wakes.clear()
            try:
                while await self.poll_one():
                    pass
            except Exception:  # one source must not stop the others; the next wake-up continues
                log.exception("a source cannot be ingested")
            await self._check_silence()
            await self._wakes.wait()

    async def poll_one(self) -> bool:
        """Claim and request the longest overdue source; return False if none is due."""
        now = self._clock.now()
        claimed = await self._database.write(
            lambda tx: tx.dumps.claim_source(list(self._timetable), now, LEASE)
        )
        if claimed is None:
            return False
        source, token = claimed
        timed = self._timetable[source.url]
        fetch = await self._fetcher.fetch(source.url, validators_of(source), origin=timed.origin)
        if self._stopping:
            await self._database.write(lambda tx: tx.dumps.settle_source(source, token))
            return False
        now = self._clock.now()
        claim = _Claim(source, token, now, next_time(timed.cron, now, self._jitter))
        try:
            await self._finish(claim, fetch)
        except Exception as error:
            await self._fail(claim, f"unexpected error ({type(error).__name__})")  # releases it at once
            raise
        return True

    async def _finish(self, claim: _Claim, fetch: Fetch) -> None:
        match fetch:
            case NotModified(validators):
                await self._settle(claim, unchanged(claim.source, validators, claim.now, claim.regular))
            case NotFetched(reason, retry_at):
                await self._fail(claim, reason, retry_at)
            case Fetched(dump, validators):
                try:
                    parsed = read_dump(dump, self._rules.site)
                except UnreadableDumpError as reason:
                    await self._fail(claim, reason.cause)
                else:
                    await self._take_in(claim, dump, parsed, validators)
            case unknown:
                assert_never(unknown)

    async def _take_in(self, claim: _Claim, dump: Dump, parsed: ParsedDump, validators: Validators) -> None:
        source, now = claim.source, claim.now
        if items_hash(parsed) == source.items_sha256:
            await self._settle(claim, unchanged(source, validators, now, claim.regular))
            return
        after = changed(source, validators, parsed, now, claim.regular)

        first = source.last_success is None
        stored = await self._stored_ids() if parsed.format in PARTIAL and not first else frozenset[int]()
        shown = _shown(parsed)
        burst, feed = bool(stored and shown) and not shown & stored, parsed.format is Layout.FEED

        async def also(tx: Transaction, _report: IngestReport) -> None:
            await self._write(tx, claim, after)
            if burst:
                await tx.key_values.put(_burst_fact(source.url), json.dumps([feed, sorted(stored)]))

        rules = replace(self._rules, first_reading=first)
        self._took_in(await ingest_parsed(self._database, dump, parsed, rules, now, also))
        if burst:
            await self._read_burst(source.url, stored, feed=feed)
        self._notify()

    async def resume_bursts(self) -> None:
        """Read the further pages of bursts that a stop or a kill has interrupted."""

        async def unit(tx: Transaction) -> dict[str, str | None]:
            return {url: await tx.key_values.get(_burst_fact(url)) for url in self._timetable}

        for url, begun in (await self._database.read(unit)).items():
            if begun is not None:
                feed, stored = json.loads(begun)
                await self._read_burst(url, frozenset(stored), feed=feed)
                self._notify()

    async def _stored_ids(self) -> frozenset[int]:
        posts = await self._database.read(lambda tx: tx.posts.everything())
        return frozenset(post.archive_id for post in posts if post.archive_id is not None)

    async def _read_burst(self, url: str, stored: frozenset[int], *, feed: bool) -> None:
        """Ingest the pages behind `url` until one shows a stored post; queue a notice if none does."""
        log.info("%s shows no stored post: reading further pages", redact_url(url))
        missed = await self._missed_in_burst(url, stored, feed=feed)
        if self._stopping:
            return  # the next start resumes it
        now = self._clock.now()

        async def unit(tx: Transaction) -> None:
            await tx.key_values.remove(_burst_fact(url))
            if missed is not None:
                raised = BurstMissed(redact_url(url), redact_urls(missed))
                await self._queue(tx, f"notice:burst:{now.isoformat()}:{redact_url(url)}", raised, now)

        await self._database.write(unit)

    async def _missed_in_burst(self, url: str, stored: frozenset[int], *, feed: bool) -> str | None:
        site, missed = self._rules.site, "no page shows a stored post"
        for address in _addresses_behind(url, site, feed=feed):
            match await fetch_parsed(self._fetcher, address, site, origin=BURST_ORIGIN):
                case NotFetched(failure, status=status):
                    if status != 404:
                        missed = f"{address}: {failure}"
                case (dump, parsed):
                    now = self._clock.now()
                    self._took_in(await ingest_parsed(self._database, dump, parsed, self._rules, now))
                    if _shown(parsed) & stored:
                        return None
        return missed

    async def _fail(self, claim: _Claim, reason: str, retry_at: datetime | None = None) -> None:
        source, after_failing = claim.source, self._alerts.after
        after = failed(source, reason, claim.now, claim.regular, retry_at=retry_at, alert_after=after_failing)
        if source.error != reason:
            log.warning("%s was not fetched: %s", redact_url(source.url), reason)
        await self._settle(claim, after)

    async def _settle(self, claim: _Claim, after: Source) -> None:
        if claim.source.error is not None and after.error is None:
            log.info("%s works again", redact_url(after.url))
        if await self._database.write(lambda tx: self._write(tx, claim, after)):
            self._notify()

    async def _write(self, tx: Transaction, claim: _Claim, after: Source) -> bool:
        """Store the new state and queue its alert; return whether there is one."""
        if not await tx.dumps.settle_source(after, claim.token):
            return False
        raised = alert(claim.source, after)
        if raised is None:
            return False
        key = f"notice:source:{type(raised).__name__}:{raised.since.isoformat()}:{after.url}"
        await self._queue(tx, key, raised, claim.now)
        return True

    async def _queue(self, tx: Transaction, dedup_key: str, raised: Alert, now: datetime) -> None:
        await tx.planner.notify_chats(self._alerts.admins, dedup_key, self._alerts.payload(raised), now)

    async def _check_silence(self) -> None:
        """Queue one notice if there has been no new post for SILENCE."""
        ticks = self._clock.monotonic()
        if self._quiet_at is not None and ticks - self._quiet_at < QUIET_CHECK_SECONDS:
            return
        self._quiet_at = ticks
        now = self._clock.now()

        async def unit(tx: Transaction) -> bool:
            silence = quiet(await tx.dumps.last_news(), now, SILENCE)
            if silence is None or await tx.key_values.get(QUIET_FACT) == str(silence.dump):
                return False
            await tx.key_values.put(QUIET_FACT, str(silence.dump))
            await self._queue(tx, f"notice:quiet:{silence.dump}", silence, now)
            return True

        if await self._database.write(unit):
            self._notify()


def _burst_fact(url: str) -> str:
    return f"burst: {hashlib.sha256(url.encode()).hexdigest()[:16]}"


def _shown(parsed: ParsedDump) -> set[int | None]:
    return {sighting.archive_id for sighting in parsed.sightings}


def _addresses_behind(url: str, site: SiteProfile, *, feed: bool) -> Iterator[str]:
    """Return the addresses of further posts: page 2 of a feed (Typecho 1.1), then the pages of all posts."""
    if feed:
        yield urljoin(url.partition("?")[0].rstrip("/") + "/", "page/2/")
    if site.archive:
        yield urljoin(url, site.path_of(site.archive))
    elif site.list_page:
        for number in range(1, MAX_LIST_PAGES + 1):
            yield urljoin(url, site.path_of(site.list_page.replace("{page}", str(number))))

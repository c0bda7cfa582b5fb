"""Backfill of the archive from the blog: the page of all posts or the list pages, then each post's page.

Silent for subscribers. Resumable at any point: ingested pages are in the ledger, pages without a usable
response are set aside with their reason and requested again only with `retry`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from urllib.parse import urljoin

from bot.crawler.fetcher import Fetcher, NotFetched, fetch_parsed
from bot.intake.formats import ParsedDump
from bot.intake.ingest import IngestReport, IngestRules, ingest_parsed
from bot.site_profile import SiteProfile
from storage.clock import Clock
from storage.database import Database, Transaction
from storage.model import Dump, Layout

ORIGIN = "backfill"
MAX_OUTAGES = 5  # consecutive failures of the server or the network that end a run
MAX_LIST_PAGES = 2000
REFUSALS = (401, 403)  # of a list page: no end of the list, and no page behind it is to be had
SET_ASIDE = "backfill: pages set aside"
LIST_PAGE = "backfill: list page reached"

Progress = Callable[[int, int, int], None]  # pages done, pages in all, of them set aside


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A post's page that answered without a usable page."""

    number: int
    reason: str
    at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillResult:
    """Counts of one run; `stopped` is the reason of an early end, after which it can be run again."""

    posts: int = 0  # on the page of all posts or the list pages
    new: int = 0  # of them, not stored before
    pages: int = 0  # of posts, ingested in this run
    set_aside: tuple[SetAside, ...] = ()  # in this run
    unread: tuple[str, ...] = ()  # list pages without a usable response, with their reasons
    left: int = 0  # pages that are still to be requested
    stopped: str | None = None


async def backfill(
    database: Database,
    fetcher: Fetcher,
    rules: IngestRules,
    clock: Clock,
    archive: str,
    *,
    posts: bool,
    retry: bool = False,
    progress: Progress = lambda _done, _total, _aside: None,
) -> BackfillResult:
    """Ingest the page of all posts at `archive` and, with `posts`, the page of each post without tags.

    An `archive` with `{page}` stands for the list pages from 1 on. `retry` requests set-aside pages again.
    """
    run = _Run(database, fetcher, replace(rules, silent=True), clock, archive, progress)
    filled = await (run.list_pages() if "{page}" in archive else run.archive_page())
    if filled.stopped is not None or not posts:
        return filled
    if retry:
        await database.write(lambda tx: _write_aside(tx, {}))
    return await run.post_pages(filled)


async def missing(tx: Transaction, site: SiteProfile) -> list[int]:
    """Return the archive ids of posts whose tags and page are missing and not set aside, newest first."""
    paths = ("/" + name.partition("/")[2] for name in await tx.dumps.names(ORIGIN))
    done = {found[0] for path in paths if (found := site.match_post(path)) is not None}
    done |= set(await _read_aside(tx))
    stored = await tx.posts.everything()
    wanted = {post.archive_id for post in stored if post.archive_id is not None and post.tags is None}
    return sorted(wanted - done, reverse=True)


async def set_aside_pages(tx: Transaction) -> list[SetAside]:
    """Return the pages that were set aside, newest post first."""
    return [aside for _, aside in sorted((await _read_aside(tx)).items(), reverse=True)]


async def _read_aside(tx: Transaction) -> dict[int, SetAside]:
    stored = json.loads(await tx.key_values.get(SET_ASIDE) or "[]")
    return {each["number"]: SetAside(**each) for each in stored}


async def _write_aside(tx: Transaction, aside: Mapping[int, SetAside]) -> None:
    value = json.dumps([asdict(each) for each in aside.values()], ensure_ascii=False)
    await tx.key_values.put(SET_ASIDE, value)


@dataclass(frozen=True, slots=True)
class _Run:
    database: Database
    fetcher: Fetcher
    rules: IngestRules
    clock: Clock
    archive: str
    progress: Progress

    async def archive_page(self) -> BackfillResult:
        """Ingest the page of all posts."""
        match await self._ingest(self.archive, Layout.ARCHIVE_PAGE):
            case IngestReport() as report:
                return BackfillResult(posts=report.sightings, new=report.new)
            case NotFetched(reason):
                return BackfillResult(stopped=f"{self.archive}: {reason}")

    async def list_pages(self) -> BackfillResult:
        """Ingest the list pages up to the last one, from the page that an interrupted run had reached."""
        filled = BackfillResult()
        reached = await self.database.read(lambda tx: tx.key_values.get(LIST_PAGE)) or "1"
        number_text, _, archive = reached.partition(" ")
        first = int(number_text) if archive in ("", self.archive) else 1
        seen: set[int | None] = set()
        unusable: list[str] = []  # since the last usable page
        for number in range(first, MAX_LIST_PAGES):
            self.progress(number - first, 0, 0)
            url = self.archive.replace("{page}", str(number))
            match await self._fetch(url):
                case NotFetched(reason, _, status, outage) if outage or number == 1 or status in REFUSALS:
                    return replace(filled, stopped=f"{url}: {reason}")
                case NotFetched(status=status) if status not in (None, 200):
                    break  # 404 after the last page, from Typecho 1.2 on
                case NotFetched(reason):
                    unusable.append(f"{url}: {reason}")
                    if len(unusable) == 2:
                        unusable.clear()
                        break  # 200 without posts after the last page, before Typecho 1.2
                case (dump, parsed):
                    shown = {each.archive_id for each in parsed.sightings}
                    if shown <= seen:
                        break
                    seen |= shown
                    filled = replace(filled, unread=(*filled.unread, *unusable))
                    unusable.clear()
                    now = self.clock.now()
                    report = await ingest_parsed(self.database, dump, parsed, self.rules, now)
                    posts, new = filled.posts + report.sightings, filled.new + report.new
                    filled = replace(filled, posts=posts, new=new)
                    await self._reach(number)
        await self._reach(1)
        return replace(filled, unread=(*filled.unread, *unusable))

    async def _reach(self, number: int) -> None:
        reached = f"{number} {self.archive}"  # of these list pages: those of a category are others
        await self.database.write(lambda tx: tx.key_values.put(LIST_PAGE, reached))

    async def post_pages(self, filled: BackfillResult) -> BackfillResult:
        """Request the missing pages of posts."""
        site = self.rules.site
        wanted = await self.database.read(lambda tx: missing(tx, site))
        outages = 0
        failed = 0
        for done, number in enumerate(wanted):
            self.progress(done, len(wanted), len(filled.set_aside))
            url = urljoin(self.archive, site.post_path(number))
            match await self._ingest(url, Layout.POST_PAGE):
                case IngestReport():
                    outages = 0
                    filled = replace(filled, pages=filled.pages + 1)
                case NotFetched(reason, retry_at, outage=True):
                    outages += 1
                    failed += 1
                    if retry_at is not None or outages >= MAX_OUTAGES:
                        left = len(wanted) - filled.pages - len(filled.set_aside)
                        return replace(filled, left=left, stopped=f"{url}: {reason}{_until(retry_at)}")
                case NotFetched(reason):
                    outages = 0
                    aside = await self._set_aside(number, reason)
                    filled = replace(filled, set_aside=(*filled.set_aside, aside))
        self.progress(len(wanted), len(wanted), len(filled.set_aside))
        return replace(filled, left=failed)

    async def _set_aside(self, number: int, reason: str) -> SetAside:
        aside = SetAside(number=number, reason=reason, at=self.clock.now().isoformat(timespec="seconds"))

        async def unit(tx: Transaction) -> None:
            await _write_aside(tx, await _read_aside(tx) | {number: aside})

        await self.database.write(unit)
        return aside

    async def _ingest(self, url: str, layout: Layout) -> IngestReport | NotFetched:
        match await self._fetch(url):
            case NotFetched() as failure:
                return failure
            case (dump, parsed):
                if parsed.format is not layout:
                    return NotFetched(f"expected a page of layout {layout}, got {parsed.format}")
                return await ingest_parsed(self.database, dump, parsed, self.rules, self.clock.now())

    async def _fetch(self, url: str) -> tuple[Dump, ParsedDump] | NotFetched:
        return await fetch_parsed(self.fetcher, url, self.rules.site, origin=ORIGIN)


def _until(retry_at: datetime | None) -> str:
    return "" if retry_at is None else f"; Retry-After {retry_at:%Y-%m-%d %H:%M} UTC"

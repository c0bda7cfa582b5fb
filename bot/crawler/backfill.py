"""Filling the archive from the blog itself: the page of all posts, then each post's own page.

Silent for subscribers, and resumable: what was taken in is in the ledger, and is not asked for again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urljoin

from bot.clock import Clock
from bot.crawler.fetcher import Fetched, Fetcher, NotFetched, NotModified
from bot.intake.formats import UnreadableDumpError, read_dump
from bot.intake.ingest import IngestReport, IngestRules, ingest_parsed
from storage.database import Database, Transaction
from storage.model import Layout

ORIGIN = "backfill"
MOST_FAILURES = 5  # in a row: then something is wrong that more requests would not mend
ABSENT = frozenset({404, 410})

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillResult:
    """How far it came. `stopped` says why it ended early; then it can be run again."""

    posts: int = 0  # that the page of all posts shows
    new: int = 0  # of them, those that were not known
    pages: int = 0  # of posts, taken in this time
    absent: tuple[int, ...] = ()  # archive ids whose pages do not exist or cannot be read
    left: int = 0  # pages that are still to be fetched
    stopped: str | None = None


async def backfill(
    database: Database,
    fetcher: Fetcher,
    rules: IngestRules,
    clock: Clock,
    archive: str,
    *,
    posts: bool,
    progress: Progress = lambda _done, _total: None,
) -> BackfillResult:
    """Take in the page of all posts at `archive`, and, with `posts`, the page of each post without tags."""
    quiet = replace(rules, silent=True)
    match await _take(database, fetcher, quiet, clock, archive, Layout.ARCHIVE_PAGE):
        case IngestReport() as report:
            filled = BackfillResult(posts=report.sightings, new=report.new)
        case NotFetched(reason):
            return BackfillResult(stopped=f"{archive}: {reason}")
    if not posts:
        return filled
    return await _pages(database, fetcher, quiet, clock, archive, filled, progress)


async def _pages(
    database: Database,
    fetcher: Fetcher,
    rules: IngestRules,
    clock: Clock,
    archive: str,
    filled: BackfillResult,
    progress: Progress,
) -> BackfillResult:
    wanted = await database.read(missing)
    failures = 0
    for done, number in enumerate(wanted):
        progress(done, len(wanted))
        url = urljoin(archive, f"/archives/{number}")
        match await _take(database, fetcher, rules, clock, url, Layout.POST_PAGE):
            case IngestReport():
                failures = 0
                filled = replace(filled, pages=filled.pages + 1)
            case NotFetched(reason, wish, status):
                filled = replace(filled, absent=(*filled.absent, number))
                failures = 0 if status in ABSENT else failures + 1
                if wish is not None or failures >= MOST_FAILURES:
                    left = len(wanted) - filled.pages
                    return replace(filled, left=left, stopped=f"{url}: {reason}{_until(wish)}")
    progress(len(wanted), len(wanted))
    return filled


async def missing(tx: Transaction) -> list[int]:
    """The archive ids of the posts whose own pages were never taken in, newest first."""
    done = {name.rpartition("/archives/")[2] for name in await tx.dumps.names(ORIGIN)}
    known = await tx.posts.everything()
    wanted = (post for post in known if post.archive_id is not None and post.tags is None)
    ids = sorted((post.archive_id for post in wanted if post.archive_id is not None), reverse=True)
    return [number for number in ids if str(number) not in done]


async def _take(
    database: Database, fetcher: Fetcher, rules: IngestRules, clock: Clock, url: str, layout: Layout
) -> IngestReport | NotFetched:
    fetch = await fetcher.fetch(url, origin=ORIGIN)
    match fetch:
        case NotFetched():
            return fetch
        case NotModified():
            return NotFetched("not modified, though nothing was known of it")
        case Fetched(dump):
            try:
                reading = read_dump(dump, rules.site)
            except UnreadableDumpError as reason:
                return NotFetched(str(reason))
            if reading.format is not layout:
                return NotFetched(f"it is no {layout}, but a {reading.format}")
            return await ingest_parsed(database, dump, reading, rules, clock.now())


def _until(wish: datetime | None) -> str:
    return "" if wish is None else f"; it asks to come again after {wish:%Y-%m-%d %H:%M} UTC"

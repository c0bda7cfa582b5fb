"""Recovery after more new posts than a feed or page shows: further pages until one has a stored post.

A burst is a reading in which no post was stored before, unless it is the first reading of its source.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urljoin

from bot.crawler.fetcher import Fetcher, NotFetched, fetch_parsed
from bot.intake.formats import ParsedDump
from bot.intake.ingest import IngestReport, IngestRules, ingest_parsed
from bot.site_profile import SiteProfile
from storage.clock import Clock
from storage.database import Database
from storage.model import Layout

ORIGIN = "burst"
MAX_LIST_PAGES = 20
PARTIAL = frozenset({Layout.FEED, Layout.LIST_PAGE, Layout.HOME_PAGE})  # show the newest posts only


async def stored_ids(database: Database) -> frozenset[int]:
    """Return the archive ids of the stored posts."""
    posts = await database.read(lambda tx: tx.posts.everything())
    return frozenset(post.archive_id for post in posts if post.archive_id is not None)


def is_burst(parsed: ParsedDump, stored: frozenset[int]) -> bool:
    """Return whether a feed or list page shows posts, and none of the `stored` ones."""
    shown = {sighting.archive_id for sighting in parsed.sightings}
    return parsed.format in PARTIAL and bool(shown) and not shown & stored


async def read_burst(
    database: Database,
    fetcher: Fetcher,
    rules: IngestRules,
    clock: Clock,
    url: str,
    *,
    feed: bool,
    stored: frozenset[int],
    took_in: Callable[[IngestReport], None],
) -> str | None:
    """Ingest the pages behind `url` until one shows a post of `stored`; return the reason if none does."""
    reason = "no page shows a stored post"
    for address in _addresses(url, feed, rules.site):
        match await fetch_parsed(fetcher, address, rules.site, origin=ORIGIN):
            case NotFetched(failure, status=status):
                if status != 404:
                    reason = f"{address}: {failure}"
            case (dump, parsed):
                took_in(await ingest_parsed(database, dump, parsed, rules, clock.now()))
                shown = {sighting.archive_id for sighting in parsed.sightings}
                if shown & stored:
                    return None
    return reason


def _addresses(url: str, feed: bool, site: SiteProfile) -> Iterator[str]:
    """Return the addresses to request: page 2 of a feed (Typecho 1.1), then the pages of all posts."""
    if feed:
        yield urljoin(url.partition("?")[0].rstrip("/") + "/", "page/2/")
    if site.archive:
        yield urljoin(url, site.path_of(site.archive))
    elif site.list_page:
        for number in range(1, MAX_LIST_PAGES + 1):
            yield urljoin(url, site.path_of(site.list_page.replace("{page}", str(number))))

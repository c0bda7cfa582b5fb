"""`kexue-bot sources` and `kexue-bot backfill`: state of the crawler, progress of a backfill."""

import sys
from collections.abc import Sequence
from datetime import datetime

import click

from bot.crawler.backfill import BackfillResult, SetAside, backfill, set_aside_pages
from bot.settings import Settings
from bot.text_sanitizer import redact_url
from bot.wiring import fetcher_of, opened_database, rules_of
from storage.clock import SystemClock
from storage.model import Source


async def list_sources(settings: Settings) -> int:
    """Print one line per source; return 1 if one of them fails."""
    async with opened_database(settings) as database:
        stored = await database.read(lambda tx: tx.dumps.sources())
        aside = await database.read(set_aside_pages)
    known = {source.url: source for source in stored}
    if not settings.timetable:
        click.echo("nothing is fetched: set FEED_URL or PAGES")
    for timed in settings.timetable:
        click.echo(source_line(redact_url(timed.url), timed.cron, known.get(timed.url)))
    for line in aside_lines(aside):
        click.echo(line)
    ours = [known[timed.url] for timed in settings.timetable if timed.url in known]
    return 1 if any(source.error for source in ours) else 0


def source_line(url: str, cron: str, source: Source | None) -> str:
    """Return the state of one source in one line; times are UTC."""
    if source is None:
        return f"{url} ({cron}): never asked; the service asks it"
    line = (
        f"{url} ({cron}): {'no' if source.items is None else source.items} items, "
        f"tried {_moment(source.last_try)}, had {_moment(source.last_success)}, "
        f"changed {_moment(source.last_change)}, next {_moment(source.next_run)}"
    )
    if source.error is None:
        return line
    return f"{line}; failed {source.failures} in a row: {source.error}"


def _moment(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M}"


async def fill(settings: Settings, archive: str | None, *, pause: float, posts: bool, retry: bool) -> int:
    """Run a backfill with a progress bar; return the exit code."""
    clock = SystemClock()
    rules = rules_of(settings)
    hidden = not sys.stderr.isatty()
    fetcher = fetcher_of(settings, clock, pause=pause)
    async with opened_database(settings) as database:
        with click.progressbar(length=1, file=sys.stderr, hidden=hidden, show_pos=True) as bar:

            def progress(done: int, total: int, aside: int) -> None:
                bar.label = "list pages" if not total else f"posts, {aside} set aside" if aside else "posts"
                bar.length, bar.pos = max(total, 1), done
                bar.update(0)

            archive, posts = archive or rules.site.all_posts, posts or retry
            try:
                filled = await backfill(
                    database, fetcher, rules, clock, archive, posts=posts, retry=retry, progress=progress
                )
            finally:
                await fetcher.close()
    for line in report(filled):
        click.echo(line)
    return 1 if filled.stopped or filled.set_aside or filled.unread or filled.left else 0


def report(filled: BackfillResult) -> list[str]:
    """Return the report of a backfill, one text per line."""
    lines = [f"{filled.posts} posts listed, {filled.new} new; {filled.pages} pages taken in"]
    lines += [f"list page not read: {each}" for each in filled.unread]
    lines += aside_lines(filled.set_aside)
    left = f"{filled.left} pages are left" if filled.left else ""
    if filled.stopped:
        lines.append(f"stopped at {filled.stopped}{left and '; ' + left}. Run it again to continue.")
    elif left:
        lines.append(f"{left}: the blog did not answer. Run it again to continue.")
    return lines


def aside_lines(aside: Sequence[SetAside]) -> list[str]:
    """Return the table of set-aside pages under its heading; empty without any."""
    if not aside:
        return []
    heading = f"{len(aside)} pages set aside; `kexue-bot backfill --retry` requests them again:"
    return [
        heading,
        *(f"  {each.number:>8}  {each.at[:16].replace('T', ' ')}  {each.reason}" for each in aside),
    ]

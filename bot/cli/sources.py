"""`kexue-bot sources` and `kexue-bot backfill`: state of the crawler, progress of a backfill."""

from datetime import datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from bot.clock import SystemClock
from bot.crawler.backfill import BackfillResult, backfill
from bot.settings import Settings
from bot.wiring import fetcher_of, rules_of
from storage.database import open_database
from storage.model import Source


async def list_sources(settings: Settings) -> int:
    """Print one line per source; return 1 if one of them fails."""
    database = await open_database(settings.database_address())
    try:
        stored = await database.read(lambda tx: tx.dumps.sources())
    finally:
        await database.close()
    known = {source.url: source for source in stored}
    if not settings.timetable:
        click.echo("nothing is fetched: set FEED_URL or PAGES")
    for timed in settings.timetable:
        click.echo(source_line(timed.url, timed.cron, known.get(timed.url)))
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


async def fill(settings: Settings, archive: str, *, pause: float, posts: bool) -> int:
    """Run a backfill with a progress bar; return the exit code."""
    clock = SystemClock()
    rules = rules_of(settings)
    database = await open_database(settings.database_address())
    fetcher = fetcher_of(settings, clock, pause=pause)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    try:
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("page of all posts", total=None)

            def progress(done: int, total: int) -> None:
                bar.update(task, description="posts", completed=done, total=total)

            filled = await backfill(database, fetcher, rules, clock, archive, posts=posts, progress=progress)
    finally:
        await fetcher.close()
        await database.close()
    for line in report(filled):
        click.echo(line)
    return 1 if filled.stopped or filled.absent else 0


def report(filled: BackfillResult) -> list[str]:
    """Return the report of a backfill, one text per line."""
    lines = [
        f"{filled.posts} posts on the page of all posts, {filled.new} new; {filled.pages} pages taken in"
    ]
    if filled.absent:
        shown = ", ".join(str(number) for number in filled.absent[:20])
        more = f" and {len(filled.absent) - 20} more" if len(filled.absent) > 20 else ""
        lines.append(f"not had: {shown}{more}")
    if filled.stopped:
        left = f"; {filled.left} pages are left" if filled.left else ""
        lines.append(f"stopped at {filled.stopped}{left}. Run it again to go on from here.")
    return lines

"""`kexue-bot migrate` and `kexue-bot copy`: schema migration and copy of an installation."""

import sys

import click

from bot.ops.backup import damage, sqlite_file
from bot.settings import Settings
from bot.wiring import check_not_gone
from storage import UnusableDatabaseError
from storage.clock import SystemClock
from storage.copy import copy
from storage.database import migrate


async def bring_up_to_date(settings: Settings, *, new: bool = False) -> None:
    """Migrate the database. Raises UnusableDatabaseError, also for one that is gone unless `new`."""
    url = settings.database_address()
    if not new:
        check_not_gone(settings)
    _refuse_damaged(url)
    before, today = await migrate(url)
    if before == today:
        click.echo(f"the schema is {today} already")
    elif before is None:
        click.echo(f"made a database of schema {today}")
    else:
        click.echo(f"brought the schema from {before} to {today}")


async def copy_all(source: str, target: str, *, resend: bool) -> None:
    """Copy all tables. Raises CopyRefusedError and UnusableDatabaseError."""
    _refuse_damaged(source)
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1, file=sys.stderr, hidden=hidden, show_pos=True) as bar:

        def told(table: str, done: int, total: int) -> None:
            bar.label, bar.length, bar.pos = f"{table:<14}", max(total, 1), done
            bar.update(0)

        written = await copy(source, target, now=SystemClock().now(), resend=resend, progress=told)
    width = max(map(len, written))
    for table, rows in written.items():
        click.echo(f"{table:<{width}}  {rows:>11,}")
    click.echo(
        f"copied {sum(written.values()):,} rows: set DATABASE_URL to the new database and start the bot"
    )


def _refuse_damaged(url: str) -> None:
    file = sqlite_file(url)
    if file is not None and (fault := damage(file)):
        raise UnusableDatabaseError(f"the database {file} is damaged ({fault}): restore a backup first")

"""The command line: each command reads the settings it needs, calls one function, and ends with a clear code.

0 is success, 1 something of what was asked failed, 2 a wrong call or setting.
"""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, TypeVar

import click

from bot.errors import PortUnusableError, SettingsError
from bot.ops.logging import set_up_logs as configure
from bot.version import VERSION
from storage.errors import UnusableDatabaseError

if TYPE_CHECKING:
    from bot.settings import Settings

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="kexue-bot")
def main() -> None:
    """A Telegram bot that follows the blog 科学空间 (Scientific Spaces, kexue.fm)."""


def settings_or_exit(**given: object) -> "Settings":
    from bot.settings import read_settings

    try:
        return read_settings(**given)
    except SettingsError as error:
        fail(str(error), code=2)


def address_or_exit(settings: "Settings") -> str:
    try:
        return settings.database_address()
    except SettingsError as error:
        fail(str(error), code=2)


def fail(reason: str, *, code: int = 1) -> NoReturn:
    """End with one line on standard error."""
    click.echo(f"kexue-bot: {reason}", err=True)
    sys.exit(code)


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; a known mistake becomes one line and its exit code."""
    try:
        return asyncio.run(work)
    except SettingsError as error:
        fail(str(error), code=2)
    except PortUnusableError as error:
        fail(str(error), code=2)
    except UnusableDatabaseError as error:
        fail(f"DATABASE_URL: {error}", code=2)
    except KeyboardInterrupt:
        sys.exit(130)


@main.command()
def run() -> None:
    """Run the service until it is told to stop (SIGTERM, Ctrl-C)."""
    from bot.cli.run import serve

    settings = settings_or_exit()
    set_up_logs(settings)
    finish(serve(settings))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def parse(files: tuple[Path, ...]) -> None:
    """Print what dumps show, one sighting a line, as JSON."""
    from bot.cli.archive import parse_file

    failed = False
    for path in files:
        failed |= not parse_file(path)
    sys.exit(1 if failed else 0)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a dump.")
def ingest(paths: tuple[Path, ...], as_json: bool) -> None:
    """Take files or folders in, as the service would."""
    from bot.cli.archive import ingest_paths

    settings = settings_or_exit()
    set_up_logs(settings, least=logging.ERROR)
    sys.exit(finish(ingest_paths(settings, paths, as_json=as_json)))


@main.command()
@click.argument("what", type=click.Choice(["posts", "chats"]))
def export(what: str) -> None:
    """Print what is stored, one JSON object a line."""
    from bot.cli.archive import export_stored

    finish(export_stored(settings_or_exit(), what))


@main.command("import")
@click.argument("what", type=click.Choice(["chats"]))
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
def import_(what: str, file: TextIO) -> None:
    """Take in what `export chats` printed, from FILE or standard input; the posts must be stored already."""
    from bot.cli.archive import import_chats

    del what  # posts come from dumps
    sys.exit(finish(import_chats(settings_or_exit(), file)))


@main.command()
def series() -> None:
    """List the series that are known, with their gaps."""
    from bot.cli.archive import list_series

    finish(list_series(settings_or_exit()))


@main.command()
@click.argument("post")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("preview.html"),
    show_default=True,
    help="Where to write it; .png takes a picture, for which Chromium must be installed.",
)
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option(
    "--as", "kind", type=click.Choice(["announcement", "card"]), default="announcement", show_default=True
)
def preview(post: str, out: Path, language: str, kind: str) -> None:
    """Show how POST (a number or words of its title) will look, rich and classic side by side."""
    from bot.preview import ENDINGS, NoSuchPostError, write
    from bot.preview import preview as make
    from bot.preview.screenshot import NoPictureError

    if out.suffix.lower() not in ENDINGS:
        fail(f"--out must end in {' or '.join(ENDINGS)}: {out}", code=2)
    try:
        title, page = finish(make(settings_or_exit(), post, language=language, kind=kind))
        write(page, out)
    except (NoSuchPostError, NoPictureError) as reason:
        fail(str(reason))
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror or error}")
    click.echo(f"{out}: {title}")


@main.command()
def sources() -> None:
    """Show how each feed and page goes that is fetched: tries, changes, errors, the next time (UTC)."""
    from bot.cli.sources import list_sources

    sys.exit(finish(list_sources(settings_or_exit())))


@main.command()
@click.option("--from", "archive", default="https://kexue.fm/content.html", show_default=True)
@click.option("--posts", is_flag=True, help="Then fetch each post's page, for its tags and excerpt.")
@click.option("--pause", default=4.0, show_default=True, type=click.FloatRange(0, 600), help="Seconds.")
def backfill(archive: str, posts: bool, pause: float) -> None:
    """Fill the archive from the blog's page of all posts; subscribers are not told. May be repeated."""
    from bot.cli.sources import fill

    settings = settings_or_exit()
    set_up_logs(settings, least=logging.ERROR)
    sys.exit(finish(fill(settings, archive, pause=pause, posts=posts)))


@main.command()
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
def console(language: str) -> None:
    """Talk to the bot on this terminal; needs no token and no Telegram."""
    from bot.cli.console import Console

    settings = settings_or_exit()
    set_up_logs(settings, least=logging.ERROR)

    async def talk() -> None:
        here = Console(settings, language=language)
        await here.service.start(polling=False)
        try:
            await here.drain()
            await here.talk()
        finally:
            await here.service.stop()

    finish(talk())


@main.command()
def demo() -> None:
    """See the bot at work with sample dumps; needs nothing."""
    from bot.cli.console import demo as show

    set_up_logs(settings_or_exit(_env_file=None), least=logging.ERROR)
    finish(show())


@main.command()
def check() -> None:
    """Look at the settings, the database, the dump folder and the token, a line each."""
    from bot.cli.check import check_all

    sys.exit(finish(check_all()))


def set_up_logs(settings: "Settings", least: int = logging.DEBUG) -> None:
    """Logs as the settings want them, at least at level `least`, and never with the token."""
    level = max(logging.getLevelNamesMapping()[settings.log_level], least)
    try:
        secrets = [settings.token()]
    except SettingsError:
        secrets = []
    configure(logging.getLevelName(level), settings.log_format, secrets)
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING))


@main.command()
@click.argument("copy", type=click.Path(path_type=Path))
def restore(copy: Path) -> None:
    """Put COPY, which the bot made at night, in the place of the database; the bot must be stopped."""
    from bot.ops.backup import BackupError, put_back, sqlite_file

    target = sqlite_file(address_or_exit(settings_or_exit()))
    if target is None:
        fail("only an SQLite database can be put back: DATABASE_URL names another", code=2)
    try:
        put_back(copy, target)
    except BackupError as error:
        fail(str(error))
    click.echo(f"{copy} is the database at {target} now")


@main.command()
def migrate() -> None:
    """Bring the database's schema up to date, as every start does; may be repeated."""
    from bot.cli.database import bring_up_to_date

    settings = settings_or_exit()
    set_up_logs(settings, least=logging.ERROR)
    finish(bring_up_to_date(address_or_exit(settings)))


@main.command()
@click.option("--from", "source", metavar="URL", help="The database to copy.  [default: DATABASE_URL]")
@click.option("--to", "target", metavar="URL", help="An empty database.  [default: DATABASE_URL]")
def copy(source: str | None, target: str | None) -> None:
    """Copy a whole installation into another database; no bot may be running on either."""
    from bot.cli.database import copy_all
    from storage.copy import CopyRefusedError

    settings = settings_or_exit()
    if source is None and target is None:
        fail("give --to, --from or both: what is not given is DATABASE_URL", code=2)
    set_up_logs(settings, least=logging.ERROR)
    source, target = source or address_or_exit(settings), target or address_or_exit(settings)
    try:
        finish(copy_all(source, target, resend=settings.on_unsure == "resend"))
    except CopyRefusedError as reason:
        fail(str(reason))


@main.command()
def health() -> None:
    """Ask the running service whether it lives: the container's health check."""
    from bot.ops.probe import probe

    sys.exit(probe(settings_or_exit().http_port))

"""Command line interface: declarations of the commands and their exit codes.

Exit codes: 0 success, 1 the command failed, 2 a wrong argument or setting. Commands import their modules
when they run, so that --help stays fast.
"""

import asyncio
import io
import logging
import sys
from collections.abc import Callable
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

from bot import VERSION, PortUnusableError, SettingsError
from bot.ops.logging import set_up_logs
from storage import UnusableDatabaseError

if TYPE_CHECKING:
    from bot.settings import Settings

FIRST = ("demo", "init", "check", "run", "console", "preview", "web")  # in --help, before all others


class Commands(click.Group):
    """Commands with whole descriptions, those that a newcomer needs first."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of --help."""
        named = super().list_commands(ctx)
        return [*FIRST, *sorted(set(named).difference(FIRST))]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its whole first sentence."""
        names = self.list_commands(ctx)
        rows = [(name, self.commands[name].get_short_help_str(limit=500)) for name in names]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> None:
        """Run a command, which returns its exit code; an expected error becomes one line and an exit code."""
        for stream in (sys.stdin, sys.stdout):  # the terminal may not have all characters, such as one of GBK
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            sys.exit(super().invoke(ctx))
        except (SettingsError, PortUnusableError) as error:
            fail(str(error), code=2)
        except UnusableDatabaseError as error:
            fail(f"DATABASE_URL: {error}", code=2)
        except click.UsageError:
            raise
        except click.ClickException as error:
            fail(error.format_message())
        except OSError as error:
            if error.errno not in {ENOSPC, EDQUOT}:
                raise
            fail(f"a disk is full: {error}")
        except (KeyboardInterrupt, click.Abort):
            sys.exit(130)


def fail(reason: str, *, code: int = 1) -> NoReturn:
    """Print one line to standard error and exit with `code`."""
    click.echo(f"kexue-bot: {reason}", err=True)
    sys.exit(code)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Follow a blog with a Telegram bot; SITE_FILE names the blog.",
)
@click.version_option(VERSION, prog_name="kexue-bot")
def main() -> None:
    pass


def _command(
    example: str,
    name: str | None = None,
    *,
    help: str,  # noqa: A002 - click's own word
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Declare a command whose --help ends with an example.

    The help is no docstring: those are left out under PYTHONOPTIMIZE=2, which saves 8 MB of memory.
    """
    return main.command(name, help=help, epilog=f"\b\nExample:\n  {example}")


def _settings(**given: Any) -> "Settings":
    from bot.settings import read_settings

    return read_settings(**given)


def _configured(least: int = logging.DEBUG, **given: Any) -> "Settings":
    """Return the settings, with logs set up at their level or `least`, and without any secret in them."""
    settings = _settings(**given)
    level = max(logging.getLevelNamesMapping()[settings.log_level], least)
    set_up_logs(logging.getLevelName(level), settings.log_format, settings.secrets())
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING))
    return settings


def _language(_context: click.Context, _parameter: click.Parameter, locale: str) -> str:
    """Return the language of a code or POSIX locale: Chinese for zh and C, English for all others."""
    code = locale.lower().replace("_", "-")
    if code.startswith(("zh-hant", "zh-tw", "zh-hk", "zh-mo")):
        return "zh-hant"
    return "zh" if code.startswith(("zh", "c.", "posix")) or code in ("c", "") else "en"


LANGUAGE = click.option(
    "--language",
    envvar=["LC_ALL", "LC_MESSAGES", "LANG"],
    default="zh",
    metavar="zh|zh-hant|en",
    callback=_language,
    help="Language of the chat. Default: that of the terminal (LANG).",
)


NEW = click.option(
    "--new", is_flag=True, help="Begin a new database although there are copies of a former one."
)


@_command("kexue-bot run", help="Run the service until SIGTERM or Ctrl-C.")
@NEW
def run(new: bool) -> None:
    from bot.ops.memory import restart_without_docstrings, skip_httpx_command_line

    restart_without_docstrings(click.__file__)  # before the first large import
    skip_httpx_command_line()

    from bot.cli.run import serve
    from bot.settings import env_warnings

    settings = _configured()
    for warning in env_warnings():
        logging.getLogger(__name__).warning(".env: %s", warning)
    asyncio.run(serve(settings, new=new))


@_command("kexue-bot parse dumps/*.txt", help="Parse dumps and print one sighting per line as JSON.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def parse(files: tuple[Path, ...]) -> int:
    from bot.cli.archive import parse_file
    from bot.wiring import site_of

    site = site_of(_settings())
    parsed = [parse_file(path, site) for path in files]
    return int(not all(parsed))


@_command("kexue-bot ingest dumps --json", help="Ingest files or folders as the service does.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per dump.")
def ingest(paths: tuple[Path, ...], as_json: bool) -> int:
    from bot.cli.archive import ingest_paths

    return asyncio.run(ingest_paths(_configured(logging.ERROR), paths, as_json=as_json))


@_command(
    "kexue-bot export posts > posts.jsonl", help="Print the stored posts or chats, one JSON object per line."
)
@click.argument("what", type=click.Choice(["posts", "chats"]))
def export(what: str) -> None:
    from bot.cli.archive import export_stored

    asyncio.run(export_stored(_settings(), what))


@_command(
    "kexue-bot import chats chats.jsonl",
    "import",
    help="Import the output of `export chats` from FILE or standard input; ingest the posts first.",
)
@click.argument("what", type=click.Choice(["chats"]))
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
def import_(what: str, file: TextIO) -> int:
    from bot.cli.archive import import_chats

    del what  # posts come from dumps
    return asyncio.run(import_chats(_settings(), file))


@_command("kexue-bot series", help="List the series with their missing episodes.")
def series() -> None:
    from bot.cli.archive import list_series

    asyncio.run(list_series(_settings()))


@_command(
    "kexue-bot preview 最小熵 --out preview.html",
    help="Render a message, rich and classic side by side.\n\n"
    "POST is a post's number or words of its title, for a list the name of a series or tag; "
    "without it the newest posts are shown.",
)
@click.argument("post", default="")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("preview.html"),
    show_default=True,
    help="Output file; .png takes a screenshot and needs Chromium.",
)
@click.option("--language", type=click.Choice(["zh", "zh-hant", "en"]), default="zh", show_default=True)
@click.option(
    "--as",
    "kind",
    type=click.Choice(["announcement", "card", "digest", "list", "settings"]),
    default="announcement",
    show_default=True,
)
def preview(post: str, out: Path, language: str, kind: str) -> None:
    from bot.preview import ENDINGS, NoPictureError, NoSuchPostError, write
    from bot.preview import preview as make

    if out.suffix.lower() not in ENDINGS:
        fail(f"--out must end in {' or '.join(ENDINGS)}: {out}", code=2)
    try:
        title, page = asyncio.run(make(_settings(), post, language=language, kind=kind))
        write(page, out)
    except (NoSuchPostError, NoPictureError) as reason:
        fail(str(reason))
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror or error}")
    click.echo(f"{out}: {title}")


@_command(
    "kexue-bot sources",
    help="Show each crawled feed and page: requests, changes, errors, the next time (UTC).",
)
def sources() -> int:
    from bot.cli.sources import list_sources

    return asyncio.run(list_sources(_settings()))


@_command(
    "kexue-bot backfill --posts",
    help="Fill the archive from the blog's page of all posts, without notifications. May be repeated.",
)
@click.option(
    "--from",
    "archive",
    metavar="URL",
    help="The page of all posts, or list pages with {page}.  [default: that of the blog's profile]",
)
@click.option("--posts", is_flag=True, help="Also fetch each post's page for its tags and excerpt.")
@click.option("--retry", is_flag=True, help="Also fetch the posts' pages that were set aside.")
@click.option(
    "--pause", default=4.0, show_default=True, type=click.FloatRange(0, 600), help="Seconds per request."
)
def backfill(archive: str | None, posts: bool, retry: bool, pause: float) -> int:
    from bot.cli.sources import fill

    return asyncio.run(fill(_configured(logging.ERROR), archive, pause=pause, posts=posts, retry=retry))


@_command(
    "kexue-bot console --language en", help="Chat with the bot on this terminal, without token and Telegram."
)
@LANGUAGE
def console(language: str) -> None:
    from bot.cli.console import Console

    settings = _configured(logging.ERROR)

    async def talk() -> None:
        here = Console(settings, language=language)
        await here.service.start(polling=False)
        try:
            await here.drain()
            await here.talk()
        finally:
            await here.service.stop()

    asyncio.run(talk())


@_command("kexue-bot demo --language en", help="Run a demonstration with sample dumps, without any setting.")
@LANGUAGE
def demo(language: str) -> None:
    from bot.cli.console import demo as show

    _configured(logging.ERROR, _env_file=None)
    asyncio.run(show(language))


@_command(
    "kexue-bot web --port 8000", help="Serve the web pages of the archive on this machine, without Telegram."
)
@click.option("--port", type=click.IntRange(0, 65_535), help="0: a free one.  [default: WEB_PORT]")
def web(port: int | None) -> None:
    from bot.cli.web import serve_archive

    settings = _configured(logging.WARNING)
    asyncio.run(serve_archive(settings, settings.web_port if port is None else port))


@_command(
    "kexue-bot init --systemd .",
    help="Ask for token, operator, folder and feed, check them, and write FOLDER/.env.",
)
@click.option("--systemd", is_flag=True, help="Also write a hardened systemd unit.")
@click.option(
    "--bot-api",
    envvar="BOT_API_URL",
    default="https://api.telegram.org",
    show_default=True,
    help="The Bot API server.",
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".")
def init(systemd: bool, bot_api: str, folder: Path) -> None:
    from bot.cli.init import initialize

    asyncio.run(initialize(folder.absolute(), systemd=systemd, bot_api_url=bot_api.rstrip("/")))


@_command(
    'eval "$(kexue-bot completion bash)"',
    help='Print the completion script for a shell: `eval "$(kexue-bot completion bash)"`.',
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "kexue-bot", "_KEXUE_BOT_COMPLETE").source())


@_command(
    "kexue-bot check", help="Check the settings, the database, the dump folder and the token, one line each."
)
def check() -> int:
    from bot.cli.check import check_all

    return asyncio.run(check_all())


@_command(
    "kexue-bot restore backups/kexue-20261129T030000Z.db",
    help="Restore the backup COPY as the database; the bot must be stopped.",
)
@click.argument("copy", type=click.Path(path_type=Path))
def restore(copy: Path) -> None:
    from bot.ops.backup import BackupError, contents, put_back, sqlite_file
    from storage.migrate import newest

    target = sqlite_file(_settings().database_address())
    if target is None:
        fail("only an SQLite database can be restored: DATABASE_URL names another", code=2)
    try:
        found = contents(copy)
        if found.schema > newest():
            fail(f"{copy} has schema {found.schema}, newer than this version: run the version that wrote it")
        click.echo(f"{copy} ({found}) -> {target}")
        put_back(copy, target)
    except BackupError as error:
        fail(str(error))
    click.echo(f"restored {copy} to {target}")


@_command(
    "kexue-bot migrate",
    help="Migrate the database to the current schema, as every start does; may be repeated.",
)
@NEW
def migrate(new: bool) -> None:
    from bot.cli.database import bring_up_to_date

    asyncio.run(bring_up_to_date(_configured(logging.ERROR), new=new))


@_command(
    "kexue-bot copy --to postgresql+asyncpg://kexue@db/kexue",
    help="Copy an installation into another database; no bot may run on either.",
)
@click.option("--from", "source", metavar="URL", help="The database to copy.  [default: DATABASE_URL]")
@click.option("--to", "target", metavar="URL", help="An empty database.  [default: DATABASE_URL]")
def copy(source: str | None, target: str | None) -> None:
    from bot.cli.database import copy_all
    from storage.copy import CopyRefusedError

    settings = _configured(logging.ERROR)
    if source is None and target is None:
        fail("give --to, --from or both; the default of each is DATABASE_URL", code=2)
    source, target = source or settings.database_address(), target or settings.database_address()
    try:
        asyncio.run(copy_all(source, target, resend=settings.on_unsure == "resend"))
    except CopyRefusedError as reason:
        fail(str(reason))


@_command("kexue-bot health", help="Check that the service runs: the container's health check.")
def health() -> int:
    from bot.ops.probe import probe

    settings = _settings()
    return probe(settings.http_port, settings.http_host)

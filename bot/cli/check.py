"""`kexue-bot check`: settings, database, backups, dump folder and token, one line each with the fix.

Nothing is created or changed.
"""

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
from telegram.error import BadRequest, InvalidToken, NetworkError, TelegramError

from bot import SettingsError
from bot.ops.backup import BackupError, BlankDatabaseError, contents, copies, damage, sqlite_file
from bot.settings import Settings, env_warnings, read_settings
from bot.wiring import check_dump_dir, check_not_gone, rules_of, telegram_wires
from storage import UnusableDatabaseError
from storage.address import checked_url
from storage.database import schema_and_posts
from storage.migrate import UNFINISHED, newest

FREE_BYTES = 1_000_000  # less is a full disk
Check = Callable[[Settings], Awaitable[str]]


class CheckFailedError(Exception):
    """A check failed; the message gives the reason and the fix."""


async def check_all() -> int:
    """Run every check; return 1 if one fails."""
    try:
        settings = read_settings()
        settings.check_webhook()
        check_dump_dir(settings)
        rules_of(settings)
    except SettingsError as error:
        click.echo(f"bad   settings: {error}")
        return 1
    click.echo("ok    settings")
    for warning in env_warnings():
        click.echo(f"warn  .env: {warning}")
    results = [
        await _shown("database", _database, settings),
        await _shown("backups", _backups, settings),
        await _shown("dump folder", _dump_folder, settings),
        await _shown("token", _token, settings),
    ]
    return 0 if all(results) else 1


async def _shown(name: str, check: Check, settings: Settings) -> bool:
    try:
        detail = await check(settings)
    except (BackupError, CheckFailedError, OSError, SettingsError, UnusableDatabaseError) as error:
        click.echo(f"bad   {name}: {error}")
        return False
    click.echo(f"ok    {name}: {detail}")
    return True


async def _database(settings: Settings) -> str:
    url = settings.database_address()
    checked_url(url)
    file = sqlite_file(url)
    if file is None:
        schema, posts = await schema_and_posts(url)
    else:
        _check_place("DATABASE_URL", file.parent)
        if not file.exists():
            check_not_gone(settings)
            return f"{file} is not there yet: the first start makes it"
        if fault := damage(file):
            raise UnusableDatabaseError(f"the database {file} is damaged ({fault}): restore a backup")
        try:
            found = contents(file)
        except BlankDatabaseError:
            return f"{file} is empty: the first start fills it"
        schema, posts = found.schema, found.posts
    if schema == UNFINISHED:
        raise CheckFailedError("a copy into it is not finished: repeat `kexue-bot copy`")
    if schema is not None and schema > newest():
        raise CheckFailedError(f"a newer version wrote it (schema {schema}): run that version")
    return f"{posts} posts"


async def _backups(settings: Settings) -> str:
    file = sqlite_file(settings.database_address())
    if settings.backup_dir is None or file is None:
        return "none are made: BACKUP_DIR is not set" if file is not None else "those of PostgreSQL"
    _check_place("BACKUP_DIR", settings.backup_dir)
    return f"{len(copies(file, settings.backup_dir))} copies in {settings.backup_dir}"


def _check_place(setting: str, folder: Path) -> None:
    """Raise CheckFailedError unless files can be made in `folder`, which need not exist yet."""
    place = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not place.is_dir():
        raise CheckFailedError(f"{setting}: {place} is not a folder: name another place")
    if not os.access(place, os.W_OK | os.X_OK):
        raise CheckFailedError(
            f"{setting}: {place} may not be written by this user: change its permissions or mount"
        )
    if shutil.disk_usage(place).free < FREE_BYTES:
        raise CheckFailedError(f"{setting}: the disk of {place} is full: free space there")


async def _dump_folder(settings: Settings) -> str:
    folder = settings.dump_dir
    if not folder.exists():
        above = next(parent for parent in folder.absolute().parents if parent.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise CheckFailedError(f"{folder} cannot be made in {above}: set DUMP_DIR to another")
        return f"{folder} is not there yet: the first start makes it"
    if not folder.is_dir():
        raise CheckFailedError(f"{folder} is not a folder: set DUMP_DIR to another")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise CheckFailedError(f"{folder} may not be read by this user: change its permissions")
    return f"{folder}, {sum(1 for _ in folder.iterdir())} entries"


async def _token(settings: Settings) -> str:
    wires = telegram_wires(settings)
    bot = wires.bot(wires.answers, settings, settings.token())
    try:
        await wires.answers.initialize()
        return f"@{(await bot.get_me()).username}"
    except InvalidToken:
        raise CheckFailedError("BOT_TOKEN is refused: copy it again from BotFather") from None
    except TelegramError as error:
        place = f"the Bot API at {settings.bot_api_url}"
        if not isinstance(error, NetworkError) or isinstance(error, BadRequest):
            raise CheckFailedError(f"{place} refused the request ({error})") from None
        advice = "check BOT_API_URL; if Telegram is blocked where you are, set PROXY_URL"
        if settings.proxy_url:
            advice = "check PROXY_URL and BOT_API_URL"
        raise CheckFailedError(f"{place} cannot be reached ({error}): {advice}") from None
    finally:
        await wires.answers.shutdown()

"""`kexue-bot check`: settings, database, dump folder and token, one line each with the fix."""

import os
from collections.abc import Awaitable, Callable

import click
from telegram.error import InvalidToken, TelegramError

from bot import SettingsError
from bot.settings import Settings, read_settings
from bot.wiring import rules_of, telegram_wires
from storage import UnusableDatabaseError
from storage.database import open_database

Check = Callable[[Settings], Awaitable[str]]


class CheckFailedError(Exception):
    """A check failed; the message gives the reason and the fix."""


async def check_all() -> int:
    """Run every check; return 1 if one fails."""
    try:
        settings = read_settings()
        rules_of(settings)
    except SettingsError as error:
        click.echo(f"bad   settings: {error}")
        return 1
    click.echo("ok    settings")
    results = [
        await _shown("database", _database, settings),
        await _shown("dump folder", _dump_folder, settings),
        await _shown("token", _token, settings),
    ]
    return 0 if all(results) else 1


async def _shown(name: str, check: Check, settings: Settings) -> bool:
    try:
        detail = await check(settings)
    except (CheckFailedError, SettingsError, UnusableDatabaseError) as error:
        click.echo(f"bad   {name}: {error}")
        return False
    click.echo(f"ok    {name}: {detail}")
    return True


async def _database(settings: Settings) -> str:
    database = await open_database(settings.database_address())
    try:
        return f"{await database.read(lambda tx: tx.posts.count())} posts"
    finally:
        await database.close()


async def _dump_folder(settings: Settings) -> str:
    folder = settings.dump_dir
    if not folder.is_dir():
        raise CheckFailedError(f"{folder} is not there: make it, or set DUMP_DIR to another")
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
        raise CheckFailedError(f"the Bot API at {settings.bot_api_url} cannot be asked ({error})") from None
    finally:
        await wires.answers.shutdown()

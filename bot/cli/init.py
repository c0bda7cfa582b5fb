"""`kexue-bot init`: interactive setup that checks each answer and writes `.env` and a way to run the bot.

Asks for the token (checked with getMe), the operator's chat (found by waiting for a /start), the dump folder
and the feed (fetched once). Nothing is written before all answers are given; existing files are kept.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from bot.crawler.fetcher import NotFetched
from bot.settings import TOKEN_FORM, Settings, read_settings
from bot.wiring import Wires, fetcher_of, site_of, telegram_wires
from storage.clock import SystemClock

T = TypeVar("T")

WAIT_SECONDS = 120.0  # for the operator's /start
TRIES = 3  # of one question

UNIT = """\
# systemd unit of kexue-bot; install with:
#   sudo cp {unit} /etc/systemd/system/kexue-bot.service && sudo systemctl enable --now kexue-bot
[Unit]
Description=kexue-bot, a Telegram bot that follows a blog
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={program} run
WorkingDirectory={folder}
EnvironmentFile={folder}/.env
Environment=PYTHONOPTIMIZE=2 MALLOC_ARENA_MAX=1 PYTHONPYCACHEPREFIX=%C/kexue-bot
CacheDirectory=kexue-bot
User={user}
Restart=on-failure
RestartSec=5
TimeoutStopSec=45
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths={folder}
ProtectHome=tmpfs
BindPaths={folder}
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
DeviceAllow=
KeyringMode=private
MemoryMax=512M
TasksMax=200
LimitNOFILE=4096

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was asked, and SITE_FILE; `admin`, `feed` and `site` may be missing."""

    token: str
    admin: int | None
    dumps: Path
    feed: str | None
    site: Path | None


async def initialize(folder: Path, *, systemd: bool, bot_api_url: str, wait: float = WAIT_SECONDS) -> None:
    """Ask, check and write into `folder`. Raises click.ClickException after too many wrong answers."""
    environment = folder / ".env"
    unit = folder / "kexue-bot.service"
    for file in (environment, unit) if systemd else (environment,):
        if file.exists():
            raise click.ClickException(f"{file} exists: edit it, or move it away and run init again")
    given = read_settings(_env_file=None)
    site = site_of(given)
    token = await _token(bot_api_url)
    admin = await _admin(token, bot_api_url, wait)
    dumps = _dumps(folder)
    feed = await _feed(site.address(site.feed) if site.feed else "-")
    answers = Answers(token, admin, dumps, feed, given.site_file)
    dumps.mkdir(parents=True, exist_ok=True)
    _write(environment, environment_text(answers, folder, bot_api_url), mode=0o600)
    if systemd:
        _write(unit, unit_text(folder), mode=0o644)
        click.echo(f"Start it: sudo cp {unit} /etc/systemd/system/ && sudo systemctl enable --now kexue-bot")
    else:
        click.echo("Start it: kexue-bot run, or docker compose up -d --build in a checkout")


def environment_text(answers: Answers, folder: Path, bot_api_url: str) -> str:
    """Return the content of `.env`."""
    lines = [f"BOT_TOKEN={answers.token}", f"DUMP_DIR={answers.dumps}"]
    if answers.admin is not None:
        lines.append(f"ADMIN_CHAT_IDS={answers.admin}")
    if answers.feed is not None:
        lines.append(f"FEED_URL={answers.feed}")
    if answers.site is not None:
        lines.append(f"SITE_FILE={answers.site.absolute()}")
    if bot_api_url != Settings.bot_api_url:
        lines.append(f"BOT_API_URL={bot_api_url}")
    lines.append(f"DATABASE_URL=sqlite+aiosqlite:///{folder.absolute() / 'kexue.db'}")
    return "\n".join(lines) + "\n"


def unit_text(folder: Path) -> str:
    """Return a hardened systemd unit that runs the installed program in `folder`."""
    program = shutil.which("kexue-bot") or f"{sys.executable} -m bot"
    user = os.getuid()
    return UNIT.format(unit="kexue-bot.service", program=program, folder=folder.absolute(), user=user)


async def _token(bot_api_url: str) -> str:
    for _ in range(TRIES):
        token = str(click.prompt("Token from @BotFather", hide_input=sys.stdin.isatty())).strip()
        if TOKEN_FORM.fullmatch(token) is None:
            click.echo("A token looks like 123456:ABC-DEF…: copy the whole line from BotFather.")
            continue
        try:
            username = (await _with_bot(token, bot_api_url, lambda bot: bot.get_me())).username
        except InvalidToken:
            click.echo("Telegram refuses this token: copy it again from BotFather.")
        except TelegramError as error:
            raise click.ClickException(
                f"{bot_api_url} cannot be reached ({error}): check network and proxy"
            ) from None
        else:
            click.echo(f"This is @{username}.")
            return token
    raise click.ClickException("no usable token was given")


async def _admin(token: str, bot_api_url: str, wait: float) -> int | None:
    """Return the chat that sends /start within `wait` seconds, or the typed number, or None."""
    typed = str(
        click.prompt(
            "Your chat number for notices (empty: I wait for your /start, - : none)",
            default="",
            show_default=False,
        )
    ).strip()
    if typed == "-":
        return None
    if typed.lstrip("-").isdecimal():
        return int(typed)
    click.echo(f"Send /start to the bot now; waiting {wait:.0f} seconds …")
    found = await _with_bot(token, bot_api_url, lambda bot: _start_of(bot, wait))
    if found is None:
        click.echo("No /start arrived: ADMIN_CHAT_IDS is left out, add it to .env later.")
    else:
        click.echo(f"Notices go to chat {found}.")
    return found


async def _start_of(bot: Bot, wait: float) -> int | None:
    offset = None
    try:
        async with asyncio.timeout(wait):
            while True:
                for update in await bot.get_updates(offset=offset, timeout=10, allowed_updates=["message"]):
                    offset = update.update_id + 1
                    message = update.message
                    if (
                        message is not None
                        and message.chat.type == "private"
                        and (message.text or "").startswith("/start")
                    ):
                        return message.chat.id
    except TimeoutError:
        return None
    except TelegramError as error:
        click.echo(f"Updates cannot be read ({error}).")
        return None


def _dumps(folder: Path) -> Path:
    chosen = Path(str(click.prompt("Folder for dumps of the blog", default=str(folder.absolute() / "dumps"))))
    return chosen.expanduser().absolute()


async def _feed(default: str) -> str | None:
    for _ in range(TRIES):
        url = str(click.prompt("Feed of the blog (- : none)", default=default)).strip()
        if url == "-":
            return None
        fault = await _feed_fault(url)
        if fault is None:
            click.echo("The feed answers.")
            return url
        click.echo(f"The feed cannot be read: {fault}.")
        if not click.confirm("Another address?", default=True):
            return url
    return None


async def _feed_fault(url: str) -> str | None:
    try:
        settings = read_settings(_env_file=None, feed_url=url)
        fetcher = fetcher_of(settings, SystemClock())
    except Exception as error:  # the text of SettingsError names the fix
        return str(error)
    try:
        fetched = await fetcher.fetch(url)
    finally:
        await fetcher.close()
    return fetched.reason if isinstance(fetched, NotFetched) else None


async def _with_bot(token: str, bot_api_url: str, call: Callable[[Bot], Awaitable[T]]) -> T:
    """Return what `call` returns with a bot for `token`. Raises TelegramError."""
    settings = read_settings(_env_file=None, bot_token=token, bot_api_url=bot_api_url)
    wires: Wires = telegram_wires(settings)
    bot = wires.bot(wires.answers, settings, token)
    try:
        await wires.answers.initialize()
        await wires.polling.initialize()
        return await call(bot)
    finally:
        await wires.answers.shutdown()
        await wires.polling.shutdown()


def _write(file: Path, text: str, mode: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(text)
    click.echo(f"Wrote {file}.")

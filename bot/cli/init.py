"""`kexue-bot init`: interactive setup that checks each answer and writes `.env` and a way to run the bot.

Asks for the token (checked with getMe), the operator's chat (found by waiting for a /start), the dump folder
and the feed (fetched once). Nothing is written before all answers are given; existing files are kept.
"""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click
from telegram import Bot
from telegram.error import InvalidToken, TelegramError

import bot
from bot import SettingsError
from bot.crawler.fetcher import NotFetched
from bot.intake.dump_folder import printable
from bot.settings import TOKEN_FORM, Settings, read_settings
from bot.wiring import Wires, check_dump_dir, fetcher_of, make_dump_dir, site_of, telegram_wires
from storage.clock import SystemClock

T = TypeVar("T")

WAIT_SECONDS = 120.0  # for the operator's /start
TRIES = 3  # of one question
DUMPS = Settings.dump_dir
HOMES = ("/home", "/root", "/run/user")  # systemd.exec(5), ProtectHome
PLAIN = re.compile(r"[\w./+@,~-]+")  # of a path, what a systemd unit takes literally

UNIT = """\
# systemd unit of kexue-bot; install with:
#   sudo cp kexue-bot.service /etc/systemd/system/ && sudo systemctl enable --now kexue-bot
[Unit]
Description=kexue-bot, a Telegram bot that follows a blog
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={program} run
WorkingDirectory={folder}
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
ReadWritePaths={written}
ProtectHome=tmpfs
BindPaths={written}
BindReadOnlyPaths={read}
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


async def initialize(folder: Path, *, systemd: bool, bot_api_url: str, wait: float = WAIT_SECONDS) -> None:
    """Ask, check and write into the absolute path `folder`. Raises click.ClickException and SettingsError."""
    environment, unit = folder / ".env", folder / "kexue-bot.service"
    given = read_settings(_env_file=None)
    read = [] if given.site_file is None else [given.site_file.absolute()]
    _check_place(folder, [environment, unit] if systemd else [environment], read)
    site = site_of(given)
    token = await _token(bot_api_url)
    admin = await _admin(token, bot_api_url, wait)
    dumps = _dumps(given, folder, systemd=systemd)
    feed = await _feed(site.address(site.feed) if site.feed else "-")
    # What the defaults say is left out, so that the file suits a container too.
    answers = {
        "BOT_TOKEN": token,
        "DUMP_DIR": dumps if dumps != folder / DUMPS else None,
        "ADMIN_CHAT_IDS": admin,
        "FEED_URL": feed,
        "SITE_FILE": read[0] if read else None,
        "BOT_API_URL": bot_api_url if bot_api_url != Settings.bot_api_url else None,
        "PROXY_URL": given.proxy_url,
        "BLOG_PROXY_URL": given.blog_proxy_url,
    }
    _write(environment, environment_text(answers), mode=0o600)
    if systemd:
        _write(unit, unit_text(folder, [dumps], read), mode=0o644)
        click.echo(f"Start it: sudo cp {unit} /etc/systemd/system/ && sudo systemctl enable --now kexue-bot")
        return
    docker = ", or docker compose up -d --build in a checkout" if dumps == folder / DUMPS else ""
    click.echo(f"Start it in {folder}: {program()} run{docker}")


def _check_place(folder: Path, files: Sequence[Path], read: Sequence[Path]) -> None:
    """Raise click.ClickException, before anything is asked, for files that could not be written."""
    for file in files:
        if os.path.lexists(file):
            raise click.ClickException(f"{file} exists: edit it, or move it away and run init again")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise click.ClickException(f"{folder} may not be written by this user: name another folder")
    named = [folder, *_hidden(folder), *read, Path(sys.executable)]
    for path in named if len(files) > 1 else ():
        if fault := _no_unit_path(path):
            raise click.ClickException(f"{fault}: use another folder")


def _no_unit_path(path: Path) -> str | None:
    """Return why this path cannot stand in a systemd unit."""
    return f"{path} has a sign that systemd reads as its own" if PLAIN.fullmatch(str(path)) is None else None


def environment_text(answers: Mapping[str, object]) -> str:
    """Return the content of `.env`, without the answers that are None."""
    return "".join(f"{name}={_quoted(str(value))}\n" for name, value in answers.items() if value is not None)


def _quoted(value: str) -> str:
    """Return a value as an .env file has it, in quotes where it needs them."""
    if not re.search(r"[\s#'\"\\$]", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def program() -> str:
    """Return the command line of the program that runs now, without the link that uv or pipx made to it."""
    name = Path(sys.argv[0]).resolve()
    return str(name) if name.name == "kexue-bot" else f"{sys.executable} -m bot"


def unit_text(folder: Path, written: Iterable[Path] = (), read: Iterable[Path] = ()) -> str:
    """Return a hardened systemd unit that runs this program in the absolute `folder`.

    It shows the service what else is `written` or `read` outside of the folder, wherever that lies.
    """
    more = {path for path in written if not path.is_relative_to(folder)}
    shown = {path for path in read if not any(map(path.is_relative_to, {folder, *more}))}
    return UNIT.format(
        program=program(),
        folder=folder,
        user=os.getuid(),
        written=" ".join(map(str, [folder, *sorted(more)])),
        read=" ".join(map(str, [*_hidden(folder), *sorted(shown)])),
    )


def _hidden(folder: Path) -> list[Path]:
    """Return the folders of the running program that ProtectHome would hide."""
    used = {Path(sys.prefix), Path(sys.base_prefix), Path(bot.__file__).parents[1]}
    used |= {path.resolve() for path in used}  # uv reaches its Pythons by links
    inside = {path for path in used if any(map(path.is_relative_to, HOMES))}
    return sorted(path for path in inside if not path.is_relative_to(folder))


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
                f"{bot_api_url} cannot be reached ({error}): check the network, or set PROXY_URL"
            ) from None
        else:
            click.echo(f"This is @{username}.")
            return token
    raise click.ClickException("no usable token was given")


async def _admin(token: str, bot_api_url: str, wait: float) -> int | None:
    """Return the chat that sends /start within `wait` seconds, or the typed number, or None."""
    for _ in range(TRIES):
        question = "Your chat number for notices (empty: I wait for your /start, - : none)"
        typed = str(click.prompt(question, default="", show_default=False)).strip()
        if typed == "-":
            return None
        if re.fullmatch(r"-?[0-9]{1,18}", typed):
            return int(typed)
        if not typed:
            break
        click.echo("A chat number has digits only, such as 123456789.")
    click.echo(f"Send /start to the bot now; waiting {wait:.0f} seconds …")
    found = await _with_bot(token, bot_api_url, lambda bot: _start_of(bot, wait))
    if found is None:
        click.echo("No /start arrived: ADMIN_CHAT_IDS is left out, add it to .env later.")
    else:
        click.echo(f"Notices go to chat {found}.")
    return found


async def _start_of(bot: Bot, wait: float) -> int | None:
    """Return the private chat of the first /start that the operator confirms: anyone may send one."""
    offset = None
    try:
        async with asyncio.timeout(wait):
            while True:
                for update in await bot.get_updates(offset=offset, timeout=10, allowed_updates=["message"]):
                    offset = update.update_id + 1
                    message = update.message
                    if message is None or message.chat.type != "private":
                        continue
                    if not (message.text or "").startswith("/start"):
                        continue
                    chat = f"Chat {message.chat.id} ({printable(message.chat.full_name or '')})"
                    if click.confirm(f"{chat} sent /start. Is this you?", default=None):
                        return message.chat.id
    except TimeoutError:
        return None
    except TelegramError as error:
        click.echo(f"Updates cannot be read ({error}).")
        return None


def _dumps(given: Settings, folder: Path, *, systemd: bool) -> Path:
    """Return the chosen folder, which is made."""
    for _ in range(TRIES):
        typed = str(click.prompt("Folder for dumps of the blog", default=str(folder / DUMPS)))
        try:
            chosen = Path(typed).expanduser().absolute()
            if systemd and (fault := _no_unit_path(chosen)):
                raise SettingsError(fault)
            database = f"sqlite+aiosqlite:///{folder / 'data' / 'kexue.db'}"
            settings = replace(given, dump_dir=chosen, database_url=database)
            check_dump_dir(settings)
            make_dump_dir(settings)
        except (SettingsError, RuntimeError) as error:  # the latter: a home that there is not
            click.echo(f"{error}.")
        else:
            return chosen
    raise click.ClickException("no usable folder was given")


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
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as target:
                target.write(text)
        except OSError:
            file.unlink()  # half of it would be in the way of the next try
            raise
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written ({error.strerror})") from error
    click.echo(f"Wrote {file}.")

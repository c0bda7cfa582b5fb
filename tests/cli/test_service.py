"""`run` and `check`: what is wrong is one line, and a signal ends the program in order."""

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest

from bot.settings import read_settings
from storage.database import open_database
from tests.cli.program import PATIENCE, PROGRAM, call, environment, program
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import error
from tests.tools.programs import Program, started

FILE = "sqlite+aiosqlite:///kexue.db"  # PostgreSQL needs no backups by the bot
WRONG_SETTINGS = {
    "no token": ({}, "BOT_TOKEN"),
    "an empty token": ({"BOT_TOKEN": "  "}, "BOT_TOKEN"),
    "a token of another form": ({"BOT_TOKEN": "secretsecret"}, "BOT_TOKEN"),
    "two lines in the token": ({"BOT_TOKEN": "1:secretsecret\nX"}, "BOT_TOKEN"),
    "no such token file": ({"BOT_TOKEN_FILE": "nowhere/secretsecret"}, "BOT_TOKEN_FILE"),
    "words for a number": ({"BOT_TOKEN": "1:x", "SCAN_SECONDS": "often"}, "SCAN_SECONDS"),
    "a negative rate": ({"BOT_TOKEN": "1:x", "RATE_PER_SECOND": "-1"}, "RATE_PER_SECOND"),
    "a wrong chat": ({"BOT_TOKEN": "1:x", "ADMIN_CHAT_IDS": "1,me"}, "ADMIN_CHAT_IDS"),
    "no level": ({"BOT_TOKEN": "1:x", "LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    "no address": ({"BOT_TOKEN": "1:x", "BOT_API_URL": "api.telegram.org"}, "BOT_API_URL"),
    "no database": ({"BOT_TOKEN": "1:x", "DATABASE_URL": "kexue.db"}, "DATABASE_URL"),
    "an unknown database": (
        {"BOT_TOKEN": "1:x", "DATABASE_URL": "oracle://secretsecret@x/y"},
        "DATABASE_URL",
    ),
    "a folder for a database": (
        {"BOT_TOKEN": "1:x", "DATABASE_URL": "sqlite+aiosqlite:////"},
        "DATABASE_URL",
    ),
    "a webhook without https": (
        {
            "BOT_TOKEN": "1:x",
            "WEBHOOK_URL": "http://bot.example.org/",
            "BOT_API_URL": "https://api.telegram.org",
        },
        "WEBHOOK_URL",
    ),
    "a webhook of another scheme": ({"BOT_TOKEN": "1:x", "WEBHOOK_URL": "ftp://x"}, "WEBHOOK_URL"),
    "a webhook secret with other characters": (
        {"BOT_TOKEN": "1:x", "WEBHOOK_URL": "https://bot.example.org/", "WEBHOOK_SECRET": "secretsecret!"},
        "WEBHOOK_SECRET",
    ),
    "a proxy without a scheme": ({"BOT_TOKEN": "1:x", "PROXY_URL": "secretsecret:3128"}, "PROXY_URL"),
    "a SOCKS proxy": ({"BOT_TOKEN": "1:x", "PROXY_URL": "socks5://a:secretsecret@x:1"}, "PROXY_URL"),
    "a wrong proxy for the blog": ({"BOT_TOKEN": "1:x", "BLOG_PROXY_URL": "http://"}, "BLOG_PROXY_URL"),
    "a file for the backups": (
        {"BOT_TOKEN": "1:x", "DATABASE_URL": FILE, "BACKUP_DIR": "dumps/a.txt"},
        "BACKUP_DIR",
    ),
    "a place for backups that is no disk": (
        {"BOT_TOKEN": "1:x", "DATABASE_URL": FILE, "BACKUP_DIR": "/proc/x"},
        "BACKUP_DIR",
    ),
    "a wrong file of series": ({"BOT_TOKEN": "1:x", "SERIES_FILE": "none.toml"}, "SERIES_FILE"),
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_a_wrong_setting_is_named_in_one_line(here: Path, name: str) -> None:
    settings, named = WRONG_SETTINGS[name]
    ended = call(here, "run", **settings)
    assert (ended.exit_code, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("kexue-bot: ")
    assert named in line
    assert "secretsecret" not in line


@pytest.mark.parametrize("content", ["\ufeff123:abc", "  123:abc \r\n\n", "\ufeff\n123:abc"])
def test_a_token_file_with_a_byte_order_mark_or_blanks(tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_text(content, encoding="utf-8")
    assert read_settings(_env_file=None, bot_token_file=file, bot_token=None).token() == "123:abc"


def test_a_wrong_setting_ends_the_real_program_in_one_line(here: Path) -> None:
    ended = program(here, "run", BOT_TOKEN="1:x", DATABASE_URL="sqlite+aiosqlite:////")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.sqlite_only
def test_a_damaged_database_is_named_and_left_alone(here: Path) -> None:
    (here / "kexue.db").write_bytes(b"this is no database" * 1000)
    ended = call(here, "run", BOT_TOKEN="1:x")
    assert ended.exit_code == 2
    (line,) = ended.stderr.splitlines()
    assert "damaged" in line
    assert (here / "kexue.db").read_bytes().startswith(b"this is no database")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("name", ["kexue.db", "link.db"])
async def test_a_second_service_on_the_same_file_is_refused(here: Path, name: str) -> None:
    (here / "link.db").symlink_to(here / "kexue.db")
    first = await open_database(f"sqlite+aiosqlite:///{here}/kexue.db")
    try:
        first.acquire_process_lock()
        url = f"sqlite+aiosqlite:///{here}/{name}"
        second = await asyncio.to_thread(program, here, "run", BOT_TOKEN="1:x", DATABASE_URL=url)
    finally:
        await first.close()
    assert second.returncode == 2
    assert second.stderr == (
        f"kexue-bot: DATABASE_URL: another kexue-bot is serving {here}/{name}: stop it first, "
        "or move to PostgreSQL, which several can share\n"
    )


def test_check_looks_at_everything_and_says_what_is_bad(here: Path) -> None:
    (here / "file").write_text("", encoding="utf-8")
    checked = call(here, "check", DUMP_DIR=str(here / "file"))
    assert checked.exit_code == 1
    shown = [line.split(maxsplit=2) for line in checked.stdout.splitlines()]
    assert [(word, what.rstrip(":")) for word, what, *_ in shown] == [
        ("ok", "settings"), ("ok", "database"), ("ok", "backups"), ("bad", "dump"), ("bad", "token"),
    ]  # fmt: skip
    assert "DUMP_DIR" in checked.stdout
    assert "BOT_TOKEN" in checked.stdout
    assert "Traceback" not in checked.stderr


def _calls(folder: Path, telegram: FakeTelegram, command: str = "run", **more: str) -> Program:
    """The program's process, forked."""
    settings = {"BOT_TOKEN": telegram.token, "BOT_API_URL": telegram.server} | more
    return started(command, folder=folder, environment=environment(folder, **settings), log=folder / "said")


async def _ended(process: Program | subprocess.Popen[bytes], folder: Path) -> tuple[int, str]:
    code = await asyncio.to_thread(process.wait, PATIENCE)
    return code, (folder / "said").read_text(encoding="utf-8")


async def test_check_asks_telegram_who_the_bot_is(here: Path, telegram: FakeTelegram) -> None:
    code, said = await _ended(_calls(here, telegram, "check"), here)
    assert code == 0
    assert "@kexue_test_bot" in said


async def test_a_stopped_service_ends_with_zero_and_tells_no_token(
    here: Path, telegram: FakeTelegram
) -> None:
    """The real program, begun from nothing."""
    telegram.answers("getMe", error(502, "Bad Gateway"))
    settings = {"BOT_TOKEN": telegram.token, "BOT_API_URL": telegram.server, "LOG_LEVEL": "DEBUG"}
    with (here / "said").open("wb") as said:  # an unread pipe would fill up
        process = subprocess.Popen(
            [*PROGRAM, "run"],
            cwd=here,
            env=environment(here, **settings),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    telegram.user_says("/latest")
    message = await telegram.message(timeout=PATIENCE)
    assert message.text.startswith("最近的文章 · 共 ")
    process.send_signal(signal.SIGTERM)
    code, log = await _ended(process, here)
    assert code == 0, log[-2000:]
    assert "Traceback" not in log
    assert telegram.token.partition(":")[2] not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda one: one.name)
async def test_a_service_that_waits_for_telegram_can_be_stopped(
    here: Path, telegram: FakeTelegram, number: signal.Signals
) -> None:
    telegram.answers("getMe", error(502, "Bad Gateway"), always=True)
    process = _calls(here, telegram)
    async with asyncio.timeout(PATIENCE):
        while "trying again" not in (here / "said").read_text(encoding="utf-8"):
            await asyncio.sleep(0.1)
    process.send_signal(number)
    code, log = await _ended(process, here)
    assert code == 0, log


async def test_a_token_that_telegram_refuses_is_a_wrong_setting(here: Path, telegram: FakeTelegram) -> None:
    wrong = "4242:another-token-than-the-true-one-here"
    code, log = await _ended(_calls(here, telegram, BOT_TOKEN=wrong), here)
    assert code == 2
    assert "BOT_TOKEN is refused" in log.splitlines()[-1]
    assert "Traceback" not in log
    assert wrong not in log

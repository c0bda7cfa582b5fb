"""`check` and `run` on wrong settings: each with its value and an example, unknown names, the dump folder."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from bot.settings import read_settings
from tests.cli.program import call
from tests.conftest import stocked
from tests.tools.databases import change, url_in

TOKEN = "123456789:" + "A" * 35
WRONG = {
    "RATE_PER_SECOND=-1": "RATE_PER_SECOND=-1: must be greater than or equal to 0, such as 30",
    "ADMIN_CHAT_IDS=abc": "ADMIN_CHAT_IDS=abc: write chat numbers, such as 123456789,-1001234567890",
    f"ADMIN_CHAT_IDS={TOKEN}": "ADMIN_CHAT_IDS=***: write chat numbers, such as 123456789,-1001234567890",
    "ADMIN_CHAT_IDS=99999999999999999999": "write chat numbers, such as 123456789,-1001234567890",
    "DIGEST_ABOVE=9999999999": "DIGEST_ABOVE=9999999999: must be less than or equal to 2147483647, such as 5",
    "EDIT_DAYS=999999": "EDIT_DAYS=999999: must be less than or equal to 365000, such as 2",
    "KEEP_DAYS=999999": "KEEP_DAYS=999999: must be less than or equal to 365000, such as 90",
    "MAX_AGE_DAYS=1e15": "MAX_AGE_DAYS=1e15: must be less than or equal to 365000, such as 14",
    "SOURCE_ALERT_HOURS=1e300": "SOURCE_ALERT_HOURS=1e300: must be less than or equal to 8760000",
    "LOG_LEVEL=loud": "LOG_LEVEL=loud: must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
    "KEEP_DAYS=many": "KEEP_DAYS=many: write a number, such as 90",
    "RICH=perhaps": "RICH=perhaps: write true or false",
    "HTTP_PORT=99999": "HTTP_PORT=99999: must be less than or equal to 65535, such as 0",
    "HTTP_HOST=": "HTTP_HOST=: write an address such as 127.0.0.1, or 0.0.0.0 for all of this machine",
    "WEB_HOST= ": "WEB_HOST= : write an address",
    "WEBHOOK_HOST=127.0.0.1 ::1": "WEBHOOK_HOST=127.0.0.1 ::1: write an address",
    "DUMP_DIR=": "DUMP_DIR=: write a folder, such as dumps",
    "WEB_URL=http://x.example": "WEB_URL=http://x.example: Telegram opens https addresses only",
    "PROXY_URL=socks5://user:secretsecret@proxy": "PROXY_URL=***: write the address of an HTTP proxy",
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("given", WRONG)
def test_a_wrong_setting_is_shown_with_its_value_and_an_example(
    given: str, command: str, tmp_path: Path
) -> None:
    name, _, value = given.partition("=")
    shown = call(tmp_path, command, **{name: value})
    assert shown.exit_code == (1 if command == "check" else 2)
    assert WRONG[given] in shown.output
    assert "secretsecret" not in shown.output
    assert "A" * 20 not in shown.output
    assert len(shown.output.strip().splitlines()) == 1


def test_all_wrong_settings_are_shown_at_once(tmp_path: Path) -> None:
    shown = call(tmp_path, "check", RATE_PER_SECOND="-1", ADMIN_CHAT_IDS="abc").output
    assert "RATE_PER_SECOND=-1" in shown
    assert "ADMIN_CHAT_IDS=abc" in shown


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_webhook_needs_https(command: str, tmp_path: Path) -> None:
    shown = call(tmp_path, command, WEBHOOK_URL="http://bot.example.org", BOT_TOKEN=TOKEN)
    assert shown.exit_code == (1 if command == "check" else 2)
    assert "WEBHOOK_URL must begin with https" in shown.output


def test_unknown_names_in_the_env_file_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = f"BOT_TOKN={TOKEN}\nDUMPDIR=x\nHTTP_PORT=0\nDOMAIN=x.example\nCOMPOSE_FILE=a.yaml\nZZZ=1\n"
    Path(".env").write_text(written, encoding="utf-8")
    shown = call(tmp_path, "check").output
    assert "warn  .env: unknown BOT_TOKN (BOT_TOKEN?), DUMPDIR (DUMP_DIR?), ZZZ\n" in shown
    assert TOKEN not in shown


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ("9999", "a newer version wrote it (schema 9999): run that version"),
        ("copying", "a copy into it is not finished: repeat `kexue-bot copy`"),
    ],
)
def test_a_schema_that_cannot_be_used_is_named_with_the_way_out(
    tmp_path: Path, schema: str, shown: str
) -> None:
    url = url_in(tmp_path, "kexue.db", filled=stocked)
    change(url, f"UPDATE alembic_version SET version_num = '{schema}'")
    assert shown in call(tmp_path, "check", DATABASE_URL=url).output


# An .env file, the token it gives, and what `check` warns of.
ENV_FILES: dict[str, tuple[str | None, str | None]] = {
    f"\ufeffBOT_TOKEN={TOKEN}\r\nHTTP_PORT=0\r\n": (TOKEN, None),
    f"# 机器人的令牌\n\nexport BOT_TOKEN = '{TOKEN}'  # 说明\n": (TOKEN, None),
    f'\u3000BOT_TOKEN="{TOKEN}"\n': (TOKEN, None),
    f"bot_token={TOKEN} # 小写\n": (TOKEN, None),
    f"BOT_TOKEN=1:x\nBOT_TOKEN={TOKEN}": (TOKEN, None),
    f"# 令牌\n\nBOT_TOKEN＝{TOKEN}\n": (None, "line 3 is left out: write it as NAME=value"),
    f"BOT_TOKEN：{TOKEN}\n": (None, "line 1 is left out: write it as NAME=value"),
    f"BOT_TOKEN: {TOKEN}\n": (None, "line 1 is left out: write it as NAME=value"),
    f"HTTP_PORT=0\nBOT_TOKEN='{TOKEN}\n": (None, "line 2 is left out: write it as NAME=value"),
    f"BOT TOKEN={TOKEN}\n": (None, "line 1 is left out: write it as NAME=value"),
    f"{TOKEN}\n": (None, "line 1 is left out: write it as NAME=value"),
}  # fmt: skip


@pytest.mark.parametrize("written", ENV_FILES)
def test_an_env_file_is_read_as_it_is_meant_or_named(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_bytes(written.encode())
    token, warning = ENV_FILES[written]
    assert read_settings().bot_token == token
    shown = call(tmp_path, "check").output
    assert [line for line in shown.splitlines() if "warn" in line] == (
        [f"warn  .env: {warning}"] if warning else []
    )
    assert ("BOT_TOKEN is missing" in shown) is (token is None)
    assert TOKEN not in shown


def test_an_env_file_may_be_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(".env")
    with ThreadPoolExecutor() as writer:
        writer.submit(Path(".env").write_text, f"BOT_TOKEN={TOKEN}\n")
        assert read_settings().bot_token == TOKEN


def test_a_folder_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    shown = call(tmp_path, "run", BOT_TOKEN=TOKEN, DUMP_DIR="dumps")
    assert shown.exit_code == 2
    assert "DUMP_DIR dumps lies in a folder that is gone: start in another" in shown.output


def test_a_missing_dump_folder_is_made_at_the_start_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "dumps"
    shown = call(tmp_path, "check", DUMP_DIR=str(folder))
    assert f"ok    dump folder: {folder} is not there yet: the first start makes it" in shown.output
    assert not folder.exists()
    call(tmp_path, "console", typed="/about\n", DUMP_DIR=str(folder))
    assert folder.is_dir()


def test_a_dump_folder_that_cannot_be_made_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place, reason in (("file", "is not a folder"), ("file/dumps", "cannot be made")):
        folder = str(tmp_path / place)
        assert f"{folder} {reason}" in call(tmp_path, "check", DUMP_DIR=folder).output
        shown = call(tmp_path, "run", DUMP_DIR=folder, BOT_TOKEN=TOKEN)
        assert shown.exit_code == 2
        assert f"DUMP_DIR {folder} cannot be made" in shown.output


def test_the_help_shows_whole_sentences_and_first_what_a_newcomer_needs(tmp_path: Path) -> None:
    shown = call(tmp_path, "--help").output
    assert "..." not in shown.partition("Commands:")[2]
    listed = [line.split()[0] for line in shown.partition("Commands:\n")[2].splitlines() if line[2:3].strip()]
    assert listed[:4] == ["demo", "init", "check", "run"]
    assert "kexue.fm" not in shown


@pytest.mark.sqlite_only
@pytest.mark.parametrize("statement", ["", "PRAGMA journal_mode=WAL"])
def test_a_first_start_that_was_killed_at_once_is_no_fault(tmp_path: Path, statement: str) -> None:
    with closing(sqlite3.connect(tmp_path / "kexue.db")) as connection:
        connection.execute(statement)
    (tmp_path / "kexue.db").touch()
    shown = call(tmp_path, "check", BOT_TOKEN=TOKEN, BOT_API_URL="http://127.0.0.1:1")
    assert f"ok    database: {tmp_path}/kexue.db is empty: the first start fills it\n" in shown.output


@pytest.mark.parametrize(("language", "said"), [("en", "A demo of"), ("zh_TW.UTF-8", "演示"), ("C", "演示")])
def test_the_demo_speaks_the_language_of_the_terminal(language: str, said: str, tmp_path: Path) -> None:
    for asked in ({"LANG": language, "LC_ALL": ""}, {"LC_ALL": language}):
        assert said in call(tmp_path, "demo", **asked).output
    assert "A demo of" in call(tmp_path, "demo", "--language", "en", LANG="zh_CN.UTF-8").output

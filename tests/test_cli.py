"""The command line, which other programs call: what it prints, where, and how it ends."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from tests.databases import blank_in
from tests.dumps import ARCHIVE, HOME, Shown, land, listing
from tests.fake_replies import error
from tests.fakes import FakeTelegram
from tests.intake.blog import FEED
from tests.programs import Program, started
from tests.shared import SHARED, needs_shared

PROGRAM = (sys.executable, "-m", "bot")
PATIENCE = 60.0

FIELDS = (
    "file", "layout", "title", "date", "month_day", "readers", "comments", "category", "tags", "excerpt",
    "series", "episode", "archive_id", "url",
)  # fmt: skip
COUNTS = ("dump", "layout", "sightings", "new", "edited", "unchanged", "skipped", "error")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the program is called: with two dumps and room for a database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dumps").mkdir()
    land(tmp_path / "dumps", "a.txt", HOME)
    land(tmp_path / "dumps", "b.txt", listing(*ARCHIVE))
    return tmp_path


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The program sets the root logger up; here it must be as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """What a program sees that is started in `folder` with these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(_SYSTEM)}  # noqa: TID251
    return kept | {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "DATABASE_URL": blank_in(folder),
        "DUMP_DIR": str(folder / "dumps"),
        **settings,
    }


_SYSTEM = ("PATH", "HOME", "LANG", "LC_", "TMP", "TEMP", "LD_", "COVERAGE", "SYSTEMROOT")


def call(folder: Path, *arguments: str, typed: str = "", **settings: str) -> Result:
    """The command in this process, which is quicker than a program of its own."""
    return CliRunner().invoke(main, arguments, env=environment(folder, **settings), input=typed)


def program(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The whole life of the real program, with its input closed."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def parse(*files: Path) -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(main, ["parse", *map(str, files)])
    return result.exit_code, lines(result.stdout), result.stderr


@needs_shared
def test_parse_gives_the_expected_values_of_every_entry() -> None:
    expected: dict[str, list[dict[str, Any]]] = json.loads(
        (SHARED / "data" / "expected_seeds.json").read_text(encoding="utf-8")
    )
    files = sorted((SHARED / "dumps").glob("*.txt"))
    code, shown, complaints = parse(*files)
    assert (code, complaints) == (0, "")
    wanted = [{"file": name, **entry} for name in sorted(expected) for entry in expected[name]]
    assert len(wanted) == len(shown) == 39
    for want, entry in zip(wanted, shown, strict=True):
        assert entry["excerpt"].startswith(want.pop("excerpt_start"))
        assert {name: entry[name] for name in want} == want


def test_parse_prints_the_fields_of_the_contract_first_and_in_order(here: Path) -> None:
    _, shown, _ = parse(here / "dumps" / "a.txt", here / "dumps" / "b.txt")
    assert {tuple(entry)[: len(FIELDS)] for entry in shown} == {FIELDS}
    assert {entry["layout"] for entry in shown} == {"home", "listing"}
    first, episode = shown[0], next(entry for entry in shown if "拆楼" in entry["title"])
    assert (first["month_day"], first["date"], first["tags"]) == ("08-14", None, ["attention", "位置编码"])
    assert (first["archive_id"], first["url"], first["readers"]) == (None, None, None)
    assert (episode["series"], episode["episode"], episode["date"]) == ("生成扩散模型漫谈", 1, "2022-06-13")


def test_parse_prints_the_readable_files_and_complains_of_the_others(here: Path) -> None:
    code, shown, complaints = parse(here / "none.txt", here, here / "dumps" / "a.txt")
    assert (code, len(shown)) == (1, 3)
    assert [line.split(": ")[0] for line in complaints.splitlines()] == [str(here / "none.txt"), str(here)]


def test_ingest_prints_a_line_for_each_dump_and_export_what_is_stored(here: Path) -> None:
    land(here / "dumps", "c.txt", b"nothing of the blog")
    taken = call(here, "ingest", "dumps", "--json")
    assert taken.exit_code == 1
    reports = lines(taken.stdout)
    assert {tuple(report) for report in reports} == {COUNTS}
    assert [(r["dump"], r["layout"], r["sightings"], r["new"], r["unchanged"]) for r in reports] == [
        ("a.txt", "home", 3, 3, 0),
        ("b.txt", "listing", 22, 22, 0),
        ("c.txt", None, 0, 0, 0),
    ]
    assert reports[2]["error"]
    again = call(here, "ingest", "dumps/a.txt", "dumps/b.txt")
    assert again.exit_code == 0
    assert [line.partition(":")[0] for line in again.stdout.splitlines()] == ["a.txt", "b.txt"]
    assert all(" 0 new" in line for line in again.stdout.splitlines())
    exported = call(here, "export", "posts")
    posts = lines(exported.stdout)
    assert (exported.exit_code, len(posts)) == (0, 25)
    assert sum(post["readers"] or 0 for post in posts) == sum(shown.readers for shown in ARCHIVE)
    assert call(here, "export", "chats").stdout == ""


def test_the_same_bytes_again_are_unchanged_and_what_was_skipped_is_skipped_again(here: Path) -> None:
    """Each sighting is counted once: new, edited and unchanged together are all of them."""
    feed = FEED.replace(b"</title>", b"<b</title>", 3).replace(b"<b</title>", b"</title>", 2)
    land(here / "dumps", "feed.xml", feed)
    figures = []
    for _ in range(2):
        reports = lines(call(here, "ingest", "dumps", "--json").stdout)
        assert all(r["new"] + r["edited"] + r["unchanged"] == r["sightings"] for r in reports)
        figures.append([(r["dump"], r["sightings"], r["unchanged"], r["skipped"]) for r in reports])
    first, again = figures
    assert [(name, seen, skipped) for name, seen, _, skipped in again] == [
        (name, seen, skipped) for name, seen, _, skipped in first
    ]
    assert all(seen == unchanged for _, seen, unchanged, _ in again)
    assert sum(skipped for *_, skipped in again) == 1


@needs_shared
def test_ingesting_the_five_dumps_gives_thirty_five_posts_and_then_none(here: Path) -> None:
    counts = []
    for _ in range(2):
        taken = call(here, "ingest", str(SHARED / "dumps"), "--json")
        assert taken.exit_code == 0
        counts.append(sum(report["new"] for report in lines(taken.stdout)))
    assert counts == [35, 0]


def test_the_console_answers_piped_lines_and_ends_with_them(here: Path) -> None:
    talk = call(here, "console", typed="/subscribe\n/series 扩散\n2\n/nosuch\n")
    assert (talk.exit_code, talk.stderr) == (0, "")
    for said in ("订阅好了：全部文章", "生成扩散模型漫谈 · ", "不认识 nosuch", "› /series 扩散"):
        assert said in talk.stdout
    assert "\x1b" not in talk.stdout
    chats = lines(call(here, "export", "chats").stdout)
    assert [wish["kind"] for wish in chats[0]["subscriptions"]] == ["everything"]


def test_the_console_speaks_english_when_asked(here: Path) -> None:
    talk = call(here, "console", "--language", "en", typed="/about\n/quit\n/latest\n")
    assert (talk.exit_code, talk.stderr) == (0, "")
    assert "CC BY-NC-ND" in talk.stdout
    assert "Latest" not in talk.stdout


def test_a_console_shows_a_push_of_a_dump_that_lands_meanwhile(here: Path) -> None:
    call(here, "console", typed="/subscribe\n")
    land(here / "dumps", "new.txt", listing(Shown(title="刚写好的文章")))
    talk = call(here, "console", typed="/about\n")
    assert "刚写好的文章" in talk.stdout


def test_the_demo_runs_through_with_its_input_closed(tmp_path: Path) -> None:
    shown = program(tmp_path, "demo")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.count("生成扩散模型漫谈(二十):从ReFlow到WGAN-GP") >= 1
    assert "订阅好了" in shown.stdout
    assert list(tmp_path.iterdir()) == []


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


def test_a_wrong_setting_ends_the_real_program_in_one_line(here: Path) -> None:
    ended = program(here, "run", BOT_TOKEN="1:x", DATABASE_URL="sqlite+aiosqlite:////")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.sqlite_only
def test_a_read_only_database_is_named_with_the_mend(here: Path) -> None:
    call(here, "ingest", "dumps")
    url = f"sqlite+aiosqlite:///file:{here}/kexue.db?mode=ro&uri=true"
    ended = call(here, "run", BOT_TOKEN="1:x", DATABASE_URL=url)
    assert ended.exit_code == 2
    (line,) = ended.stderr.splitlines()
    assert "DATABASE_URL" in line
    assert "written" in line


@pytest.mark.sqlite_only
def test_a_damaged_database_is_named_and_left_alone(here: Path) -> None:
    (here / "kexue.db").write_bytes(b"this is no database" * 1000)
    ended = call(here, "run", BOT_TOKEN="1:x")
    assert ended.exit_code == 2
    (line,) = ended.stderr.splitlines()
    assert "damaged" in line
    assert (here / "kexue.db").read_bytes().startswith(b"this is no database")


def test_check_looks_at_everything_and_says_what_is_bad(here: Path) -> None:
    checked = call(here, "check", DUMP_DIR=str(here / "none"))
    assert checked.exit_code == 1
    shown = [line.split(maxsplit=2) for line in checked.stdout.splitlines()]
    assert [(word, what.rstrip(":")) for word, what, *_ in shown] == [
        ("ok", "settings"), ("ok", "database"), ("bad", "dump"), ("bad", "token"),
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
    with (here / "said").open("wb") as said:  # a pipe that nobody reads would fill up
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


async def test_a_service_that_waits_for_telegram_can_be_stopped(here: Path, telegram: FakeTelegram) -> None:
    telegram.answers("getMe", error(502, "Bad Gateway"), always=True)
    process = _calls(here, telegram)
    async with asyncio.timeout(PATIENCE):
        while "trying again" not in (here / "said").read_text(encoding="utf-8"):
            await asyncio.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    code, log = await _ended(process, here)
    assert code == 0, log


async def test_a_token_that_telegram_refuses_is_a_wrong_setting(here: Path, telegram: FakeTelegram) -> None:
    wrong = "4242:another-token-than-the-true-one-here"
    code, log = await _ended(_calls(here, telegram, BOT_TOKEN=wrong), here)
    assert code == 2
    assert "BOT_TOKEN is refused" in log.splitlines()[-1]
    assert "Traceback" not in log
    assert wrong not in log

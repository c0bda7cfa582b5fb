"""The console and the demo, with their input piped or closed."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from tests.cli.program import PATIENCE, PROGRAM, call, environment, lines, program
from tests.tools.dumps import Shown, land, listing


def test_the_console_answers_piped_lines_and_ends_with_them(here: Path) -> None:
    talk = call(here, "console", typed="/subscribe all\n/series 扩散\n2\n/nosuch\n")
    assert (talk.exit_code, talk.stderr) == (0, "")
    for said in ("订阅好了：全部文章", "生成扩散模型漫谈 · ", "不认识 /nosuch", "› /series 扩散"):
        assert said in talk.stdout
    assert "\x1b" not in talk.stdout
    chats = lines(call(here, "export", "chats").stdout)
    assert [wish["kind"] for wish in chats[0]["subscriptions"]] == ["everything"]


def test_the_console_shows_the_exported_file(here: Path) -> None:
    talk = call(here, "console", typed="/subscribe tag attention\n/export\n")
    assert (talk.exit_code, talk.stderr) == (0, "")
    name, _, shown = talk.stdout.partition("[kexue-bot.json]\n")
    exported, _ = json.JSONDecoder().raw_decode(shown)
    assert "不认识" not in name
    assert [wish["name"] for wish in exported["chats"][0]["subscriptions"]] == ["attention"]
    assert "关于你记下的全部数据都在这里。" in shown


def test_the_console_speaks_english_when_asked(here: Path) -> None:
    talk = call(here, "console", "--language", "en", typed="/about\n/quit\n/latest\n")
    assert (talk.exit_code, talk.stderr) == (0, "")
    assert "CC BY-NC-ND" in talk.stdout
    assert "Latest" not in talk.stdout


def test_a_console_shows_a_push_of_a_dump_that_lands_meanwhile(here: Path) -> None:
    call(here, "console", typed="/subscribe all\n")
    land(here / "dumps", "new.txt", listing(Shown(title="刚写好的文章")))
    talk = call(here, "console", typed="/about\n")
    assert "刚写好的文章" in talk.stdout


def test_the_demo_runs_through_with_its_input_closed(tmp_path: Path) -> None:
    shown = program(tmp_path, "demo")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.count("生成扩散模型漫谈(二十):从ReFlow到WGAN-GP") >= 1
    assert "订阅好了" in shown.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("charset", ["gbk", "latin-1", "ascii"])
def test_a_terminal_that_lacks_characters_shows_the_others(here: Path, charset: str) -> None:
    settings = environment(here)
    shown = CliRunner(charset=charset).invoke(main, ["demo", "--language", "en"], env=settings)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "DDPM" in shown.stdout
    parsed = CliRunner(charset=charset).invoke(main, ["parse", "dumps/a.txt"], env=settings)
    assert lines(parsed.stdout) == lines(call(here, "parse", "dumps/a.txt").stdout)


@pytest.mark.parametrize(
    ("command", "redirection", "code", "said"),
    [
        (
            "parse dumps/a.txt",
            ">/dev/full",
            120,  # what the interpreter says of an output that it cannot flush
            "kexue-bot: a disk is full: [Errno 28] No space left on device",
        ),
        ("parse dumps/a.txt", ">&-", 0, ""),
        ("console", "<&-", 0, ""),
        ("console", "<&- >&- 2>&-", 0, ""),
        ("export posts", "| head -c 1", 0, "{"),
    ],
)
def test_inputs_and_outputs_that_are_closed_or_full(
    here: Path, command: str, redirection: str, code: int, said: str
) -> None:
    call(here, "ingest", "dumps")
    ended = subprocess.run(
        ["sh", "-c", f"{shlex.join(PROGRAM)} {command} {redirection}"],
        cwd=here,
        env=environment(here),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    first_line = (ended.stderr or ended.stdout).partition("\n")[0]
    assert (ended.returncode, first_line) == (code, said)

"""`kexue-bot init` over the fake Bot API: what is asked, checked and written; and shell completion."""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.init import environment_text, unit_text
from bot.settings import read_settings
from tests.cli.program import PATIENCE, PROGRAM, call, environment
from tests.fakes.people import READER, FakeTelegram


async def initialized(
    here: Path,
    telegram: FakeTelegram,
    typed: list[str],
    *options: str,
    folder: Path | None = None,
    **settings: str,
) -> tuple[int, str]:
    """Run init with the typed lines; return exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "init", *options, "--bot-api", telegram.server, str(folder or here),
        cwd=here,
        env=environment(here, **settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(
        process.communicate("".join(f"{line}\n" for line in typed).encode()), PATIENCE
    )
    return process.returncode or 0, said.decode()


async def test_answers_are_checked_and_written(here: Path, telegram: FakeTelegram) -> None:
    telegram.user_says("/start")
    typed = ["nonsense", telegram.token, "me", "", "y", str(here), "", "-"]
    code, said = await initialized(here, telegram, typed, "--systemd")
    assert code == 0, said
    assert "@kexue_test_bot" in said
    assert telegram.token not in said
    written = dict(line.split("=", 1) for line in (here / ".env").read_text("utf-8").splitlines())
    assert written["BOT_TOKEN"] == telegram.token
    assert written["ADMIN_CHAT_IDS"] == str(READER)
    assert (here / ".env").stat().st_mode & 0o077 == 0
    assert written.keys() == {"BOT_TOKEN", "ADMIN_CHAT_IDS", "BOT_API_URL"}  # all else suits a container too
    assert "DUMP_DIR" in said  # the folder with the database in it
    assert (here / "dumps").is_dir()
    unit = (here / "kexue-bot.service").read_text("utf-8")
    assert "EnvironmentFile" not in unit  # its quotes and comments are not those of .env
    assert "NoNewPrivileges=yes" in unit


async def test_the_feed_offered_is_that_of_the_profile(here: Path, telegram: FakeTelegram) -> None:
    profile = 'name = "示例博客"\nauthor = "某人"\nhome = "https://blog.example.org"\nfeed = "/atom.xml"\n'
    (here / "site.toml").write_text(profile, "utf-8")
    code, said = await initialized(here, telegram, [telegram.token, "-", "", "-"], SITE_FILE="site.toml")
    assert code == 0, said
    assert "[https://blog.example.org/atom.xml]" in said
    assert f"SITE_FILE={here / 'site.toml'}\n" in (here / ".env").read_text("utf-8")


async def test_a_stranger_who_sends_start_is_no_operator(here: Path, telegram: FakeTelegram) -> None:
    telegram.user_says("/start", chat_id=666)
    telegram.user_says("/start")
    code, said = await initialized(here, telegram, [telegram.token, "", "n", "y", "", "-"])
    assert code == 0, said
    assert f"ADMIN_CHAT_IDS={READER}\n" in (here / ".env").read_text("utf-8")


@pytest.mark.parametrize("name", ["with blanks", "a#b", "it's", "中文", "a$b", '"a" \\ b'])
async def test_a_dump_folder_of_any_name_is_read_back(
    name: str, here: Path, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = await initialized(here, telegram, [telegram.token, "-", name, "-"])
    assert code == 0, said
    assert read_settings().dump_dir == here / name
    assert (here / name).is_dir()


@pytest.mark.parametrize(
    ("folder", "options", "reason"),
    [
        ("none", (), "does not exist"),
        ("dumps/a.txt", (), "is a file"),
        ("/proc", (), "cannot be written"),
        ("with blanks", ("--systemd",), "systemd reads as its own"),
        ("50%", ("--systemd",), "systemd reads as its own"),
    ],
)
async def test_a_folder_that_does_not_serve_is_named_in_one_line(
    here: Path, telegram: FakeTelegram, folder: str, options: tuple[str, ...], reason: str
) -> None:
    for name in ("with blanks", "50%"):
        (here / name).mkdir()
    typed = [telegram.token, "-", str(here / "d"), "-"]
    code, said = await initialized(here, telegram, typed, *options, folder=here / folder)
    assert code != 0
    assert reason in said
    assert "Traceback" not in said


async def test_a_refused_token_writes_nothing(here: Path, telegram: FakeTelegram) -> None:
    code, said = await initialized(here, telegram, ["1:" + "x" * 35] * 3)
    assert code == 1
    assert "refuses this token" in said
    assert not (here / ".env").exists()


async def test_existing_settings_are_kept(here: Path, telegram: FakeTelegram) -> None:
    (here / ".env").write_text("KEPT=1\n", "utf-8")
    code, said = await initialized(here, telegram, [])
    assert code == 1
    assert "exists" in said
    assert (here / ".env").read_text("utf-8") == "KEPT=1\n"


def test_optional_answers_are_left_out() -> None:
    answers = {"BOT_TOKEN": "1:x", "ADMIN_CHAT_IDS": None, "FEED_URL": "https://kexue.fm/feed"}
    assert environment_text(answers) == "BOT_TOKEN=1:x\nFEED_URL=https://kexue.fm/feed\n"


def test_the_unit_runs_the_program_in_its_folder(tmp_path: Path) -> None:
    unit = unit_text(tmp_path)
    assert f"WorkingDirectory={tmp_path}" in unit
    assert " run\n" in unit


def test_the_unit_shows_a_program_in_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path("/home/me")
    monkeypatch.setattr(sys, "prefix", str(home / ".local/share/pipx/venvs/kexue-bot"))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    assert f"BindReadOnlyPaths={home}/.local/share/pipx/venvs/kexue-bot\n" in unit_text(home / "bot")
    assert "BindReadOnlyPaths=\n" in unit_text(home)


def test_the_unit_reaches_its_program_through_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`uv tool` and pipx link to the program from ~/.local/bin, which the unit hides."""
    made = tmp_path / "tools" / "kexue-bot"
    made.parent.mkdir()
    made.touch()
    (tmp_path / "kexue-bot").symlink_to(made)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "kexue-bot")])
    assert f"ExecStart={made} run\n" in unit_text(tmp_path)


async def test_the_unit_shows_what_was_chosen_outside_of_its_folder(
    here: Path, tmp_path_factory: pytest.TempPathFactory, telegram: FakeTelegram
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "site.toml").write_text('name = "示例"\nauthor = "某"\nhome = "https://example.org"\n', "utf-8")
    typed = [telegram.token, "-", str(other / "bad name"), str(other / "d"), "-"]
    code, said = await initialized(here, telegram, typed, "--systemd", SITE_FILE=str(other / "site.toml"))
    assert code == 0, said
    assert "bad name has a sign that systemd reads as its own" in said
    unit = (here / "kexue-bot.service").read_text("utf-8")
    assert f"\nReadWritePaths={here} {other / 'd'}\n" in unit
    assert f"\nBindPaths={here} {other / 'd'}\n" in unit
    (shown,) = re.findall(r"^BindReadOnlyPaths=(.*)$", unit, re.MULTILINE)
    assert str(other / "site.toml") in shown.split()


async def test_the_proxies_in_use_are_kept(here: Path, telegram: FakeTelegram) -> None:
    code, said = await initialized(
        here,
        telegram,
        [telegram.token, "-", "", "-"],
        PROXY_URL=telegram.server,
        BLOG_PROXY_URL="http://[::1]:9",
    )
    assert code == 0, said
    written = (here / ".env").read_text("utf-8")
    assert f"\nPROXY_URL={telegram.server}\nBLOG_PROXY_URL=http://[::1]:9\n" in written


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_hardened(tmp_path: Path) -> None:
    unit = tmp_path / "kexue-bot.service"
    unit.write_text(unit_text(tmp_path))
    rating = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    done = subprocess.run(rating, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(here: Path, shell: str) -> None:
    printed = call(here, "completion", shell)
    assert printed.exit_code == 0
    assert "_KEXUE_BOT_COMPLETE" in printed.stdout

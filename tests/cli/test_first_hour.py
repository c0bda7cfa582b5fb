"""The commands of the READMEs in their order: from an empty folder to a pushed post, on both databases."""

import asyncio
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.program import PATIENCE, environment, program
from tests.fakes.blog import blog
from tests.fakes.people import FakeTelegram
from tests.fakes.typecho import Typecho
from tests.tools.databases import Kind, blank_in, kind_in_use
from tests.tools.dumps import ARCHIVE, HOME, Shown, land, listing
from tests.tools.programs import started
from tests.tools.readme import README, README_ZH, ROOT

# What each command of the READMEs is run by, or why no test can run it.
RUN_BY = {
    "make demo": "tests/cli/test_console.py::test_the_demo_runs_through_with_its_input_closed",
    "make test": "this suite",
    "echo BOT_TOKEN=123456:ABC… > .env": "test_from_an_empty_folder_to_a_pushed_post",
    ".venv/bin/kexue-bot init": "tests/cli/test_init.py::test_answers_are_checked_and_written",
    ".venv/bin/kexue-bot run": "test_from_an_empty_folder_to_a_pushed_post",
    "kexue-bot check": "test_from_an_empty_folder_to_a_pushed_post",
    "kexue-bot backfill": "test_backfill_fills_an_archive_that_preview_shows",
    "kexue-bot preview": "test_backfill_fills_an_archive_that_preview_shows",
}
NEEDS_THE_INTERNET = {
    "make .venv",
    "docker compose up -d --build", "docker compose exec bot kexue-bot backfill",
    "uv tool install .", "pipx install .", "uvx --from . kexue-bot demo",
}  # fmt: skip
_COMMAND = re.compile(r"(?:make|(?:\.venv/bin/)?kexue-bot|docker|echo|pipx|uvx?) ")


def commands(page: Path) -> set[str]:
    """Return the shell commands of a page, in code blocks and in text, without their comments."""
    text = page.read_text(encoding="utf-8")
    blocks = [line for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    inline = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
    shown = {line.partition(" #")[0].strip() for line in (*blocks, *inline)}
    return {line for line in shown if _COMMAND.match(line)}


@pytest.mark.parametrize("page", [README, README_ZH], ids=lambda page: page.name)
def test_every_command_of_a_readme_is_run_by_a_test(page: Path) -> None:
    found = commands(page)
    assert len(found) > 6
    assert found - set(RUN_BY) - NEEDS_THE_INTERNET == set()


def test_the_tests_that_run_the_commands_exist() -> None:
    for test in RUN_BY.values():
        file, _, name = test.partition("::")
        if not test.startswith("this suite"):
            source = ROOT / file if name else Path(__file__)
            assert f"def {name or file}(" in source.read_text(encoding="utf-8"), test


async def test_backfill_fills_an_archive_that_preview_shows(tmp_path: Path) -> None:
    site = Typecho("1.3.0", "default", "/archives/{id}/", "示例博客", "某人", now=datetime.now(UTC))
    site.add("旧文", "<p>旧文的开头。</p>", site.now - timedelta(days=40))
    async with blog() as served:
        site.serve(served)
        profile = f'name = "示例博客"\nauthor = "某人"\nhome = "{served.url("")}"\n'
        (tmp_path / "site.toml").write_text(profile, encoding="utf-8")
        settings = {"SITE_FILE": "site.toml", "FETCH_PAUSE_SECONDS": "0", "FETCH_PRIVATE": "1"}
        filled = await asyncio.to_thread(program, tmp_path, "backfill", **settings)
    assert filled.returncode == 0, filled.stderr
    shown = await asyncio.to_thread(program, tmp_path, "preview", "1")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("preview.html: ")
    assert "<html" in (tmp_path / "preview.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", Kind)
async def test_from_an_empty_folder_to_a_pushed_post(
    kind: Kind, tmp_path: Path, telegram: FakeTelegram
) -> None:
    """Write `.env`, start, subscribe, land a dump; then `check` finds nothing wrong."""
    with kind_in_use(kind):
        url = blank_in(tmp_path)
    (tmp_path / ".env").write_text(f"BOT_TOKEN={telegram.token}\n", encoding="utf-8")
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    land(dumps, "a.txt", HOME)
    given = environment(tmp_path, BOT_API_URL=telegram.server, DATABASE_URL=url)
    service = started("run", folder=tmp_path, environment=given, log=tmp_path / "log")
    try:
        telegram.user_says("/start")
        greeting = await telegram.message(timeout=PATIENCE)
        telegram.presses(greeting, "🔔 订阅全部")
        answer = await telegram.message(timeout=PATIENCE)
        assert answer.text.startswith("订阅好了")
        land(dumps, "b.txt", listing(Shown(title="新的一篇", day=datetime.now(UTC).date()), *ARCHIVE))
        push = await telegram.message(timeout=PATIENCE)
        assert "新的一篇" in push.text
        check = started("check", folder=tmp_path, environment=given, log=tmp_path / "check")
        code = await asyncio.to_thread(check.wait, PATIENCE)
        assert code == 0, (tmp_path / "check").read_text(encoding="utf-8")
    finally:
        service.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, PATIENCE) == 0, (tmp_path / "log").read_text(
        encoding="utf-8"
    )

"""What the documents say of commands, settings and the command line is what the code says."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from bot.cli import main
from bot.settings import Settings
from tests.tools.readme import ARCHITECTURE, OPERATING, PAGES, README, README_ZH, with_tables

README_LIMIT = 9 * 1024
DOCUMENTS = sorted(README.parent.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tables = PAGES[page]
    assert all(f"<!-- /{name} -->" in text for name in tables)
    assert with_tables(text, tables) == text, "run `python -m tests.tools.readme`"


def test_every_command_of_the_command_line_is_described() -> None:
    text = OPERATING.read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `kexue-bot (\S+?)[ `]", text, re.MULTILINE))
    assert described == set(main.commands)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_settings_that_are_named_exist(page: Path) -> None:
    others = {"COMPOSE_FILE"}
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", page.read_text(encoding="utf-8")))
    assert named - others <= {setting.name.upper() for setting in fields(Settings)}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_links_to_files_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_picture_shows_what_is_there() -> None:
    """Every file and folder it names exists, and every arrow joins two things that it draws."""
    (picture,) = re.findall(r"```mermaid\n(.*?)```", ARCHITECTURE.read_text(encoding="utf-8"), re.DOTALL)
    named = set(re.findall(r"\b(?:bot|storage)(?:/\w+)*(?:\.py)?", picture))
    assert len(named) > 15
    assert [name for name in sorted(named) if not (README.parent / name).exists()] == []
    drawn = set(re.findall(r"(\w+)(?:\[|\(|\{)", picture))
    ends = re.findall(r"^ *(\w+)\S*.*?(?:-->|==>|-\.->|<-->)(?:\|[^|]*\|)? *(\w+)", picture, re.MULTILINE)
    assert len(ends) > 15
    assert {end for pair in ends for end in pair} <= drawn


@pytest.mark.parametrize("page", [README, README_ZH], ids=lambda page: page.name)
def test_the_readme_is_short_and_begins_with_the_two_commands(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) <= README_LIMIT
    assert "make demo" in text[:1200]
    assert "make test" in text[:1200]

"""What the README says of commands, settings and the command line is what the code says."""

import re

from bot.cli import main
from bot.settings import Settings
from tests.tools.readme import README, with_tables

TEXT = README.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert with_tables(TEXT) == TEXT, "run `python -m tests.tools.readme`"


def test_every_command_of_the_command_line_is_described() -> None:
    described = set(re.findall(r"^\| `kexue-bot (\S+?)[ `]", TEXT, re.MULTILINE))
    assert described == set(main.commands)


def test_settings_that_are_named_exist() -> None:
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", TEXT))
    assert named <= {name.upper() for name in Settings.model_fields}


def test_the_picture_shows_what_is_there() -> None:
    """Every file and folder it names exists, and every arrow joins two things that it draws."""
    (picture,) = re.findall(r"```mermaid\n(.*?)```", TEXT, re.DOTALL)
    named = set(re.findall(r"\b(?:bot|storage)(?:/\w+)*(?:\.py)?", picture))
    assert len(named) > 15
    assert [name for name in sorted(named) if not (README.parent / name).exists()] == []
    drawn = set(re.findall(r"(\w+)(?:\[|\(|\{)", picture))
    ends = re.findall(r"^ *(\w+)\S*.*?(?:-->|==>|-\.->|<-->)(?:\|[^|]*\|)? *(\w+)", picture, re.MULTILINE)
    assert len(ends) > 15
    assert {end for pair in ends for end in pair} <= drawn


def test_the_two_commands_stand_on_the_first_screen() -> None:
    first = TEXT[:1200]
    assert "make demo" in first
    assert "make test" in first

"""What the README says of commands, settings and the command line is what the code says."""

import re

from bot.cli import main
from bot.settings import Settings
from tests.readme import README, with_tables

TEXT = README.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert with_tables(TEXT) == TEXT, "run `python -m tests.readme`"


def test_every_command_of_the_command_line_is_described() -> None:
    described = set(re.findall(r"^\| `kexue-bot (\S+?)[ `]", TEXT, re.MULTILINE))
    assert described == set(main.commands)


def test_settings_that_are_named_exist() -> None:
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", TEXT))
    assert named <= {name.upper() for name in Settings.model_fields}


def test_the_two_commands_stand_on_the_first_screen() -> None:
    first = TEXT[:1200]
    assert "make demo" in first
    assert "make test" in first

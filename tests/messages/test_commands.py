"""The declared commands fit Telegram's menu, /help and the README."""

import re

import pytest

from bot.messages.commands import COMMANDS, Command, Where, markdown_table, menu, operator_menu
from bot.messages.help import help_page
from bot.messages.i18n import LANGUAGES, words_for
from bot.render.plain import plain


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_is_one_telegram_accepts(command: Command) -> None:
    assert re.fullmatch(r"[a-z0-9_]{1,32}", command.name)
    for language in LANGUAGES:
        assert 1 <= len(command.description(language)) <= 256
    assert bool(command.arguments[0]) == bool(command.arguments[1])


def test_names_are_distinct() -> None:
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)


@pytest.mark.parametrize("where", Where)
def test_no_public_menu_shows_the_operators_commands(where: Where) -> None:
    own = {command.name for command in COMMANDS if command.admin}
    assert own == {"status", "dumps", "retry", "broadcast", "release"}
    assert own.isdisjoint(name for name, _ in menu("zh", where))
    assert own <= {name for name, _ in operator_menu("zh")}


def test_a_group_is_not_offered_what_only_administrators_may_do() -> None:
    offered = {name for name, _ in menu("en", Where.GROUP)}
    assert "subscribe" not in offered
    assert "subscribe" in {name for name, _ in menu("en", Where.ADMIN)}
    assert "search" in offered


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_names_every_command_of_a_reader(language: str) -> None:
    said = plain(help_page(words_for(language)).body)
    for command in COMMANDS:
        assert (f"/{command.name} " in said) == (Where.PRIVATE in command.where)
    assert "/status " in plain(help_page(words_for(language), operator=True).body)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_has_a_row_for_each_command(language: str) -> None:
    rows = markdown_table(language).splitlines()
    assert len(rows) == len(COMMANDS) + 2
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 3

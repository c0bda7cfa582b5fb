"""The declared commands fit Telegram's menu, /help and the README."""

import re

import pytest

from bot.messages.commands import (
    CLIENTS,
    COMMANDS,
    Audience,
    Command,
    Label,
    Labelled,
    Menu,
    Where,
    menu,
    operator_menu,
    profile,
    removed,
)
from bot.messages.help import help_page
from bot.messages.i18n import LANGUAGES, words_for
from bot.render.html import plain
from bot.text_sanitizer import units
from tests.tools.readme import commands_table


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
    rows = commands_table(language).splitlines()
    assert len(rows) == len(COMMANDS) + 2
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 3


MOST = {Label.NAME: 64, Label.DESCRIPTION: 512, Label.SHORT_DESCRIPTION: 120}


def test_every_line_is_there_for_every_client_and_fits() -> None:
    lines = [entry for entry in profile() if isinstance(entry, Labelled)]
    assert {(entry.label, entry.client) for entry in lines} == {
        (label, client) for label in Label for client, _ in CLIENTS
    }
    assert all(1 <= units(entry.text) <= MOST[entry.label] for entry in lines)


def test_keys_are_distinct() -> None:
    entries = profile((900, -100))
    assert len({entry.key for entry in entries}) == len(entries)


@pytest.mark.parametrize(
    ("audience", "offered", "kept_back"),
    [
        (Audience.ALL, "latest", "subscribe"),
        (Audience.PRIVATE, "subscribe", "status"),
        (Audience.GROUPS, "search", "subscribe"),
        (Audience.ADMINISTRATORS, "subscribe", "status"),
    ],
)
def test_a_place_is_offered_what_can_be_used_there(audience: Audience, offered: str, kept_back: str) -> None:
    menus = [entry for entry in profile((900,)) if isinstance(entry, Menu) and entry.audience is audience]
    assert len(menus) == len(CLIENTS)
    for shown in menus:
        names = {name for name, _ in shown.commands}
        assert offered in names
        assert kept_back not in names


def test_only_an_operators_chat_is_offered_the_operators_commands() -> None:
    with_status = {
        entry.chat_id
        for entry in profile((900, -100))
        if isinstance(entry, Menu) and "status" in dict(entry.commands)
    }
    assert with_status == {900, -100}


@pytest.mark.parametrize("chat_id", [900, -1001234567890])
def test_a_former_operators_menu_is_known_by_its_key(chat_id: int) -> None:
    (menu, *_) = [entry for entry in profile((chat_id,)) if isinstance(entry, Menu) and entry.chat_id]
    assert removed(menu.key) == Menu(audience=Audience.CHAT, client=menu.client, commands=(), chat_id=chat_id)


@pytest.mark.parametrize("key", ["", "name/zh", "default:/zh", "chat:/zh", "chat:x/zh"])
def test_nothing_else_is_ever_removed(key: str) -> None:
    assert removed(key) is None

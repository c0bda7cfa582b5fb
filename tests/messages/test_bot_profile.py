"""The bot's profile fits Telegram's limits and offers each place what can be used there."""

import pytest

from bot.messages.bot_profile import CLIENTS, Audience, Label, Labelled, Menu, profile, removed
from bot.text_sanitizer import units

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
    for menu in menus:
        names = {name for name, _ in menu.commands}
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

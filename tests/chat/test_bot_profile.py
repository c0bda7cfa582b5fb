"""Bot profile at a start: published once, then only changes; a refusal stops nothing."""

import asyncio
import json
from typing import Any

import pytest_asyncio

from bot.chat.bot_profile import changes, digest
from bot.messages.commands import profile
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import error
from tests.tools.databases import empty

METHODS = ("setMyCommands", "setMyName", "setMyDescription", "setMyShortDescription", "deleteMyCommands")


def _told(telegram: FakeTelegram) -> int:
    return sum(len(telegram.calls(method)) for method in METHODS)


def _menu(telegram: FakeTelegram, scope: dict[str, Any], client: str) -> list[str]:
    found = telegram.world.profile.get((f"commands {json.dumps(scope, sort_keys=True)}", client), [])
    return [command["command"] for command in found]


async def _done(bot: WholeBot) -> None:
    """Publish the whole profile."""
    while bot.service.supervisor.alive("profile"):
        await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def unknown(resting_bot: WholeBot) -> WholeBot:
    """A bot with an unpublished profile; it does not run."""
    resting_bot.filled = empty
    return resting_bot


def test_what_telegram_knows_is_not_told_again() -> None:
    known = {entry.key: digest(entry) for entry in profile((900,))}
    assert changes(known, (900,)) == []
    assert {entry.key for entry in changes(known | {"name/zh": "another"}, (900,))} == {"name/zh"}
    assert {entry.key for entry in changes(known, ())} == {"chat:900/", "chat:900/zh"}


async def test_the_first_start_tells_everything(unknown: WholeBot, telegram: FakeTelegram) -> None:
    await unknown.starts()
    await _done(unknown)
    assert telegram.world.profile["name", "zh"] == "跟读科学空间"
    assert telegram.world.profile["name", ""] == "Scientific Spaces Reader"
    assert "subscribe" in _menu(telegram, {"type": "all_private_chats"}, "zh")
    assert "subscribe" not in _menu(telegram, {"type": "all_group_chats"}, "")
    assert "status" in _menu(telegram, {"type": "chat", "chat_id": OPERATOR}, "zh")
    assert _told(telegram) == len(profile((OPERATOR,)))


async def test_the_next_start_tells_nothing(unknown: WholeBot, telegram: FakeTelegram) -> None:
    await unknown.starts()
    await _done(unknown)
    before = _told(telegram)
    await unknown.restarts()
    await _done(unknown)
    assert _told(telegram) == before


async def test_the_bots_of_the_other_tests_are_introduced(bot: WholeBot, telegram: FakeTelegram) -> None:
    await _done(bot)
    assert _told(telegram) == 0


async def test_a_refusal_stops_nothing_and_is_tried_again(unknown: WholeBot, telegram: FakeTelegram) -> None:
    bot = unknown
    telegram.answers(
        "setMyName", error(429, "Too Many Requests: retry after 86400", retry_after=86400), always=True
    )
    await bot.starts()
    await _done(bot)
    assert ("name", "zh") not in telegram.world.profile
    assert "latest" in _menu(telegram, {"type": "default"}, "")
    assert (await bot.says("/help")).text
    telegram.recovers()
    before = _told(telegram)
    await bot.restarts()
    await _done(bot)
    assert telegram.world.profile["name", "zh"] == "跟读科学空间"
    assert _told(telegram) == before + 2


async def test_who_is_no_operator_any_more_loses_the_menu(unknown: WholeBot, telegram: FakeTelegram) -> None:
    bot = unknown
    await bot.starts()
    await _done(bot)
    bot.settings["admin_chat_ids"] = (901,)
    await bot.restarts()
    await _done(bot)
    assert _menu(telegram, {"type": "chat", "chat_id": OPERATOR}, "zh") == []
    assert "status" in _menu(telegram, {"type": "chat", "chat_id": 901}, "zh")

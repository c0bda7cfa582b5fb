"""Calls attached to the webhook's response under load; none is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.telegram import webhook
from bot.telegram.webhook import SECRET_HEADER, attach, serve_webhook
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import READER, FakeTelegram
from tests.telegram.test_webhook import SECRET, free_port

CALL = {"method": "answerCallbackQuery", "callback_query_id": "9"}
OTHER = CALL | {"text": "no"}


class Toaster:
    """Handle updates with calls that can be attached; record the calls made directly."""

    def __init__(self) -> None:
        self.took: list[bool] = []
        self.called = asyncio.Event()

    async def itself(self) -> None:
        self.called.set()

    def toast(self, call: Mapping[str, object]) -> None:
        self.took.append(attach(call, self.itself))


async def brought(handle: Callable[[], Coroutine[Any, Any, bool]]) -> tuple[int, Any]:
    """An update is brought to a webhook; the status, and the call that came with it."""

    async def handled(_: Mapping[str, Any]) -> bool:
        async with asyncio.TaskGroup() as group:  # as in the bot, the handling is a task of its own
            task = group.create_task(handle())
        return task.result()

    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    async with (
        serve_webhook(handled, url=url, secret=SECRET, host="127.0.0.1", port=port),
        aiohttp.ClientSession(headers={SECRET_HEADER: SECRET}) as session,
        session.post(url, json={"update_id": 1}) as answer,
    ):
        carried = answer.content_type == "application/json"
        return answer.status, await answer.json() if carried else None


async def toasted(toaster: Toaster, *calls: Mapping[str, object], good: bool = True) -> tuple[int, Any]:
    """An update is brought whose handling makes these calls, and ends well or not."""

    async def handle() -> bool:
        for call in calls:
            toaster.toast(call)
        return good

    return await brought(handle)


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few come, they are many."""
    monkeypatch.setattr(webhook, "CROWD", 0)


@pytest.mark.usefixtures("crowd")
async def test_in_a_crowd_it_goes_with_the_response() -> None:
    toaster = Toaster()
    assert await toasted(toaster, CALL) == (200, CALL)
    assert (toaster.took, toaster.called.is_set()) == ([True], False)


async def test_for_one_alone_it_is_called_at_once() -> None:
    toaster = Toaster()
    assert await toasted(toaster, CALL) == (200, None)
    assert toaster.took == [False]


@pytest.mark.usefixtures("crowd")
async def test_a_later_one_takes_the_place() -> None:
    toaster = Toaster()
    assert await toasted(toaster, CALL, OTHER) == (200, OTHER)
    assert not toaster.called.is_set()


@pytest.mark.usefixtures("crowd")
async def test_without_a_good_response_it_is_called() -> None:
    toaster = Toaster()
    assert await toasted(toaster, CALL, good=False) == (503, None)
    assert toaster.called.is_set()


@pytest.mark.usefixtures("crowd")
async def test_where_the_response_takes_long_it_is_called_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PROMPT_SECONDS", 0.05)
    toaster = Toaster()

    async def handle() -> bool:
        toaster.toast(CALL)
        await toaster.called.wait()
        toaster.toast(OTHER)
        return True

    assert await brought(handle) == (200, None)
    assert toaster.took == [True, False]


@pytest_asyncio.fixture
async def called(telegram: FakeTelegram, tmp_path: Path, crowd: None) -> AsyncIterator[WholeBot]:
    """A bot that many updates are brought to."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/telegram"
    bot = WholeBot(telegram, tmp_path, webhook_url=url, webhook_host="127.0.0.1", webhook_port=port)
    await bot.starts()
    yield bot
    await bot.stops()


@pytest.mark.usefixtures("called")
async def test_a_pressed_button_is_answered(telegram: FakeTelegram) -> None:
    telegram.user_says("/settings")
    shown = await telegram.message(READER)
    pressed = telegram.sends_data(shown, "nobody's data")
    assert "text" in await telegram.answer(pressed)
    assert [call.carried for call in telegram.calls("answerCallbackQuery")] == [True]

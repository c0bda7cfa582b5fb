"""Webhook updates: handled once by the whole bot, and only with the secret."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from telegram import Bot

from bot.telegram import webhook
from bot.telegram.webhook import AT_ONCE, LARGEST, SECRET_HEADER, serve_webhook
from bot.update_receiver import UnreadableUpdateError, update_from
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import READER, FakeTelegram
from tests.fakes.replies import Delay

SECRET = "s3cret"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("secret", "body", "status"),
    [
        (SECRET, b'{"update_id": 1}', 200),
        ("", b'{"update_id": 1}', 401),
        ("wrong", b'{"update_id": 1}', 401),
        (SECRET, b"no json", 400),
        (SECRET, b'[{"update_id": 1}]', 400),
        (SECRET, b'{"update_id": "1"}', 400),
        (SECRET, b'{"update_id": true}', 400),
        (SECRET, b'{"update_id": 1, "x": ' + b"[" * 100_000, 400),
        (SECRET, b"\xff\xfe", 400),
        (SECRET, b" " * (LARGEST + 1), 413),
    ],
)
async def test_who_may_bring_what(secret: str, body: bytes, status: int) -> None:
    handled: list[Mapping[str, Any]] = []

    async def handle(update: Mapping[str, Any]) -> bool:
        handled.append(update)
        return True

    port = free_port()
    url = f"http://127.0.0.1:{port}/telegram"
    async with (
        serve_webhook(handle, url=url, secret=SECRET, host="127.0.0.1", port=port),
        aiohttp.ClientSession(headers={SECRET_HEADER: secret}) as session,
    ):
        async with session.post(url, data=io.BytesIO(body)) as answer:
            assert answer.status == status
        async with session.get(url) as answer:
            assert answer.status == 405
    assert len(handled) == (status == 200)


async def test_too_much_at_once_is_asked_to_come_again() -> None:
    begun, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def handle(_: Mapping[str, Any]) -> bool:
        begun.release()
        await go_on.wait()
        return True

    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        serve_webhook(handle, url=url, secret=SECRET, host="127.0.0.1", port=port),
        aiohttp.ClientSession(headers={SECRET_HEADER: SECRET}, connector=connector) as session,
        asyncio.TaskGroup() as group,
    ):
        for number in range(AT_ONCE):
            group.create_task(post(session, url, number))
        for _ in range(AT_ONCE):
            await begun.acquire()
        assert await post(session, url, AT_ONCE) == 503
        go_on.set()


async def post(session: aiohttp.ClientSession, url: str, number: int) -> int:
    async with session.post(url, json={"update_id": number}) as answer:
        return answer.status


@pytest.mark.parametrize(
    "update",
    [
        pytest.param({"update_id": 7, "message": 5}, id="no message"),
        pytest.param({"update_id": 7, "callback_query": {"from": {"id": 5}}}, id="half a query"),
        pytest.param(
            {"update_id": 7, "message": {"message_id": "x", "date": [], "chat": {}}}, id="wrong kinds"
        ),
    ],
)
def test_an_update_that_telegram_never_sends_is_passed_over(
    update: dict[str, Any],
) -> None:
    with pytest.raises(UnreadableUpdateError, match="Error, "):
        update_from(update, Bot("1:token"))


@pytest_asyncio.fixture
async def called(telegram: FakeTelegram, tmp_path: Path) -> AsyncIterator[WholeBot]:
    """A bot that Telegram brings updates to."""
    port = free_port()
    bot = WholeBot(
        telegram,
        tmp_path,
        webhook_url=f"http://127.0.0.1:{port}/telegram",
        webhook_host="127.0.0.1",
        webhook_port=port,
        webhook_secret=SECRET,
    )
    await bot.starts()
    yield bot
    await bot.stops()


async def test_the_whole_bot_answers_what_is_brought(telegram: FakeTelegram, called: WholeBot) -> None:
    telegram.user_says("/help")
    assert "/series" in (await telegram.message(1001)).text
    assert telegram.calls("getUpdates") == []


async def brought(bot: WholeBot, number: int, text: str) -> int:
    """Telegram brings this update; what it hears."""
    chat = {"id": READER, "type": "private", "first_name": "A reader"}
    entities = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
    message = {"message_id": number, "date": 1, "chat": chat, "text": text, "entities": entities}
    message["from"] = {"id": READER, "is_bot": False, "first_name": "A reader", "language_code": "zh"}
    update = {"update_id": number, "message": message}
    headers = {SECRET_HEADER: SECRET}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(str(bot.settings["webhook_url"]), json=update) as answer,
    ):
        return answer.status


@pytest.mark.both_databases
async def test_what_is_brought_twice_has_its_effect_once(telegram: FakeTelegram, called: WholeBot) -> None:
    """Telegram did not hear that it was taken; meanwhile the reader thought again, and the bot restarted."""
    telegram.opens(READER)
    for number, text in ((700, "/subscribe all"), (701, "/latest"), (702, "/unsubscribe")):
        assert await brought(called, number, text) == 200
    await called.restarts()
    for number, text in ((700, "/subscribe all"), (701, "/latest")):
        assert await brought(called, number, text) == 200
    assert len(telegram.messages(READER)) == 3
    to = await called.standing(READER)
    assert to is not None
    assert await called.database.read(lambda tx: tx.destinations.subscriptions(to.id)) == []


async def test_it_is_said_to_be_taken_only_when_it_is_answered(
    telegram: FakeTelegram, called: WholeBot
) -> None:
    telegram.opens(READER)
    telegram.answers("sendMessage", Delay(0.5))
    telegram.answers("sendRichMessage", Delay(0.5))
    assert await brought(called, 700, "/help") == 200
    assert len(telegram.messages(READER)) == 1


async def test_a_stop_waits_for_what_is_being_answered(telegram: FakeTelegram, called: WholeBot) -> None:
    telegram.opens(READER)
    telegram.answers("sendMessage", Delay(0.5))
    telegram.answers("sendRichMessage", Delay(0.5))
    async with asyncio.TaskGroup() as group:
        bringing = group.create_task(brought(called, 700, "/help"))
        await asyncio.sleep(0.2)
        await called.stops()
    assert bringing.result() == 200
    assert len(telegram.messages(READER)) == 1


async def test_what_takes_long_is_answered_once_however_often_it_is_brought(
    telegram: FakeTelegram, called: WholeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "HANDLING_SECONDS", 0.1)
    telegram.opens(READER)
    telegram.answers("sendMessage", Delay(0.5))
    telegram.answers("sendRichMessage", Delay(0.5))
    said = [await brought(called, 700, "/help")]
    while said[-1] != 200:
        said.append(await brought(called, 700, "/help"))
    assert set(said) == {200, 503}
    assert len(telegram.messages(READER)) == 1

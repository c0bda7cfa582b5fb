"""Updates brought by Telegram: handled once, by the whole bot, and only for who knows the secret."""

import asyncio
import io
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from telegram import Bot

from bot.hearing import update_from
from bot.telegram.webhook import AT_ONCE, LARGEST, SECRET_HEADER, listening
from tests.fakes import FakeTelegram
from tests.wholebot import WholeBot

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
        listening(handle, url=url, secret=SECRET, host="127.0.0.1", port=port),
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
        listening(handle, url=url, secret=SECRET, host="127.0.0.1", port=port),
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
    update: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert update_from(update, Bot("1:token")) is None
    assert "update 7" in caplog.text


async def test_the_whole_bot_answers_what_is_brought(telegram: FakeTelegram, tmp_path: Path) -> None:
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
    try:
        telegram.user_says("/help")
        assert "/series" in (await telegram.message(1001)).text
        assert telegram.calls("getUpdates") == []
    finally:
        await bot.stops()

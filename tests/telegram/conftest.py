"""A fake Telegram and the bot's wire to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.request import BaseRequest

from bot.telegram.http_request import AiohttpRequest
from tests.fakes.people import FakeTelegram

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def durations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the library warns of its own future at every flood."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


def keyboard(*buttons: dict[str, Any]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(**button) for button in buttons]])


def bot_over(wire: BaseRequest, base: str, token: str = "1:x") -> Bot:
    """The library's bot with one wire for everything: one of its own making reads all authorities."""
    return Bot(token, base, request=wire, get_updates_request=wire)


@pytest_asyncio.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    wire = AiohttpRequest(connections=4, read_timeout=5.0)
    polls = AiohttpRequest(connections=1, read_timeout=5.0)
    async with Bot(telegram.token, telegram.url, request=wire, get_updates_request=polls) as bot:
        yield bot


@asynccontextmanager
async def listener(talk: Talk) -> AsyncIterator[int]:
    """The port of a server that says on each connection what `talk` says."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()

"""A fake Telegram and the bot's wire to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from telegram import Bot
from telegram.request import BaseRequest

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def durations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the library warns of its own future at every flood."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


def bot_over(wire: BaseRequest, base: str, token: str = "1:x") -> Bot:
    """The library's bot with one wire for everything: one of its own making reads all authorities."""
    return Bot(token, base, request=wire, get_updates_request=wire)


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

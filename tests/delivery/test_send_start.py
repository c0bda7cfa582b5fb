"""A request is written down as begun when its first byte goes: not while it waits, not when it cannot go."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from telegram import Bot

from bot.delivery.worker import begins
from bot.telegram.http_request import AiohttpRequest, NotSentError
from bot.telegram.send_gate import departs
from storage.model import DeliveryId
from storage.send_log import BegunLog, Left
from tests.fakes.people import READER, FakeTelegram

CLAIM = (DeliveryId(7), "token")


@dataclass
class Paced:
    """Notes what was begun when it was asked; lets the request leave unless it is refusing."""

    begun: BegunLog
    refusing: bool = False
    asked: Left | None = None
    gone: bool = False

    async def leaves(self) -> None:
        self.asked = self.begun.read()
        if self.refusing:
            raise ConnectionAbortedError("not now")

    def left(self) -> None:
        self.gone = True


@pytest.fixture
def begun(tmp_path: Path) -> BegunLog:
    log = BegunLog(tmp_path / "begun")
    log.start_over()
    return log


async def send(url: str, begun: BegunLog, paced: Paced) -> None:
    async with AiohttpRequest(connections=1, read_timeout=5.0) as wire:
        bot = Bot("1:" + "b" * 35, f"{url}/bot", request=wire)
        departs(paced)
        begins(begun, *CLAIM)
        await bot.send_message(READER, "hello")


async def test_what_leaves_was_begun_just_before(telegram: FakeTelegram, begun: BegunLog) -> None:
    paced = Paced(begun)
    async with AiohttpRequest(connections=1, read_timeout=5.0) as wire:
        bot = Bot(telegram.token, f"{telegram.server}/bot", request=wire)
        departs(paced)
        begins(begun, *CLAIM)
        await bot.send_message(READER, "hello")
    assert paced.asked == Left(), "the pace is asked first"
    assert paced.gone
    assert begun.read() == Left(frozenset({CLAIM}))


async def test_what_has_no_connection_was_not_begun(begun: BegunLog) -> None:
    paced = Paced(begun)
    with pytest.raises(NotSentError):
        await send("http://127.0.0.1:9", begun, paced)
    assert paced.asked is None
    assert begun.read() == Left()


async def test_what_may_not_leave_after_all_was_not_begun(telegram: FakeTelegram, begun: BegunLog) -> None:
    with pytest.raises(NotSentError):
        await send(telegram.server, begun, Paced(begun, refusing=True))
    assert begun.read() == Left()

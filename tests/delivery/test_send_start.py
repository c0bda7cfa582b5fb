"""A request is written down as begun when its first byte goes: not while it waits, not when it cannot go."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from telegram import Bot

from bot.delivery.worker import record_send_start
from bot.telegram.http_request import AiohttpRequest, NotSentError
from bot.telegram.send_gate import departs
from storage.model import DeliveryId
from storage.send_log import SendLog, SendLogSnapshot
from tests.fakes.people import READER, FakeTelegram

CLAIM = (DeliveryId(7), "token")


@dataclass
class Paced:
    """Notes what was begun when it was asked; lets the request leave unless it is refusing."""

    begun: SendLog
    refusing: bool = False
    asked: SendLogSnapshot | None = None
    gone: bool = False

    async def acquire(self) -> None:
        self.asked = self.begun.read()
        if self.refusing:
            raise ConnectionAbortedError("not now")

    def mark_sent(self) -> None:
        self.gone = True


@pytest.fixture
def begun(tmp_path: Path) -> SendLog:
    log = SendLog(tmp_path / "begun")
    log.reset()
    return log


async def send(url: str, begun: SendLog, paced: Paced) -> None:
    async with AiohttpRequest(connections=1, read_timeout=5.0) as wire:
        bot = Bot("1:" + "b" * 35, f"{url}/bot", request=wire)
        departs(paced)
        record_send_start(begun, *CLAIM)
        await bot.send_message(READER, "hello")


async def test_what_leaves_was_begun_just_before(telegram: FakeTelegram, begun: SendLog) -> None:
    paced = Paced(begun)
    async with AiohttpRequest(connections=1, read_timeout=5.0) as wire:
        bot = Bot(telegram.token, f"{telegram.server}/bot", request=wire)
        departs(paced)
        record_send_start(begun, *CLAIM)
        await bot.send_message(READER, "hello")
    assert paced.asked == SendLogSnapshot(), "the pace is asked first"
    assert paced.gone
    assert begun.read() == SendLogSnapshot(frozenset({CLAIM}))


async def test_what_has_no_connection_was_not_begun(begun: SendLog) -> None:
    paced = Paced(begun)
    with pytest.raises(NotSentError):
        await send("http://127.0.0.1:9", begun, paced)
    assert paced.asked is None
    assert begun.read() == SendLogSnapshot()


async def test_what_may_not_leave_after_all_was_not_begun(telegram: FakeTelegram, begun: SendLog) -> None:
    with pytest.raises(NotSentError):
        await send(telegram.server, begun, Paced(begun, refusing=True))
    assert begun.read() == SendLogSnapshot()

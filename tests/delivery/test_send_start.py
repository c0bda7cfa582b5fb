"""The send log records a request when its first byte is written: not while it waits, not when refused."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from telegram import Bot

from bot.delivery.messenger import Address, TelegramMessenger
from bot.delivery.worker import LoggedSendGate
from bot.render import render
from bot.render.document import Message, Paragraph, Text
from bot.telegram.http_request import AiohttpRequest, SlotExpiredError
from storage.model import DeliveryId, Form, Outcome, Pause, RetryLater, Sent
from storage.send_log import SendLog, SendLogSnapshot
from tests.fakes.people import READER, FakeTelegram

CLAIM = (DeliveryId(7), "token")
HELLO = render(Message(body=(Paragraph((Text("hello"),)),)), Form.PLAIN)


@dataclass
class Slot:
    """Keeps what the log held when it was asked; `error` refuses the request."""

    send_log: SendLog
    error: Exception | None = None
    logged: SendLogSnapshot | None = None
    sent: bool = False

    async def acquire(self) -> None:
        self.logged = self.send_log.read()
        if self.error is not None:
            raise self.error

    def mark_sent(self) -> None:
        self.sent = True


@pytest.fixture
def send_log(tmp_path: Path) -> SendLog:
    log = SendLog(tmp_path / "begun")
    log.reset()
    return log


async def send(url: str, token: str, slot: Slot) -> Outcome:
    async with AiohttpRequest(connections=1, read_timeout=5.0) as request:
        messenger = TelegramMessenger(Bot(token, f"{url}/bot", request=request))
        return await messenger.send(
            Address(chat_id=READER), HELLO, gate=LoggedSendGate(slot, slot.send_log, *CLAIM)
        )


async def test_a_sent_request_was_logged_just_before(telegram: FakeTelegram, send_log: SendLog) -> None:
    slot = Slot(send_log)
    assert isinstance(await send(telegram.server, telegram.token, slot), Sent)
    assert slot.logged == SendLogSnapshot(), "the slot is asked first"
    assert slot.sent
    assert send_log.read() == SendLogSnapshot(frozenset({CLAIM}))


async def test_a_request_without_a_connection_is_not_logged(send_log: SendLog) -> None:
    slot = Slot(send_log)
    outcome = await send("http://127.0.0.1:9", "1:" + "b" * 35, slot)
    assert isinstance(outcome, RetryLater)
    assert outcome.pause is Pause.BOT
    assert slot.logged is None
    assert send_log.read() == SendLogSnapshot()


@pytest.mark.parametrize(
    ("error", "pause"),
    [(SlotExpiredError("its slot has passed"), Pause.NONE), (OSError("disk full"), Pause.BOT)],
)
async def test_a_refused_request_is_not_logged(
    telegram: FakeTelegram, send_log: SendLog, error: Exception, pause: Pause
) -> None:
    """An expired slot postpones the request alone."""
    outcome = await send(telegram.server, telegram.token, Slot(send_log, error=error))
    assert isinstance(outcome, RetryLater)
    assert outcome.pause is pause
    assert send_log.read() == SendLogSnapshot()

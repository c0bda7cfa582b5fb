"""The wire: connections are kept, a request is sent once, the token stays inside."""

import asyncio
import json
import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from gzip import compress
from typing import Any

import aiohttp
import pytest
from telegram.error import NetworkError, TelegramError, TimedOut

from bot.delivery.messenger import Address, TelegramMessenger
from bot.telegram.http_request import (
    LONGEST_RETRY_AFTER,
    UNNAMED_RETRY_AFTER,
    AiohttpRequest,
    NotSentError,
    normalized,
    ready,
)
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import Reply, cut_after, delay, page
from tests.telegram.conftest import bot_over, listener

YES = b'{"ok":true,"result":true}'
SAID = b"HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n" + YES


class Heard:
    """A server that counts connections and requests, and answers at most `answers` requests of each."""

    def __init__(self, answers: int, says: bytes = SAID) -> None:
        self.connections = 0
        self.requests = 0
        self.head = b""
        self._answers = answers
        self._says = says

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for index in range(self._answers + 1):
            try:
                self.head = head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            length = next(
                int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")
            )
            await reader.readexactly(length)
            self.requests += 1
            if index < self._answers:
                writer.write(self._says)
                await writer.drain()


async def test_keeps_its_connection() -> None:
    heard = Heard(answers=9)
    async with listener(heard.talk) as port, AiohttpRequest(connections=4, read_timeout=5.0) as wire:
        bot = bot_over(wire, f"http://127.0.0.1:{port}/bot")
        for _ in range(5):
            assert await bot.leave_chat(7)
    assert (heard.connections, heard.requests) == (1, 5)


async def test_never_repeats_a_request_on_a_connection_that_died() -> None:
    assert "POST" not in aiohttp.client.IDEMPOTENT_METHODS
    heard = Heard(answers=1)
    async with listener(heard.talk) as port, AiohttpRequest(connections=4, read_timeout=5.0) as wire:
        bot = bot_over(wire, f"http://127.0.0.1:{port}/bot")
        assert await bot.leave_chat(7)
        with pytest.raises(NetworkError) as broken:
            await bot.leave_chat(7)
    assert not isinstance(broken.value, NotSentError)
    assert (heard.connections, heard.requests) == (1, 2)


class Asked:
    """Lets a request leave after some time, or not at all; keeps what the server had heard at each moment."""

    def __init__(self, heard: Heard, *, refusing: bool = False) -> None:
        self._heard = heard
        self._refusing = refusing
        self.moments: list[tuple[str, int, int]] = []

    async def acquire(self) -> None:
        await asyncio.sleep(0.05)
        self.moments.append(("leaves", self._heard.connections, self._heard.requests))
        if self._refusing:
            raise RuntimeError("not any more")

    def mark_sent(self) -> None:
        self.moments.append(("left", self._heard.connections, self._heard.requests))


async def test_asks_when_the_connection_is_there_and_only_for_the_next_request() -> None:
    heard = Heard(answers=9)
    asked = Asked(heard)
    async with listener(heard.talk) as port, AiohttpRequest(connections=4, read_timeout=5.0) as wire:
        url = f"http://127.0.0.1:{port}/bot/leaveChat"
        assert await wire.post(url, ready(b"{}", asked))
        assert await wire.post(url, ready(b"{}"))
    assert asked.moments == [("leaves", 1, 0), ("left", 1, 0)]
    assert heard.requests == 2


async def test_what_may_not_leave_any_more_was_surely_not_sent() -> None:
    heard = Heard(answers=9)
    async with listener(heard.talk) as port, AiohttpRequest(connections=4, read_timeout=5.0) as wire:
        gate = Asked(heard, refusing=True)
        with pytest.raises(NotSentError):
            await wire.post(f"http://127.0.0.1:{port}/bot/leaveChat", ready(b"{}", gate))
    assert heard.requests == 0


async def test_a_connection_that_closed_while_the_request_waited_took_nothing_with_it() -> None:
    """Only of what was written may it be unknown whether Telegram saw it."""
    closing = asyncio.Event()

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await closing.wait()

    class Closes(Asked):
        async def acquire(self) -> None:
            closing.set()
            await super().acquire()

    async with listener(close) as port, AiohttpRequest(connections=1, read_timeout=5.0) as wire:
        gate = Closes(Heard(answers=0))
        with pytest.raises(NotSentError, match="isconnect"):
            await wire.post(f"http://127.0.0.1:{port}/bot/leaveChat", ready(b"{}", gate))
    assert not gate.moments


@dataclass(frozen=True)
class Answering:
    """What a server says on one connection to each request, and what comes of two requests after another."""

    name: str
    says: bytes
    connections: int = 1
    fails: type[NetworkError] | None = None


PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n19\r\n" + YES + b"\r\n0\r\n\r\n"
SMALL = compress(YES)
PACKED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(SMALL) + SMALL
UNKNOWN = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 25\r\n\r\n" + YES
BADLY_PACKED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n" + YES
BROKEN_PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + YES + b"\r\n0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 25\r\n\r\n" + YES
ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    "case",
    [
        Answering("with its length", SAID),
        Answering("in pieces", PIECES),
        Answering("packed without being asked", PACKED),
        Answering("an interim answer", b"HTTP/1.1 103 Early Hints\r\n\r\n" + SAID),
        Answering("the last of the connection", LAST, connections=2),
        Answering("more answers than requests", SAID + SAID, connections=2),
        Answering("no HTTP", b"220 smtp ready\r\n\r\n", connections=2, fails=NetworkError),
        Answering("a redirect", ELSEWHERE, fails=NetworkError),
        Answering("pieces of a wrong length", BROKEN_PIECES, connections=2, fails=NetworkError),
        Answering("packed in a way that is not known", UNKNOWN, connections=2, fails=NetworkError),
        Answering("packed badly", BADLY_PACKED, connections=2, fails=NetworkError),
    ],
    ids=lambda case: case.name,
)
async def test_reads_answers_of_every_form(case: Answering) -> None:
    heard = Heard(answers=9, says=case.says)
    async with listener(heard.talk) as port, AiohttpRequest(connections=1, read_timeout=1.0) as wire:
        bot = bot_over(wire, f"http://127.0.0.1:{port}/bot")
        for _ in range(2):
            if case.fails is None:
                assert await bot.leave_chat(7)
                continue
            with pytest.raises(case.fails) as broken:
                await bot.leave_chat(7)
            assert not isinstance(broken.value, NotSentError | TimedOut)
    assert (heard.connections, heard.requests) == (case.connections, 2)


async def test_tells_a_proxy_where_to_and_who_asks() -> None:
    heard = Heard(answers=9)
    async with listener(heard.talk) as port:
        wire = AiohttpRequest(connections=1, read_timeout=5.0, proxy=f"http://u:p@127.0.0.1:{port}")
        async with wire:
            bot = bot_over(wire, "http://kexue.fm/bot")
            for _ in range(2):
                assert await bot.leave_chat(7)
    assert (heard.connections, heard.requests) == (1, 2)
    assert heard.head.startswith(b"POST http://kexue.fm/bot1:x/leaveChat HTTP/1.1\r\nHost: kexue.fm\r\n")
    assert b"\r\nProxy-Authorization: Basic dTpw\r\n" in heard.head


async def test_an_upload_asks_too(telegram: FakeTelegram) -> None:
    asked = Asked(Heard(answers=0))
    async with AiohttpRequest(connections=1, read_timeout=5.0) as wire:
        messenger = TelegramMessenger(bot_over(wire, telegram.url, telegram.token))
        await messenger.send_document(Address(chat_id=7), "x.txt", b"x", gate=asked)
    assert asked.moments == [("leaves", 0, 0)]


async def test_opens_lazily_and_again() -> None:
    wire = AiohttpRequest(connections=1, read_timeout=5.0)
    async with FakeTelegram() as telegram:
        bot = bot_over(wire, telegram.url, telegram.token)
        for _ in range(2):
            with pytest.raises(NotSentError, match="closed"):
                await bot.get_me()
            async with wire:
                await wire.initialize()
                assert (await bot.get_me()).username == "kexue_test_bot"


def test_takes_only_proxies_it_can_speak_to() -> None:
    with pytest.raises(ValueError, match="http") as refused:
        AiohttpRequest(connections=1, read_timeout=5.0, proxy="socks5://u:secret@h:1")
    assert "secret" not in str(refused.value)


def texts(error: BaseException | None) -> Iterator[str]:
    """Everything a log could make of an error and of those it is chained to."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), "".join(traceback.format_exception(error)))
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://127.0.0.1:1/bot", NotSentError),
        ("http:///bot", NotSentError),
        ("https://127.0.0.1:{port}/bot", NotSentError),
        ("http://127.0.0.1:{port}/bot", TimedOut),
    ],
)
async def test_no_error_tells_the_token(
    telegram: FakeTelegram, caplog: pytest.LogCaptureFixture, base: str, expected: type[TelegramError]
) -> None:
    async def deaf(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    caplog.set_level(logging.INFO)
    wire = AiohttpRequest(connections=1, read_timeout=0.2, connect_timeout=0.2, pool_timeout=0.2)
    async with listener(deaf) as port, wire:
        with pytest.raises(expected) as failed:
            await bot_over(wire, base.format(port=port), telegram.token).leave_chat(7)
    assert not [text for text in texts(failed.value) if telegram.token in text]
    assert telegram.token not in caplog.text


@pytest.mark.parametrize("reply", [cut_after, delay(3.0), page(502)], ids=str)
async def test_no_broken_answer_tells_the_token(telegram: FakeTelegram, reply: Reply) -> None:
    telegram.answers("leaveChat", reply)
    async with AiohttpRequest(connections=1, read_timeout=0.2) as wire:
        with pytest.raises(NetworkError) as failed:
            await bot_over(wire, telegram.url, telegram.token).leave_chat(7)
    assert not [text for text in texts(failed.value) if telegram.token in text]


async def test_an_answer_that_trickles_ends() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(200):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    wire = AiohttpRequest(connections=1, read_timeout=0.2, connect_timeout=0.1, pool_timeout=0.1)
    async with listener(trickle) as port, wire:
        with pytest.raises(TimedOut):
            await bot_over(wire, f"http://127.0.0.1:{port}/bot").leave_chat(7)


async def test_an_upload_has_more_time_than_its_answer(telegram: FakeTelegram) -> None:
    telegram.answers("sendPhoto", delay(0.5))
    async with AiohttpRequest(connections=1, read_timeout=0.2) as wire:
        bot = bot_over(wire, telegram.url, telegram.token)
        await bot.send_photo(7, b"\x89PNG", filename="图.png")
    assert [shown.upload for shown in telegram.messages()] == [b"\x89PNG"]


FLOOD: dict[str, Any] = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 8"}
UPGRADED: dict[str, Any] = {
    "ok": False,
    "error_code": 400,
    "description": "Bad Request: group chat was upgraded",
}
NO_SECONDS: tuple[object, ...] = ("x", 0, -3, None, [])
NO_CHAT: tuple[object, ...] = ("x", True, [], 5, -(10**30))
AFTERS = [
    (5, 5),
    ("7", 7),
    (2.5, 3),
    (10**30, LONGEST_RETRY_AFTER),
    *((odd, 8) for odd in NO_SECONDS),
]
MOVES = [(-100777, -100777), ("-100777", -100777), *((odd, None) for odd in NO_CHAT)]


@pytest.mark.parametrize("status", [200, 400, 429])
@pytest.mark.parametrize(("given", "seconds"), AFTERS, ids=str)
def test_a_flood_names_a_number_of_seconds(status: int, given: object, seconds: int) -> None:
    code, body = normalized(status, json.dumps(FLOOD | {"parameters": {"retry_after": given}}).encode())
    assert (code, json.loads(body)["parameters"]) == (429, {"retry_after": seconds})


@pytest.mark.parametrize("status", [200, 400, 403])
@pytest.mark.parametrize(("given", "chat_id"), MOVES, ids=str)
def test_a_group_moves_only_to_a_chat(status: int, given: object, chat_id: int | None) -> None:
    moved = {"migrate_to_chat_id": given}
    for answer in (UPGRADED | {"parameters": moved}, UPGRADED | moved):
        code, body = normalized(status, json.dumps(answer).encode())
        found = json.loads(body)["parameters"]
        assert (code, found) == (400, {"migrate_to_chat_id": chat_id} if chat_id else {})


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (200, {"ok": False, "description": "Forbidden: bot was blocked by the user"}, 403),
        (200, {"ok": False, "error_code": "403", "description": "Forbidden: bot was kicked"}, 403),
        (403, {"ok": False, "error_code": 99_999, "description": 5}, 403),
        (406, {"ok": False, "error_code": 406, "description": "CHANNEL_PRIVATE"}, 400),
        (408, {"ok": False, "error_code": 408, "description": "Request Timeout"}, 408),
        (429, {"ok": False, "error_code": 429, "description": "x", "parameters": None}, 429),
    ],
)
def test_a_refusal_has_the_code_that_it_means(status: int, answer: object, code: int) -> None:
    status, body = normalized(status, json.dumps(answer).encode())
    assert (status, json.loads(body)["error_code"]) == (code, code)
    if code == 429:
        assert json.loads(body)["parameters"] == {"retry_after": UNNAMED_RETRY_AFTER}


@pytest.mark.parametrize(
    ("status", "body", "header", "seconds"),
    [
        (429, json.dumps({"ok": False, "error_code": 429, "description": "x"}), "17", 17),
        (429, json.dumps(FLOOD), "17", 8),
        (420, json.dumps({"ok": False, "error_code": 420, "description": "FLOOD_WAIT_7"}), None, 7),
        (429, "<html>slow down</html>", "120", 120),
        (429, "", "99999999999", LONGEST_RETRY_AFTER),
        (429, "<html>slow down</html>", "0", None),
        (429, "<html>slow down</html>", "Mon, 30 Nov 2026 00:00:00 GMT", None),
        (403, "<html>no</html>", "120", None),
    ],
)
def test_a_flood_has_the_seconds_of_its_header(
    status: int, body: str, header: str | None, seconds: int | None
) -> None:
    code, read = normalized(status, body.encode(), header)
    if seconds is None:
        assert (code, read) == (status, b"")
    else:
        assert (code, json.loads(read)["parameters"]) == (429, {"retry_after": seconds})


@pytest.mark.parametrize(
    "answer", [{"message": "Forbidden"}, {"ok": True, "result": 1}, [], None, "no"], ids=str
)
def test_json_of_a_gateway_is_no_word_of_telegram(answer: object) -> None:
    assert normalized(403, json.dumps(answer).encode()) == (403, b"")


def test_what_was_sent_stays_as_it_is() -> None:
    body = json.dumps({"ok": True, "result": {"text": '"ok":false', "error_code": 403}}).encode()
    assert normalized(200, body) == (200, body)


@pytest.mark.parametrize("status", [200, 502])
async def test_no_log_holds_what_people_wrote(
    telegram: FakeTelegram, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """An answer to getUpdates that was cut on its way is no JSON."""
    telegram.answers("getUpdates", page(status, '{"ok":true,"result":[{"message":{"text":"my secret"'))
    async with AiohttpRequest(connections=1, read_timeout=1.0) as wire:
        with pytest.raises(TelegramError) as failed:
            await bot_over(wire, telegram.url, telegram.token).get_updates()
    assert "my secret" not in caplog.text + str(failed.value)

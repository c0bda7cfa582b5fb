"""A Bot API server for load, as thin as possible in Python, in a separate process.

A message is written to the log before it is answered, so the log is what "Telegram" has, whatever dies. Each
line is a JSON object: `at` (Unix seconds), `chat`, `id`, `method`, `about` (the text's beginning).
"""

import asyncio
import os
import re
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from tests.bench.arrivals import Arrivals
from tests.bench.traffic import Fate, Knobs, Traffic

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHAT = re.compile(rb'"?\bchat_id"?(?::[ ]?"?|=|[^-\d]{4}(?:[^\r\n]*\r\n)*\r\n)(-?\d+)')
_TEXT = re.compile(rb'"text": ?"((?:[^"\\]|\\.){0,80})|(?:^|&)text=([^&]{0,240})')
_HELD = re.compile(rb'"timeout": ?"?(\d+)')
_URL = re.compile(rb'"url": ?"([^"]*)"')
MESSAGES = frozenset({b"sendMessage", b"sendRichMessage", b"editMessageText"})

ME = (
    b'{"id":1,"is_bot":true,"first_name":"bench","username":"bench_bot","can_join_groups":true,'
    b'"can_read_all_group_messages":false,"supports_inline_queries":true}'
)


class Book:
    """The log: one line for each message that was taken, written at once. And where updates are wanted."""

    def __init__(self, path: str | None) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if path else None
        self.taken = 0
        self.webhook = b""
        self.refusing = False  # answer 401; `GET /refuse?1` and `/refuse?0` set it

    def take(self, method: bytes, chat_id: int, body: bytes, at: float) -> int:
        self.taken += 1
        if self._file is not None:
            found = _TEXT.search(body)
            about = (found[1] or unquote_to_bytes(found[2] or b"")) if found else b""
            about = about.decode(errors="replace").replace("\\", "").replace('"', "")[:60].encode()
            line = b'{"at":%.6f,"chat":%d,"id":%d,"method":"%s","about":"%s"}\n'
            os.write(self._file, line % (at, chat_id, self.taken, method, about))
        return self.taken


class Connection(asyncio.Protocol):
    def __init__(self, book: Book, traffic: Traffic, arrivals: Arrivals | None) -> None:
        self._book = book
        self._traffic = traffic
        self._arrivals = arrivals
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._arrivals is not None:
            self._arrivals.listen(transport, self.arrived)

    def data_received(self, data: bytes) -> None:
        self.arrived(data, time.time())

    def arrived(self, data: bytes, at: float) -> None:
        """At `at`, by the clock that shows the time of day."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end + 2)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            path = self._buffer[: self._buffer.index(b"\r\n")].split(b" ")[1]
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            if path.startswith(b"/refuse?"):
                self._book.refusing = path.endswith(b"1")
                self._later(0.0, 200, b"{}")
            elif self._book.refusing:
                self._later(0.0, 401, b'{"ok":false,"error_code":401,"description":"Unauthorized"}')
            else:
                self._take(path.partition(b"?")[0].rpartition(b"/")[2], body, at)

    def _take(self, method: bytes, body: bytes, at: float) -> None:
        if method not in MESSAGES:
            held = _HELD.search(body) if method == b"getUpdates" else None
            answer = b'{"ok":true,"result":%s}' % self._result(method, body)
            self._later(min(5.0, float(held[1])) if held else 0.0, 200, answer)
            return
        found = _CHAT.search(body)
        chat_id = int(found[1]) if found else 0
        fate = self._traffic.fate(chat_id, at)
        number = self._book.take(method, chat_id, body, at) if fate.recorded else 0
        if fate.answer == "cut":
            self._transport.abort()
            return
        self._later(self._traffic.delay(), fate.code, _answer(fate, number, chat_id))

    def _result(self, method: bytes, body: bytes) -> bytes:
        """Of what is no message, as JSON."""
        match method:
            case b"getMe":
                return ME
            case b"getUpdates":
                return b"[]"
            case b"getWebhookInfo":
                pending = b'"has_custom_certificate":false,"pending_update_count":0'
                return b'{"url":"%s",%s}' % (self._book.webhook, pending)
            case b"setWebhook" if url := _URL.search(body):
                self._book.webhook = url[1]
        return b"true"

    def _later(self, seconds: float, code: int, body: bytes) -> None:
        head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        answer = head % (code, len(body)) + body
        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _answer(fate: Fate, number: int, chat_id: int) -> bytes:
    if fate.answer == "ok":
        kind = b"private" if chat_id > 0 else b"supergroup"
        chat = b'{"id":%d,"type":"%s","title":"t","first_name":"f"}' % (chat_id, kind)
        return b'{"ok":true,"result":{"message_id":%d,"date":1,"chat":%s,"text":"t"}}' % (number, chat)
    parameters = f',"parameters":{{{fate.parameters}}}' if fate.parameters else ""
    return f'{{"ok":false,"error_code":{fate.code},"description":"{fate.description}"{parameters}}}'.encode()


def knobs_of(words: list[str]) -> Knobs:
    """From arguments such as `latency=0.05 enforce=1 blocked=3,4`."""
    knobs = Knobs()
    for word in words:
        name, _, value = word.partition("=")
        read: Callable[[str], object]
        match getattr(knobs, name):
            case bool():
                read = _flag
            case int():
                read = int
            case float():
                read = float
            case _:
                read = _ids
        knobs = replace(knobs, **{name: read(value)})  # type: ignore[arg-type]
    return knobs


def _flag(value: str) -> bool:
    return value == "1"


def _ids(value: str) -> frozenset[int]:
    return frozenset(int(part) for part in value.split(",") if part)


async def serve(port: int, log: str | None, knobs: Knobs) -> None:
    """Serve until the standard input is closed; print the port first, the number of 429s last."""
    loop = asyncio.get_running_loop()
    book, traffic = Book(log), Traffic(knobs)
    arrivals = Arrivals(loop) if knobs.enforce else None
    server = await loop.create_server(
        lambda: Connection(book, traffic, arrivals), "127.0.0.1", port, backlog=1024
    )
    if arrivals is not None:
        for listening in server.sockets:
            with socket.socket(fileno=os.dup(listening.fileno())) as own:
                arrivals.stamp(own)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    sys.stdout.write(f"{traffic.floods}\n")
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2] or None, knobs_of(sys.argv[3:])))

"""Idle, half-sent, malformed and too many connections, over real sockets."""

import asyncio
import logging
import resource
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from bot.ops import http
from bot.ops.http import Port

HOST = "127.0.0.1"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"


@dataclass
class Served:
    """A server of one handler with room for four connections, and the faults it counted."""

    port: int = 0
    at_work: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    opened: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        self.opened.append(writer)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    async def close(self) -> None:
        for writer in self.opened:
            writer.close()
        for writer in self.opened:
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def status(self, sent: bytes = GET) -> int:
        """The status of the response; 0 for a connection closed without one."""
        try:
            reader, writer = await self.connect(sent)
            line = await asyncio.wait_for(reader.readline(), 5)
            writer.close()
        except ConnectionError:
            return 0
        return int(line.split()[1]) if line else 0


@asynccontextmanager
async def serving(limit: int = 4, *, application: bool = False) -> AsyncIterator[Served]:
    served = Served()
    limits = Port("TEST", lambda _port, fault: served.faults.update([fault]), limit=limit)

    async def handle(request: web.BaseRequest) -> web.Response:
        if request.path == "/held":
            served.at_work += 1
            await served.held.wait()
        if request.method == "POST":
            served.bodies.append(await (request.read() if application else limits.body(request)))
        return web.Response(text="ok")

    handler: web.Application | http.Handler = handle
    if application:
        handler = web.Application(client_max_size=64)
        handler.router.add_route("*", "/{path:.*}", handle)
    async with limits.serve(handler, host=HOST, port=0) as served.port:
        try:
            yield served
        finally:
            await served.close()


async def closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionError:
        return True


async def test_a_full_port_closes_the_connection_that_has_waited_longest() -> None:
    async with serving() as served:
        waiting = [await served.connect() for _ in range(4)]
        assert await served.status() == 200
        assert await closed(waiting[0][0])
        assert served.faults == {"crowded": 1}


async def test_a_connection_that_succeeded_is_kept_longer_than_silent_ones() -> None:
    async with serving() as served:
        proxy = await served.connect(GET)
        assert b"200" in await proxy[0].readline()
        for _ in range(8):
            await served.connect()
        assert served.faults["crowded"] >= 4
        proxy[1].write(GET)
        assert b"ok" in await asyncio.wait_for(proxy[0].readuntil(b"okHTTP/1.1 200"), 5)


async def test_requests_at_work_are_never_closed_for_newer_connections() -> None:
    async with serving() as served:
        async with asyncio.TaskGroup() as group:
            held = [group.create_task(served.status(GET.replace(b"/ ", b"/held "))) for _ in range(4)]
            while served.at_work < 4:
                await asyncio.sleep(0.01)
            assert await served.status() == 0
            assert served.faults == {"refused": 1}
            served.held.set()
        assert [each.result() for each in held] == [200] * 4
        assert await served.status() == 200


async def test_one_public_address_gets_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_is_public", lambda _address: True)
    async with serving(limit=8) as served:
        kept = [await served.connect(GET), await served.connect(GET)]
        assert [b"200" in await reader.readline() for reader, _ in kept] == [True, True]
        assert await served.status() == 0
        assert served.faults == {"refused": 1}
        kept[0][1].close()
        for _ in range(100):
            if await served.status():
                break
        else:
            pytest.fail("the place was not given back")


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("::ffff:8.8.8.8", True), ("127.0.0.1", False), ("::ffff:10.0.0.1", False),
     ("172.18.0.2", False), ("::1", False), ("fe80::1%eth0", False), ("2a00::1", True), ("", False)],
)  # fmt: skip
def test_private_addresses_may_be_a_proxy(address: str, public: bool) -> None:
    assert http._is_public(address) is public


@pytest.mark.parametrize("application", [False, True], ids=["handler", "application"])
@pytest.mark.parametrize(
    "sent", [POST + b"1234", POST.replace(b"Content-Length: 9", b"Transfer-Encoding: chunked")]
)
async def test_a_body_that_does_not_arrive_gives_its_place_back(
    sent: bytes, application: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.05)
    async with serving(application=application) as served:
        assert await served.status(sent) == 408
        assert served.faults == {"slow body": 1}
        assert await served.status(POST + b"123456789") == 200
        assert served.bodies == [b"123456789"]


async def test_a_client_that_leaves_within_a_body_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as served:
        for sent in (
            POST + b"1",
            POST.replace(b"Content-Length: 9", b"Transfer-Encoding: chunked") + b"5\r\n",
        ):
            _, writer = await served.connect(sent)
            await served.status()
            writer.transport.abort()
            await served.status()
    assert not caplog.records
    assert not served.faults


async def test_a_body_makes_room_while_it_is_awaited() -> None:
    async with serving() as served:
        for _ in range(12):
            await served.connect(POST + b"1")
        assert await served.status() == 200
        assert served.faults["crowded"] >= 8


@pytest.mark.parametrize("sent", [b"", b"GE", GET[:-2]], ids=["nothing", "a part of a word", "half a head"])
async def test_a_head_that_does_not_come_ends_the_connection(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "HEAD_SECONDS", 0.05)
    async with serving() as served:
        reader, _ = await served.connect(sent)
        assert await closed(reader)
        assert served.faults == {"silent": 1}


async def test_an_idle_connection_ends_without_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "IDLE_SECONDS", 0.05)
    async with serving() as served:
        reader, _ = await served.connect(GET)
        assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"ok")
        assert not served.faults


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"SSH-2.0-x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 70 + b"\r\n", 400),
        (b"GET /" + b"y" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (POST.replace(b"Content-Length: 9", b"Transfer-Encoding: chunked") + b"zz\r\n", 400),
    ],
)
async def test_malformed_requests_are_counted_without_a_traceback(
    sent: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as served:
        for _ in range(3):
            assert await served.status(sent) == status
        assert served.faults == {"malformed": 3}
        assert await served.status() == 200
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(line.getMessage(), line.exc_info) for line in lines] == [
        ("TEST_PORT: 3 malformed requests", None)
    ]


async def test_an_unexpected_error_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: web.BaseRequest) -> web.Response:
        raise LookupError("broken")

    limits = Port("TEST")
    async with limits.serve(broken, host=HOST, port=0) as port:
        served = Served(port=port)
        assert await served.status() == 500
        await served.close()
    assert len(caplog.records) == 1
    assert "LookupError: broken" in caplog.text


async def test_a_lack_of_open_files_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio reports each connection that cannot be accepted to the loop's exception handler."""
    loop, others = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _loop, context: others.append(context["message"]))
    async with serving() as served:
        with socket.create_server((HOST, 0)) as other:
            error = OSError(24, "Too many open files")
            message = "socket.accept() out of system resource"

            class Listener:
                def getsockname(self) -> tuple[str, int]:
                    return HOST, served.port

            for _ in range(100):
                loop.call_exception_handler({"message": message, "exception": error, "socket": Listener()})
            loop.call_exception_handler({"message": message, "exception": error, "socket": other})
            loop.call_exception_handler({"message": "another"})
    assert served.faults == {"accept": 100}
    assert others == [message, "another"]
    assert [record.getMessage() for record in caplog.records] == [
        "TEST_PORT: 100 connections not accepted for lack of open files"
    ]
    assert loop.get_exception_handler() is not None
    loop.set_exception_handler(None)


def test_the_limit_leaves_open_files_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, connections in [(1024, 256), (256, 64), (4096, 512), (1_000_000, 512), (-1, 512)]:
        monkeypatch.setattr(resource, "getrlimit", lambda _kind, files=files: (files, files))
        assert http.connection_limit() == connections

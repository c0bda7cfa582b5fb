"""TCP proxy that can fall silent: it keeps every connection and drops what is written to it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self


class TcpProxy:
    """Forwards a loopback port to `port`; while `is_silent` nothing passes, and old connections stay dead."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._silenced: set[int] = set()
        self.is_silent = False
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers:
            writer.transport.abort()
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        remote_reader, remote_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, remote_writer]
        pair = id(writer)
        with suppress(asyncio.CancelledError):
            await self._both(pair, reader, writer, remote_reader, remote_writer)

    async def _both(
        self,
        pair: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        remote_reader: asyncio.StreamReader,
        remote_writer: asyncio.StreamWriter,
    ) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass_on(pair, reader, remote_writer))
            group.create_task(self._pass_on(pair, remote_reader, writer))

    async def _pass_on(self, pair: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if self.is_silent:
                    self._silenced.add(pair)
                if pair not in self._silenced:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        writer.close()


@contextmanager
def proxy_in_thread(port: int) -> Iterator[TcpProxy]:
    """Run the proxy in a thread of its own, for tests of separate programs; set `is_silent` from outside."""
    proxy, started, ended = TcpProxy(port), threading.Event(), threading.Event()

    async def run() -> None:
        async with proxy:
            started.set()
            while not ended.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    started.wait()
    try:
        yield proxy
    finally:
        ended.set()
        thread.join()

"""A blog on the loopback with scripted responses: whole, late, cut, endless, or none."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

PAGES = Path(__file__).parents[1] / "data" / "dumps"
FEED = (PAGES / "feed_rss2.xml").read_bytes()
HOME = (PAGES / "home_page.html").read_bytes()
GATE = b'<html><head><meta charset="utf8"></head><script>window.location.href="/feed";</script></html>'

Say = Callable[[asyncio.StreamWriter, Mapping[str, str]], Awaitable[None]]


@dataclass
class Asked:
    path: str
    headers: Mapping[str, str]
    at: float


@dataclass
class Blog:
    """Fake web server: `pages[path]` answers a request, then `fallback`; otherwise it is a 404."""

    port: int = 0
    pages: dict[str, Say] = field(default_factory=dict)
    fallback: Callable[[str, Mapping[str, str]], Say] = lambda _path, _headers: NOT_FOUND
    asked: list[Asked] = field(default_factory=list)
    open: int = 0
    most_open: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked if asked.path != "/robots.txt"]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:])
            }
            self.asked.append(Asked(path, headers, asyncio.get_running_loop().time()))
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            answer = self.pages.get(path) or self.fallback(path, headers)
            await answer(writer, headers)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()


def page(body: bytes, *, status: int = 200, cut: int = 0, **headers: str) -> Say:
    """An answer with this body, of which the last `cut` bytes never come."""

    async def say(writer: asyncio.StreamWriter, _asked: Mapping[str, str]) -> None:
        lines = {"Content-Length": str(len(body)), "Connection": "close"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        writer.write(f"HTTP/1.1 {status} So\r\n{head}\r\n".encode() + body[: len(body) - cut])

    return say


NOT_FOUND: Say = page(b"<html>none</html>", status=404)


def moved(location: str, status: int = 301) -> Say:
    return page(b"", status=status, Location=location)


def gzipped(body: bytes, *, cut: int = 0) -> Say:
    packed = gzip.compress(body)
    return page(packed[: len(packed) - cut], Content_Encoding="gzip")


def unchanged_after(body: bytes, etag: str, modified: str) -> Say:
    """Return 304 to a request with both validators."""

    async def say(writer: asyncio.StreamWriter, asked: Mapping[str, str]) -> None:
        same = asked.get("if-none-match") == etag and asked.get("if-modified-since") == modified
        answer = page(b"" if same else body, status=304 if same else 200, ETag=etag, Last_Modified=modified)
        await answer(writer, asked)

    return say


def behind_a_gate(body: bytes) -> Say:
    """The gate for a visitor without its cookie."""

    async def say(writer: asyncio.StreamWriter, asked: Mapping[str, str]) -> None:
        let_in = "visited=1" in asked.get("cookie", "")
        answer = page(body) if let_in else page(GATE, status=403, Set_Cookie="visited=1; path=/")
        await answer(writer, asked)

    return say


async def silence(writer: asyncio.StreamWriter, _asked: Mapping[str, str]) -> None:
    await asyncio.sleep(30)


async def trickle(writer: asyncio.StreamWriter, _asked: Mapping[str, str]) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n<html>")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def no_answer(writer: asyncio.StreamWriter, _asked: Mapping[str, str]) -> None:
    """The connection is closed without a word."""


def endless(chunk: bytes, size: int, *, said: bool) -> Say:
    """`size` bytes of `chunk`s; whether their number is `said` at the beginning."""

    async def say(writer: asyncio.StreamWriter, _asked: Mapping[str, str]) -> None:
        length = f"Content-Length: {size}\r\n" if said else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        for _ in range(size // len(chunk)):
            writer.write(chunk)
            await writer.drain()

    return say


@asynccontextmanager
async def blog() -> AsyncIterator[Blog]:
    running = Blog()
    server = await asyncio.start_server(running.answer, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()

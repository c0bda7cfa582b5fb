"""Crowds of idle and half-sent connections, and the times in which a port still answers.

`python -m tests.torture.crowds IDLE HALF PORT...` holds the connections until its input ends.
"""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.telegram.webhook import SECRET_HEADER

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
SECRET = "s3cret"


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def half_sent(path: str = "/telegram") -> bytes:
    """A request with the right secret whose body never ends."""
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\n{SECRET_HEADER}: {SECRET}\r\nContent-Length: 100000\r\n\r\n"
    return head.encode() + b'{"update_id": '


async def stay(port: int, sent: bytes) -> None:
    """Hold a connection that sent this and says no more; connect again whenever it is closed."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(sent)
                await reader.read()
            finally:
                writer.close()
        await asyncio.sleep(2)


@contextmanager
def crowd(*ports: int, idle: int = 2000, half: int = 500) -> Iterator[None]:
    """Hold so many connections from another process, spread over the ports."""
    arguments = [sys.executable, "-m", "tests.torture.crowds", str(idle), str(half), *map(str, ports)]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, cwd=ROOT)
    assert process.stdin is not None
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(30)


async def _hold(idle: int, half: int, ports: list[int]) -> None:
    sent = [b""] * idle + [half_sent()] * half
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(stay(ports[at % len(ports)], each)) for at, each in enumerate(sent)]
        await asyncio.to_thread(sys.stdin.read)
        for each in held:
            each.cancel()


def update(number: int, chat: int, text: str) -> dict[str, object]:
    person = {"id": chat, "is_bot": False, "first_name": "A reader", "language_code": "en"}
    message = {
        "message_id": number,
        "date": int(time.time()),
        "chat": {"id": chat, "type": "private", "first_name": "A reader"},
        "from": person,
        "text": text,
        "entities": [{"type": "bot_command", "offset": 0, "length": len(text)}],
    }
    return {"update_id": number, "message": message}


@dataclass
class Answers:
    """Seconds that each request took, and the statuses."""

    seconds: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


async def ask(url: str, answers: Answers, body: dict[str, object] | None = None) -> None:
    """One request on a connection of its own."""
    began = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(headers={SECRET_HEADER: SECRET}, timeout=timeout) as session:
        try:
            data = None if body is None else json.dumps(body)
            async with session.request("GET" if body is None else "POST", url, data=data) as answer:
                await answer.read()
                answers.statuses.append(answer.status)
        except (aiohttp.ClientError, TimeoutError):
            answers.statuses.append(0)
    answers.seconds.append(time.monotonic() - began)


if __name__ == "__main__":
    asyncio.run(_hold(int(sys.argv[1]), int(sys.argv[2]), [int(port) for port in sys.argv[3:]]))

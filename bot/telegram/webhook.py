"""Updates that Telegram brings by itself: an HTTP endpoint that answers 200 when an update was handled.

Owns who may call it and how much at once. Knows what an update is called, not what it means.
"""

import asyncio
import hmac
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

log = logging.getLogger(__name__)

LARGEST = 1024 * 1024  # bytes; Telegram's own updates stay far below
AT_ONCE = 256  # updates that are worked on; more are asked to come again
HANDLING_SECONDS = 20.0
REMEMBERED = 10_000  # numbers of updates, so that a repetition has no second effect
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"

Handle = Callable[[Mapping[str, Any]], Awaitable[None]]


class Updates:
    """Hands each update on once; Telegram sends one again until it hears 200."""

    def __init__(self, handle: Handle, secret: str) -> None:
        self._handle = handle
        self._secret = secret.encode()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._seen: OrderedDict[int, None] = OrderedDict()

    async def receive(self, request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "").encode(errors="replace")
        if not hmac.compare_digest(given, self._secret):
            return _answer(HTTPStatus.UNAUTHORIZED)
        if self._slots.locked():
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE)
        update = update_in(await request.read())
        if update is None:
            return _answer(HTTPStatus.BAD_REQUEST)
        number = update["update_id"]
        if number in self._seen:
            return _answer(HTTPStatus.OK)
        self._remember(number)
        try:
            async with self._slots, asyncio.timeout(HANDLING_SECONDS):
                await self._handle(update)
        except TimeoutError:
            log.warning("update %s took too long; its answer may still come", number)
        return _answer(HTTPStatus.OK)

    def _remember(self, number: int) -> None:
        self._seen[number] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def update_in(body: bytes) -> Mapping[str, Any] | None:
    """The update in a body; None for anything else."""
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(update, dict) or type(update.get("update_id")) is not int:
        return None
    return update


def _answer(status: HTTPStatus) -> web.Response:
    return web.Response(status=status, text=f"{status.phrase}\n")


@asynccontextmanager
async def listening(handle: Handle, *, url: str, secret: str, host: str, port: int) -> AsyncIterator[None]:
    """Listen while the block runs, on the path of `url`. Raises OSError if the port cannot be had."""
    application = web.Application(client_max_size=LARGEST)
    application.router.add_post(urlsplit(url).path or "/", Updates(handle, secret).receive)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=HANDLING_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()

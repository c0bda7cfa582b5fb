"""Webhook endpoint: answers 200 once an update was handled, optionally with a method call."""

import asyncio
import hmac
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.ops.http import Port
from bot.supervisor import BackgroundTasks

PROMPT_SECONDS = 1.0  # a pressed button shows progress; a later call is made separately

Call = Mapping[str, object]  # the parameters, and the method among them
Itself = Callable[[], Coroutine[object, object, None]]


class WebhookReply:
    """Method call in the webhook response of one update; a call that missed it is made separately."""

    def __init__(self, nursery: BackgroundTasks) -> None:
        self._nursery = nursery
        self._waiting: tuple[Call, Itself] | None = None
        self._late: asyncio.TimerHandle | None = None
        self._left = False

    def take(self, call: Call, itself: Itself) -> bool:
        """Return whether `call` will be made, in the response or separately; a later one replaces it."""
        if self._left:
            return False
        self._waiting = call, itself
        if self._late is None:
            self._late = asyncio.get_running_loop().call_later(PROMPT_SECONDS, self.miss)
        return True

    def leave(self) -> Call | None:
        """Return the call for the response that is sent now."""
        waiting = self._end()
        return waiting[0] if waiting is not None else None

    def miss(self) -> None:
        """Make the call separately: the response is late or failed."""
        waiting = self._end()
        if waiting is not None:
            self._nursery.start(waiting[1]())

    def _end(self) -> tuple[Call, Itself] | None:
        self._left = True
        if self._late is not None:
            self._late.cancel()
        waiting, self._waiting = self._waiting, None
        return waiting


_RIDE: ContextVar[WebhookReply | None] = ContextVar("the response to the update at hand", default=None)


@contextmanager
def offered(ride: WebhookReply | None) -> Iterator[None]:
    """Offer `ride` to the handlers of the update within the block, also to tasks they start."""
    token = _RIDE.set(ride)
    try:
        yield
    finally:
        _RIDE.reset(token)


def attach(call: Call, itself: Itself) -> bool:
    """Return whether the call will be made with the webhook response; `itself` makes it separately."""
    ride = _RIDE.get()
    return ride is not None and ride.take(call, itself)


log = logging.getLogger(__name__)

LARGEST = 1024 * 1024  # bytes; Telegram's own updates stay far below
AT_ONCE = 256  # updates handled at a time; more are answered 503 and repeated by Telegram
CROWD = 8  # concurrent updates from which on a call is put into the response
HANDLING_SECONDS = 20.0
CALLS_SECONDS = 5.0
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"

Handle = Callable[[Mapping[str, Any]], Awaitable[bool]]


class WebhookEndpoint:
    """Passes updates to `handle`; Telegram repeats an update until it gets 200."""

    def __init__(
        self,
        handle: Handle,
        path: str,
        secret: str,
        body: Callable[[web.BaseRequest], Awaitable[bytes]] = web.BaseRequest.read,
    ) -> None:
        """`body` reads the body of a request within the limits of its port."""
        self._handle = handle
        self._body = body
        self._path = path
        self._secret = secret.encode()
        self._under_way = 0
        self._calls = BackgroundTasks()

    async def receive(self, request: web.BaseRequest) -> web.Response:
        """Handle one HTTP request."""
        if request.path != self._path:
            return _answer(HTTPStatus.NOT_FOUND)
        if request.method != "POST":
            return _answer(HTTPStatus.METHOD_NOT_ALLOWED)
        given = request.headers.get(SECRET_HEADER, "").encode(errors="replace")
        if not hmac.compare_digest(given, self._secret):
            return _answer(HTTPStatus.UNAUTHORIZED)
        body = await self._body(request)  # before the place is taken: it may never come
        if self._under_way >= AT_ONCE:
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE)
        self._under_way += 1
        try:
            return await self._take(body)
        finally:
            self._under_way -= 1

    async def finished(self, seconds: float) -> None:
        """Wait up to `seconds` for calls that no response carried."""
        await self._calls.wait(seconds)

    async def _take(self, body: bytes) -> web.Response:
        update = update_in(body)
        if update is None:
            return _answer(HTTPStatus.BAD_REQUEST)
        ride = WebhookReply(self._calls) if self._under_way >= CROWD else None
        try:
            async with asyncio.timeout(HANDLING_SECONDS):
                with offered(ride):
                    handled = await self._handle(update)
        except TimeoutError:
            log.warning("update %s takes long; Telegram may repeat it", update["update_id"])
            handled = False
        if ride is not None and not handled:
            ride.miss()
        if not handled:
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE)
        call = ride.leave() if ride is not None else None
        return _answer(HTTPStatus.OK) if call is None else web.json_response(call)


def update_in(body: bytes) -> Mapping[str, Any] | None:
    """Return the update in a body; None for anything that is not one."""
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
async def serve_webhook(
    handle: Handle,
    *,
    url: str,
    secret: str,
    host: str,
    port: int,
    counted: Callable[[str, str], None] = lambda _port, _fault: None,
) -> AsyncIterator[None]:
    """Listen on the path of `url` while the block runs; `counted` as in Port. Raises PortUnusableError."""
    # One path, so there is no router; BaseRequest reads at most a mebibyte of a body.
    limits = Port("WEBHOOK", counted)
    updates = WebhookEndpoint(handle, urlsplit(url).path or "/", secret, limits.body)
    try:
        async with limits.serve(updates.receive, host=host, port=port, stop_seconds=HANDLING_SECONDS):
            yield
    finally:
        await updates.finished(CALLS_SECONDS)

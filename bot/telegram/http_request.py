"""HTTP transport of the Bot API: python-telegram-bot's request interface on aiohttp.

Separates requests that were surely not sent (NotSentError) from those left without an answer. Never retries:
only the outbox may repeat a request.
"""

import asyncio
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol, cast

import aiohttp
from aiohttp.hdrs import ACCEPT_ENCODING, RETRY_AFTER
from aiohttp.http import StreamWriter
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.ops.logging import redact

MOST_BEFORE_OK = 512  # bytes within which a refusal has its `ok`
LARGEST_ID = 2**52  # of a chat (Bot API, Chat.id)
LONGEST_RETRY_AFTER, UNNAMED_RETRY_AFTER = 86_400, 5  # seconds
_REFUSALS, _CLIENT_ERRORS = range(400, 600), range(400, 500)
# Of a gateway that waited for the request, or for its answer: the server may have it.
UNCLEAR_STATUSES = frozenset({408, 499})
_FLOOD_WAIT = 420  # MTProto's code of a 429
_STARTS = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict",
    429: "Too Many Requests", 500: "Internal Server Error",
}  # fmt: skip
# Shorter than any server's own limit, so that it is always we who close an idle connection: a request
# written to a connection that the server is just closing is lost without a trace.
_KEEP_ALIVE = 20.0
_UPLOAD_SECONDS = 60.0
_ENCODER = json.JSONEncoder(ensure_ascii=False)  # json.dumps would build one for every message


class SlotExpiredError(NetworkError):
    """The slot of the request has passed: nothing was sent, and only this request must wait."""


class SendGate(Protocol):
    """Last check before a request is written to the socket, after the waits for a connection."""

    async def acquire(self) -> None:
        """Wait until the request may be sent. After any exception it was not sent.

        Raises SlotExpiredError if the slot has passed and no other is near.
        """
        ...

    def mark_sent(self) -> None:
        """Record that the request was written to the socket now."""
        ...


@dataclass(frozen=True, slots=True)
class _Ready:
    """Stand-in for RequestData, which cannot be subclassed: JSON parameters and the send gate."""

    body: bytes
    gate: SendGate | None = None
    contains_files: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


def ready(body: bytes, gate: SendGate | None = None) -> RequestData:
    """Return parameters that are already one JSON object, encoded once for many requests."""
    return cast("RequestData", _Ready(body, gate))


class NotSentError(NetworkError):
    """Nothing was written to a connection, so Telegram has surely not received the request."""


_BEFORE_SENDING = (
    aiohttp.ClientConnectorError,  # DNS, refused, unreachable, TLS, proxy not reached
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ConnectionTimeoutError,  # also when all connections stayed busy
    aiohttp.ClientHttpProxyError,  # the proxy did not open the tunnel
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
)


class AiohttpRequest(BaseRequest):
    """Request implementation with one pool of at most `connections` connections; times in seconds.

    `proxy` is an http(s) URL, with user and password if it needs them.
    """

    __slots__ = ("_connect", "_connections", "_pool", "_proxy", "_read", "_session")

    def __init__(
        self,
        *,
        connections: int,
        read_timeout: float,
        connect_timeout: float = 10.0,
        pool_timeout: float = 10.0,
        proxy: str | None = None,
    ) -> None:
        if proxy is not None and not proxy.lower().startswith(("http://", "https://")):
            raise ValueError("a proxy's address begins with http:// or https://")
        self._connections = connections
        self._read = read_timeout
        self._connect = connect_timeout
        self._pool = pool_timeout
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float | None:
        return self._read

    async def initialize(self) -> None:
        """Open the pool on the running loop; a second call does nothing."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
                skip_auto_headers=[ACCEPT_ENCODING],  # answers are short
                proxy=self._proxy,
            )

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return the JSON of an answer. Raises TelegramError, and unlike the library logs none of it."""
        try:
            answer: dict[str, Any] = json.loads(payload.decode(errors="replace"))
        except (ValueError, RecursionError):
            raise TelegramError("Invalid server response") from None
        return answer

    async def shutdown(self) -> None:
        """Close the pool; requests under way end without an answer."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: object = BaseRequest.DEFAULT_NONE,
        write_timeout: object = BaseRequest.DEFAULT_NONE,
        connect_timeout: object = BaseRequest.DEFAULT_NONE,
        pool_timeout: object = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Send one HTTP request at most once and return status and body.

        Raises NotSentError if it was surely not sent, TimedOut or NetworkError if it may have been.
        """
        session = self._session
        if session is None:
            raise NotSentError("the connection pool is closed")
        connect, pool = _seconds(connect_timeout, self._connect), _seconds(pool_timeout, self._pool)
        answering = _seconds(read_timeout, self._read)
        if request_data and request_data.contains_files:
            whole = connect + pool + answering + _seconds(write_timeout, _UPLOAD_SECONDS)
            patience = _timeouts(connect, pool, whole)
            return normalized(*await _uploaded(session, method, url, _form(request_data), patience))
        body, gate, patience = _json(request_data), _gate_of(request_data), _timeouts(connect, pool)
        return normalized(*await _posted(session, url, body, patience, answering, gate))


def normalized(status: int, body: bytes, retry_after: str | None = None) -> tuple[int, bytes]:
    """Return status and body of a refusal as the Bot API documents them, whatever a gateway made of them.

    Its `error_code` is the status, also where a gateway answers 200, and 400 for a refusal that it has not;
    `parameters` have values that can be used. A page, and JSON that is not the Bot API's, becomes empty: the
    library would log it, and a broken answer to getUpdates holds what people wrote. `retry_after` is the
    header of that name.
    """
    if status == HTTPStatus.OK and b"false" not in body[:MOST_BEFORE_OK]:
        return status, body
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or answer.get("ok") is not False:
        if status != HTTPStatus.TOO_MANY_REQUESTS or not _integer(retry_after):
            return (status, body) if status == HTTPStatus.OK else (status, b"")
        answer = {"description": _STARTS[status]}
    description = str(answer.get("description") or "")
    code = answer.get("error_code")
    if type(code) is not int or code not in _REFUSALS:
        named = (each for each, start in _STARTS.items() if description.startswith(start))
        code = status if status in _REFUSALS else next(named, None)
    if code is None:
        return status, body
    code = HTTPStatus.TOO_MANY_REQUESTS if code == _FLOOD_WAIT else code
    if code in _CLIENT_ERRORS and code not in _STARTS and code not in UNCLEAR_STATUSES:
        code = HTTPStatus.BAD_REQUEST
    given = answer.get("parameters")
    parameters = _parameters(code, description, given if isinstance(given, dict) else answer, retry_after)
    refusal = {"ok": False, "error_code": code, "description": description, "parameters": parameters}
    return code, json.dumps(refusal if description else refusal | {"description": None}).encode()


def _parameters(
    code: int, description: str, given: Mapping[str, object], header: str | None
) -> dict[str, int]:
    """Return the usable ResponseParameters; a 429 always has `retry_after`, in seconds."""
    found = {}
    moved = _integer(given.get("migrate_to_chat_id"))
    if moved is not None and -LARGEST_ID <= moved < 0:
        found["migrate_to_chat_id"] = moved
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        after = _integer(given.get("retry_after"))
        if after is None or after <= 0:
            named = re.search(r"(?:retry after |_wait_)(\d{1,9})", description, re.IGNORECASE)
            after = int(named[1]) if named else _integer(header) or 0
        found["retry_after"] = min(after, LONGEST_RETRY_AFTER) if after > 0 else UNNAMED_RETRY_AFTER
    return found


def _integer(given: object) -> int | None:
    """Return a whole number, also one that is written as text or with a fraction."""
    match given:
        case bool():
            return None
        case int():
            return given
        case float() if math.isfinite(given):
            return math.ceil(given)
        case str() if re.fullmatch(r"-?[0-9]{1,15}", given):
            return int(given)
        case _:
            return None


class _GatedBody(aiohttp.BytesPayload):
    """Request body that waits for the send gate; aiohttp holds back the headers until its first byte."""

    def __init__(self, body: bytes, gate: SendGate | None, sent: Callable[[], None]) -> None:
        """`sent` is called right before the request is written."""
        super().__init__(body, content_type="application/json")
        self._gate = gate
        self._sent = sent
        self.released = False
        self.refusal: TelegramError | None = None

    async def write_with_length(self, writer: StreamWriter, content_length: int | None) -> None:  # type: ignore[override]
        try:
            await acquire(self._gate)  # the wait for a connection may have been long
        except TelegramError as refusal:
            self.refusal = refusal
            raise
        if writer.transport is None or writer.transport.is_closing():
            raise aiohttp.ClientConnectionResetError("the connection was closed before anything was written")
        self.released = True
        self._sent()
        try:
            await super().write_with_length(writer, content_length)
        finally:
            if self._gate is not None:
                self._gate.mark_sent()  # after the write: it must not count as earlier than it was


async def _posted(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    patience: aiohttp.ClientTimeout,
    answering: float,
    gate: SendGate | None,
) -> tuple[int, bytes, str | None]:
    """Send a JSON request; the whole answer must arrive within `answering` seconds of the sending."""
    loop = asyncio.get_running_loop()
    whole = asyncio.timeout(None)
    sent = _GatedBody(body, gate, lambda: whole.reschedule(loop.time() + answering))
    try:
        # A redirect would post the message a second time. The session repeats a request on a connection that
        # turned out to be dead only for idempotent methods, and POST is none of them.
        async with (
            whole,
            session.post(url, data=sent, allow_redirects=False, timeout=patience) as response,
        ):
            return response.status, await response.read(), response.headers.get(RETRY_AFTER)
    except (aiohttp.ClientError, OSError) as error:
        failure = sent.refusal or _failure(error, released=sent.released)
    # Raised out here, so that the original error, whose text holds the token, is not chained to it.
    raise failure


async def _uploaded(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    form: aiohttp.FormData,
    patience: aiohttp.ClientTimeout,
) -> tuple[int, bytes, str | None]:
    """Send a request that is not JSON."""
    try:
        async with session.request(
            method, url, data=form, allow_redirects=False, timeout=patience
        ) as response:
            return response.status, await response.read(), response.headers.get(RETRY_AFTER)
    except (aiohttp.ClientError, OSError) as error:
        failure = _failure(error, released=not isinstance(error, _BEFORE_SENDING))
    raise failure


async def acquire(gate: SendGate | None) -> None:
    """Wait for the gate, if there is one. Raises NotSentError or SlotExpiredError."""
    if gate is None:
        return
    try:
        await gate.acquire()
    except SlotExpiredError:
        raise
    except Exception as refused:
        what = f"{type(refused).__name__}: {redact(str(refused))}"
        raise NotSentError(f"the send gate refused it: {what}") from refused


def _gate_of(data: RequestData | _Ready | None) -> SendGate | None:
    return data.gate if isinstance(data, _Ready) else None


def _failure(error: Exception, *, released: bool) -> TelegramError:
    what = f"{type(error).__name__}: {_detail(error)}"
    match error:
        case _ if not released:
            return NotSentError(what)
        case TimeoutError():
            return TimedOut(what)
        case _:
            return NetworkError(what)


def _detail(error: Exception) -> str:
    match error:
        case aiohttp.ClientHttpProxyError(status=status):
            return f"the proxy answered {status}"
        case aiohttp.InvalidURL():
            return "not an address"
        case _:
            return redact(str(error))


def _json(data: RequestData | _Ready | None) -> bytes:
    """Return the parameters as JSON; a form would triple the size of Chinese text."""
    if isinstance(data, _Ready):
        return data.body
    return as_json(data.parameters if data is not None else {})


def _form(data: RequestData) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    for name, value in data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, kind) in data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=kind)
    return form


def as_json(parameters: Mapping[str, object]) -> bytes:
    """Return `parameters` as JSON. Raises BadRequest for text that is not valid Unicode."""
    try:
        return _ENCODER.encode(parameters).encode()
    except UnicodeEncodeError:  # a lone surrogate; Telegram would refuse it in these words
        raise BadRequest("Bad Request: strings must be encoded in UTF-8") from None


@lru_cache(maxsize=64)  # to build one takes a tenth of a request
def _timeouts(connect: float, pool: float, whole: float | None = None) -> aiohttp.ClientTimeout:
    """Return the timeouts; `whole` limits an upload with its answer."""
    return aiohttp.ClientTimeout(total=whole, connect=connect + pool, sock_connect=connect)


def _seconds(given: object, default: float) -> float:
    """Return a timeout in seconds; PTB passes a number, or a marker for `default`."""
    return given if isinstance(given, int | float) else default

"""HTTP transport of the Bot API: python-telegram-bot's request interface on aiohttp.

Separates requests that were surely not sent (NotSentError) from those left without an answer. Never retries:
only the outbox may repeat a request.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol, Self, cast

import aiohttp
from aiohttp.connector import Connection
from aiohttp.hdrs import ACCEPT_ENCODING, CONTENT_LENGTH, METH_POST
from aiohttp.http_exceptions import HttpProcessingError
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.telegram.redaction import redact

MOST_BEFORE_OK = 512  # bytes within which a refusal has its `ok`
_INTERIM = range(100, 200)  # answers that announce another


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


class HttpExchange:
    """One connection, exclusive to a request within a `with` block and released after it.

    A block that raises closes the connection: the state of the peer is unknown then.
    """

    __slots__ = ("_connection", "_head", "_protocol")

    def __init__(self, connection: Connection, head: bytes) -> None:
        assert connection.protocol is not None
        self._connection = connection
        self._protocol = connection.protocol
        self._head = head

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:
            self._connection.release()
        else:
            self._connection.close()

    def send(self, body: bytes) -> None:
        """Write the whole request. Raises ClientConnectionResetError if the connection is closed."""
        transport = self._protocol.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError("the connection was closed before anything was written")
        self._protocol.set_response_params()
        transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))

    async def answer(self, seconds: float | None) -> tuple[int, bytes]:
        """Return status and body of the response, complete within `seconds`.

        Raises TimeoutError, or ClientError for a broken connection and for what is not HTTP.
        """
        try:
            async with asyncio.timeout(seconds):
                message, payload = await self._protocol.read()
                while message.code in _INTERIM:
                    message, payload = await self._protocol.read()
                return message.code, await payload.read()
        except TimeoutError:
            raise TimeoutError(f"no whole answer within {seconds} s") from None
        except HttpProcessingError as error:
            raise aiohttp.ClientPayloadError(error.message) from None


def _head(request: aiohttp.ClientRequest) -> bytes:
    """Return the request head up to the content length; a plain proxy gets the absolute URL."""
    proxied = request.proxy is not None and not request.is_ssl()
    target = str(request.url) if proxied else request.url.raw_path_qs
    headers = [f"{name}: {value}" for name, value in request.headers.items() if name != CONTENT_LENGTH]
    return "\r\n".join([f"{METH_POST} {target} HTTP/1.1", *headers, f"{CONTENT_LENGTH}: "]).encode()


class HttpExchangePool:
    """Connection pool of one session."""

    def __init__(
        self, session: aiohttp.ClientSession, headers: Mapping[str, str], proxy: str | None = None
    ) -> None:
        assert session.connector is not None
        self.session = session
        self._connector = session.connector
        self._headers = headers
        self._proxy = None if proxy is None else URL(proxy)
        # To make these takes as long as the rest of an exchange.
        self._requests: dict[str, aiohttp.ClientRequest] = {}
        self._heads: dict[str, bytes] = {}

    async def line(self, url: str, patience: aiohttp.ClientTimeout) -> HttpExchange:
        """Return an idle or new connection for `url`.

        Raises ClientError or TimeoutError, also when all connections stayed busy.
        """
        request = self._requests.get(url) or self._request(url)
        connection = await self._connector.connect(request, [], patience)
        head = self._heads.get(url)
        if head is None:  # the proxy of a request is resolved by `connect`
            head = self._heads[url] = _head(request)
        return HttpExchange(connection, head)

    def _request(self, url: str) -> aiohttp.ClientRequest:
        try:
            address = URL(url)
        except ValueError:
            raise aiohttp.InvalidURL(url) from None
        request = aiohttp.ClientRequest(
            METH_POST,
            address,
            headers=self._headers,
            skip_auto_headers=[ACCEPT_ENCODING],  # answers are short
            loop=asyncio.get_running_loop(),
            session=self.session,
            proxy=self._proxy,
        )
        self._requests[url] = request
        return request


# Shorter than any server's own limit, so that it is always we who close an idle connection: a request
# written to a connection that the server is just closing is lost without a trace.
_KEEP_ALIVE = 20.0
_UPLOAD_SECONDS = 60.0
_ENCODER = json.JSONEncoder(ensure_ascii=False)  # json.dumps would build one for every message


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

    __slots__ = ("_connect", "_connections", "_lines", "_pool", "_proxy", "_read")

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
        self._lines: HttpExchangePool | None = None

    @property
    def read_timeout(self) -> float | None:
        return self._read

    async def initialize(self) -> None:
        """Open the pool on the running loop; a second call does nothing."""
        if self._lines is None:
            agent = {"User-Agent": self.USER_AGENT}
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=agent,
            )
            self._lines = HttpExchangePool(
                session, {**agent, "Content-Type": "application/json"}, self._proxy
            )

    async def shutdown(self) -> None:
        """Close the pool; requests under way end without an answer."""
        lines, self._lines = self._lines, None
        if lines is not None:
            await lines.session.close()

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
        lines = self._lines
        if lines is None:
            raise NotSentError("the connection pool is closed")
        uploads = bool(request_data and request_data.contains_files)
        timeout = _timeouts(
            read=_seconds(read_timeout, self._read),
            upload=_seconds(write_timeout, _UPLOAD_SECONDS) if uploads else 0.0,
            connect=_seconds(connect_timeout, self._connect),
            pool=_seconds(pool_timeout, self._pool),
        )
        if method != "POST" or uploads:
            form = {"data": _form(request_data), "proxy": self._proxy, "timeout": timeout}
            return _classified(*await _by_session(lines.session, method, url, form))
        answer = await _posted(lines, url, _json(request_data), timeout, _gate_of(request_data))
        return _classified(*answer)


def _classified(status: int, body: bytes) -> tuple[int, bytes]:
    """Return the `error_code` as the status of a refusal that a gateway answers with 200."""
    if status != HTTPStatus.OK or b"false" not in body[:MOST_BEFORE_OK]:
        return status, body
    try:
        answer = json.loads(body)
    except ValueError:
        return status, body
    code = answer.get("error_code") if isinstance(answer, dict) and answer.get("ok") is False else None
    return (code, body) if isinstance(code, int) and code not in range(200, 300) else (status, body)


async def _posted(
    lines: HttpExchangePool,
    url: str,
    body: bytes,
    patience: aiohttp.ClientTimeout,
    gate: SendGate | None,
) -> tuple[int, bytes]:
    released = False
    try:
        with await lines.line(url, patience) as line:
            await acquire(gate)  # the wait for a connection may have been long
            line.send(body)
            released = True
            if gate is not None:
                gate.mark_sent()
            return await line.answer(patience.sock_read)
    except (aiohttp.ClientError, OSError) as error:
        failure = _failure(error, released=released)
    # Raised out here, so that the original error, whose text holds the token, is not chained to it.
    raise failure


async def _by_session(
    session: aiohttp.ClientSession, method: str, url: str, options: Mapping[str, Any]
) -> tuple[int, bytes]:
    """Send a request that is not JSON through the session."""
    try:
        # A redirect would post the message a second time. The session repeats a request on a connection that
        # turned out to be dead only for idempotent methods, and POST is none of them.
        async with session.request(method, url, allow_redirects=False, **options) as response:
            return response.status, await response.read()
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


def _form(data: RequestData | None) -> aiohttp.FormData | None:
    if data is None:
        return None
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
def _timeouts(
    *, read: float | None, upload: float | None, connect: float | None, pool: float | None
) -> aiohttp.ClientTimeout:
    """Return the timeouts; `total` ends an endless answer and exceeds the time until the request is sent."""
    connecting = None if connect is None or pool is None else connect + pool
    answering = None if read is None or upload is None else read + upload
    total = None if connecting is None or answering is None else connecting + answering
    return aiohttp.ClientTimeout(total=total, connect=connecting, sock_connect=connect, sock_read=answering)


def _seconds(given: object, default: float) -> float | None:
    """Return a timeout in seconds; PTB passes a number, None for no limit, or a marker for `default`."""
    if given is None or isinstance(given, int | float):
        return given
    return default

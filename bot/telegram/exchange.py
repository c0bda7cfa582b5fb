"""JSON posted on a connection of aiohttp's pool, without a session around it (README, Decisions).

Owns the bytes of a request and the reading of its answer; knows nothing of methods, tokens and second tries.
"""

import asyncio
from collections.abc import Mapping
from typing import Self

import aiohttp
from aiohttp.connector import Connection
from aiohttp.hdrs import ACCEPT_ENCODING, CONTENT_LENGTH, METH_POST
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

_INTERIM = range(100, 200)  # answers that announce another


class Line:
    """A connection that is a single request's own within a block, after which it is free for another.

    A block that fails closes it: what its other end makes of the request is not known then.
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
        """Hand all of it to the network. If that is gone, raises ClientConnectionResetError; nothing went."""
        transport = self._protocol.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError("the connection was closed before anything was written")
        self._protocol.set_response_params()
        transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))

    async def answer(self, seconds: float | None) -> tuple[int, bytes]:
        """Its status and body, if all of it comes within so many seconds.

        Raises TimeoutError, or ClientError for a connection that broke and for what is no HTTP.
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
    """Up to the length, which is the body's. A proxy that does not tunnel is told the whole address."""
    told = request.proxy is not None and not request.is_ssl()
    target = str(request.url) if told else request.url.raw_path_qs
    headers = [f"{name}: {value}" for name, value in request.headers.items() if name != CONTENT_LENGTH]
    return "\r\n".join([f"{METH_POST} {target} HTTP/1.1", *headers, f"{CONTENT_LENGTH}: "]).encode()


class Lines:
    """The connections of one session, to as many addresses as a bot has methods."""

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

    async def line(self, url: str, patience: aiohttp.ClientTimeout) -> Line:
        """A free or a new connection to there.

        Raises ClientError or TimeoutError, also when all stayed busy.
        """
        request = self._requests.get(url) or self._request(url)
        connection = await self._connector.connect(request, [], patience)
        head = self._heads.get(url)
        if head is None:  # not earlier: what a proxy is to be told is known now
            head = self._heads[url] = _head(request)
        return Line(connection, head)

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

"""JSON posted on a connection of aiohttp's pool, without a session around it (README, Decisions).

Owns the bytes of a request and the reading of its answer; knows nothing of methods, tokens and second tries.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.hdrs import ACCEPT_ENCODING, CONTENT_LENGTH, METH_POST
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

_INTERIM = range(100, 200)  # answers that announce another


@dataclass(frozen=True, slots=True)
class Line:
    """A connection that is a single request's own for a while."""

    request: aiohttp.ClientRequest
    protocol: ResponseHandler

    def send(self, body: bytes) -> None:
        """Hand all of it to the network. If that is gone, raises ClientConnectionResetError; nothing went."""
        transport = self.protocol.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError("the connection was closed before anything was written")
        self.protocol.set_response_params(auto_decompress=False)
        transport.write(_head(self.request, len(body)) + body)

    async def answer(self, seconds: float | None) -> tuple[int, bytes]:
        """Its status and body, if all of it comes within so many seconds.

        Raises TimeoutError, or ClientError for a connection that broke and for what is no HTTP.
        """
        try:
            async with asyncio.timeout(seconds):
                message, payload = await self.protocol.read()
                while message.code in _INTERIM:
                    message, payload = await self.protocol.read()
                return message.code, await payload.read()
        except TimeoutError:
            raise TimeoutError(f"no whole answer within {seconds} s") from None
        except HttpProcessingError as error:
            raise aiohttp.ClientPayloadError(error.message) from None


def _head(request: aiohttp.ClientRequest, length: int) -> bytes:
    """A proxy that does not tunnel is told the whole address."""
    told = request.proxy is not None and not request.is_ssl()
    target = str(request.url) if told else request.url.raw_path_qs
    headers = {**request.headers, CONTENT_LENGTH: length}
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "\r\n"]).encode()


class Lines:
    """The connections of one session, to as many addresses as a bot has methods."""

    def __init__(
        self, session: aiohttp.ClientSession, headers: Mapping[str, str], proxy: str | None = None
    ) -> None:
        self.session = session
        self._headers = headers
        self._proxy = None if proxy is None else URL(proxy)
        self._requests: dict[str, aiohttp.ClientRequest] = {}  # to make one takes a third of a request

    @asynccontextmanager
    async def line(self, url: str, patience: aiohttp.ClientTimeout) -> AsyncIterator[Line]:
        """A free or a new connection; closed if the block fails, kept for another request if not.

        Raises ClientError or TimeoutError, also when all stayed busy: nothing was sent.
        """
        request = self._requests.get(url) or self._request(url)
        connector = self.session.connector
        assert connector is not None
        connection = await connector.connect(request, [], patience)
        try:
            assert connection.protocol is not None
            yield Line(request, connection.protocol)
        except BaseException:
            connection.close()
            raise
        connection.release()

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

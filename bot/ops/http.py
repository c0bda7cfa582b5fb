"""HTTP servers: connection limits of every port, and the endpoints /healthz, /readyz and /metrics.

The endpoints are read-only and without secrets, but not for the public: every client of the port reads the
figures.
"""

import asyncio
import logging
import os
import resource
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Any, Literal, Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from bot import PortUnusableError
from bot.ops.metrics import Figures, Metrics

log = logging.getLogger(__name__)

CHECK_TIMEOUT_SECONDS = 3.0  # shorter than the timeouts of health checks, so that they get the reason

MAX_CONNECTIONS = 512  # of one port; fewer where the process may open fewer than 2,048 files
ACCEPTS = 16  # in one turn of the event loop: far fewer than a port's limit, so that a new one is read first
BACKLOG = 1024  # connections that the kernel keeps until they are accepted
FILES_PER_CONNECTION = 4  # the process's limit of open files for each connection of a port
HEAD_SECONDS = 10.0  # from the connection to the end of the first request's head
BODY_SECONDS = 10.0
IDLE_SECONDS = 75.0  # from a response to the end of the next head: longer than the pools of most proxies
LINGER_SECONDS = 2.0  # for the rest of a body that was not read, so that the client gets the response
MAX_HEADERS = 64
SUMMARY_SECONDS = 60.0

Fault = Literal["silent", "crowded", "refused", "slow body", "malformed", "accept"]
FAULTS: Mapping[Fault, str] = {
    "silent": "connections without a request",
    "crowded": "waiting connections closed for newer ones",
    "refused": "connections refused",
    "slow body": "bodies that did not arrive",
    "malformed": "malformed requests",
    "accept": "connections not accepted for lack of open files",
}
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def connection_limit() -> int:
    """Return how many connections one port may hold within the process's limit of open files."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return min(MAX_CONNECTIONS, files // FILES_PER_CONNECTION) if files > 0 else MAX_CONNECTIONS


class Port:
    """One listening port: limits of its connections, and counts of what they break.

    A full port closes the connection that has waited longest for its client, first those without a
    successful request. One public address gets a quarter of the port; private ones may be a proxy.
    """

    def __init__(
        self,
        name: str,
        counted: Callable[[str, str], None] = lambda _port, _fault: None,
        *,
        limit: int | None = None,
    ) -> None:
        """`name` begins its settings' names; `counted` is called with it and the kind of each fault."""
        self.name = name
        self._counted = counted
        self._limit = limit or connection_limit()
        self._open: dict[asyncio.BaseTransport, _Connection] = {}
        self._of_address: Counter[str] = Counter()
        # Connections that wait for their client, by whether a request of theirs succeeded; oldest first.
        self._waiting: dict[bool, dict[_Connection, None]] = {False: {}, True: {}}
        self._faults: Counter[Fault] = Counter()
        self._summary: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def serve(
        self, served: web.Application | Handler, *, host: str, port: int, stop_seconds: float = 1.0
    ) -> AsyncIterator[int]:
        """Serve an application or one handler while the context is open; yield the port.

        Port 0 takes a free one; a stop waits `stop_seconds` for handlers. Raises PortUnusableError.
        """
        loop = asyncio.get_running_loop()
        faults = logging.getLogger(f"{__name__}.{self.name}")
        faults.setLevel(logging.DEBUG)  # the level at which aiohttp reports an unknown method
        faults.addFilter(self._is_unexpected)
        options: dict[str, Any] = {
            "access_log": None,
            "logger": faults,
            "keepalive_timeout": IDLE_SECONDS,
            "lingering_time": LINGER_SECONDS,
            "max_headers": MAX_HEADERS,
        }
        runner: web.AppRunner | web.ServerRunner
        if isinstance(served, web.Application):
            served.middlewares.insert(0, self._middleware())
            runner = web.AppRunner(served, shutdown_timeout=stop_seconds, **options)
        else:
            handler = served
            runner = web.ServerRunner(
                web.Server(lambda request: self._handled(request, handler), **options),
                shutdown_timeout=stop_seconds,
            )
        await runner.setup()
        make = runner.server
        assert make is not None
        make.request_handler = _expecting(make.request_handler)
        former = loop.get_exception_handler()
        try:
            try:
                server = await loop.create_server(
                    lambda: _Connection(self, make), host, port, backlog=ACCEPTS
                )
            except (OSError, UnicodeError) as error:  # the latter for what can be no name of a host
                reason = getattr(error, "strerror", None) or error
                raise PortUnusableError(
                    f"{self.name}_PORT {port} on {self.name}_HOST {host} cannot be listened on "
                    f"({reason}): choose another"
                ) from error
            for each in server.sockets:
                with socket.socket(fileno=os.dup(each.fileno())) as listener:
                    listener.listen(BACKLOG)
            bound = int(server.sockets[0].getsockname()[1])
            loop.set_exception_handler(self._count_accept_errors(bound, former))
            try:
                yield bound
            finally:
                server.close()
                loop.set_exception_handler(former)
        finally:
            await runner.cleanup()
            faults.removeFilter(self._is_unexpected)
            self._summarize()

    async def body(self, request: web.BaseRequest) -> bytes:
        """Read the body; the connection counts as waiting meanwhile.

        Raises HTTPRequestTimeout after BODY_SECONDS, HTTPBadRequest for a body that ends early.
        """
        connection = self._connection_of(request)
        if connection is not None:
            connection.wait(None)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await request.read()
        except TimeoutError:
            self.count("slow body")
            raise web.HTTPRequestTimeout(headers={"Connection": "close"}) from None
        except (web.RequestPayloadError, ConnectionError, RuntimeError) as error:
            if request.transport is not None:
                if isinstance(error, RuntimeError):  # a closed connection alone is read with one
                    raise
                self.count("malformed")
            raise web.HTTPBadRequest(headers={"Connection": "close"}) from None
        finally:
            if connection is not None:
                connection.handle()

    def count(self, fault: Fault) -> None:
        """Count a fault; the log gets one line a minute."""
        self._counted(self.name.lower(), fault)
        self._faults[fault] += 1
        if self._summary is None:
            self._summary = asyncio.get_running_loop().call_later(SUMMARY_SECONDS, self._summarize)

    def admit(self, connection: "_Connection") -> bool:
        """Return whether there is room for `connection`; a waiting one may be closed for it."""
        if self._of_address[connection.address] >= self._limit // 4 and _is_public(connection.address):
            return False
        if len(self._open) >= self._limit:
            oldest = next((each for tier in self._waiting.values() for each in tier), None)
            if oldest is None:
                return False
            oldest.drop("crowded")
        self._open[connection.transport] = connection
        self._of_address[connection.address] += 1
        return True

    def waits(self, connection: "_Connection") -> None:
        self._waiting[connection.succeeded][connection] = None

    def works(self, connection: "_Connection") -> None:
        for tier in self._waiting.values():
            tier.pop(connection, None)

    def forget(self, connection: "_Connection") -> None:
        """Free the place of a closed connection; may be repeated."""
        self.works(connection)
        if self._open.pop(connection.transport, None) is not None:
            self._of_address[connection.address] -= 1
            if not self._of_address[connection.address]:
                del self._of_address[connection.address]

    def _middleware(self) -> Any:
        @web.middleware
        async def limited(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            async def read_first(_: web.BaseRequest) -> web.StreamResponse:
                if request.can_read_body:
                    await self.body(request)  # the request keeps it for the handler
                return await handler(request)

            return await self._handled(request, read_first)

        return limited

    def _connection_of(self, request: web.BaseRequest) -> "_Connection | None":
        return self._open.get(request.transport) if request.transport is not None else None

    async def _handled(self, request: web.BaseRequest, handler: Handler) -> web.StreamResponse:
        connection = self._connection_of(request)
        if connection is None:
            return await handler(request)
        connection.handle()
        try:
            response = await handler(request)
            connection.succeeded |= response.status < 400
            return response
        finally:
            connection.wait(IDLE_SECONDS)

    def _is_unexpected(self, record: logging.LogRecord) -> bool:
        """Filter of aiohttp's log: malformed requests are counted in place of a traceback each."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError | web.RequestPayloadError):
            self.count("malformed")
            return False
        return True

    def _count_accept_errors(
        self, port: int, former: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None
    ) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]:
        """Return an exception handler of the event loop; asyncio reports a lack of open files there."""

        def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> object:
            listener = context.get("socket")
            accepting = str(context.get("message")).startswith("socket.accept()")
            if accepting and listener is not None and listener.getsockname()[1] == port:
                self.count("accept")
                return None
            return former(loop, context) if former is not None else loop.default_exception_handler(context)

        return handle

    def _summarize(self) -> None:
        if self._summary is not None:
            self._summary.cancel()
            self._summary = None
        if self._faults:
            counts = ", ".join(f"{number:,} {FAULTS[fault]}" for fault, number in self._faults.items())
            log.warning("%s_PORT: %s", self.name, counts)
        self._faults.clear()


def _expecting(handler: Handler) -> Handler:
    """Return `handler` with 417 for an Expect header that is not ASCII: no answer could quote it."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "").isascii():
            return await handler(request)
        return web.Response(status=417)

    return handle


class _Connection(asyncio.Protocol):
    """One connection, passed on to aiohttp's protocol once the port has room for it."""

    def __init__(self, port: Port, make: Callable[[], asyncio.Protocol]) -> None:
        self._port = port
        self._make = make
        self._inner = asyncio.Protocol()  # one that does nothing, until there is room
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self.transport: asyncio.BaseTransport
        self.address = ""
        self.succeeded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._port.admit(self):
            self.drop("refused")
            return
        self._inner = self._make()
        self._inner.connection_made(transport)
        self.wait(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._end()
        self._inner.connection_lost(error)

    def wait(self, seconds: float | None) -> None:
        """Wait for the client; the connection is closed after `seconds`, and earlier if room is needed."""
        if self.transport.is_closing():
            return
        self._port.waits(self)
        loop = asyncio.get_running_loop()
        self._deadline = None if seconds is None else loop.time() + seconds
        if self._deadline is not None and self._timer is None:
            self._timer = loop.call_at(self._deadline, self._expire)

    def handle(self) -> None:
        """Mark a request as handled meanwhile: the connection neither expires nor makes room."""
        self._port.works(self)
        self._deadline = None

    def drop(self, fault: Fault) -> None:
        """Close without a response."""
        self._port.count(fault)
        self._end()
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    def _expire(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        if self._deadline is None:
            return
        if loop.time() < self._deadline:
            self._timer = loop.call_at(self._deadline, self._expire)
        elif self.succeeded:
            self._end()
            self.transport.close()
        else:
            self.drop("silent")

    def _end(self) -> None:
        self._port.forget(self)
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _is_public(address: str) -> bool:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_global


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one check; `detail` is the reason for operators, without secrets."""

    ok: bool
    detail: str = ""


class HealthSource(Protocol):
    """Source of checks and figures. Both methods may raise or hang; the endpoints report that."""

    async def ready(self) -> Mapping[str, Check]:
        """Return the check of every part that must work: database, scheduler, sender."""
        ...

    async def figures(self) -> Figures: ...

    def trouble(self) -> str:
        """Return what an operator must do at once, or an empty text."""
        ...


@asynccontextmanager
async def serve_operations(
    source: HealthSource, metrics: Metrics, registry: CollectorRegistry, *, host: str, port: int
) -> AsyncIterator[None]:
    """Serve while the context is open; port 0 disables the server. Raises PortUnusableError."""
    if port == 0:
        yield
        return
    application = make_application(source, metrics, registry)
    async with Port("HTTP", metrics.connection_failed).serve(application, host=host, port=port):
        yield


def make_application(source: HealthSource, metrics: Metrics, registry: CollectorRegistry) -> web.Application:
    """Create the application with the three endpoints."""

    async def healthz(_: web.Request) -> web.Response:
        # A response proves that the event loop runs.
        return web.Response(text=": ".join(filter(None, ("ok", source.trouble()))) + "\n")

    async def readyz(_: web.Request) -> web.Response:
        checks = await _checks(source)
        metrics.checked({name: check.ok for name, check in checks.items()})
        ready = all(check.ok for check in checks.values())
        parts = {name: asdict(check) for name, check in checks.items()}
        return web.json_response({"ready": ready, "checks": parts}, status=200 if ready else 503)

    async def metrics_page(request: web.Request) -> web.Response:
        metrics.checked({name: check.ok for name, check in (await _checks(source)).items()})
        metrics.busy_with(len(asyncio.all_tasks()))
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                metrics.show(await source.figures())
        except Exception as error:  # the counters are still exported
            metrics.failed("figures")
            log.warning("the figures cannot be read: %r", error)
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    application = web.Application()
    application.add_routes(
        [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics_page)]
    )
    return application


async def _checks(source: HealthSource) -> Mapping[str, Check]:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            return {"checks": Check(True), **await source.ready()}
    except TimeoutError:
        return {"checks": Check(False, f"no answer within {CHECK_TIMEOUT_SECONDS:.0f} s")}
    except Exception as error:
        log.warning("the checks failed: %r", error)
        return {"checks": Check(False, type(error).__name__)}

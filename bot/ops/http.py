"""HTTP endpoints for operators: /healthz, /readyz and /metrics.

Read-only and without secrets, but not for the public: every client of the port reads the figures.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from bot import PortUnusableError
from bot.ops.metrics import Figures, Metrics

log = logging.getLogger(__name__)

CHECK_TIMEOUT_SECONDS = 3.0  # shorter than the timeouts of health checks, so that they get the reason


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


@asynccontextmanager
async def serve_operations(
    source: HealthSource, metrics: Metrics, registry: CollectorRegistry, *, host: str, port: int
) -> AsyncIterator[None]:
    """Serve while the context is open; port 0 disables the server. Raises PortUnusableError."""
    if port == 0:
        yield
        return
    runner = web.AppRunner(make_application(source, metrics, registry), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise PortUnusableError(
                f"HTTP_PORT {port} on HTTP_HOST {host} cannot be listened on ({error.strerror}): "
                "choose another, or 0 for none"
            ) from error
        yield
    finally:
        await runner.cleanup()


def make_application(source: HealthSource, metrics: Metrics, registry: CollectorRegistry) -> web.Application:
    """Create the application with the three endpoints."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # a response proves that the event loop runs

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

"""The operator's windows over HTTP: is it alive, is it ready, what are its figures.

Shows what `Vitals` tells and knows nothing of what stands behind it. Read-only and without secrets, but not
for the public: whoever reaches the port sees the figures.
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

from bot.errors import PortUnusableError
from bot.ops.metrics import Figures, Metrics

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0  # shorter than the time-outs of those who ask: they should get a reason


@dataclass(frozen=True, slots=True)
class Check:
    """How one part is; `detail` tells an operator why, and holds no secret."""

    ok: bool
    detail: str = ""


class HealthSource(Protocol):
    """What the service tells about itself. Both may raise or hang: that is an answer too."""

    async def ready(self) -> Mapping[str, Check]:
        """Each part that must work for the bot to do its duty: database, scheduler, sender…"""
        ...

    async def figures(self) -> Figures: ...


@asynccontextmanager
async def serve_operations(
    vitals: HealthSource, metrics: Metrics, registry: CollectorRegistry, *, host: str, port: int
) -> AsyncIterator[None]:
    """Serve while the block runs; port 0 serves nothing. Raises PortUnusableError."""
    if port == 0:
        yield
        return
    runner = web.AppRunner(make_application(vitals, metrics, registry), access_log=None, shutdown_timeout=1)
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


def make_application(vitals: HealthSource, metrics: Metrics, registry: CollectorRegistry) -> web.Application:
    """The three pages."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # that the loop had time to say so is the check

    async def readyz(_: web.Request) -> web.Response:
        checks = await _checks(vitals)
        metrics.checked({name: check.ok for name, check in checks.items()})
        well = all(check.ok for check in checks.values())
        parts = {name: asdict(check) for name, check in checks.items()}
        return web.json_response({"ready": well, "checks": parts}, status=200 if well else 503)

    async def measures(request: web.Request) -> web.Response:
        metrics.checked({name: check.ok for name, check in (await _checks(vitals)).items()})
        metrics.busy_with(len(asyncio.all_tasks()))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                metrics.show(await vitals.figures())
        except Exception as error:  # the counters are still worth a look, now more than ever
            metrics.failed("figures")
            log.warning("the figures cannot be read: %r", error)
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    application = web.Application()
    application.add_routes(
        [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", measures)]
    )
    return application


async def _checks(vitals: HealthSource) -> Mapping[str, Check]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return {"checks": Check(True), **await vitals.ready()}
    except TimeoutError:
        return {"checks": Check(False, f"no answer within {PATIENCE_SECONDS:.0f} s")}
    except Exception as error:
        log.warning("the checks failed: %r", error)
        return {"checks": Check(False, type(error).__name__)}

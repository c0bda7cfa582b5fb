"""What the operator's pages say, over HTTP, of a service that is well, ill, silent or broken."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer, unused_port
from aiohttp.web import Application, Request
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from bot import PortUnusableError
from bot.ops import http
from bot.ops.http import Check, make_application, serve_operations
from bot.ops.metrics import Figures, Metrics, make_registry
from bot.ops.probe import probe
from tests.cli.program import call

Client = TestClient[Request, Application]


@dataclass
class Service:
    """A service with scripted checks and figures."""

    checks: dict[str, Check] = field(default_factory=lambda: {"database": Check(True)})
    told: Figures = field(default_factory=Figures)
    error: Exception | None = None
    hangs: bool = False
    urgent: str = ""

    async def ready(self) -> Mapping[str, Check]:
        await self._trouble()
        return self.checks

    async def figures(self) -> Figures:
        await self._trouble()
        return self.told

    def trouble(self) -> str:
        return self.urgent

    async def _trouble(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error


def probe_program(port: int) -> int:
    """What the container's health check runs."""
    return subprocess.run([sys.executable, "-m", "bot.ops.probe", str(port), "127.0.0.1"]).returncode


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def registry() -> CollectorRegistry:
    return make_registry()


@pytest.fixture
async def client(service: Service, registry: CollectorRegistry) -> AsyncIterator[Client]:
    metrics = Metrics(registry, version="1.2.3")
    async with TestClient(TestServer(make_application(service, metrics, registry))) as client:
        yield client


async def values(client: Client) -> dict[str, float]:
    answer = await client.get("/metrics")
    assert answer.status == 200
    assert answer.content_type == "text/plain"
    samples = [s for family in text_string_to_metric_families(await answer.text()) for s in family.samples]
    return {",".join([s.name, *s.labels.values()]): s.value for s in samples}


async def test_alive(client: Client) -> None:
    answer = await client.get("/healthz")
    assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_alive_names_what_an_operator_must_do(client: Client, service: Service) -> None:
    service.urgent = "the token is refused"
    answer = await client.get("/healthz")
    assert (answer.status, await answer.text()) == (200, "ok: the token is refused\n")


@pytest.mark.parametrize(
    ("sender", "status"), [(Check(True), 200), (Check(False, "behind by 600 s"), 503)], ids=["well", "behind"]
)
async def test_ready_only_if_every_part_is(
    client: Client, service: Service, sender: Check, status: int
) -> None:
    service.checks["sender"] = sender
    answer = await client.get("/readyz")
    told = await answer.json()
    assert answer.status == status
    assert told["ready"] is sender.ok
    assert told["checks"]["sender"] == {"ok": sender.ok, "detail": sender.detail}
    assert (await values(client))["kexue_ready,sender"] == int(sender.ok)


async def test_checks_that_raise_say_what_but_not_why(client: Client, service: Service) -> None:
    service.error = OSError("at host:5432 with hush")
    answer = await client.get("/readyz")
    assert answer.status == 503
    assert "OSError" in (text := await answer.text())
    assert "hush" not in text


async def test_checks_that_hang_are_not_ready(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CHECK_TIMEOUT_SECONDS", 0.01)
    service.hangs = True
    assert (await client.get("/readyz")).status == 503
    shown = await values(client)
    assert shown["kexue_ready,checks"] == 0
    assert shown["kexue_errors_total,figures"] == 1
    assert (await client.get("/healthz")).status == 200


async def test_figures_are_those_of_now(client: Client, service: Service) -> None:
    service.told = Figures(
        deliveries={"pending": 3, "sent": 70}, oldest_due_age=12.5, posts=35, source_ages={"folder": 61.0}
    )
    shown = await values(client)
    assert shown["kexue_deliveries,pending"] == 3
    assert shown["kexue_outbox_age_seconds"] == 12.5
    assert shown["kexue_posts"] == 35
    assert shown["kexue_source_age_seconds,folder"] == 61
    assert shown["kexue_build_info,1.2.3"] == 1
    service.told = Figures(deliveries={"sent": 73}, posts=35)
    shown = await values(client)
    assert "kexue_deliveries,pending" not in shown
    assert shown["kexue_outbox_age_seconds"] == 0


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/healthz", 405), ("GET", "/", 404)])
async def test_nothing_else_is_there(client: Client, method: str, path: str, status: int) -> None:
    assert (await client.request(method, path)).status == status


def test_each_method_counts_its_own() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, version="0")
    metrics.tried("post", "sent", 0.3)
    metrics.waited(2.0)
    metrics.flooded("chat")
    metrics.dump_ingested("new")
    metrics.updated("message")
    with metrics.handling("latest"):
        pass
    metrics.failed("sender")
    metrics.backed_up(1_700_000_000)
    expected: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
        ("kexue_tries_total", (("kind", "post"), ("outcome", "sent"))): 1,
        ("kexue_send_seconds_sum", ()): 0.3,
        ("kexue_pacing_seconds_sum", ()): 2.0,
        ("kexue_floods_total", (("extent", "chat"),)): 1,
        ("kexue_dumps_total", (("result", "new"),)): 1,
        ("kexue_updates_total", (("kind", "message"),)): 1,
        ("kexue_handler_seconds_count", (("handler", "latest"),)): 1,
        ("kexue_errors_total", (("place", "sender"),)): 1,
        ("kexue_backup_timestamp_seconds", ()): 1_700_000_000,
    }
    assert {key: registry.get_sample_value(key[0], dict(key[1])) for key in expected} == expected


async def test_the_window_opens_and_closes(service: Service, registry: CollectorRegistry) -> None:
    metrics, port = Metrics(registry, version="0"), unused_port()
    async with serve_operations(service, metrics, registry, host="127.0.0.1", port=port):
        assert await asyncio.to_thread(probe, port) == 0
        assert await asyncio.to_thread(probe_program, port) == 0
    assert await asyncio.to_thread(probe, port) == 1
    assert await asyncio.to_thread(probe_program, port) == 1


async def test_the_health_command_asks_where_the_service_answers(
    service: Service, registry: CollectorRegistry, tmp_path: Path
) -> None:
    metrics, port = Metrics(registry, version="0"), unused_port()
    async with serve_operations(service, metrics, registry, host="127.0.0.2", port=port):
        for host, code in (("127.0.0.2", 0), ("127.0.0.1", 1), ("", 2)):
            asked = {"HTTP_PORT": str(port), "HTTP_HOST": host}
            ended = await asyncio.to_thread(call, tmp_path, "health", **asked)
            assert ended.exit_code == code, host


async def test_port_0_opens_nothing(service: Service, registry: CollectorRegistry) -> None:
    async with serve_operations(service, Metrics(registry, version="0"), registry, host="127.0.0.1", port=0):
        assert probe(0) == 0


async def test_a_port_in_use_is_one_clear_line(service: Service, registry: CollectorRegistry) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortUnusableError, match=rf"^HTTP_PORT {port} .* choose another"):
            async with serve_operations(
                service, Metrics(registry, version="0"), registry, host="127.0.0.1", port=port
            ):
                pass


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "300.1.1.1", "127.0.0.1:80", " ::1", "“127.0.0.1”"])
async def test_a_host_that_is_none_is_one_clear_line(
    service: Service, registry: CollectorRegistry, host: str
) -> None:
    metrics, port = Metrics(registry, version="0"), unused_port()
    with pytest.raises(PortUnusableError, match=rf"^HTTP_PORT {port} on HTTP_HOST {host} .* choose another"):
        async with serve_operations(service, metrics, registry, host=host, port=port):
            pass


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-x\r\n", b""])
async def test_the_probe_believes_only_a_200(answer: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        assert await asyncio.to_thread(probe, server.sockets[0].getsockname()[1]) == 1

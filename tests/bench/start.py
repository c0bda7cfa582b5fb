"""Seconds from the start of the process to /readyz and of /status: new database, known one, history."""

import asyncio
import json
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

from tests.bench.fan_out import Figures
from tests.bench.fill import FIRST_CHAT, url_of
from tests.bench.live_bot import PATH, SECRET, Living, living
from tests.bench.questions import message_of
from tests.bench.replicas import Prepared
from tests.bench.server_process import Serving, serving

CHATS = 12_000
ADMINS = range(FIRST_CHAT, FIRST_CHAT + 5)  # one question each: a chat gets one message a second
PATIENCE = 30.0  # seconds for an answer


def starting(times: int, history: int) -> dict[str, Figures]:
    """The first start makes the database; of the others, and of those with history, the median."""
    rows: dict[str, Figures] = {}
    for name, deliveries in (("", 0), (f"with {history:,} ended deliveries", history)):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if deliveries:
                asyncio.run(Prepared(url_of(folder / "bench.db"), CHATS).fill(deliveries))
            with serving(folder / "server.log", core=1) as server:
                first, *others = [_start(folder, server) for _ in range(times + 1)]
        if not deliveries:
            rows["first"] = first
        rows[name or "again"] = {key: median(one[key] for one in others) for key in first}
    return rows


def _start(folder: Path, server: Serving) -> Figures:
    admins = ",".join(map(str, ADMINS))
    with living(folder, server.url, admin_chat_ids=admins, rate_per_second=0) as service:
        return {
            "seconds": service.seconds_to_ready,
            "cpu": service.processor_seconds,
            "memory_mb": service.memory_mb,
            "status_ms": 1000 * median(_status(service, server, admin) for admin in ADMINS),
        }


def _status(service: Living, server: Serving, admin: int) -> float:
    """Seconds from an administrator's /status to the message that answers it."""
    before, number = server.count(), time.time_ns()
    request = urllib.request.Request(
        f"http://127.0.0.1:{service.webhook_port}{PATH}",
        json.dumps({"update_id": number % 2**31, **message_of(number % 2**31, admin, "/status")}).encode(),
        {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": SECRET},
    )
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=PATIENCE):
        pass
    while server.count() == before:
        if time.perf_counter() - begun > PATIENCE:
            raise RuntimeError("nobody answered /status")
        time.sleep(0.001)
    return time.perf_counter() - begun

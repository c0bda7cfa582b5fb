"""A fan-out by the product's own sender: claim, write, pace, send, settle; until nothing is left.

A separate program, pinned to one processor and with separate memory: prints one line of JSON.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry
from telegram import Bot

from bot.clock import SystemClock
from bot.delivery.composer import ArchiveComposer
from bot.delivery.messenger import TelegramMessenger
from bot.delivery.retry_policy import DeliveryConfig
from bot.delivery.worker import DeliveryWorker
from bot.intake.ingest import IngestRules, ingest
from bot.ops.memory import freeze_gc
from bot.ops.metrics import make_metrics
from bot.rate_limit.in_process import InProcessRateLimiter
from bot.rate_limit.limits import Limits
from bot.rate_limit.scheduler import SendScheduler
from bot.telegram.capabilities import RichCapability
from bot.telegram.http_request import AiohttpRequest
from storage.database import Database
from storage.model import State
from tests.bench.fill import dump_of, filled
from tests.bench.server_process import TOKEN

POSTS = 200
PATIENCE = 300.0  # seconds; a fan-out that takes longer has failed


async def send_all(file: Path, url: str, *, count: int, rate: float | None, slots: int) -> dict[str, float]:
    clock = SystemClock()
    database = await filled(file, posts=POSTS, subscribers=count)
    await ingest(database, dump_of(range(POSTS, POSTS + 1), "news.txt"), IngestRules(), clock.now())
    request = AiohttpRequest(connections=slots, read_timeout=45)
    await request.initialize()
    messenger = TelegramMessenger(Bot(TOKEN, base_url=f"{url}/bot", request=request))
    composer = ArchiveComposer(database, clock, bot="bench_bot", rich=RichCapability(clock, wanted=False))
    metrics = make_metrics(CollectorRegistry(), version="")
    sender = DeliveryWorker(
        database,
        messenger,
        composer,
        InProcessRateLimiter(database, SendScheduler(Limits(per_second=rate)), clock, metrics),
        clock,
        DeliveryConfig(slots=slots),
        metrics=metrics,
        send_log=database.send_log(),
    )
    freeze_gc()
    begun, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        group.create_task(sender.run())
        await asyncio.wait_for(_until_sent(sender, database, count), PATIENCE)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        sender.stop()
    await request.shutdown()
    await database.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "count": count,
        "seconds": seconds,
        "cpu": cpu,
        "per_second": count / seconds,
        "memory_mb": memory,
    }


async def _until_sent(sender: DeliveryWorker, database: Database, count: int) -> None:
    """Asks the database only at the end: counting a table of many rows would be part of what is measured."""
    while sender.outcomes.get("sent", 0) < count:
        await asyncio.sleep(0.01)
    while (await database.read(lambda tx: tx.outbox.counts())).get(State.SENT, 0) < count:
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    given["file"] = Path(given["file"])
    sys.stdout.write(json.dumps(asyncio.run(send_all(**given))) + "\n")

"""A fan-out by the product's own worker: claim, render, wait, send, settle; until nothing is left.

A separate program, pinned to one processor and with separate memory: takes its arguments as JSON, prints a
line when it is ready, begins when it reads one, and prints one line of JSON.
"""

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from uuid import uuid4

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, event
from telegram import Bot

from bot.delivery.composer import ArchiveComposer
from bot.delivery.messenger import RichCapability, TelegramMessenger
from bot.delivery.retry_policy import DeliveryConfig
from bot.delivery.worker import DeliveryWorker
from bot.leases import LeaseHolder
from bot.ops.memory import freeze_gc
from bot.ops.metrics import Metrics
from bot.rate_limit.scheduler import Limits
from bot.telegram.http_request import AiohttpRequest
from bot.wiring import rate_limiter_of
from storage.clock import SystemClock
from storage.database import Database, open_database
from tests.bench.server_process import TOKEN

PATIENCE = 300.0  # seconds; a fan-out that takes longer has failed
SHARED_AFTER = 5.0  # seconds; the processes of a bot have shared its rate before a post arrives
QUIET_SECONDS = 0.3  # without a message, before the rows are looked at


async def send_all(
    database_url: str,
    url: str,
    *,
    rate: float | None,
    slots: int,
    seconds: float = PATIENCE,
    when_told: bool = True,
) -> dict[str, float]:
    """Send what is pending, for at most `seconds`; begin after a line of input if `when_told`."""
    clock = SystemClock()
    database = await open_database(database_url)
    request = AiohttpRequest(connections=slots, read_timeout=45)
    await request.initialize()
    metrics = Metrics(CollectorRegistry(), version="")
    name = uuid4().hex
    pulse = LeaseHolder(database, clock, f"process {name}", name)
    await pulse.renew()
    limiter = rate_limiter_of(Limits(per_second=rate), database, clock, pulse, metrics)
    worker = DeliveryWorker(
        database,
        TelegramMessenger(Bot(TOKEN, base_url=f"{url}/bot", request=request)),
        ArchiveComposer(database, clock, bot="bench_bot", rich=RichCapability(clock, wanted=False)),
        limiter,
        clock,
        DeliveryConfig(slots=slots),
        metrics=metrics,
        send_log=database.send_log(),
    )
    trips = count_trips(database)
    freeze_gc()
    async with asyncio.TaskGroup() as group:
        background = [group.create_task(limiter.run()), group.create_task(pulse.run())]
        if when_told:
            if rate is not None:
                await asyncio.sleep(SHARED_AFTER)
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.readline)
        begun, cpu, already = time.perf_counter(), time.process_time(), trips["total"]
        group.create_task(worker.run())
        took = await _until_sent(worker, database, seconds)
        cpu, sent = time.process_time() - cpu, worker.outcomes.get("sent", 0)
        used = trips["total"] - already
        worker.stop()
        for task in background:
            task.cancel()
    await request.shutdown()
    await database.close()
    return {
        "count": sent,
        "begun": begun,
        "seconds": took,
        "cpu": cpu,
        "per_second": sent / took if took else 0.0,
        "round_trips": used / max(1, sent),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def count_trips(database: Database) -> Counter[str]:
    """Count statements and bounds of transactions: each is a round trip to a database elsewhere.

    A statement that is committed by itself has no bounds, though SQLAlchemy names them.
    """
    trips: Counter[str] = Counter()

    def bound(connection: Connection) -> None:
        trips["total"] += "isolation_level" not in connection.get_execution_options()

    for name in ("begin", "commit", "rollback"):
        event.listen(database.engine.sync_engine, name, bound)
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *_, **__: trips.update(total=1))
    return trips


async def _until_sent(worker: DeliveryWorker, database: Database, most: float) -> float:
    """Wait until nothing is pending; return the seconds to this process's last message.

    The database is asked only when nothing was sent lately, and for the earliest row, not for numbers: to
    count many rows would be part of what is measured.
    """
    begun = last = time.perf_counter()
    sent = 0
    while time.perf_counter() - begun < most:
        await asyncio.sleep(0.01)
        now, found = time.perf_counter(), worker.outcomes.get("sent", 0)
        if found != sent:
            sent, last = found, now
        elif now - last > QUIET_SECONDS:
            if await database.read(lambda tx: tx.outbox.oldest_due()) is None:
                break
            await asyncio.sleep(QUIET_SECONDS)
    return last - begun


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(send_all(**json.loads(sys.argv[1])))) + "\n")

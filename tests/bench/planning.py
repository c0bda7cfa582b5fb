"""Planning an announcement to very many chats: how long, how long others wait, what it writes."""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from bot.delivery.due_worker import DueWorker
from bot.intake.ingest import IngestRules, ingest
from storage.clock import SystemClock
from storage.database import Database, Transaction, open_database
from tests.bench.fan_out import Figures
from tests.bench.fill import dump_of, filled_at, url_of
from tests.tools.postgres import create_database, postgres_server, programs

POSTS = 20
LOOK_SECONDS = 0.05  # between two writes of another writer


async def plan(url: str, subscribers: int) -> Figures:
    """Ingest one post and plan all of it while another transaction writes again and again."""
    database = await filled_at(url, posts=POSTS, subscribers=subscribers)
    await database.close()
    database = await open_database(url)
    worker = DueWorker(database, SystemClock(), digest_above=5, planned=lambda: None)
    before, waits = await written(database), [0.0]
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(write_again_and_again(database, waits))
        begun = time.perf_counter()
        news = dump_of(range(POSTS, POSTS + 1), "news.txt")
        first = (await ingest(database, news, IngestRules(), datetime.now(UTC))).deliveries
        first_seconds = time.perf_counter() - begun
        await worker.advance_plans()
        seconds = time.perf_counter() - begun
        writer.cancel()
    planned = sum((await database.read(lambda tx: tx.outbox.counts())).values())
    grown = await written(database) - before
    await database.close()
    if planned != subscribers:
        raise RuntimeError(f"{planned} of {subscribers} were planned, {first} of them at first")
    return {
        "planning_seconds": seconds,
        "first_batch_seconds": first_seconds,
        "longest_writer_wait_ms": 1000 * max(waits),
        "written_mb": grown / 1e6,
    }


async def write_again_and_again(database: Database, waits: list[float]) -> None:
    async def write(tx: Transaction) -> None:
        await tx.key_values.put("bench", str(len(waits)))

    while True:
        begun = time.perf_counter()
        await database.write(write)
        waits.append(time.perf_counter() - begun)
        await asyncio.sleep(LOOK_SECONDS)


async def written(database: Database) -> float:
    """Bytes of write-ahead log on PostgreSQL, of the file on SQLite."""
    if database.dialect == "postgresql":
        sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
    else:
        sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"

    async def ask(tx: Transaction) -> float:
        return float((await tx.outbox._connection.execute(text(sql))).scalar_one())

    return await database.read(ask)


def plannings(subscribers: int) -> dict[str, Figures]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        urls = {"SQLite": url_of(Path(folder) / "bench.db")}
        if programs() is not None:
            urls["PostgreSQL"] = create_database(stack.enter_context(postgres_server(durable=True)), "bench")
        return {f"{name}, {subscribers:,}": asyncio.run(plan(url, subscribers)) for name, url in urls.items()}

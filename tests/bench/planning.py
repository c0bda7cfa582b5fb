"""Planning an announcement to very many chats, its rows, and pruning them: duration, others' waits, bytes."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from bot.delivery.due_worker import DueWorker
from bot.intake.ingest import IngestRules, ingest
from bot.maintenance import Maintenance
from storage.batches import BatchWriter
from storage.clock import SystemClock
from storage.database import Database, Transaction, open_database
from tests.bench.fan_out import Figures
from tests.bench.fill import dump_of, filled_at, url_of
from tests.tools.postgres import create_database, postgres_server, programs

POSTS = 20
LOOK_SECONDS = 0.05  # between two writes of another writer
END_ALL = "UPDATE deliveries SET state = 'sent', updated_at = 1, kind = 'edit'"  # a last episode is kept


async def plan_and_prune(url: str, subscribers: int) -> tuple[Figures, Figures, Figures]:
    """Ingest one post and plan it while another transaction writes; make it rows; prune it."""
    await (await filled_at(url, posts=POSTS, subscribers=subscribers)).close()
    database = await open_database(url)
    await database.optimize()
    worker = DueWorker(database, SystemClock(), digest_above=5, planned=lambda: None)
    news, first_seconds = dump_of(range(POSTS, POSTS + 1), "news.txt"), 0.0

    async def plan() -> None:
        nonlocal first_seconds
        begun = time.perf_counter()
        await ingest(database, news, IngestRules(), datetime.now(UTC))
        first_seconds = time.perf_counter() - begun
        await worker.advance_plans()

    planning = await beside_a_writer(database, plan)
    await expect(database, subscribers)
    expanding = await beside_a_writer(database, lambda: expand(database))
    await expect(database, subscribers)
    await database.write(lambda tx: tx.outbox._connection.execute(text(END_ALL)))
    housekeeper = Maintenance(database, SystemClock(), max_age=timedelta(days=14), keep=timedelta(days=90))
    pruning = await beside_a_writer(database, housekeeper.prune)
    await expect(database, 0)
    await database.close()
    return {**planning, "first_batch_seconds": first_seconds}, expanding, pruning


async def expand(database: Database) -> None:
    """Make all chunks rows, as the worker does over the time that the sending takes."""
    batches = BatchWriter(database, SystemClock())
    while await batches.write(lambda tx, rows: tx.chunks.expand(rows)) is not None:
        pass


async def expect(database: Database, planned: int) -> None:
    sql = "SELECT (SELECT count(*) FROM deliveries) + (SELECT coalesce(sum(size), 0) FROM delivery_chunks)"

    async def ask(tx: Transaction) -> int:
        return int((await tx.outbox._connection.execute(text(sql))).scalar_one())

    if (found := await database.read(ask)) != planned:
        raise RuntimeError(f"{found} deliveries instead of {planned}")


async def beside_a_writer(database: Database, work: Callable[[], Awaitable[None]]) -> Figures:
    """Figures of `work` and of the waits of another transaction that writes all the time."""
    before, waits = await written(database), [0.0]
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(write_again_and_again(database, waits))
        begun = time.perf_counter()
        await work()
        seconds = time.perf_counter() - begun
        writer.cancel()
    return {
        "seconds": seconds,
        "longest_writer_wait_ms": 1000 * max(waits),
        "written_mb": (await written(database) - before) / 1e6,
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
    rows: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        urls = {"SQLite": url_of(Path(folder) / "bench.db")}
        if programs() is not None:
            urls["PostgreSQL"] = create_database(stack.enter_context(postgres_server(durable=True)), "bench")
        for name, url in urls.items():
            planned, expanded, pruned = asyncio.run(plan_and_prune(url, subscribers))
            of = f"{name}, {subscribers:,}"
            rows |= {of: planned, f"{of} made rows": expanded, f"{of} pruned": pruned}
    return rows

"""What a delivery weighs: bytes a row of the outbox in SQLite and in PostgreSQL, after a whole life.

`python -m tests.bench.row_sizes [DELIVERIES]` prints one line of JSON. Every row is planned, claimed and
marked as sent by the product's own statements, so that what updates leave behind is weighed too.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert, text

from bot.intake.ingest import IngestRules, ingest
from storage.database import Database, Transaction, open_database
from storage.model import Settlement, State
from storage.schema import destinations, subscriptions
from tests.bench.fan_out import Figures
from tests.bench.fill import FIRST_CHAT, chats_wanting, dump_of, planned
from tests.tools.postgres import create_database, postgres_server, programs

DELIVERIES = 200_000
POSTS = 4
BATCH = 1000

Weigh = Callable[[Database], Awaitable[float]]


async def life(url: str, count: int, weigh: Weigh) -> Figures:
    """`count` deliveries from the plan to the end; bytes a row in use, and what the database took at most."""
    database = await open_database(url)
    await ingest(database, dump_of(range(20), "first.txt"), IngestRules(), datetime.now(UTC))
    await subscribe(database, count // POSTS)
    before = await weigh(database)
    began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows, started = 0, time.perf_counter()
    for number in range(20, 20 + POSTS):
        rows += await planned(database, dump_of(range(number, number + 1), f"{number}.txt"))
        while await database.write(lambda tx: tx.chunks.expand(BATCH)) is not None:
            pass
    planning = time.perf_counter() - started
    settled, started = await send_all(database), time.perf_counter() - started - planning
    after = await weigh(database)
    await database.close()
    if not rows == settled == count:
        raise RuntimeError(f"{rows} planned and {settled} sent of {count}")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - began) / 1024
    return {
        "bytes": (after - before) / count,
        "planned_per_second": count / planning,
        "sent_per_second": count / started,
        "memory_mb": grown,
    }


async def subscribe(database: Database, chats: int) -> None:
    everything = (await database.write(lambda tx: tx.scopes.everything())).id
    rows, wishes = chats_wanting(range(FIRST_CHAT, FIRST_CHAT + chats), everything, datetime.now(UTC))

    async def store(tx: Transaction) -> None:
        await tx.outbox._connection.execute(insert(destinations), rows)
        await tx.outbox._connection.execute(insert(subscriptions), wishes)

    await database.write(store)


async def send_all(database: Database) -> int:
    """Claim and mark as sent until nothing is due; returns how many."""
    settled = 0

    async def batch(tx: Transaction) -> int:
        now = datetime.now(UTC)
        claimed = await tx.outbox.claim(BATCH, now, timedelta(minutes=2))
        ended = [
            Settlement(delivery_id=one.id, token=one.token, state=State.SENT, message_id=settled + at)
            for at, one in enumerate(claimed, 1)
        ]
        await tx.outbox.settle(ended, now)
        return len(claimed)

    while count := await database.write(batch):
        settled += count
    return settled


async def file_in_use(database: Database) -> float:
    """Bytes of an SQLite file without its free pages."""

    async def ask(tx: Transaction) -> float:
        pages = [
            (await tx.outbox._connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        ]
        return float((pages[0] - pages[1]) * pages[2])

    return await database.write(ask)


async def relation_in_use(database: Database) -> float:
    """Bytes of PostgreSQL's table of deliveries with its indexes, dead rows among them."""

    async def ask(tx: Transaction) -> float:
        found = await tx.outbox._connection.execute(text("SELECT pg_total_relation_size('deliveries')"))
        return float(found.scalar_one())

    return await database.write(ask)


def weights(count: int = DELIVERIES) -> dict[str, Figures]:
    with TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'bench.db'}"
        weighed = {"SQLite": asyncio.run(life(url, count, file_in_use))}
    if programs() is not None:
        with postgres_server() as server:
            url = create_database(server, "weighing")
            weighed["PostgreSQL"] = asyncio.run(life(url, count, relation_in_use))
    return weighed


if __name__ == "__main__":
    found = weights(int(sys.argv[1]) if len(sys.argv) > 1 else DELIVERIES)
    sys.stdout.write(json.dumps(found) + "\n")

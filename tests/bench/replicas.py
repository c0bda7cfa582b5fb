"""Fan-outs of one or several processes on one database, side by side: SQLite, PostgreSQL, with history.

Each process is pinned to a processor; each fan-out announces another post to the same chats.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from storage.database import open_database
from storage.engine import create_engine
from tests.bench.fan_out import SLOTS, Figures, run_together
from tests.bench.fill import dump_of, filled_at, planned, url_of
from tests.bench.rate import most_within
from tests.bench.server_process import serving
from tests.tools.postgres import create_database, postgres_server, programs

LATENCY = 0.05
POSTS = 250  # history is one delivery for each chat and post
BUSY_PROCESSES = 4
BUSY_RATE, BUSY_SECONDS = 30, 20.0

HISTORY = """
INSERT INTO deliveries (destination_id, duty, kind, post_id, state, priority, due_at, token, attempts,
                        message_id, created_at, updated_at)
SELECT destinations.id, 'post:' || posts.id, 'post', posts.id, 'sent', 2, :at + posts.id, 'ended', 1,
       1000 * posts.id + destinations.id, :at + posts.id, :at + posts.id
FROM posts, destinations WHERE posts.id <= :posts ORDER BY posts.id, destinations.id
"""
SETTLED = {
    "sqlite": ("ANALYZE",),
    "postgresql": ("VACUUM ANALYZE", "CHECKPOINT"),
}


@dataclass(slots=True)
class Prepared:
    """A database with `chats` subscribers; `posts` are known, the next one is announced."""

    url: str
    chats: int
    posts: int = POSTS

    async def fill(self, history: int) -> None:
        await (await filled_at(self.url, posts=POSTS, subscribers=self.chats)).close()
        if history:
            month_ago = datetime.now(UTC) - timedelta(days=30)  # young enough not to be pruned
            at = round(month_ago.timestamp() * 1e6)
            engine = create_engine(self.url)
            async with engine.begin() as connection:
                await connection.execute(text(HISTORY), {"at": at, "posts": history // self.chats})
            # History of months was vacuumed and written to its place long ago, and not by the first fan-out.
            async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                for statement in SETTLED[connection.dialect.name]:
                    await connection.execute(text(statement))
            await engine.dispose()

    async def announce(self) -> None:
        database = await open_database(self.url)
        await planned(database, dump_of(range(self.posts, self.posts + 1), f"{self.posts}.txt"))
        await database.close()
        self.posts += 1


def send(
    prepared: Prepared, processes: int, rate: float | None, *, enforce: bool = False, seconds: float = 300.0
) -> Figures:
    """Announce a post and send it by so many processes; figures of all together, as the server counted."""
    asyncio.run(prepared.announce())
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with serving(
            log, core=1, latency=LATENCY, enforce=enforce, per_second=round(rate or 1_000_000)
        ) as server:
            given = {"rate": rate, "slots": SLOTS, "seconds": seconds}
            runs = run_together(prepared.url, server.url, given, processes)
        times = sorted(message["at"] for message in server.taken())
    return {
        "count": len(times),
        "per_second": (len(times) - 1) / (times[-1] - times[0]),
        "most_in_a_second": most_within(times, 1.0),
        "too_many_requests": server.floods,
        "round_trips": sum(run["round_trips"] * run["count"] for run in runs) / max(1, len(times)),
        "cpu": sum(run["cpu"] for run in runs),
        "memory_mb": max(run["memory_mb"] for run in runs),
    }


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Processes that compute all the time, on any processor."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def side_by_side(chats: int, history: int) -> dict[str, Figures]:
    """Rows of figures: each database without a limit, at 1,000/s, and at 30/s while others compute."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        databases = {"SQLite": Prepared(url_of(Path(folder) / "bench.db"), chats)}
        if programs() is not None:
            server = stack.enter_context(postgres_server())
            databases["PostgreSQL"] = Prepared(create_database(server, "bench"), chats)
        for prepared in databases.values():
            asyncio.run(prepared.fill(history))
        plans = [
            (f"{name}, {processes}" if processes > 1 else name, prepared, processes)
            for name, prepared in databases.items()
            for processes in ((1, 2) if name == "PostgreSQL" else (1,))
        ]
        rows: dict[str, Figures] = {}
        for rate in (None, 1000):
            for name, prepared, processes in plans:
                label = f"{name}, {'no limit' if rate is None else f'{rate:,}/s'}"
                rows[label] = send(prepared, processes, rate, enforce=rate is not None)
        with busy(BUSY_PROCESSES):
            for name, prepared, processes in plans:
                label = f"{name}, {BUSY_RATE}/s, busy"
                rows[label] = send(prepared, processes, BUSY_RATE, enforce=True, seconds=BUSY_SECONDS)
    return rows

"""Several real programs that share one PostgreSQL and one bot, and what a test does to them."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.model import Dump
from tests.bench.fill import filled_at, planned
from tests.bench.server_process import TOKEN, Serving, serving
from tests.tools.programs import Program, started
from tests.torture.accounting import Account, account
from tests.torture.runs import NEWS, POSTS

STATES = (
    "SELECT chat_id, state FROM deliveries JOIN destinations ON destinations.id = destination_id"
    " WHERE deliveries.kind = 'post'"
)
CLAIMED_BY = (
    "SELECT count(*) FROM deliveries JOIN leases ON leases.token = deliveries.owner"
    " WHERE state = 'sending' AND leases.owner LIKE $1"
)


@dataclass(slots=True)
class Fleet:
    """A database with one announcement for each of some chats, and the processes that send them."""

    folder: Path
    url: str
    server: str
    log: Serving | None = None
    settings: dict[str, object] = field(default_factory=dict)
    members: dict[str, Program] = field(default_factory=dict)

    def start(self, name: str, **settings: object) -> None:
        """Start `kexue-bot run` under this name; it logs into NAME.log."""
        dumps = self.folder / "dumps"
        dumps.mkdir(exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}  # noqa: TID251 - of a separate program
        environment |= {
            "BOT_TOKEN": TOKEN,
            "BOT_API_URL": self.server,
            "DATABASE_URL": self.url,
            "DUMP_DIR": str(dumps),
            "MAX_IN_FLIGHT": "16",
            "RICH": "0",
            "HTTP_PORT": "0",
        }
        environment |= {setting: str(value) for setting, value in (self.settings | settings).items()}
        log = self.folder / f"{name}.log"
        self.members[name] = started("run", folder=self.folder, environment=environment, log=log)

    def land(self) -> None:
        """A dump with one more post lands in the folder."""
        dumps = self.folder / "dumps"
        dumps.mkdir(exist_ok=True)
        arriving = dumps / "news.txt.part"
        arriving.write_bytes(NEWS)
        arriving.rename(dumps / "news.txt")

    def tell(self, name: str, how: signal.Signals) -> None:
        self.members[name].send_signal(how)

    def end(self, name: str, how: signal.Signals = signal.SIGKILL, *, within: float = 40) -> int:
        """Send the signal, wait until the process has ended and return its exit code."""
        process = self.members[name]
        if process.poll() is None:
            process.send_signal(how)
        return process.wait(within)

    def ask(self, sql: str, *values: object) -> list[Any]:
        """Return the rows of a query over a separate connection."""
        return asyncio.run(_ask(self.url, sql, values))

    def now(self) -> int:
        """What the database's clock shows, as rows keep it."""
        return int(self.ask("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")[0][0])

    def lives(self, name: str) -> bool:
        """Whether this process has joined the others."""
        return bool(
            self.ask("SELECT 1 FROM leases WHERE name LIKE $1", f"process%:{self.members[name].pid}:%")
        )

    def claimed_by(self, name: str) -> int:
        """How many duties are claimed by this process: each may become a copy when it dies."""
        return int(self.ask(CLAIMED_BY, f"%:{self.members[name].pid}:%")[0][0])

    def states(self) -> dict[int, str]:
        return {row[0]: row[1] for row in self.ask(STATES)}

    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return not self.ask(
            "SELECT 1 FROM deliveries WHERE state IN ('pending', 'sending')"
            " UNION ALL SELECT 1 FROM delivery_chunks LIMIT 1"
        )

    def sent(self) -> int:
        return self.log.count() if self.log is not None else 0

    def until(self, reached: Callable[[], bool], within: float = 60) -> float:
        """Wait until something is so; how many seconds that took."""
        begun = time.monotonic()
        while not reached():
            if time.monotonic() > begun + within:
                logs = "\n".join(
                    f"{log.name}: {log.read_text(errors='replace')[-1500:]}"
                    for log in self.folder.glob("*.log")
                )
                raise AssertionError(f"not within {within} s:\n{logs}")
            time.sleep(0.05)
        return time.monotonic() - begun

    def count(self) -> Account:
        assert self.log is not None
        return account(self.states(), [message["chat"] for message in self.log.taken()])


async def _ask(url: str, sql: str, values: tuple[object, ...]) -> list[Any]:
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        found: list[Any] = await connection.fetch(sql, *values)
    finally:
        await connection.close()
    return found


@contextmanager
def fleet(folder: Path, url: str, server: str, **settings: object) -> Iterator[Fleet]:
    """Processes to be started; whatever of them runs at the end is killed."""
    ships = Fleet(folder, url, server, settings=settings)
    try:
        yield ships
    finally:
        for name in ships.members:
            ships.end(name)


@contextmanager
def announced(
    folder: Path,
    url: str,
    chats: int,
    *,
    settings: dict[str, object],
    is_known: bool = True,
    **knobs: Any,
) -> Iterator[Fleet]:
    """One post announced to so many private chats, nothing of it sent yet; a server with these knobs.

    Unless it `is_known`, the post is in no dump yet and `Fleet.land` brings it.
    """

    async def prepare() -> None:
        database = await filled_at(url, posts=POSTS, subscribers=chats)
        news = Dump(name="news.txt", content=NEWS, captured_at=datetime.now(UTC))
        if is_known:
            assert await planned(database, news) == chats
        await database.close()

    asyncio.run(prepare())
    with serving(folder / "server.jsonl", **knobs) as server, fleet(folder, url, server.url) as ships:
        ships.log, ships.settings = server, settings
        yield ships

"""The real program as a process that a test may kill, and the database and server that outlive it."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.model import Dump
from tests.bench.fill import filled, planned, url_of
from tests.bench.invented_posts import listing
from tests.bench.server_process import TOKEN, Serving, serving
from tests.tools.databases import Kind, kind_in_use, url_in
from tests.tools.programs import Program, started
from tests.torture.accounting import Account, account, chats_by_state, work_left

POSTS = 20
NEWS = listing(range(POSTS, POSTS + 1))


@dataclass(slots=True)
class Scene:
    """A database with one announcement for each of `chats`, and the server that receives it."""

    folder: Path
    server: Serving
    settings: dict[str, str] = field(default_factory=dict)
    process: Program | subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        return self.folder / "kexue.db"

    def environment(self, **settings: object) -> dict[str, str]:
        """The environment of a process with these settings."""
        dumps = self.folder / "dumps"
        dumps.mkdir(exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}  # noqa: TID251 - of a separate program
        environment |= {
            "BOT_TOKEN": TOKEN,
            "BOT_API_URL": self.server.url,
            "DATABASE_URL": url_of(self.file),
            "DUMP_DIR": str(dumps),
            "LEASE_SECONDS": "2",
            "RATE_PER_SECOND": "0",
            "MAX_IN_FLIGHT": "16",
            "RICH": "0",
            "HTTP_PORT": "0",
        }
        return environment | self.settings | {name: str(value) for name, value in settings.items()}

    def start(
        self, *, largest_file: int | None = None, open_files: int | None = None, **settings: object
    ) -> None:
        """Start `kexue-bot run` with limits as of `started`; it logs into bot.log."""
        log = self.folder / "bot.log"
        self.process = started(
            "run",
            folder=self.folder,
            environment=self.environment(**settings),
            log=log,
            largest_file=largest_file,
            open_files=open_files,
        )

    def land(self) -> None:
        """A dump with one more post lands in the folder."""
        dumps = self.folder / "dumps"
        dumps.mkdir(exist_ok=True)
        arriving = dumps / "news.txt.part"
        arriving.write_bytes(NEWS)
        arriving.rename(dumps / "news.txt")

    def end(self, how: signal.Signals = signal.SIGKILL, *, within: float = 30) -> int:
        """Send the signal, wait until the process has ended and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(within)

    def died(self, within: float = 20) -> int:
        """Wait until the process has ended without a signal."""
        assert self.process is not None
        return self.process.wait(within)

    def until(self, reached: Callable[[], bool], within: float = 60) -> None:
        """Wait until something is so; a process that ended meanwhile is an error."""
        end = time.monotonic() + within
        while not reached():
            assert self.process is not None
            if time.monotonic() > end or self.process.poll() is not None:
                log = (self.folder / "bot.log").read_text(errors="replace")
                raise AssertionError(f"exit {self.process.poll()}, {self.states()}:\n{log[-3000:]}")
            time.sleep(0.03)

    def states(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for state in chats_by_state(self.file).values():
            counted[state] = counted.get(state, 0) + 1
        return counted

    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return not work_left(self.file)

    def finish(self, within: float = 60, **settings: Any) -> Account:
        """Start a new process for the remaining deliveries, stop it in order, and count."""
        self.start(**settings)
        self.until(self.settled, within)
        self.end(signal.SIGTERM)
        return self.count()

    def count(self) -> Account:
        return account(chats_by_state(self.file), [message["chat"] for message in self.server.taken()])


@contextmanager
def scene(
    folder: Path, chats: int, *, groups: tuple[int, ...] = (), announced: bool = True, **knobs: Any
) -> Iterator[Scene]:
    """One post announced to `chats` private chats and `groups`, nothing of it sent yet.

    If not `announced`, the post is not known yet and `Scene.land` brings it.
    """

    async def prepare() -> None:
        with kind_in_use(Kind.SQLITE):
            url_in(folder)  # of today's schema, which the next line would make again
        database = await filled(folder / "kexue.db", posts=POSTS, subscribers=chats, groups=groups)
        news = Dump(name="news.txt", content=NEWS, captured_at=datetime.now(UTC))
        if announced:
            assert await planned(database, news) == chats + len(groups)
        await database.close()

    asyncio.run(prepare())
    with serving(folder / "server.log", **knobs) as server:
        here = Scene(folder, server)
        try:
            yield here
        finally:
            if here.process is not None:
                here.end()

"""Faults of every kind during real work: all pushes arrive, all people are answered, memory stays bounded.

Ten minutes, or CHAOS_SECONDS: junk files, idle and half-sent connections, hostile headers of a feed, a
stopped process, a clock that is set, a full and a read-only disk, a token that is refused and works again.
"""

import asyncio
import itertools
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bench.invented_posts import listing, title_of
from tests.bench.server_process import ROOT, TOKEN
from tests.fakes.blog import NOT_FOUND, Blog, Say, page
from tests.torture.crowds import HOST, SECRET, Answers, ask, crowd, free_port, update
from tests.torture.disk import Disk
from tests.torture.runs import POSTS, Scene, scene

pytestmark = pytest.mark.torture

SECONDS = float(os.environ.get("CHAOS_SECONDS", "600"))  # noqa: TID251 - how long the run takes
CHATS = 100
ROUND = 20.0  # seconds from one dump with a new post to the next
PAUSE = 8.0  # seconds from one disaster to the next
PERSON = 90_000_000
MEMORY = 400_000_000  # bytes
LOG_PER_MINUTE = 1_000_000
OPEN_FILES = 1024
GRACE = 4.0  # seconds after a fault in which a task that it hit may still fail

HOSTILE = (
    {"ETag": '"a' + "\x7f" * 9 + '"'},
    {"ETag": '"' + "x" * 7000 + '"'},
    {"ETag": 'W/""', "Last-Modified": ""},
    {"Last-Modified": "yesterday, or so", "Retry-After": "-9" * 100},
    {"Location": "http://[::1", "Content-Type": "text/html; charset=nowhere"},
    {"Content-Encoding": "gzip"},
    {"Content-Type": "application/rss+xml; charset=utf-7"},
)
NEWS = tuple(
    {title_of(n).partition("（")[0]: n for n in range(POSTS, 2000) if n % 3}.values()
)  # no two alike
STATUSES = (200, 304, 301, 429, 500)
PAGES = 12


def hostile(number: int) -> Say:
    """Another status, body and headers for each number."""
    body = random.Random(number).randbytes(2000)
    headers: dict[str, Any] = HOSTILE[number % len(HOSTILE)]
    return page(body, status=STATUSES[number % len(STATUSES)], **headers)


@asynccontextmanager
async def served(feed: Blog, port: int) -> AsyncIterator[None]:
    feed.fallback = lambda path, _: NOT_FOUND if path == "/robots.txt" else hostile(len(feed.asked))
    async with await asyncio.start_server(feed.answer, HOST, port):
        yield


@dataclass(frozen=True, slots=True)
class Fault:
    """What was broken, from when to when (seconds since 1970)."""

    kind: str
    began: float
    ended: float


@dataclass(slots=True)
class Chaos:
    """One run: what was asked of the bot, what was done to it, and what it took."""

    here: Scene
    settings: dict[str, object]
    ports: tuple[int, int]  # webhook and health
    disk: Disk | None
    asked: int = 0
    posts: int = 0
    peak: int = 0
    faults: list[Fault] = field(default_factory=list)
    answers: Answers = field(default_factory=Answers)
    accepted: asyncio.Lock = field(default_factory=asyncio.Lock)  # no updates come while a token is refused
    end: float = 0.0

    def start(self) -> None:
        """Start the bot on its disk, with a clock that can be set."""
        words = [sys.executable, "-m", "tests.torture.stepping_clock", "run"]
        with (self.here.folder / "bot.log").open("ab") as log:
            process = subprocess.Popen(
                words if self.disk is None else self.disk.command(*words),
                cwd=self.here.folder,
                env=self.here.environment(**self.settings) | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
        self.here.process = process
        if self.disk is not None:
            self.disk.pid = process.pid

    @property
    def pid(self) -> int:
        assert self.here.process is not None
        return self.here.process.pid

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.end

    async def run(self, feed: Blog, port: int) -> None:
        self.end = time.monotonic() + SECONDS
        async with served(feed, port), asyncio.TaskGroup() as group:
            for work in (self.people(), self.dumps(), self.disasters(), self.look()):
                group.create_task(work)

    async def people(self) -> None:
        """Each second another person asks; Telegram repeats what is not answered with 200."""
        while self.goes_on:
            body = update(1000 + self.asked, PERSON + self.asked, "/help")
            self.asked += 1
            for _ in range(60):
                async with self.accepted:
                    await ask(f"http://{HOST}:{self.ports[0]}/telegram", self.answers, body)
                if self.answers.statuses[-1] == 200:
                    break
                await asyncio.sleep(1)
            await asyncio.sleep(1)

    async def dumps(self) -> None:
        """A post lands every `ROUND` seconds, among junk files of every kind of name."""
        folder = self.here.folder / "dumps"
        while self.goes_on:
            for number in range(40):
                name = b"junk\xff\x1b\xe2\x80\xae\n%d-%d.txt" % (self.posts, number)
                (folder / os.fsdecode(name)).write_bytes(b"\x00 no dump %d" % time.monotonic_ns())
            (folder / f"link{self.posts}").symlink_to("/")
            news = folder / f"news{self.posts}.txt"
            news.with_suffix(".part").write_bytes(listing(range(NEWS[self.posts], NEWS[self.posts] + 1)))
            news.with_suffix(".part").rename(news)
            self.posts += 1
            await asyncio.sleep(min(ROUND, max(0.0, self.end - time.monotonic())))

    async def disasters(self) -> None:
        """One fault after the other."""
        for disaster in itertools.cycle(
            (self.stand_still, self.fill_disk, self.refuse_token, self.set_clock, self.break_disk)
        ):
            await asyncio.sleep(PAUSE)
            if not self.goes_on:
                return
            began = time.time()
            await disaster()
            self.faults.append(Fault(disaster.__name__, began, time.time()))

    async def stand_still(self) -> None:
        """As a suspended machine."""
        os.kill(self.pid, signal.SIGSTOP)
        await asyncio.sleep(3)
        os.kill(self.pid, signal.SIGCONT)

    async def fill_disk(self) -> None:
        if self.disk is not None:
            self.disk.fill()
            await asyncio.sleep(5)
            self.disk.filler.unlink()
            return
        unlimited = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (4096, unlimited[1]))
        await asyncio.sleep(5)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, unlimited)

    async def refuse_token(self) -> None:
        async with self.accepted, aiohttp.ClientSession() as session:
            for refused in (True, False):
                async with session.get(f"{self.here.server.url}/refuse?{int(refused)}") as answer:
                    await answer.read()
                await asyncio.sleep(5 if refused else 0)

    async def set_clock(self) -> None:
        """An hour ahead, an hour back, and right again."""
        for ahead in (3600, -3600, 0):
            (self.here.folder / "clock").write_text(str(ahead))
            await asyncio.sleep(3)

    async def break_disk(self) -> None:
        """The disk turns read-only, is repaired, and the bot is started again."""
        if self.disk is None:
            return
        self.disk.turn_read_only()
        await asyncio.sleep(5)
        assert self.here.process is not None
        assert self.here.process.poll() is None, "it stays up on a read-only disk"
        await asyncio.to_thread(self.here.end, signal.SIGTERM)
        await asyncio.to_thread(self.disk.repair)
        self.start()

    async def look(self) -> None:
        while self.goes_on:
            try:
                pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            except (OSError, IndexError):  # being started again
                pages = 0
            self.peak = max(self.peak, pages * resource.getpagesize())
            await asyncio.sleep(1)


RESTART = re.compile(r"^(\S+) ERROR +\S+ .*the task (\S+) failed and is restarted in", re.MULTILINE)


def unexplained(log: str, faults: list[Fault]) -> list[str]:
    """The restarts of tasks for which no fault of the disk is to blame, and too many for one."""
    counted: Counter[tuple[str, Fault | None]] = Counter()
    for at, task in RESTART.findall(log):
        moment = datetime.fromisoformat(at).timestamp()
        blame = (each for each in faults if each.began - 1 <= moment <= each.ended + GRACE)
        counted[task, next((each for each in blame if "disk" in each.kind), None)] += 1
    return [f"{task}: {n} times, {fault}" for (task, fault), n in counted.items() if fault is None or n > 4]


def test_everything_at_once_loses_nothing(tmp_path: Path) -> None:
    webhook, health, blog = free_port(), free_port(), free_port()
    with scene(tmp_path, CHATS, announced=False, latency=0.02) as here:
        disk = Disk.made(tmp_path / "disk.ext4", here.file)
        data = tmp_path if disk is None else disk.folder
        settings: dict[str, object] = {
            "RATE_PER_SECOND": 30,
            "LEASE_SECONDS": 10,
            "HTTP_PORT": health,
            "WEBHOOK_URL": f"http://{HOST}:{webhook}/telegram",
            "WEBHOOK_HOST": HOST,
            "WEBHOOK_PORT": webhook,
            "WEBHOOK_SECRET": SECRET,
            "FEED_URL": f"http://{HOST}:{blog}/feed",
            "FEED_CRON": "* * * * *",
            "PAGES": ";".join(f"http://{HOST}:{blog}/{page} * * * * *" for page in range(PAGES)),
            "FETCH_PRIVATE": 1,
            "FETCH_PAUSE_SECONDS": 0.5,
            "DATABASE_URL": f"sqlite+aiosqlite:///{data}/kexue.db",
            "BACKUP_DIR": data / "copies",
            "HOLD_ABOVE": 1000,
            "DIGEST_ABOVE": 1000,
        }
        feed, chaos = Blog(), Chaos(here, settings, (webhook, health), disk)
        chaos.start()
        here.until(lambda: b"running as" in log_of(here))
        with crowd(webhook, health, idle=400, half=100):
            asyncio.run(chaos.run(feed, blog))
        here.until(lambda: pushes(here) >= CHATS * chaos.posts, within=120)
        here.end(signal.SIGTERM)
        if disk is not None:
            disk.repair()
            disk.copy_out(tmp_path)
        log, taken, counted = log_of(here), here.server.taken(), here.count()
        assert here.settled()
    copies = Counter((each["chat"], each["about"]) for each in taken if each["chat"] < PERSON)
    answered = Counter(each["chat"] for each in taken if each["chat"] >= PERSON)
    wanted = {PERSON + number for number in range(chaos.asked)}
    assert wanted - set(answered) == set(), "every person is answered"
    assert len(copies) >= CHATS * chaos.posts, "every push arrives"
    assert max(copies.values()) <= 2
    assert (counted.lost, counted.phantom) == (0, 0)
    assert max(answered.values()) <= 2
    assert chaos.peak < MEMORY
    assert len(log) < LOG_PER_MINUTE * (SECONDS / 60 + 2)
    assert TOKEN.encode() not in log
    assert len(feed.paths()) > SECONDS / 60
    assert unexplained(log.decode(errors="replace"), chaos.faults) == []


def log_of(here: Scene) -> bytes:
    return (here.folder / "bot.log").read_bytes()


def pushes(here: Scene) -> int:
    """How many messages to subscribers there are, repeated ones counted once."""
    return len({(each["chat"], each["about"]) for each in here.server.taken() if each["chat"] < PERSON})

"""Faults of every kind during real work: all pushes arrive, all people are answered, memory stays bounded.

Ten minutes, or CHAOS_SECONDS: junk files, idle and half-sent connections, hostile headers of a feed, a
stopped process, a full disk, and a token that is refused and works again.
"""

import asyncio
import os
import random
import resource
import signal
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.bench.invented_posts import listing
from tests.bench.server_process import TOKEN
from tests.torture.crowds import HOST, SECRET, Answers, ask, crowd, free_port, update
from tests.torture.runs import POSTS, Scene, scene

pytestmark = pytest.mark.torture

SECONDS = float(os.environ.get("CHAOS_SECONDS", "600"))  # noqa: TID251 - how long the run takes
CHATS = 100
ROUND = 20.0  # seconds from one dump with a new post to the next
PERSON = 90_000_000
MEMORY = 400_000_000  # bytes
LOG_PER_MINUTE = 1_000_000

HOSTILE = (
    {"ETag": '"a' + "\x7f" * 9 + '"'},
    {"ETag": '"' + "x" * 7000 + '"'},
    {"Last-Modified": "yesterday, or so", "Retry-After": "-9" * 100},
    {"Location": "http://[::1", "Content-Type": "text/html; charset=nowhere"},
    {"Content-Encoding": "gzip"},
    {"Content-Type": "application/rss+xml; charset=utf-7"},
)


async def feed(request: web.Request) -> web.Response:
    """Answer with other hostile headers, statuses and bodies each time."""
    number = int(time.monotonic())
    status = (200, 304, 301, 429, 500)[number % 5]
    body = bytes(random.Random(number).randbytes(2000))
    response = web.Response(status=status, body=body)
    response.headers.update(HOSTILE[number % len(HOSTILE)])
    return response


def memory(pid: int) -> int:
    """The resident memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Chaos:
    """One run: what was asked of the bot, and what it took."""

    def __init__(self, here: Scene, webhook: int, health: int) -> None:
        self.here = here
        self.webhook = webhook
        self.health = health
        self.answers = Answers()
        self.asked = 0
        self.posts = 0
        self.peak = 0
        self.accepted = asyncio.Lock()  # Telegram brings no updates while it refuses the token
        self.end = time.monotonic() + SECONDS

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.end

    async def people(self) -> None:
        """Each second another person asks; Telegram repeats what is not answered with 200."""
        while self.goes_on:
            body = update(1000 + self.asked, PERSON + self.asked, "/help")
            self.asked += 1
            for _ in range(20):
                async with self.accepted:
                    await ask(f"http://{HOST}:{self.webhook}/telegram", self.answers, body)
                if self.answers.statuses[-1] == 200:
                    break
                await asyncio.sleep(1)
            await asyncio.sleep(1)

    async def dumps(self) -> None:
        """A post lands every `ROUND` seconds, among junk files of every kind of name."""
        folder = self.here.folder / "dumps"
        while self.goes_on:
            for number in range(40):
                name = b"junk\xff\x1b%d-%d.txt" % (self.posts, number)
                (folder / os.fsdecode(name)).write_bytes(b"\x00 no dump %d" % time.monotonic_ns())
            (folder / f"link{self.posts}").symlink_to("/")
            news = folder / f"news{self.posts}.txt"
            news.with_suffix(".part").write_bytes(listing(range(POSTS + self.posts, POSTS + self.posts + 1)))
            news.with_suffix(".part").rename(news)
            self.posts += 1
            await asyncio.sleep(min(ROUND, max(0.0, self.end - time.monotonic())))

    async def disasters(self) -> None:
        """The process stands still, the disk is full, the token is refused; one after the other."""
        process = self.here.process
        assert process is not None
        fault = 0
        while self.goes_on:
            await asyncio.sleep(ROUND / 2)
            fault += 1
            match fault % 3:
                case 0:
                    process.send_signal(signal.SIGSTOP)  # as a suspended machine, whose clock steps ahead
                    await asyncio.sleep(3)
                    process.send_signal(signal.SIGCONT)
                case 1:
                    unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, unlimited[1]))
                    await asyncio.sleep(5)
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
                case _:
                    await self.refuse(5)

    async def refuse(self, seconds: float) -> None:
        async with self.accepted, aiohttp.ClientSession() as session:
            for refused in (True, False):
                async with session.get(f"{self.here.server.url}/refuse?{int(refused)}") as answer:
                    await answer.read()
                await asyncio.sleep(seconds if refused else 0)

    async def look(self) -> None:
        process = self.here.process
        assert process is not None
        while self.goes_on:
            self.peak = max(self.peak, memory(process.pid))
            await asyncio.sleep(1)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for work in (self.people(), self.dumps(), self.disasters(), self.look()):
                group.create_task(work)


async def live(chaos: Chaos, port: int) -> None:
    application = web.Application()
    application.router.add_get("/{path:.*}", feed)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        await chaos.run()
    finally:
        await runner.cleanup()


def test_everything_at_once_loses_nothing(tmp_path: Path) -> None:
    webhook, health, blog = free_port(), free_port(), free_port()
    with scene(tmp_path, CHATS, announced=False, latency=0.02) as here:
        here.start(
            open_files=1024,
            RATE_PER_SECOND="30",
            LEASE_SECONDS="10",
            HTTP_PORT=health,
            WEBHOOK_URL=f"http://{HOST}:{webhook}/telegram",
            WEBHOOK_HOST=HOST,
            WEBHOOK_PORT=webhook,
            WEBHOOK_SECRET=SECRET,
            FEED_URL=f"http://{HOST}:{blog}/feed",
            FEED_CRON="* * * * *",
            FETCH_PRIVATE="1",
            FETCH_PAUSE_SECONDS="1",
            BACKUP_DIR=str(here.folder / "copies"),
            HOLD_ABOVE="1000",
            DIGEST_ABOVE="1000",
        )
        here.until(lambda: b"running as" in log_of(here))
        chaos = Chaos(here, webhook, health)
        with crowd(webhook, health, idle=400, half=100):
            asyncio.run(live(chaos, blog))
        here.until(lambda: pushes(here) >= CHATS * chaos.posts and here.settled(), within=120)
        log = log_of(here)
        here.end(signal.SIGTERM)
        taken = here.server.taken()
    copies = Counter((each["chat"], each["about"]) for each in taken if each["chat"] < PERSON)
    answered = Counter(each["chat"] for each in taken if each["chat"] >= PERSON)
    wanted = {PERSON + number for number in range(chaos.asked)}
    assert wanted - set(answered) == set(), "every person is answered"
    assert len(copies) >= CHATS * chaos.posts, "every push arrives"
    assert max(copies.values()) <= 2
    assert chaos.peak < MEMORY
    assert len(log) < LOG_PER_MINUTE * (SECONDS / 60 + 2)
    assert TOKEN.encode() not in log
    restarts = log.count(b"is restarted in")
    assert restarts <= 3 * SECONDS / ROUND, "no task is restarted more often than there were faults"


def log_of(here: Scene) -> bytes:
    return (here.folder / "bot.log").read_bytes()


def pushes(here: Scene) -> int:
    """How many messages to subscribers there are, repeated ones counted once."""
    return len({(each["chat"], each["about"]) for each in here.server.taken() if each["chat"] < PERSON})

"""The reading room: server time of every kind of page, the first page in a browser, views during a fan-out.

`python -m tests.bench.web` is `python -m tests.bench web`. Programs of its own are `send` (a fan-out in the
process that serves the room) and `view` (the people who look at it).
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp

from bot.chat.context import Services
from bot.intake.ingest import IngestRules, ingest
from bot.ops.memory import freeze_gc
from bot.web.server import Room, serve_room
from storage.clock import SystemClock
from storage.database import open_database
from storage.model import Dump, ScopeKind
from tests.bench.fan_out import SLOTS, announce, pinned, run
from tests.bench.fan_out_run import send_all
from tests.bench.fill import url_of
from tests.bench.invented_posts import listing
from tests.bench.server_process import ROOT, serving

POSTS = 1400
LOADING = 1.0  # seconds in which the room has loaded what its first pages need
TIMES = 100  # requests of each kind of page

Figures = dict[str, float]


@asynccontextmanager
async def served_archive(folder: Path, posts: int = POSTS) -> AsyncIterator[tuple[Room, str]]:
    """Serve an archive of invented posts without a rate limit; yield the room and its address."""
    clock = SystemClock()
    database = await open_database(f"sqlite+aiosqlite:///{folder}/web.db")
    dump = Dump(name="posts.txt", content=listing(range(posts)), captured_at=clock.now())
    await ingest(database, dump, IngestRules(), clock.now())
    room = Room(Services(database=database, clock=clock), None)
    room.limits.burst = room.limits.per_second = 1e9
    async with serve_room(room, host="127.0.0.1", port=0) as port:
        yield room, f"http://127.0.0.1:{port}"
    await database.close()


async def page_kinds(room: Room) -> dict[str, Callable[[int], str]]:
    """Return for each kind of page the address of the n-th request: different ones where there are many."""
    archive = await room.archive.get()
    scopes = {kind: [one.scope.id for one in archive.scopes.get(kind, ())] for kind in ScopeKind}
    posts = [post.id for post in archive.posts]
    words = [post.title[:6] for post in archive.posts]

    def of(path: str, ids: list[int]) -> Callable[[int], str]:
        return lambda n: path.format(ids[n * 7 % len(ids)])

    kinds: dict[str, Callable[[int], str]] = {
        "latest": lambda n: f"/?page={n + 1}",
        "series index": lambda n: f"/series?n={n}",
        "tag index": lambda n: f"/tag?n={n}",
        "archive": lambda n: f"/archive?n={n}",
        "map": lambda n: f"/map?n={n}",
        "post": of("/post/{}", [*map(int, posts)]),
        "series": lambda n: f"/series/{scopes[ScopeKind.SERIES][n % len(scopes[ScopeKind.SERIES])]}?n={n}",
        "search": lambda n: f"/search?q={words[n * 5 % len(words)]}",
        "search as you type": lambda n: f"/search?q={words[n * 5 % len(words)][: n % 4 + 1]}",
        "feed": lambda n: f"/feed.atom?n={n}",
        "series feed": lambda n: f"/feed/series/{scopes[ScopeKind.SERIES][n % 6]}.json?n={n}",
        "files": lambda n: f"/files/series/{scopes[ScopeKind.SERIES][n % 6]}.bib?n={n}",
    }
    if scopes[ScopeKind.TAG]:
        kinds["tag"] = of("/tag/{}", [*map(int, scopes[ScopeKind.TAG])])
    return kinds


async def pages() -> dict[str, Figures]:
    """Return milliseconds of each kind of page, and kilobytes before compression; none comes from the cache.

    `cpu` is processor time, which other work on the machine does not lengthen; the client's is part of it.
    """
    found: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with served_archive(Path(folder)) as (room, url), aiohttp.ClientSession() as client:
            kinds = await page_kinds(room)
            await asyncio.sleep(LOADING)
            freeze_gc()
            for name, address in kinds.items():
                taken, used, sizes = [], [], []
                for number in range(TIMES + 1):
                    begun, cpu = time.perf_counter(), time.process_time()
                    async with client.get(url + address(number)) as answer:
                        body = await answer.read()
                        assert answer.status == 200, (name, answer.status)
                    taken.append((time.perf_counter() - begun) * 1000)
                    used.append((time.process_time() - cpu) * 1000)
                    sizes.append(len(body) / 1000)
                every = quantiles(taken[1:], n=100)
                found[name] = {
                    "first_ms": taken[0],
                    "median_ms": every[49],
                    "p99_ms": every[98],
                    "p99_cpu_ms": quantiles(used[1:], n=100)[98],
                    "kb": max(sizes),
                }
    return found


async def browser() -> dict[str, Figures]:
    """Return kilobytes transferred and the first contentful paint of unvisited pages in headless Chromium."""
    from playwright.async_api import async_playwright

    found: dict[str, Figures] = {}
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        return found
    with tempfile.TemporaryDirectory() as folder:
        async with served_archive(Path(folder)) as (room, url), async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            archive = await room.archive.get()
            formula = next(post.id for post in archive.posts if "$" in post.excerpt)
            pages_seen = {"latest": "/", "series": "/series", "archive": "/archive", "map": "/map",
                          "post with formulas": f"/post/{formula}"}  # fmt: skip
            for name, address in pages_seen.items():
                painted = []
                for _ in range(3):
                    context = await chromium.new_context(viewport={"width": 390, "height": 844})
                    page = await context.new_page()
                    await page.goto(url + address, wait_until="networkidle")
                    seen = await page.evaluate(PAINT)
                    painted.append(seen["paint"])
                    await context.close()
                found[name] = {"first_paint_ms": min(painted), "kb": seen["bytes"] / 1000}
            await chromium.close()
    return found


# The formula fonts are part of KaTeX's style sheet.
PAINT = """() => ({
  paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
  bytes: [performance.getEntriesByType("navigation")[0], ...performance.getEntriesByType("resource")]
    .filter((one) => !one.name.includes("katex.css")).reduce((sum, one) => sum + one.transferSize, 0),
})"""
RATE, VIEWS = 1000, 50  # messages and page views a second


def fan_out(*, quick: bool) -> dict[str, Figures]:
    """Return the fan-out with and without page views during it, turn and turn about; the quickest of each."""
    count, times = (3000, 2) if quick else (6000, 3)
    runs: dict[str, list[Figures]] = {"alone": [], f"with {VIEWS} views/s": []}
    for _ in range(times):
        for name, views in zip(runs, (0, VIEWS), strict=True):
            with tempfile.TemporaryDirectory() as folder, serving(core=1, latency=0.05) as server:
                given = {"folder": folder, "url": server.url, "count": count, "views": views}
                runs[name].append(run(["-m", "tests.bench.web", "send"], given))
                sys.stderr.write(f"{name}: {runs[name][-1]['per_second']:.0f} messages a second\n")
    best = {name: max(some, key=lambda one: one["per_second"]) for name, some in runs.items()}
    alone, beside = best.values()
    beside["lost_percent"] = 100 * (1 - beside["per_second"] / alone["per_second"])
    return best


async def send(folder: Path, url: str, count: int, views: int) -> Figures:
    """Send to `count` chats while this process serves the room to a program that views its pages."""
    async with served_archive(folder) as (room, address):
        viewer = None
        if views:
            kinds = await page_kinds(room)
            addresses = [kind(number) for number in range(200) for kind in kinds.values()]
            (folder / "addresses").write_text("\n".join(address + one for one in addresses))
            command = [*pinned(1), sys.executable, "-m", "tests.bench.web", "view"]
            viewer = subprocess.Popen(
                [*command, json.dumps({"file": f"{folder}/addresses", "views": views})],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert viewer.stdout is not None
            await asyncio.to_thread(viewer.stdout.readline)
        database_url = url_of(folder / "fan_out.db")
        await announce(database_url, count)
        figures = await send_all(database_url, url, rate=RATE, slots=SLOTS, when_told=False)
        if viewer is not None:
            said, _ = await asyncio.to_thread(viewer.communicate, "")
            figures |= json.loads(said)
    return figures


async def view(file: str, views: int) -> Figures:
    """Request the addresses in `file` one after another, `views` a second, until the input ends."""
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.read)
    taken: list[float] = []
    async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as group:

        async def look(address: str) -> None:
            begun = time.perf_counter()
            async with client.get(address) as answer:
                await answer.read()
                assert answer.status == 200, address
            taken.append((time.perf_counter() - begun) * 1000)

        addresses = Path(file).read_text().split()
        for address in addresses[:20]:  # the index of the search is built once
            await look(address)
        taken.clear()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        begun, number = time.perf_counter(), 0
        while not ended.done():
            group.create_task(look(addresses[number % len(addresses)]))
            number += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    asyncio.shield(ended), max(0.0, begun + number / views - time.perf_counter())
                )
        seconds = time.perf_counter() - begun
    return {
        "views_per_second": len(taken) / seconds,
        "view_median_ms": quantiles(taken, n=100)[49],
        "view_p99_ms": quantiles(taken, n=100)[98],
    }


def main(words: list[str]) -> None:
    """Run one of the programs with its arguments as JSON, or the bench."""
    match words:
        case ["send", given]:
            told: dict[str, Any] = json.loads(given)
            found = asyncio.run(send(**{**told, "folder": Path(told["folder"])}))
        case ["view", given]:
            found = asyncio.run(view(**json.loads(given)))
        case _:
            from tests.bench.__main__ import main as bench

            sys.exit(bench(["web", *words]))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

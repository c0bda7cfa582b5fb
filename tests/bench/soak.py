"""Updates and messages for a long time: does the service stay as it was? `python -m tests.bench soak`."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.fan_out import Figures, pinned
from tests.bench.fill import filled
from tests.bench.invented_posts import listing
from tests.bench.live_bot import PATH, SECRET, Living, living
from tests.bench.server_process import ROOT, serving

UPDATES_PER_SECOND = 200
SUBSCRIBERS = 900
EVERY_SECONDS = 30  # a post for all of them: 30 messages a second on average
POSTS = 500
PEOPLE = 20_000
LOOK_SECONDS = 5.0
BEHIND_MS = 5000.0  # a longer wait means a queue
WARM = 0.2  # the part of the time after which memory must be flat: by then every bounded store is full
MOST_MB_PER_MINUTE = 0.5  # a single leaked kilobyte an update would be 12


@dataclass(frozen=True, slots=True)
class Look:
    """The service at one moment."""

    seconds: float
    memory_mb: float
    open_files: int
    tasks: int


Show = Callable[[Look], None]


def soak(minutes: float, show: Show) -> Figures:
    """Run for so long, and show a look each half minute. The slope is that of all looks, by least squares."""
    seconds = minutes * 60
    with tempfile.TemporaryDirectory() as name, serving(Path(name) / "server.log", core=1) as server:
        folder = Path(name)
        asyncio.run(_fill(folder / "bench.db"))
        with living(folder, server.url, core=0, rate_per_second=300) as service:
            bringing = _bringing(service, seconds)
            looks = _watch(service, folder / "dumps", seconds, show)
            said, _ = bringing.communicate(timeout=120)
        brought: Figures = json.loads(said)
        messages = server.count()
    warm = [look for look in looks if look.seconds >= WARM * seconds]
    return {
        "updates_per_second": brought["per_second"],
        "updates_refused": brought["refused"],
        "updates_p99_ms": brought["p99_ms"],
        "messages": messages,
        "memory_mb": looks[-1].memory_mb,
        "open_files": looks[-1].open_files,
        "tasks": looks[-1].tasks,
        "memory_slope_mb_per_minute": slope(warm) * 60,
        "memory_slope_at_most": MOST_MB_PER_MINUTE,
        "memory_warm_mb": warm[0].memory_mb,
        "memory_most_mb": max(look.memory_mb for look in looks),
    }


def told(figures: Figures) -> str:
    """What they say: whether memory was flat, and whether the service was as busy as it should have been."""
    slope_, most = figures["memory_slope_mb_per_minute"], figures["memory_slope_at_most"]
    flat = "flat" if is_flat(figures) else "NOT flat"
    said = f"memory is {flat}: {slope_:+.2f} MB a minute after the first {WARM:.0%}, at most {most:g} may be"
    if figures["updates_refused"] or figures["updates_p99_ms"] > BEHIND_MS:
        said += "; it could not keep up, so this is the memory of a service that is asked too much"
    return said


def is_flat(figures: Figures) -> bool:
    return figures["memory_slope_mb_per_minute"] <= figures["memory_slope_at_most"]


def slope(looks: Sequence[Look]) -> float:
    """MB a second, by least squares."""
    if len(looks) < 2:
        return 0.0
    middle = sum(look.seconds for look in looks) / len(looks)
    mean = sum(look.memory_mb for look in looks) / len(looks)
    over = sum((look.seconds - middle) ** 2 for look in looks)
    return sum((look.seconds - middle) * (look.memory_mb - mean) for look in looks) / over


def _watch(service: Living, dumps: Path, seconds: float, show: Show) -> list[Look]:
    begun = time.monotonic()
    looks: list[Look] = []
    post, shown = POSTS, 0
    while (now := time.monotonic() - begun) < seconds:
        if now >= (post - POSTS) * EVERY_SECONDS:
            (dumps / f"{post}.part").write_bytes(listing(range(post, post + 1)))
            (dumps / f"{post}.part").rename(dumps / f"{post}.txt")
            post += 1
        looks.append(Look(now, service.memory_mb, service.open_files, int(service.figure("kexue_tasks"))))
        if now >= 30 * shown:
            show(looks[-1])
            shown += 1
        time.sleep(LOOK_SECONDS)
    return looks


def _bringing(service: Living, seconds: float) -> subprocess.Popen[str]:
    given = {
        "port": service.webhook_port,
        "path": PATH,
        "secret": SECRET,
        "seconds": seconds,
        "connections": 100,
        "people": PEOPLE,
        "seed": 10_000_000,
        "rate": UPDATES_PER_SECOND,
    }
    command = [*pinned(1), sys.executable, "-m", "tests.bench.update_load", json.dumps(given)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


async def _fill(file: Path) -> None:
    await (await filled(file, posts=POSTS, subscribers=SUBSCRIBERS)).close()

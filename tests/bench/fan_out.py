"""The fan-outs side by side, each pinned to one processor, the server to another."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.contenders import TEXT
from tests.bench.fill import FIRST_CHAT, dump_of, filled_at, planned, url_of
from tests.bench.server_process import ROOT, TOKEN, serving

Figures = dict[str, float]

POSTS = 200
SLOTS = 100
PEERS = ROOT / ".venv-bench" / "bin" / "python"
PEER_PROGRAMS = {"PTB + AIORateLimiter": "limited_ptb", "aiogram": "aiogram_loop"}
PATIENCE = 600.0  # seconds for one program


def run(
    arguments: list[str],
    given: dict[str, Any] | str,
    *,
    python: str | Path = sys.executable,
    core: int = 0,
) -> Figures:
    """A program of the bench on processor `core`: its line of JSON."""
    text = given if isinstance(given, str) else json.dumps(given)
    command = [*pinned(core), str(python), *arguments, text]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    if done.returncode:
        raise RuntimeError(f"{arguments} failed:\n{done.stderr[-2000:]}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


async def announce(url: str, chats: int) -> None:
    """Announce one post to so many chats of a new database."""
    database = await filled_at(url, posts=POSTS, subscribers=chats)
    assert await planned(database, dump_of(range(POSTS, POSTS + 1), "news.txt")) == chats
    await database.close()


def pinned(core: int) -> list[str]:
    """The words that hold a program on one processor, where there is more than one."""
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


def run_together(database_url: str, url: str, given: dict[str, Any], processes: int) -> list[Figures]:
    """Start so many processes, let them begin at the same time, and return the figures of each."""
    text = json.dumps({"database_url": database_url, "url": url, **given})
    command = [sys.executable, "-m", "tests.bench.fan_out_run", text]
    started = [
        subprocess.Popen(
            [*pinned(core), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for core in range(processes)
    ]
    figures: list[Figures] = []
    with ExitStack() as stack:
        for process in started:
            stack.enter_context(process)
        for step in ("ready", "go", "figures"):
            for process in started:
                assert process.stdin is not None
                assert process.stdout is not None
                if step == "go":
                    process.stdin.write("go\n")
                    process.stdin.flush()
                elif step == "figures":
                    figures.append(json.loads(process.stdout.readline()))
                elif process.stdout.readline().strip() != "ready":
                    raise RuntimeError("a fan-out did not start")
    return figures


def ours(latency: float, count: int, rate: float | None) -> Figures:
    with tempfile.TemporaryDirectory() as folder, serving(core=1, latency=latency) as server:
        url = url_of(Path(folder) / "bench.db")
        asyncio.run(announce(url, count))
        return run_together(url, server.url, {"rate": rate, "slots": SLOTS}, 1)[0]


def theirs(name: str, latency: float, count: int) -> Figures:
    with serving(core=1, latency=latency) as server:
        given = {"url": server.url, "count": count, "slots": SLOTS}
        if program := PEER_PROGRAMS.get(name):
            given |= {"token": TOKEN, "text": TEXT, "first": FIRST_CHAT}
            return run([f"tests/bench/peers/{program}.py"], given, python=PEERS)
        return run(["-m", "tests.bench.contenders"], {"name": name, **given})


def all_of(latency: float, count: int, *, times: int) -> dict[str, Figures]:
    """Everyone's quickest of so many runs, turn and turn about, at this latency.

    The machine's other work makes a run slower, never faster. Those that are an order slower send fewer, so
    that a run ends.
    """
    programs: dict[str, Callable[[], Figures]] = {
        "kexue-bot, no limit": lambda: ours(latency, count, None),
        "kexue-bot, 1,000/s": lambda: ours(latency, count, 1000),
        "bare aiohttp": lambda: theirs("bare aiohttp", latency, count),
        "PTB": lambda: theirs("PTB", latency, min(count, 2000)),
    }
    for name in PEER_PROGRAMS if PEERS.exists() else ():
        programs[name] = partial(theirs, name, latency, min(count, 2000 if "PTB" in name else 10_000))
    runs = [{name: measure() for name, measure in programs.items()} for _ in range(times)]
    return {name: min((run[name] for run in runs), key=lambda run: run["seconds"]) for name in programs}

"""`python -m tests.bench`: every figure in one run, as tables and as results.json; `--help` has the rest."""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import web
from tests.bench.fan_out import PEERS, Figures, all_of, run
from tests.bench.idle import idling
from tests.bench.invented_posts import feed
from tests.bench.planning import plannings
from tests.bench.rate import pace
from tests.bench.replicas import side_by_side
from tests.bench.row_sizes import weights
from tests.bench.server_process import ROOT, serving
from tests.bench.soak import UPDATES_PER_SECOND, is_flat, soak, told
from tests.bench.start import starting
from tests.bench.updates import updates

RESULTS = Path(__file__).with_name("results.json")
CONSOLE = Console() if sys.stdout.isatty() else Console(width=200)  # redirected, columns are not cut
READER = "reader, 1,500 posts"


def table(title: str, rows: Mapping[str, Mapping[str, object]]) -> None:
    """Print rows of named figures."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    shown = Table("", *(name.replace("_", " ") for name in columns), title=title, title_justify="left")
    for name, row in rows.items():
        shown.add_row(name, *(_shown(row.get(column)) for column in columns))
    CONSOLE.print(shown)


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
        case _:
            return str(value)


def fan_outs(results: dict[str, Any], *, quick: bool) -> None:
    count = 3000 if quick else 20_000
    for latency in (0.05,) if quick else (0.0, 0.05):
        measured = all_of(latency, count, times=1 if quick or not latency else 3)
        stock = measured["PTB"]["per_second"]
        rows = {n: {**f, "to_stock_ptb": f["per_second"] / stock} for n, f in measured.items()}
        table(f"Fan-out of {count:,}, latency {latency * 1000:.0f} ms, 100 connections, one processor", rows)
        results[f"fan_out_{latency * 1000:.0f}_ms"] = rows
        best = measured["kexue-bot, no limit"]["per_second"]
        results["fan_out_per_second"] = measured["kexue-bot, 1,000/s"]["per_second"]
        results["fan_out_unlimited_per_second"] = best
        results["fan_out_to_stock_ptb"] = measured["kexue-bot, 1,000/s"]["per_second"] / stock
        results["fan_out_messages_per_processor_second"] = count / measured["kexue-bot, no limit"]["cpu"]
        results["fan_out_to_bare_aiohttp"] = best / measured["bare aiohttp"]["per_second"]
        results["memory_mb_fan_out"] = measured["kexue-bot, no limit"]["memory_mb"]


def paces(results: dict[str, Any], *, quick: bool) -> None:
    rows = {"30/s": pace(30, 10 if quick else 60), "1,000/s": pace(1000, 3 if quick else 15)}
    table("Pacing, at a server that enforces it", rows)
    results["pacing"] = rows
    results["pacing_30_per_second"] = rows["30/s"]["per_second"]
    results["pacing_30_most_in_a_second"] = rows["30/s"]["most_in_a_second"]
    results["pacing_30_too_many_requests"] = rows["30/s"]["too_many_requests"]


def replicas(results: dict[str, Any], *, quick: bool) -> None:
    chats, history = (3000, 30_000) if quick else (12_000, 3_000_000)
    empty, full = (side_by_side(chats, rows) for rows in (0, history))
    table(f"{chats:,} chats, latency 50 ms, one processor for each process", empty)
    table(f"The same, with {history:,} ended deliveries", full)
    results["replicas"], results["replicas_with_history"] = empty, full
    speed = {name: row["per_second"] for name, row in empty.items()}
    results["history_to_empty"] = full["SQLite, no limit"]["per_second"] / speed["SQLite, no limit"]
    results["busy_30_per_second"] = min(
        speed[name] for name in speed if name.endswith("busy") and ", 2" not in name
    )
    if "PostgreSQL, no limit" in speed:
        sqlite = speed["SQLite, no limit"]
        results["postgres_to_sqlite_one_replica"] = speed["PostgreSQL, no limit"] / sqlite
        results["postgres_to_sqlite_two_replicas"] = speed["PostgreSQL, 2, no limit"] / sqlite
        results["postgres_to_sqlite_at_1000"] = speed["PostgreSQL, 1,000/s"] / speed["SQLite, 1,000/s"]
        results["postgres_round_trips_per_message"] = empty["PostgreSQL, no limit"]["round_trips"]


def plannings_(results: dict[str, Any], *, quick: bool) -> None:
    rows: dict[str, Figures] = {}
    for subscribers in (50_000,) if quick else (100_000, 1_000_000):
        rows |= plannings(subscribers)
    table(
        "Planning one post for many chats while another transaction writes, making it rows, pruning it", rows
    )
    results["planning"] = rows
    most = {name: row for name, row in rows.items() if quick or "1,000,000" in name}
    results["longest_writer_wait_ms_planning_1m"] = max(
        row["longest_writer_wait_ms"] for row in most.values()
    )
    for key, end in (("planning", "000"), ("made_rows", "made rows")):
        results[f"written_mb_{key}_1m"] = {
            name.partition(",")[0]: row["written_mb"] for name, row in most.items() if name.endswith(end)
        }


def weighings(results: dict[str, Any], *, quick: bool) -> None:
    rows = weights(20_000) if quick else weights()
    table("A delivery's weight after its whole life", rows)
    for name, key in (("SQLite", "sqlite"), ("PostgreSQL", "postgres")):
        if name in rows:
            results[f"{key}_bytes_per_delivery"] = rows[name]["bytes"]


def landings(results: dict[str, Any], *, quick: bool) -> None:
    rows: dict[str, Figures] = {}
    for subscribers in (1000, 100_000) if quick else (1000, 10_000, 100_000):
        with tempfile.TemporaryDirectory() as folder:
            planned = run(
                ["-m", "tests.bench.first_message", "planning"],
                {"folder": folder, "subscribers": subscribers},
            )
        with tempfile.TemporaryDirectory() as folder:
            log = f"{folder}/server.log"
            run(["-m", "tests.bench.first_message", "fill"], {"folder": folder, "subscribers": subscribers})
            with serving(Path(log), core=1, latency=0.05) as server:
                given = {"folder": folder, "url": server.url, "log": log}
                landed = run(["-m", "tests.bench.first_message", "first_message"], given)
        rows[f"{subscribers:,}"] = {**planned, **landed}
    table("A dump lands: planning, the first message, memory, by subscribers", rows)
    results["landing"] = rows
    results["first_message_seconds_100k"] = rows["100,000"]["first_message_seconds"]
    results["memory_mb_100k"] = rows["100,000"]["memory_mb"]


def intakes(results: dict[str, Any], *, quick: bool) -> None:
    rows: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed.xml"
        path.write_text(feed(range(1500)), encoding="utf-8")
        both = in_turn({"1,500 posts": _intake(1500), **_reader(path)}, times=3 if quick else 7)
    for count in () if quick else (5000, 20_000):
        rows[f"{count:,} posts"] = _intake(count)()
    rows = both | rows
    ours = rows["1,500 posts"]
    if (theirs := rows.get(READER)) is not None:
        results["intake_to_reader"] = theirs["first"] / ours["first"]
        results["intake_to_reader_by_processor_time"] = theirs["first_cpu"] / ours["first_cpu"]
    table("Taking in a listing, seconds", rows)
    results["intake"] = rows
    results["unchanged_dump_ms"] = ours["unchanged"] * 1000


def _intake(count: int) -> Callable[[], Figures]:
    def measure() -> Figures:
        with tempfile.TemporaryDirectory() as folder:
            return run(["-m", "tests.bench.intake", folder], str(count))

    return measure


def _reader(path: Path) -> dict[str, Callable[[], Figures]]:
    """Nothing where the peers are not installed."""

    def measure() -> Figures:
        theirs = run(["tests/bench/peers/reader_intake.py"], str(path), python=PEERS)
        return {"first": theirs["first"], "first_cpu": theirs["first_cpu"], "unchanged": theirs["again"]}

    return {READER: measure} if PEERS.exists() else {}


def in_turn(programs: Mapping[str, Callable[[], Figures]], *, times: int) -> dict[str, Figures]:
    """The least of each figure over several runs, turn and turn about.

    The machine's other work makes a run slower, never faster, and disturbs all alike.
    """
    found: dict[str, list[Figures]] = {name: [] for name in programs}
    for _ in range(times):
        for name, measure in programs.items():
            found[name].append(measure())
    return {name: {key: min(run[key] for run in runs) for key in runs[0]} for name, runs in found.items()}


def updates_(results: dict[str, Any], *, quick: bool) -> None:
    rows = updates(5 if quick else 20)
    table("Updates through the webhook, commands and buttons of many people", rows)
    results["updates"] = rows
    results["updates_per_second"] = rows["full load"]["per_second"]
    results["updates_p99_ms_at_half"] = rows["half load"]["p99_ms"]
    results["updates_cpu_ms"] = rows["full load"]["cpu_ms_per_update"]


def starts(results: dict[str, Any], *, quick: bool) -> None:
    rows = starting(*((2, 30_000) if quick else (5, 3_000_000)))
    table("From the start of the process to ready, seconds; an administrator's /status", rows)
    results["start"] = rows
    results["start_seconds"] = rows["again"]["seconds"]
    *_, history = rows.values()
    results["start_with_history_to_empty"] = history["seconds"] / rows["again"]["seconds"]
    results["status_with_history_ms"] = history["status_ms"]


def idles(results: dict[str, Any], *, quick: bool, trees: Mapping[str, Path] | None = None) -> None:
    rows = idling(trees or {"this build": ROOT}, times=1 if quick else 3)
    table("Memory of the idle service, 1,500 posts and 100,000 chats", rows)
    results["idle"] = rows
    results["memory_mb_idle"] = min(row["memory_mb"] for row in rows.values())


def rooms(results: dict[str, Any], *, quick: bool) -> None:
    rows = asyncio.run(web.pages())
    table("Pages of an archive of 1,400 posts, none from the cache", rows)
    results["web_pages"] = rows
    results["web_page_p99_ms"] = max(row["p99_ms"] for row in rows.values())
    results["web_page_p99_cpu_ms"] = max(row["p99_cpu_ms"] for row in rows.values())
    if seen := asyncio.run(web.browser()):
        table("A first visit in headless Chromium", seen)
        results["web_first_visit"] = seen
        results["web_first_paint_ms"] = max(row["first_paint_ms"] for row in seen.values())
        results["web_first_page_kb"] = max(row["kb"] for row in seen.values())
    rows = web.fan_out(quick=quick)
    table(f"Fan-out at {web.RATE:,}/s, with and without {web.VIEWS} page views a second", rows)
    results["web_fan_out"] = rows
    results["web_fan_out_lost_percent"] = rows[f"with {web.VIEWS} views/s"]["lost_percent"]


def soaks(results: dict[str, Any], *, minutes: float) -> bool:
    """Whether memory was flat."""
    figures = soak(
        minutes,
        lambda look: CONSOLE.print(
            f"{look.seconds:5.0f} s  {look.memory_mb:6.1f} MB  {look.open_files} files  {look.tasks} tasks"
        ),
    )
    table(f"{minutes:g} minutes of {UPDATES_PER_SECOND} updates and 30 messages a second", {"": figures})
    results["soak"] = figures
    results["soak_memory_slope_mb_per_minute"] = figures["memory_slope_mb_per_minute"]
    CONSOLE.print(told(figures))
    return is_flat(figures)


def machine() -> dict[str, object]:
    model = next(
        (line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")),
        platform.machine(),
    )
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return {
        "processor": model,
        "processors": os.cpu_count(),
        "load_at_start": os.getloadavg()[0],
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
    }


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


PARTS = {
    "intake": intakes, "landing": landings, "pacing": paces, "fan-out": fan_outs, "replicas": replicas,
    "planning": plannings_, "rows": weighings, "updates": updates_, "start": starts, "idle": idles,
    "web": rooms,
}  # fmt: skip


def _options(words: list[str]) -> argparse.Namespace:
    options = argparse.ArgumentParser("python -m tests.bench", description="Measure; write results.json.")
    options.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}, soak; all but soak by default"
    )
    options.add_argument("--quick", action="store_true", help="short, and nothing is written")
    options.add_argument(
        "--minutes", type=float, default=10, help="of soak, which fails if the service grows"
    )
    options.add_argument(
        "--tree", type=Path, action="append", default=[], help="the idle memory of this checkout instead"
    )
    given = options.parse_args(words)
    if unknown := set(given.parts).difference(PARTS, {"soak"}):
        options.error(f"no such part: {', '.join(sorted(unknown))}")
    return given


def main(words: list[str]) -> int:
    """Run the parts that are asked for."""
    options = _options(words)
    results: dict[str, Any] = {"machine": machine(), "quick": options.quick}
    if "soak" in options.parts:
        flat = soaks(results, minutes=options.minutes)
        _write(_earlier() | {name: value for name, value in results.items() if name.startswith("soak")})
        return 0 if flat else 1
    if options.tree:
        idles(results, quick=options.quick, trees={tree.name: tree for tree in options.tree})
        _write(_earlier() | results)
        return 0
    for name in options.parts or PARTS:
        PARTS[name](results, quick=options.quick)
    if not options.quick:
        _write(_earlier() | results)
    CONSOLE.print({name: value for name, value in results.items() if not isinstance(value, dict)})
    return 0


def _earlier() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    return found


def _write(results: Mapping[str, Any]) -> None:
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

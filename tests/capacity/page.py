"""The generated tables of bot/ops/capacity.md: Markdown made of the reckoning and of a simulated year."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from bot.settings import FREE_PER_SECOND, Settings
from storage.model import Priority
from tests.capacity.estimate import (
    PAID_PER_SECOND,
    Measured,
    fan_out_seconds,
    measured,
    net_rate,
    planned,
    processes,
    rows_kept,
    shown_bytes,
    shown_seconds,
    stars,
)
from tests.capacity.year import DAYS, World, Year, simulate

CHATS = (1_000, 10_000, 100_000, 300_000, 1_000_000)
POSTS_A_YEAR = World(chats=1).posts
MILLION = 1_000_000


def fan_outs() -> str:
    """One post to chats that all want it."""
    rows = (
        (
            f"{chats:,}",
            shown_seconds(fan_out_seconds(chats, FREE_PER_SECOND)),
            shown_seconds(fan_out_seconds(chats, PAID_PER_SECOND)),
            f"{stars(chats, PAID_PER_SECOND):,.0f}",
            f"{stars(chats, PAID_PER_SECOND) * POSTS_A_YEAR:,.0f}",
        )
        for chats in CHATS
    )
    head = (
        "chats",
        f"free, {FREE_PER_SECOND} a second",
        f"paid, {PAID_PER_SECOND:,} a second",
        "Stars a post",
        f"Stars a year of {POSTS_A_YEAR} posts",
    )
    return table(head, rows)


def machines() -> str:
    """How many processes a rate needs, by what the bench measured of one."""
    found = measured()
    rates = (FREE_PER_SECOND, 100, 300, 500, PAID_PER_SECOND)
    rows = ((f"{rate:,}", f"{net_rate(rate):,.0f}", *_needed(rate, found)) for rate in rates)
    return table(("`RATE_PER_SECOND`", "messages a second", "processes", "database"), rows)


def _needed(rate: float, found: Measured) -> tuple[str, str]:
    count = processes(rate, found)
    return str(count), "SQLite will do" if count == 1 else "PostgreSQL"


def plannings() -> str:
    """What planning and pruning one post took, by the bench."""
    rows = (
        (
            *name.split(", "),
            f"{row['seconds']:,.0f} s",
            f"{row['longest_writer_wait_ms']:,.0f} ms",
            f"{row['written_mb']:,.0f} MB",
        )
        for name, row in planned().items()
    )
    return table(("database", "chats", "duration", "longest wait of another writer", "written"), rows)


def weights() -> str:
    """Disk for deliveries, in each database."""
    found = measured()
    keep = Settings.keep_days
    rows = []
    for name, size in (("SQLite", found.sqlite_bytes), ("PostgreSQL", found.postgres_bytes)):
        years = [
            _year(chats, PAID_PER_SECOND if chats >= MILLION else FREE_PER_SECOND) for chats in CHATS[2:]
        ]
        kept = (shown_bytes(rows_kept(year.duties, keep) * size) for year in years)
        rows.append((name, f"{size:,.0f}", shown_bytes(size * MILLION), *kept))
    head = ("", "bytes a delivery", "a million", *(f"{chats:,} chats, {keep} days" for chats in CHATS[2:]))
    return table(head, rows)


def years() -> str:
    """A simulated year for several sizes."""
    asked = [(chats, FREE_PER_SECOND) for chats in CHATS[2:]] + [(MILLION, PAID_PER_SECOND)]
    rows = ((f"{chats:,}", f"{rate:,}", *_shown(_year(chats, rate))) for chats, rate in asked)
    head = (
        "chats",
        "rate",
        "requests a day, mean",
        "busiest day",
        "rate in use",
        "most that was due at once",
        "longest announcement",
        "longest digest",
        "longest edit",
    )
    return table(head, rows)


def _year(chats: int, rate: float) -> Year:
    return simulate(World(chats=chats), rate, random.Random(0))


def _shown(year: Year) -> Sequence[str]:
    longest = (year.longest[kind] for kind in (Priority.POST, Priority.DIGEST, Priority.EDIT))
    return (
        f"{year.requests / DAYS:,.0f}",
        f"{year.busiest_day:,.0f}",
        f"{year.utilisation:.1%}",
        f"{year.backlog:,.0f}",
        *(shown_seconds(seconds) for seconds in longest),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


CAPACITY_TABLES: Mapping[str, Callable[[], str]] = {
    "fan-outs": fan_outs,
    "machines": machines,
    "plannings": plannings,
    "weights": weights,
    "years": years,
}

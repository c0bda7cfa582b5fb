"""`python -m tests.capacity [CHATS]`: a simulated year at both rates, and the pacing's own word."""

import random
import sys

from bot.settings import FREE_PER_SECOND
from tests.bench.__main__ import table
from tests.capacity.estimate import PAID_PER_SECOND, fan_out_seconds, shown_seconds
from tests.capacity.sample import sample
from tests.capacity.year import DAYS, World, simulate

SAMPLED = 50_000  # messages of the pacing's sample
TYPICAL, MOST = 60, 130  # posts a year


def years(chats: int) -> dict[str, dict[str, object]]:
    rows: dict[str, dict[str, object]] = {}
    for posts in (TYPICAL, MOST):
        for rate in (FREE_PER_SECOND, PAID_PER_SECOND):
            year = simulate(World(chats=chats, posts=posts), rate, random.Random(0))
            rows[f"{posts} posts, {rate:,}/s"] = {
                "requests": f"{year.requests:,.0f}",
                "a day": f"{year.requests / DAYS:,.0f}",
                "busiest day": f"{year.busiest_day:,.0f}",
                "rate in use": f"{year.utilisation:.1%}",
                "most due at once": f"{year.backlog:,.0f}",
                **{f"longest {kind.name.lower()}": shown_seconds(s) for kind, s in year.longest.items()},
                "left": f"{year.left:,.0f}",
            }
    return rows


def samples() -> dict[str, dict[str, object]]:
    rows: dict[str, dict[str, object]] = {}
    for rate in (FREE_PER_SECOND, PAID_PER_SECOND):
        for floods in (0.0, 1e-5, 1e-4):
            seen = sample(rate, SAMPLED, World(chats=1).groups, floods, random.Random(0))
            rows[f"{rate:,}/s, {floods:g} floods"] = {
                "a second": seen.per_second,
                "most in a second": seen.most_in_a_second,
                "to a person": seen.most_to_a_person_in_a_second,
                "to a group in a minute": seen.most_to_a_group_in_a_minute,
                "floods": seen.floods,
                "seconds, by arithmetic": fan_out_seconds(SAMPLED, rate),
                "seconds": seen.seconds,
            }
    return rows


def turned(rows: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Figures down, cases across: so it fits a terminal."""
    figures = dict.fromkeys(figure for row in rows.values() for figure in row)
    return {figure: {case: row.get(figure) for case, row in rows.items()} for figure in figures}


if __name__ == "__main__":
    chats = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    table(f"A year with {chats:,} chats", turned(years(chats)))
    table(f"The pacing's own {SAMPLED:,} messages", turned(samples()))

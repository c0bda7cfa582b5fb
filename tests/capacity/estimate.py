"""Estimates of duration, cost and size from chats, posts, Telegram's limits and the bench's figures.

Pure. Telegram's figures are those of its Bots FAQ ("My bot is hitting limits, how do I avoid this?") and of
`allow_paid_broadcast` in the Bot API.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.rate_limit.scheduler import Limits
from bot.settings import FREE_PER_SECOND

RESULTS = Path(__file__).parents[1] / "bench" / "results.json"
PAID_PER_SECOND = 1000
STARS_PER_MESSAGE = 0.1  # for each message beyond the free ones of its second
SAFE_SHARE = 0.7  # of what a processor can do: the rest is for answers, dumps and a slower machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the bench found that a plan needs."""

    process_per_second: float  # messages that one process sends at the most
    sqlite_bytes: float  # a delivery in the outbox, with its indexes
    postgres_bytes: float


def measured(results: dict[str, Any] | None = None) -> Measured:
    """From the bench's results; those of `results.json` unless others are given."""
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if results is None else results
    return Measured(
        process_per_second=found["fan_out_unlimited_per_second"],
        sqlite_bytes=found["sqlite_bytes_per_delivery"],
        postgres_bytes=found["postgres_bytes_per_delivery"],
    )


def planned() -> dict[str, dict[str, float]]:
    """Return the bench's figures of planning and pruning, by database and chats."""
    found: dict[str, dict[str, float]] = json.loads(RESULTS.read_text(encoding="utf-8"))["planning"]
    return found


def net_rate(per_second: float) -> float:
    """What is left of Telegram's rate when the bot's window is longer by the rate limiter's margin."""
    return per_second / (1 + Limits(per_second=per_second).first_margin)


def fan_out_seconds(messages: float, per_second: float) -> float:
    return messages / net_rate(per_second)


def stars(messages: float, per_second: float) -> float:
    """The price of `messages` at `per_second`: what a second has beyond the free rate is paid for."""
    beyond = max(0.0, net_rate(per_second) - FREE_PER_SECOND) / net_rate(per_second)
    return messages * beyond * STARS_PER_MESSAGE


def processes(per_second: float, found: Measured) -> int:
    """How many processes send at this rate and have something left."""
    return math.ceil(net_rate(per_second) / (SAFE_SHARE * found.process_per_second))


def rows_kept(duties_a_year: float, keep_days: float) -> float:
    return duties_a_year * keep_days / 365


def shown_seconds(seconds: float) -> str:
    """In the unit that people would use."""
    for most, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < most:
            return f"{_digits(seconds / unit)} {name}"
    return f"{_digits(seconds / 86_400)} days"


def shown_bytes(size: float) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{_digits(size / unit)} {name}"
    return f"{_digits(size / 1e3)} kB"


def _digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"

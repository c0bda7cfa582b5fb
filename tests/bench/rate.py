"""How exactly the pacing keeps to a rate, counted where the messages arrive."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.fan_out import SLOTS, Figures, announce, run_together
from tests.bench.fill import url_of
from tests.bench.server_process import serving

LATENCY = 0.05


def pace(rate: int, seconds: float) -> Figures:
    """A fan-out at `rate` for about `seconds`, to a server that enforces it."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with serving(log, core=1, latency=LATENCY, jitter=0.01, enforce=True, per_second=rate) as server:
            url = url_of(Path(folder) / "bench.db")
            asyncio.run(announce(url, int(rate * seconds)))
            run_together(url, server.url, {"rate": rate, "slots": SLOTS}, 1)
        times = sorted(message["at"] for message in server.taken())
    return {
        "per_second": (len(times) - 1) / (times[-1] - times[0]),
        "most_in_a_second": most_within(times, 1.0),
        "too_many_requests": server.floods,
    }


def most_within(times: Sequence[float], span: float) -> int:
    """The most of these sorted times that any half-open interval of `span` holds."""
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - span:
            first += 1
        most = max(most, last - first + 1)
    return most

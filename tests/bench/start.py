"""How long a start takes: from the process to /readyz, with a new database and with one that is there."""

import tempfile
from pathlib import Path
from statistics import median

from tests.bench.fan_out import Figures
from tests.bench.live_bot import living
from tests.bench.server_process import serving


def starting(times: int) -> dict[str, Figures]:
    """The first start makes the database; of the others, the median."""
    with tempfile.TemporaryDirectory() as folder, serving(core=1) as server:
        first, *others = [_start(Path(folder), server.url) for _ in range(times + 1)]
    return {"first": first, "again": {name: median(one[name] for one in others) for name in first}}


def _start(folder: Path, url: str) -> Figures:
    with living(folder, url) as service:
        return {
            "seconds": service.seconds_to_ready,
            "cpu": service.processor_seconds,
            "memory_mb": service.memory_mb,
        }

"""Updates through the webhook of the whole service: how many a second, and how fast at half of a thousand."""

import asyncio
import tempfile
from pathlib import Path

from tests.bench.fan_out import Figures, run
from tests.bench.fill import filled
from tests.bench.live_bot import PATH, SECRET, Living, living
from tests.bench.server_process import serving

POSTS = 1500
SUBSCRIBERS = 50_000
# A fourth of them have set something. At 1,000 updates a second each asks every three minutes; of far fewer
# many would ask again within a second and wait for the limit of one message a second per chat.
PEOPLE = 200_000
CONNECTIONS = 100  # the most that Telegram opens
HALF = 500.0  # a second, of the thousand that a process is to bear


def updates(seconds: float) -> dict[str, Figures]:
    """As many as go through, then half of a thousand a second; without a limit on messages."""
    with tempfile.TemporaryDirectory() as name, serving(core=1) as server:
        folder = Path(name)
        asyncio.run(_fill(folder / "bench.db"))
        with living(folder, server.url, core=0, rate_per_second=0) as service:
            brought(service, seconds=3, seed=10_000_000)
            full = brought(service, seconds=seconds, seed=20_000_000)
            half = brought(service, seconds=seconds, seed=30_000_000, rate=HALF)
    return {"full load": full, "half load": half}


def brought(service: Living, *, seconds: float, seed: int, rate: float = 0) -> Figures:
    """Updates brought to this service for so long; `seed` is the number of the first."""
    before = service.processor_seconds
    given = {
        "port": service.webhook_port,
        "path": PATH,
        "secret": SECRET,
        "seconds": seconds,
        "connections": CONNECTIONS,
        "people": PEOPLE,
        "seed": seed,
        "rate": rate,
    }
    figures = run(["-m", "tests.bench.update_load"], given, core=1)
    figures["cpu_ms_per_update"] = 1000 * (service.processor_seconds - before) / figures["updates"]
    return figures


async def _fill(file: Path) -> None:
    await (await filled(file, posts=POSTS, subscribers=SUBSCRIBERS)).close()

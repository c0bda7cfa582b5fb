"""From a dump that lands to the first message, with many subscribers: the whole service in this process.

A separate program: takes the name of a part and its arguments as JSON, prints one line of JSON.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

from bot.service import Service
from bot.settings import read_settings
from bot.wiring import telegram_wires
from tests.bench.fill import dump_of, filled, planned, url_of
from tests.bench.invented_posts import listing
from tests.bench.server_process import TOKEN

POSTS = 200
AFTER = 3.0  # seconds of fan-out before memory is measured


async def first_message(folder: Path, url: str, log: Path) -> dict[str, float]:
    settings = read_settings(
        _env_file=None,
        bot_token=TOKEN,
        bot_api_url=url,
        database_url=url_of(folder / "bench.db"),
        dump_dir=folder / "dumps",
        http_port=0,
    )
    settings.dump_dir.mkdir()
    service = Service(settings, TOKEN, telegram_wires(settings))
    await service.start(polling=False)
    await asyncio.sleep(1)
    arriving = settings.dump_dir / "news.part"
    arriving.write_bytes(listing(range(POSTS, POSTS + 1)))
    landed = time.time()
    arriving.rename(settings.dump_dir / "news.txt")
    async with asyncio.timeout(60):
        while not log.exists() or not log.stat().st_size:
            await asyncio.sleep(0.005)
    first = json.loads(log.read_bytes().split(b"\n")[0])["at"] - landed
    await asyncio.sleep(AFTER)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await service.stop()
    return {"first_message_seconds": first, "memory_mb": peak}


async def planning(folder: Path, subscribers: int) -> dict[str, float]:
    database = await filled(folder / "bench.db", posts=POSTS, subscribers=subscribers)
    begun = time.perf_counter()
    deliveries = await planned(database, dump_of(range(POSTS, POSTS + 1), "news.txt"))
    seconds = time.perf_counter() - begun
    await database.close()
    assert deliveries == subscribers
    return {"planning_seconds": seconds}


async def fill(folder: Path, subscribers: int) -> dict[str, float]:
    """A database for `first_message`, made by another process, so that it costs this one no memory."""
    await (await filled(folder / "bench.db", posts=POSTS, subscribers=subscribers)).close()
    return {}


if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    for name in ("folder", "log"):
        if name in given:
            given[name] = Path(given[name])
    parts = {"first_message": first_message, "planning": planning, "fill": fill}
    sys.stdout.write(json.dumps(asyncio.run(parts[sys.argv[1]](**given))) + "\n")  # type: ignore[operator]

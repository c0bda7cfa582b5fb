"""What cannot be stored is not sent, what is locked is waited for, and a clock that is set loses nothing."""

import asyncio
import signal
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.service import Service
from bot.settings import read_settings
from bot.wiring import telegram_wires
from tests.bench.fill import url_of
from tests.bench.server_process import TOKEN
from tests.torture.runs import Scene, scene

pytestmark = pytest.mark.torture


FULL = 192 * 1024  # bytes of a file


class SetClock:
    """A clock whose wall time is set back and forth; its monotonic seconds advance evenly."""

    def __init__(self) -> None:
        self.off = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off

    def monotonic(self) -> float:
        return time.monotonic()


async def live_with(here: Scene, clock: SetClock) -> None:
    settings = read_settings(
        _env_file=None,
        bot_token=TOKEN,
        bot_api_url=here.server.url,
        database_url=url_of(here.file),
        dump_dir=here.folder / "dumps",
        rate_per_second=300,
        lease_seconds=30,
        max_in_flight=16,
        rich=False,
        http_port=0,
    )
    settings.dump_dir.mkdir()
    service = Service(settings, TOKEN, telegram_wires(settings), clock)
    await service.start(polling=False)
    async with asyncio.timeout(120):
        while not here.settled():
            await asyncio.sleep(0.5)
            clock.off = timedelta(hours=1) if not clock.off else timedelta(0)
    await service.stop()


def test_a_clock_that_jumps_an_hour_back_and_forth(tmp_path: Path) -> None:
    """An hour ahead every lease seems over: its requests are answered all the same, or repeated once."""
    with scene(tmp_path, 1500, latency=0.06, jitter=0.05) as here:
        asyncio.run(live_with(here, SetClock()))
        counted = here.count()
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.rows.get("sent", 0) == 1500


def test_a_database_locked_for_a_while_delays_and_loses_nothing(tmp_path: Path) -> None:
    with scene(tmp_path, 800, latency=0.05) as here:
        here.start(RATE_PER_SECOND=200)
        for _ in range(3):
            before = here.server.count()
            here.until(lambda before=before: here.server.count() > before + 50)  # type: ignore[misc]
            hold(here.file, 4.0)
        here.until(here.settled)
        here.end(signal.SIGTERM)
        counted = here.count()
    assert dict(counted.rows) == {"sent": 800}
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2


def hold(file: Path, seconds: float) -> None:
    """Another program writes to the database for so long."""

    def write() -> None:
        connection = sqlite3.connect(file, isolation_level=None, timeout=30)
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()


def test_a_full_disk_sends_nothing_that_it_cannot_write_down(tmp_path: Path) -> None:
    """Limit files to a few pages, lift the limit later, and expect the work to continue."""
    with scene(tmp_path, 1500, latency=0.05) as here:
        here.start(RATE_PER_SECOND=0, largest_file=FULL)
        time.sleep(8)
        here.end(signal.SIGKILL)
        starved = here.count()
        assert starved.phantom == 0
        assert starved.rows.get("pending", 0) > 0, "the disk was not full enough"
        counted = here.finish(RATE_PER_SECOND=0)
    assert counted.rows.get("sent", 0) + counted.rows.get("uncertain", 0) == 1500
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= 16, "only what was in flight when nothing could be written any more"

"""The program is killed, stopped and started again in the middle of a large fan-out; then all is counted."""

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from storage.enqueue import AHEAD
from tests.torture.accounting import chats_by_state, in_flight
from tests.torture.runs import Scene, scene

pytestmark = pytest.mark.torture

KILLS = 50
CHUNKED = 2 * AHEAD + 5000  # most of such a fan-out begins as chunks


def live_a_little(here: Scene, luck: random.Random, **settings: Any) -> None:
    """Start, wait for the first message of this life, and then for a random moment."""
    before = here.server.count()
    here.start(**settings)
    here.until(lambda: here.server.count() > before or here.settled())
    time.sleep(luck.uniform(0.0, 0.6))


@pytest.mark.parametrize(("chats", "rate"), [(5000, 150), (CHUNKED, 0)], ids=["rows", "chunks"])
def test_killed_at_random_moments_nothing_is_lost_and_nothing_comes_three_times(
    tmp_path: Path, chats: int, rate: int
) -> None:
    luck = random.Random(20)
    exposed = kills = 0
    with scene(tmp_path, chats, latency=0.06, jitter=0.05) as here:
        while not here.settled() and kills < 4 * KILLS:
            live_a_little(here, luck, RATE_PER_SECOND=rate, MAX_IN_FLIGHT=16 if rate else 100)
            here.end(signal.SIGKILL)
            kills += 1
            exposed += in_flight(chats_by_state(tmp_path / "kexue.db"))
        assert kills >= KILLS, "the fan-out was over too soon to be killed often enough"
        counted = here.finish()
    assert counted.rows.get("sent", 0) + counted.rows.get("uncertain", 0) == chats
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= exposed
    print(f"{kills} kills, {counted.duplicates} duplicates, {exposed} in flight, {dict(counted.rows)}")  # noqa: T201


def test_stopped_in_order_again_and_again_nothing_comes_twice(tmp_path: Path) -> None:
    luck = random.Random(21)
    with scene(tmp_path, 3000, latency=0.06, jitter=0.05) as here:
        for _ in range(15):
            live_a_little(here, luck, RATE_PER_SECOND=200)
            assert here.end(signal.SIGTERM) == 0
            assert "sending" not in here.states()
        counted = here.finish()
    assert dict(counted.rows) == {"sent": 3000}
    assert (counted.phantom, counted.lost, counted.duplicates) == (0, 0, 0)


def test_frozen_for_longer_than_its_lease_it_sends_no_third_copy(tmp_path: Path) -> None:
    with scene(tmp_path, 1500, latency=0.06) as here:
        here.start(RATE_PER_SECOND=300)
        for _ in range(3):
            before = here.server.count()
            here.until(lambda before=before: here.server.count() > before + 100)  # type: ignore[misc]
            assert here.process is not None
            here.process.send_signal(signal.SIGSTOP)
            time.sleep(3)
            here.process.send_signal(signal.SIGCONT)
        here.until(here.settled)
        here.end(signal.SIGTERM)
        counted = here.count()
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= 3 * 16

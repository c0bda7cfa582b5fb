"""Several processes on one PostgreSQL are killed, stopped and frozen; then every message is accounted for."""

import random
import signal
import time
from pathlib import Path

import pytest

from storage.enqueue import AHEAD
from tests.bench.rate import most_within
from tests.tools.postgres import MakeUrl
from tests.torture.fleet import announced

PATIENCE = 280.0
TAKE_OVER = 30.0


def test_one_of_two_dies_and_the_other_finishes_its_work(tmp_path: Path, postgres: MakeUrl) -> None:
    """The short case: a few seconds, in the ordinary suite."""
    settings: dict[str, object] = {"RATE_PER_SECOND": 30, "LEASE_SECONDS": 3}
    with announced(tmp_path, postgres(), 90, settings=settings, latency=0.1) as ships:
        for name in ("a", "b"):
            ships.start(name)
        ships.until(lambda: ships.claimed_by("a") > 0 and ships.claimed_by("b") > 0)
        exposed = ships.claimed_by("a")
        ships.end("a")
        ships.until(ships.settled)
        assert ships.end("b", signal.SIGTERM) == 0
        counted = ships.count()
    assert dict(counted.rows) == {"sent": 90}
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= exposed + 2  # what was begun between the count and the death


@pytest.mark.torture
@pytest.mark.parametrize(("chats", "rate"), [(4000, 60), (2 * AHEAD + 5000, 500)], ids=["rows", "chunks"])
def test_killed_at_random_moments_nothing_is_lost_and_nothing_comes_three_times(
    tmp_path: Path, postgres: MakeUrl, chats: int, rate: int
) -> None:
    luck = random.Random(30)
    kills = exposed = 0
    in_flight = max(16, rate // 5)
    settings: dict[str, object] = {
        "RATE_PER_SECOND": rate, "LEASE_SECONDS": 5, "MAX_IN_FLIGHT": in_flight,
    }  # fmt: skip
    with announced(tmp_path, postgres(), chats, settings=settings, latency=0.06, jitter=0.05) as ships:
        for name in ("a", "b", "c"):
            ships.start(name)
        ships.until(lambda: ships.sent() > 0)
        while not ships.settled() and kills < 60:
            time.sleep(luck.uniform(0.5, 4.0))
            victim = luck.choice(("a", "b", "c"))
            exposed += ships.claimed_by(victim) + in_flight // 4  # and its claims until the signal arrives
            ships.end(victim)
            kills += 1
            ships.start(victim)
        ships.until(ships.settled, PATIENCE)
        for name in ships.members:
            ships.end(name, signal.SIGTERM)
        counted = ships.count()
    print(f"{kills} kills, {counted.duplicates} duplicates, {exposed} exposed, {dict(counted.rows)}")  # noqa: T201
    assert kills >= 10
    assert counted.rows.get("sent", 0) + counted.rows.get("uncertain", 0) == chats
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= exposed


@pytest.mark.torture
def test_stopped_in_order_again_and_again_nothing_comes_twice(tmp_path: Path, postgres: MakeUrl) -> None:
    luck = random.Random(31)
    settings: dict[str, object] = {"RATE_PER_SECOND": 60}
    with announced(tmp_path, postgres(), 1500, settings=settings, latency=0.06, jitter=0.05) as ships:
        for name in ("a", "b"):
            ships.start(name)
        ships.until(lambda: ships.sent() > 0)
        for _ in range(8):
            time.sleep(luck.uniform(0.5, 2.0))
            stopped = luck.choice(("a", "b"))
            ships.until(lambda stopped=stopped: ships.lives(stopped))  # type: ignore[misc]
            assert ships.end(stopped, signal.SIGTERM) == 0
            assert ships.claimed_by(stopped) == 0
            ships.start(stopped)
        ships.until(ships.settled, PATIENCE)
        counted = ships.count()
    assert dict(counted.rows) == {"sent": 1500}
    assert (counted.phantom, counted.lost, counted.duplicates) == (0, 0, 0)


@pytest.mark.torture
def test_one_that_froze_past_its_lease_starts_no_request(tmp_path: Path, postgres: MakeUrl) -> None:
    """The other process sends all its claims in time; only requests in flight are duplicated."""
    settings: dict[str, object] = {"RATE_PER_SECOND": 100}
    with announced(tmp_path, postgres(), 1200, settings=settings, latency=0.03) as ships:
        ships.start("a")
        ships.until(lambda: ships.sent() > 200)
        ships.tell("a", signal.SIGSTOP)
        claimed = ships.claimed_by("a")
        ships.start("b")
        took = ships.until(lambda: ships.claimed_by("a") == 0, TAKE_OVER)
        ships.until(ships.settled, PATIENCE)
        before = ships.sent()
        ships.tell("a", signal.SIGCONT)
        time.sleep(5)
        after = ships.sent()
        counted = ships.count()
        for name in ships.members:
            ships.end(name, signal.SIGTERM)
    print(f"{claimed} claimed, taken over after {took:.1f} s, {counted.duplicates} duplicates")  # noqa: T201
    assert claimed > 8
    assert after == before
    assert dict(counted.rows) == {"sent": 1200}
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= 10, "only what was under way when it froze"


@pytest.mark.torture
def test_two_together_keep_to_what_a_server_enforces(tmp_path: Path, postgres: MakeUrl) -> None:
    settings: dict[str, object] = {"RATE_PER_SECOND": 30}
    with announced(
        tmp_path, postgres(), 900, settings=settings, latency=0.05, jitter=0.01, enforce=True
    ) as ships:
        for name in ("a", "b"):
            ships.start(name)
        ships.until(ships.settled, PATIENCE)
        for name in ships.members:
            ships.end(name, signal.SIGTERM)
        assert ships.log is not None
        times = sorted(message["at"] for message in ships.log.taken())
        server = ships.log
    rate = (len(times) - 1) / (times[-1] - times[0])
    print(f"{rate:.1f} a second, at most {most_within(times, 1.0)}, {server.floods} times 429")  # noqa: T201
    assert most_within(times, 1.0) <= 30
    assert server.floods == 0
    assert len(times) == 900
    assert rate > 20


@pytest.mark.torture
def test_connections_to_the_database_are_cut_again_and_again(tmp_path: Path, postgres: MakeUrl) -> None:
    """Whatever was committed or not when its connection broke: the units are run again, and bear it."""
    settings: dict[str, object] = {"RATE_PER_SECOND": 60, "LEASE_SECONDS": 5}
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    cuts = 0
    with announced(tmp_path, postgres(), 1500, settings=settings, latency=0.06, jitter=0.03) as ships:
        for name in ("a", "b"):
            ships.start(name)
        ships.until(lambda: ships.sent() > 0)
        while not ships.settled() and cuts < 30:
            cuts += len(ships.ask(cut)) > 0
            time.sleep(0.7)
        ships.until(ships.settled, PATIENCE)
        codes = [ships.end(name, signal.SIGTERM) for name in ships.members]
        counted = ships.count()
    print(f"{cuts} cuts, {counted.duplicates} duplicates, {dict(counted.rows)}")  # noqa: T201
    assert codes == [0, 0]
    assert cuts >= 10
    assert counted.rows.get("sent", 0) + counted.rows.get("uncertain", 0) == 1500
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= 16

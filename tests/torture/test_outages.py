"""A database that falls silent, a frozen process, a pooler: others go on, nothing is lost."""

import signal
import time
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.fakes.tcp_proxy import proxy_in_thread
from tests.tools.pgbouncer import pgbouncer, program
from tests.tools.postgres import MakeUrl, free_port
from tests.torture.fleet import Fleet, announced

pytestmark = pytest.mark.torture

PATIENCE = 280.0
SILENT = 60.0  # seconds
OPERATOR = 900
RATE: dict[str, object] = {"RATE_PER_SECOND": 15, "LEASE_SECONDS": 120}


def ready(port: int) -> bool:
    """Whether /readyz says so."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=15) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def longest_gap(ships: Fleet, since: float) -> float:
    """Return the longest time without a message, of those that arrived after `since`."""
    assert ships.log is not None
    times = [message["at"] for message in ships.log.taken() if message["at"] >= since]
    return max((later - earlier for earlier, later in pairwise(sorted([since, *times]))), default=0.0)


def test_all_connections_to_the_database_fall_silent(tmp_path: Path, postgres: MakeUrl) -> None:
    url, port = postgres(), free_port()
    target = make_url(url)
    assert target.port is not None
    with (
        proxy_in_thread(target.port) as proxy,
        announced(tmp_path, url, 1000, settings=RATE | {"ADMIN_CHAT_IDS": OPERATOR}, latency=0.05) as ships,
    ):
        proxied = target.set(port=proxy.port).render_as_string(hide_password=False)
        for name, http in (("a", port), ("b", 0)):
            ships.start(name, DATABASE_URL=proxied, HTTP_PORT=http)
        ships.until(lambda: ships.sent() > 50 and ready(port))
        proxy.is_silent, begun = True, time.monotonic()
        unready = ships.until(lambda: not ready(port), SILENT)
        time.sleep(SILENT - (time.monotonic() - begun))
        before = ships.sent()
        proxy.is_silent = False
        resumed = ships.until(lambda: ships.sent() > before, PATIENCE)
        ready_again = resumed + ships.until(lambda: ready(port), PATIENCE)
        ships.until(ships.settled, PATIENCE)
        for name in ships.members:
            ships.end(name, signal.SIGTERM)
        counted = ships.count()
        told = sum(message["chat"] == OPERATOR for message in ships.log.taken()) if ships.log else 0
    print(  # noqa: T201
        f"unready after {unready:.1f} s, sending {resumed:.1f} s after, ready after {ready_again:.1f} s,"
        f" {counted.duplicates} duplicates, {dict(counted.rows)},"
        f" operators told {told} times"
    )
    assert told == 1, "with the recovery, by one of the processes"
    assert unready < 45
    assert resumed < 40
    assert ready_again < 60
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2


def test_a_frozen_process_holds_up_no_other(tmp_path: Path, postgres: MakeUrl) -> None:
    """Frozen again and again, so that it also happens within a transaction."""
    port = free_port()
    with announced(tmp_path, postgres(), 1800, settings=dict(RATE), latency=0.05) as ships:
        ships.start("a")
        ships.start("b", HTTP_PORT=port)
        ships.until(lambda: ships.claimed_by("a") > 0 and ships.claimed_by("b") > 0 and ready(port))
        gaps = []
        for frozen in range(6):
            time.sleep(0.37 * frozen)
            ships.tell("a", signal.SIGSTOP)
            begun = time.time()
            time.sleep(8)
            assert ready(port)
            gaps.append(longest_gap(ships, begun))
            ships.tell("a", signal.SIGCONT)
        ships.until(ships.settled, PATIENCE)
        for name in ships.members:
            ships.end(name, signal.SIGTERM)
        counted = ships.count()
    print(f"gaps {[round(gap, 1) for gap in gaps]}, {counted.duplicates} duplicates, {dict(counted.rows)}")  # noqa: T201
    assert max(gaps) < 5
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2


@pytest.mark.skipif(program() is None, reason="PgBouncer is not installed")
def test_one_of_two_behind_a_pooler_dies(tmp_path: Path, postgres: MakeUrl) -> None:
    url = postgres()
    with (
        pgbouncer(url, "transaction", connections=4) as pooled,
        announced(tmp_path, url, 600, settings={"RATE_PER_SECOND": 30}, latency=0.05) as ships,
    ):
        for name in ("a", "b"):
            ships.start(name, DATABASE_URL=pooled)
        ships.until(lambda: ships.claimed_by("a") > 0 and ships.claimed_by("b") > 0)
        exposed = ships.claimed_by("a")
        ships.end("a")
        ships.until(ships.settled, PATIENCE)
        assert ships.end("b", signal.SIGTERM) == 0
        counted = ships.count()
    assert dict(counted.rows) == {"sent": 600}
    assert (counted.phantom, counted.lost) == (0, 0)
    assert counted.copies <= 2
    assert counted.duplicates <= exposed + 4

"""What is lost and what comes twice when the process is killed at each place where it matters."""

import asyncio
import signal
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.service import Service
from bot.settings import read_settings
from bot.wiring import telegram_wires
from storage.model import State
from tests.bench.fill import url_of
from tests.bench.server_process import TOKEN
from tests.tools.postgres import MakeUrl
from tests.torture.accounting import Account
from tests.torture.fleet import announced
from tests.torture.runs import Scene, scene

CHATS = 3
SHARED = {"RATE_PER_SECOND": 0, "LEASE_SECONDS": 3}  # of the processes on one PostgreSQL


class Killed(NamedTuple):
    place: str
    duplicates: int  # at most
    why: str
    least: int = 0


# One request at a time, so that no more than one comes twice.
TABLE = [
    Killed("before-claim", 0, "all duties are pending"),
    Killed("after-claim", 0, "claimed, but no request was made; the start knows that nobody else lives"),
    Killed("before-request", 0, "as before"),
    Killed("after-response", 1, "Telegram has it, and neither row nor log says so", least=1),
    Killed("before-settle", 1, "the log says so; but the slot went on, and the next may be on its way"),
    Killed("in-settle", 1, "as before: the transaction was not committed, the log needs none"),
    Killed("after-settle", 1, "the row says so; the next may be on its way"),
]


async def next_life(here: Scene) -> None:
    """The same database in this process, until nothing is left to do."""
    settings = read_settings(
        _env_file=None,
        bot_token=TOKEN,
        bot_api_url=here.server.url,
        database_url=url_of(here.file),
        dump_dir=here.folder / "dumps",
        rate_per_second=0,
        rich=False,
        http_port=0,
    )
    service = Service(settings, TOKEN, telegram_wires(settings))
    await service.start(polling=False)
    await service.watch.unchanged_long_enough()
    async with asyncio.timeout(20):
        while not here.settled():
            await asyncio.sleep(0.02)
    await service.stop()


def counted_after(here: Scene) -> Account:
    (here.folder / "dumps").mkdir(exist_ok=True)
    asyncio.run(next_life(here))
    return here.count()


@pytest.mark.parametrize("killed", TABLE, ids=lambda killed: killed.place)
def test_killed_while_sending(killed: Killed, tmp_path: Path) -> None:
    with scene(tmp_path, CHATS) as here:
        here.start(CRASH_AT=f"{killed.place}:1", MAX_IN_FLIGHT=1)
        assert here.died() == -signal.SIGKILL
        counted = counted_after(here)
    assert dict(counted.rows) == {State.SENT: CHATS}
    assert (counted.phantom, counted.lost) == (0, 0)
    assert killed.least <= counted.duplicates <= killed.duplicates, killed.why


@pytest.mark.parametrize("killed", TABLE, ids=lambda killed: killed.place)
def test_killed_while_another_process_lives(killed: Killed, tmp_path: Path, postgres: MakeUrl) -> None:
    """On PostgreSQL there is no log: the claims end with their lease, and one in flight may come twice."""
    with announced(tmp_path, postgres(), CHATS, settings=dict(SHARED)) as ships:
        ships.start("a", CRASH_AT=f"{killed.place}:1", MAX_IN_FLIGHT=1)
        assert ships.members["a"].wait(30) == -signal.SIGKILL
        ships.start("b")
        ships.until(ships.settled)
        assert ships.end("b", signal.SIGTERM) == 0
        counted = ships.count()
    assert dict(counted.rows) == {State.SENT: CHATS}
    assert (counted.phantom, counted.lost) == (0, 0)
    assert killed.least <= counted.duplicates <= killed.duplicates, killed.why


@pytest.mark.parametrize("place", ["in-intake", "after-intake"])
def test_killed_while_taking_in_and_another_goes_on(place: str, tmp_path: Path, postgres: MakeUrl) -> None:
    with announced(tmp_path, postgres(), CHATS, settings=dict(SHARED), is_known=False) as ships:
        ships.land()
        ships.start("a", CRASH_AT=place)
        assert ships.members["a"].wait(30) == -signal.SIGKILL
        assert Counter(ships.states().values()) == ({} if place == "in-intake" else {State.PENDING: CHATS})
        ships.start("b")
        ships.until(lambda: len(ships.states()) == CHATS and ships.settled())
        ships.end("b", signal.SIGTERM)
        counted = ships.count()
    assert dict(counted.rows) == {State.SENT: CHATS}
    assert (counted.phantom, counted.lost, counted.duplicates) == (0, 0, 0)


@pytest.mark.parametrize(
    ("place", "copies", "state"), [("before-request", 1, "sent"), ("after-response", 2, "uncertain")]
)
def test_killed_twice_at_the_same_place(place: str, copies: int, state: str, tmp_path: Path) -> None:
    """Only requests that were begun are counted as tries, so two deaths before any lose nothing."""
    with scene(tmp_path, 1) as here:
        for _ in range(2):
            here.start(CRASH_AT=place)
            assert here.died() == -signal.SIGKILL
        counted = counted_after(here)
    assert dict(counted.rows) == {state: 1}
    assert (counted.phantom, counted.lost, counted.copies) == (0, 0, copies)


@pytest.mark.parametrize("place", ["in-intake", "after-intake"])
def test_killed_while_taking_in(place: str, tmp_path: Path) -> None:
    """Either the post and its deliveries are stored, or neither; in both cases each chat receives it once."""
    with scene(tmp_path, CHATS, announced=False) as here:
        here.land()
        here.start(CRASH_AT=place)
        assert here.died() == -signal.SIGKILL
        assert here.states() == ({} if place == "in-intake" else {State.PENDING: CHATS})
        counted = counted_after(here)
    assert dict(counted.rows) == {State.SENT: CHATS}
    assert (counted.phantom, counted.lost, counted.duplicates) == (0, 0, 0)


@pytest.mark.parametrize(("policy", "rows", "duplicates"), [("resend", "sent", 1), ("skip", "uncertain", 0)])
def test_killed_between_request_and_answer(policy: str, rows: str, duplicates: int, tmp_path: Path) -> None:
    """The request is on its way: repeated once, or never, as ON_UNSURE says."""
    with scene(tmp_path, 1, latency=0.5) as here:
        here.start()
        here.until(lambda: here.server.count() == 1)
        here.end(signal.SIGKILL)
        here.start(ON_UNSURE=policy)
        here.until(here.settled)
        here.end(signal.SIGTERM)
        counted = here.count()
    assert dict(counted.rows) == {rows: 1}
    assert (counted.phantom, counted.lost, counted.duplicates) == (0, 0, duplicates)


def test_stopped_in_order(tmp_path: Path) -> None:
    with scene(tmp_path, 40, latency=0.1) as here:
        here.start(MAX_IN_FLIGHT=8)
        here.until(lambda: here.server.count() >= 4)
        assert here.end(signal.SIGTERM) == 0
        assert State.SENDING not in here.states()
        counted = counted_after(here)
    assert dict(counted.rows) == {State.SENT: 40}
    assert counted.duplicates == 0

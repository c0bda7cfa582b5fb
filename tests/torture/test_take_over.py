"""When the process that asks for updates dies or freezes, another one asks within the time."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.fakes.people import READER, FakeTelegram
from tests.tools.postgres import MakeUrl
from tests.torture.fleet import Fleet, fleet

pytestmark = pytest.mark.torture

TAKE_OVER = 30.0


def hearing(ships: Fleet) -> str | None:
    """The name of the process that asks for updates."""
    found = ships.ask("SELECT owner FROM leases WHERE name = 'updates' AND until > $1", ships.now())
    pids = {f":{process.pid}:": name for name, process in ships.members.items()}
    return next((name for pid, name in pids.items() if found and pid in found[0][0]), None)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_another_one_hears(
    telegram: FakeTelegram, tmp_path: Path, postgres: MakeUrl, how: signal.Signals
) -> None:
    with fleet(tmp_path, postgres(), telegram.server, BOT_TOKEN=telegram.token) as ships:
        for name in ("a", "b"):
            ships.start(name)
        telegram.user_says("/help")
        assert "/series" in (await telegram.message(READER, timeout=60)).text
        await asyncio.to_thread(ships.until, lambda: ships.lives("a") and ships.lives("b"))
        first = await asyncio.to_thread(hearing, ships)
        assert first is not None
        ships.tell(first, how)
        begun = asyncio.get_running_loop().time()
        telegram.user_says("/about")
        assert (await telegram.message(READER, timeout=TAKE_OVER)).text
        print(f"heard after {asyncio.get_running_loop().time() - begun:.1f} s")  # noqa: T201
        second = await asyncio.to_thread(hearing, ships)
        assert second not in (None, first)
        if how is signal.SIGSTOP:
            ships.tell(first, signal.SIGCONT)
            await asyncio.sleep(3)
        before = len(telegram.messages(READER))
        telegram.user_says("/help")
        assert "/series" in (await telegram.message(READER, timeout=20)).text
        await asyncio.sleep(3)
        assert len(telegram.messages(READER)) == before + 1, "answered by one of them"
        assert await asyncio.to_thread(hearing, ships) == second

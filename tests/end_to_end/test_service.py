"""The service as a whole: it starts, stops at any moment without delay, and starts again."""

import asyncio
import os
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.service import Service
from bot.wiring import telegram_wires
from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown

PROMPT = 4.0  # seconds; a stop that waits for something waits for stop_seconds and five more


async def _nothing() -> None:
    pass


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.1, 0.4])
@pytest.mark.parametrize("telegram_too", [False, True], ids=["opened", "connected"])
async def test_a_stop_at_any_moment_waits_for_nothing(
    resting_bot: WholeBot, telegram_too: bool, pause: float
) -> None:
    settings = resting_bot.read_settings()
    service = Service(settings, settings.token(), telegram_wires(settings))
    await service.open()
    connect: Callable[[], Awaitable[None]] = service.connect if telegram_too else _nothing
    await connect()
    await asyncio.sleep(pause)
    began = time.monotonic()
    await service.stop()
    assert time.monotonic() - began < PROMPT


async def test_what_was_asked_while_the_bot_was_away_is_answered(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.stops()
    telegram.user_says("/about")
    await library.starts()
    assert (await telegram.message()).text.startswith("关于")


async def test_what_landed_while_the_bot_was_away_is_told(library: WholeBot, telegram: FakeTelegram) -> None:
    await library.subscribes()
    await library.stops()
    library.lands("meanwhile.txt", Shown(title="趁它不在时落下的"))
    await library.starts()
    assert "趁它不在时落下的" in (await telegram.message()).text
    await library.restarts()
    await library.settles()
    assert len(telegram.messages(READER)) == 1


@pytest.mark.sqlite_only
async def test_what_it_writes_is_its_owners_alone(telegram: FakeTelegram, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    url = f"sqlite+aiosqlite:///{folder}/kexue.db"
    bot = WholeBot(telegram, tmp_path, database_url=url, backup_dir=folder / "backups")
    before = os.umask(0)
    try:
        await bot.starts()
        await bot.subscribes()
        bot.lands("news.txt", Shown(title="一篇新文章"))
        await bot.settles()
        await bot.until(lambda: _there(folder / "backups", "kexue-*.db"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.rglob("kexue*")}
        await bot.stops()
    finally:
        os.umask(before)
    assert {"kexue.db", "kexue.db-wal", "kexue.db.begun", "kexue.db.lock"} < set(modes)
    assert set(modes.values()) == {0o600}


async def _there(folder: Path, pattern: str) -> bool:
    return any(folder.glob(pattern))

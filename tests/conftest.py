"""Fixtures that the whole-bot tests share."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from tests.dumps import ARCHIVE, HOME, listing
from tests.fakes import FakeTelegram
from tests.postgres import MakeUrl, create_database, postgres_server, programs
from tests.wholebot import WholeBot, store


@pytest_asyncio.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as fake:
        yield fake


@pytest_asyncio.fixture
async def resting_bot(telegram: FakeTelegram, tmp_path: Path) -> AsyncIterator[WholeBot]:
    """A whole bot that was not started yet; whatever runs at the end is stopped."""
    bot = WholeBot(telegram, tmp_path)
    yield bot
    await bot.stops()


@pytest_asyncio.fixture
async def bot(resting_bot: WholeBot) -> WholeBot:
    """A whole bot that runs, with an empty archive."""
    await resting_bot.starts()
    return resting_bot


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with an archive of twenty-five posts, made once to be copied."""
    file = tmp_path_factory.mktemp("stocked") / "kexue.db"
    for content in (HOME, listing(*ARCHIVE).encode()):
        asyncio.run(store(f"sqlite+aiosqlite:///{file}", content))
    return file


@pytest_asyncio.fixture
async def library(resting_bot: WholeBot, stocked: Path) -> WholeBot:
    """A whole bot that runs, with an archive of twenty-five posts."""
    shutil.copyfile(stocked, resting_bot.file)
    await resting_bot.starts()
    return resting_bot


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test must not depend on what happens to be set where it runs."""
    for name in ("BOT_TOKEN", "BOT_TOKEN_FILE", "DATABASE_URL", "DUMP_DIR", "ADMIN_CHAT_IDS", "BOT_API_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[MakeUrl]:
    """Makes the address of a new, empty database on a server of the tests' own."""
    pytest.importorskip("asyncpg", reason="the PostgreSQL driver is not installed")
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    numbers = count()
    with postgres_server() as server:
        yield lambda: create_database(server, f"store_{next(numbers)}")

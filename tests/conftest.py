"""Fixtures that the whole-bot tests share, and which databases the tests run on.

`--database` says which: `usual` is SQLite, and PostgreSQL too for what is marked `both_databases` or takes
an open `database`.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from storage.database import Database, open_database
from tests.end_to_end.whole_bot import WholeBot, introduced, store
from tests.fakes.people import FakeTelegram
from tests.tools import examples  # noqa: F401 - registers the profiles of Hypothesis
from tests.tools.databases import DATABASES, Kind, blank_in, kind_in_use, url_in
from tests.tools.dumps import ARCHIVE, HOME, OLD, listing
from tests.tools.postgres import MakeUrl, programs

NOT_INSTALLED = pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["usual", *Kind], default="usual", help="what the tests run on")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = metafunc.definition.get_closest_marker
    usual = metafunc.config.getoption("database") == "usual"
    both = marked("both_databases") or "database" in metafunc.fixturenames
    if usual and both and not marked("sqlite_only"):
        postgres = pytest.param(Kind.POSTGRES, marks=NOT_INSTALLED, id=Kind.POSTGRES)
        metafunc.parametrize("database_kind", [Kind.SQLITE, postgres], indirect=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.config.getoption("database") == Kind.POSTGRES and item.get_closest_marker("sqlite_only"):
        pytest.skip("it is about SQLite's file")


@pytest.fixture(scope="session", autouse=True)
def databases() -> Iterator[None]:
    yield
    DATABASES.close()


@pytest.fixture(autouse=True)
def database_kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """What this test's databases are."""
    chosen: str = request.config.getoption("database")
    kind = Kind(getattr(request, "param", Kind.SQLITE if chosen == "usual" else chosen))
    with kind_in_use(kind):
        yield kind
        DATABASES.forget()


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An open, empty database; a test that takes it runs on both kinds."""
    opened = await open_database(url_in(tmp_path))
    try:
        yield opened
    finally:
        await opened.close()


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


@pytest_asyncio.fixture
async def knowing(resting_bot: WholeBot) -> WholeBot:
    """A whole bot that runs, with one old post."""
    await resting_bot.knows(OLD)
    await resting_bot.starts()
    return resting_bot


@pytest_asyncio.fixture
async def reading(knowing: WholeBot) -> WholeBot:
    """The same bot with one subscriber to everything."""
    await knowing.subscribes()
    return knowing


async def stocked(url: str) -> None:
    """An archive of twenty-five posts, of a bot that is known to Telegram."""
    await introduced(url)
    for content in (HOME, listing(*ARCHIVE).encode()):
        await store(url, content)


@pytest_asyncio.fixture
async def library(resting_bot: WholeBot) -> WholeBot:
    """A whole bot that runs, with an archive of twenty-five posts."""
    resting_bot.filled = stocked
    await resting_bot.starts()
    return resting_bot


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of the surrounding environment."""
    for name in ("BOT_TOKEN", "BOT_TOKEN_FILE", "DATABASE_URL", "DUMP_DIR", "ADMIN_CHAT_IDS", "BOT_API_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[MakeUrl]:
    """Makes the address of a new PostgreSQL database without any table."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    numbers = count()
    with kind_in_use(Kind.POSTGRES):
        yield lambda: blank_in(tmp_path, f"blank {next(numbers)}")

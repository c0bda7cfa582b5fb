"""The two databases for the suite of the store: SQLite always, PostgreSQL where it is installed."""

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from storage.database import Database, open_database
from tests.postgres import create_database, postgres_server, programs

MakeUrl = Callable[[], str]


@pytest.fixture(scope="session")
def postgres() -> Iterator[MakeUrl]:
    """Makes the address of a new, empty database on a server of the tests' own."""
    pytest.importorskip("asyncpg", reason="the PostgreSQL driver is not installed")
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    numbers = count()
    with postgres_server() as server:
        yield lambda: create_database(server, f"store_{next(numbers)}")


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An open, empty database of each kind."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/store.db"
    else:
        make: MakeUrl = request.getfixturevalue("postgres")
        url = make()
    opened = await open_database(url)
    try:
        yield opened
    finally:
        await opened.close()

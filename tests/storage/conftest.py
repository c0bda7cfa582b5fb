"""The two databases for the suite of the store: SQLite always, PostgreSQL where it is installed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.database import Database, open_database
from tests.postgres import MakeUrl


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

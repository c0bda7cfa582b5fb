"""An open, empty database for the suite of the store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from storage.database import Database, open_database
from tests.databases import url_in


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(url_in(tmp_path))
    try:
        yield opened
    finally:
        await opened.close()

"""A served reading room over an archive of sample dumps."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bot.clock import SystemClock
from bot.intake.ingest import IngestRules, ingest
from bot.search.ranker import SearchService
from bot.web.server import Room, serve_room
from storage.database import Database, open_database
from storage.model import Dump
from tests.tools.dumps import ARCHIVE, listing

TOKEN = "123456:web-room-token-of-the-tests-000000"


@dataclass(frozen=True, slots=True)
class Served:
    """The room, its address and a client."""

    room: Room
    url: str
    client: aiohttp.ClientSession
    database: Database

    async def text(self, path: str, **headers: str) -> str:
        """Return the body of a page that must be there."""
        async with self.client.get(self.url + path, headers=headers) as answer:
            assert answer.status == 200, (path, answer.status)
            return await answer.text()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Serve the room on a free port."""
    clock = SystemClock()
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path}/web.db")
    samples = Path(__file__).parents[1] / "data" / "dumps"
    dumps = [Dump(name="a.txt", content=listing(*ARCHIVE).encode(), captured_at=clock.now())]
    for name in ("post_page.html", "feed_rss2.xml", "listing.txt"):
        dumps.append(Dump(name=name, content=(samples / name).read_bytes(), captured_at=clock.now()))
    for dump in dumps:
        await ingest(database, dump, IngestRules(), clock.now())
    room = Room(database, clock, SearchService(), TOKEN, bot="kexue_test_bot")
    async with (
        serve_room(room, host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession(headers={"Accept-Language": "zh"}) as client,
    ):
        yield Served(room, f"http://127.0.0.1:{port}", client, database)
    await database.close()

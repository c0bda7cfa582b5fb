"""A served reading room over an archive of sample dumps."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bot.chat.context import Services
from bot.chat.permissions import OtherChats
from bot.intake.ingest import IngestRules, ingest
from bot.site_profile import KEXUE, SiteProfile
from bot.web.server import Room, serve_room
from storage.clock import Clock, SystemClock
from storage.database import Database, open_database
from storage.model import Dump
from tests.tools.databases import url_in
from tests.tools.dumps import ARCHIVE, listing

TOKEN = "123456:web-room-token-of-the-tests-000000"
SAMPLES = Path(__file__).parents[1] / "data" / "dumps"
SAMPLE_DUMPS = (
    ("a.txt", listing(*ARCHIVE).encode()),
    *((name, (SAMPLES / name).read_bytes()) for name in ("post_page.html", "feed_rss2.xml", "listing.txt")),
)


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

    async def lands(self, name: str, content: bytes) -> None:
        """Take in one more dump."""
        services = self.room.services
        now = services.clock.now()
        dump = Dump(name=name, content=content, captured_at=now)
        await ingest(self.database, dump, IngestRules(site=services.site), now)


@asynccontextmanager
async def serving(
    folder: Path,
    dumps: Sequence[tuple[str, bytes]] = SAMPLE_DUMPS,
    *,
    site: SiteProfile = KEXUE,
    clock: Clock | None = None,
    chats: OtherChats | None = None,
    limited: bool = True,
    url: str = "",
) -> AsyncIterator[Served]:
    """Serve an archive of `dumps` on a free port."""
    database = await open_database(url_in(folder))
    services = Services(database=database, clock=clock or SystemClock(), site=site, bot="kexue_test_bot")
    if chats is not None:
        services.other_chats = chats
    room = Room(services, TOKEN, url=url)
    if not limited:
        room.limits.burst = room.limits.per_second = 1e9
    async with (
        serve_room(room, host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession(headers={"Accept-Language": "zh"}) as client,
    ):
        served = Served(room, f"http://127.0.0.1:{port}", client, database)
        for name, content in dumps:
            await served.lands(name, content)
        yield served
    await database.close()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Serve the sample archive."""
    async with serving(tmp_path) as room:
        yield room

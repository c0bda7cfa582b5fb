"""The whole bot for tests: the real service on a real database and a dump folder, against a fake Telegram.

Verbs in the third person do what the world does to the bot; `await`ed ones wait for what the bot does.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from bot.chat.bot_profile import digest
from bot.delivery.admin_notices import UNREADABLE_KEY
from bot.intake.ingest import IngestReport, IngestRules, ingest
from bot.messages.commands import profile
from bot.rate_limit.scheduler import Limits
from bot.service import Service
from bot.settings import Settings, read_settings
from bot.wiring import telegram_wires
from storage.clock import SystemClock
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Destination, Dump, Post, Preferences, State
from tests.fakes.chats import BOT_ID, Posted
from tests.fakes.people import READER, FakeTelegram
from tests.tools.databases import Fill, url_in
from tests.tools.dumps import Shown, land, listing

T = TypeVar("T")

OPERATOR = 900
UNPACED = Limits(per_second=None, private_gap=0.0, group_per_minute=10_000)
FINISHED = 60.0  # seconds that everything planned may take; only a failing test uses them up


async def introduced(url: str) -> None:
    """An empty database whose bot profile is already published: saves a third of a start."""
    told = {entry.key: digest(entry) for entry in profile((OPERATOR,))}
    database = await open_database(url)
    await database.write(lambda tx: tx.key_values.put(f"profile of {BOT_ID}", json.dumps(told)))
    await database.close()


class WholeBot:
    """One bot over its runs: folder, database and Telegram persist, the service restarts."""

    def __init__(self, telegram: FakeTelegram, folder: Path, **settings: object) -> None:
        self.telegram = telegram
        self.dumps = folder / "dumps"
        self.dumps.mkdir(exist_ok=True)
        self.folder = folder
        self.filled: Fill = introduced
        self.limits = UNPACED
        self.settings: dict[str, object] = {
            "bot_token": telegram.token,
            "bot_api_url": telegram.server,
            "dump_dir": self.dumps,
            "admin_chat_ids": (OPERATOR,),
            "stop_seconds": 5,
        } | settings
        self._service: Service | None = None

    @property
    def url(self) -> str:
        """The address of the database, which is made when it is first asked for."""
        return str(self.settings.get("database_url") or url_in(self.folder, filled=self.filled))

    @property
    def service(self) -> Service:
        if self._service is None:
            raise AssertionError("the bot does not run")
        return self._service

    @property
    def database(self) -> Database:
        return self.service.database

    def read_settings(self) -> Settings:
        return read_settings(_env_file=None, **({"database_url": self.url} | self.settings))

    async def starts(self) -> None:
        settings = self.read_settings()
        service = Service(settings, settings.token(), telegram_wires(settings), limits=self.limits)
        await service.start()
        self._service = service

    async def stops(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            await service.stop()

    async def restarts(self) -> None:
        await self.stops()
        await self.starts()

    # What the world does.

    async def knows(self, *posts: Shown, dump: bytes | None = None) -> IngestReport:
        """Before the first start: these posts, or this dump, are stored already."""
        return await store(self.url, listing(*posts).encode() if dump is None else dump)

    def lands(self, name: str, *posts: Shown, dump: str | bytes | None = None) -> Path:
        """A dump with these posts, or of this content, lands in the folder."""
        return land(self.dumps, name, listing(*posts) if dump is None else dump)

    async def subscribes(
        self, chat_id: int = READER, *, thread_id: int | None = None, **chosen: Any
    ) -> Destination:
        """The chat, or its topic, is subscribed to everything already; `chosen` are its preferences."""
        kind = {"private": ChatKind.PRIVATE, "channel": ChatKind.CHANNEL}.get(
            self.telegram.opens(chat_id).kind, ChatKind.GROUP
        )
        now = SystemClock().now()

        async def unit(tx: Transaction) -> Destination:
            made = await tx.destinations.ensure(
                chat_id, thread_id, kind, "A chat", now, Preferences(**chosen)
            )
            await tx.destinations.subscribe(made.id, (await tx.scopes.everything()).id, now)
            return made

        return await self.database.write(unit)

    async def says(self, text: str, **who: Any) -> Posted:
        """Send a text as a person and return the bot's answers."""
        self.telegram.user_says(text, **who)
        chat_id: int = who.get("chat_id") or who.get("user_id", READER)
        return await self.telegram.message(chat_id)

    # What the bot does.

    async def settles(self) -> None:
        """Everything in the folder is looked at, and nothing that is due is left to send."""
        await self.service.watch.unchanged_long_enough()
        await self.until(self._nothing_due)

    async def _nothing_due(self) -> bool:
        notice = await self.database.read(lambda tx: tx.key_values.get(UNREADABLE_KEY))
        counts = await self.counts()
        return notice is None and not counts.get(State.SENDING) and not counts.get(State.PENDING)

    async def until(self, holds: Callable[[], Awaitable[bool]], patience: float = FINISHED) -> None:
        """Wait until it holds."""
        async with asyncio.timeout(patience):
            while not await holds():
                await asyncio.sleep(0.02)

    async def counts(self) -> dict[State, int]:
        return await self.database.read(lambda tx: tx.outbox.counts())

    async def posts(self) -> list[Post]:
        return await self.database.read(lambda tx: tx.posts.everything())

    async def post(self, title: str) -> Post:
        """The stored post whose title has these words in it."""
        (found,) = [post for post in await self.posts() if title in post.title]
        return found

    async def standing(self, chat_id: int, thread_id: int | None = None) -> Destination | None:
        return await self.database.read(lambda tx: tx.destinations.find(chat_id, thread_id))


async def store(url: str, content: bytes) -> IngestReport:
    """Take a dump in without any service; the database is made if it is not there."""
    now = SystemClock().now()
    database = await open_database(url)
    try:
        return await ingest(
            database, Dump(name="known.txt", content=content, captured_at=now), IngestRules(), now
        )
    finally:
        await database.close()


__all__ = ["FINISHED", "OPERATOR", "READER", "UNPACED", "WholeBot", "store"]

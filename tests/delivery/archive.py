"""An archive written straight into a database, for tests of what follows from it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from bot.delivery.due_times import dedup_key_of
from bot.delivery.due_worker import due_rhythms
from bot.intake.derive import places_of, word_places
from storage.database import Database, Transaction, open_database
from storage.model import DumpId, DumpRecord, Layout, Post, When
from tests.messages.posts import post as written
from tests.tools.databases import url_in

T = TypeVar("T")

THEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def episode(number: int, series: str = "漫谈", day: date | None = None) -> Post:
    """A part of a series."""
    title = f"{series}（{number}）：第{number}则"
    return written(
        0, title, day or date(2024, 1, 1), series=series, series_key=series, episode=number, title_at=THEN
    )


def essay(title: str, day: date | None = None, **known: object) -> Post:
    """A post without a series."""
    return written(0, title, day or date(2024, 1, 1), title_at=THEN, **known)


@asynccontextmanager
async def database_in(folder: Path, name: str = "kexue.db") -> AsyncIterator[Database]:
    database = await open_database(url_in(folder, name))
    try:
        yield database
    finally:
        await database.close()


async def store(tx: Transaction, posts: Sequence[Post], now: datetime = THEN) -> tuple[DumpId, list[Post]]:
    """Store posts as one dump brings them; their scopes too, words as they are subscribed by now."""
    number = len(await tx.dumps.recent(10_000))
    dump = await tx.dumps.add(
        DumpRecord(
            id=DumpId(0),
            name=f"{number}.txt",
            sha256=f"{number:064}",
            origin="folder",
            layout=Layout.LISTING,
            captured_at=now,
            taken_in_at=now,
        )
    )
    stored = await tx.post_writer.assign_ids(posts)
    await tx.post_writer.add(stored, dump.id, now)
    worded = word_places(stored, await tx.scopes.words())
    await tx.post_writer.set_scopes({one.id: (*places_of(one), *worded.get(one.id, ())) for one in stored})
    return dump.id, stored


async def plan_due(tx: Transaction, now: datetime, digest_above: int) -> int:
    """Plan everything due at `now` in one transaction; return how many deliveries were planned."""
    planned = 0
    for rhythm, moment in await due_rhythms(tx, now):
        most = digest_above if rhythm.when is When.INSTANT else 0
        key = dedup_key_of(rhythm, moment.day)
        planned += (await tx.waiting.plan(rhythm, moment.until, key, now, digest_above=most, batch=10_000))[0]
    return planned

"""Databases for the bench: an archive of made-up posts and as many subscribers as are wanted."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bot.intake.ingest import IngestRules, ingest
from storage.batches import MOST_ROWS
from storage.database import Database, open_database
from storage.engine import create_engine, raise_last_id, run_many
from storage.model import ChatKind, Dump, ExcerptLength, Format, ScopeId, Standing, When
from storage.schema import destinations, subscriptions
from tests.bench.invented_posts import listing

Row = dict[str, Any]

FIRST_CHAT = 10_000_000
TOGETHER = 20_000


def url_of(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def dump_of(numbers: range, name: str = "listing.txt") -> Dump:
    return Dump(name=name, content=listing(numbers), captured_at=datetime.now(UTC))


async def filled(file: Path, *, posts: int, subscribers: int, groups: Sequence[int] = ()) -> Database:
    """A database with `posts` posts, all announced already, and private chats that want everything."""
    return await filled_at(url_of(file), posts=posts, subscribers=subscribers, groups=groups)


async def filled_at(url: str, *, posts: int, subscribers: int, groups: Sequence[int] = ()) -> Database:
    """The same, wherever the database is."""
    database = await open_database(url)
    await ingest(database, dump_of(range(posts), "first.txt"), IngestRules(), datetime.now(UTC))
    await subscribe(url, [*range(FIRST_CHAT, FIRST_CHAT + subscribers), *groups])
    return database


async def planned(database: Database, dump: Dump) -> int:
    """Take in a dump and plan all of what it announces; return the number of deliveries."""
    found = (await ingest(database, dump, IngestRules(), datetime.now(UTC))).deliveries
    while (more := await database.write(lambda tx: tx.planner.advance(MOST_ROWS))) is not None:
        found += more
    return found


async def subscribe(url: str, chats: Sequence[int]) -> None:
    """Subscribe these chats to everything, many in one statement and transaction."""
    now = datetime.now(UTC)
    engine = create_engine(url)
    database = Database(engine)
    everything = (await database.write(lambda tx: tx.scopes.everything())).id
    rows, wishes = chats_wanting(chats, everything, now)
    for start in range(0, len(rows), TOGETHER):  # PostgreSQL ends a transaction that is idle for 4 s
        async with engine.begin() as connection:
            await run_many(connection, insert(destinations), rows[start : start + TOGETHER])
            await run_many(connection, insert(subscriptions), wishes[start : start + TOGETHER])
    async with engine.begin() as connection:
        await raise_last_id(connection, destinations, max((row["id"] for row in rows), default=0))
    await database.close()


def chats_wanting(chats: Sequence[int], scope: ScopeId, now: datetime) -> tuple[list[Row], list[Row]]:
    """Rows of chats, and rows of their wish for `scope`; numbers below zero are groups."""
    rows: list[Row] = [
        {
            "id": number, "chat_id": chat, "thread_id": 0, "title": f"chat {chat}",
            "standing": Standing.ACTIVE, "kind": ChatKind.PRIVATE if chat > 0 else ChatKind.GROUP,
            "language": "zh", "format": Format.AUTO, "when": When.INSTANT, "hour": 20, "weekday": 6,
            "time_zone": "Asia/Shanghai", "silent": False, "excerpt": ExcerptLength.FULL, "pictures": True,
            "created_at": now,
        }
        for number, chat in enumerate(chats, 1)
    ]  # fmt: skip
    wishes: list[Row] = [
        {"scope_id": scope, "destination_id": row["id"], "muted": False, "created_at": now} for row in rows
    ]
    return rows, wishes

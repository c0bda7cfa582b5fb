"""The bell between processes: what one plans the others hear, also after their connection was lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from storage.database import Database, Transaction, open_database
from storage.enqueue import CHANNEL, notify
from tests.delivery.archive import THEN
from tests.tools.postgres import MakeUrl


@asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[Database, Database]]:
    first, second = await open_database(url), await open_database(url)
    yield first, second
    await first.close()
    await second.close()


class Ear:
    """Counts what is heard."""

    def __init__(self) -> None:
        self.times = 0
        self._news = asyncio.Event()

    def hear(self) -> None:
        self.times += 1
        self._news.set()

    async def next(self) -> None:
        async with asyncio.timeout(20):
            await self._news.wait()
        self._news.clear()


@asynccontextmanager
async def listening(database: Database, ear: Ear) -> AsyncIterator[None]:
    """From the moment at which it hears; the first call says so."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(database.listen(ear.hear))
        await ear.next()
        yield
        task.cancel()


async def planned(database: Database, duty: str) -> None:
    await database.write(lambda tx: tx.planner.notify_chats((1, 2), duty, "{}", THEN))


async def test_what_one_plans_another_hears_once(postgres: MakeUrl) -> None:
    ear = Ear()
    # With a query argument that SQLAlchemy accepts and the driver rejects.
    address = f"{postgres()}?prepared_statement_cache_size=50"
    async with two(address) as (first, second), listening(second, ear):
        await planned(first, "notice:1")
        await ear.next()
        await planned(first, "notice:2")
        await ear.next()
        assert ear.times == 3


async def test_what_is_taken_back_is_not_heard(postgres: MakeUrl) -> None:
    ear = Ear()

    async def fails(tx: Transaction) -> None:
        await notify(tx.key_values._connection)
        raise KeyError

    async with two(postgres()) as (first, second), listening(second, ear):
        try:
            await first.write(fails)
        except KeyError:
            await planned(first, "notice:1")
        await ear.next()
        assert ear.times == 2


async def test_a_lost_connection_is_made_again(postgres: MakeUrl) -> None:
    ear = Ear()

    async def cut(tx: Transaction) -> None:
        await tx.key_values._connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE pid <> pg_backend_pid() AND query LIKE '%{CHANNEL}%'"
            )
        )

    async with two(postgres()) as (first, second), listening(second, ear):
        await first.write(cut)
        await ear.next()  # what was rung meanwhile may have been missed
        await planned(first, "notice:1")
        await ear.next()


async def test_where_there_is_one_process_there_is_no_bell(database: Database) -> None:
    if not database.is_multi_process:
        await database.listen(lambda: None)
        await planned(database, "notice:1")

"""PgBouncer in each of its modes: detected, and everything works or is refused with the reason."""

import asyncio
from pathlib import Path

import pytest

from bot.supervisor import Supervisor
from storage import UnusableDatabaseError
from storage.database import Database, Transaction, migrate, open_database
from storage.model import ChatKind, State
from tests.delivery.archive import THEN, essay, store
from tests.tools.pgbouncer import pgbouncer, program
from tests.tools.postgres import MakeUrl

pytestmark = pytest.mark.skipif(program() is None, reason="PgBouncer is not installed")

CHATS = 30


async def announce(tx: Transaction) -> int:
    everything = await tx.scopes.everything()
    for number in range(CHATS):
        to = await tx.destinations.ensure(number + 1, None, ChatKind.PRIVATE, "", THEN)
        await tx.destinations.subscribe(to.id, everything.id, THEN)
    dump, (post,) = await store(tx, [essay("一")])
    return await tx.planner.announce([post.id], dump, THEN, digest_above=3)


async def work(database: Database) -> None:
    """Run transactions side by side, more than the pooler has connections; be woken by another process."""
    woken, supervisor = asyncio.Event(), Supervisor()
    supervisor.start("listen", lambda: database.listen(woken.set), endless=True)
    await asyncio.wait_for(woken.wait(), 5)  # at the start, when it has looked once
    woken.clear()
    assert await database.write(announce) == CHATS

    async def add(tx: Transaction) -> None:
        count = int(await tx.key_values.get("count") or 0)
        await tx.key_values.put("count", str(count + 1))

    await asyncio.gather(*(database.write(add) for _ in range(20)))
    await asyncio.gather(*(database.read(lambda tx: tx.posts.count()) for _ in range(20)))
    assert await database.read(lambda tx: tx.key_values.get("count")) == "20"
    assert await database.read(lambda tx: tx.outbox.counts()) == {State.PENDING: CHATS}
    await asyncio.wait_for(woken.wait(), 5)
    await supervisor.stop(0)


@pytest.mark.parametrize("setting", ["", "?pooler=transaction"])
async def test_transaction_mode(postgres: MakeUrl, setting: str) -> None:
    with pgbouncer(postgres(), "transaction") as url:
        assert (await migrate(url + setting))[0] is None
        database = await open_database(url + setting)
        other = await open_database(url + setting)
        await work(database)
        await asyncio.gather(database.close(), other.close())


async def test_session_mode(postgres: MakeUrl) -> None:
    with pgbouncer(postgres(), "session", connections=12) as url:
        database = await open_database(url)
        await work(database)
        await database.close()


async def test_what_cannot_work_is_refused(postgres: MakeUrl, tmp_path: Path) -> None:
    with (
        pgbouncer(postgres(), "statement") as url,
        pytest.raises(UnusableDatabaseError, match="pool_mode is statement"),
    ):
        await open_database(url)
    with (
        pgbouncer(postgres(), "transaction") as url,
        pytest.raises(UnusableDatabaseError, match="DATABASE_POOLER is session, but"),
    ):
        await open_database(f"{url}?pooler=session")

"""A PostgreSQL without a free connection: a replica waits for one and says so."""

import asyncio
import logging

import asyncpg
import pytest

from storage.database import Transaction, open_database
from tests.tools.postgres import MakeUrl

ROLE = "narrow"


async def admin_of(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("+asyncpg", ""))


async def restricted(url: str) -> str:
    """Return `url` for a role that may have one connection only."""
    admin = await admin_of(url)
    name = url.rsplit("/", 1)[1]
    if not await admin.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", ROLE):
        await admin.execute(f"CREATE ROLE {ROLE} LOGIN CONNECTION LIMIT 1")
    await admin.execute(f'ALTER DATABASE "{name}" OWNER TO {ROLE}')
    await admin.execute(f"GRANT ALL ON SCHEMA public TO {ROLE}")
    await admin.close()
    return url.replace("kexue@", f"{ROLE}@")


async def hold(_: Transaction) -> int:
    await asyncio.sleep(0.2)
    return 1


async def test_a_transaction_waits_for_a_free_connection(
    postgres: MakeUrl, caplog: pytest.LogCaptureFixture
) -> None:
    database = await open_database(await restricted(postgres()))
    with caplog.at_level(logging.WARNING):
        first, second = await asyncio.gather(database.read(hold), database.write(hold))
    assert first == second == 1
    assert "no free connection" in caplog.text
    await database.close()


async def test_a_start_waits_for_a_free_connection(postgres: MakeUrl) -> None:
    url = await restricted(postgres())
    first = await open_database(url)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        waiting = group.create_task(open_database(url))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await first.close()
    await waiting.result().close()

"""Rate limit rows: shares replaced only as they were seen, pauses that only grow, old chats deleted."""

from datetime import UTC, datetime, timedelta

import pytest_asyncio

from storage.database import Database, open_database
from storage.rate_limits import NewStart, seconds
from tests.tools.postgres import MakeUrl

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEEP = timedelta(seconds=65)


@pytest_asyncio.fixture
async def shared(postgres: MakeUrl) -> Database:
    return await open_database(postgres())


async def pause(database: Database, chat_id: int | None, until: datetime, at: datetime) -> None:
    await database.write(lambda tx: tx.rate_limits.pause(chat_id, until, at))


async def add(database: Database, start: NewStart) -> None:
    await database.write(lambda tx: tx.rate_limits.add_starts([start], KEEP))


async def test_shares_are_replaced_only_if_nobody_else_did(shared: Database) -> None:
    state = await shared.write(lambda tx: tx.rate_limits.shared(), autocommit=True)
    assert (state.shares, state.paused_until, state.older_start) == ("", None, 0.0)
    assert await shared.write(lambda tx: tx.rate_limits.replace_shares("", "[1]"), autocommit=True)
    assert not await shared.write(lambda tx: tx.rate_limits.replace_shares("", "[2]"), autocommit=True)
    again = await shared.write(lambda tx: tx.rate_limits.shared(), autocommit=True)
    assert again.shares == "[1]"
    assert 0 <= again.now - state.now < 60
    await shared.close()


async def test_a_pause_only_grows_and_floods_of_other_chats_are_counted(shared: Database) -> None:
    for chat_id, until, at in (
        (1, NOW + timedelta(seconds=5), NOW),
        (1, NOW + timedelta(seconds=3), NOW - timedelta(seconds=1)),
        (2, NOW + timedelta(hours=1), NOW - timedelta(minutes=1)),
        (None, NOW + timedelta(seconds=2), NOW),
    ):
        await pause(shared, chat_id, until, at)
    chats = await shared.read(lambda tx: tx.rate_limits.chats([1, 2, 3]))
    assert chats[1].paused_until == NOW + timedelta(seconds=5)
    assert set(chats) == {1, 2}
    since = NOW - timedelta(seconds=5)
    assert await shared.read(lambda tx: tx.rate_limits.flooded_since(since, but=2)) == 1
    assert await shared.read(lambda tx: tx.rate_limits.flooded_since(since, but=1)) == 0
    state = await shared.write(lambda tx: tx.rate_limits.shared(), autocommit=True)
    assert state.paused_until == NOW + timedelta(seconds=2)
    await shared.close()


async def test_what_no_window_contains_is_deleted(shared: Database) -> None:
    await shared.write(lambda tx: tx.rate_limits.shared(), autocommit=True)
    for chat_id, at in ((1, NOW - timedelta(hours=1)), (2, NOW)):
        await add(shared, NewStart(chat_id=chat_id, at=round(seconds(at) * 1e6)))
    await shared.write(lambda tx: tx.rate_limits.prune(NOW))
    assert set(await shared.read(lambda tx: tx.rate_limits.chats([1, 2]))) == {2}
    await shared.write(lambda tx: tx.rate_limits.prune(NOW + timedelta(days=1)))
    assert await shared.write(lambda tx: tx.rate_limits.replace_shares("", "[1]")), "the shares remain"
    await shared.close()

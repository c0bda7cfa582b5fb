"""What several processes agree on about the pace: kept exactly, one booking at a time, forgotten in time."""

import asyncio
from datetime import UTC, datetime, timedelta

from storage.database import Database, Transaction
from storage.rate_limits import BOT, RateLimitRow, as_stored, instant, seconds

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AT = seconds(NOW)


async def test_what_is_written_is_read(database: Database) -> None:
    starts = tuple(as_stored(AT + 0.1234567 * number) for number in range(40))
    bot = RateLimitRow(key=BOT, starts=starts, paused_until=NOW)
    chat = RateLimitRow(key="-100123", starts=starts[:1], flooded_at=NOW, until=NOW + timedelta(minutes=2))
    await database.write(lambda tx: tx.rate_limits.write([bot, chat]))
    assert (await database.write(lambda tx: tx.rate_limits.lock()))[0] == bot
    assert await database.read(lambda tx: tx.rate_limits.chats([-100123, 7])) == {-100123: chat}


async def test_one_transaction_books_at_a_time(database: Database) -> None:
    async def book(tx: Transaction) -> None:
        bot, _ = await tx.rate_limits.lock()
        await asyncio.sleep(0)
        await tx.rate_limits.write([RateLimitRow(key=BOT, starts=(*bot.starts, AT + len(bot.starts)))])

    await asyncio.gather(*(database.write(book, exclusive=False) for _ in range(12)))
    bot, _ = await database.write(lambda tx: tx.rate_limits.lock())
    assert bot.starts == tuple(AT + number for number in range(12))


async def test_floods_of_other_chats_are_seen(database: Database) -> None:
    rows = [
        RateLimitRow(key="1", flooded_at=NOW, paused_until=NOW + timedelta(seconds=5)),
        RateLimitRow(key="2", flooded_at=NOW - timedelta(minutes=1), paused_until=NOW + timedelta(hours=1)),
        RateLimitRow(key=BOT, flooded_at=NOW, paused_until=NOW + timedelta(days=1)),
    ]
    await database.write(lambda tx: tx.rate_limits.write(rows))
    since = NOW - timedelta(seconds=5)
    assert await database.read(lambda tx: tx.rate_limits.flooded_since(since, but=2)) == (
        1,
        rows[0].paused_until,
    )
    assert await database.read(lambda tx: tx.rate_limits.flooded_since(since, but=1)) == (0, None)


async def test_what_says_nothing_any_more_is_forgotten(database: Database) -> None:
    rows = [
        RateLimitRow(key=BOT),
        RateLimitRow(key="1", until=NOW),
        RateLimitRow(key="2", until=NOW + timedelta(minutes=1)),
    ]
    await database.write(lambda tx: tx.rate_limits.write(rows))
    await database.write(lambda tx: tx.rate_limits.prune(NOW + timedelta(seconds=1)))
    assert set(await database.read(lambda tx: tx.rate_limits.chats([1, 2]))) == {2}
    assert (await database.write(lambda tx: tx.rate_limits.lock()))[0].key == BOT


def test_seconds_and_instants_are_the_same_moment() -> None:
    assert instant(seconds(NOW)) == NOW
    assert seconds(instant(AT + 0.000001)) == as_stored(AT + 0.000001)


async def test_the_time_of_a_lock_is_when_it_was_had_not_when_it_was_asked_for(database: Database) -> None:
    """Else a process that waited would book what the one before it has booked already as still to come."""
    locked = asyncio.Event()

    async def hold(tx: Transaction) -> datetime:
        await tx.rate_limits.lock()
        locked.set()
        await asyncio.sleep(0.3)
        return await tx.now(datetime.now(UTC))

    async def wait(tx: Transaction) -> datetime:
        return (await tx.rate_limits.lock(datetime.now(UTC)))[1]

    await database.write(lambda tx: tx.rate_limits.lock(), exclusive=False)
    async with asyncio.TaskGroup() as group:
        given_back = group.create_task(database.write(hold, exclusive=False))
        await locked.wait()
        had = group.create_task(database.write(wait, exclusive=False))
    assert had.result() >= given_back.result()

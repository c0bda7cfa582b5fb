"""Leases on both databases: one holder at a time, by the database's clock, and nothing after it ran out."""

import asyncio
from datetime import UTC, datetime, timedelta

from storage.database import Database
from storage.processes import Lease

SPAN = timedelta(seconds=15)
NAME = "poller"


def now() -> datetime:
    return datetime.now(UTC)


async def take(database: Database, owner: str, *, span: timedelta = SPAN) -> Lease | None:
    return await database.write(lambda tx: tx.leases.take(NAME, owner, now(), span), exclusive=False)


async def taken(database: Database, owner: str, *, span: timedelta = SPAN) -> Lease:
    lease = await take(database, owner, span=span)
    assert lease is not None
    return lease


async def renew(database: Database, lease: Lease) -> bool:
    return await database.write(lambda tx: tx.leases.renew(NAME, lease.token, now(), SPAN), exclusive=False)


async def test_one_of_many_gets_it(database: Database) -> None:
    got = await asyncio.gather(*(take(database, f"replica {number}") for number in range(8)))
    (holder,) = [lease for lease in got if lease is not None]
    assert await database.read(lambda tx: tx.leases.held(now())) == [holder]
    assert timedelta(seconds=10) < holder.until - now() <= SPAN


async def test_its_holder_renews_it_and_nobody_else_has_it(database: Database) -> None:
    lease = await taken(database, "a")
    assert await renew(database, lease)
    assert await take(database, "b") is None
    assert await take(database, "a") is None
    (held,) = await database.read(lambda tx: tx.leases.held(now()))
    assert (held.token, held.until > lease.until) == (lease.token, True)


async def test_one_that_ran_out_is_anybodys_and_is_never_renewed(database: Database) -> None:
    old = await taken(database, "a", span=timedelta(0))
    assert await database.read(lambda tx: tx.leases.held(now())) == []
    assert not await renew(database, old)
    new = await taken(database, "b")
    assert new.token != old.token
    assert not await renew(database, old)
    await database.write(lambda tx: tx.leases.release(NAME, old.token))
    assert await renew(database, new)


async def test_what_is_given_back_can_be_taken_at_once(database: Database) -> None:
    lease = await taken(database, "a")
    await database.write(lambda tx: tx.leases.release(NAME, lease.token))
    assert (await taken(database, "b")).token != lease.token


async def test_what_ran_out_long_ago_is_forgotten(database: Database) -> None:
    await taken(database, "a", span=timedelta(0))
    await database.write(lambda tx: tx.leases.prune(now() + SPAN))
    await database.write(lambda tx: tx.leases.take("other", "b", now(), SPAN))
    await database.write(lambda tx: tx.leases.prune(now()))
    assert [lease.name for lease in await database.read(lambda tx: tx.leases.held(now()))] == ["other"]


async def test_a_clock_of_its_own_gives_nobody_a_lease(database: Database) -> None:
    """With several processes the database's clock decides; one whose own runs ahead takes nothing away."""
    if not database.is_multi_process:
        return
    await taken(database, "a")
    ahead = now() + timedelta(hours=1)
    assert await database.write(lambda tx: tx.leases.take(NAME, "b", ahead, SPAN)) is None

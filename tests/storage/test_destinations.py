"""Destinations on both databases: preferences, standing, subscriptions, and chats that move or merge."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from storage.database import Database, Transaction
from storage.model import (
    ChatKind,
    Destination,
    ExcerptLength,
    Format,
    Preferences,
    Scope,
    ScopeKind,
    Standing,
    State,
    When,
)
from tests.delivery.archive import THEN, essay, store

OLD, NEW = -5, -1000000000005
CHOSEN = Preferences(
    language="en",
    format=Format.RICH,
    when=When.WEEKLY,
    hour=6,
    weekday=2,
    quiet_from=time(23, 30),
    quiet_to=time(7),
    time_zone="Europe/Berlin",
    silent=True,
    excerpt=ExcerptLength.SHORT,
    pictures=False,
)


async def made(database: Database, chat_id: int, thread_id: int | None = None) -> Destination:
    return await database.write(
        lambda tx: tx.destinations.ensure(chat_id, thread_id, ChatKind.GROUP, "A group", THEN)
    )


async def wants(database: Database, to: Destination, *tags: str) -> None:
    async def unit(tx: Transaction) -> None:
        scopes = await tx.scopes.ensure([(ScopeKind.TAG, tag, tag) for tag in tags])
        for scope in scopes.values():
            await tx.destinations.subscribe(to.id, scope.id, THEN)

    await database.write(unit)


async def wished(database: Database, chat_id: int, thread_id: int | None = None) -> list[str] | None:
    """The names of what a chat is subscribed to; None for a chat that is not known."""

    async def unit(tx: Transaction) -> list[Scope] | None:
        found = await tx.destinations.find(chat_id, thread_id)
        if found is None:
            return None
        return [one.scope for one in await tx.destinations.subscriptions(found.id)]

    scopes = await database.read(unit)
    return None if scopes is None else sorted(scope.name for scope in scopes)


async def test_preferences_come_back_as_they_were_set(database: Database) -> None:
    to = await made(database, OLD)
    assert to.preferences == Preferences()
    await database.write(lambda tx: tx.destinations.prefer(to.id, CHOSEN))
    assert await database.read(lambda tx: tx.destinations.find(OLD)) == replace(to, preferences=CHOSEN)


async def test_a_topic_is_another_destination_than_its_chat(database: Database) -> None:
    whole, topic, again = (
        await made(database, OLD),
        await made(database, OLD, 5),
        await made(database, OLD, 5),
    )
    assert whole.id != topic.id == again.id
    await wants(database, topic, "扩散")
    assert (await wished(database, OLD), await wished(database, OLD, 5)) == ([], ["扩散"])


async def test_a_gone_chat_keeps_its_wishes_and_its_preferences(database: Database) -> None:
    to = await made(database, OLD)
    await wants(database, to, "扩散")
    await database.write(lambda tx: tx.destinations.prefer(to.id, CHOSEN))
    await database.write(lambda tx: tx.destinations.gone(OLD, "kicked"))
    assert await database.read(lambda tx: tx.destinations.subscribers()) == 0
    back = await made(database, OLD)
    assert (back.standing, back.reason, back.preferences) == (Standing.ACTIVE, None, CHOSEN)
    assert await wished(database, OLD) == ["扩散"]


@pytest.mark.parametrize("twin", [False, True], ids=["alone", "with a twin"])
async def test_a_chat_that_moves_takes_everything_with_it(database: Database, twin: bool) -> None:
    old, topic = await made(database, OLD), await made(database, OLD, 5)
    await wants(database, old, "扩散", "优化")
    await wants(database, topic, "外推")
    if twin:
        await wants(database, await made(database, NEW), "扩散", "位置编码")

    async def announced(tx: Transaction) -> None:
        dump, stored = await store(tx, [essay("一篇", tags=("扩散",)), essay("又一篇", tags=("优化",))])
        await tx.planner.announce([one.id for one in stored], dump, THEN, digest_above=100)

    await database.write(announced)
    for _ in range(2):  # the service messages of both chats tell of it
        await database.write(lambda tx: tx.destinations.migrate_chat(OLD, NEW))
    assert (await wished(database, OLD), await wished(database, OLD, 5)) == (None, None)
    expected = {"扩散", "优化"} | ({"位置编码"} if twin else set())
    assert await wished(database, NEW) == sorted(expected)
    assert await wished(database, NEW, 5) == ["外推"]
    assert await database.read(lambda tx: tx.outbox.counts()) == {State.PENDING: 2}


async def test_a_frozen_chat_thaws_at_its_time(database: Database) -> None:
    await made(database, OLD)
    until = THEN + timedelta(seconds=30)
    await database.write(lambda tx: tx.destinations.freeze(OLD, until))
    assert await database.read(lambda tx: tx.destinations.frozen(THEN)) == {OLD: until}
    assert await database.read(lambda tx: tx.destinations.frozen(until)) == {}


async def test_a_muted_scope_is_listed_and_not_wanted(database: Database) -> None:
    to = await made(database, OLD)
    await wants(database, to, "扩散")

    async def muted(tx: Transaction) -> None:
        scopes = await tx.scopes.ensure([(ScopeKind.TAG, "扩散", "扩散")])
        await tx.destinations.subscribe(to.id, scopes[ScopeKind.TAG, "扩散"].id, THEN, muted=True)

    await database.write(muted)
    assert await database.read(lambda tx: tx.destinations.subscribed_to(to.id)) == frozenset()
    (left,) = await database.read(lambda tx: tx.destinations.subscriptions(to.id))
    assert left.muted


async def test_forgetting_a_chat_leaves_nothing_of_it(database: Database) -> None:
    await wants(database, await made(database, OLD), "扩散")
    await wants(database, await made(database, OLD, 5), "扩散")
    await wants(database, await made(database, 7), "扩散")
    await database.write(lambda tx: tx.destinations.forget(OLD))
    assert [one.chat_id for one in await database.read(lambda tx: tx.destinations.everyone())] == [7]
    assert await database.read(lambda tx: tx.destinations.subscribers()) == 1


@pytest.mark.sqlite_only
async def test_reading_writes_nothing(database: Database) -> None:
    """What reads must never wait for a writer, nor fail because one was there."""
    with pytest.raises(Exception, match="readonly"):
        await database.read(lambda tx: tx.key_values.put("name", "value"))
    await database.write(lambda tx: tx.key_values.put("name", "value"))
    assert await database.read(lambda tx: tx.key_values.get("name")) == "value"

"""Export and import of people's settings: a round trip through another database."""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.export import UnknownRecordError, every_record, restore
from storage.database import Transaction
from storage.model import ChatKind, Course, ExcerptLength, Format, Post, Preferences, ScopeKind, Stage, When
from tests.delivery.archive import THEN, database_in, episode, essay, store
from tests.torture.fuzz_seeds import SEEDS

POSTS = [episode(1), episode(2), essay("甲", date(2020, 2, 29))]
WISHES = (
    (ScopeKind.EVERYTHING, "", ""),
    (ScopeKind.TAG, "外推", "外推"),
    (ScopeKind.WORD, "rope 矩阵", "RoPE 矩阵"),
)
CHOSEN = Preferences(
    language="en",
    format=Format.CLASSIC,
    when=When.WEEKLY,
    hour=7,
    weekday=2,
    quiet_from=time(23, 30),
    quiet_to=time(8),
    time_zone="Europe/Berlin",
    silent=True,
    excerpt=ExcerptLength.SHORT,
    pictures=False,
)


async def settle_in(tx: Transaction, posts: list[Post]) -> None:
    made = await tx.scopes.ensure(WISHES)
    private = await tx.destinations.ensure(7, None, ChatKind.PRIVATE, "R", THEN, CHOSEN)
    topic = await tx.destinations.ensure(-1001, 5, ChatKind.GROUP, "讨论", THEN)
    await tx.destinations.ensure(-1002, None, ChatKind.CHANNEL, "频道", THEN)
    await tx.destinations.gone(-1002, "kicked")
    for at, (kind, key, _) in enumerate(WISHES):
        await tx.destinations.subscribe(private.id, made[kind, key].id, THEN, muted=at == 1)
    await tx.destinations.subscribe(topic.id, made[ScopeKind.TAG, "外推"].id, THEN)
    series = (await tx.scopes.ensure([(ScopeKind.SERIES, "漫谈", "漫谈")]))[ScopeKind.SERIES, "漫谈"]
    await tx.courses.put(
        Course(
            destination_id=private.id,
            scope=series,
            stage=Stage.PAUSED,
            when=When.DAILY,
            last=posts[0].id,
            since=THEN,
        )
    )
    await tx.bookmarks.save(7, posts[2].id, THEN)
    await tx.bookmarks.read(7, posts[0].id, THEN + timedelta(hours=1))


async def exported(folder: Path) -> list[dict[str, Any]]:
    async def unit(tx: Transaction) -> list[dict[str, Any]]:
        _, stored = await store(tx, POSTS)
        await settle_in(tx, stored)
        return await every_record(tx)

    async with database_in(folder, "old.db") as database:
        records = await database.write(unit)
    return [json.loads(json.dumps(record, ensure_ascii=False)) for record in records]


async def test_everything_that_was_set_is_there_again(tmp_path: Path) -> None:
    records = await exported(tmp_path)
    assert [record["record"] for record in records] == ["chat", "chat", "chat", "person"]
    later = datetime(2027, 1, 1, tzinfo=UTC)

    async def unit(tx: Transaction) -> list[dict[str, Any]]:
        await store(tx, [essay("别的"), *reversed(POSTS)])  # so that no number is the same
        done = await restore(tx, records, later)
        assert (done.chats, done.people, done.unknown_posts) == (3, 1, set())
        await restore(tx, records, later)
        return await every_record(tx)

    async with database_in(tmp_path, "new.db") as database:
        assert json.loads(json.dumps(await database.write(unit))) == records


async def test_a_bookmark_of_a_post_that_is_not_stored_is_named(tmp_path: Path) -> None:
    records = await exported(tmp_path)
    async with database_in(tmp_path, "new.db") as database:
        done = await database.write(lambda tx: restore(tx, records, THEN))
    assert done.unknown_posts == {"甲", "漫谈（1）：第1则"}


def _chat(**preferences: object) -> dict[str, Any]:
    """A chat's record, right but for `preferences`."""
    record: dict[str, Any] = json.loads(SEEDS["imports"][0])
    return record | {"preferences": record["preferences"] | preferences}


WRONG: dict[str, Any] = {
    "another version": {"version": 2, "record": "chat"},
    "another kind": {"version": 1, "record": "cat"},
    "no version": {"record": "chat"},
    "a field is missing": {"version": 1, "record": "person", "user_id": 1},
    "not an object": ["chat"],
    "an hour that no clock shows": _chat(hour=99),
    "a zone that is none": _chat(time_zone=None),
    "a truth that is none": _chat(silent="yes"),
    "a number that no database takes": {**_chat(), "chat_id": 2**70},
    "a character that no database takes": {**_chat(), "title": "a\x00"},
    "half a character": {**_chat(), "title": "\ud800"},
    "half a character for a choice": {**_chat(), "kind": "\ud800"},
    "half a character for a field": {**_chat(), "\ud800": 1, "preferences": {"\ud800": 1}},
    "a list for a title": {**_chat(), "title": []},
    "a wish for nothing": {
        **_chat(),
        "subscriptions": [{"kind": "tag", "key": None, "name": "x", "muted": False}],
    },
}


async def test_the_record_that_the_wrong_ones_are_made_of_is_right(tmp_path: Path) -> None:
    async with database_in(tmp_path) as database:
        assert (await database.write(lambda tx: restore(tx, [_chat()], THEN))).chats == 1


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_one_wrong_line_imports_nothing(wrong: Any, tmp_path: Path) -> None:
    records = await exported(tmp_path)
    async with database_in(tmp_path, "new.db") as database:
        with pytest.raises(UnknownRecordError):
            await database.write(lambda tx: restore(tx, [*records, wrong], THEN))
        assert await database.read(lambda tx: tx.destinations.everyone()) == []

"""Many rows at once, and ids before their rows, on both databases."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, delete, func, insert, select, text, update

from bot.ops.backup import copy_database
from storage import UnusableDatabaseError
from storage.database import Database, Transaction, migrate, open_database
from storage.engine import (
    NaiveTimeError,
    create_engine,
    few_lengths,
    last_id,
    next_ids,
    raise_last_id,
    run_many,
)
from storage.model import Certainty
from storage.schema import dumps, posts
from tests.tools.postgres import MakeUrl

NOW = datetime(2026, 5, 17, 8, 30, 1, 250_000, tzinfo=UTC)
DUMP = {
    "id": 1, "name": "a.txt", "sha256": "0", "origin": "folder", "captured_at": NOW, "taken_in_at": NOW,
    "sightings": 2, "new": 2, "edited": 0, "unchanged": 0, "skipped": 0, "held": False,
}  # fmt: skip


def row(number: int, day: date | None = date(2024, 2, 29)) -> dict[str, object]:
    return {
        "id": number,
        "title": f"第{number}篇",
        "title_key": f"第{number}篇",
        "title_at": NOW,
        "date": day,
        "date_certainty": Certainty.INFERRED,
        "excerpt": "$a:b$ %s ? {x}",
        "tagged": number % 2 == 0,
        "first_seen_at": NOW,
        "updated_at": NOW,
        "first_dump_id": 1,
    }


async def stored(tx: Transaction) -> list[dict[str, object]]:
    found = await tx.post_writer._connection.execute(select(posts).order_by(posts.c.id))
    names = row(0).keys()
    return [{name: each[name] for name in names} for each in found.mappings()]


async def test_every_row_reads_as_it_was_written(database: Database) -> None:
    rows = [row(3), row(4, day=None), row(11)]

    async def unit(tx: Transaction) -> list[dict[str, object]]:
        await run_many(tx.post_writer._connection, insert(dumps), [DUMP])
        await run_many(tx.post_writer._connection, insert(posts), rows)
        return await stored(tx)

    assert await database.write(unit) == rows


async def test_many_updates_and_deletions_meet_their_rows_only(database: Database) -> None:
    renamed = (
        update(posts)
        .where(posts.c.id == bindparam("row"), posts.c.title.is_distinct_from(bindparam("name")))
        .values(title=bindparam("name"), tagged=bindparam("tagged"))
    )

    async def unit(tx: Transaction) -> list[dict[str, object]]:
        connection = tx.post_writer._connection
        await run_many(connection, insert(dumps), [DUMP])
        await run_many(connection, insert(posts), [row(1), row(2), row(3), row(4)])
        kept = {"row": 3, "name": "第3篇", "tagged": True}  # of this name already: left as it is
        await run_many(connection, renamed, [{"row": 2, "name": "新", "tagged": False}, kept])
        await run_many(connection, delete(posts).where(posts.c.id == bindparam("row")), [{"row": 4}])
        await run_many(connection, renamed, [])
        return await stored(tx)

    changed = row(2) | {"title": "新", "tagged": False}
    assert await database.write(unit) == [row(1), changed, row(3)]


async def test_a_time_without_a_zone_is_refused_here_too(database: Database) -> None:
    naive = DUMP | {"captured_at": NOW.replace(tzinfo=None)}
    with pytest.raises(NaiveTimeError):
        await database.write(lambda tx: run_many(tx.post_writer._connection, insert(dumps), [naive]))


async def test_ids_given_ahead_ascend_and_are_nobody_elses(database: Database) -> None:
    async def unit(tx: Transaction) -> list[int]:
        connection = tx.post_writer._connection
        await run_many(connection, insert(dumps), [DUMP])
        given = []
        for count in (2, 0, 3):
            ids = await next_ids(connection, posts, count)
            await run_many(connection, insert(posts), [row(number) for number in ids])
            given += ids
        return given

    given = await database.write(unit)
    assert len(given) == 5
    assert given == sorted(set(given))


async def test_the_id_of_a_deleted_row_is_not_given_again(database: Database) -> None:
    async def add(tx: Transaction) -> list[int]:
        ids = await next_ids(tx.post_writer._connection, posts, 2)
        await run_many(tx.post_writer._connection, insert(posts), [row(number) for number in ids])
        return ids

    async def remove(tx: Transaction) -> None:
        await tx.post_writer._connection.execute(delete(posts))

    await database.write(lambda tx: run_many(tx.post_writer._connection, insert(dumps), [DUMP]))
    given: list[int] = []
    for _ in range(3):
        given += await database.write(add)
        await database.write(remove)
    assert given == sorted(set(given))
    assert await database.read(lambda tx: last_id(tx.post_writer._connection, posts)) == given[-1]


async def test_ids_go_on_above_a_mark_and_never_below(database: Database) -> None:
    async def unit(tx: Transaction) -> list[int]:
        connection = tx.post_writer._connection
        await raise_last_id(connection, posts, 40)
        await raise_last_id(connection, posts, 7)
        return await next_ids(connection, posts, 2)

    assert await database.write(unit) == [41, 42]


@given(st.sets(st.integers(), max_size=300))
def test_few_lengths_and_the_same_values(values: set[int]) -> None:
    listed = few_lengths(values)
    assert set(listed) == values
    assert len(listed) < 2 * max(1, len(values))
    assert len(listed) & (len(listed) - 1) == 0


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("127.0.0.1:99999/k", "the port is too high"),
        ("127.0.0.1:1/k?limit=3", "the option limit is unknown"),
        ("127.0.0.1:1/k?sslmode=require", r"option sslmode is unknown \(TLS is demanded with \?ssl=require"),
        ("secret@127.0.0.1:1/k", "a @ in the password is written %40"),
        ("127.0.0.1:1/k?user=u&password=secret", "Connect call failed"),
        ("[::1]:1/k", "Connect call failed"),
        ("127.0.0.1:1/k?ssl=maybe", "with these options .* must be one of"),
        ("127.0.0.1:1/k?pooler=maybe", "not a valid"),
        ("127.0.0.1:1/k", "Connect call failed"),
    ],
)
async def test_a_wrong_address_of_a_server_is_refused_in_one_line(rest: str, said: str) -> None:
    for opening in (open_database, migrate):
        with pytest.raises(UnusableDatabaseError, match=said) as refused:
            await opening(f"postgresql+asyncpg://u:secret@{rest}")
        assert "\n" not in str(refused.value)
        assert "secret" not in str(refused.value)


SQLITE_FAULTS = {
    "locked": ("BEGIN EXCLUSIVE", "is locked by another program .*: close that program"),
    "foreign": (
        "CREATE TABLE posts (something)",
        "holds tables of another program .*: give the bot a database",
    ),
}


@pytest.mark.parametrize("name", SQLITE_FAULTS)
async def test_a_file_that_another_program_uses_is_refused_with_the_reason(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.engine.BUSY_SECONDS", 0.1)
    statement, said = SQLITE_FAULTS[name]
    with closing(sqlite3.connect(tmp_path / "kexue.db", isolation_level=None)) as other:
        other.execute(statement)
        with pytest.raises(UnusableDatabaseError, match=said):
            await open_database(f"sqlite+aiosqlite:///{tmp_path}/kexue.db")


@pytest.mark.parametrize("restored", [True, False], ids=["replaced", "deleted"])
async def test_a_file_that_is_no_longer_there_is_neither_read_nor_written(
    tmp_path: Path, restored: bool
) -> None:
    """What goes to the former file would be lost, and what was sent would be sent again after a restart."""
    file, copy = tmp_path / "kexue.db", tmp_path / "copy.db"
    database = await open_database(f"sqlite+aiosqlite:///{file}")
    copy_database(file, tmp_path, NOW).rename(copy)
    if restored:
        copy.replace(file)
    else:
        file.unlink()
    for work in (database.write, database.read):
        with pytest.raises(UnusableDatabaseError, match="replaced or deleted while it was in use: restart"):
            await work(lambda tx: tx.posts.count())
    await database.close()


@pytest.mark.parametrize(("role", "compresses"), [("kexue", True), ("ordinary", False)])
async def test_a_superuser_compresses_the_pages_of_its_write_ahead_log(
    postgres: MakeUrl, role: str, compresses: bool
) -> None:
    """Any other role may not, and works as well."""
    engine = create_engine(url := postgres())
    async with engine.begin() as admin:
        known = select(func.count()).select_from(text("pg_roles")).where(text("rolname = 'ordinary'"))
        if not (await admin.execute(known)).scalar_one():
            await admin.execute(text("CREATE ROLE ordinary LOGIN"))
    await engine.dispose()
    engine = create_engine(url.replace("kexue@", f"{role}@"))
    async with engine.connect() as connection:
        shown = (await connection.execute(text("SHOW wal_compression"))).scalar_one()
    await engine.dispose()
    assert (shown != "off") is compresses

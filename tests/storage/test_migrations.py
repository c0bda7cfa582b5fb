"""The history of the schema leads to the schema of today, from every step of it, and never back."""

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Column, Connection, Date, Integer, MetaData, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import UnusableDatabaseError, engine
from storage.database import Database, migrate, open_database
from storage.engine import create_engine
from storage.migrate import MIGRATIONS, bring_up_to_date, newest, schema_of, take_steps
from storage.schema import metadata
from tests.tools.databases import blank_in
from tests.tools.postgres import MakeUrl


def url_of(folder: Path, name: str) -> str:
    return f"sqlite+aiosqlite:///{folder}/{name}.db"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_engine(url)
    async with engine.begin() as connection:
        yield connection
    await engine.dispose()


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def shape(connection: AsyncConnection) -> dict[str, str]:
    """Every table and index as SQLite keeps its definition, with columns and constraints in one order.

    The comparison of Alembic sees no predicate of a partial index, no default and no ON DELETE.
    """
    rows = await connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {name: _ordered(sql) for name, sql in rows if name != "alembic_version"}


def _ordered(sql: str) -> str:
    sql = re.sub(r"\s+", " ", sql.replace('"', "")).strip()
    head, _, body = sql.partition("(")
    if not head.startswith("CREATE TABLE"):
        return sql
    return head.strip() + " " + ", ".join(sorted(_parts(body.rpartition(")")[0])))


def _parts(body: str) -> Iterator[str]:
    """The comma-separated parts of a definition; commas within brackets part nothing."""
    depth, part = 0, ""
    for sign in body + ",":
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += sign


async def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    async with connected(url_of(tmp_path, "migrated")) as connection:
        await connection.run_sync(bring_up_to_date)
        assert await connection.run_sync(differences) == []
        migrated = await shape(connection)
    async with connected(url_of(tmp_path, "created")) as connection:
        await connection.run_sync(metadata.create_all)
        created = await shape(connection)
    assert migrated == created


async def test_a_migration_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    for _ in range(2):
        await (await open_database(url_of(tmp_path, "twice"))).close()


def test_the_history_is_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert len(scripts.get_heads()) == 1
    assert len(list(scripts.walk_revisions())) == len(list((MIGRATIONS / "versions").glob("*.py")))


async def test_a_newer_schema_is_refused_with_the_mend(tmp_path: Path) -> None:
    url = url_of(tmp_path, "newer")
    await (await open_database(url)).close()
    async with connected(url) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnusableDatabaseError, match="9999"):
        await open_database(url)


async def test_a_step_that_fails_leaves_the_schema_as_it_was(tmp_path: Path) -> None:
    url = url_of(tmp_path, "broken")
    async with connected(url) as connection:
        await connection.execute(text("CREATE TABLE deliveries (something TEXT)"))
    with pytest.raises(UnusableDatabaseError):
        await open_database(url)
    async with connected(url) as connection:
        assert list(await shape(connection)) == ["deliveries"]


async def test_steps_may_take_longer_than_a_transaction_is_left_idle(
    postgres: MakeUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(connection: Connection, current: str | None, to: str = "head") -> None:
        time.sleep(0.6)  # as the import of the migration library on a busy machine
        take_steps(connection, current, to)

    monkeypatch.setitem(engine.PATIENCE, engine.IDLE, "200ms")
    monkeypatch.setattr("storage.migrate.take_steps", slow)
    assert await migrate(postgres()) == (None, newest())


def test_the_newest_step_is_where_all_steps_lead() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert newest() == ScriptDirectory.from_config(config).get_current_head()


REVISIONS = [f"{number:04}" for number in range(1, int(newest()))]
Rows = dict[str, list[dict[str, Any]]]


def value_of(column: Column[Any], number: int) -> object:
    match column.type:
        case Boolean():
            return number % 2 == 0
        case Integer():
            return number
        case Date():
            return date(2024, 2, number)
        case _:
            return f"文{number}"


def fill(on: Connection) -> Rows:
    """Put three rows into each table, which refer to each other."""
    found, filled = MetaData(), {}
    found.reflect(on)
    for table in (each for each in found.sorted_tables if each.name in metadata.tables):
        filled[table.name] = [{c.name: value_of(c, number) for c in table.columns} for number in (1, 2, 3)]
        on.execute(insert(table), filled[table.name])
        if on.dialect.name == "postgresql" and table.autoincrement_column is not None:
            on.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), 3)))
    return filled


def read(on: Connection, like: Rows) -> Rows:
    found = MetaData()
    found.reflect(on)
    columns = {name: [found.tables[name].c[column] for column in rows[0]] for name, rows in like.items()}
    return {
        name: [dict(row) for row in on.execute(select(*its).order_by(*its[:2]).limit(3)).mappings()]
        for name, its in columns.items()
    }


@pytest.mark.both_databases
@pytest.mark.parametrize("revision", REVISIONS)
async def test_rows_of_each_older_schema_stay_as_they_are(revision: str, tmp_path: Path) -> None:
    url = blank_in(tmp_path)
    async with connected(url) as connection:
        await connection.run_sync(lambda on: take_steps(on, None, revision))
        before = await connection.run_sync(fill)
    assert await migrate(url) == (revision, newest())
    async with connected(url) as connection:
        assert await connection.run_sync(lambda on: read(on, before)) == before
        assert await connection.run_sync(differences) == []


async def test_an_older_schema_is_not_migrated_under_the_version_that_serves_it(tmp_path: Path) -> None:
    url = url_of(tmp_path, "served")
    async with connected(url) as connection:
        await connection.run_sync(lambda on: take_steps(on, None, REVISIONS[-1]))
    older = Database(create_engine(url))
    older.acquire_process_lock()
    with pytest.raises(UnusableDatabaseError, match="another kexue-bot is serving"):
        await open_database(url)
    async with connected(url) as connection:
        assert await connection.run_sync(schema_of) == REVISIONS[-1]
    await older.close()
    served = await open_database(url)
    older.acquire_process_lock()  # the one who opened it does not serve it yet
    await served.close()
    await older.close()


async def test_rows_of_an_older_schema_stay_and_their_ids_are_not_given_again(tmp_path: Path) -> None:
    url = url_of(tmp_path, "older")
    scope = "INSERT INTO scopes (kind, key, name) VALUES ('tag', '{key}', '')"
    async with connected(url) as connection:
        await connection.run_sync(lambda on: take_steps(on, None, "0004"))
        for number in (5, 6):
            await connection.execute(text(scope.format(key=number)))
        await connection.execute(text("INSERT INTO phrases (id, words, used_at) VALUES (9, 'nine', 0)"))
    async with connected(url) as connection:
        await connection.run_sync(bring_up_to_date)
    async with connected(url) as connection:
        await connection.execute(text("DELETE FROM scopes WHERE key = '6'"))
        await connection.execute(text("DELETE FROM phrases"))
        await connection.execute(text(scope.format(key=7)))
        await connection.execute(text("INSERT INTO phrases (words, used_at) VALUES ('ten', 0)"))
        found = await connection.execute(text("SELECT id, key FROM scopes ORDER BY id"))
        assert [tuple(row) for row in found] == [(1, "5"), (3, "7")]
        assert (await connection.execute(text("SELECT id FROM phrases"))).scalar_one() == 10
        assert (await connection.execute(text("PRAGMA integrity_check"))).scalar_one() == "ok"
        assert (await connection.execute(text("PRAGMA foreign_key_check"))).all() == []

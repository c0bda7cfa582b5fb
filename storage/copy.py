"""Copy of an installation to another database, in batches.

Until it is whole, the target has the schema `UNFINISHED`, which the bot refuses. Claims of a killed process
are ended in the copy.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, RowMapping, Table, delete, func, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage import UnusableDatabaseError
from storage.address import reason_of
from storage.database import PLANNING_SECONDS, Database, Transaction, open_engine
from storage.engine import READ_ONLY, last_id, raise_last_id, run_many
from storage.migrate import UNFINISHED, bring_up_to_date, newest, schema_of, set_schema
from storage.model import ScopeKind
from storage.processes import Leases
from storage.schema import metadata, scopes

BATCH = 10_000  # rows of one transaction
TABLES: tuple[Table, ...] = tuple(metadata.sorted_tables)  # none before those that it refers to

SOURCE, TARGET = "the source", "the target"

Progress = Callable[[str, int, int], None]


class CopyRefusedError(Exception):
    """Report that nothing was copied, in one line with the reason and the fix."""


async def copy(
    source: str, target: str, *, now: datetime, resend: bool, progress: Progress
) -> dict[str, int]:
    """Copy all that `source` holds into the empty database `target`; returns the rows of each table.

    After an error the target is as empty as before; what a killed process left is deleted by the next copy.
    What was being sent is ended in the copy as at a start, so nothing is sent a third time; `resend` is
    ON_UNSURE. `progress` is called for every step with table, rows so far, rows in all. Raises
    CopyRefusedError and UnusableDatabaseError.
    """
    if source == target:
        raise CopyRefusedError("both addresses are the same: give another for --to")
    _must_exist(source)
    async with _alone_with(source) as old, _alone_with(target) as new, _reading(old.engine) as reading:
        await _known_schema(reading, SOURCE)
        await _nobody_lives(reading, now, SOURCE)
        await new.write(partial(_make_room, now=now), seconds=PLANNING_SECONDS)
        try:
            written = {table.name: await _copy_table(reading, new, table, progress) for table in TABLES}
            begun = old.send_log()

            async def finish(tx: Transaction) -> None:
                await _check_counts(tx.connection, written)
                # The send log is a file next to an SQLite database; a start on the copy would miss it.
                await tx.outbox.end_claims(None if begun is None else begun.read(), now, resend=resend)
                await _copy_last_ids(reading, tx.connection)
                await tx.connection.execute(text("ANALYZE"))
                await tx.connection.run_sync(set_schema, newest())

            await new.write(finish, seconds=PLANNING_SECONDS)
        except BaseException:
            with suppress(SQLAlchemyError, OSError):
                await new.write(_clear, seconds=PLANNING_SECONDS)
            raise
        if (stale := new.send_log()) is not None:
            stale.reset()
            stale.close()
    return written


def _must_exist(url: str) -> None:
    """Raise CopyRefusedError for a missing SQLite file, which opening would create."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not (parsed.database and Path(parsed.database).is_file()):
        raise CopyRefusedError(f"{SOURCE} {parsed.database} is not there: give the address of one that is")


@asynccontextmanager
async def _alone_with(url: str) -> AsyncIterator[Database]:
    """Open the database; on SQLite with the process lock held."""
    database = Database(await open_engine(url, pool_size=1))
    try:
        database.acquire_process_lock()
        yield database
    except (SQLAlchemyError, OSError) as error:
        raise UnusableDatabaseError(reason_of(url, error)) from error
    finally:
        await database.close()


@asynccontextmanager
async def _reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction that sees the source as it is now, however long it takes."""
    async with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execution_options(isolation_level="REPEATABLE READ")
        await connection.execution_options(**{READ_ONLY: True})
        async with connection.begin():
            if engine.dialect.name == "postgresql":
                for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
                    await connection.execute(text(f"SET LOCAL {name} = 0"))
            yield connection


async def _nobody_lives(connection: AsyncConnection, now: datetime, which: str) -> None:
    """On SQLite a file is locked by who serves it; where several share, each has a lease while it lives."""
    if connection.dialect.name == "postgresql":
        living = await Leases(connection).held(now)
        if living:
            raise CopyRefusedError(
                f"a kexue-bot is running on {which} ({living[0].owner}): stop it first; "
                "one that was killed is forgotten after half a minute"
            )


async def _known_schema(connection: AsyncConnection, which: str) -> None:
    found, wanted = await connection.run_sync(schema_of), newest()
    if found == wanted:
        return
    if found is None:
        raise CopyRefusedError(f"{which} is no database of kexue-bot: give the address of one")
    if found == UNFINISHED:
        raise CopyRefusedError(f"{which} holds an unfinished copy: repeat the copy that made it")
    mend = "run `kexue-bot migrate` on it first, or the version of kexue-bot that wrote it"
    raise CopyRefusedError(f"{which} has schema {found}, not {wanted}: {mend}")


async def _make_room(tx: Transaction, now: datetime) -> None:
    """Make the tables if there are none; refuse a target that holds anything but an unfinished copy."""
    connection = tx.connection
    match await connection.run_sync(schema_of):
        case None:
            taken = await connection.run_sync(_names)
            if taken:
                raise CopyRefusedError(
                    f"{TARGET} is not empty (table {taken[0]}): give a database of its own"
                )
            await connection.run_sync(bring_up_to_date)
        case schema if schema == UNFINISHED:
            await _clear(tx)
        case _:
            await _known_schema(connection, TARGET)
            await _nobody_lives(connection, now, TARGET)
            # Rows that every start writes.
            await connection.execute(delete(scopes).where(scopes.c.kind == ScopeKind.EVERYTHING))
            for table in TABLES:
                if await _count(connection, table):
                    raise CopyRefusedError(
                        f"{TARGET} is not empty (table {table.name}): give a database of its own"
                    )
    await connection.run_sync(set_schema, UNFINISHED)


async def _clear(tx: Transaction) -> None:
    for table in reversed(TABLES):
        await tx.connection.execute(delete(table))
    await tx.connection.run_sync(set_schema, newest())


async def _copy_table(reading: AsyncConnection, target: Database, table: Table, progress: Progress) -> int:
    total, done = await _count(reading, table), 0
    progress(table.name, 0, total)
    found = await reading.stream(select(table).order_by(*table.primary_key.columns))
    async for rows in found.mappings().partitions(BATCH):
        try:
            await target.write(partial(_insert, table=table, rows=rows))
        except DBAPIError as error:
            cause = " ".join(str(error.orig).split())
            raise UnusableDatabaseError(
                f"{TARGET} does not take the rows of {table.name} ({cause})"
            ) from error
        done += len(rows)
        progress(table.name, done, total)
    return done


async def _insert(tx: Transaction, table: Table, rows: Sequence[RowMapping]) -> None:
    await run_many(tx.connection, insert(table), [dict(row) for row in rows])


async def _check_counts(connection: AsyncConnection, written: Mapping[str, int]) -> None:
    for table in TABLES:
        there = await _count(connection, table)
        if there != written[table.name]:
            raise CopyRefusedError(
                f"of {written[table.name]} rows of {table.name} {there} arrived, so none is kept: try again"
            )


async def _copy_last_ids(reading: AsyncConnection, writing: AsyncConnection) -> None:
    """Carry over the highest id of each table: ids of deleted rows are not given again."""
    for table in TABLES:
        if table.autoincrement_column is not None:
            rows = (await writing.execute(select(func.max(table.c.id)))).scalar() or 0
            await raise_last_id(writing, table, max(rows, await last_id(reading, table)))


async def _count(connection: AsyncConnection, table: Table) -> int:
    return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


def _names(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names()

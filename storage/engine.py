"""SQLAlchemy engines for aiosqlite and asyncpg, column types, dialect differences, base of data access.

A writing transaction on SQLite begins with BEGIN IMMEDIATE; times are microseconds since 1970, UTC.
"""

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from errno import EISDIR
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    CursorResult,
    Dialect,
    Executable,
    Insert,
    MetaData,
    Row,
    RowMapping,
    String,
    Table,
    TypeDecorator,
    Update,
    cast,
    event,
    func,
    select,
    update,
)
from sqlalchemy import Connection as Connected
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Delete

from storage import UnusableDatabaseError
from storage.address import FORMS, POOLER, SQLITE, checked_url, reason_of

READ_ONLY = "kexue_read_only"
BUSY_SECONDS = 30
CONNECT_SECONDS = 10.0  # to open a connection to PostgreSQL
COMMAND_SECONDS = 310.0  # for one statement: a little more than the server's own limit
CACHED_STATEMENTS = 256  # per connection: the hot paths have more than the default of 128
OWNERS = 0o600  # people's subscriptions are private
HIDE = True  # keep parameters, which may be people's texts, out of errors and logs

# A process that stalls within a transaction, for example a frozen one, holds its locks for so long.
IDLE = "idle_in_transaction_session_timeout"
IDLE_SECONDS = 4
# Set by a statement, because poolers refuse what is said when a connection is opened.
PATIENCE = {"statement_timeout": "300s", "lock_timeout": "15s", IDLE: f"{IDLE_SECONDS}s"}
# The server gives up a lost peer, and with it the peer's locks.
SUPERUSER = "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
TCP = {
    "tcp_keepalives_idle": "15", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30s",
}  # fmt: skip
# The same for the client's side of the socket; names that this system does not have are left out.
SOCKET = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}


class KeepaliveLoop:
    """The running event loop, as asyncpg's parameter `loop`; its TCP connections notice a lost peer."""

    _loop: asyncio.AbstractEventLoop | None = None

    def __getattr__(self, name: str) -> Any:
        # The loop of the last connection may be asked for its state after its end.
        return getattr(self._loop or asyncio.get_running_loop(), name)

    async def create_connection(self, *arguments: Any, **options: Any) -> Any:
        self._loop = asyncio.get_running_loop()
        transport, protocol = await self._loop.create_connection(*arguments, **options)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name in SOCKET.keys() & set(dir(socket)):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), SOCKET[name])
        return transport, protocol


def create_engine(url: str | URL, *, pool_size: int = 4) -> AsyncEngine:
    """Return an engine with the settings of this project. Raises UnusableDatabaseError."""
    parsed = checked_url(url)
    try:
        if parsed.database is not None and parsed.drivername == SQLITE:
            return _sqlite(parsed, parsed.database, pool_size)
        return _postgresql(parsed, pool_size)
    except ImportError as error:
        raise UnusableDatabaseError(
            f"the package {error.name} is not installed: install kexue-bot[postgres], or write {FORMS}"
        ) from error


def is_pooled(engine: AsyncEngine) -> bool:
    """Return whether each transaction may run on another connection of the server."""
    return engine.get_execution_options().get(POOLER) == "transaction"


def _postgresql(url: URL, pool_size: int) -> AsyncEngine:
    mode = url.query.get(POOLER)
    pooled = mode == "transaction"
    arguments: dict[str, Any] = {
        "timeout": CONNECT_SECONDS,
        "command_timeout": COMMAND_SECONDS,
        "loop": KeepaliveLoop(),
    }
    if pooled:  # statements without a name, which no later transaction looks for
        arguments |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    # Not asked whether they live before each use: a unit that finds its connection dead is run again.
    engine = create_async_engine(
        url.difference_update_query([POOLER]),
        pool_size=pool_size,
        max_overflow=4,
        pool_use_lifo=True,  # each connection compiles its own statements: few are used, and often
        connect_args=arguments,
        hide_parameters=HIDE,
        execution_options={POOLER: mode},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        if not pooled:
            cursor = connection.cursor()
            cursor.execute(_configured(PATIENCE | TCP, local=False))
            cursor.close()
            connection.commit()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connected) -> None:
        if pooled:
            connection.exec_driver_sql(_configured(PATIENCE, local=True))

    return engine


def _configured(values: Mapping[str, str], *, local: bool) -> str:
    """Return the statement that sets these parameters for the session, or for the transaction only.

    A superuser's pages in the write-ahead log are compressed too: others may not set it.
    """
    listed = [f"set_config('{name}', '{value}', {local})" for name, value in values.items()]
    compressed = f"CASE WHEN {SUPERUSER} THEN set_config('wal_compression', 'on', {local}) END"
    return "SELECT " + ", ".join([*listed, compressed])


def _sqlite(url: URL, file: str, pool_size: int) -> AsyncEngine:
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        # Mode 600; SQLite gives the -wal and -shm files the same mode.
        if Path(file).is_dir():
            raise IsADirectoryError(EISDIR, "it is a folder")
        Path(file).touch(mode=OWNERS)
    except OSError as error:
        raise UnusableDatabaseError(reason_of(url, error)) from error
    opened = _inode(file)
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=4,
        connect_args={"timeout": BUSY_SECONDS, "cached_statements": CACHED_STATEMENTS},
        hide_parameters=HIDE,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # The driver would begin deferred transactions, which leave the read before a diff outside the lock.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connected) -> None:
        if _inode(file) != opened:  # as SQLite itself checks, but for write-ahead logs
            raise UnusableDatabaseError(
                f"the database {file} was replaced or deleted while it was in use: restart the bot"
            )
        read_only = bool(connection.get_execution_options().get(READ_ONLY))
        if connection.info.get(READ_ONLY, False) is not read_only:
            # A write inside a deferred transaction would fail only when another writer came first.
            connection.exec_driver_sql(f"PRAGMA query_only={int(read_only)}")
            connection.info[READ_ONLY] = read_only
        # A write transaction takes the lock before its first read, so its reads remain valid.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _inode(file: str) -> int | None:
    try:
        return Path(file).stat().st_ino
    except OSError:
        return None


T = TypeVar("T")


def upsert(connection: AsyncConnection, table: Table) -> sqlite.Insert:
    """Return an INSERT that can take ON CONFLICT; both dialects' classes have the same methods."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 2 MB

    return postgresql.insert(table)  # type: ignore[return-value]


def few_lengths(values: Iterable[T]) -> list[T]:
    """Return `values` with the last repeated up to a power of two, for the IN list of a frequent statement.

    Each length is a separate statement, which the driver compiles and caches for every connection.
    """
    given = list(values)
    return given + given[-1:] * ((1 << (len(given) - 1).bit_length()) - len(given)) if given else given


async def written(connection: AsyncConnection, statement: Executable) -> int:
    """Execute an INSERT … SELECT and return how many rows it wrote.

    Python's SQLite driver does not count what a statement writes that begins with WITH; SQLite itself does.
    """
    result = await connection.execute(statement, execution_options={"preserve_rowcount": True})
    if connection.dialect.name == "sqlite":
        return int((await connection.execute(select(func.changes()))).scalar_one())
    return int(result.rowcount)


async def now_on(connection: AsyncConnection, given: datetime) -> datetime:
    """Return the time of the database's clock on PostgreSQL, and `given` on SQLite.

    On PostgreSQL the moment of asking, not of the transaction's beginning, which may lie before a wait.
    """
    if connection.dialect.name == "sqlite":
        return given
    asked: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    return asked.astimezone(UTC)


async def next_ids(connection: AsyncConnection, table: Table, count: int) -> list[int]:
    """Return ascending ids for `count` new rows of `table`, none of which any row ever had.

    On SQLite they are reserved only when the rows are inserted, within the same writing transaction.
    """
    if connection.dialect.name == "sqlite":
        first = await last_id(connection, table) + 1
        return list(range(first, first + count))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    numbers = select(func.nextval(sequence)).select_from(func.generate_series(1, count))
    return sorted((await connection.execute(numbers)).scalars())


async def last_id(connection: AsyncConnection, table: Table) -> int:
    """Return the highest id that `table` ever gave to a row, deleted rows included; 0 without any.

    SQLite keeps it in `sqlite_sequence` for AUTOINCREMENT tables, PostgreSQL in the column's sequence.
    """
    if connection.dialect.name == "sqlite":
        mark = select(SEQUENCE.c.seq).where(SEQUENCE.c.name == table.name)
    else:
        from sqlalchemy.dialects import postgresql

        sequence = cast(func.pg_get_serial_sequence(table.name, "id"), postgresql.REGCLASS)
        mark = select(func.pg_sequence_last_value(sequence))
    return int((await connection.execute(mark)).scalar() or 0)


async def raise_last_id(connection: AsyncConnection, table: Table, mark: int) -> None:
    """Make the next id of `table` greater than `mark`, and than every id it gave before."""
    if mark <= await last_id(connection, table):
        return
    if connection.dialect.name == "sqlite":
        await connection.execute(SEQUENCE.delete().where(SEQUENCE.c.name == table.name))
        await connection.execute(SEQUENCE.insert().values(name=table.name, seq=mark))
    else:
        await connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), mark)))


# SQLite's own table of the highest id of each AUTOINCREMENT table (sqlite.org/autoinc.html).
SEQUENCE = Table("sqlite_sequence", MetaData(), Column("name", String), Column("seq", BigInteger))


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

E = TypeVar("E", bound=StrEnum)


class NaiveTimeError(ValueError):
    """A time without a zone was about to be stored."""


class Utc(TypeDecorator[datetime]):
    """An aware instant, kept as microseconds since 1970.

    SQLite drops the UTC offset of its date type and PostgreSQL keeps it; an integer reads the same in both,
    sorts, and is what the partial indexes compare.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise NaiveTimeError(f"a time without a zone cannot be stored: {value!r}")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=int(value))


class Word(TypeDecorator[E]):
    """A StrEnum kept as its word."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__(16)
        self.kind = kind
        self._members = {member.value: member for member in kind}  # a call of the enum costs ten times more

    def process_bind_param(self, value: E | None, _dialect: Dialect) -> str | None:
        return None if value is None else str(self.kind(value))

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> E | None:
        return None if value is None else self._members[value]


async def run_many(
    connection: AsyncConnection, statement: Insert | Update | Delete, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Execute `statement` once for each of `rows`, which all name the same parameters. Nothing is returned.

    SQLAlchemy assembles the parameters of every row separately, at several times the cost of writing the row;
    here the statement is compiled once, and the types' own conversions are all that is done for a row.
    """
    if not rows:
        return
    names = list(rows[0])
    keys = names if isinstance(statement, Insert) else None
    compiled = statement.compile(dialect=connection.dialect, column_keys=keys)
    assert isinstance(compiled, SQLCompiler)
    order = compiled.positiontup or names
    conversions = [
        compiled.binds[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
        for name in order
    ]
    columns = [
        [row[name] for row in rows] if convert is None else [convert(row[name]) for row in rows]
        for name, convert in zip(order, conversions, strict=True)
    ]
    await connection.exec_driver_sql(compiled.string, list(zip(*columns, strict=True)))


Given = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class DataAccess:
    """Statements on the connection of one transaction; `given` are the values of their parameters."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def _rows(self, statement: Executable, given: Given = None) -> Sequence[Row[*tuple[Any, ...]]]:
        return (await self._connection.execute(statement, given)).all()

    async def _first(self, statement: Executable, given: Given = None) -> Row[*tuple[Any, ...]] | None:
        return (await self._connection.execute(statement, given)).first()

    async def _mappings(self, statement: Executable, given: Given = None) -> Sequence[RowMapping]:
        return (await self._connection.execute(statement, given)).mappings().all()

    async def _column(self, statement: Executable, given: Given = None) -> list[Any]:
        """Return the first value of each row."""
        return list((await self._connection.execute(statement, given)).scalars())

    async def _value(self, statement: Executable, given: Given = None) -> Any | None:
        """Return the first value of the first row; None without a row."""
        return (await self._connection.execute(statement, given)).scalar()

    async def _number(self, statement: Executable, given: Given = None) -> int:
        """Return the only value, such as a count."""
        return int((await self._connection.execute(statement, given)).scalar_one())

    async def _write(self, statement: Executable, given: Given = None) -> int:
        """Return how many rows were changed."""
        return (await self._connection.execute(statement, given)).rowcount

    async def _update(self, table: Table, *conditions: Any, **values: object) -> int:
        """Change the rows that meet all conditions; return how many there were."""
        return await self._write(update(table).where(*conditions).values(values))

    async def _put(
        self,
        table: Table,
        rows: Given,
        *update: str,
        key: Sequence[Column[Any]] = (),
        returning: Sequence[Any] = (),
    ) -> CursorResult[Any]:
        """Insert rows; of those whose `key`, by default the primary one, is there, `update` these columns."""
        statement = upsert(self._connection, table)
        if update:
            statement = statement.on_conflict_do_update(
                index_elements=list(key or table.primary_key.columns),
                set_={name: statement.excluded[name] for name in update},
            )
        else:
            statement = statement.on_conflict_do_nothing()
        return await self._connection.execute(
            statement.returning(*returning) if returning else statement, rows
        )

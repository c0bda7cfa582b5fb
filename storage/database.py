"""Opening a database, bringing its schema up to date, and running units of work in one transaction each.

Knows SQLAlchemy and the two databases; knows nothing of what the units do.
"""

import asyncio
import fcntl
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO, TypeVar

from sqlalchemy import URL, Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.archive import Archive
from storage.begun import BegunLog
from storage.bell import listen
from storage.courses import Courses
from storage.destinations import Destinations
from storage.dialect import now_on
from storage.dumps import Dumps
from storage.facts import Facts
from storage.joining import Joining
from storage.leases import Leases
from storage.marks import BookMarks
from storage.migrate import NewerSchemaError, bring_up_to_date
from storage.outbox import Outbox
from storage.planning import Planning
from storage.posts import Posts
from storage.retrying import passing, pauses
from storage.scopes import Scopes
from storage.sources import Sources
from storage.waiting import Waiting

T = TypeVar("T")

log = logging.getLogger(__name__)

READ_ONLY = "kexue_read_only"
BUSY_SECONDS = 30

# Held until the transaction ends, so it serves behind a pooler of transactions as well, and dies with it.
ALONE = text("SELECT pg_advisory_xact_lock(7369638)")

# In milliseconds: a process that stalls holds up the others no longer. An announcement to a million chats is
# one statement. Set by a statement, because poolers refuse what is said when a connection is opened.
PATIENCE = (
    "SELECT set_config('statement_timeout', '300000', false), set_config('lock_timeout', '15000', false),"
    " set_config('idle_in_transaction_session_timeout', '15000', false)"
)


Now = Callable[[datetime], Awaitable[datetime]]


class UnusableDatabaseError(Exception):
    """The database cannot be used; the text names the cause and the mend, and no password."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """All that is remembered, as seen by one unit of work; committed together or not at all."""

    dumps: Dumps
    posts: Posts
    archive: Archive
    joining: Joining
    scopes: Scopes
    destinations: Destinations
    planning: Planning
    outbox: Outbox
    marks: BookMarks
    waiting: Waiting
    courses: Courses
    facts: Facts
    sources: Sources
    leases: Leases
    now: Now


Unit = Callable[[Transaction], Awaitable[T]]


class Database:
    """A database, open and of today's schema."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._running: set[asyncio.Task[Any]] = set()
        self._lock: TextIO | None = None

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    @property
    def shared(self) -> bool:
        """Whether other processes may work on this database at the same time."""
        return self.dialect == "postgresql"

    async def transact(self, unit: Unit[T], *, alone: bool = True) -> T:
        """Run `unit` in one writing transaction and return what it returns.

        A unit is a function, not a block, because only so can it be shielded: a task cancelled inside
        an SQLite statement would leave the write lock with a dead connection. It is finished even if the
        caller is cancelled meanwhile.

        On SQLite one unit writes at a time. So it is on PostgreSQL too, among all processes, unless a unit
        is not `alone`: then it holds the rows that it works on by itself. There a unit that came in
        another's way, or lost its connection, is run again, so it must bear being run twice.
        """
        return await self._shielded(lambda: self._persist(unit, alone=alone))

    async def read(self, unit: Unit[T]) -> T:
        """Run `unit` in one transaction that only reads; on SQLite it waits for no writer."""
        return await self._shielded(lambda: self._persist(unit, read_only=True))

    async def _shielded(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        task = asyncio.get_running_loop().create_task(work())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _persist(self, unit: Unit[T], *, read_only: bool = False, alone: bool = False) -> T:
        if not self.shared:
            return await self._run(unit, read_only=read_only)
        for pause in pauses():
            try:
                return await self._run(unit, read_only=read_only, alone=alone)
            except (DBAPIError, ConnectionError) as error:
                if not passing(error):
                    raise
                log.info("a transaction is run again: %s", type(error).__name__)
            await asyncio.sleep(pause)
        return await self._run(unit, read_only=read_only, alone=alone)

    async def _run(self, unit: Unit[T], *, read_only: bool = False, alone: bool = False) -> T:
        async with self._engine.connect() as connection:
            if read_only:
                await connection.execution_options(**{READ_ONLY: True})
            async with connection.begin():
                if alone:
                    await connection.execute(ALONE)
                return await unit(transaction_on(connection))

    def claim_alone(self) -> None:
        """On SQLite, make sure that no other process serves this file until this one ends.

        Raises UnusableDatabaseError. On PostgreSQL several processes share the work by leases.
        """
        file = self._engine.url.database
        if self.dialect != "sqlite" or not file or file == ":memory:":
            return
        lock = Path(f"{file}.lock").open("w")  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise UnusableDatabaseError(
                f"another kexue-bot is serving {file}: stop it first, "
                "or move to PostgreSQL, which several can share"
            ) from error
        self._lock = lock

    def begun_log(self) -> BegunLog | None:
        """The file that tells which requests were begun; only on SQLite, where it can lie beside the rows."""
        file = self._engine.url.database
        if self.dialect != "sqlite" or not file or file == ":memory:":
            return None
        return BegunLog(Path(f"{file}.begun"))

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` whenever some process planned deliveries; returns at once where there is but one."""
        if self.shared:
            await listen(self._engine.url, heard)

    async def close(self) -> None:
        """Finish the units that still run, then let go of every connection."""
        if self._running:
            await asyncio.wait(self._running)
        await self._engine.dispose()
        if self._lock is not None:
            self._lock.close()


def transaction_on(connection: AsyncConnection) -> Transaction:
    return Transaction(
        dumps=Dumps(connection),
        posts=Posts(connection),
        archive=Archive(connection),
        joining=Joining(connection),
        scopes=Scopes(connection),
        destinations=Destinations(connection),
        planning=Planning(connection),
        outbox=Outbox(connection),
        marks=BookMarks(connection),
        waiting=Waiting(connection),
        courses=Courses(connection),
        facts=Facts(connection),
        sources=Sources(connection),
        leases=Leases(connection),
        now=partial(now_on, connection),
    )


async def open_database(url: str, *, pool_size: int = 4) -> Database:
    """Open `url`, create what is missing and migrate to today's schema.

    Raises UnusableDatabaseError with the reason and the mend.
    """
    engine = create_engine(url, pool_size=pool_size)
    try:
        async with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(ALONE)  # two processes that start at once would both migrate
            await connection.run_sync(bring_up_to_date)
            await Scopes(connection).everything()
            # Where nothing was missing nothing was written; a file that cannot be is better noticed now.
            await connection.execute(text("UPDATE alembic_version SET version_num = '' WHERE 1 = 0"))
    except NewerSchemaError as error:
        await engine.dispose()
        raise UnusableDatabaseError(str(error)) from error
    except (SQLAlchemyError, OSError) as error:
        await engine.dispose()
        raise UnusableDatabaseError(_reason(url, error)) from error
    return Database(engine)


def create_engine(url: str, *, pool_size: int = 4) -> AsyncEngine:
    """An engine whose every transaction begins as this project needs it. Raises UnusableDatabaseError."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(url, parsed.database, pool_size)
        return _postgresql(parsed, pool_size)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise UnusableDatabaseError(
            f"this is not an address that can be used ({type(error).__name__}): "
            "write sqlite+aiosqlite:///path/to/file.db or postgresql+asyncpg://user:password@host/name"
        ) from error


def _postgresql(url: URL, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=pool_size, max_overflow=4, pool_pre_ping=True)

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(PATIENCE)
        cursor.close()
        connection.commit()

    return engine


def _sqlite(url: str, file: str | None, pool_size: int) -> AsyncEngine:
    if file and file != ":memory:":
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnusableDatabaseError(_reason(url, error)) from error
    engine = create_async_engine(
        url, pool_size=pool_size, max_overflow=4, connect_args={"timeout": BUSY_SECONDS}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # The driver would begin its own, deferred transactions, and a read behind a diff would stand outside.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = bool(connection.get_execution_options().get(READ_ONLY))
        if connection.info.get(READ_ONLY, False) != read_only:
            # A write amid a deferred transaction fails only when another writer was there: let it always.
            connection.exec_driver_sql(f"PRAGMA query_only={int(read_only)}")
            connection.info[READ_ONLY] = read_only
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _reason(url: str, error: Exception) -> str:
    shown = make_url(url).render_as_string(hide_password=True)
    cause = error.orig if isinstance(error, DatabaseError) and error.orig else error
    text = " ".join(str(cause).split())
    other = "or set DATABASE_URL to another"
    mend = f"see that it exists and that this user may write to it and to its folder, {other}"
    if "readonly" in text or "unable to open" in text or isinstance(cause, PermissionError):
        return f"the database {shown} cannot be written ({text}): {mend}"
    if "malformed" in text or "not a database" in text:
        return f"the database {shown} is damaged ({text}): put a backup in its place, {other}"
    return f"the database {shown} cannot be opened ({text}): {mend}"

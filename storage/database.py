"""Database: opening, schema migration, and units of work in one transaction each.

Transactions are functions, shielded from cancellation and retried after deadlocks and lost connections.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from filelock import BaseFileLock, FileLock, Timeout
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage import UnusableDatabaseError
from storage.address import POOLER, reason_of
from storage.chunks import DeliveryChunks
from storage.clock import Backoff
from storage.destinations import Destinations
from storage.dumps import Dumps
from storage.engine import IDLE, OWNERS, READ_ONLY, create_engine, is_pooled, now_on
from storage.enqueue import listen
from storage.migrate import NewerSchemaError, bring_up_to_date, newest, schema_of
from storage.outbox import Outbox
from storage.planner import DeliveryPlanner
from storage.pooler import pooler_of
from storage.post_writer import PostWriter
from storage.posts import Posts, Scopes
from storage.processes import KeyValues, Leases, ProcessedUpdates
from storage.progress import Bookmarks, Courses, Waiting
from storage.rate_limits import RateLimits
from storage.send_log import SendLog

T = TypeVar("T")

log = logging.getLogger(__name__)

UNIT_SECONDS = 30.0  # the longest that a transaction may take on PostgreSQL
PLANNING_SECONDS = 300.0  # the same for an announcement to very many chats
TRIES = 8
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds

# PostgreSQL's documentation, appendix A: serialization failure, deadlock, lock not available (lock_timeout),
# idle in transaction (a stalled process), shutdown by an administrator or after a crash, not yet started.
PASSING = frozenset({"40001", "40P01", "55P03", "25P03", "57P01", "57P02", "57P03"})
NO_CONNECTION = "08"  # the class of lost and refused connections

FULL = frozenset({"53300", "53400"})  # no free connection at the server, or its configured limit is reached
FULL_WAITS = 60  # seconds for which a free connection is awaited


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE of a database error; an empty string for any other error."""
    return (getattr(error.orig, "sqlstate", None) or "") if isinstance(error, DBAPIError) else ""


async def wait_for_connection(work: Callable[[], Awaitable[T]], pause: float = 1.0) -> T:
    """Await `work`, again every `pause` seconds while the server has no free connection.

    Nothing was executed by then. Raises the server's error after `FULL_WAITS` pauses.
    """
    for attempt in range(FULL_WAITS):
        try:
            return await work()
        except DBAPIError as error:
            if state_of(error) not in FULL:
                raise
            if attempt == 0:
                log.warning(
                    "PostgreSQL has no free connection: waiting; raise max_connections or stop a replica"
                )
        await asyncio.sleep(pause)
    return await work()


def passing(error: BaseException) -> bool:
    """Whether running the unit again may succeed; the first run may have been committed all the same."""
    if isinstance(error, DBAPIError):
        state = state_of(error)
        return error.connection_invalidated or state in PASSING or state.startswith(NO_CONNECTION)
    return isinstance(error, ConnectionError | TimeoutError)


POLL_SECONDS = 1.0  # between two looks for new deliveries behind a pooler

ANALYZED_ROWS = 1000  # of each index: SQLite's documentation recommends 100 to 1,000

# What computes between its statements, as the intake does, may take longer there.
PLANNING = text(f"SELECT set_config('{IDLE}', '15s', true)")
# The steps import the migration library in between, which takes seconds on a busy machine.
MIGRATING = text(f"SELECT set_config('{IDLE}', '60s', true)")

# Held until the transaction ends, so it serves behind a pooler of transactions as well, and dies with it.
ALONE = text("SELECT pg_advisory_xact_lock(7369638)")


class Transaction:
    """Data access within one transaction; everything is committed together or not at all.

    Each data access object is created on its first use.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    dumps = cached_property(lambda tx: Dumps(tx.connection))
    posts = cached_property(lambda tx: Posts(tx.connection))
    post_writer = cached_property(lambda tx: PostWriter(tx.connection))
    scopes = cached_property(lambda tx: Scopes(tx.connection))
    destinations = cached_property(lambda tx: Destinations(tx.connection))
    planner = cached_property(lambda tx: DeliveryPlanner(tx.connection))
    chunks = cached_property(lambda tx: DeliveryChunks(tx.connection))
    outbox = cached_property(lambda tx: Outbox(tx.connection))
    bookmarks = cached_property(lambda tx: Bookmarks(tx.connection))
    waiting = cached_property(lambda tx: Waiting(tx.connection))
    courses = cached_property(lambda tx: Courses(tx.connection))
    key_values = cached_property(lambda tx: KeyValues(tx.connection))
    leases = cached_property(lambda tx: Leases(tx.connection))
    rate_limits = cached_property(lambda tx: RateLimits(tx.connection))
    processed_updates = cached_property(lambda tx: ProcessedUpdates(tx.connection))

    async def now(self, given: datetime) -> datetime:
        """Return the time that all processes agree on: the database's clock, on SQLite `given`."""
        return await now_on(self.connection, given)


TransactionFn = Callable[[Transaction], Awaitable[T]]


class ClosedDatabaseError(Exception):
    """A transaction was to begin after `close`."""


class Database:
    """A database, open and of today's schema."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._running: set[asyncio.Task[Any]] = set()
        self._is_closed = False
        self._lock: BaseFileLock | None = None
        self.silences = 0  # transactions on PostgreSQL that were given up without an answer
        self._idle: WeakSet[Any] = WeakSet()  # connections of the driver for PostgreSQL
        if self.is_multi_process:
            event.listen(engine.sync_engine, "checkin", self._returned)
            event.listen(engine.sync_engine, "checkout", self._taken)

    def _returned(self, connection: Any, _record: object) -> None:
        if connection is not None:
            self._idle.add(connection.driver_connection)

    def _taken(self, connection: Any, _record: object, _proxy: object) -> None:
        taken = connection.driver_connection
        if taken in self._idle:
            self._idle.discard(taken)
            if taken.is_closed():
                raise DisconnectionError  # the pool opens another in its place

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    @property
    def _file(self) -> Path:
        """Return the SQLite file, behind links: one file has one lock and one send log."""
        return Path(self.engine.url.database or "").resolve()

    @property
    def is_multi_process(self) -> bool:
        """Whether other processes may work on this database at the same time."""
        return self.dialect == "postgresql"

    async def write(
        self,
        fn: TransactionFn[T],
        *,
        exclusive: bool = True,
        autocommit: bool = False,
        seconds: float = UNIT_SECONDS,
    ) -> T:
        """Run `fn` in one writing transaction and return its result.

        A function, not a block, because only so can it be shielded: a task cancelled inside an SQLite
        statement would leave the write lock with a dead connection. It is finished even if the caller is
        cancelled.

        On SQLite one transaction writes at a time, on PostgreSQL one `exclusive` one of all processes.
        There a transaction that collided, lost its connection or had no answer for `seconds` is run
        again, so `fn` must bear being run twice. With `autocommit`, on PostgreSQL only, each statement is
        committed by itself: no lock outlives it, even if this process is suspended.
        """
        options = {"isolation_level": "AUTOCOMMIT"} if autocommit and self.is_multi_process else {}
        alone = exclusive and not autocommit
        return await self._shielded(lambda: self._persist(fn, options, alone=alone, seconds=seconds))

    async def read(self, fn: TransactionFn[T]) -> T:
        """Run `fn` in one read-only transaction; on SQLite it waits for no writer."""
        return await self._shielded(lambda: self._persist(fn, {READ_ONLY: True}))

    async def _shielded(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if self._is_closed:  # the connection of a late transaction would stay open
            raise ClosedDatabaseError("the database is closed")
        task = asyncio.get_running_loop().create_task(work())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _persist(
        self,
        unit: TransactionFn[T],
        options: Mapping[str, Any],
        *,
        alone: bool = False,
        seconds: float = UNIT_SECONDS,
    ) -> T:
        if not self.is_multi_process:
            async with self.engine.connect() as connection:
                await connection.execution_options(**options)
                async with connection.begin():
                    return await unit(Transaction(connection))

        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            try:
                return await wait_for_connection(
                    lambda: self._run_within(seconds, unit, options, alone=alone)
                )
            except (DBAPIError, ConnectionError, TimeoutError) as error:
                pause = backoff.fail()
                self.silences += isinstance(error, TimeoutError)
                if not passing(error) or backoff.failures == TRIES:
                    raise
                log.info("a transaction is run again: %s", type(error).__name__)
            # With jitter, so that one of two colliding transactions is first.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret

    async def _run_within(
        self, seconds: float, unit: TransactionFn[T], options: Mapping[str, Any], *, alone: bool
    ) -> T:
        """Run `unit` on PostgreSQL. Raises TimeoutError after `seconds`, with idle connections aborted.

        A connection whose peer is lost neither answers nor closes; even a rollback would wait for it.
        """
        connection = self.engine.connect()
        try:
            async with asyncio.timeout(seconds):
                await connection.start()
                await connection.execution_options(**options)
                transaction = await connection.begin()
                try:
                    if seconds > UNIT_SECONDS:
                        await connection.execute(PLANNING)
                    if alone:
                        await connection.execute(ALONE)
                    done = await unit(Transaction(connection))
                    await transaction.commit()
                except Exception:
                    await transaction.rollback()
                    raise
                return done
        except (TimeoutError, asyncio.CancelledError) as error:
            await self._abort(connection, with_idle=isinstance(error, TimeoutError))
            raise
        finally:
            if connection.sync_connection is not None and not connection.closed:
                await connection.close()

    async def _abort(self, connection: AsyncConnection, *, with_idle: bool) -> None:
        """Abort a connection without a word to its peer, and the idle ones, which may be lost too."""
        if with_idle:
            # Not by a new pool: connections in use would return to the old one, which `close` does not reach.
            for idle in [*self._idle]:
                idle.terminate()
        if connection.sync_connection is None or connection.closed or connection.invalidated:
            return
        raw = await connection.get_raw_connection()
        if raw.driver_connection is not None:
            raw.driver_connection.terminate()
        await connection.invalidate()

    def acquire_process_lock(self) -> None:
        """On SQLite, make sure that no other process serves this file until this one ends.

        Raises UnusableDatabaseError. On PostgreSQL several processes share the work by leases.
        """
        if self.is_multi_process or self._lock is not None:
            return
        file = self.engine.url.database
        lock = FileLock(f"{self._file}.lock", mode=OWNERS)
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise UnusableDatabaseError(
                f"another kexue-bot is serving {file}: stop it first, "
                "or move to PostgreSQL, which several can share"
            ) from error
        except OSError as error:
            raise UnusableDatabaseError(
                f"{file}.lock cannot be written ({error.strerror}): see that this user may write to it"
            ) from error
        self._lock = lock

    def release_process_lock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def send_log(self) -> SendLog | None:
        """Return the send log next to an SQLite file; None for other databases."""
        return None if self.is_multi_process else SendLog(Path(f"{self._file}.begun"))

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call the callback for deliveries that any process planned; return at once on SQLite.

        By NOTIFY, or by polling behind a pooler that keeps no connection for it.
        """
        if is_pooled(self.engine):
            await self._poll(heard)
        elif self.is_multi_process:
            await listen(self.engine, heard)

    async def _poll(self, heard: Callable[[], None]) -> None:
        last = -1
        while True:
            highest = await self.read(lambda tx: tx.outbox.highest_id())
            if highest != last:
                heard()
            last = highest
            await asyncio.sleep(POLL_SECONDS)

    async def optimize(self) -> None:
        """Refresh the statistics of the query planner where they are outdated; PostgreSQL does so itself."""
        if self.dialect == "sqlite":
            await self._shielded(self._optimize)

    async def _optimize(self) -> None:
        async with self.engine.connect() as connection, connection.begin():
            await connection.execute(text(f"PRAGMA analysis_limit={ANALYZED_ROWS}"))
            await connection.execute(text("PRAGMA optimize"))

    async def close(self) -> None:
        """Wait for the running transactions, then close every connection; no other begins."""
        self._is_closed = True
        if self._running:
            await asyncio.wait(self._running)
        await self.engine.dispose()
        self.release_process_lock()


async def open_database(url: str, *, pool_size: int = 4) -> Database:
    """Open `url`, create what is missing and migrate to today's schema.

    Raises UnusableDatabaseError with the reason and the fix.
    """
    database = Database(await open_engine(url, pool_size=pool_size))
    try:
        await _migrated(database)
    except UnusableDatabaseError:
        await database.close()
        raise
    return database


async def open_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """Return an engine that suits the pooler in front of the database. Raises UnusableDatabaseError."""
    engine = create_engine(url, pool_size=pool_size)
    if engine.dialect.name != "postgresql":
        return engine
    parsed = make_url(url)
    try:
        mode = await wait_for_connection(lambda: pooler_of(parsed))
    except (SQLAlchemyError, OSError, TypeError, ValueError, OverflowError) as error:
        # The driver raises the last three for a parameter or a port that it does not take.
        raise UnusableDatabaseError(reason_of(url, error)) from error
    return create_engine(parsed.update_query_dict({POOLER: mode}), pool_size=pool_size)


async def schema_and_posts(url: str) -> tuple[str | None, int]:
    """Return the schema of a PostgreSQL database and its number of posts, without migrating it.

    Raises UnusableDatabaseError.
    """
    engine = await open_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            schema = await connection.run_sync(schema_of)
            posts = await Posts(connection).count() if schema is not None else 0
    except (SQLAlchemyError, OSError) as error:
        raise UnusableDatabaseError(reason_of(url, error)) from error
    finally:
        await engine.dispose()
    return schema, posts


async def migrate(url: str) -> tuple[str | None, str]:
    """Migrate to today's schema; returns the one before, if there was any, and today's.

    Raises UnusableDatabaseError, also while a bot uses the SQLite file, because it expects the old schema.
    """
    database = Database(await open_engine(url, pool_size=1))
    try:
        database.acquire_process_lock()
        return await _migrated(database)
    finally:
        await database.close()


async def _require_unicode(connection: AsyncConnection) -> None:
    encoding = (await connection.execute(text("SHOW server_encoding"))).scalar_one()
    if encoding not in {"UTF8", "SQL_ASCII"}:  # the latter keeps all bytes as they are
        name = connection.engine.url.database
        raise UnusableDatabaseError(
            f"the database {name} has the encoding {encoding}, which lacks characters: "
            "create one with ENCODING 'UTF8' TEMPLATE template0"
        )


async def _migrated(database: Database) -> tuple[str | None, str]:
    engine = database.engine

    async def run() -> tuple[str | None, str]:
        async with engine.begin() as connection:
            if database.is_multi_process:
                await connection.execute(ALONE)  # two processes that start at once would both migrate
                await _require_unicode(connection)
            if await connection.run_sync(schema_of) != newest():
                if database.is_multi_process:
                    await connection.execute(MIGRATING)
                else:
                    database.acquire_process_lock()  # an older version serves the file with its schema
            steps = await connection.run_sync(bring_up_to_date)
            await Scopes(connection).everything()
            # Where nothing was missing nothing was written; a file that cannot be is better noticed now.
            await connection.execute(text("UPDATE alembic_version SET version_num = '' WHERE 1 = 0"))
            return steps

    try:
        return await wait_for_connection(run)
    except NewerSchemaError as error:
        raise UnusableDatabaseError(str(error)) from error
    except (SQLAlchemyError, OSError) as error:
        raise UnusableDatabaseError(reason_of(engine.url, error)) from error
    finally:
        database.release_process_lock()

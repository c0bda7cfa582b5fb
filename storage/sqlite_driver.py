"""An SQLite connection that a statement crosses to once: beginning, executing and fetching in one go.

The driver keeps a thread for each connection and would be asked four times for each statement, which costs
more than most statements. Knows the driver and how SQLAlchemy uses it, and no statement but the beginnings.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import aiosqlite

T = TypeVar("T")

AT_ONCE = 500  # rows that come along with the execution; what is larger is fetched as it is asked for
CACHED_STATEMENTS = 256  # the driver's 128 are fewer than this project has, and a miss parses anew


class Connection(aiosqlite.Connection):
    """Made by `connect` only. Statements outside a transaction that was begun here commit by themselves."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._thread.daemon = True  # it waits for work for ever, and nobody at the end waits for it
        self._begins = False
        self._only_reads: bool | None = None
        self._wanted = False

    def only_reads(self, only: bool) -> None:
        """Whether what follows may not write, from the next statement on."""
        self._wanted = only

    def begin_later(self) -> None:
        """Let the next statement be the first of a transaction that takes no lock before it is needed."""
        self._begins = True

    def cursor(self) -> "Cursor":  # type: ignore[override]
        return Cursor(self)

    async def commit(self) -> None:
        self._begins = False
        if self.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        self._begins = False
        if self.in_transaction:
            await super().rollback()

    async def cross(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` on the connection's own thread, within the transaction that was asked for."""
        done: T = await self._execute(partial(self._within, work))  # type: ignore[no-untyped-call]
        return done

    def _within(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._conn
        if self._only_reads is not self._wanted:
            # A write amid a deferred transaction fails only when another writer was there: let it always.
            connection.execute(f"PRAGMA query_only={int(self._wanted)}")
            self._only_reads = self._wanted
        if self._begins:
            connection.execute("BEGIN")
            self._begins = False  # not before: what follows a beginning that failed must not stand alone
        return work(connection)


class Cursor:
    """What SQLAlchemy asks of an asynchronous driver's cursor (AsyncIODBAPICursor)."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: sqlite3.Cursor | None = None
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> Self:
        await self._connection.cross(lambda connection: self._run(connection.execute(operation, parameters)))
        return self

    async def executemany(self, operation: str, parameters: Iterable[Sequence[Any]]) -> Self:
        await self._connection.cross(
            lambda connection: self._run(connection.executemany(operation, parameters))
        )
        return self

    async def fetchone(self) -> Any:
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        wanted = size or self.arraysize
        if self._open is not None and len(self._rows) < wanted:
            await self._connection.cross(lambda _: self._take(max(wanted, AT_ONCE)))
        rows, self._rows = self._rows[:wanted], self._rows[wanted:]
        return rows

    async def fetchall(self) -> Sequence[Any]:
        if self._open is not None:
            await self._connection.cross(lambda _: self._take(None))
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        if (cursor := self._open) is not None:
            self._open = None
            await self._connection.cross(lambda _: cursor.close())

    def _run(self, cursor: sqlite3.Cursor) -> None:
        self._open = cursor
        self.description, self.lastrowid = cursor.description, cursor.lastrowid
        self._take(AT_ONCE)

    def _take(self, most: int | None) -> None:
        """Rows of what was executed, on the connection's thread; it ends with the last of them."""
        cursor = self._open
        if cursor is None:
            return
        rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
        self._rows += rows
        self.rowcount = cursor.rowcount  # of what returns rows it is known when they have been fetched
        if most is None or len(rows) < most:
            self._open = None
            cursor.close()


def connect(database: str, **options: Any) -> Connection:
    """As the driver's `connect`: to be awaited once."""
    return Connection(partial(sqlite3.connect, database, cached_statements=CACHED_STATEMENTS, **options))

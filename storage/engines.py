"""Connections as this project needs them: how transactions begin, what they may last, what a file must be.

Knows the two drivers; knows nothing of what transactions do.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, event
from sqlalchemy import Connection as Connected
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.crossing import Connection, connect

READ_ONLY = "kexue_read_only"
BUSY_SECONDS = 30
OWNERS = 0o600  # what people do with the bot is nobody else's business
HIDE = True  # what a statement was given stays out of errors, and so of logs: it may be what somebody wrote

# In milliseconds: a process that stalls holds up the others no longer. An announcement to a million chats is
# one statement. Set by a statement, because poolers refuse what is said when a connection is opened.
PATIENCE = (
    "SELECT set_config('statement_timeout', '300000', false), set_config('lock_timeout', '15000', false),"
    " set_config('idle_in_transaction_session_timeout', '15000', false)"
)


class UnusableDatabaseError(Exception):
    """The database cannot be used; the text names the cause and the mend, and no password."""


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
    # Not asked whether they live before each use: a unit that finds its connection dead is run again.
    engine = create_async_engine(url, pool_size=pool_size, max_overflow=4, hide_parameters=HIDE)

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(PATIENCE)
        cursor.close()
        connection.commit()

    return engine


def _sqlite(url: str, file: str | None, pool_size: int) -> AsyncEngine:
    if file and file != ":memory:" and not file.startswith("file:"):
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            # Its owner's alone, as SQLite then makes the files beside it, too.
            Path(file).touch(mode=OWNERS)
        except OSError as error:
            raise UnusableDatabaseError(reason_of(url, error)) from error
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=4,
        connect_args={"timeout": BUSY_SECONDS, "async_creator_fn": connect},
        hide_parameters=HIDE,
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
    def begin(connection: Connected) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, Connection)
        read_only = bool(connection.get_execution_options().get(READ_ONLY))
        driver.only_reads(read_only)
        if read_only:
            driver.begin_later()
        else:  # what a unit finds out before its first statement may count on nobody else writing, too
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reason_of(url: str, error: Exception) -> str:
    """Why the database at `url` cannot be used, and the mend; without its password."""
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

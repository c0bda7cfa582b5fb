"""Connection poolers in front of PostgreSQL: detection of transaction pooling.

In PgBouncer's transaction mode each transaction may run on another connection of the server: prepared
statements, LISTEN and session settings do not survive it, advisory locks of a transaction and SET LOCAL do.
"""

from enum import StrEnum

from sqlalchemy import URL, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage import UnusableDatabaseError
from storage.address import POOLER
from storage.engine import create_engine

LOOKS = 3  # other clients of the pooler may take the connection between two looks
STATEMENT_MODE = "statement pooling mode"  # in the error of PgBouncer


class Pooler(StrEnum):
    """DATABASE_POOLER: `SESSION` also stands for no pooler."""

    AUTO = "auto"
    SESSION = "session"
    TRANSACTION = "transaction"


async def pooler_of(url: URL) -> Pooler:
    """Return the mode that the query parameter of `url` names, or that is detected.

    Raises UnusableDatabaseError for a mode that does not agree with the pooler, and DBAPIError.
    """
    named = Pooler(str(url.query.get(POOLER, Pooler.AUTO)))
    if named is Pooler.TRANSACTION:
        return named
    engine = create_engine(url.update_query_dict({POOLER: Pooler.TRANSACTION}), pool_size=2)
    try:
        found = Pooler.TRANSACTION if await _shares_connections(engine) else Pooler.SESSION
    except DBAPIError as error:
        if STATEMENT_MODE not in str(error.orig):
            raise
        raise UnusableDatabaseError(
            "PgBouncer's pool_mode is statement, which has no transactions: "
            "set pool_mode to transaction or session"
        ) from error
    finally:
        await engine.dispose()
    if named is Pooler.SESSION and found is not named:
        raise UnusableDatabaseError(
            "DATABASE_POOLER is session, but the pooler gives each transaction another connection, "
            "in which prepared statements, LISTEN and session settings are lost: "
            "set DATABASE_POOLER=transaction, or pool_mode = session in PgBouncer"
        )
    return found


async def _shares_connections(engine: AsyncEngine) -> bool:
    """Return whether two open connections were served by one process of the server, or one by two."""
    async with engine.connect() as first:
        served_by = await _process_of(first)
        raw = await first.get_raw_connection()
        if raw.driver_connection is not None and raw.driver_connection.get_server_pid() == served_by:
            return False  # no pooler: they make up this number
        async with engine.connect() as second:
            for _ in range(LOOKS):
                if await _process_of(second) == served_by or await _process_of(first) != served_by:
                    return True
    return False


async def _process_of(connection: AsyncConnection) -> int:
    """Return the server's process of one transaction of this connection."""
    async with connection.begin():
        return int((await connection.execute(select(func.pg_backend_pid()))).scalar_one())

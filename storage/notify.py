"""LISTEN and NOTIFY: wake the delivery workers of every process when a delivery is planned.

Only an optimisation: workers also poll every few seconds. On SQLite there is one process and no notification.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

log = logging.getLogger(__name__)

CHANNEL = "kexue_deliveries"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between tries to listen
CONNECT_SECONDS = 10.0
LOOK_SECONDS = 30.0  # a connection that broke without a word is noticed within

_RING = text(f"SELECT pg_notify('{CHANNEL}', '')")


async def notify(connection: AsyncConnection) -> None:
    """Notify all processes at the commit of this transaction; repeated calls send one notification."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_RING)


async def listen(engine: AsyncEngine, heard: Callable[[], None]) -> None:
    """Call the callback at every notification and after every reconnection; never return."""
    # Imported on use: the driver is installed only with the PostgreSQL extra.
    import asyncpg

    _, options = engine.dialect.create_connect_args(engine.url)
    for name in [name for name in options if name.startswith("prepared_statement_")]:
        del options[name]  # SQLAlchemy's own
    pause = FIRST_PAUSE
    while True:
        try:
            connection = await asyncpg.connect(**options, timeout=CONNECT_SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.info("the bell cannot be heard (%s); looking every few seconds", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        pause = FIRST_PAUSE
        try:
            await _hear(connection, heard)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(pause)
        finally:
            connection.terminate()


async def _hear(connection: Any, heard: Callable[[], None]) -> None:
    """Until the connection breaks."""
    broken = asyncio.Event()

    def rung(*_: object) -> None:
        heard()

    def ended(_: object) -> None:
        broken.set()

    connection.add_termination_listener(ended)
    await connection.add_listener(CHANNEL, rung)
    heard()
    while not broken.is_set():
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await broken.wait()
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=LOOK_SECONDS)

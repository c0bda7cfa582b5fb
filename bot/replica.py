"""This process among those that share a database: its name, the leases it holds, the bell it hears.

Knows when it joins and leaves, not what the leases are for. With one process, as on SQLite, there is nothing
to do.
"""

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from secrets import token_hex

from bot.clock import Clock
from bot.leases import SPAN_SECONDS, LeaseHolder
from bot.supervisor import Supervisor
from bot.update_dedup import UpdateDeduplicator
from storage.database import Database


class Replica:
    """`pulse` says that this process lives: when it runs out, the others end its claims. `updates` is the
    right to ask Telegram for updates, or to tell it where to bring them."""

    def __init__(self, database: Database, clock: Clock, span: float = SPAN_SECONDS) -> None:
        """What it holds ends `span` seconds after it."""
        self._database = database
        self._clock = clock
        self._name = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self.pulse = LeaseHolder(database, clock, f"process {self._name}", self._name, span=span)
        self.updates = LeaseHolder(database, clock, "updates", self._name, span=span)
        self.once = UpdateDeduplicator(database, clock)

    async def join(self, supervisor: Supervisor, heard: Callable[[], None]) -> None:
        """Begin to live; `heard` is called whenever some process has planned deliveries."""
        await self.pulse.renew()
        if self._database.is_multi_process:
            supervisor.start("pulse", self.pulse.run, endless=True)
            supervisor.start("bell", lambda: self._database.listen(heard), endless=True)

    async def listen(self, supervisor: Supervisor) -> None:
        """Try from now on to be the one that hears updates."""
        await self.updates.renew()
        if self._database.is_multi_process:
            supervisor.start("updates", self.updates.run, endless=True)

    @asynccontextmanager
    async def only_one(self, work: str) -> AsyncIterator[bool]:
        """For what one process does while the others need not; whether it is this one."""
        lease = LeaseHolder(self._database, self._clock, work, self._name)
        mine = await lease.renew()
        try:
            yield mine
        finally:
            await lease.release()

    async def leave(self) -> None:
        """What this process did is the others' from now on."""
        await self.updates.release()
        await self.pulse.release()

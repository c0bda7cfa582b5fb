"""Membership of this process among the replicas of one database: heartbeat, leases, notifications.

On SQLite there is one process, and all leases are held from the start.
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
    """One replica.

    `pulse` is its heartbeat: after it expires, the other replicas end its claims. `updates` is the lease of
    the replica that polls for updates or registers the webhook.
    """

    def __init__(self, database: Database, clock: Clock, span: float = SPAN_SECONDS) -> None:
        """`span` is the duration of a lease in seconds."""
        self._database = database
        self._clock = clock
        self._name = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self.pulse = LeaseHolder(database, clock, f"process {self._name}", self._name, span=span)
        self.updates = LeaseHolder(database, clock, "updates", self._name, span=span)
        self.once = UpdateDeduplicator(database, clock)

    async def join(self, supervisor: Supervisor, notified: Callable[[], None]) -> None:
        """Start the heartbeat; `notified` is called when any replica has queued deliveries."""
        await self.pulse.renew()
        if self._database.is_multi_process:
            supervisor.start("pulse", self.pulse.run, endless=True)
            supervisor.start("bell", lambda: self._database.listen(notified), endless=True)

    async def listen(self, supervisor: Supervisor) -> None:
        """Compete for the lease of updates."""
        await self.updates.renew()
        if self._database.is_multi_process:
            supervisor.start("updates", self.updates.run, endless=True)

    @asynccontextmanager
    async def only_one(self, work: str) -> AsyncIterator[bool]:
        """Yield whether this replica holds the lease of `work`."""
        lease = LeaseHolder(self._database, self._clock, work, self._name)
        held = await lease.renew()
        try:
            yield held
        finally:
            await lease.release()

    async def leave(self) -> None:
        """Release all leases."""
        await self.updates.release()
        await self.pulse.release()

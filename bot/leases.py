"""Leases of this process among the replicas of one database: heartbeat, updates, single pieces of work.

A holder takes a lease, renews it, and checks locally whether it is still held. With one process, as on
SQLite, every lease is held from the start.
"""

import asyncio
import logging
import math
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from secrets import token_hex

from bot.supervisor import Supervisor
from bot.update_dedup import UpdateDeduplicator
from storage.clock import Clock
from storage.database import Database, Transaction

log = logging.getLogger(__name__)

SPAN_SECONDS = 10.0  # for which a dead process holds what it may have sent, and the updates
RENEWALS = 3  # within a span
BEAT_SECONDS = 1.0  # between two renewals of a heartbeat
QUIET_SECONDS = 3.0  # without a renewal, after which others take what a process has claimed and not begun
MARGIN = 0.07  # the fraction for clock differences and for the time between check and use


def heartbeat_span(longest: float) -> float:
    """Return the seconds of a process's leases where they may last `longest`."""
    return min(SPAN_SECONDS, longest)


def quiet_part(span: float) -> timedelta:
    """Return what is left of a heartbeat of `span` seconds after `QUIET_SECONDS` without a renewal."""
    return timedelta(seconds=max(0.0, span - QUIET_SECONDS))


class LeaseHolder:
    """One lease of this process; `token` names the current holding and is empty without one."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        name: str,
        owner: str,
        *,
        span: float = SPAN_SECONDS,
        longest_pause: float = math.inf,
    ) -> None:
        """`span` is the duration of the lease in seconds, `longest_pause` the most between two renewals."""
        self._database = database
        self._clock = clock
        self._name = name
        self._owner = owner
        self._span = span
        self._pause = min(span / RENEWALS, longest_pause)
        self._sure_until = float("-inf")
        self._token = ""
        self._given_back = False

    @property
    def token(self) -> str:
        return self._token

    def is_held(self) -> bool:
        """Return whether it is surely held now, however long this process was suspended before."""
        if not self._database.is_multi_process:
            return True
        return bool(self._token) and self._clock.monotonic() < self._sure_until

    async def renew(self) -> bool:
        """Renew the lease, or take it if it is free; return whether it is held."""
        if not self._database.is_multi_process:
            return True
        if self._given_back:
            return False
        asked = self._clock.monotonic()  # before asking: the lease lasts at least as long as is believed
        held = await self._database.write(self._renewed_or_taken, exclusive=False)
        if held is None:
            self._let_go()
            return False
        self._token, self._sure_until = held, asked + self._span * (1 - MARGIN)
        return True

    async def _renewed_or_taken(self, tx: Transaction) -> str | None:
        now, span = self._clock.now(), timedelta(seconds=self._span)
        if self._token and await tx.leases.renew(self._name, self._token, now, span):
            return self._token
        lease = await tx.leases.take(self._name, self._owner, now, span)
        return None if lease is None else lease.token

    async def run(self) -> None:
        """Renew the lease periodically; an unreachable database only costs the lease."""
        while not self._given_back:
            try:
                await self.renew()
            except Exception as error:
                log.warning("the lease %s cannot be renewed for now: %s", self._name, type(error).__name__)
            await asyncio.sleep(self._pause)

    async def release(self) -> None:
        """Release the lease for other processes; it is not taken again."""
        self._given_back = True
        token, self._token = self._token, ""
        self._let_go()
        if not token:
            return
        try:
            await self._database.write(lambda tx: tx.leases.release(self._name, token), exclusive=False)
        except Exception as error:
            log.warning(
                "the lease %s could not be released and expires: %s", self._name, type(error).__name__
            )

    def _let_go(self) -> None:
        if self._token:
            log.info("the lease %s is no longer held", self._name)
        self._token, self._sure_until = "", float("-inf")


class Replica:
    """One replica.

    `pulse` is its heartbeat: after it expires, the other replicas end its claims, and those without a request
    `QUIET_SECONDS` after its last renewal. `updates` is the lease of the replica that polls for updates or
    registers the webhook.
    """

    def __init__(self, database: Database, clock: Clock, span: float = SPAN_SECONDS) -> None:
        """`span` is the duration of a lease in seconds."""
        self._database = database
        self._clock = clock
        self._name = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self.pulse = LeaseHolder(
            database, clock, f"process {self._name}", self._name, span=span, longest_pause=BEAT_SECONDS
        )
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

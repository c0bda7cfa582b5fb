"""Holding a lease: taking it, renewing it in time, and knowing without asking whether it still holds.

What it is for is the holder's matter. With one process, as on SQLite, everything is held from the start.
"""

import asyncio
import logging
from datetime import timedelta

from bot.clock import Clock
from storage.database import Database, Transaction

log = logging.getLogger(__name__)

SPAN_SECONDS = 15.0  # a process that is no more holds up the others for at most this long
RENEWALS = 3  # within that
MARGIN = 0.07  # the part of it for two clocks, and for the time between a look and what follows from it


class LeaseHolder:
    """One lease of this process. `token` names the present holding, and is empty while there is none."""

    def __init__(
        self, database: Database, clock: Clock, name: str, owner: str, *, span: float = SPAN_SECONDS
    ) -> None:
        """`span` is in seconds."""
        self._database = database
        self._clock = clock
        self._name = name
        self._owner = owner
        self._span = span
        self._sure_until = float("-inf")
        self._token = ""
        self._given_back = False

    @property
    def token(self) -> str:
        return self._token

    def is_held(self) -> bool:
        """Whether it surely holds at this moment, however long this process may have been frozen before."""
        if not self._database.is_multi_process:
            return True
        return bool(self._token) and self._clock.monotonic() < self._sure_until

    async def renew(self) -> bool:
        """Renew it, or take it where nobody has it; returns whether it is held."""
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
        """Keep it, again and again; for a task of its own. A database out of reach only costs the lease."""
        while not self._given_back:
            try:
                await self.renew()
            except Exception as error:
                log.warning("the lease %s cannot be renewed for now: %s", self._name, type(error).__name__)
            await asyncio.sleep(self._span / RENEWALS)

    async def release(self) -> None:
        """Somebody else may have it at once; it is not taken again."""
        self._given_back = True
        token = self._token
        self._let_go()
        if not token:
            return
        try:
            await self._database.write(lambda tx: tx.leases.release(self._name, token), exclusive=False)
        except Exception as error:
            log.warning("the lease %s is left to run out: %s", self._name, type(error).__name__)

    def _let_go(self) -> None:
        if self._token:
            log.info("the lease %s is no longer held", self._name)
        self._token, self._sure_until = "", float("-inf")

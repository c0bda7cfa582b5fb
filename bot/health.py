"""Health checks and figures of the running bot."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.delivery.admin_notices import Notice, TokenAccepted
from bot.delivery.worker import DeliveryWorker
from bot.ops.http import Check
from bot.ops.metrics import Figures
from bot.text_sanitizer import redact_url
from storage.clock import Clock
from storage.database import Database, Transaction
from storage.model import DeliveryId, Source

log = logging.getLogger(__name__)

REFUSED = "the Bot API refuses BOT_TOKEN (401): put the new one in place and restart"
REFUSED_KEY = "token_refused_since"  # of the key-value row that outlives the restart
DATABASE_SECONDS = 10.0  # the longest wait for the database's answer
TURN_SECONDS = 40.0  # without a transaction of the sender, after which it counts as stuck
SILENT_SECONDS = 10.0  # without an answer, from which on Telegram counts as silent
BEHIND_SECONDS = 900.0  # without a claim although something is due, after which sending counts as stuck


class TokenState:
    """Whether the Bot API refuses the token; the administrators are notified when a token works again."""

    def __init__(self, database: Database, clock: Clock, notify: Callable[[str, Notice], object]) -> None:
        self._database = database
        self._clock = clock
        self._notify = notify
        self.is_refused = False

    async def refuse(self) -> None:
        """Record the refusal; may be repeated."""
        if self.is_refused:
            return
        self.is_refused = True
        log.error(REFUSED)
        since = self._clock.now().isoformat(timespec="seconds")

        async def unit(tx: Transaction) -> None:
            if await tx.key_values.get(REFUSED_KEY) is None:
                await tx.key_values.put(REFUSED_KEY, since)

        await self._database.write(unit)

    async def accept(self) -> None:
        """Notify the administrators if a token was refused before this one was accepted."""
        since = await self._database.read(lambda tx: tx.key_values.get(REFUSED_KEY))
        self.is_refused = False
        if since is not None:
            self._notify(f"token:{since}", TokenAccepted(since))
            await self._database.write(lambda tx: tx.key_values.remove(REFUSED_KEY))


@dataclass(slots=True)
class QueueHead:
    """The delivery that the next claim would take; while it changes, sending goes on."""

    delivery: DeliveryId | None = None
    since: float = 0.0

    def age(self, found: DeliveryId | None, now: float) -> float:
        """Return the seconds, up to `now`, for which `found` has been seen at the head."""
        if found is None or found != self.delivery:
            self.delivery, self.since = found, now
        return now - self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChecks:
    """`sender` is None until Telegram was reached; `alive` returns whether a supervised task runs."""

    database: Database
    clock: Clock
    sender: Callable[[], DeliveryWorker | None]
    alive: Callable[[str], bool]
    ticking: Callable[[], bool]
    held: Callable[[], bool] = lambda: True
    refused: Callable[[], bool] = lambda: False
    _head: QueueHead = field(default_factory=QueueHead)

    def trouble(self) -> str:
        """Return what an operator must do at once, or an empty text."""
        return REFUSED if self._is_refused() else ""

    def _is_refused(self) -> bool:
        sender = self.sender()
        return self.refused() or (sender is not None and sender.stopped is not None and sender.stopped.token)

    async def ready(self) -> Mapping[str, Check]:
        """Return the check of every part that must work."""
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                unclaimed = self._head.age(await self.database.read(self._next_claim), self.clock.monotonic())
        except (TimeoutError, OSError) as error:
            return {"database": Check(False, f"no answer within {DATABASE_SECONDS:.0f} s ({error!r})")}
        return {
            "database": Check(True),  # it has just answered
            "lease": Check(self.held()),
            "scheduler": Check(self.ticking()),
            "dump folder": Check(self.alive("watch")),
            "sender": self._sending(),
            "token": Check(not self._is_refused(), self.trouble()),
            "outbox": Check(unclaimed < BEHIND_SECONDS, f"nothing due was claimed for {unclaimed:.0f} s"),
        }

    async def figures(self) -> Figures:
        now = self.clock.now()

        async def unit(tx: Transaction) -> Figures:
            counts = await tx.outbox.counts()
            return Figures(
                deliveries={str(state): count for state, count in counts.items()},
                oldest_due_age=_age(await tx.outbox.oldest_due(), now),
                posts=await tx.posts.count(),
                source_ages={redact_url(one.url): _read_ago(one, now) for one in await tx.dumps.sources()},
            )

        return await self.database.read(unit)

    async def _next_claim(self, tx: Transaction) -> DeliveryId | None:
        """Return the delivery, or a number below zero for the chunk that should have become some."""
        found = await tx.outbox.next_claim(await tx.now(self.clock.now()))
        chunk = await tx.chunks.first() if found is None else None
        return found if chunk is None else DeliveryId(-chunk)

    def _sending(self) -> Check:
        sender = self.sender()
        if sender is None:
            return Check(False, "Telegram was not reached yet")
        if sender.stopped is not None:
            return Check(False, sender.stopped.reason)
        if sender.breaker.open_for(self.clock.monotonic()) > SILENT_SECONDS:
            return Check(False, "Telegram does not answer; sending waits and probes")
        idle = self.clock.monotonic() - sender.last_turn
        if idle > TURN_SECONDS:
            return Check(False, f"the last transaction ended {idle:.0f} s ago")
        return Check(self.alive("sender"))


def _age(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds())


def _read_ago(source: Source, now: datetime) -> float:
    """Return the seconds since the source was last read, or since its first failure."""
    return _age(source.last_success or source.failing_since, now) or 0.0

"""The sending loop: claims due duties, starts one try for each, and writes what became of them in groups.

Owns the order of these steps and nothing else: what is said is the composer's, when it may leave the
pacing's, what an outcome means the verdict's.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from prometheus_client import CollectorRegistry

from bot.clock import Clock
from bot.delivery.beginning import begins
from bot.delivery.breaker import Breaker
from bot.delivery.composer import Composed, Composer
from bot.delivery.consequences import follow
from bot.delivery.journal import write_down
from bot.delivery.messenger import Messenger, address_of
from bot.delivery.pace import Claimed, Pace
from bot.delivery.policy import Policy
from bot.delivery.slots import Slots
from bot.delivery.verdict import AllStopped, ChatFrozen, RichMissing, Verdict, judge, settled
from bot.ops.logs import following
from bot.ops.metrics import Metrics, make_metrics
from bot.rounds import Woken
from bot.tasks import happens
from storage.begun import BegunLog
from storage.database import Database, Transaction
from storage.model import (
    Delivery,
    DeliveryId,
    DeliveryKind,
    Form,
    Outcome,
    Sent,
    Settlement,
    State,
    Unsure,
)

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0  # how long a duty that another process planned may go unnoticed
BUSY_SECONDS = 0.5  # the longest wait while requests are under way
GATHER_SECONDS = 0.15  # how long results are gathered while there are claims enough to go on with
STALE_SECONDS = 10.0  # how long a claim may wait for a slot: behind slow answers its lease would run out
COMPOSE_TRIES = 3
COMPOSE_WAIT_SECONDS = 5.0
RECOVER_SECONDS = 1.0  # between two looks for claims whose lease ran out


class Sender(Woken):
    """Sends what is in the outbox until it is told to stop."""

    def __init__(
        self,
        database: Database,
        messenger: Messenger,
        composer: Composer,
        pace: Pace,
        clock: Clock,
        policy: Policy,
        crash: Callable[[str], None] = lambda _: None,
        metrics: Metrics | None = None,
        begun: BegunLog | None = None,
    ) -> None:
        super().__init__()
        self._database = database
        self._messenger = messenger
        self._composer = composer
        self._pace = pace
        self._clock = clock
        self._policy = policy
        self._crash = crash
        self._metrics = metrics or make_metrics(CollectorRegistry(), version="")
        self._begun = begun
        spare = round(pace.spare * policy.slots)
        self._slots = Slots(policy.slots, self._try, self._may_go_on, spare=spare)
        self._ended: list[tuple[Delivery, Verdict]] = []
        self._trails: dict[DeliveryId, str] = {}
        self.breaker = Breaker()
        self.stopped: AllStopped | None = None
        self._stopped_until = 0.0
        self._recover_at = float("-inf")
        self.outcomes: Counter[str] = Counter()

    async def run(self) -> None:
        """Until `stop`; then it ends when what is in flight has ended or its time is over."""
        await self._pace.begin()
        while not self._stopping:
            self._news.clear()  # before the look: what comes up during it must not be slept through
            stale = self._clock.monotonic() - self._slots.oldest > STALE_SECONDS
            if stale or not self._may_go_on():
                self._hand_back()
            room = self._room()
            claimed = await self._turn(room)
            self._slots.fill(claimed)
            if self._slots.waiting or not claimed or len(claimed) < room or not self._room():
                await self._pause(idle=not claimed)
        await self._wind_down()

    async def _wind_down(self) -> None:
        self._hand_back()
        if late := await self._slots.wait(self._policy.stop_seconds):
            log.warning("%s requests got no answer in time; their lease decides", late)
        await self._turn(0)

    def _room(self) -> int:
        """How many duties may be claimed now."""
        now, busy = self._clock.monotonic(), self._slots.busy
        if now < self._stopped_until:
            return 0
        allowed = self.breaker.allowed(now, busy)
        if allowed is None and self.stopped is not None:
            allowed = 1 - busy
        room = self._slots.room if allowed is None else min(self._slots.free, allowed)
        return max(0, min(room, self._pace.budget() - self._slots.waiting))  # what waits has booked nothing

    def _may_go_on(self) -> bool:
        """Whether nothing speaks against sending one after another."""
        return not self._stopping and self.stopped is None and not self.breaker.open

    def _hand_back(self) -> None:
        """Let go of what was claimed beyond the slots: its requests are not made here, or not now."""
        reason = "no slot was free in time"
        self._ended.extend(
            (claimed.delivery, Verdict(_again(claimed.delivery, self._clock, 0, reason)))
            for claimed in self._slots.take_back()
        )

    async def _turn(self, room: int) -> Sequence[Claimed]:
        """One transaction: write what ended, claim what is due."""
        ended, self._ended = self._ended, []
        if not ended and not room:
            return []
        recovering = self._clock.monotonic() >= self._recover_at

        async def unit(tx: Transaction) -> Sequence[Claimed]:
            now = await tx.now(self._clock.now())
            if recovering:
                await tx.outbox.recover(now, resend=self._policy.on_unsure == "resend")
            if ended:
                await tx.outbox.settle([verdict.settlement for _, verdict in ended], now)
                self._crash("in-settle")
                await follow(tx, ended, now, self._policy.admins)
                for flood in (v.effect for _, v in ended if isinstance(v.effect, ChatFrozen)):
                    await self._pace.flooded_for_all(tx, flood.chat_id, flood.until, now)
            return await self._pace.claim(tx, room, now, self._policy.lease) if room else []

        self._crash_at(ended, room, "before-settle", "before-claim")
        try:
            # What an outcome means for a chat touches its subscriptions, which others write alone.
            alone = any(verdict.effect is not None for _, verdict in ended)
            claimed = await self._database.transact(unit, alone=alone)
        except BaseException:
            self._ended = ended + self._ended  # not written yet: the next turn writes them
            raise
        if self._begun is not None:
            self._begun.ended((delivery.id, delivery.token) for delivery, _ in ended)
        write_down(ended, self._trails)
        if recovering:
            self._recover_at = self._clock.monotonic() + RECOVER_SECONDS
        self._crash_at(ended, claimed, "after-settle", "after-claim")
        return claimed

    def _crash_at(self, ended: object, claimed: object, settle: str, claim: str) -> None:
        if ended:
            self._crash(settle)
        if claimed:
            self._crash(claim)

    async def _pause(self, *, idle: bool) -> None:
        """Wait for an end or for news; results gather a little, so that they are written together."""
        if self._slots.plenty:
            await self._slots.run_low(GATHER_SECONDS)
            return
        if not self._ended:
            idle = idle and not self._slots.busy
            if not await happens(self._news, await self._until_due() if idle else BUSY_SECONDS):
                return
        await asyncio.sleep(self._pace.linger)

    async def _until_due(self) -> float:
        due = await self._database.read(lambda tx: tx.outbox.next_due())
        if due is None:
            return IDLE_SECONDS
        # A duty that is due but was not claimed waits for the pacing or for an older one of its chat.
        return min(IDLE_SECONDS, max(0.05, (due - self._clock.now()).total_seconds()))

    async def _try(self, claimed: Claimed) -> None:
        delivery = claimed.delivery
        try:
            verdict = await self._attempt(claimed)
        except Exception as error:
            log.exception("delivery %s could not be tried", delivery.id)
            self._metrics.failed("delivery")
            verdict = Verdict(self._not_composed(delivery, f"it could not be written: {error!r}"))
        self._ended.append((delivery, verdict))
        self._news.set()

    def _not_composed(self, delivery: Delivery, reason: str) -> Settlement:
        """A message that cannot be made: perhaps the database was busy, so not at once the end of it."""
        if delivery.attempts >= COMPOSE_TRIES:
            return settled(delivery, State.FAILED, reason=reason)
        return replace(_again(delivery, self._clock, COMPOSE_WAIT_SECONDS, reason), counts=True)

    async def _attempt(self, claimed: Claimed) -> Verdict:
        delivery = claimed.delivery
        composed = await self._composer.compose(delivery)
        if composed is None:
            return Verdict(settled(delivery, State.CANCELLED, reason="there is nothing left to say"))
        self._trails[delivery.id] = composed.trail
        with following(composed.trail):
            return await self._deliver(claimed, composed)

    async def _deliver(self, claimed: Claimed, composed: Composed) -> Verdict:
        delivery = claimed.delivery
        asked_at = self._clock.monotonic()
        postponed = await self._pace.turn(claimed)
        if postponed is not None:
            return Verdict(_again(delivery, self._clock, postponed, "it was not its turn"))
        left_at = self._clock.monotonic()
        self._metrics.waited(left_at - asked_at)
        lease_left = claimed.at + self._policy.lease.total_seconds() - left_at
        if lease_left < self._policy.least_lease:
            return Verdict(_again(delivery, self._clock, 0, "its claim grew too old to start a request"))
        self._crash("before-request")
        if self._begun is not None:
            begins(self._begun, delivery.id, delivery.token)
        outcome = await self._send(delivery, composed)
        seconds = self._clock.monotonic() - left_at
        name = type(outcome).__name__.lower()
        self.outcomes[name] += 1
        self._metrics.tried(delivery.kind, name, seconds)
        self._crash("after-response")
        if self._begun is not None and isinstance(outcome, Sent):
            self._begun.sent(delivery.id, delivery.token, outcome.message_id)
        return self._judged(delivery, outcome, composed.message.form, left_at)

    async def _send(self, delivery: Delivery, composed: Composed) -> Outcome:
        to = address_of(delivery.destination)
        if delivery.kind is DeliveryKind.EDIT:
            message_id = int(delivery.text or 0)
            return await self._messenger.edit(to, message_id, composed.message)
        return await self._messenger.send(to, composed.message, reply_to=composed.reply_to)

    def _judged(self, delivery: Delivery, outcome: Outcome, form: Form, left_at: float) -> Verdict:
        now = self._clock.monotonic()
        if isinstance(outcome, Unsure):
            self.breaker.unanswered(now, left_at)
            log.warning("delivery %s may have been sent: %s", delivery.id, outcome.reason)
        else:
            self.breaker.answered()
        verdict = judge(delivery, outcome, self._clock.now(), form=form, on_unsure=self._policy.on_unsure)
        match verdict.effect:
            case ChatFrozen(chat_id, _, seconds):
                self._pace.flooded(chat_id, seconds)
            case RichMissing():
                self._composer.rich_is_missing()
            case AllStopped() as stop:
                self._stop_all(stop, now)
            case _:
                self.stopped = None
        return verdict

    def _stop_all(self, stop: AllStopped, now: float) -> None:
        self._stopped_until = now + stop.seconds
        if self.stopped is None:
            log.error("nothing is sent for %.0f s: %s", stop.seconds, stop.reason)
        self.stopped = stop


def _again(delivery: Delivery, clock: Clock, seconds: float, reason: str) -> Settlement:
    due = clock.now() + timedelta(seconds=seconds)
    return settled(delivery, State.PENDING, reason=reason, due_at=due, counts=False)

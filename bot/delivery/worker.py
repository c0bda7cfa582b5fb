"""Delivery worker: claims due deliveries, sends each with one request, settles them in batches."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from bot.delivery.circuit_breaker import CircuitBreaker
from bot.delivery.composer import ArchiveComposer, Composed
from bot.delivery.messenger import TelegramMessenger, address_of, is_answer
from bot.delivery.retry_policy import (
    AllStopped,
    ChatPaused,
    ChatSilent,
    Decision,
    DeliveryConfig,
    RichMissing,
    SideEffect,
    decide,
)
from bot.delivery.side_effects import SideEffects, SuspensionGuard
from bot.delivery.task_pool import TaskPool
from bot.ops.logging import correlate
from bot.ops.metrics import Metrics
from bot.rate_limit import ClaimedDelivery, Postponed
from bot.rate_limit.in_process import RateLimiter
from bot.supervisor import Wakeable, wait_for
from bot.telegram.http_request import SendGate
from storage.clock import Clock
from storage.database import Database, Transaction
from storage.model import (
    Delivery,
    DeliveryId,
    DeliveryKind,
    Form,
    InDoubt,
    Outcome,
    Pause,
    RetryLater,
    Sent,
    Settlement,
    State,
)
from storage.send_log import SendLog

log = logging.getLogger(__name__)


def log_outcomes(
    ended: Iterable[tuple[Delivery, Decision]], correlation_ids: MutableMapping[DeliveryId, str]
) -> None:
    """Log settled deliveries, each under its correlation id, which is removed from `trails`."""
    lines: dict[tuple[str, State], list[str]] = {}
    for delivery, decision in ended:
        settled = decision.settlement
        correlation_id = correlation_ids.pop(delivery.id, "")
        if settled.state is State.PENDING and not settled.counts and decision.side_effect is None:
            continue  # only postponed by the rate limit
        entry = f"delivery {delivery.id} to {delivery.destination.chat_id}"
        if settled.message_id is not None:
            entry += f" as message {settled.message_id}"
        if settled.reason is not None:
            entry += f" ({settled.reason})"
        lines.setdefault((correlation_id, settled.state), []).append(entry)
    for (correlation_id, state), entries in lines.items():
        with correlate(correlation_id):
            log.info("%s: %s", state, ", ".join(entries))


IDLE_SECONDS = 5.0  # the longest wait for a delivery that another process planned
BUSY_SECONDS = 0.5  # the longest wait while requests are in flight
FEW = 4  # less than a fourth of what waits is not worth the statements of a claim
SILENT_PROBES = 60  # to a chat, within about an hour, after which the operators hear of it
BROKEN_SECONDS = 5.0  # before a delivery is tried that the breaker held back
STALE_SECONDS = 10.0  # how long a claim may wait for a slot: behind slow answers its lease would run out
COMPOSE_TRIES = 3
COMPOSE_WAIT_SECONDS = 5.0
RECOVER_SECONDS = 1.0  # between two looks for claims whose lease ran out


@dataclass(frozen=True, slots=True)
class LoggedSendGate:
    """Gate that records the start of a claim's request in the send log; without a record it is not sent."""

    slot: SendGate
    send_log: SendLog
    delivery_id: DeliveryId
    token: str

    async def acquire(self) -> None:
        await self.slot.acquire()
        self.send_log.record_start(self.delivery_id, self.token)

    def mark_sent(self) -> None:
        self.slot.mark_sent()


class DeliveryWorker(Wakeable):
    """Sends the outbox until `stop`."""

    def __init__(
        self,
        database: Database,
        messenger: TelegramMessenger,
        composer: ArchiveComposer,
        limiter: RateLimiter,
        clock: Clock,
        policy: DeliveryConfig,
        crash: Callable[[str], None] = lambda _: None,
        metrics: Metrics | None = None,
        send_log: SendLog | None = None,
    ) -> None:
        super().__init__()
        self._database = database
        self._messenger = messenger
        self._composer = composer
        self._limiter = limiter
        self._clock = clock
        self._policy = policy
        self._crash = crash
        self._metrics = metrics or Metrics(CollectorRegistry(), version="")
        self._send_log = send_log
        # With several processes requests are marked before they start: half as many more wait for that.
        tasks = policy.slots * 3 // 2 if database.is_multi_process else policy.slots
        self._slots = TaskPool(tasks, self._try, self._may_go_on, clock)
        self._requests = asyncio.Semaphore(policy.slots)
        self._ended: list[tuple[Delivery, Decision]] = []
        self._correlation_ids: dict[DeliveryId, str] = {}
        self._guard = SuspensionGuard()
        self.breaker = CircuitBreaker()
        self.stopped: AllStopped | None = None
        self._stopped_until = 0.0
        self.last_turn = clock.monotonic()
        self._asked: tuple[datetime, float] | None = None  # the time of a database's own clock, and when
        self._claimed_to: datetime | None = None  # what was due then was claimed, or waits for an older one
        self._recover_at = float("-inf")
        self.outcomes: Counter[str] = Counter()

    async def run(self) -> None:
        """Run until `stop`, then until the requests in flight have ended or `stop_seconds` are over."""
        await self._limiter.start()
        in_doubt = await self._database.read(lambda tx: tx.outbox.chats_in_doubt())
        self.breaker.resume(self._clock.monotonic(), in_doubt)
        while not self._stopping:
            self._news.clear()  # before the claim: a wake-up during it must not be lost
            stale = self._clock.monotonic() - self._slots.oldest > STALE_SECONDS
            if stale or not self._may_go_on():
                self._hand_back()
            await self._probe_if_due()
            room = self._room()
            claimed = await self._turn(room)
            self.last_turn = self._clock.monotonic()
            self._slots.fill(claimed)
            if self._slots.waiting or not claimed or len(claimed) < room or not self._room():
                await self._pause(idle=not claimed)
        await self._wind_down()

    async def _wind_down(self) -> None:
        self._hand_back()
        if late := await self._slots.wait(self._policy.stop_seconds):
            log.warning("%s requests are still unanswered at the stop; their leases expire", late)
        await self._turn(0)

    async def _probe_if_due(self) -> None:
        """Ask whether the server answers, while the breaker is open and its pause is over."""
        now = self._clock.monotonic()
        if not self.breaker.is_open or self._opens_in(now) > 0:
            return
        answered = is_answer(await self._messenger.probe())
        self.breaker.record_probe(self._clock.monotonic(), answered=answered)

    def _opens_in(self, now: float) -> float:
        return self.breaker.opens_in(now, self._limiter.answered_at)

    def _room(self) -> int:
        """Return how many deliveries may be claimed now."""
        now, busy = self._clock.monotonic(), self._slots.busy
        if now < self._stopped_until:
            return 0
        allowed = self.breaker.free_slots()
        if allowed is None and self.stopped is not None:
            allowed = 1 - busy
        room = self._slots.room if allowed is None else min(self._slots.free, allowed)
        waiting = self._slots.waiting  # these have booked nothing
        room = max(0, min(room, self._limiter.budget() - waiting))
        return room if FEW * room >= waiting else 0

    def _may_go_on(self) -> bool:
        """Return whether neither a stop, a pause of the whole bot nor the breaker holds sending."""
        return not self._stopping and self.stopped is None and self.breaker.is_closed

    def _hand_back(self) -> None:
        """Return claims without a slot to the outbox; their requests were not made."""
        reason = "no slot was free in time"
        self._ended.extend(
            (claimed.delivery, self._again(claimed.delivery, 0, reason))
            for claimed in self._slots.take_back()
        )

    async def _turn(self, room: int) -> Sequence[ClaimedDelivery]:
        """Settle ended deliveries and claim due ones, in one transaction or a statement for each."""
        ended, self._ended = self._ended, []
        if not ended and not room:
            return []
        recovering = self._clock.monotonic() >= self._recover_at

        async def unit(tx: Transaction) -> Sequence[ClaimedDelivery]:
            if recovering and self._database.is_multi_process:
                self._asked = await tx.now(self._clock.now()), self._clock.monotonic()
            now = self._now()
            if recovering:
                await tx.outbox.recover(
                    now, resend=self._policy.on_unsure == "resend", quiet=self._policy.quiet
                )
            if ended:
                await self._limiter.settle(tx)
                await tx.outbox.settle([decision.settlement for _, decision in ended], now)
                self._crash("in-settle")
                await SideEffects(
                    tx=tx,
                    now=now,
                    monotonic=self._clock.monotonic(),
                    admins=self._policy.admins,
                    guard=self._guard,
                ).apply(ended)
                for flood in (v.side_effect for _, v in ended if isinstance(v.side_effect, ChatPaused)):
                    await self._limiter.pause_chat_for_all(tx, flood.chat_id, flood.until, now)
            claimed = await self._limiter.claim(tx, room, now, self._policy.lease) if room else []
            self._claimed_to = now if len(claimed) < room else None
            return claimed

        self._crash_at(ended, room, "before-settle", "before-claim")
        try:
            # Side effects write subscriptions, as exclusive transactions do.
            alone = any(
                decision.side_effect is not None or decision.settlement.state is State.UNCERTAIN
                for _, decision in ended
            )
            claimed = await self._database.write(unit, exclusive=alone, autocommit=not alone)
        except BaseException:
            self._ended = ended + self._ended  # not settled yet: the next transaction settles them
            raise
        await self._limiter.committed(claimed)
        if self._send_log is not None:
            self._send_log.ended((delivery.id, delivery.token) for delivery, _ in ended)
        log_outcomes(ended, self._correlation_ids)
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
        """Wait for an end or for new deliveries; results gather briefly to be settled in one batch."""
        if self._slots.plenty:
            await self._slots.run_low(self._limiter.gather)
            return
        if not self._ended:
            idle = idle and not self._slots.busy
            if not await wait_for(self._news, await self._until_due() if idle else BUSY_SECONDS):
                return
        await asyncio.sleep(self._limiter.linger)

    async def _until_due(self) -> float:
        now = self._clock.monotonic()
        if self.breaker.is_open or now < self._stopped_until:
            return min(IDLE_SECONDS, max(0.05, self._opens_in(now), self._stopped_until - now))
        due = await self._database.read(lambda tx: tx.outbox.next_due(self._claimed_to))
        if due is None:
            return IDLE_SECONDS
        return min(IDLE_SECONDS, max(0.05, (due - self._now()).total_seconds()))

    async def _try(self, claimed: ClaimedDelivery) -> None:
        delivery = claimed.delivery
        try:
            decision = await self._attempt(claimed)
        except Exception as error:
            log.exception("delivery %s could not be sent", delivery.id)
            self._metrics.failed("delivery")
            self.breaker.withdraw(delivery.destination.chat_id)
            decision = self._not_composed(delivery, f"the message could not be rendered: {error!r}")
        self._ended.append((delivery, decision))
        self._news.set()

    def _not_composed(self, delivery: Delivery, reason: str) -> Decision:
        """Return the decision on a delivery that could not be rendered: a retry, then failed."""
        if delivery.attempts >= COMPOSE_TRIES:
            return Decision(Settlement(delivery.id, delivery.token, State.FAILED, reason=reason))
        return self._again(delivery, COMPOSE_WAIT_SECONDS, reason, counts=True)

    async def _attempt(self, claimed: ClaimedDelivery) -> Decision:
        delivery, reason = claimed.delivery, "its content no longer exists"
        composed = await self._composer.compose(delivery)
        if delivery.kind is DeliveryKind.EDIT and delivery.message_id is None:
            composed, reason = None, "the message to edit is not known"
        if composed is None:
            return Decision(Settlement(delivery.id, delivery.token, State.CANCELLED, reason=reason))
        self._correlation_ids[delivery.id] = composed.correlation_id
        with correlate(composed.correlation_id):
            return await self._deliver(claimed, composed)

    async def _deliver(self, claimed: ClaimedDelivery, composed: Composed) -> Decision:
        delivery = claimed.delivery
        asked_at = self._clock.monotonic()
        chat_id = delivery.destination.chat_id
        if not self.breaker.admits(asked_at, chat_id, in_doubt=delivery.unsure > 0):
            wait = BROKEN_SECONDS if self.breaker.holds(chat_id) or delivery.unsure else BUSY_SECONDS
            return self._again(delivery, wait, "it waits for an answered request")
        if delivery.unsure or self.breaker.tries(chat_id):
            held = await self._probe_chat(delivery, composed.message.form)
            if held is not None:
                return held
        slot = await self._limiter.acquire(claimed)
        if isinstance(slot, Postponed):
            self.breaker.withdraw(chat_id)
            return self._again(delivery, slot.seconds, "postponed by the rate limit")
        left_at = self._clock.monotonic()
        self._metrics.waited(left_at - asked_at)
        if self._send_log is not None:
            slot = LoggedSendGate(slot, self._send_log, delivery.id, delivery.token)
        async with self._requests:
            left_at = self._clock.monotonic()
            if not (self.breaker.is_closed or self.breaker.tries(chat_id)):
                return self._again(delivery, BUSY_SECONDS, "it waits for an answered request")
            lease_left = claimed.at + self._policy.lease.total_seconds() - left_at
            if lease_left < self._policy.least_lease:
                self.breaker.withdraw(chat_id)
                return self._again(delivery, 0, "its claim is too old to start a request")
            self._crash("before-request")
            outcome = await self._send(delivery, composed, slot)
        seconds = self._clock.monotonic() - left_at
        name = outcome.LABEL
        self.outcomes[name] += 1
        self._metrics.tried(delivery.kind, name, seconds)
        self._crash("after-response")
        if self._send_log is not None and isinstance(outcome, Sent):
            self._send_log.record_sent(delivery.id, delivery.token, outcome.message_id)
        return self._decided(delivery, outcome, composed.message.form)

    async def _probe_chat(self, delivery: Delivery, form: Form) -> Decision | None:
        """Ask whether the server answers for the delivery's chat; None if the delivery may be sent."""
        chat_id = delivery.destination.chat_id
        outcome = await self._messenger.probe(chat_id)
        if not is_answer(outcome):
            silence = self.breaker.record_silence(self._clock.monotonic(), chat_id)
            effect = ChatSilent() if silence.failures == SILENT_PROBES else None
            return self._again(delivery, silence.delay, "the server does not answer for this chat", effect)
        if isinstance(outcome, RetryLater) and outcome.flood:
            self.breaker.withdraw(chat_id)
            self._limiter.pause_chat(chat_id, outcome.seconds)
            return decide(delivery, outcome, self._now(), form=form, on_unsure=self._policy.on_unsure)
        return None

    async def _send(self, delivery: Delivery, composed: Composed, gate: SendGate) -> Outcome:
        to = address_of(delivery.destination)
        if delivery.message_id is not None:
            return await self._messenger.edit(to, delivery.message_id, composed.message, gate=gate)
        return await self._messenger.send(to, composed.message, reply_to=composed.reply_to, gate=gate)

    def _decided(self, delivery: Delivery, outcome: Outcome, form: Form) -> Decision:
        now, chat_id = self._clock.monotonic(), delivery.destination.chat_id
        if isinstance(outcome, InDoubt):
            self.breaker.record_failure(now, chat_id)
            log.warning("delivery %s may have been sent: %s", delivery.id, outcome.reason)
        elif isinstance(outcome, RetryLater) and outcome.pause in (Pause.NONE, Pause.BOT):
            self.breaker.withdraw(chat_id)  # it was not sent
        else:
            self.breaker.record_success()
        if isinstance(outcome, Sent):
            self._limiter.record_success(chat_id)
        decision = decide(delivery, outcome, self._now(), form=form, on_unsure=self._policy.on_unsure)
        match decision.side_effect:
            case ChatPaused(_, _, seconds):
                self._limiter.pause_chat(chat_id, seconds)
            case RichMissing():
                self._composer.rich_is_missing()
            case AllStopped() as stop:
                self._stop_all(stop, now)
            case _:
                self.stopped = None
        return decision

    def _now(self) -> datetime:
        """Return the database's time, by which deliveries are due."""
        if self._asked is None:
            return self._clock.now()
        at, monotonic = self._asked
        return at + timedelta(seconds=self._clock.monotonic() - monotonic)

    def _again(
        self,
        delivery: Delivery,
        seconds: float,
        reason: str,
        effect: SideEffect | None = None,
        *,
        counts: bool = False,
    ) -> Decision:
        """Return the decision on a delivery that was not sent and is due again after `seconds`."""
        due = self._now() + timedelta(seconds=seconds)
        settlement = Settlement(
            delivery.id, delivery.token, State.PENDING, reason=reason, due_at=due, counts=counts
        )
        return Decision(settlement, effect)

    def _stop_all(self, stop: AllStopped, now: float) -> None:
        self._stopped_until = now + stop.seconds
        if self.stopped is None:
            log.error("nothing is sent for %.0f s: %s", stop.seconds, stop.reason)
        self.stopped = stop

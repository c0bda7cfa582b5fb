"""Side effects of delivery outcomes: on chats, topics and operator notices."""

from collections import deque
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from bot.delivery.admin_notices import (
    ChatsSuspended,
    DeliveryFailed,
    DestinationRefuses,
    FanOutRecovered,
    FanOutRefused,
    LostTopic,
    Notice,
    Uncertain,
    encode,
)
from bot.delivery.retry_policy import (
    FIRST_CHAT_WAIT,
    LONGEST_CHAT_WAIT,
    REFUSALS,
    REFUSED_FOR,
    AllStopped,
    ChatGone,
    ChatMoved,
    ChatPaused,
    ChatRefused,
    Decision,
    RichMissing,
    SideEffect,
    TopicGone,
)
from storage.clock import Backoff
from storage.database import Transaction
from storage.model import Delivery, DeliveryKind, Destination, Standing, State

SUMMARY_AFTER = timedelta(seconds=5)  # so that a notice counts all that ended together
WINDOW_SECONDS = 60.0
LEAST = 3  # chats, below which any share may be true


@dataclass(slots=True)
class SuspensionGuard:
    """Chats that were reported gone within the last minute, by the fan-out whose message they refused.

    A fault of the server looks like many chats that are gone.
    """

    _gone: deque[tuple[float, str, int]] = field(default_factory=deque)

    def record(self, now: float, fan_out: str, chat_id: int) -> frozenset[int]:
        """Record that `chat_id` is reported gone; return all such chats of this fan-out."""
        self._gone.append((now, fan_out, chat_id))
        while self._gone[0][0] <= now - WINDOW_SECONDS:
            self._gone.popleft()
        return frozenset(chat for _, name, chat in self._gone if name == fan_out)


def is_mass(gone: int, fan_out: int) -> bool:
    """Return whether so many of a fan-out's chats may not be suspended: more than a third."""
    return gone >= LEAST and 3 * gone > fan_out


@dataclass(slots=True)
class SideEffects:
    """Applies side effects in the transaction that settles their deliveries."""

    admins: tuple[int, ...]
    guard: SuspensionGuard = field(default_factory=SuspensionGuard)
    _refused: set[int] = field(default_factory=set)  # the chats of refused fan-outs
    _refusing: set[int] = field(default_factory=set)  # those of them that have received nothing since

    async def apply(
        self, tx: Transaction, ended: Sequence[tuple[Delivery, Decision]], now: datetime, monotonic: float
    ) -> None:
        """Apply the side effects of these decisions; `monotonic` is `now` in this process's seconds."""
        for delivery, decision in ended:
            await self._apply_state(tx, delivery, decision, now)
            await self._apply_effect(tx, delivery, decision.side_effect, now, monotonic)
        arrived = [to.destination for to, each in ended if each.settlement.state is State.SENT]
        for destination in arrived:
            if destination.standing is Standing.GONE:
                await tx.destinations.reactivate(destination)
        await self._recovered(tx, {to.chat_id for to in arrived}, now)
        if forgiven := {destination.id for destination in arrived if destination.refusals}:
            await tx.destinations.accepted(forgiven)

    async def _apply_state(
        self, tx: Transaction, delivery: Delivery, decision: Decision, now: datetime
    ) -> None:
        """Plan the notices of deliveries that ended without an arrival."""
        settled = decision.settlement
        if settled.state is State.UNCERTAIN:
            await self._notify(tx, f"uncertain:{now:%Y-%m-%dT%H}", Uncertain(), now + SUMMARY_AFTER)
        edit, alone = delivery.kind is DeliveryKind.EDIT, decision.side_effect is None
        if settled.state is State.FAILED and alone and not edit:
            # One notice for a post, not one for each chat.
            what = "-".join(map(str, delivery.post_ids)) or delivery.kind
            await self._notify(tx, f"failed:{what}", DeliveryFailed(settled.reason or ""), now)

    async def _apply_effect(
        self, tx: Transaction, delivery: Delivery, effect: SideEffect | None, now: datetime, monotonic: float
    ) -> None:
        match effect:
            case None | RichMissing() | AllStopped():
                pass
            case ChatGone(_, reason):
                await self._chat_gone(tx, delivery, reason, now, monotonic)
            case ChatMoved(old, new):
                await tx.destinations.migrate_chat(old, new)
            case ChatPaused(chat_id, until, _):
                await tx.destinations.freeze(chat_id, until)
                await tx.outbox.postpone_chat(chat_id, until)
            case ChatRefused(reason):
                await self._refused_by(tx, delivery, reason, now, monotonic)
            case TopicGone(reason):
                await self._topic_gone(tx, delivery.destination, reason, now)
            case _:
                assert_never(effect)

    async def _chat_gone(
        self, tx: Transaction, delivery: Delivery, reason: str, now: datetime, monotonic: float
    ) -> None:
        """Suspend the chat, unless more than a third of its fan-out is reported gone: then none is."""
        chat_id = delivery.destination.chat_id
        gone, total = await self._reported(tx, delivery, monotonic)
        if not is_mass(len(gone), total):
            await tx.destinations.gone(chat_id, reason)
            await tx.outbox.cancel_chat(chat_id, reason, now)
            await self._suspended(tx, now)
            return
        since = now - timedelta(seconds=2 * WINDOW_SECONDS)
        again = now + timedelta(seconds=Backoff(FIRST_CHAT_WAIT, LONGEST_CHAT_WAIT, delivery.attempts).delay)
        for each in gone:
            await tx.destinations.returned(each)
            await tx.outbox.resume_chat(each, since, now, again)
        await self._fan_out_refused(tx, delivery, gone, total, reason, now)

    async def _refused_by(
        self, tx: Transaction, delivery: Delivery, reason: str, now: datetime, monotonic: float
    ) -> None:
        """Count the refusal of this destination; suspend it alone, after enough of them over a day."""
        to = delivery.destination
        refusals = await tx.destinations.refused(to.id)
        gone, total = await self._reported(tx, delivery, monotonic)
        if is_mass(len(gone), total):
            await self._fan_out_refused(tx, delivery, gone, total, reason, now)
            return
        if refusals < REFUSALS:
            return
        since = await tx.destinations.refused_since(to.id)
        if since is not None and now - since >= REFUSED_FOR:
            await tx.destinations.suspend(to.id, reason)
            await tx.outbox.cancel([to.id], reason, now)
            await self._suspended(tx, now)
        elif refusals == REFUSALS:
            notice = DestinationRefuses(to.title, reason)
            await self._notify(tx, f"refuses:{to.id}:{now:%Y-%m-%d}", notice, now)

    async def _reported(
        self, tx: Transaction, delivery: Delivery, monotonic: float
    ) -> tuple[frozenset[int], int]:
        """Return the chats of the delivery's fan-out that are reported gone, and the fan-out's size."""
        gone = self.guard.record(monotonic, delivery.dedup_key, delivery.destination.chat_id)
        if not is_mass(len(gone), 0):
            return gone, 0
        if delivery.kind is DeliveryKind.POST and delivery.post_ids:
            return gone, await tx.outbox.fan_out(delivery.post_ids[0])
        return gone, await tx.destinations.subscribers() + len(gone)

    async def _topic_gone(self, tx: Transaction, topic: Destination, reason: str, now: datetime) -> None:
        await tx.destinations.move_topic_to_chat(topic.id)
        lost = LostTopic(topic.title, topic.thread_id or 0, reason)
        await self._notify(tx, f"topic:{topic.id}", lost, now)

    async def _fan_out_refused(
        self,
        tx: Transaction,
        delivery: Delivery,
        refused: frozenset[int],
        total: int,
        reason: str,
        now: datetime,
    ) -> None:
        self._refused |= refused
        self._refusing |= refused
        notice = FanOutRefused(len(refused), total, reason)
        await self._notify(tx, f"fan-out:{delivery.dedup_key}", notice, now)

    async def _recovered(self, tx: Transaction, arrived: Set[int], now: datetime) -> None:
        """Plan a notice once two thirds of the chats that refused a fan-out have received a message."""
        self._refusing -= arrived
        if self._refused and 3 * len(self._refusing) <= len(self._refused):
            notice = FanOutRecovered(len(self._refused) - len(self._refusing))
            self._refused.clear()
            self._refusing.clear()
            await self._notify(tx, f"fan-out recovered:{now:%Y-%m-%dT%H:%M}", notice, now)

    async def _suspended(self, tx: Transaction, now: datetime) -> None:
        """Plan one summary of suspended chats an hour."""
        await self._notify(tx, f"suspended:{now:%Y-%m-%dT%H}", ChatsSuspended(), now + SUMMARY_AFTER)

    async def _notify(self, tx: Transaction, key: str, notice: Notice, due_at: datetime) -> None:
        await tx.planner.notify_chats(self.admins, f"notice:{key}", encode(notice), due_at)

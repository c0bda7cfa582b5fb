"""Side effects of delivery outcomes: on chats, topics and operator notices."""

import json
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from bot.delivery.admin_notices import (
    ChatsSilent,
    ChatsSuspended,
    DeliveryFailed,
    DestinationRefuses,
    FanOutRecovered,
    FanOutRefused,
    LostTopic,
    Notice,
    Uncertain,
    encode,
    is_mass,
)
from bot.delivery.retry_policy import (
    FIRST_CHAT_WAIT,
    LONGEST_WAIT,
    REFUSALS,
    REFUSED_FOR,
    AllStopped,
    ChatGone,
    ChatMoved,
    ChatPaused,
    ChatRefused,
    ChatSilent,
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
REFUSED_KEY = "refused fan-out"  # of the key-value row that outlives restarts


MANY = 50  # refusals within the window, from which on a third of what was tried in it is enough


@dataclass(slots=True)
class SuspensionGuard:
    """What became of each fan-out's messages within the last minute.

    A fault of the server looks like many chats that are gone.
    """

    _ended: deque[tuple[float, str, int]] = field(default_factory=deque)  # the chat, 0 where it arrived

    def record(self, now: float, fan_out: str, chat_id: int = 0) -> None:
        """Record that a message arrived, or that `chat_id` is reported gone."""
        self._ended.append((now, fan_out, chat_id))
        while self._ended[0][0] <= now - WINDOW_SECONDS:
            self._ended.popleft()

    def gone(self, fan_out: str) -> frozenset[int]:
        """Return the chats of this fan-out that are reported gone."""
        return frozenset(chat for _, name, chat in self._ended if chat and name == fan_out)

    def is_flooding(self, fan_out: str) -> bool:
        """Return whether many chats are reported gone, and more than a third of those just tried."""
        gone = len(self.gone(fan_out))
        return gone >= MANY and 3 * gone > sum(name == fan_out for _, name, _ in self._ended)


@dataclass(slots=True)
class SideEffects:
    """Applies side effects in the transaction that settles their deliveries."""

    admins: tuple[int, ...]
    guard: SuspensionGuard = field(default_factory=SuspensionGuard)

    async def apply(
        self, tx: Transaction, ended: Sequence[tuple[Delivery, Decision]], now: datetime, monotonic: float
    ) -> None:
        """Apply the side effects of these decisions; `monotonic` is `now` in this process's seconds."""
        for delivery, decision in ended:
            await self._apply_state(tx, delivery, decision, now)
            await self._apply_effect(tx, delivery, decision.side_effect, now, monotonic)
        sent = [delivery for delivery, each in ended if each.settlement.state is State.SENT]
        arrived = [delivery.destination for delivery in sent]
        for destination in arrived:
            if destination.standing is Standing.GONE:
                await tx.destinations.reactivate(destination)
        for delivery in sent:
            self.guard.record(monotonic, delivery.dedup_key)
        if retried := {delivery.dedup_key for delivery in sent if delivery.attempts > 1}:
            await self._recovered(tx, retried, now)
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
            case ChatSilent():
                await self._notify(tx, f"silent:{now:%Y-%m-%dT%H}", ChatsSilent(), now + SUMMARY_AFTER)
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
        if not self._is_mass(delivery, gone, total):
            await tx.destinations.gone(chat_id, reason)
            await tx.outbox.cancel_chat(chat_id, reason, now)
            await self._suspended(tx, now)
            return
        since = now - timedelta(seconds=2 * WINDOW_SECONDS)
        again = now + timedelta(seconds=Backoff(FIRST_CHAT_WAIT, LONGEST_WAIT, delivery.attempts).delay)
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
        if self._is_mass(delivery, gone, total):
            await self._fan_out_refused(tx, delivery, gone, total, reason, now)
            return
        if refusals < REFUSALS:
            return
        since = await tx.destinations.refused_since(to.id)
        if since is not None and now - since >= REFUSED_FOR:
            if is_mass(await tx.outbox.refused(delivery.dedup_key), await self._size(tx, delivery)):
                return  # the retries of so many take longer than the window
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
        self.guard.record(monotonic, delivery.dedup_key, delivery.destination.chat_id)
        gone = self.guard.gone(delivery.dedup_key)
        return gone, await self._size(tx, delivery) if is_mass(len(gone), 0) else 0

    async def _size(self, tx: Transaction, delivery: Delivery) -> int:
        """Return how many destinations the delivery's fan-out has."""
        if delivery.kind is DeliveryKind.POST and delivery.post_ids:
            return await tx.outbox.fan_out(delivery.post_ids[0])
        return await tx.destinations.subscribers()

    def _is_mass(self, delivery: Delivery, gone: Collection[int], total: int) -> bool:
        return is_mass(len(gone), total) or self.guard.is_flooding(delivery.dedup_key)

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
        fan_out, told_at = delivery.dedup_key, now + SUMMARY_AFTER
        before, most, at, is_hastened = await self._refused_fan_out(tx)
        row = [fan_out, len(refused), told_at.isoformat(), False]
        if before == fan_out:
            row = [fan_out, max(most, len(refused)), at, is_hastened]
        await tx.key_values.put(REFUSED_KEY, json.dumps(row))
        notice = FanOutRefused(len(refused), total, reason, fan_out)
        await self._notify(tx, f"fan-out:{fan_out}", notice, told_at)

    async def _refused_fan_out(self, tx: Transaction) -> tuple[str, int, str, bool]:
        """Return the dedup key, the refusals, the notice's time, and whether the retries were hastened."""
        kept = await tx.key_values.get(REFUSED_KEY)
        return tuple(json.loads(kept)) if kept else ("", 0, "", False)

    async def _recovered(self, tx: Transaction, retried: Collection[str], now: datetime) -> None:
        """Hasten the retries of a refused fan-out once one of its chats has received a message.

        Plan a notice once at most a third of the chats refuses it.
        """
        fan_out, refused, told_at, is_hastened = await self._refused_fan_out(tx)
        if fan_out not in retried:
            return
        refusing = await tx.outbox.refused(fan_out)
        is_over = 3 * refusing <= refused
        if is_over or not is_hastened:
            await tx.outbox.hasten(fan_out, now)
            await tx.key_values.put(REFUSED_KEY, json.dumps([fan_out, refused, told_at, True]))
        if not is_over:
            return
        await tx.key_values.remove(REFUSED_KEY)
        if now > datetime.fromisoformat(told_at):
            notice = FanOutRecovered(refused, fan_out)
            await self._notify(tx, f"fan-out recovered:{fan_out}", notice, now + SUMMARY_AFTER)

    async def _suspended(self, tx: Transaction, now: datetime) -> None:
        """Plan one summary of suspended chats an hour."""
        await self._notify(tx, f"suspended:{now:%Y-%m-%dT%H}", ChatsSuspended(), now + SUMMARY_AFTER)

    async def _notify(self, tx: Transaction, key: str, notice: Notice, due_at: datetime) -> None:
        await tx.planner.notify_chats(self.admins, f"notice:{key}", encode(notice), due_at)

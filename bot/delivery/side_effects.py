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
    _suspended: deque[tuple[float, str, int]] = field(default_factory=deque)

    def suspend(self, now: float, fan_out: str, chat_id: int) -> None:
        """Record that this chat is suspended."""
        self._suspended.append((now, fan_out, chat_id))

    def suspended(self, now: float, fan_out: str) -> frozenset[int]:
        """Return the chats that were suspended in this fan-out."""
        while self._suspended and self._suspended[0][0] <= now - WINDOW_SECONDS:
            self._suspended.popleft()
        return frozenset(chat for _, name, chat in self._suspended if name == fan_out)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEffects:
    """Applies side effects in the transaction that settles their deliveries.

    `monotonic` is `now` in this process's seconds.
    """

    tx: Transaction
    now: datetime
    monotonic: float
    admins: tuple[int, ...]
    guard: SuspensionGuard

    async def apply(self, ended: Sequence[tuple[Delivery, Decision]]) -> None:
        """Apply the side effects of these decisions."""
        for delivery, decision in ended:
            await self._apply_state(delivery, decision)
            await self._apply_effect(delivery, decision.side_effect)
        sent = [delivery for delivery, each in ended if each.settlement.state is State.SENT]
        arrived = [delivery.destination for delivery in sent]
        for destination in arrived:
            if destination.standing is Standing.GONE:
                await self.tx.destinations.reactivate(destination)
        for delivery in sent:
            self.guard.record(self.monotonic, delivery.dedup_key)
        if retried := {delivery.dedup_key for delivery in sent if delivery.attempts > 1}:
            await self._recovered(retried)
        if forgiven := {destination.id for destination in arrived if destination.refusals}:
            await self.tx.destinations.accepted(forgiven)

    async def _apply_state(self, delivery: Delivery, decision: Decision) -> None:
        """Plan the notices of deliveries that ended without an arrival."""
        settled = decision.settlement
        if settled.state is State.UNCERTAIN:
            await self._notify(f"uncertain:{self.now:%Y-%m-%dT%H}", Uncertain(), self.now + SUMMARY_AFTER)
        edit, alone = delivery.kind is DeliveryKind.EDIT, decision.side_effect is None
        if settled.state is State.FAILED and alone and not edit:
            # One notice for a post, not one for each chat.
            what = "-".join(map(str, delivery.post_ids)) or delivery.kind
            await self._notify(f"failed:{what}", DeliveryFailed(settled.reason or ""), self.now)

    async def _apply_effect(self, delivery: Delivery, effect: SideEffect | None) -> None:
        match effect:
            case None | RichMissing() | AllStopped():
                pass
            case ChatGone(_, reason):
                await self._chat_gone(delivery, reason)
            case ChatMoved(old, new):
                await self.tx.destinations.migrate_chat(old, new)
            case ChatPaused(chat_id, until, _):
                await self.tx.destinations.freeze(chat_id, until)
                await self.tx.outbox.postpone_chat(chat_id, until)
            case ChatRefused(reason):
                await self._refused_by(delivery, reason)
            case ChatSilent():
                await self._notify(f"silent:{self.now:%Y-%m-%dT%H}", ChatsSilent(), self.now + SUMMARY_AFTER)
            case TopicGone(reason):
                await self._topic_gone(delivery.destination, reason)
            case _:
                assert_never(effect)

    async def _chat_gone(self, delivery: Delivery, reason: str) -> None:
        """Suspend the chat, unless more than a third of its fan-out is reported gone: then none is."""
        chat_id = delivery.destination.chat_id
        gone, total = await self._reported(delivery)
        if not self._is_mass(delivery, gone, total):
            await self.tx.destinations.gone(chat_id, reason)
            await self.tx.outbox.cancel_chat(chat_id, reason, self.now)
            self.guard.suspend(self.monotonic, delivery.dedup_key, chat_id)
            await self._suspended()
            return
        since = self.now - timedelta(seconds=2 * WINDOW_SECONDS)
        again = self.now + timedelta(seconds=Backoff(FIRST_CHAT_WAIT, LONGEST_WAIT, delivery.attempts).delay)
        back = {*self.guard.suspended(self.monotonic, delivery.dedup_key), chat_id}
        await self.tx.destinations.returned(*back)
        await self.tx.outbox.resume_chats(back, since, self.now, again)
        await self._fan_out_refused(delivery, gone, total, reason)

    async def _refused_by(self, delivery: Delivery, reason: str) -> None:
        """Count the refusal of this destination; suspend it alone, after enough of them over a day."""
        to = delivery.destination
        refusals = await self.tx.destinations.refused(to.id)
        gone, total = await self._reported(delivery)
        if self._is_mass(delivery, gone, total):
            await self._fan_out_refused(delivery, gone, total, reason)
            return
        if refusals < REFUSALS:
            return
        since = await self.tx.destinations.refused_since(to.id)
        if since is not None and self.now - since >= REFUSED_FOR:
            if is_mass(await self.tx.outbox.refused(delivery.dedup_key), await self._size(delivery)):
                return  # the retries of so many take longer than the window
            await self.tx.destinations.suspend(to.id, reason)
            await self.tx.outbox.cancel([to.id], reason, self.now)
            await self._suspended()
        elif refusals == REFUSALS:
            notice = DestinationRefuses(to.title, reason)
            await self._notify(f"refuses:{to.id}:{self.now:%Y-%m-%d}", notice, self.now)

    async def _reported(self, delivery: Delivery) -> tuple[frozenset[int], int]:
        """Return the chats of the delivery's fan-out that are reported gone, and the fan-out's size."""
        self.guard.record(self.monotonic, delivery.dedup_key, delivery.destination.chat_id)
        gone = self.guard.gone(delivery.dedup_key)
        return gone, await self._size(delivery) if is_mass(len(gone), 0) else 0

    async def _size(self, delivery: Delivery) -> int:
        """Return how many destinations the delivery's fan-out has."""
        if delivery.kind is DeliveryKind.POST and delivery.post_ids:
            return await self.tx.outbox.fan_out(delivery.post_ids[0])
        return await self.tx.destinations.subscribers()

    def _is_mass(self, delivery: Delivery, gone: Collection[int], total: int) -> bool:
        return is_mass(len(gone), total) or self.guard.is_flooding(delivery.dedup_key)

    async def _topic_gone(self, topic: Destination, reason: str) -> None:
        await self.tx.destinations.move_topic_to_chat(topic.id)
        lost = LostTopic(topic.title, topic.thread_id or 0, reason)
        await self._notify(f"topic:{topic.id}", lost, self.now)

    async def _fan_out_refused(
        self, delivery: Delivery, refused: frozenset[int], total: int, reason: str
    ) -> None:
        fan_out, told_at = delivery.dedup_key, self.now + SUMMARY_AFTER
        before, most, at, is_hastened = await self._refused_fan_out()
        row = [fan_out, len(refused), told_at.isoformat(), False]
        if before == fan_out:
            row = [fan_out, max(most, len(refused)), at, is_hastened]
        await self.tx.key_values.put(REFUSED_KEY, json.dumps(row))
        notice = FanOutRefused(len(refused), total, reason, fan_out)
        await self._notify(f"fan-out:{fan_out}", notice, told_at)

    async def _refused_fan_out(self) -> tuple[str, int, str, bool]:
        """Return the dedup key, the refusals, the notice's time, and whether the retries were hastened."""
        kept = await self.tx.key_values.get(REFUSED_KEY)
        return tuple(json.loads(kept)) if kept else ("", 0, "", False)

    async def _recovered(self, retried: Collection[str]) -> None:
        """Hasten the retries of a refused fan-out once one of its chats has received a message.

        Plan a notice once at most a third of the chats refuses it.
        """
        fan_out, refused, told_at, is_hastened = await self._refused_fan_out()
        if fan_out not in retried:
            return
        refusing = await self.tx.outbox.refused(fan_out)
        is_over = 3 * refusing <= refused
        if is_over or not is_hastened:
            await self.tx.outbox.hasten(fan_out, self.now)
            await self.tx.key_values.put(REFUSED_KEY, json.dumps([fan_out, refused, told_at, True]))
        if not is_over:
            return
        await self.tx.key_values.remove(REFUSED_KEY)
        if self.now > datetime.fromisoformat(told_at):
            notice = FanOutRecovered(refused, fan_out)
            await self._notify(f"fan-out recovered:{fan_out}", notice, self.now + SUMMARY_AFTER)

    async def _suspended(self) -> None:
        """Plan one summary of suspended chats an hour."""
        await self._notify(f"suspended:{self.now:%Y-%m-%dT%H}", ChatsSuspended(), self.now + SUMMARY_AFTER)

    async def _notify(self, key: str, notice: Notice, due_at: datetime) -> None:
        await self.tx.planner.notify_chats(self.admins, f"notice:{key}", encode(notice), due_at)

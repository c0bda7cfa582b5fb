"""Side effects of delivery outcomes: on chats, topics and operator notices."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from bot.delivery.admin_notices import DeliveryFailed, encode
from bot.delivery.admin_notices import TopicLost as LostTopic
from bot.delivery.retry_policy import (
    REFUSALS,
    AllStopped,
    ChatGone,
    ChatMoved,
    ChatPaused,
    ChatRefused,
    Decision,
    RichMissing,
    TopicGone,
)
from storage.database import Transaction
from storage.model import Delivery, Destination, State


async def apply_side_effects(
    tx: Transaction, ended: Sequence[tuple[Delivery, Decision]], now: datetime, admins: tuple[int, ...]
) -> None:
    """Apply the side effects of these decisions in the transaction that settles their rows."""
    arrived: list[Destination] = []
    for delivery, decision in ended:
        match decision.side_effect:
            case None if decision.settlement.state is State.SENT:
                arrived.append(delivery.destination)
            case None if decision.settlement.state is State.FAILED and delivery.kind.value != "edit":
                # One notice for a post, not one for each chat.
                what = "-".join(map(str, delivery.post_ids)) or delivery.kind
                failed = DeliveryFailed(decision.settlement.reason or "")
                await tx.planner.notify_chats(admins, f"notice:failed:{what}", encode(failed), now)
            case None | RichMissing() | AllStopped():
                pass
            case ChatGone(chat_id, reason):
                await _suspend_chat(tx, chat_id, reason, now)
            case ChatMoved(old, new):
                await tx.destinations.migrate_chat(old, new)
            case ChatPaused(chat_id, until, _):
                await tx.destinations.freeze(chat_id, until)
                await tx.outbox.postpone_chat(chat_id, until)
            case ChatRefused(reason):
                if await tx.destinations.refused(delivery.destination.id) >= REFUSALS:
                    await _suspend_chat(tx, delivery.destination.chat_id, reason, now)
            case TopicGone(reason):
                await tx.destinations.move_topic_to_chat(delivery.destination.id)
                lost = encode(LostTopic(delivery.destination.title, reason))
                await tx.planner.notify_chats(admins, f"notice:topic:{delivery.destination.id}", lost, now)
            case _:
                assert_never(decision.side_effect)
    if forgiven := {destination.id for destination in arrived if destination.refusals}:
        await tx.destinations.accepted(forgiven)


async def _suspend_chat(tx: Transaction, chat_id: int, reason: str, now: datetime) -> None:
    await tx.destinations.gone(chat_id, reason)
    await tx.outbox.cancel_chat(chat_id, reason, now)

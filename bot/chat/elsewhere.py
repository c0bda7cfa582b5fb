"""Other chats that a person runs: set from a private chat, chosen in Telegram's picker, given topics."""

from dataclasses import replace

from bot.chat import subscribing
from bot.chat.asker import Answer, Asker
from bot.chat.desk import Desk
from bot.messages import notices
from bot.messages import subscriptions as views
from bot.messages.document import Message
from bot.messages.scopes import scope_label
from storage.database import Transaction
from storage.model import ChatKind, Destination, DestinationId, Scope, ScopeId


async def other_chat(desk: Desk, asker: Asker, number: int) -> Destination | None:
    """The destination with this number, if this person may decide there."""
    found = await desk.database.read(lambda tx: tx.destinations.many([DestinationId(number)]))
    destination = found.get(DestinationId(number))
    if destination is None or asker.user_id is None:
        return None
    if destination.kind is ChatKind.PRIVATE:
        return destination if destination.chat_id == asker.user_id else None
    return destination if await desk.rooms.runs(destination.chat_id, asker.user_id) else None


async def shared(desk: Desk, asker: Asker, chat_id: int, title: str, *, channel: bool) -> Answer:
    """The person chose a chat in the picker: it is connected, if both the person and the bot may be there."""
    if asker.user_id is None or not await desk.rooms.runs(chat_id, asker.user_id):
        return Answer(message=notices.notice(notices.only_administrators(asker.words)))
    if not await desk.rooms.may_write(chat_id, channel=channel):
        return Answer(message=notices.channel_offer(asker.words))
    kind = ChatKind.CHANNEL if channel else ChatKind.GROUP

    async def unit(tx: Transaction) -> Message:
        to = await tx.destinations.ensure(chat_id, None, kind, title, desk.clock.now(), asker.preferences)
        everything = (await tx.scopes.everything()).id
        offer = views.nothing_subscribed(asker.words, everything=everything, destination=to.id)
        found = await tx.destinations.subscriptions(to.id)
        if found:
            return await subscribing.list_subscriptions(tx, replace(asker, other=to), 1)
        return Message(body=notices.channel_added(asker.words, title).body, keyboard=offer.keyboard)

    return Answer(message=await desk.change(unit))


async def topic_for(desk: Desk, asker: Asker, scope_id: int) -> Answer:
    """Make a forum topic for a scope and move its subscription there from the chat that asks."""
    scope = await desk.database.read(lambda tx: tx.scopes.get(ScopeId(scope_id)))
    if scope is None or asker.kind is not ChatKind.GROUP:
        return Answer(message=notices.link_unknown(asker.words), fresh=True)
    name = scope_label(scope, asker.words)
    thread = await desk.rooms.open_topic(asker.chat_id, name)
    if thread is None:
        return Answer(message=notices.topic_not_made(asker.words), fresh=True)
    await desk.change(lambda tx: _move(tx, desk, asker, scope, thread))
    return Answer(message=notices.topic_made(asker.words, name), fresh=True)


async def _move(tx: Transaction, desk: Desk, asker: Asker, scope: Scope, thread: int) -> None:
    now = desk.clock.now()
    topic = await tx.destinations.ensure(
        asker.chat_id, thread, asker.kind, asker.title, now, asker.preferences
    )
    await tx.destinations.subscribe(topic.id, scope.id, now)
    if asker.destination is not None:
        await tx.destinations.unsubscribe(asker.destination.id, scope.id)
        await tx.withdrawing.unwanted(asker.destination.id, now)

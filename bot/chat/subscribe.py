"""Handlers of subscriptions, mutes and settings of a chat, which may be another chat of the same person."""

from dataclasses import dataclass, replace

from bot.callbacks.actions import (
    Choose,
    Mute,
    Options,
    Settings,
    Subscribe,
    Subscriptions,
    TopicFor,
    Unmute,
    Unsubscribe,
)
from bot.chat.context import Reply, RequestContext, Services
from bot.messages import notices, subscriptions
from bot.messages.keyboards import page_of
from bot.messages.links import deep_link
from bot.messages.scope_pages import scope_label
from bot.messages.settings import setting_options, settings_menu, with_choice
from bot.messages.subscriptions import Matching
from bot.render.document import Message
from storage.database import Transaction
from storage.model import ChatKind, Destination, DestinationId, Post, PostId, Scope, ScopeId, ScopeKind

SAMPLE = 3  # posts shown as what would have come


@dataclass(frozen=True, slots=True)
class SubscriptionTarget:
    """The destination an answer is about: the chat that asks, or (`elsewhere`) one that the person runs."""

    destination: Destination
    elsewhere: bool = False

    @property
    def number(self) -> int | None:
        """For buttons: which chat they are about, if not the one they are in."""
        return self.destination.id if self.elsewhere else None

    @property
    def title(self) -> str | None:
        return self.destination.title or None if self.elsewhere else None


async def target_of(tx: Transaction, services: Services, request: RequestContext) -> SubscriptionTarget:
    """The destination in question; that of the asking chat is made if this is its first wish."""
    if request.other is not None:
        return SubscriptionTarget(request.other, elsewhere=True)
    if request.destination is not None:
        return SubscriptionTarget(request.destination)
    made = await tx.destinations.ensure(
        request.chat_id,
        request.thread_id,
        request.kind,
        request.title,
        services.clock.now(),
        request.preferences,
    )
    return SubscriptionTarget(made)


async def matching(tx: Transaction, services: Services, scope: Scope) -> Matching:
    """What a scope would have brought."""
    if scope.kind is ScopeKind.WORD:
        hits = await services.search_service.search(tx, scope.name)
        ids = [hit.post_id for hit in hits]
        return Matching(count=len(ids), last=await _newest(tx, ids))
    if scope.kind is ScopeKind.EVERYTHING:
        return Matching(count=await tx.posts.count(), last=tuple(await tx.posts.latest(SAMPLE)))
    counted = await tx.scopes.count(scope.id)
    last = await tx.posts.of_scope(scope.id, SAMPLE)
    return Matching(count=counted.posts if counted else 0, last=tuple(last))


async def _newest(tx: Transaction, ids: list[PostId]) -> tuple[Post, ...]:
    posts = await tx.posts.many(ids)
    return tuple(sorted(posts, key=lambda post: (post.date is not None, post.date), reverse=True)[:SAMPLE])


async def _put_under(tx: Transaction, services: Services, scope: Scope) -> None:
    """A word is looked for in new posts; in those that are stored already, now."""
    if scope.kind is ScopeKind.WORD:
        hits = await services.search_service.search(tx, scope.name, await tx.posts.count())
        await tx.post_writer.add_to_scope(scope.id, [hit.post_id for hit in hits])


async def subscribe(tx: Transaction, services: Services, request: RequestContext, action: Subscribe) -> Reply:
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    to = await target_of(tx, services, request)
    await _put_under(tx, services, scope)
    await tx.destinations.subscribe(to.destination.id, scope.id, services.clock.now())
    said = subscriptions.subscribed(
        scope,
        await matching(tx, services, scope),
        to.destination.preferences,
        request.words,
        destination=to.number,
        chat=to.title,
        bot=services.bot,
        topics=request.forum and not to.elsewhere and request.thread_id is None,
    )
    return Reply(
        message=said,
        toast=notices.subscribed_now(request.words),
        fresh=True,
        replacement_button=(notices.unsubscribe_button(request.words), Unsubscribe(scope.id, to.number)),
    )


async def unsubscribe(
    tx: Transaction, services: Services, request: RequestContext, action: Unsubscribe
) -> Reply:
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    to = await target_of(tx, services, request)
    await tx.destinations.unsubscribe(to.destination.id, scope.id)
    await tx.outbox.cancel_unwanted(to.destination.id, services.clock.now())
    left = len(await tx.destinations.subscriptions(to.destination.id))
    said = subscriptions.unsubscribed(scope, left, request.words, destination=to.number)
    return Reply(
        message=said,
        toast=notices.unsubscribed_now(request.words),
        fresh=True,
        replacement_button=(notices.subscribe_button(request.words), Subscribe(scope.id, to.number)),
    )


async def unsubscribe_all(tx: Transaction, services: Services, request: RequestContext) -> Message:
    to = await target_of(tx, services, request)
    await tx.destinations.unsubscribe(to.destination.id)
    await tx.outbox.cancel_unwanted(to.destination.id, services.clock.now())
    return subscriptions.unsubscribed(await tx.scopes.everything(), 0, request.words)


async def mute(tx: Transaction, services: Services, request: RequestContext, action: Mute) -> Reply:
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    to = await target_of(tx, services, request)
    await _put_under(tx, services, scope)
    await tx.destinations.subscribe(to.destination.id, scope.id, services.clock.now(), muted=True)
    await tx.outbox.cancel_unwanted(to.destination.id, services.clock.now())
    return Reply(message=subscriptions.muted(scope, request.words, destination=to.number), fresh=True)


async def unmute(tx: Transaction, services: Services, request: RequestContext, action: Unmute) -> Reply:
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    to = await target_of(tx, services, request)
    await tx.destinations.unsubscribe(to.destination.id, scope.id)
    return Reply(message=subscriptions.unmuted(scope, request.words, destination=to.number), fresh=True)


async def list_subscriptions(
    tx: Transaction, _services: Services, request: RequestContext, action: Subscriptions
) -> Message:
    everything = (await tx.scopes.everything()).id
    asked = request.other or request.destination
    number = request.other.id if request.other is not None else None
    found = await tx.destinations.subscriptions(asked.id) if asked is not None else []
    if asked is None or not found:
        return subscriptions.nothing_subscribed(request.words, everything=everything, destination=number)
    return subscriptions.subscriptions(
        page_of(found, action.page),
        asked.preferences,
        request.words,
        everything=everything,
        destination=number,
        chat=asked.title or None if request.other is not None else None,
    )


async def choose(tx: Transaction, services: Services, request: RequestContext, action: Choose) -> Reply:
    """Set one preference and return the menu, in the new language if that was it."""
    to = await target_of(tx, services, request)
    chosen = with_choice(to.destination.preferences, action.setting, action.value)
    if chosen is None:
        return Reply(message=notices.not_a_value(request.words, action.value), fresh=True)
    await tx.destinations.prefer(to.destination.id, chosen)
    changed = replace(to.destination, preferences=chosen)
    now = replace(request, other=changed) if to.elsewhere else replace(request, destination=changed)
    return Reply(message=_menu(now), toast=notices.chosen(now.words))


async def settings(services: Services, request: RequestContext, _: Settings) -> Reply:
    """Return the menu; in a group or channel a link to it in a private chat, where it disturbs no one."""
    if request.kind is ChatKind.PRIVATE:
        return Reply(message=_menu(request))
    to = (await services.database.write(lambda tx: target_of(tx, services, request))).destination
    link = deep_link(services.bot, Settings(to.id))
    return Reply(message=notices.in_private(request.words, link), fresh=True)


def _menu(request: RequestContext) -> Message:
    if request.other is None:
        return settings_menu(request.preferences, request.words)
    other = request.other
    return settings_menu(
        other.preferences, request.words, destination=other.id, title=other.title or str(other.chat_id)
    )


async def options(_: Services, request: RequestContext, action: Options) -> Message:
    setting = action.setting
    if request.other is None:
        return setting_options(setting, request.preferences, request.words)
    return setting_options(setting, request.other.preferences, request.words, destination=request.other.id)


async def other_chat(services: Services, request: RequestContext, number: int) -> Destination | None:
    """The destination with this number, if this person may decide there."""
    found = await services.database.read(lambda tx: tx.destinations.many([DestinationId(number)]))
    destination = found.get(DestinationId(number))
    if destination is None or request.user_id is None:
        return None
    if destination.kind is ChatKind.PRIVATE:
        return destination if destination.chat_id == request.user_id else None
    return destination if await services.other_chats.is_admin(destination.chat_id, request.user_id) else None


async def shared(
    services: Services, request: RequestContext, chat_id: int, title: str, *, channel: bool
) -> Reply:
    """The person chose a chat in the picker: it is connected, if both the person and the bot may be there."""
    if request.user_id is None or not await services.other_chats.is_admin(chat_id, request.user_id):
        return Reply(message=notices.notice(notices.only_administrators(request.words)))
    if not await services.other_chats.may_write(chat_id, channel=channel):
        return Reply(message=notices.channel_offer(request.words))
    kind = ChatKind.CHANNEL if channel else ChatKind.GROUP

    async def unit(tx: Transaction) -> Message:
        to = await tx.destinations.ensure(
            chat_id, None, kind, title, services.clock.now(), request.preferences
        )
        everything = (await tx.scopes.everything()).id
        offer = subscriptions.nothing_subscribed(request.words, everything=everything, destination=to.id)
        found = await tx.destinations.subscriptions(to.id)
        if found:
            return await list_subscriptions(tx, services, replace(request, other=to), Subscriptions())
        return Message(body=notices.channel_added(request.words, title).body, keyboard=offer.keyboard)

    return Reply(message=await services.change(unit))


async def topic_for(services: Services, request: RequestContext, action: TopicFor) -> Reply:
    """Create a forum topic for a scope and move the scope's subscription there from the requesting chat."""
    scope = await services.database.read(lambda tx: tx.scopes.get(ScopeId(action.scope)))
    if scope is None or request.kind is not ChatKind.GROUP:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    name = scope_label(scope, request.words)
    thread = await services.other_chats.open_topic(request.chat_id, name)
    if thread is None:
        return Reply(message=notices.topic_not_made(request.words), fresh=True)
    await services.change(lambda tx: _move(tx, services, request, scope, thread))
    return Reply(message=notices.topic_made(request.words, name), fresh=True)


async def _move(
    tx: Transaction, services: Services, request: RequestContext, scope: Scope, thread: int
) -> None:
    now = services.clock.now()
    topic = await tx.destinations.ensure(
        request.chat_id, thread, request.kind, request.title, now, request.preferences
    )
    await tx.destinations.subscribe(topic.id, scope.id, now)
    if request.destination is not None:
        await tx.destinations.unsubscribe(request.destination.id, scope.id)
        await tx.outbox.cancel_unwanted(request.destination.id, now)

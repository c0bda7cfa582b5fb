"""Answers that change what a chat is told: subscribe, mute, list, settings. Who may is decided before."""

from dataclasses import dataclass, replace

from bot.callbacks.actions import SeriesIndex, Setting, Settings, Subscribe, TagIndex, Unsubscribe
from bot.chat.context import Answer, Asker, Desk
from bot.messages import notices, subscriptions
from bot.messages.keyboards import page_of
from bot.messages.links import deep_link
from bot.messages.scope_pages import scope_label, to_subscribe
from bot.messages.settings import setting_options, settings_menu, with_choice
from bot.messages.subscriptions import Matching
from bot.render.document import Message
from storage.database import Transaction
from storage.model import ChatKind, Destination, DestinationId, Post, PostId, Scope, ScopeId, ScopeKind

SAMPLE = 3  # posts shown as what would have come


@dataclass(frozen=True, slots=True)
class Whose:
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


async def whose(tx: Transaction, desk: Desk, asker: Asker) -> Whose:
    """The destination in question; that of the asking chat is made if this is its first wish."""
    if asker.other is not None:
        return Whose(asker.other, elsewhere=True)
    if asker.destination is not None:
        return Whose(asker.destination)
    made = await tx.destinations.ensure(
        asker.chat_id, asker.thread_id, asker.kind, asker.title, desk.clock.now(), asker.preferences
    )
    return Whose(made)


async def matching(tx: Transaction, desk: Desk, scope: Scope) -> Matching:
    """What a scope would have brought."""
    if scope.kind is ScopeKind.WORD:
        hits = await desk.shelf.search(tx, scope.name)
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


async def _put_under(tx: Transaction, desk: Desk, scope: Scope) -> None:
    """A word is looked for in new posts; in those that are stored already, now."""
    if scope.kind is ScopeKind.WORD:
        hits = await desk.shelf.search(tx, scope.name, await tx.posts.count())
        await tx.archive.put_under(scope.id, [hit.post_id for hit in hits])


async def subscribe(tx: Transaction, desk: Desk, asker: Asker, scope_id: int) -> Answer:
    scope = await tx.scopes.get(ScopeId(scope_id))
    if scope is None:
        return Answer(message=notices.link_unknown(asker.words), fresh=True)
    to = await whose(tx, desk, asker)
    await _put_under(tx, desk, scope)
    await tx.destinations.subscribe(to.destination.id, scope.id, desk.clock.now())
    said = subscriptions.subscribed(
        scope,
        await matching(tx, desk, scope),
        to.destination.preferences,
        asker.words,
        destination=to.number,
        chat=to.title,
        bot=desk.bot,
        topics=asker.forum and not to.elsewhere and asker.thread_id is None,
    )
    return Answer(
        message=said,
        toast=notices.subscribed_now(asker.words),
        fresh=True,
        instead=(notices.unsubscribe_button(asker.words), Unsubscribe(scope.id, to.number)),
    )


async def unsubscribe(tx: Transaction, desk: Desk, asker: Asker, scope_id: int) -> Answer:
    scope = await tx.scopes.get(ScopeId(scope_id))
    if scope is None:
        return Answer(message=notices.link_unknown(asker.words), fresh=True)
    to = await whose(tx, desk, asker)
    await tx.destinations.unsubscribe(to.destination.id, scope.id)
    await tx.withdrawing.unwanted(to.destination.id, desk.clock.now())
    left = len(await tx.destinations.subscriptions(to.destination.id))
    said = subscriptions.unsubscribed(scope, left, asker.words, destination=to.number)
    return Answer(
        message=said,
        toast=notices.unsubscribed_now(asker.words),
        fresh=True,
        instead=(notices.subscribe_button(asker.words), Subscribe(scope.id, to.number)),
    )


async def unsubscribe_all(tx: Transaction, desk: Desk, asker: Asker) -> Message:
    to = await whose(tx, desk, asker)
    await tx.destinations.unsubscribe(to.destination.id)
    await tx.withdrawing.unwanted(to.destination.id, desk.clock.now())
    return subscriptions.unsubscribed(await tx.scopes.everything(), 0, asker.words)


async def mute(tx: Transaction, desk: Desk, asker: Asker, scope_id: int) -> Answer:
    scope = await tx.scopes.get(ScopeId(scope_id))
    if scope is None:
        return Answer(message=notices.link_unknown(asker.words), fresh=True)
    to = await whose(tx, desk, asker)
    await _put_under(tx, desk, scope)
    await tx.destinations.subscribe(to.destination.id, scope.id, desk.clock.now(), muted=True)
    await tx.withdrawing.unwanted(to.destination.id, desk.clock.now())
    return Answer(message=subscriptions.muted(scope, asker.words, destination=to.number), fresh=True)


async def unmute(tx: Transaction, desk: Desk, asker: Asker, scope_id: int) -> Answer:
    scope = await tx.scopes.get(ScopeId(scope_id))
    if scope is None:
        return Answer(message=notices.link_unknown(asker.words), fresh=True)
    to = await whose(tx, desk, asker)
    await tx.destinations.unsubscribe(to.destination.id, scope.id)
    return Answer(message=subscriptions.unmuted(scope, asker.words, destination=to.number), fresh=True)


async def list_subscriptions(tx: Transaction, asker: Asker, page: int) -> Message:
    everything = (await tx.scopes.everything()).id
    asked = asker.other or asker.destination
    number = asker.other.id if asker.other is not None else None
    found = await tx.destinations.subscriptions(asked.id) if asked is not None else []
    if asked is None or not found:
        return subscriptions.nothing_subscribed(asker.words, everything=everything, destination=number)
    return subscriptions.subscriptions(
        page_of(found, page),
        asked.preferences,
        asker.words,
        everything=everything,
        destination=number,
        chat=asked.title or None if asker.other is not None else None,
    )


async def offer(tx: Transaction, asker: Asker, kind: ScopeKind, page: int) -> Message:
    """The series or tags that the other chat in question can be subscribed to."""
    if asker.other is None:
        return notices.button_too_old(asker.words)
    number = asker.other.id
    to = SeriesIndex if kind is ScopeKind.SERIES else TagIndex
    counted = page_of(await tx.scopes.counted(kind), page)
    return to_subscribe(counted, lambda other: to(other, number), asker.words, destination=number)


async def choose(tx: Transaction, desk: Desk, asker: Asker, setting: Setting, value: str) -> Answer:
    """Set one preference and show the menu again, in the new language if that was it."""
    to = await whose(tx, desk, asker)
    chosen = with_choice(to.destination.preferences, setting, value)
    if chosen is None:
        return Answer(message=notices.not_a_value(asker.words, value), fresh=True)
    await tx.destinations.prefer(to.destination.id, chosen)
    changed = replace(to.destination, preferences=chosen)
    now = replace(asker, other=changed) if to.elsewhere else replace(asker, destination=changed)
    return Answer(message=settings(now), toast=notices.chosen(now.words))


async def settings_elsewhere(tx: Transaction, desk: Desk, asker: Asker) -> Message:
    """In a group or channel: a link to the menu in a private chat, so that it does not fill the place."""
    to = (await whose(tx, desk, asker)).destination
    return notices.in_private(asker.words, deep_link(desk.bot, Settings(to.id)))


def settings(asker: Asker) -> Message:
    if asker.other is None:
        return settings_menu(asker.preferences, asker.words)
    other = asker.other
    return settings_menu(
        other.preferences, asker.words, destination=other.id, title=other.title or str(other.chat_id)
    )


def options(asker: Asker, setting: Setting) -> Message:
    if asker.other is None:
        return setting_options(setting, asker.preferences, asker.words)
    return setting_options(setting, asker.other.preferences, asker.words, destination=asker.other.id)


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
        offer = subscriptions.nothing_subscribed(asker.words, everything=everything, destination=to.id)
        found = await tx.destinations.subscriptions(to.id)
        if found:
            return await list_subscriptions(tx, replace(asker, other=to), 1)
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

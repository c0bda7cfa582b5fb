"""Answers that change what a chat is told: subscribe, mute, list, settings. Who may is decided before."""

from dataclasses import dataclass, replace

from bot.chat.asker import Answer, Asker
from bot.chat.desk import Desk
from bot.messages import notices, replies
from bot.messages import subscriptions as views
from bot.messages.actions import Setting, Subscribe, Unsubscribe
from bot.messages.buttons import page_of
from bot.messages.document import Message
from bot.messages.settings import setting_options, settings_menu, with_choice
from bot.messages.subscriptions import Matching
from storage.database import Transaction
from storage.model import Destination, Post, PostId, Scope, ScopeId, ScopeKind

SAMPLE = 3  # posts shown as what would have come


@dataclass(frozen=True, slots=True)
class Whose:
    """The destination an answer is about: the chat that asks, or (`elsewhere`) one that the person runs."""

    destination: Destination
    elsewhere: bool = False

    @property
    def number(self) -> int | None:
        return self.destination.id if self.elsewhere else None


async def whose(tx: Transaction, desk: Desk, asker: Asker) -> Whose:
    """The asking chat's destination, made if this is its first wish."""
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


async def subscribe(tx: Transaction, desk: Desk, asker: Asker, scope_id: int) -> Answer:
    scope = await tx.scopes.get(ScopeId(scope_id))
    if scope is None:
        return Answer(message=notices.link_unknown(asker.words), fresh=True)
    to = await whose(tx, desk, asker)
    await tx.destinations.subscribe(to.destination.id, scope.id, desk.clock.now())
    said = views.subscribed(
        scope, await matching(tx, desk, scope), to.destination.preferences, asker.words, bot=desk.bot
    )
    return Answer(
        message=said,
        toast=replies.subscribed_now(asker.words),
        fresh=True,
        instead=(replies.unsubscribe_button(asker.words), Unsubscribe(scope.id)),
    )


async def unsubscribe(tx: Transaction, desk: Desk, asker: Asker, scope_id: int) -> Answer:
    scope = await tx.scopes.get(ScopeId(scope_id))
    if scope is None:
        return Answer(message=notices.link_unknown(asker.words), fresh=True)
    to = await whose(tx, desk, asker)
    await tx.destinations.unsubscribe(to.destination.id, scope.id)
    await tx.planning.withdraw(to.destination.id, desk.clock.now())
    left = len(await tx.destinations.subscriptions(to.destination.id))
    said = views.unsubscribed(scope, left, asker.words)
    return Answer(
        message=said,
        toast=replies.unsubscribed_now(asker.words),
        fresh=True,
        instead=(replies.subscribe_button(asker.words), Subscribe(scope.id)),
    )


async def unsubscribe_all(tx: Transaction, desk: Desk, asker: Asker) -> Message:
    to = await whose(tx, desk, asker)
    await tx.destinations.unsubscribe(to.destination.id)
    await tx.planning.withdraw(to.destination.id, desk.clock.now())
    return views.unsubscribed(await tx.scopes.everything(), 0, asker.words)


async def mute(tx: Transaction, desk: Desk, asker: Asker, scope_id: int) -> Answer:
    scope = await tx.scopes.get(ScopeId(scope_id))
    if scope is None:
        return Answer(message=notices.link_unknown(asker.words), fresh=True)
    to = await whose(tx, desk, asker)
    await tx.destinations.subscribe(to.destination.id, scope.id, desk.clock.now(), muted=True)
    await tx.planning.withdraw(to.destination.id, desk.clock.now())
    return Answer(message=views.muted(scope, asker.words), fresh=True)


async def unmute(tx: Transaction, desk: Desk, asker: Asker, scope_id: int) -> Answer:
    scope = await tx.scopes.get(ScopeId(scope_id))
    if scope is None:
        return Answer(message=notices.link_unknown(asker.words), fresh=True)
    to = await whose(tx, desk, asker)
    await tx.destinations.unsubscribe(to.destination.id, scope.id)
    return Answer(message=views.unmuted(scope, asker.words), fresh=True)


async def list_subscriptions(tx: Transaction, asker: Asker, page: int) -> Message:
    everything = (await tx.scopes.everything()).id
    if asker.destination is None:
        return views.nothing_subscribed(asker.words, everything=everything)
    found = await tx.destinations.subscriptions(asker.destination.id)
    if not found:
        return views.nothing_subscribed(asker.words, everything=everything)
    return views.subscriptions(page_of(found, page), asker.preferences, asker.words, everything=everything)


async def choose(tx: Transaction, desk: Desk, asker: Asker, setting: Setting, value: str) -> Answer:
    """Set one preference and show the menu again, in the new language if that was it."""
    chosen = with_choice(asker.preferences, setting, value)
    if chosen is None:
        return Answer(message=notices.not_a_value(asker.words, value), fresh=True)
    to = await whose(tx, desk, asker)
    await tx.destinations.prefer(to.destination.id, chosen)
    now = replace(asker, destination=replace(to.destination, preferences=chosen))
    return Answer(message=settings_menu(chosen, now.words), toast=notices.chosen(now.words))


def settings(asker: Asker) -> Message:
    return settings_menu(asker.preferences, asker.words)


def options(asker: Asker, setting: Setting) -> Message:
    return setting_options(setting, asker.preferences, asker.words)

"""Handlers of subscriptions, mutes and settings of a chat, which may be another chat of the same person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.callbacks.actions import (
    Choose,
    Mute,
    Options,
    Restore,
    SeriesIndex,
    Setting,
    Settings,
    Subscribe,
    SubscribeMenu,
    Subscriptions,
    TopicFor,
    Unmute,
    Unsubscribe,
    UnsubscribeAll,
)
from bot.chat.context import Reply, RequestContext, Services, title_with_topic
from bot.intake.derive import word_places
from bot.messages import notices, subscriptions
from bot.messages.elements import label, page_of
from bot.messages.i18n import Words
from bot.messages.links import deep_link
from bot.messages.scope_pages import scope_label
from bot.messages.settings import setting_options, settings_menu, with_choice
from bot.messages.subscriptions import Before, Matching, Place
from bot.render.document import Message
from storage.database import Transaction
from storage.model import (
    ChatKind,
    Destination,
    DestinationId,
    Post,
    Scope,
    ScopeId,
    ScopeKind,
    Stage,
    Subscription,
)

MAX_SUBSCRIPTIONS = 200  # of a destination, mutes included
SAMPLE = 3  # posts shown as what would have come


@dataclass(frozen=True, slots=True)
class SubscriptionTarget:
    """The destination of a change: the requesting chat, or (`elsewhere`) another chat of the same person."""

    destination: Destination
    elsewhere: bool = False

    @property
    def place(self) -> Place:
        return place_of(self.destination, elsewhere=self.elsewhere)


def place_of(destination: Destination, *, elsewhere: bool) -> Place:
    """Return how screens name `destination`, which is another chat than theirs if `elsewhere`."""
    return Place(
        kind=destination.kind,
        topic=destination.thread_id is not None,
        number=destination.id if elsewhere else None,
        title=(destination.title or str(destination.chat_id)) if elsewhere else None,
    )


def place_asked(request: RequestContext) -> Place:
    """Return the chat that a request is about, which may have set nothing yet."""
    if request.other is not None:
        return place_of(request.other, elsewhere=True)
    return Place(kind=request.kind, topic=request.thread_id is not None)


async def target_of(tx: Transaction, services: Services, request: RequestContext) -> SubscriptionTarget:
    """Return the destination of a change; the requesting chat's is created with its first setting."""
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


async def matching(tx: Transaction, scope: Scope) -> Matching:
    """Return the stored posts of a scope: their number and the latest few."""
    if scope.kind is ScopeKind.WORD:
        posts = await _with_words(tx, scope)
        return Matching(count=len(posts), last=tuple(posts[:SAMPLE]))
    if scope.kind is ScopeKind.EVERYTHING:
        return Matching(count=await tx.posts.count(), last=tuple(await tx.posts.latest(SAMPLE)))
    counted = await tx.scopes.count(scope.id)
    last = await tx.posts.of_scope(scope.id, SAMPLE)
    return Matching(count=counted.posts if counted else 0, last=tuple(last))


async def _with_words(tx: Transaction, scope: Scope) -> list[Post]:
    """Return the stored posts with all words of a scope, newest first, by the rule for new posts."""
    posts = await tx.posts.everything()
    places = word_places(posts, [scope])
    found = [post for post in posts if post.id in places]
    return sorted(found, key=lambda post: (post.date is not None, post.date, post.id), reverse=True)


async def _add_to_words(tx: Transaction, scope: Scope) -> None:
    """Add the stored posts to a word scope; new posts are added as they come in."""
    if scope.kind is ScopeKind.WORD:
        await tx.post_writer.add_to_scope(scope.id, [post.id for post in await _with_words(tx, scope)])


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """Subscriptions and mutes of a destination, and whether a course sends lessons to it."""

    every: tuple[Subscription, ...] = ()
    courses: bool = False

    @property
    def wanted(self) -> list[Scope]:
        return [one.scope for one in self.every if not one.muted]

    @property
    def is_full(self) -> bool:
        return len(self.every) >= MAX_SUBSCRIPTIONS

    @property
    def muted(self) -> bool:
        return any(one.muted for one in self.every)

    def of(self, scope_id: ScopeId) -> Before:
        for one in self.every:
            if one.scope.id == scope_id:
                return Before.MUTED if one.muted else Before.SUBSCRIBED
        return Before.NONE


async def state_of(tx: Transaction, destination: Destination | None) -> SubscriptionState:
    """Return the subscriptions of a destination; None is one that has set nothing yet."""
    if destination is None:
        return SubscriptionState()
    courses = await tx.courses.of(destination.id)
    return SubscriptionState(
        tuple(await tx.destinations.subscriptions(destination.id)),
        any(course.stage is Stage.RUNNING for course in courses),
    )


async def subscribe(tx: Transaction, services: Services, request: RequestContext, action: Subscribe) -> Reply:
    """Subscribe the chat to a scope; a mute of it ends with that."""
    words = request.words
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None:
        return Reply(message=notices.link_unknown(words), fresh=True)
    to = await target_of(tx, services, request)
    state = await state_of(tx, to.destination)
    if state.is_full and state.of(scope.id) is Before.NONE:
        return Reply(message=notices.too_many_subscriptions(words, MAX_SUBSCRIPTIONS), fresh=True)
    everything = next((one.id for one in state.wanted if one.kind is ScopeKind.EVERYTHING), None)
    await _add_to_words(tx, scope)
    await tx.destinations.subscribe(to.destination.id, scope.id, services.clock.now())
    message = subscriptions.subscribed(
        scope,
        await matching(tx, scope),
        to.destination.preferences,
        words,
        before=state.of(scope.id),
        everything=None if scope.kind is ScopeKind.EVERYTHING else everything,
        place=to.place,
        bot=services.bot,
        topics=request.forum and not to.elsewhere and request.thread_id is None,
    )
    return Reply(
        message=message,
        toast=notices.subscription_answer(words, subscribed=True),
        fresh=True,
        replacement_button=subscriptions.subscription_button(scope, words, subscribed=True, place=to.place),
        named=_named("✓", scope, words),
    )


async def unsubscribe(
    tx: Transaction, services: Services, request: RequestContext, action: Unsubscribe
) -> Reply:
    """Remove one subscription; a scope that is muted or not subscribed is left as it is."""
    words = request.words
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None:
        return Reply(message=notices.link_unknown(words), fresh=True)
    to = await target_of(tx, services, request)
    state = await state_of(tx, to.destination)
    button = subscriptions.subscription_button(scope, words, subscribed=False, place=to.place)
    if state.of(scope.id) is not Before.SUBSCRIBED:
        return Reply(
            message=subscriptions.not_subscribed(scope, words, place=to.place),
            fresh=True,
            replacement_button=button,
            named=_named("🔔", scope, words),
        )
    await tx.destinations.unsubscribe(to.destination.id, scope.id)
    await tx.outbox.cancel_unwanted(to.destination.id, services.clock.now())
    left = len(state.wanted) - 1
    message = subscriptions.unsubscribed(scope, left, words, courses=state.courses, place=to.place)
    return Reply(
        message=message,
        toast=notices.subscription_answer(words, subscribed=False),
        fresh=True,
        replacement_button=button,
        named=_named("🔔", scope, words),
    )


def _named(sign: str, scope: Scope, words: Words) -> tuple[str, str]:
    """Return what a pressed button with the scope's name says afterwards, and that name."""
    name = label(scope_label(scope, words))
    return f"{sign} {name}", name


async def unsubscribe_all(
    tx: Transaction, services: Services, request: RequestContext, action: UnsubscribeAll
) -> Reply:
    """Ask before several subscriptions are removed, or remove those that the question listed."""
    words = request.words
    to = await target_of(tx, services, request)
    state = await state_of(tx, to.destination)
    nothing = subscriptions.nothing_to_unsubscribe(words, courses=state.courses, place=to.place)
    if action.listed == 0:
        if not state.wanted:
            return Reply(message=nothing, fresh=True)
        message = subscriptions.unsubscribe_all_question(
            state.wanted,
            await _store(tx, services, state.wanted),
            words,
            courses=state.courses,
            muted=state.muted,
            place=to.place,
        )
        return Reply(message=message, fresh=True)
    listed = await _stored(tx, action.listed)
    removed = [scope for scope in state.wanted if scope.id in listed]
    if not removed:
        return Reply(message=nothing)
    for scope in removed:
        await tx.destinations.unsubscribe(to.destination.id, scope.id)
    await tx.outbox.cancel_unwanted(to.destination.id, services.clock.now())
    message = subscriptions.all_unsubscribed(
        removed,
        await _store(tx, services, removed),
        len(state.wanted) - len(removed),
        words,
        courses=state.courses,
        place=to.place,
    )
    return Reply(message=message, toast=notices.subscription_answer(words, subscribed=False))


async def restore(tx: Transaction, services: Services, request: RequestContext, action: Restore) -> Reply:
    """Subscribe again to what one `unsubscribe_all` removed, except what was subscribed or muted since."""
    to = await target_of(tx, services, request)
    scopes = await tx.scopes.many(await _stored(tx, action.removed))
    if not scopes:
        return Reply(message=notices.button_too_old(request.words), fresh=True)
    state = await state_of(tx, to.destination)
    missing = [scope for scope in scopes.values() if state.of(scope.id) is Before.NONE]
    if len(state.every) + len(missing) > MAX_SUBSCRIPTIONS:
        return Reply(message=notices.too_many_subscriptions(request.words, MAX_SUBSCRIPTIONS), fresh=True)
    for scope in missing:
        await tx.destinations.subscribe(to.destination.id, scope.id, services.clock.now())
    message = subscriptions.restored(missing, request.words, place=to.place)
    toast = notices.subscription_answer(request.words, subscribed=True) if missing else None
    return Reply(message=message, toast=toast, fresh=True)


LISTED = "scopes "  # opens the stored phrase of a list of scope ids, which a button's 64 bytes cannot hold


async def _store(tx: Transaction, services: Services, scopes: Sequence[Scope]) -> int:
    """Return the number under which the ids of `scopes` are stored."""
    return await tx.scopes.phrase(LISTED + ",".join(str(scope.id) for scope in scopes), services.clock.now())


async def _stored(tx: Transaction, number: int) -> list[ScopeId]:
    """Return the ids stored under `number`; none for any other phrase."""
    text = await tx.scopes.words_of(number) or ""
    parts = text.removeprefix(LISTED).split(",")
    if not text.startswith(LISTED) or not all(part.isascii() and part.isdecimal() for part in parts):
        return []
    return [ScopeId(int(part)) for part in parts]


async def mute(tx: Transaction, services: Services, request: RequestContext, action: Mute) -> Reply:
    """Mute a scope; a subscription to it ends with that."""
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None or scope.kind is ScopeKind.EVERYTHING:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    to = await target_of(tx, services, request)
    state = await state_of(tx, to.destination)
    before = state.of(scope.id)
    if state.is_full and before is Before.NONE:
        return Reply(message=notices.too_many_subscriptions(request.words, MAX_SUBSCRIPTIONS), fresh=True)
    await _add_to_words(tx, scope)
    await tx.destinations.subscribe(to.destination.id, scope.id, services.clock.now(), muted=True)
    await tx.outbox.cancel_unwanted(to.destination.id, services.clock.now())
    message = subscriptions.muted(scope, request.words, before=before, place=to.place)
    return Reply(message=message, fresh=True)


async def unmute(tx: Transaction, services: Services, request: RequestContext, action: Unmute) -> Reply:
    """Remove a mute; a subscription is left as it is."""
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    to = await target_of(tx, services, request)
    was = (await state_of(tx, to.destination)).of(scope.id) is Before.MUTED
    if was:
        await tx.destinations.unsubscribe(to.destination.id, scope.id)
    message = subscriptions.unmuted(scope, request.words, was=was, place=to.place)
    return Reply(message=message, fresh=True)


async def list_subscriptions(
    tx: Transaction, services: Services, request: RequestContext, action: Subscriptions
) -> Message:
    """Return the subscriptions and mutes of the chat, for a member of a group without buttons."""
    return await _list(tx, services, request, action.page)


async def _list(
    tx: Transaction, services: Services, request: RequestContext, page: int, *, question: bool = False
) -> Message:
    asked = request.other or request.destination
    place = place_asked(request)
    state = await state_of(tx, asked)
    if asked is None or not state.every:
        if not request.manager:
            return subscriptions.nothing_subscribed_here(
                request.words, deep_link(services.bot, SeriesIndex())
            )
        everything = (await tx.scopes.everything()).id
        return subscriptions.nothing_subscribed(request.words, everything=everything, place=place)
    return subscriptions.subscriptions(
        page_of(state.every, page),
        len(state.wanted),
        asked.preferences,
        request.words,
        courses=state.courses,
        question=question,
        place=place,
        editable=request.manager,
    )


async def choose_unsubscribed(
    tx: Transaction, services: Services, request: RequestContext
) -> Message | Unsubscribe:
    """Return the answer to a bare /unsubscribe: a list to choose from, or the only subscription's removal."""
    state = await state_of(tx, request.destination)
    if not state.wanted:
        return subscriptions.nothing_to_unsubscribe(
            request.words, courses=state.courses, place=place_asked(request)
        )
    if len(state.wanted) == 1:
        return Unsubscribe(state.wanted[0].id)
    return await _list(tx, services, request, 1, question=True)


async def subscribe_menu(
    tx: Transaction, _: Services, request: RequestContext, _action: SubscribeMenu
) -> Message:
    """Return what the chat can be subscribed to."""
    asked = request.other or request.destination
    everything = (await tx.scopes.everything()).id
    state = await state_of(tx, asked)
    already = state.of(everything) is Before.SUBSCRIBED
    place = place_asked(request)
    return subscriptions.subscribe_menu(request.words, everything=everything, place=place, all_posts=already)


async def choose(
    tx: Transaction, services: Services, request: RequestContext, action: Choose | Mapping[Setting, str]
) -> Reply:
    """Set one preference, or several typed ones, and return the menu, in the new language if that was it."""
    values = {action.setting: action.value} if isinstance(action, Choose) else action
    to = await target_of(tx, services, request)
    chosen = before = to.destination.preferences
    for setting, value in values.items():
        changed = with_choice(chosen, setting, value)
        if changed is None:
            number = to.place.number
            message = setting_options(setting, before, request.words, destination=number, rejected=value)
            return Reply(message=message, fresh=True)
        chosen = changed
    await tx.destinations.prefer(to.destination.id, chosen)
    after = replace(to.destination, preferences=chosen)
    now = replace(request, other=after) if to.elsewhere else replace(request, destination=after)
    return Reply(message=await _menu(tx, now), toast=notices.chosen(now.words))


async def settings(services: Services, request: RequestContext, _: Settings) -> Reply:
    """Return the menu; in a group or channel a link to it in a private chat."""
    if request.kind is ChatKind.PRIVATE:
        return Reply(message=await services.database.read(lambda tx: _menu(tx, request)))
    to = (await services.database.write(lambda tx: target_of(tx, services, request))).destination
    link = deep_link(services.bot, Settings(to.id))
    return Reply(message=notices.in_private(request.words, link), fresh=True)


async def _menu(tx: Transaction, request: RequestContext) -> Message:
    other = request.other
    state = await state_of(tx, other or request.destination)
    return settings_menu(
        other.preferences if other is not None else request.preferences,
        request.words,
        subscribed=bool(state.wanted),
        courses=state.courses,
        destination=other.id if other is not None else None,
        title=None if other is None else other.title or str(other.chat_id),
    )


async def options(_: Services, request: RequestContext, action: Options) -> Message:
    """Return the values of one setting."""
    other = request.other
    number, chosen = (other.id, other.preferences) if other else (None, request.preferences)
    return setting_options(action.setting, chosen, request.words, destination=number)


async def other_chat(services: Services, request: RequestContext, number: int) -> Destination | None:
    """Return the destination with this number if the person administers that chat."""
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
    """Connect the chat chosen in the picker, if the person administers it and the bot may post there."""
    if request.user_id is None or not await services.other_chats.is_admin(chat_id, request.user_id):
        return Reply(message=notices.notice(notices.only_administrators(request.words)))
    if not await services.other_chats.may_write(chat_id, channel=channel):
        return Reply(message=notices.channel_offer(request.words))
    kind = ChatKind.CHANNEL if channel else ChatKind.GROUP

    async def unit(tx: Transaction) -> Message:
        to = await tx.destinations.ensure(
            chat_id, None, kind, title, services.clock.now(), request.preferences
        )
        if await tx.destinations.subscriptions(to.id):
            return await _list(tx, services, replace(request, other=to), 1)
        everything = (await tx.scopes.everything()).id
        place = place_of(to, elsewhere=True)
        menu = subscriptions.subscribe_menu(request.words, everything=everything, place=place)
        return Message(body=notices.channel_added(request.words, title).body, keyboard=menu.keyboard[:2])

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
    await services.change(lambda tx: _move(tx, services, request, scope, thread, name))
    return Reply(message=notices.topic_made(request.words, name), fresh=True)


async def _move(
    tx: Transaction, services: Services, request: RequestContext, scope: Scope, thread: int, name: str
) -> None:
    now, title = services.clock.now(), title_with_topic(request.title, name)
    topic = await tx.destinations.ensure(
        request.chat_id, thread, request.kind, title, now, request.preferences
    )
    await tx.destinations.subscribe(topic.id, scope.id, now)
    here = request.destination
    if here is not None and (await state_of(tx, here)).of(scope.id) is Before.SUBSCRIBED:
        await tx.destinations.unsubscribe(here.id, scope.id)
        await tx.outbox.cancel_unwanted(here.id, now)

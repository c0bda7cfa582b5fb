"""From an action to its answer: what every button does, and what a typed command comes down to."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import assert_never

from bot.callbacks.actions import (
    About,
    Action,
    Archive,
    AskSearch,
    CategoryIndex,
    Choose,
    Cite,
    CourseAction,
    Forget,
    HelpPage,
    Hot,
    Latest,
    Mark,
    MarkRead,
    MarkUnread,
    Mute,
    OperatorAction,
    Options,
    Papers,
    Random,
    Reading,
    Related,
    Save,
    Saved,
    SearchPage,
    SeriesIndex,
    Settings,
    ShowPost,
    ShowScope,
    Start,
    Step,
    Subscribe,
    Subscriptions,
    TagIndex,
    TopicFor,
    Unmute,
    Unsave,
    Unsubscribe,
)
from bot.chat import admin, browse, courses, subscribe
from bot.chat.context import Reply, RequestContext, Services
from bot.chat.response_cache import SHARED, cached_reply
from bot.chat.subscribe import other_chat, topic_for
from bot.messages import help as help_pages
from bot.messages import notices
from bot.messages.commands import Where
from bot.messages.digests import stepping
from bot.render.document import Message
from bot.version import VERSION
from storage.database import Transaction
from storage.model import ChatKind, DeliveryId, PostId, ScopeKind

Unit = Callable[[Transaction], Awaitable[Reply]]

# What only an administrator of a group or channel may do there.
DECIDING = (Subscribe, Unsubscribe, Mute, Unmute, Choose, Forget, TopicFor, CourseAction)


async def answer(services: Services, request: RequestContext, action: Action) -> Reply:
    """What `action` answers to this asker, who may do it."""
    if isinstance(action, OperatorAction):
        return await services.change(lambda tx: admin.answer(tx, services, request, action))
    number: int | None = getattr(action, "destination", None)
    if number is not None:
        other = await other_chat(services, request, number)
        if other is None:
            said = notices.only_administrators(request.words)
            return Reply(message=notices.notice(said), toast=said, fresh=True)
        request = replace(request, other=other)
    if isinstance(action, TopicFor):
        return await topic_for(services, request, action.scope)
    if isinstance(action, Settings) and request.kind is not ChatKind.PRIVATE:
        linked = await services.database.write(lambda tx: subscribe.settings_elsewhere(tx, services, request))
        return Reply(message=linked, fresh=True)
    if (changing := _changing(services, request, action)) is not None:
        answered = await services.change(changing)
        services.planned()
        return answered

    async def make() -> Reply:
        message = await services.database.read(lambda tx: _read(tx, services, request, action))
        # A digest is news and stays; the walk through its posts begins below it.
        return Reply(message=message, fresh=isinstance(action, Step) and action.position == 0)

    if isinstance(action, SHARED) and number is None:
        return await cached_reply(services, request, action, make)
    return await make()


def _changing(services: Services, request: RequestContext, action: Action) -> Unit | None:
    """The unit of work of an action that changes something; None for one that only reads."""
    if isinstance(action, CourseAction):
        return lambda tx: courses.answer(tx, services, request, action)
    match action:
        case Subscribe(scope):
            return lambda tx: subscribe.subscribe(tx, services, request, scope)
        case Unsubscribe(scope):
            return lambda tx: subscribe.unsubscribe(tx, services, request, scope)
        case Mute(scope):
            return lambda tx: subscribe.mute(tx, services, request, scope)
        case Unmute(scope):
            return lambda tx: subscribe.unmute(tx, services, request, scope)
        case Choose(setting, value):
            return lambda tx: subscribe.choose(tx, services, request, setting, value)
        case Save() | Unsave() | MarkRead() | MarkUnread():
            return lambda tx: _mark(tx, services, request, action)
        case Forget(confirmed=True):
            return lambda tx: _forget(tx, request)
        case _:
            return None


async def _mark(
    tx: Transaction,
    services: Services,
    request: RequestContext,
    action: Mark,
) -> Reply:
    words, post, user = request.words, PostId(action.post), request.user_id
    if user is None or await tx.posts.get(post) is None:
        return Reply(toast=notices.button_answer(words))
    match action:
        case Save():
            await tx.bookmarks.save(user, post, services.clock.now())
            instead: tuple[str, Action] = (notices.saved_button(words), Unsave(post))
            return Reply(toast=notices.saved_answer(words, saved=True), replacement_button=instead)
        case Unsave():
            await tx.bookmarks.unsave(user, post)
            instead = (notices.save_button(words), Save(post))
            return Reply(toast=notices.saved_answer(words, saved=False), replacement_button=instead)
        case MarkRead():
            await tx.bookmarks.read(user, post, services.clock.now())
            instead = (notices.unread_button(words), MarkUnread(post))
            return Reply(toast=notices.read_answer(words, read=True), replacement_button=instead)
        case MarkUnread():
            await tx.bookmarks.unread(user, post)
            instead = (notices.read_button(words), MarkRead(post))
            return Reply(toast=notices.read_answer(words, read=False), replacement_button=instead)
        case _:
            assert_never(action)


async def _forget(tx: Transaction, request: RequestContext) -> Reply:
    await tx.destinations.forget(request.chat_id)
    if request.reader is not None:
        await tx.bookmarks.forget(request.reader)
    return Reply(message=notices.forgotten(request.words))


async def _read(tx: Transaction, services: Services, request: RequestContext, action: Action) -> Message:
    words = request.words
    match action:
        case ShowPost(post):
            return await browse.show_post(tx, services, request, post)
        case Step(delivery, position):
            return await _step(tx, services, request, delivery, position)
        case Latest(page):
            return await browse.latest(tx, services, request, page)
        case SeriesIndex(page, int()):
            return await subscribe.offer(tx, request, ScopeKind.SERIES, page)
        case TagIndex(page, int()):
            return await subscribe.offer(tx, request, ScopeKind.TAG, page)
        case SeriesIndex(page):
            return await browse.index(tx, services, request, ScopeKind.SERIES, page)
        case TagIndex(page):
            return await browse.index(tx, services, request, ScopeKind.TAG, page)
        case CategoryIndex(page):
            return await browse.index(tx, services, request, ScopeKind.CATEGORY, page)
        case ShowScope(scope, page):
            return await browse.show_scope(tx, services, request, scope, page)
        case SearchPage(phrase, page):
            sought = await tx.scopes.words_of(phrase)
            if sought is None:
                return notices.link_unknown(words)
            return await browse.search(tx, services, request, sought, phrase, page)
        case _:
            return await _leaf(tx, services, request, action)


async def _leaf(tx: Transaction, services: Services, request: RequestContext, action: Action) -> Message:
    """Ways through the archive, and what hangs on one post."""
    match action:
        case Archive(year, month, page):
            return await browse.archive(tx, services, request, year, month, page)
        case Related(post, page):
            return await browse.related(tx, services, request, post, page)
        case Cite(post):
            return await browse.cite(tx, request, post)
        case Papers(post):
            return await browse.papers(tx, request, post)
        case Hot(page):
            return await browse.hot(tx, services, request, page)
        case Random():
            return await browse.at_random(tx, services, request)
        case Saved(page):
            return await browse.saved(tx, services, request, page)
        case Reading(page):
            return await courses.reading(tx, request, page)
        case Subscriptions(page):
            return await subscribe.list_subscriptions(tx, request, page)
        case _:
            return await _orient(tx, services, request, action)


async def _orient(tx: Transaction, services: Services, request: RequestContext, action: Action) -> Message:
    """First contact, help and menus."""
    words = request.words
    match action:
        case Start():
            subscribed = bool(await browse.subscribed_to(tx, request))
            facts = await browse.archive_facts(tx)
            return help_pages.start(facts, words, subscribed=subscribed, bot=services.bot)
        case HelpPage():
            where = Where.PRIVATE if request.kind is ChatKind.PRIVATE else Where.ADMIN
            return help_pages.help_page(words, operator=request.chat_id in services.admins, where=where)
        case About():
            return help_pages.about(words, version=VERSION)
        case AskSearch():
            return notices.ask_search(words)
        case Settings():
            return subscribe.settings(request)
        case Options(setting):
            return subscribe.options(request, setting)
        case Forget():
            return notices.forget_question(words)
        case _:
            return notices.button_too_old(words)


async def _step(
    tx: Transaction, services: Services, request: RequestContext, delivery: int, position: int
) -> Message:
    """One post of a digest; the digest must be this chat's own."""
    posts = await tx.outbox.posts_of(DeliveryId(delivery), request.chat_id)
    position = max(position, 1)
    if position > len(posts):
        return notices.post_gone(request.words)
    card = await browse.show_post(tx, services, request, posts[position - 1])
    return stepping(card, delivery, position, len(posts))

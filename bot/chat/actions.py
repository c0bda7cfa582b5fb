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
from bot.chat.context import Answer, Asker, Desk
from bot.chat.response_cache import SHARED, shared
from bot.chat.subscribe import other_chat, topic_for
from bot.messages import help as help_pages
from bot.messages import notices
from bot.messages.commands import Where
from bot.messages.digests import stepping
from bot.render.document import Message
from bot.version import VERSION
from storage.database import Transaction
from storage.model import ChatKind, DeliveryId, PostId, ScopeKind

Unit = Callable[[Transaction], Awaitable[Answer]]

# What only an administrator of a group or channel may do there.
DECIDING = (Subscribe, Unsubscribe, Mute, Unmute, Choose, Forget, TopicFor, CourseAction)


async def answer(desk: Desk, asker: Asker, action: Action) -> Answer:
    """What `action` answers to this asker, who may do it."""
    if isinstance(action, OperatorAction):
        return await desk.change(lambda tx: admin.answer(tx, desk, asker, action))
    number: int | None = getattr(action, "destination", None)
    if number is not None:
        other = await other_chat(desk, asker, number)
        if other is None:
            said = notices.only_administrators(asker.words)
            return Answer(message=notices.notice(said), toast=said, fresh=True)
        asker = replace(asker, other=other)
    if isinstance(action, TopicFor):
        return await topic_for(desk, asker, action.scope)
    if isinstance(action, Settings) and asker.kind is not ChatKind.PRIVATE:
        linked = await desk.database.transact(lambda tx: subscribe.settings_elsewhere(tx, desk, asker))
        return Answer(message=linked, fresh=True)
    if (changing := _changing(desk, asker, action)) is not None:
        answered = await desk.change(changing)
        desk.planned()
        return answered

    async def make() -> Answer:
        message = await desk.database.read(lambda tx: _read(tx, desk, asker, action))
        # A digest is news and stays; the walk through its posts begins below it.
        return Answer(message=message, fresh=isinstance(action, Step) and action.position == 0)

    if isinstance(action, SHARED) and number is None:
        return await shared(desk, asker, action, make)
    return await make()


def _changing(desk: Desk, asker: Asker, action: Action) -> Unit | None:
    """The unit of work of an action that changes something; None for one that only reads."""
    if isinstance(action, CourseAction):
        return lambda tx: courses.answer(tx, desk, asker, action)
    match action:
        case Subscribe(scope):
            return lambda tx: subscribe.subscribe(tx, desk, asker, scope)
        case Unsubscribe(scope):
            return lambda tx: subscribe.unsubscribe(tx, desk, asker, scope)
        case Mute(scope):
            return lambda tx: subscribe.mute(tx, desk, asker, scope)
        case Unmute(scope):
            return lambda tx: subscribe.unmute(tx, desk, asker, scope)
        case Choose(setting, value):
            return lambda tx: subscribe.choose(tx, desk, asker, setting, value)
        case Save() | Unsave() | MarkRead() | MarkUnread():
            return lambda tx: _mark(tx, desk, asker, action)
        case Forget(confirmed=True):
            return lambda tx: _forget(tx, asker)
        case _:
            return None


async def _mark(
    tx: Transaction,
    desk: Desk,
    asker: Asker,
    action: Mark,
) -> Answer:
    words, post, user = asker.words, PostId(action.post), asker.user_id
    if user is None or await tx.posts.get(post) is None:
        return Answer(toast=notices.button_answer(words))
    match action:
        case Save():
            await tx.marks.save(user, post, desk.clock.now())
            instead: tuple[str, Action] = (notices.saved_button(words), Unsave(post))
            return Answer(toast=notices.saved_answer(words, saved=True), instead=instead)
        case Unsave():
            await tx.marks.unsave(user, post)
            instead = (notices.save_button(words), Save(post))
            return Answer(toast=notices.saved_answer(words, saved=False), instead=instead)
        case MarkRead():
            await tx.marks.read(user, post, desk.clock.now())
            instead = (notices.unread_button(words), MarkUnread(post))
            return Answer(toast=notices.read_answer(words, read=True), instead=instead)
        case MarkUnread():
            await tx.marks.unread(user, post)
            instead = (notices.read_button(words), MarkRead(post))
            return Answer(toast=notices.read_answer(words, read=False), instead=instead)
        case _:
            assert_never(action)


async def _forget(tx: Transaction, asker: Asker) -> Answer:
    await tx.destinations.forget(asker.chat_id)
    if asker.reader is not None:
        await tx.marks.forget(asker.reader)
    return Answer(message=notices.forgotten(asker.words))


async def _read(tx: Transaction, desk: Desk, asker: Asker, action: Action) -> Message:
    words = asker.words
    match action:
        case ShowPost(post):
            return await browse.show_post(tx, desk, asker, post)
        case Step(delivery, position):
            return await _step(tx, desk, asker, delivery, position)
        case Latest(page):
            return await browse.latest(tx, desk, asker, page)
        case SeriesIndex(page, int()):
            return await subscribe.offer(tx, asker, ScopeKind.SERIES, page)
        case TagIndex(page, int()):
            return await subscribe.offer(tx, asker, ScopeKind.TAG, page)
        case SeriesIndex(page):
            return await browse.index(tx, desk, asker, ScopeKind.SERIES, page)
        case TagIndex(page):
            return await browse.index(tx, desk, asker, ScopeKind.TAG, page)
        case CategoryIndex(page):
            return await browse.index(tx, desk, asker, ScopeKind.CATEGORY, page)
        case ShowScope(scope, page):
            return await browse.show_scope(tx, desk, asker, scope, page)
        case SearchPage(phrase, page):
            sought = await tx.scopes.words_of(phrase)
            if sought is None:
                return notices.link_unknown(words)
            return await browse.search(tx, desk, asker, sought, phrase, page)
        case _:
            return await _leaf(tx, desk, asker, action)


async def _leaf(tx: Transaction, desk: Desk, asker: Asker, action: Action) -> Message:
    """Ways through the archive, and what hangs on one post."""
    match action:
        case Archive(year, month, page):
            return await browse.archive(tx, desk, asker, year, month, page)
        case Related(post, page):
            return await browse.related(tx, desk, asker, post, page)
        case Cite(post):
            return await browse.cite(tx, asker, post)
        case Papers(post):
            return await browse.papers(tx, asker, post)
        case Hot(page):
            return await browse.hot(tx, desk, asker, page)
        case Random():
            return await browse.at_random(tx, desk, asker)
        case Saved(page):
            return await browse.saved(tx, desk, asker, page)
        case Reading(page):
            return await courses.reading(tx, asker, page)
        case Subscriptions(page):
            return await subscribe.list_subscriptions(tx, asker, page)
        case _:
            return await _orient(tx, desk, asker, action)


async def _orient(tx: Transaction, desk: Desk, asker: Asker, action: Action) -> Message:
    """First contact, help and menus."""
    words = asker.words
    match action:
        case Start():
            subscribed = bool(await browse.subscribed_to(tx, asker))
            facts = await browse.archive_facts(tx)
            return help_pages.start(facts, words, subscribed=subscribed, bot=desk.bot)
        case HelpPage():
            where = Where.PRIVATE if asker.kind is ChatKind.PRIVATE else Where.ADMIN
            return help_pages.help_page(words, operator=asker.chat_id in desk.admins, where=where)
        case About():
            return help_pages.about(words, version=VERSION)
        case AskSearch():
            return notices.ask_search(words)
        case Settings():
            return subscribe.settings(asker)
        case Options(setting):
            return subscribe.options(asker, setting)
        case Forget():
            return notices.forget_question(words)
        case _:
            return notices.button_too_old(words)


async def _step(tx: Transaction, desk: Desk, asker: Asker, delivery: int, position: int) -> Message:
    """One post of a digest; the digest must be this chat's own."""
    posts = await tx.outbox.posts_of(DeliveryId(delivery), asker.chat_id)
    position = max(position, 1)
    if position > len(posts):
        return notices.post_gone(asker.words)
    card = await browse.show_post(tx, desk, asker, posts[position - 1])
    return stepping(card, delivery, position, len(posts))

"""Action table: the handler of every button, which typed commands use too."""

import hashlib
import secrets
from dataclasses import replace
from typing import Final, assert_never

from bot import VERSION
from bot.callbacks import actions
from bot.callbacks.actions import Action
from bot.chat import admin, browse, courses, subscribe
from bot.chat.context import Handler, Reply, RequestContext, Services, dispatch
from bot.messages import help as help_pages
from bot.messages import notices
from bot.messages.cards import read_button, save_button
from bot.messages.commands import Where
from bot.messages.digests import stepping
from bot.render.document import Message
from storage.database import Transaction
from storage.model import ChatKind, DeliveryId, PostId


async def answer(services: Services, request: RequestContext, action: Action) -> Reply:
    """Return the reply to `action`, which may be about another chat of the person."""
    number: int | None = getattr(action, "destination", None)
    if number:  # 0 is the chat itself
        other = await subscribe.other_chat(services, request, number)
        if other is None:
            text = notices.only_administrators(request.words)
            return Reply(message=notices.notice(text), toast=text, fresh=True)
        request = replace(request, other=other)
    return await dispatch(ACTIONS[type(action)], services, request, action, action)


async def _mark(tx: Transaction, services: Services, request: RequestContext, action: actions.Mark) -> Reply:
    words, post, user = request.words, PostId(action.post), request.user_id
    if user is None or await tx.posts.get(post) is None:
        return Reply(toast=notices.button_answer(words))
    match action:
        case actions.Save():
            await tx.bookmarks.save(user, post, services.clock.now())
            toast, button = notices.saved_answer(words, saved=True), save_button(post, words, saved=True)
        case actions.Unsave():
            await tx.bookmarks.unsave(user, post)
            toast, button = notices.saved_answer(words, saved=False), save_button(post, words, saved=False)
        case actions.MarkRead():
            await tx.bookmarks.read(user, post, services.clock.now())
            toast, button = notices.read_answer(words, read=True), read_button(post, words, read=True)
        case actions.MarkUnread():
            await tx.bookmarks.unread(user, post)
            toast, button = notices.read_answer(words, read=False), read_button(post, words, read=False)
        case _:
            assert_never(action)
    return Reply(toast=toast, replacement_button=button)


async def _step(tx: Transaction, services: Services, request: RequestContext, action: actions.Step) -> Reply:
    """Return one post of a digest of this chat; the first one as a new message, so that the digest stays."""
    posts = await tx.outbox.posts_of(DeliveryId(action.delivery), request.chat_id)
    position = max(action.position, 1)
    fresh = action.position == 0
    if position > len(posts):
        return Reply(message=notices.post_gone(request.words), fresh=fresh)
    card = await browse.show_post(tx, services, request, actions.ShowPost(posts[position - 1]))
    return Reply(message=stepping(card, action.delivery, position, len(posts)), fresh=fresh)


async def _start(tx: Transaction, services: Services, request: RequestContext, _: actions.Start) -> Message:
    facts = await browse.archive_facts(tx)
    if request.kind is not ChatKind.PRIVATE:
        return help_pages.group_start(
            facts,
            request.words,
            manager=request.manager,
            place=subscribe.place_asked(request),
            bot=services.bot,
        )
    subscribed = bool(await browse.subscribed_to(tx, request))
    unread = None
    if request.reader is not None:
        begun = [one for one in await courses.progress_of(tx, request.reader) if one.next is not None]
        if begun and begun[0].next is not None:
            unread = help_pages.ContinueReading(scope=begun[0].scope, next=begun[0].next)
    return help_pages.start(facts, request.words, subscribed=subscribed, unread=unread, bot=services.bot)


async def _help(services: Services, request: RequestContext, _: actions.HelpPage) -> Message:
    if request.kind is ChatKind.PRIVATE:
        where = Where.PRIVATE
    else:
        where = Where.ADMIN if request.manager else Where.GROUP
    return help_pages.help_page(request.words, operator=request.chat_id in services.admins, where=where)


async def _about(_services: Services, request: RequestContext, _: actions.About) -> Message:
    return help_pages.about(request.words, version=VERSION)


async def _ask_search(_services: Services, request: RequestContext, _: actions.AskSearch) -> Message:
    return notices.ask_search(request.words)


async def _is_known(tx: Transaction, request: RequestContext) -> bool:
    """Return whether anything is stored about the chat, or in private about its person."""
    marks = await tx.bookmarks.everything_of(request.reader) if request.reader is not None else []
    return bool(marks or await tx.destinations.of_chat(request.chat_id))


async def _forget(services: Services, request: RequestContext, action: actions.Forget) -> Message:
    if not action.confirmed:
        if not await services.database.read(lambda tx: _is_known(tx, request)):
            return notices.nothing_stored(request.words)
        return notices.forget_question(request.words, group=request.kind is not ChatKind.PRIVATE)

    async def erase(tx: Transaction) -> None:
        await tx.destinations.forget(request.chat_id)
        if request.reader is not None:
            await tx.bookmarks.forget(request.reader)
            await forget_feed(tx, request.reader)

    await services.change(erase)
    return notices.forgotten(request.words)


FEED = "web_feed:"  # prefix of the rows that map the digest of a feed's secret to its person
FEED_OF = "web_feed_of:"  # and a person to that digest


async def renew_feed(tx: Transaction, user_id: int) -> str:
    """Return a new secret of 43 characters for the person's feed; the former one ends."""
    await forget_feed(tx, user_id)
    secret = secrets.token_urlsafe(32)
    await tx.key_values.put(FEED + _digest(secret), str(user_id))
    await tx.key_values.put(f"{FEED_OF}{user_id}", _digest(secret))
    return secret


async def feed_owner(tx: Transaction, secret: str) -> int | None:
    """Return the person whose feed has this secret."""
    owner = await tx.key_values.get(FEED + _digest(secret))
    return int(owner) if owner else None


async def forget_feed(tx: Transaction, user_id: int) -> None:
    """Delete the person's feed."""
    digest = await tx.key_values.get(f"{FEED_OF}{user_id}")
    if digest:
        await tx.key_values.remove(FEED + digest, f"{FEED_OF}{user_id}")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def _nothing(_services: Services, _request: RequestContext, _: actions.Nothing) -> Reply:
    return Reply()


async def _dismiss(_services: Services, _request: RequestContext, _: actions.Dismiss) -> Reply:
    return Reply(delete=True)


_CHANGE: Final = Handler(_mark, writes=True)

ACTIONS: Final[dict[type[Action], Handler]] = {
    actions.Start: Handler(_start, cached=True, marks=True, role=True),
    actions.HelpPage: Handler(_help, cached=True, role=True, transaction=False),
    actions.About: Handler(_about, cached=True, transaction=False),
    actions.Forget: Handler(_forget, restricted=True, transaction=False),
    actions.Nothing: Handler(_nothing, transaction=False),
    actions.Dismiss: Handler(_dismiss, transaction=False),
    actions.Latest: Handler(browse.latest, cached=True, marks=True),
    actions.SeriesIndex: Handler(browse.index, cached=True),
    actions.TagIndex: Handler(browse.index, cached=True),
    actions.CategoryIndex: Handler(browse.index, cached=True),
    actions.ShowScope: Handler(browse.show_scope, cached=True, marks=True, role=True),
    actions.AskSearch: Handler(_ask_search, transaction=False),
    actions.SearchPage: Handler(browse.search_page, cached=True, expensive=True, marks=True),
    actions.Archive: Handler(browse.archive, cached=True, marks=True),
    actions.Random: Handler(browse.random_post, role=True),
    actions.Hot: Handler(browse.hot, cached=True, expensive=True),
    actions.ShowPost: Handler(browse.show_post, cached=True, marks=True, role=True),
    actions.Files: Handler(browse.files),
    actions.SendFile: Handler(browse.send_file, expensive=True),
    actions.Step: Handler(_step, role=True),
    actions.Related: Handler(browse.related, cached=True, marks=True),
    actions.Cite: Handler(browse.cite, cached=True),
    actions.Papers: Handler(browse.papers, cached=True),
    actions.Save: _CHANGE,
    actions.Unsave: _CHANGE,
    actions.MarkRead: _CHANGE,
    actions.MarkUnread: _CHANGE,
    actions.Saved: Handler(browse.saved),
    actions.Reading: Handler(courses.reading),
    actions.Subscribe: Handler(subscribe.subscribe, writes=True, restricted=True),
    actions.Unsubscribe: Handler(subscribe.unsubscribe, writes=True, restricted=True),
    actions.Mute: Handler(subscribe.mute, writes=True, restricted=True),
    actions.Unmute: Handler(subscribe.unmute, writes=True, restricted=True),
    actions.SubscribeMenu: Handler(subscribe.subscribe_menu, restricted=True),
    actions.UnsubscribeAll: Handler(subscribe.unsubscribe_all, writes=True, restricted=True),
    actions.Restore: Handler(subscribe.restore, writes=True, restricted=True),
    actions.TopicFor: Handler(subscribe.topic_for, restricted=True, transaction=False),
    actions.Subscriptions: Handler(subscribe.list_subscriptions, role=True),
    actions.Settings: Handler(subscribe.settings, restricted=True, transaction=False),
    actions.Options: Handler(subscribe.options, restricted=True, transaction=False),
    actions.Choose: Handler(subscribe.choose, writes=True, restricted=True),
    actions.CourseStart: Handler(courses.change, writes=True, restricted=True),
    actions.CourseOffer: Handler(courses.offer),
    actions.Courses: Handler(courses.list_courses),
    actions.CourseNext: Handler(courses.change, writes=True, restricted=True),
    actions.CoursePause: Handler(courses.change, writes=True, restricted=True),
    actions.CourseResume: Handler(courses.change, writes=True, restricted=True),
    actions.CourseStop: Handler(courses.change, writes=True, restricted=True),
    actions.Status: Handler(admin.status, admin=True),
    actions.Dumps: Handler(admin.dumps, admin=True),
    actions.Release: Handler(admin.release, admin=True, writes=True),
    actions.Discard: Handler(admin.discard, admin=True, writes=True),
    actions.Retry: Handler(admin.retry, admin=True, writes=True),
    actions.Broadcast: Handler(admin.broadcast, admin=True, writes=True),
}

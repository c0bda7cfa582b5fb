"""Request context, reply, services, and the dispatch of a request to a handler.

Replies about the archive are cached under its revision and every property of the request they depend on.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from telegram import Chat

from bot.caching import SingleFlightCache
from bot.callbacks.actions import Action
from bot.chat.permissions import OtherChats
from bot.messages import notices
from bot.messages.i18n import Words, language_of, words_for
from bot.messages.links import WebPages
from bot.render.document import Message
from bot.search.ranker import SearchService
from bot.site_profile import KEXUE, SiteProfile
from bot.update_dedup import once_per_update, took_effect
from storage.clock import Clock
from storage.database import Database, Transaction, TransactionFn
from storage.model import ChatKind, Destination, KnownAsker, Preferences

KINDS = {
    Chat.PRIVATE: ChatKind.PRIVATE,
    Chat.GROUP: ChatKind.GROUP,
    Chat.SUPERGROUP: ChatKind.GROUP,
    Chat.CHANNEL: ChatKind.CHANNEL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """A request of a person (`user_id`; None for a channel's own post) in a chat or one topic of it.

    `destination` is the stored chat or topic, None before anything is set there; `client` is the language of
    the person's client; `known` is what was looked up about both. `other` is another chat of the person that
    the request is about; `forum`: the chat has topics. `manager` is False for a member of a group who cannot
    change its subscriptions; it is looked up for handlers with `role` only.
    """

    chat_id: int
    thread_id: int | None
    kind: ChatKind
    user_id: int | None
    title: str = ""
    client: str = "zh"
    destination: Destination | None = None
    known: KnownAsker | None = None
    other: Destination | None = None
    forum: bool = False
    manager: bool = True
    site: SiteProfile = KEXUE

    @property
    def preferences(self) -> Preferences:
        if self.destination is not None:
            return self.destination.preferences
        return Preferences(language=language_of(self.client))

    @property
    def words(self) -> Words:
        return words_for(self.preferences.language, self.site)

    @property
    def reader(self) -> int | None:
        """Return the person whose bookmarks are used: in a private chat only."""
        return self.user_id if self.kind is ChatKind.PRIVATE else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Reply to a request: a message, which edits the one whose button was pressed unless `fresh`; a toast.

    `replacement_button` replaces the pressed button where the message stays; `named` is its label instead on
    a button that shows the name in it.
    """

    message: Message | None = None
    toast: str | None = None
    fresh: bool = False
    replacement_button: tuple[str, Action] | None = None
    named: tuple[str, str] | None = None  # the label and the name in it
    question: str | None = None  # the command that the next plain message in private completes
    delete: bool = False  # delete the message whose button was pressed
    document: tuple[str, bytes] | None = None  # file name, content
    picture: tuple[bytes, Message] | None = None  # a PNG, its caption; `message` if it cannot be sent


def title_with_topic(chat: str, topic: str) -> str:
    """Return the title under which a topic of a chat is stored and shown."""
    return f"{chat} › {topic}"


T = TypeVar("T")

KEPT = 512  # answers about the archive, which many ask for
FRESH_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class Services:
    """Dependencies of the handlers, created once by the service; `bot` is the username from getMe."""

    database: Database
    clock: Clock
    bot: str | None = None
    web_pages: WebPages | None = None
    admins: tuple[int, ...] = ()
    hold_above: int = 50
    site: SiteProfile = KEXUE
    search_service: SearchService = field(default_factory=SearchService)
    response_cache: SingleFlightCache[Reply] = field(
        default_factory=lambda: SingleFlightCache(max_size=KEPT, ttl=FRESH_SECONDS)
    )
    other_chats: OtherChats = field(default_factory=OtherChats)
    planned: Callable[[], None] = lambda: None  # called after a delivery was planned, to wake the worker
    trouble: Callable[[str, BaseException], None] = lambda _place, _error: None  # reports an unexpected error

    @property
    def today(self) -> date:
        """Return the day at the place of the blog."""
        return self.clock.now().astimezone(ZoneInfo(self.site.time_zone)).date()

    async def change(self, unit: TransactionFn[T]) -> T:
        """Run the write transaction that is the effect of the update, once per update."""
        changed = await self.database.write(once_per_update(unit))
        took_effect()
        return changed


@dataclass(frozen=True, slots=True)
class Handler:
    """One row. `run` is called as `run(tx, services, request, argument)` and returns a Message or a Reply.

    The argument is the action of a button or the text after a command. `writes`: the transaction writes,
    once per update. `transaction=False`: `run(services, request, argument)` opens its own transactions.
    """

    run: Callable[..., Awaitable[Message | Reply]]
    writes: bool = False
    restricted: bool = False  # in groups and channels for administrators only
    expensive: bool = False  # scans the archive, draws or uploads: counted by the smaller token bucket
    cached: bool = False  # the reply depends on the archive and on `response_cache`'s key only
    marks: bool = False  # the reply shows bookmarks, so a reader who has any gets an uncached one
    role: bool = False  # needs `request.manager` in groups
    admin: bool = False  # for the chats of ADMIN_CHAT_IDS only
    transaction: bool = True


async def dispatch(
    handler: Handler,
    services: Services,
    request: RequestContext,
    argument: Any,
    key: Action | tuple[str, ...],
) -> Reply:
    """Return the reply of `handler`; `key` names the question in the response cache."""
    if handler.admin and request.chat_id not in services.admins:
        message = notices.not_an_operator(request.words, request.chat_id)
        return Reply(message=message, toast=notices.only_operators(request.words), fresh=True)
    if handler.writes:
        reply = _reply_of(await services.change(lambda tx: handler.run(tx, services, request, argument)))
        services.planned()
        return reply

    async def load() -> Reply:
        if not handler.transaction:
            return _reply_of(await handler.run(services, request, argument))

        async def unit(tx: Transaction) -> Message | Reply:
            return await handler.run(tx, services, request, argument)

        return _reply_of(await services.database.read(unit))

    if handler.cached and request.other is None:
        return await cached_reply(services, request, key, load, marks=handler.marks)
    return await load()


def _reply_of(result: Message | Reply) -> Reply:
    return result if isinstance(result, Reply) else Reply(message=result)


async def cached_reply(
    services: Services,
    request: RequestContext,
    question: Action | tuple[str, ...],
    load: Callable[[], Awaitable[Reply]],
    *,
    marks: bool = False,
) -> Reply:
    """Return the cached reply to `question` or load it; `marks`: it shows the reader's bookmarks."""
    known = request.known
    if known is None or (marks and known.marks):
        return await load()
    variant = (
        request.preferences.language,
        request.preferences.excerpt,
        request.kind,
        request.thread_id is not None,
        request.reader is not None,
        request.manager,
        request.chat_id in services.admins,
        known.subscribed,
    )
    key = (type(question), question, known.revision, services.bot, *variant)
    return await services.response_cache.get(key, services.clock.monotonic(), load)

"""Request context, reply and services: the values between Telegram's updates and the handlers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from bot.caching import SingleFlightCache
from bot.callbacks.actions import Action
from bot.chat.permissions import NoOtherChats, OtherChats
from bot.clock import Clock
from bot.messages.i18n import Words, words_for
from bot.render.document import Message
from bot.search.ranker import SearchService
from bot.site_profile import KEXUE, SiteProfile
from bot.update_dedup import once_per_update
from storage.database import Database, TransactionFn
from storage.model import ChatKind, Destination, KnownAsker, Preferences


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
        return Preferences(language="zh" if self.client.startswith("zh") else "en")

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

    `replacement_button` replaces the pressed button where the message stays.
    """

    message: Message | None = None
    toast: str | None = None
    fresh: bool = False
    replacement_button: tuple[str, Action] | None = None
    question: str | None = None  # the command that the next plain message in private completes
    delete: bool = False  # delete the message whose button was pressed
    document: tuple[str, bytes] | None = None  # file name, content
    picture: tuple[bytes, Message] | None = (
        None  # a PNG and its caption; `message` replaces it if it cannot be sent
    )


T = TypeVar("T")

KEPT = 512  # answers about the archive, which many ask for
FRESH_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class Services:
    """Dependencies of the handlers, created once by the service; `bot` is the username from getMe."""

    database: Database
    clock: Clock
    bot: str | None = None
    admins: tuple[int, ...] = ()
    hold_above: int = 50
    site: SiteProfile = KEXUE
    search_service: SearchService = field(default_factory=SearchService)
    response_cache: SingleFlightCache[Reply] = field(
        default_factory=lambda: SingleFlightCache(max_size=KEPT, ttl=FRESH_SECONDS)
    )
    other_chats: OtherChats = field(default_factory=NoOtherChats)
    planned: Callable[[], None] = lambda: None  # called after a delivery was planned, to wake the worker
    trouble: Callable[[str, BaseException], None] = lambda _place, _error: None  # reports an unexpected error

    async def change(self, unit: TransactionFn[T]) -> T:
        """Run the write transaction that is the effect of the update, once per update."""
        return await self.database.write(once_per_update(unit))

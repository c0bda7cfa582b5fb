"""Command table: the handler of every command, and how the text after it is parsed."""

import re
from typing import Final

from bot.callbacks.actions import (
    About,
    Action,
    Archive,
    CategoryIndex,
    Choose,
    Dumps,
    Forget,
    HelpPage,
    Hot,
    Latest,
    Mute,
    Random,
    Retry,
    Saved,
    SeriesIndex,
    Setting,
    Settings,
    Start,
    Status,
    Subscribe,
    Subscriptions,
    TagIndex,
    Unmute,
    Unsubscribe,
)
from bot.chat import admin, browse, courses, subscribe
from bot.chat.account import export_data
from bot.chat.actions import ACTIONS, answer
from bot.chat.browse import show_figures
from bot.chat.context import Reply, RequestContext, Services
from bot.chat.dispatch import Handler, dispatch
from bot.intake.word_subscriptions import word_key
from bot.messages import notices, scope_pages
from bot.messages.links import decode_start
from bot.messages.scope_pages import Asked
from bot.render.document import Message
from bot.search.names import Exact, find
from storage.database import Transaction
from storage.model import ChatKind, Scope, ScopeKind

MAX_LENGTH = 256  # characters of text after a command
MAX_LATEST = 50
NUMBER = re.compile(r"[0-9]{1,6}")

KINDS = {
    "series": ScopeKind.SERIES, "系列": ScopeKind.SERIES,
    "tag": ScopeKind.TAG, "标签": ScopeKind.TAG,
    "category": ScopeKind.CATEGORY, "分类": ScopeKind.CATEGORY,
    "word": ScopeKind.WORD, "words": ScopeKind.WORD, "关键词": ScopeKind.WORD,
}  # fmt: skip
EXCEPT = frozenset({"except", "mute", "除了", "静音"})


async def ask(services: Services, request: RequestContext, command: str, text: str) -> Reply:
    """Return the reply to `/command text`."""
    text = " ".join(text.split())
    if len(text) > MAX_LENGTH:
        return Reply(message=notices.too_long(request.words, MAX_LENGTH))
    handler = HANDLERS.get(command)
    if handler is None:
        return Reply(message=notices.unknown_command(request.words, command))
    return await dispatch(handler, services, request, text, (command, text))


async def search(services: Services, request: RequestContext, text: str) -> Reply:
    """Return the reply to plain words in a private chat, which are a search."""
    text = " ".join(text.split())
    return await dispatch(HANDLERS["search"], services, request, text, ("search", text))


def _opens(action: Action) -> Handler:
    """A command that is `action`, whatever text follows it."""

    async def run(services: Services, request: RequestContext, _: str) -> Reply:
        return await answer(services, request, action)

    row = ACTIONS[type(action)]
    return Handler(run, restricted=row.restricted, expensive=row.expensive, transaction=False)


async def _start(services: Services, request: RequestContext, payload: str) -> Reply:
    """Return what the deep link `payload` points to."""
    action = decode_start(payload) if payload else Start()
    if action is None:
        return Reply(message=notices.link_unknown(request.words))
    return await answer(services, request, action)


async def _latest(services: Services, request: RequestContext, text: str) -> Reply:
    if not text:
        return await answer(services, request, Latest())
    if not NUMBER.fullmatch(text) or not 1 <= int(text) <= MAX_LATEST:
        return Reply(message=notices.not_a_number(request.words, text, MAX_LATEST))
    count = int(text)
    return Reply(
        message=await services.database.read(lambda tx: browse.latest_n(tx, services, request, count))
    )


def _named(kind: ScopeKind, index: Action) -> Handler:
    """A command that shows the scope of `kind` with the name that follows, or all in `index`."""

    async def run(services: Services, request: RequestContext, name: str) -> Reply:
        if not name:
            return await answer(services, request, index)
        return Reply(
            message=await services.database.read(lambda tx: browse.named(tx, services, request, kind, name))
        )

    return Handler(run, cached=True, transaction=False)


async def _search(services: Services, request: RequestContext, phrase: str) -> Message:
    """Search; the phrase is stored under a number for the page buttons, whose data has 64 bytes."""
    if not phrase:
        return notices.needs_words(request.words, "/search RoPE")

    async def unit(tx: Transaction) -> Message:
        number = await tx.scopes.phrase(phrase[:MAX_LENGTH], services.clock.now())
        return await browse.search(tx, services, request, phrase, number, 1)

    return await services.database.write(unit)


async def _archive(services: Services, request: RequestContext, text: str) -> Reply:
    if not text:
        return await answer(services, request, Archive())
    months = await services.database.read(lambda tx: tx.posts.per_month())
    years = sorted({year for year, _ in months})
    if years and (not NUMBER.fullmatch(text) or int(text) not in years):
        return Reply(message=notices.not_a_year(request.words, text, years[0], years[-1]))
    return await answer(services, request, Archive(int(text)) if years else Archive())


async def _settings(services: Services, request: RequestContext, text: str) -> Reply:
    """Set what no button offers: `/settings hour 6`."""
    name, _, value = text.partition(" ")
    setting = next((one for one in Setting if one.value == name.lower()), None)
    if setting is None:
        return await answer(services, request, Settings())
    reply = await services.change(lambda tx: subscribe.choose(tx, services, request, Choose(setting, value)))
    services.planned()
    if request.kind is not ChatKind.PRIVATE and reply.toast is not None:
        return Reply(message=notices.notice(reply.toast))
    return reply


async def _channel(_: Services, request: RequestContext, _text: str) -> Message:
    """Offer Telegram's chat picker, which works in private chats only."""
    private = request.kind is ChatKind.PRIVATE
    return notices.channel_offer(request.words) if private else notices.only_private_picker(request.words)


async def _subscribe(services: Services, request: RequestContext, text: str) -> Reply:
    return await _subscription(services, request, text, unsubscribing=False)


async def _unsubscribe(services: Services, request: RequestContext, text: str) -> Reply:
    return await _subscription(services, request, text, unsubscribing=True)


async def _subscription(
    services: Services, request: RequestContext, text: str, *, unsubscribing: bool
) -> Reply:
    """Apply `/subscribe NAME`, `/subscribe tag NAME`, `/subscribe except tag NAME`, and /unsubscribe so."""
    first, _, rest = text.partition(" ")
    muting = first.lower() in EXCEPT
    if muting:
        text = rest
        first, _, rest = text.partition(" ")
    kind = KINDS.get(first.lower())
    name = rest if kind is not None else text
    if not name:
        return await _everything(services, request, unsubscribing=unsubscribing)
    found = await _scope(services, request, kind, name, unsubscribing=unsubscribing)
    if isinstance(found, Message):
        return Reply(message=found)
    action: Action
    if unsubscribing:
        action = Unmute(found.id) if muting else Unsubscribe(found.id)
    else:
        action = Mute(found.id) if muting else Subscribe(found.id)
    return await answer(services, request, action)


async def _everything(services: Services, request: RequestContext, *, unsubscribing: bool) -> Reply:
    if unsubscribing:
        removed = await services.change(lambda tx: subscribe.unsubscribe_all(tx, services, request))
        return Reply(message=removed)
    scope = await services.database.write(lambda tx: tx.scopes.everything())
    return await answer(services, request, Subscribe(scope.id))


async def _scope(
    services: Services, request: RequestContext, kind: ScopeKind | None, name: str, *, unsubscribing: bool
) -> Scope | Message:
    """Return the scope that is named; without a `kind`, the first series, tag or category that fits."""
    if kind is ScopeKind.WORD:
        if not word_key(name):
            return notices.needs_words(request.words, "/subscribe word RoPE")
        named = (ScopeKind.WORD, word_key(name), name)
        made = await services.database.write(lambda tx: tx.scopes.ensure([named]))
        return made[named[0], named[1]]

    async def unit(tx: Transaction) -> Scope | Message:
        if unsubscribing and (own := await _own(tx, request, kind, name)) is not None:
            return own
        kinds = [kind] if kind else [ScopeKind.SERIES, ScopeKind.TAG, ScopeKind.CATEGORY]
        nearest: list[Scope] = []
        for one in kinds:
            found = await browse.lookup(tx, one, name)
            if isinstance(found, Scope):
                return found
            if found[0]:
                return scope_pages.choices(name, found[0], request.words)
            nearest += found[1]
        asked = Asked.SUBSCRIPTION if unsubscribing else browse.ASKED[kinds[0]]
        return scope_pages.unknown_name(asked, name, tuple(nearest[:3]), request.words)

    return await services.database.read(unit)


async def _own(tx: Transaction, request: RequestContext, kind: ScopeKind | None, name: str) -> Scope | None:
    """Return the subscribed or muted scope of the chat that has this name, keywords too."""
    if request.destination is None:
        return None
    own = await tx.destinations.subscriptions(request.destination.id)
    scopes = {str(one.scope.id): one.scope for one in own if kind in (None, one.scope.kind)}
    named = [(number, scope.name) for number, scope in scopes.items() if scope.name]
    match find(name, named):
        case Exact((number, _)):
            return scopes[number]
        case _:
            return None


HANDLERS: Final[dict[str, Handler]] = {
    "start": Handler(_start, transaction=False),
    "latest": Handler(_latest, transaction=False),
    "series": _named(ScopeKind.SERIES, SeriesIndex()),
    "tag": _named(ScopeKind.TAG, TagIndex()),
    "category": _named(ScopeKind.CATEGORY, CategoryIndex()),
    "search": Handler(_search, cached=True, expensive=True, transaction=False),
    "subscribe": Handler(_subscribe, restricted=True, transaction=False),
    "unsubscribe": Handler(_unsubscribe, restricted=True, transaction=False),
    "subscriptions": _opens(Subscriptions()),
    "settings": Handler(_settings, restricted=True, transaction=False),
    "random": _opens(Random()),
    "hot": _opens(Hot()),
    "archive": Handler(_archive, transaction=False),
    "stats": Handler(show_figures, expensive=True, transaction=False),
    "saved": _opens(Saved()),
    "read": Handler(courses.reading_named),
    "course": Handler(courses.course, restricted=True),
    "channel": Handler(_channel, transaction=False),
    "export": Handler(export_data, restricted=True, expensive=True),
    "forget": _opens(Forget()),
    "about": _opens(About()),
    "help": _opens(HelpPage()),
    "status": _opens(Status()),
    "dumps": _opens(Dumps()),
    "retry": _opens(Retry()),
    "broadcast": Handler(admin.draft, admin=True, writes=True),
    "release": Handler(admin.held, admin=True),
}

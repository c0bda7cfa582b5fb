"""What a typed command means: its words become an action, or an answer that says what was not understood."""

import re

from bot.callbacks.actions import (
    About,
    Action,
    Archive,
    CategoryIndex,
    Dumps,
    Forget,
    HelpPage,
    Hot,
    Latest,
    Mute,
    Random,
    Reading,
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
from bot.chat.actions import answer
from bot.chat.browse import show_figures
from bot.chat.context import Reply, RequestContext, Services
from bot.chat.response_cache import cached_reply
from bot.intake.word_subscriptions import word_key
from bot.messages import notices, scope_pages
from bot.messages.commands import COMMANDS
from bot.messages.links import decode_start
from bot.messages.scope_pages import Asked
from bot.render.document import Message
from bot.search.names import Exact, find
from storage.database import Transaction
from storage.model import ChatKind, Scope, ScopeKind

LONGEST = 256  # characters of what is typed after a command
MOST_LATEST = 50
NUMBER = re.compile(r"[0-9]{1,6}")

KINDS = {
    "series": ScopeKind.SERIES, "系列": ScopeKind.SERIES,
    "tag": ScopeKind.TAG, "标签": ScopeKind.TAG,
    "category": ScopeKind.CATEGORY, "分类": ScopeKind.CATEGORY,
    "word": ScopeKind.WORD, "words": ScopeKind.WORD, "关键词": ScopeKind.WORD,
}  # fmt: skip
EXCEPT = frozenset({"except", "mute", "除了", "静音"})

PLAIN: dict[str, Action] = {
    "series": SeriesIndex(),
    "tag": TagIndex(),
    "category": CategoryIndex(),
    "latest": Latest(),
    "subscriptions": Subscriptions(),
    "settings": Settings(),
    "about": About(),
    "help": HelpPage(),
    "random": Random(),
    "hot": Hot(),
    "archive": Archive(),
    "saved": Saved(),
    "read": Reading(),
    "forget": Forget(),
    "status": Status(),
    "dumps": Dumps(),
    "retry": Retry(),
    "start": Start(),
}


async def ask(services: Services, request: RequestContext, command: str, typed: str) -> Reply:
    """The answer to `/command typed`."""
    typed = " ".join(typed.split())
    if len(typed) > LONGEST:
        return Reply(message=notices.too_long(request.words, LONGEST))
    said = await (
        _with_words(services, request, command, typed) if typed else _bare(services, request, command)
    )
    if said is not None:
        return said
    if command in PLAIN:
        return await answer(services, request, PLAIN[command])
    return Reply(message=notices.unknown_command(request.words, command))


async def _bare(services: Services, request: RequestContext, command: str) -> Reply | None:
    """A command alone that is more than one of the plain actions."""
    match command:
        case "search":
            return await look_for(services, request, "")
        case "broadcast":
            return await services.change(lambda tx: admin.draft(tx, services, request, ""))
        case "subscribe" | "unsubscribe":
            return await _wish(services, request, command, "")
        case "course":
            return Reply(message=await services.database.read(lambda tx: courses.list_courses(tx, request)))
        case "export":
            return await services.database.read(lambda tx: export_data(tx, services, request))
        case "stats":
            return await show_figures(services, request)
        case "channel":
            return Reply(message=_channel(request))
        case "release":
            most = services.hold_above
            return await services.database.read(lambda tx: admin.held(tx, services, request, most))
        case _:
            return None


async def _with_words(services: Services, request: RequestContext, command: str, typed: str) -> Reply | None:
    """A command with words after it; None where they do not matter."""
    match command:
        case "start":
            return await _started(services, request, typed)
        case "latest":
            return await _latest(services, request, typed)
        case "series" | "tag" | "category":
            return await _named(services, request, KINDS[command], typed)
        case "search":
            return await look_for(services, request, typed)
        case "archive":
            return await _archive(services, request, typed)
        case "subscribe" | "unsubscribe":
            return await _wish(services, request, command, typed)
        case "broadcast":
            return await services.change(lambda tx: admin.draft(tx, services, request, typed))
        case _:
            return await _about_reading(services, request, command, typed)


async def _about_reading(
    services: Services, request: RequestContext, command: str, typed: str
) -> Reply | None:
    match command:
        case "settings":
            return await _set(services, request, typed)
        case "read":
            shown = await services.database.read(lambda tx: courses.reading(tx, request, 1, typed))
            return Reply(message=shown)
        case "course":
            shown = await services.database.read(lambda tx: courses.course_named(tx, request, typed))
            return Reply(message=shown)
        case _:
            return await _bare(services, request, command)


def _channel(request: RequestContext) -> Message:
    """/channel: Telegram's own picker works in private chats only."""
    private = request.kind is ChatKind.PRIVATE
    return notices.channel_offer(request.words) if private else notices.only_private_picker(request.words)


async def _named(services: Services, request: RequestContext, kind: ScopeKind, name: str) -> Reply:
    async def make() -> Reply:
        return Reply(
            message=await services.database.read(lambda tx: browse.named(tx, services, request, kind, name))
        )

    return await cached_reply(services, request, (kind, name), make)


async def look_for(services: Services, request: RequestContext, words: str) -> Reply:
    """Search; the words are kept under a number, for the buttons that turn the page."""
    if not words:
        return Reply(message=notices.needs_words(request.words, "/search RoPE"))

    async def unit(tx: Transaction) -> Message:
        number = await tx.scopes.phrase(words[:LONGEST], services.clock.now())
        return await browse.search(tx, services, request, words, number, 1)

    async def make() -> Reply:
        return Reply(message=await services.database.write(unit))

    return await cached_reply(services, request, ("search", words), make)


async def _started(services: Services, request: RequestContext, payload: str) -> Reply:
    """A link that started the bot shows what it points to."""
    action = decode_start(payload)
    if action is None:
        return Reply(message=notices.link_unknown(request.words))
    return await answer(services, request, action)


async def _latest(services: Services, request: RequestContext, typed: str) -> Reply:
    if not NUMBER.fullmatch(typed) or not 1 <= int(typed) <= MOST_LATEST:
        return Reply(message=notices.not_a_number(request.words, typed, MOST_LATEST))
    count = int(typed)
    return Reply(
        message=await services.database.read(lambda tx: browse.latest_n(tx, services, request, count))
    )


async def _archive(services: Services, request: RequestContext, typed: str) -> Reply:
    months = await services.database.read(lambda tx: tx.posts.per_month())
    years = sorted({year for year, _ in months})
    if years and (not NUMBER.fullmatch(typed) or int(typed) not in years):
        return Reply(message=notices.not_a_year(request.words, typed, years[0], years[-1]))
    return await answer(services, request, Archive(int(typed)) if years else Archive())


async def _set(services: Services, request: RequestContext, typed: str) -> Reply:
    """`/settings hour 6`, for what no button offers."""
    name, _, value = typed.partition(" ")
    setting = next((one for one in Setting if one.value == name.lower()), None)
    if setting is None:
        return await answer(services, request, Settings())
    said = await services.change(lambda tx: subscribe.choose(tx, services, request, setting, value))
    services.planned()
    if request.kind is not ChatKind.PRIVATE and said.toast is not None:
        return Reply(message=notices.notice(said.toast))
    return said


async def _wish(services: Services, request: RequestContext, command: str, typed: str) -> Reply:
    """`/subscribe`, `/subscribe tag NAME`, `/subscribe except tag NAME`, `/unsubscribe` and their like."""
    first, _, rest = typed.partition(" ")
    muting = first.lower() in EXCEPT
    if muting:
        typed = rest
        first, _, rest = typed.partition(" ")
    kind = KINDS.get(first.lower())
    name = rest if kind is not None else typed
    if not name:
        return await _everything(services, request, command)
    found = await _scope(services, request, kind, name, unsubscribing=command == "unsubscribe")
    if isinstance(found, Message):
        return Reply(message=found)
    wanted: Action
    if command == "unsubscribe":
        wanted = Unmute(found.id) if muting else Unsubscribe(found.id)
    else:
        wanted = Mute(found.id) if muting else Subscribe(found.id)
    return await answer(services, request, wanted)


async def _everything(services: Services, request: RequestContext, command: str) -> Reply:
    if command == "unsubscribe":
        said = await services.change(lambda tx: subscribe.unsubscribe_all(tx, services, request))
        return Reply(message=said)
    scope = await services.database.write(lambda tx: tx.scopes.everything())
    return await answer(services, request, Subscribe(scope.id))


async def _scope(
    services: Services, request: RequestContext, kind: ScopeKind | None, name: str, *, unsubscribing: bool
) -> Scope | Message:
    """The scope a wish names; without a kind, whatever series, tag or category fits first."""
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
    """What the chat has subscribed or muted under this name, words too."""
    if request.destination is None:
        return None
    wishes = await tx.destinations.subscriptions(request.destination.id)
    scopes = {str(wish.scope.id): wish.scope for wish in wishes if kind in (None, wish.scope.kind)}
    named = [(number, scope.name) for number, scope in scopes.items() if scope.name]
    match find(name, named):
        case Exact((number, _)):
            return scopes[number]
        case _:
            return None


def known_commands() -> tuple[str, ...]:
    return tuple(command.name for command in COMMANDS)

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
from bot.chat.account import take_out
from bot.chat.actions import answer
from bot.chat.browse import show_figures
from bot.chat.context import Answer, Asker, Desk
from bot.chat.response_cache import shared
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


async def ask(desk: Desk, asker: Asker, command: str, typed: str) -> Answer:
    """The answer to `/command typed`."""
    typed = " ".join(typed.split())
    if len(typed) > LONGEST:
        return Answer(message=notices.too_long(asker.words, LONGEST))
    said = await (_with_words(desk, asker, command, typed) if typed else _bare(desk, asker, command))
    if said is not None:
        return said
    if command in PLAIN:
        return await answer(desk, asker, PLAIN[command])
    return Answer(message=notices.unknown_command(asker.words, command))


async def _bare(desk: Desk, asker: Asker, command: str) -> Answer | None:
    """A command alone that is more than one of the plain actions."""
    match command:
        case "search":
            return await look_for(desk, asker, "")
        case "broadcast":
            return await desk.change(lambda tx: admin.draft(tx, desk, asker, ""))
        case "subscribe" | "unsubscribe":
            return await _wish(desk, asker, command, "")
        case "course":
            return Answer(message=await desk.database.read(lambda tx: courses.list_courses(tx, asker)))
        case "export":
            return await desk.database.read(lambda tx: take_out(tx, desk, asker))
        case "stats":
            return await show_figures(desk, asker)
        case "channel":
            return Answer(message=_channel(asker))
        case "release":
            most = desk.hold_above
            return await desk.database.read(lambda tx: admin.held(tx, desk, asker, most))
        case _:
            return None


async def _with_words(desk: Desk, asker: Asker, command: str, typed: str) -> Answer | None:
    """A command with words after it; None where they do not matter."""
    match command:
        case "start":
            return await _started(desk, asker, typed)
        case "latest":
            return await _latest(desk, asker, typed)
        case "series" | "tag" | "category":
            return await _named(desk, asker, KINDS[command], typed)
        case "search":
            return await look_for(desk, asker, typed)
        case "archive":
            return await _archive(desk, asker, typed)
        case "subscribe" | "unsubscribe":
            return await _wish(desk, asker, command, typed)
        case "broadcast":
            return await desk.change(lambda tx: admin.draft(tx, desk, asker, typed))
        case _:
            return await _about_reading(desk, asker, command, typed)


async def _about_reading(desk: Desk, asker: Asker, command: str, typed: str) -> Answer | None:
    match command:
        case "settings":
            return await _set(desk, asker, typed)
        case "read":
            shown = await desk.database.read(lambda tx: courses.reading(tx, asker, 1, typed))
            return Answer(message=shown)
        case "course":
            shown = await desk.database.read(lambda tx: courses.course_named(tx, asker, typed))
            return Answer(message=shown)
        case _:
            return await _bare(desk, asker, command)


def _channel(asker: Asker) -> Message:
    """/channel: Telegram's own picker works in private chats only."""
    private = asker.kind is ChatKind.PRIVATE
    return notices.channel_offer(asker.words) if private else notices.only_private_picker(asker.words)


async def _named(desk: Desk, asker: Asker, kind: ScopeKind, name: str) -> Answer:
    async def make() -> Answer:
        return Answer(message=await desk.database.read(lambda tx: browse.named(tx, desk, asker, kind, name)))

    return await shared(desk, asker, (kind, name), make)


async def look_for(desk: Desk, asker: Asker, words: str) -> Answer:
    """Search; the words are kept under a number, for the buttons that turn the page."""
    if not words:
        return Answer(message=notices.needs_words(asker.words, "/search RoPE"))

    async def unit(tx: Transaction) -> Message:
        number = await tx.scopes.phrase(words[:LONGEST], desk.clock.now())
        return await browse.search(tx, desk, asker, words, number, 1)

    async def make() -> Answer:
        return Answer(message=await desk.database.transact(unit))

    return await shared(desk, asker, ("search", words), make)


async def _started(desk: Desk, asker: Asker, payload: str) -> Answer:
    """A link that started the bot shows what it points to."""
    action = decode_start(payload)
    if action is None:
        return Answer(message=notices.link_unknown(asker.words))
    return await answer(desk, asker, action)


async def _latest(desk: Desk, asker: Asker, typed: str) -> Answer:
    if not NUMBER.fullmatch(typed) or not 1 <= int(typed) <= MOST_LATEST:
        return Answer(message=notices.not_a_number(asker.words, typed, MOST_LATEST))
    count = int(typed)
    return Answer(message=await desk.database.read(lambda tx: browse.latest_n(tx, desk, asker, count)))


async def _archive(desk: Desk, asker: Asker, typed: str) -> Answer:
    months = await desk.database.read(lambda tx: tx.posts.per_month())
    years = sorted({year for year, _ in months})
    if years and (not NUMBER.fullmatch(typed) or int(typed) not in years):
        return Answer(message=notices.not_a_year(asker.words, typed, years[0], years[-1]))
    return await answer(desk, asker, Archive(int(typed)) if years else Archive())


async def _set(desk: Desk, asker: Asker, typed: str) -> Answer:
    """`/settings hour 6`, for what no button offers."""
    name, _, value = typed.partition(" ")
    setting = next((one for one in Setting if one.value == name.lower()), None)
    if setting is None:
        return await answer(desk, asker, Settings())
    said = await desk.change(lambda tx: subscribe.choose(tx, desk, asker, setting, value))
    desk.planned()
    if asker.kind is not ChatKind.PRIVATE and said.toast is not None:
        return Answer(message=notices.notice(said.toast))
    return said


async def _wish(desk: Desk, asker: Asker, command: str, typed: str) -> Answer:
    """`/subscribe`, `/subscribe tag NAME`, `/subscribe except tag NAME`, `/unsubscribe` and their like."""
    first, _, rest = typed.partition(" ")
    muting = first.lower() in EXCEPT
    if muting:
        typed = rest
        first, _, rest = typed.partition(" ")
    kind = KINDS.get(first.lower())
    name = rest if kind is not None else typed
    if not name:
        return await _everything(desk, asker, command)
    found = await _scope(desk, asker, kind, name, unsubscribing=command == "unsubscribe")
    if isinstance(found, Message):
        return Answer(message=found)
    wanted: Action
    if command == "unsubscribe":
        wanted = Unmute(found.id) if muting else Unsubscribe(found.id)
    else:
        wanted = Mute(found.id) if muting else Subscribe(found.id)
    return await answer(desk, asker, wanted)


async def _everything(desk: Desk, asker: Asker, command: str) -> Answer:
    if command == "unsubscribe":
        said = await desk.change(lambda tx: subscribe.unsubscribe_all(tx, desk, asker))
        return Answer(message=said)
    scope = await desk.database.transact(lambda tx: tx.scopes.everything())
    return await answer(desk, asker, Subscribe(scope.id))


async def _scope(
    desk: Desk, asker: Asker, kind: ScopeKind | None, name: str, *, unsubscribing: bool
) -> Scope | Message:
    """The scope a wish names; without a kind, whatever series, tag or category fits first."""
    if kind is ScopeKind.WORD:
        if not word_key(name):
            return notices.needs_words(asker.words, "/subscribe word RoPE")
        named = (ScopeKind.WORD, word_key(name), name)
        made = await desk.database.transact(lambda tx: tx.scopes.ensure([named]))
        return made[named[0], named[1]]

    async def unit(tx: Transaction) -> Scope | Message:
        if unsubscribing and (own := await _own(tx, asker, kind, name)) is not None:
            return own
        kinds = [kind] if kind else [ScopeKind.SERIES, ScopeKind.TAG, ScopeKind.CATEGORY]
        nearest: list[Scope] = []
        for one in kinds:
            found = await browse.lookup(tx, one, name)
            if isinstance(found, Scope):
                return found
            if found[0]:
                return scope_pages.choices(name, found[0], asker.words)
            nearest += found[1]
        asked = Asked.SUBSCRIPTION if unsubscribing else browse.ASKED[kinds[0]]
        return scope_pages.unknown_name(asked, name, tuple(nearest[:3]), asker.words)

    return await desk.database.read(unit)


async def _own(tx: Transaction, asker: Asker, kind: ScopeKind | None, name: str) -> Scope | None:
    """What the chat has subscribed or muted under this name, words too."""
    if asker.destination is None:
        return None
    wishes = await tx.destinations.subscriptions(asker.destination.id)
    scopes = {str(wish.scope.id): wish.scope for wish in wishes if kind in (None, wish.scope.kind)}
    named = [(number, scope.name) for number, scope in scopes.items() if scope.name]
    match find(name, named):
        case Exact((number, _)):
            return scopes[number]
        case _:
            return None


def known_commands() -> tuple[str, ...]:
    return tuple(command.name for command in COMMANDS)

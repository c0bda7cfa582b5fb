"""Command table: the handler of every command, and how the text after it is parsed."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final, assert_never

from bot.callbacks.actions import (
    About,
    Action,
    Archive,
    CategoryIndex,
    Dumps,
    FileForm,
    Forget,
    HelpPage,
    Hot,
    Latest,
    ListKind,
    Mute,
    Options,
    Random,
    Retry,
    Saved,
    SendFile,
    SeriesIndex,
    Setting,
    Settings,
    ShowPost,
    Start,
    Status,
    Subscribe,
    SubscribeMenu,
    Subscriptions,
    TagIndex,
    Unmute,
    Unsubscribe,
    UnsubscribeAll,
)
from bot.callbacks.codec import decode
from bot.chat import admin, browse, courses, subscribe
from bot.chat.actions import ACTIONS, answer
from bot.chat.browse import show_figures
from bot.chat.context import Handler, Reply, RequestContext, Services, dispatch
from bot.intake.derive import word_key
from bot.messages import notices, scope_pages
from bot.messages.commands import COMMANDS
from bot.messages.help import command_help
from bot.messages.i18n import words_for
from bot.messages.links import decode_start
from bot.messages.scope_pages import Asked
from bot.messages.settings import saved_settings, setting_options, unknown_setting, with_choice
from bot.messages.text_parser import (
    PostReference,
    ScopeText,
    find_post,
    parse_assignment,
    parse_command,
    parse_scope,
    parse_value,
    parse_values,
)
from bot.render.document import Message
from bot.search.names import Exact, find, fold
from bot.search.query import parse_month
from bot.text_sanitizer import one_line
from storage.database import Transaction
from storage.model import ChatKind, Post, Scope, ScopeKind

MAX_LENGTH = 256  # characters of text after a command
MAX_LATEST = 50
MAX_WORDS = 10  # of one word subscription
SIMILAR = 0.7  # least difflib ratio of a suggested command
YEAR_DIGITS = 4
NUMBER = re.compile(r"[0-9]{1,6}")
CANCELS = frozenset({"取消", "算了", "不用了", "不要了", "cancel", "never mind"})


async def ask(services: Services, request: RequestContext, command: str, text: str) -> Reply:
    """Return the reply to `/command text`."""
    text = " ".join(text.split())
    if len(text) > MAX_LENGTH:
        return Reply(message=notices.too_long(request.words, MAX_LENGTH))
    handler = HANDLERS.get(command)
    if handler is None:
        return await _unknown(services, request, command, text)
    return await dispatch(handler, services, request, text, (command, text))


async def _unknown(services: Services, request: RequestContext, command: str, text: str) -> Reply:
    """Return the reply to a command that is none: what it means in a private chat, or commands like it."""
    typed = f"/{command} {text}".strip()
    if request.kind is ChatKind.PRIVATE:
        if (meant := parse_command(typed)) is not None:
            return await ask(services, request, *meant)
        reference = find_post(typed, services.site) or find_post(command, services.site)
        if reference is not None and (shown := await referred(services, request, command, reference)):
            return shown
        if command in CANCELS:
            return Reply(message=notices.nothing_changed(request.words))
    nearest = get_close_matches(command, HANDLERS, n=2, cutoff=SIMILAR)
    public = tuple(name for name in nearest if not HANDLERS[name].admin)
    return Reply(message=notices.unknown_command(request.words, command, public))


def asker_of(update: Mapping[str, Any], bot: str | None) -> int | None:
    """Return who asks `bot` in an update, as JSON, that is a question and changes nothing; else None."""
    message = update.get("message")
    match message:
        case {"text": str(text), "from": {"id": int(person)}, "chat": {"type": str(kind)}}:
            pass
        case _:
            return None
    if not text.startswith("/"):
        meant = parse_command(" ".join(text.split()))
        return person if kind == "private" and (meant is None or meant[0] in QUESTIONS) else None
    name, at, addressee = text.split(maxsplit=1)[0].removeprefix("/").lower().partition("@")
    is_ours = not at or addressee == (bot or "").lower()
    return person if is_ours and name in QUESTIONS else None


def may_change(update: Mapping[str, Any], bot: str | None) -> bool:
    """Return whether an update, as JSON, may change something."""
    match update:
        case {"callback_query": {"data": str(data)}}:
            row = ACTIONS.get(type(decode(data)))  # type: ignore[arg-type]
            return row is None or row.writes or not row.transaction
        case _:
            return asker_of(update, bot) is None


async def referred(
    services: Services, request: RequestContext, text: str, reference: PostReference
) -> Reply | None:
    """Return the card of a referred post; None if a bare number is none but words to search for."""

    async def unit(tx: Transaction) -> tuple[Post | None, bool]:
        post = await tx.posts.by_archive_id(reference.number)
        words = post is None and not reference.explicit
        return post, words and bool(await services.search_service.search(tx, text, services.today))

    post, found = await services.database.read(unit)
    if post is not None:
        return await answer(services, request, ShowPost(post.id))
    if found:
        return None
    address = services.site.post_url(reference.number)
    return Reply(message=notices.not_stored(request.words, address, reference.number))


def _opens(action: Action) -> Handler:
    """Return the row of a command that is `action`, with any text after it."""

    async def run(services: Services, request: RequestContext, _: str) -> Reply:
        return await answer(services, request, action)

    row = ACTIONS[type(action)]
    return Handler(run, restricted=row.restricted, expensive=row.expensive, role=row.role, transaction=False)


async def _start(services: Services, request: RequestContext, payload: str) -> Reply:
    """Return what the deep link `payload` points to."""
    action = decode_start(payload) if payload else Start()
    if action is None:
        return Reply(message=notices.link_unknown(request.words))
    return await answer(services, request, action)


async def _latest(services: Services, request: RequestContext, text: str) -> Reply:
    if not text:
        return await answer(services, request, Latest())
    number = unicodedata.normalize("NFKC", text).removesuffix("篇").strip()
    if not any(sign.isdigit() for sign in number) and number.strip("-+"):
        return await ask(services, request, "search", f"{text} by:date")
    if not NUMBER.fullmatch(number) or not 1 <= int(number) <= MAX_LATEST:
        return Reply(message=notices.not_a_number(request.words, text, MAX_LATEST))
    count = int(number)
    return Reply(
        message=await services.database.read(lambda tx: browse.latest_n(tx, services, request, count))
    )


def _named(kind: ScopeKind, index: Action) -> Handler:
    """Return the row of a command that shows the named scope of `kind`, or all in `index`."""

    async def run(services: Services, request: RequestContext, name: str) -> Reply:
        if not name:
            return await answer(services, request, index)
        return Reply(
            message=await services.database.read(lambda tx: browse.named(tx, services, request, kind, name))
        )

    return Handler(run, cached=True, marks=True, role=True, transaction=False)


async def _search(services: Services, request: RequestContext, phrase: str) -> Message | Reply:
    """Search; a phrase with results is stored under a number for buttons, whose data has 64 bytes."""
    if not phrase:
        private = request.kind is ChatKind.PRIVATE
        return notices.ask_search(request.words) if private else notices.ask_search_here(request.words)
    reference = find_post(phrase, services.site)
    if reference is not None and reference.explicit:
        shown = await referred(services, request, phrase, reference)
        if shown is not None:
            return shown

    async def unit(tx: Transaction) -> Message:
        return await browse.search(tx, services, request, phrase[:MAX_LENGTH])

    return await services.database.write(unit)


async def _archive(services: Services, request: RequestContext, text: str) -> Reply:
    if not text:
        return await answer(services, request, Archive())
    months = await services.database.read(lambda tx: tx.posts.per_month())
    years = sorted({year for year, _ in months})
    if not years:
        return await answer(services, request, Archive())
    period = parse_month(text, services.today)
    year = period.year if period else None
    outside = text.removesuffix("年").strip()
    if period is None and len(outside) == YEAR_DIGITS and NUMBER.fullmatch(outside):
        return Reply(message=notices.year_without_posts(request.words, int(outside), years[0], years[-1]))
    if period and year is None:  # a month alone is the latest of that name
        year = max((year for year, month in months if month == period.month), default=None)
    if period is None or year is None:
        return Reply(message=notices.not_a_year(request.words, text, years[0], years[-1]))
    if year not in years:
        return Reply(message=notices.year_without_posts(request.words, year, years[0], years[-1]))
    return await answer(services, request, Archive(year, period.month))


async def _settings(services: Services, request: RequestContext, text: str) -> Reply:
    """Set what the text says, `hour 8:00` or `每周一 8点`; a setting alone shows its values."""
    if not text:
        return await answer(services, request, Settings())
    values = parse_values(text)
    if not values:
        named, typed = parse_assignment(text)
        if named is None:
            return Reply(message=unknown_setting(text, request.words))
        if not typed:
            return await answer(services, request, Options(named))
        message = setting_options(named, request.preferences, request.words, rejected=typed)
        return Reply(message=message)
    change = Handler(subscribe.choose, writes=True)
    reply = await dispatch(change, services, request, values, ("settings", text))
    chosen = request.preferences
    for setting, value in values.items():
        chosen = with_choice(chosen, setting, value) or chosen
    if reply.message is None:
        return reply
    saved = saved_settings(values, chosen, words_for(chosen.language, request.site))
    if request.kind is ChatKind.PRIVATE:
        menu = reply.message
        saved = replace(menu, body=(*saved.body, *menu.body[1:]))
    return Reply(message=saved)


async def _help(services: Services, request: RequestContext, name: str) -> Message | Reply:
    """Return all commands, or the forms of one."""
    name = name.lower().lstrip("/").partition("@")[0]
    name, _ = parse_command(f"/{name}") or (name, "")
    command = next((one for one in COMMANDS if one.name == name), None)
    if not name or (command is not None and command.admin and request.chat_id not in services.admins):
        return await answer(services, request, HelpPage())
    if command is None:
        nearest = tuple(get_close_matches(name, HANDLERS, n=2, cutoff=SIMILAR))
        return notices.unknown_command(request.words, name, nearest)
    return command_help(command, request.words)


async def _broadcast(services: Services, request: RequestContext, text: str) -> Reply:
    if not text:
        return Reply(message=notices.ask_broadcast(request.words), question="broadcast")
    return Reply(message=await services.change(lambda tx: admin.draft(tx, services, request, text)))


async def _channel(_: Services, request: RequestContext, _text: str) -> Message:
    """Offer Telegram's chat picker, which works in private chats only."""
    private = request.kind is ChatKind.PRIVATE
    return notices.channel_offer(request.words) if private else notices.only_private_picker(request.words)


async def _subscribe(services: Services, request: RequestContext, text: str) -> Reply:
    """Apply `/subscribe`, `/subscribe tag NAME` and `/subscribe except tag NAME`."""
    wanted = parse_scope(text)
    if wanted.kind is ScopeKind.EVERYTHING and not wanted.muted:
        scope = await services.database.write(lambda tx: tx.scopes.everything())
        return await answer(services, request, Subscribe(scope.id))
    if not wanted.name:
        return await _ask_for_name(services, request, wanted)
    reference = find_post(wanted.name, services.site)
    if reference is not None and reference.explicit:
        return await ask(services, request, "search", wanted.name)  # the card has the button of its series
    found = await _scope(services, request, wanted, unsubscribing=False)
    if isinstance(found, Message):
        if wanted.kind is None and parse_value(Setting.WHEN, wanted.name) is not None:
            return await answer(services, request, Options(Setting.WHEN))
        return Reply(message=found)
    return await answer(services, request, Mute(found.id) if wanted.muted else Subscribe(found.id))


async def _ask_for_name(services: Services, request: RequestContext, wanted: ScopeText) -> Reply:
    """Return the choice or the question for a /subscribe that names nothing; nothing is changed."""
    here = None if wanted.muted else 0  # names to subscribe to with one tap
    match wanted.kind:
        case ScopeKind.SERIES:
            return await answer(services, request, SeriesIndex(1, here))
        case ScopeKind.TAG:
            return await answer(services, request, TagIndex(1, here))
        case ScopeKind.CATEGORY:
            return await answer(services, request, CategoryIndex(1, here))
        case ScopeKind.WORD:
            in_group = request.kind is not ChatKind.PRIVATE
            message = notices.ask_keywords(request.words, muted=wanted.muted, here=in_group)
            question = "subscribe mute word" if wanted.muted else "subscribe word"
            return Reply(message=message, question=question)
        case ScopeKind.EVERYTHING | None:
            if wanted.muted:
                return Reply(message=notices.ask_muted(request.words))
            return await answer(services, request, SubscribeMenu())
        case _:
            assert_never(wanted.kind)


async def _unsubscribe(services: Services, request: RequestContext, text: str) -> Reply:
    """Apply `/unsubscribe NAME`; without a name show what there is to choose from."""
    wanted = parse_scope(text)
    if wanted.kind is ScopeKind.EVERYTHING:
        state = await services.database.read(lambda tx: subscribe.state_of(tx, request.destination))
        if [scope.kind for scope in state.wanted] == [ScopeKind.EVERYTHING]:
            return await answer(services, request, Unsubscribe(state.wanted[0].id))
        return await answer(services, request, UnsubscribeAll())
    if not wanted.name:
        chosen = await services.database.read(lambda tx: subscribe.choose_unsubscribed(tx, services, request))
        if isinstance(chosen, Message):
            return Reply(message=chosen)
        if wanted.kind is None and not wanted.muted:
            return await answer(services, request, chosen)
        return await answer(services, request, Subscriptions())
    found = await _scope(services, request, wanted, unsubscribing=True)
    if isinstance(found, Message):
        return Reply(message=found)
    return await answer(services, request, Unmute(found.id) if wanted.muted else Unsubscribe(found.id))


def visible(name: str) -> str:
    """Return the words of `name` that show at least one sign."""
    shown = (word for word in one_line(name).split() if any(map(_is_seen, word)))
    return " ".join(shown)


def _is_seen(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LNPS" and sign != "\u2800"  # a Braille pattern without dots


async def _scope(
    services: Services, request: RequestContext, wanted: ScopeText, *, unsubscribing: bool
) -> Scope | Message:
    """Return the scope that is named; without a kind, what is called so, else what a part of a name fits."""
    kind, name = wanted.kind, wanted.name
    if unsubscribing or wanted.muted:
        own = await services.database.read(lambda tx: _own(tx, request, kind, name))
        if own is not None:
            return own
    if kind is ScopeKind.WORD:
        name = visible(name)
        if not word_key(name):
            here = request.kind is not ChatKind.PRIVATE
            return notices.ask_keywords(request.words, muted=wanted.muted, here=here)
        if len(word_key(name).split()) > MAX_WORDS:
            return notices.too_many_words(request.words, MAX_WORDS)
        named = (ScopeKind.WORD, word_key(name), name)
        made = await services.database.write(lambda tx: tx.scopes.ensure([named]))
        return made[named[0], named[1]]

    async def unit(tx: Transaction) -> Scope | Message:
        kinds = [kind] if kind else [ScopeKind.SERIES, ScopeKind.TAG, ScopeKind.CATEGORY]
        lookups = [await browse.lookup(tx, one, name) for one in kinds]
        scopes = [found for found in lookups if isinstance(found, Scope)]
        if whole := [one for one in scopes if fold(name) in (fold(one.name), fold(one.key))]:
            return whole[0]
        nearest: list[Scope] = []
        for found in lookups:
            if isinstance(found, Scope):
                return found
            if found[0]:
                return scope_pages.choices(name, found[0], request.words)
            nearest += found[1]
        if unsubscribing:
            return notices.not_among_subscriptions(request.words, name)
        asked = browse.ASKED[kind] if kind else Asked.ANY
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


async def _export(services: Services, request: RequestContext, text: str) -> Reply:
    """Return the stored data; with a format (bib, md, csv, json) a list of posts as a file."""
    kind, _, named = text.partition(" ")
    form = next((one for one in FileForm if one.value == kind.lower().removeprefix(".")), None)
    if form is None and text:
        return await ask(services, request, "help", "export")
    if form is None:
        return await services.database.read(lambda tx: _export_data(tx, services, request))
    found = await _list_of(services, request, named)
    if isinstance(found, Message):
        return Reply(message=found)
    return await answer(services, request, SendFile(found[0], form, found[1]))


async def _list_of(services: Services, request: RequestContext, named: str) -> tuple[ListKind, int] | Message:
    """Return a series, tag, category or search as the buttons name it; by default the saved posts."""
    if not named:
        return ListKind.SAVED, 0
    wanted = parse_scope(named)
    if wanted.kind in (None, ScopeKind.SERIES, ScopeKind.TAG, ScopeKind.CATEGORY) and wanted.name:
        found = await _scope(services, request, wanted, unsubscribing=False)
        if isinstance(found, Scope):
            return ListKind.SCOPE, found.id
        if wanted.kind is not None:
            return found
    now = services.clock.now()
    return ListKind.SEARCH, await services.database.write(lambda tx: tx.scopes.phrase(named, now))


async def _export_data(tx: Transaction, services: Services, request: RequestContext) -> Reply:
    """Return a JSON document of the chat with its topics, and in private of the person's bookmarks."""
    from bot.export import VERSION, chat_record, person_record

    chats = [await chat_record(tx, one) for one in await tx.destinations.of_chat(request.chat_id)]
    person = await person_record(tx, request.reader) if request.reader is not None else None
    if not chats and person is None:
        return Reply(message=notices.nothing_stored(request.words))
    taken = {
        "version": VERSION,
        "taken_at": services.clock.now().isoformat(),
        "chats": chats,
        "person": person,
    }
    document = json.dumps(taken, ensure_ascii=False, indent=1).encode()
    return Reply(
        message=notices.exported(request.words, group=request.kind is not ChatKind.PRIVATE),
        document=("kexue-bot.json", document),
    )


HANDLERS: Final[dict[str, Handler]] = {
    "start": Handler(_start, role=True, transaction=False),
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
    "export": Handler(_export, restricted=True, expensive=True, transaction=False),
    "forget": _opens(Forget()),
    "about": _opens(About()),
    "help": Handler(_help, role=True, transaction=False),
    "status": _opens(Status()),
    "dumps": _opens(Dumps()),
    "retry": _opens(Retry()),
    "broadcast": Handler(_broadcast, admin=True, transaction=False),
    "release": Handler(admin.held, admin=True),
}
# Commands that change nothing.
QUESTIONS: Final = frozenset({
    "latest", "series", "tag", "category", "search", "random", "hot", "archive", "stats", "saved", "about",
    "help", "status", "dumps",
})  # fmt: skip

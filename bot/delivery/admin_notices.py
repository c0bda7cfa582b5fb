"""Operator notices: JSON payloads of outbox deliveries, rendered as messages when they are sent."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import get_args

from bot.messages import admin
from bot.messages.i18n import Words
from bot.render.document import Footer, Message, Paragraph, Text
from storage.database import Transaction
from storage.model import DumpId, State


@dataclass(frozen=True, slots=True)
class DumpUnreadable:
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class DumpsUnreadable:
    """Dumps of one scan that could not be read; the names are the first ones."""

    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DumpNotes:
    """What was left out of a dump, not understood or guessed, and its new posts that are not announced."""

    name: str
    notes: tuple[str, ...]
    unannounced: int


@dataclass(frozen=True, slots=True)
class PostsHeld:
    dump: int
    most: int


@dataclass(frozen=True, slots=True)
class LostTopic:
    chat: str
    topic: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChatsSuspended:
    """Suspended chats; they are counted when the notice is sent."""


@dataclass(frozen=True, slots=True)
class ChatsSilent:
    """Chats that do not answer for long, with deliveries in doubt; they are counted when it is sent."""


@dataclass(frozen=True, slots=True)
class DestinationRefuses:
    chat: str
    reason: str


@dataclass(frozen=True, slots=True)
class FanOutRefused:
    """`refused` is the number at first; those of the dedup key `fan_out` are counted when it is sent."""

    refused: int
    total: int
    reason: str
    fan_out: str = ""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Deliveries without an answer; they are counted when the notice is sent."""


@dataclass(frozen=True, slots=True)
class UpdatesBlocked:
    """Another program polls for this bot's updates (`polled`), or has set a webhook."""

    polled: bool


@dataclass(frozen=True, slots=True)
class UpdatesResumed:
    """Updates arrive again after UpdatesBlocked."""


@dataclass(frozen=True, slots=True)
class FanOutRecovered:
    """Most of `chats` that refused a fan-out accept messages again; the others are counted when sent."""

    chats: int
    fan_out: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseSilent:
    """The database did not answer in time, and answers again."""

    times: int


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    reason: str


@dataclass(frozen=True, slots=True)
class SourceFailing:
    url: str
    reason: str
    hours: int


@dataclass(frozen=True, slots=True)
class SourceRecovered:
    url: str


@dataclass(frozen=True, slots=True)
class NoNews:
    days: int


@dataclass(frozen=True, slots=True)
class PostsMissed:
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class BackupsInFuture:
    """Copies of the database that are dated in the future; the names are the first ones."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenAccepted:
    """A token works after one was refused; `since` is an ISO time in UTC."""

    since: str


@dataclass(frozen=True, slots=True)
class UnexpectedErrors:
    kind: str
    count: int


Notice = (
    DumpUnreadable | DumpsUnreadable | DumpNotes | PostsHeld | LostTopic | ChatsSilent
    | ChatsSuspended
    | DestinationRefuses | FanOutRefused | FanOutRecovered | Uncertain | UpdatesBlocked | UpdatesResumed
    | DatabaseSilent | DeliveryFailed | SourceFailing | SourceRecovered | NoNews | PostsMissed
    | UnexpectedErrors | BackupsInFuture | TokenAccepted
)  # fmt: skip

KINDS: dict[str, type[Notice]] = {kind.__name__: kind for kind in get_args(Notice)}


def encode(notice: Notice) -> str:
    """Return `notice` as the JSON payload of a delivery."""
    return json.dumps({"notice": type(notice).__name__, **asdict(notice)}, ensure_ascii=False)


def decode(payload: str) -> Notice | None:
    """Return the notice in a payload, or None for a payload of another version."""
    try:
        values = json.loads(payload)
        return KINDS[values.pop("notice")](**values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


UNREADABLE_KEY = "unreadable dumps"  # of the key-value row with the notice of a scan under way
SHOWN_UNREADABLE = 3  # names of unreadable dumps in one notice


async def record_unreadable(tx: Transaction, name: str, reason: str) -> None:
    """Add an unreadable dump to the notice of the scan under way."""
    notice: Notice
    match decode(await tx.key_values.get(UNREADABLE_KEY) or ""):
        case DumpUnreadable(first):
            notice = DumpsUnreadable(2, (first, name))
        case DumpsUnreadable(count, names):
            notice = DumpsUnreadable(count + 1, (*names, name)[:SHOWN_UNREADABLE])
        case _:
            notice = DumpUnreadable(name, reason)
    await tx.key_values.put(UNREADABLE_KEY, encode(notice))


async def notify_of_unreadable(tx: Transaction, admins: tuple[int, ...], now: datetime) -> None:
    """Queue the notice of the scan that has ended."""
    payload = await tx.key_values.get(UNREADABLE_KEY)
    if payload is not None:
        await tx.planner.notify_chats(admins, f"notice:unreadable:{now.isoformat()}", payload, now)
        await tx.key_values.remove(UNREADABLE_KEY)


# Of the notices whose fields are all that their messages tell.
MESSAGES: dict[type[Notice], Callable[..., Message]] = {
    DumpUnreadable: admin.dump_unreadable,
    DumpsUnreadable: admin.dumps_unreadable,
    DumpNotes: admin.dump_notes,
    LostTopic: admin.topic_lost,
    DestinationRefuses: admin.destination_refuses,
    UpdatesBlocked: admin.updates_blocked,
    UpdatesResumed: admin.updates_resumed,
    DatabaseSilent: admin.database_silent,
    SourceFailing: admin.failing,
    SourceRecovered: admin.recovered,
    NoNews: admin.no_news,
    PostsMissed: admin.posts_missed,
    UnexpectedErrors: admin.unexpected_errors,
    BackupsInFuture: admin.backups_in_future,
    TokenAccepted: admin.token_accepted,
}
LEAST = 3  # chats, below which any share may be true


def is_mass(gone: int, fan_out: int) -> bool:
    """Return whether so many of a fan-out's chats may not be suspended: more than a third."""
    return gone >= LEAST and 3 * gone > fan_out


async def notice_message(tx: Transaction, payload: str, words: Words) -> Message | None:
    """Return the message for the notice in `payload`; counts are those of the moment."""
    match decode(payload):
        case None:
            return Message(body=(Paragraph((Text(payload),)),))
        case PostsHeld(dump, most):
            waiting = [record for record in await tx.dumps.held() if record.id == DumpId(dump)]
            return admin.posts_held(words, waiting[0], waiting[0].new, most) if waiting else None
        case ChatsSuspended():
            return admin.chats_suspended(words, await tx.destinations.suspended())
        case ChatsSilent():
            silent = await tx.outbox.chats_in_doubt()
            return admin.chats_silent(words, silent) if silent else None
        case Uncertain():
            counts = await tx.outbox.unsent_counts()
            failed, uncertain = counts.get(State.FAILED, 0), counts.get(State.UNCERTAIN, 0)
            return admin.deliveries_failed(words, failed, uncertain) if failed or uncertain else None
        case FanOutRefused(refused, total, reason, fan_out):
            refusing = await tx.outbox.refused(fan_out) if fan_out else refused
            return admin.fan_out_refused(words, refusing, total, reason) if refusing >= LEAST else None
        case FanOutRecovered(chats, fan_out):
            refusing = await tx.outbox.refused(fan_out) if fan_out else 0
            return admin.fan_out_recovered(words, max(1, chats - refusing))
        case DeliveryFailed(reason):
            said = admin.deliveries_failed(words, 1, 0)
            return replace(said, body=(*said.body, Footer((Text(reason),))))
        case notice:
            return MESSAGES[type(notice)](words, **asdict(notice))

"""Request contexts: destination, subscriptions and bookmarks of many requests.

One query serves all requests that arrive together."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.destination_rows import destination_of
from storage.engine import few_lengths
from storage.model import Destination, KnownAsker, ScopeId
from storage.schema import bookmarks, destinations, dumps, subscriptions

# Built once: they run for every question, and building costs more than running. There is always a row.
_ARCHIVE = select(func.count().label("dumps"), func.max(dumps.c.id).label("last")).subquery()
_CHATS = (
    select(_ARCHIVE, subscriptions.c.scope_id.label("wanted"), destinations)
    .select_from(_ARCHIVE)
    .outerjoin(destinations, destinations.c.chat_id.in_(bindparam("chats", expanding=True)))
    .outerjoin(
        subscriptions, and_(subscriptions.c.destination_id == destinations.c.id, ~subscriptions.c.muted)
    )
)
_READERS = (
    select(bookmarks.c.user_id).where(bookmarks.c.user_id.in_(bindparam("people", expanding=True))).distinct()
)


class ContextKey(NamedTuple):
    """Key of a request: chat, topic (0: none), person (0: the chat itself)."""

    chat_id: int
    thread_id: int
    user_id: int


async def request_contexts(
    connection: AsyncConnection, everyone: Collection[ContextKey]
) -> Mapping[ContextKey, KnownAsker]:
    """Return the context of each request, of unknown chats too, all as of the same instant."""
    execute = connection.execute
    rows = (await execute(_CHATS, {"chats": few_lengths({who.chat_id for who in everyone})})).mappings().all()
    revision = (int(rows[0]["dumps"]), int(rows[0]["last"] or 0))
    chats: dict[tuple[int, int], Destination] = {}
    wanted: defaultdict[tuple[int, int], set[ScopeId]] = defaultdict(set)
    for row in rows:
        chat = (row["chat_id"], row["thread_id"])
        if row["id"] is not None and chat not in chats:
            chats[chat] = destination_of(row)
        if row["wanted"] is not None:
            wanted[chat].add(row["wanted"])
    people = few_lengths({who.user_id for who in everyone if who.user_id})
    readers = set((await execute(_READERS, {"people": people})).scalars())
    return {
        who: KnownAsker(
            destination=chats.get((who.chat_id, who.thread_id)),
            subscribed=frozenset(wanted.get((who.chat_id, who.thread_id), ())),
            marks=who.user_id in readers,
            revision=revision,
        )
        for who in everyone
    }

"""Data access of destinations: preferences, subscriptions, chat migration, request contexts."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from datetime import datetime, time
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    RowMapping,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)

from storage.chunks import DeliveryChunks
from storage.engine import DataAccess, few_lengths
from storage.model import (
    ChatKind,
    Destination,
    DestinationId,
    KnownAsker,
    Preferences,
    Scope,
    ScopeId,
    Standing,
    State,
    Subscription,
)
from storage.schema import bookmarks, courses, deliveries, destinations, dumps, scopes, subscriptions, waiting


class ContextKey(NamedTuple):
    """Key of a request: chat, topic (0: none), person (0: the chat itself)."""

    chat_id: int
    thread_id: int
    user_id: int


class Destinations(DataAccess):
    async def find(self, chat_id: int, thread_id: int | None = None) -> Destination | None:
        found = await self._mappings(
            select(destinations).where(
                destinations.c.chat_id == chat_id, destinations.c.thread_id == (thread_id or 0)
            )
        )
        return destination_of(found[0]) if found else None

    async def ensure(
        self,
        chat_id: int,
        thread_id: int | None,
        kind: ChatKind,
        title: str,
        now: datetime,
        preferences: Preferences | None = None,
    ) -> Destination:
        """Return the destination of this chat and topic, created if missing, and active."""
        values = {
            "chat_id": chat_id,
            "thread_id": thread_id or 0,
            "kind": kind,
            "title": title,
            "standing": Standing.ACTIVE,
            "reason": None,
            "created_at": now,
        } | preference_columns(preferences or Preferences())
        key = (destinations.c.chat_id, destinations.c.thread_id)
        made = await self._put(
            destinations, values, "kind", "title", "standing", "reason", key=key, returning=[destinations]
        )
        return destination_of(made.mappings().one())

    async def of_chat(self, chat_id: int) -> list[Destination]:
        """Return the destinations of a chat: itself and its topics."""
        found = await self._mappings(
            select(destinations).where(destinations.c.chat_id == chat_id).order_by(destinations.c.id)
        )
        return [destination_of(row) for row in found]

    async def many(self, ids: Collection[DestinationId]) -> dict[DestinationId, Destination]:
        found = await self._mappings(select(destinations).where(destinations.c.id.in_(few_lengths(ids))))
        return {row["id"]: destination_of(row) for row in found}

    async def everyone(self) -> list[Destination]:
        found = await self._mappings(select(destinations).order_by(destinations.c.id))
        return [destination_of(row) for row in found]

    async def count(self) -> dict[Standing, int]:
        found = await self._rows(
            select(destinations.c.standing, func.count()).group_by(destinations.c.standing)
        )
        return {row[0]: row[1] for row in found}

    async def prefer(self, destination_id: DestinationId, preferences: Preferences) -> None:
        await self._write(
            update(destinations)
            .where(destinations.c.id == destination_id)
            .values(preference_columns(preferences))
        )

    async def subscribe(
        self, destination_id: DestinationId, scope_id: ScopeId, now: datetime, *, muted: bool = False
    ) -> None:
        """Want, or with `muted` never want, this scope. Saying so twice changes nothing."""
        values = {"destination_id": destination_id, "scope_id": scope_id, "muted": muted, "created_at": now}
        await self._put(subscriptions, values, "muted")

    async def unsubscribe(self, destination_id: DestinationId, scope_id: ScopeId | None = None) -> int:
        """Drop one subscription, or all; returns how many there were."""
        statement = delete(subscriptions).where(subscriptions.c.destination_id == destination_id)
        if scope_id is not None:
            statement = statement.where(subscriptions.c.scope_id == scope_id)
        return await self._write(statement)

    async def subscriptions(self, destination_id: DestinationId) -> list[Subscription]:
        found = await self._connection.execute(
            select(subscriptions.c.muted, scopes)
            .join(scopes, scopes.c.id == subscriptions.c.scope_id)
            .where(subscriptions.c.destination_id == destination_id)
            .order_by(subscriptions.c.muted, subscriptions.c.created_at, scopes.c.id)
        )
        return [
            Subscription(
                destination_id=destination_id,
                scope=Scope(id=row.id, kind=row.kind, key=row.key, name=row.name),
                muted=row.muted,
            )
            for row in found
        ]

    async def subscribed_to(self, destination_id: DestinationId) -> frozenset[ScopeId]:
        """Return the scopes this destination is subscribed to, without the muted ones."""
        return frozenset(
            await self._column(
                select(subscriptions.c.scope_id).where(
                    subscriptions.c.destination_id == destination_id, ~subscriptions.c.muted
                )
            )
        )

    async def subscribers(self) -> int:
        """How many active destinations have a subscription."""
        return await self._number(
            select(func.count(subscriptions.c.destination_id.distinct()))
            .join(destinations, destinations.c.id == subscriptions.c.destination_id)
            .where(destinations.c.standing == Standing.ACTIVE, ~subscriptions.c.muted)
        )

    async def gone(self, chat_id: int, reason: str) -> None:
        """Mark the chat as not writable; its subscriptions are kept."""
        await self._stand(Standing.GONE, reason, destinations.c.chat_id == chat_id)

    async def returned(self, *chat_ids: int) -> None:
        await self._stand(Standing.ACTIVE, None, destinations.c.chat_id.in_(few_lengths(chat_ids)))

    async def suspend(self, destination_id: DestinationId, reason: str) -> None:
        """Suspend one destination, and none of its chat's others."""
        await self._stand(Standing.GONE, reason, destinations.c.id == destination_id)

    async def reactivate(self, destination: Destination) -> None:
        """Make a suspended destination active, and those of its chat suspended for the same reason."""
        its_chats = destinations.c.chat_id == destination.chat_id
        same = or_(destinations.c.id == destination.id, destinations.c.reason == destination.reason)
        await self._stand(Standing.ACTIVE, None, its_chats, destinations.c.standing == Standing.GONE, same)

    async def _stand(self, standing: Standing, reason: str | None, *those: ColumnElement[bool]) -> None:
        await self._update(destinations, *those, standing=standing, reason=reason, refusals=0)

    async def suspended(self) -> dict[str, int]:
        """Return the number of suspended chats by reason."""
        found = await self._rows(
            select(destinations.c.reason, func.count(destinations.c.chat_id.distinct()))
            .where(destinations.c.standing == Standing.GONE)
            .group_by(destinations.c.reason)
        )
        return {row[0] or "": row[1] for row in found}

    async def refused_since(self, destination_id: DestinationId) -> datetime | None:
        """Return when the oldest delivery was planned that was refused since the last one that arrived."""
        sent = (
            select(func.coalesce(func.max(deliveries.c.id), 0))
            .where(deliveries.c.destination_id == destination_id, deliveries.c.state == State.SENT)
            .scalar_subquery()
        )
        return await self._value(
            select(func.min(deliveries.c.created_at)).where(
                deliveries.c.destination_id == destination_id,
                deliveries.c.id > sent,
                deliveries.c.state.in_((State.PENDING, State.FAILED)),
                deliveries.c.attempts > 0,
            )
        )

    async def refused(self, destination_id: DestinationId) -> int:
        """Count one more refusal in a row of this destination; returns the count."""
        counted = await self._value(
            update(destinations)
            .where(destinations.c.id == destination_id)
            .values(refusals=destinations.c.refusals + 1)
            .returning(destinations.c.refusals)
        )
        return counted or 0

    async def accepted(self, ids: Collection[DestinationId]) -> None:
        """Reset the count of refusals in a row after a message was delivered."""
        await self._update(destinations, destinations.c.id.in_(ids), destinations.c.refusals > 0, refusals=0)

    async def freeze(self, chat_id: int, until: datetime) -> None:
        """Telegram said when this chat may be written to again; kept so that a restart obeys it too."""
        await self._update(destinations, destinations.c.chat_id == chat_id, not_before=until)

    async def frozen(self, now: datetime) -> dict[int, datetime]:
        """Return the chats that must not be written to yet, and until when."""
        found = await self._rows(
            select(destinations.c.chat_id, func.max(destinations.c.not_before).label("until"))
            .where(destinations.c.not_before > now)
            .group_by(destinations.c.chat_id)
        )
        return {row.chat_id: row.until for row in found}

    async def forget(self, chat_id: int) -> None:
        """Erase a chat and everything it set."""
        theirs = select(destinations.c.id).where(destinations.c.chat_id == chat_id)
        await self._erase(await self._column(theirs))

    async def _erase(self, ids: Collection[DestinationId]) -> None:
        """Delete destinations with their deliveries; what else is theirs goes by its foreign keys."""
        await self._write(delete(deliveries).where(deliveries.c.destination_id.in_(ids)))
        await self._write(delete(destinations).where(destinations.c.id.in_(ids)))

    async def restore(
        self,
        chat_id: int,
        thread_id: int | None,
        kind: ChatKind,
        title: str,
        preferences: Preferences,
        now: datetime,
    ) -> Destination:
        """Write a destination as it was taken from elsewhere; an existing one takes its preferences."""
        made = await self.ensure(chat_id, thread_id, kind, title, now, preferences)
        await self.prefer(made.id, preferences)
        return replace(made, preferences=preferences)

    async def request_contexts(self, keys: Collection[ContextKey]) -> Mapping[ContextKey, KnownAsker]:
        """Return the context of each request, of unknown chats too, all as of the same instant."""
        rows = await self._mappings(_CHATS, {"chats": few_lengths({who.chat_id for who in keys})})
        revision = (int(rows[0]["dumps"]), int(rows[0]["last"] or 0))
        chats: dict[tuple[int, int], Destination] = {}
        wanted: defaultdict[tuple[int, int], set[ScopeId]] = defaultdict(set)
        for row in rows:
            chat = (row["chat_id"], row["thread_id"])
            if row["id"] is not None and chat not in chats:
                chats[chat] = destination_of(row)
            if row["wanted"] is not None:
                wanted[chat].add(row["wanted"])
        people = few_lengths({who.user_id for who in keys if who.user_id})
        readers = set(await self._column(_READERS, {"people": people}))
        return {
            who: KnownAsker(
                destination=chats.get((who.chat_id, who.thread_id)),
                subscribed=frozenset(wanted.get((who.chat_id, who.thread_id), ())),
                marks=who.user_id in readers,
                revision=revision,
            )
            for who in keys
        }

    async def migrate_chat(self, old: int, new: int) -> None:
        """Migrate the group `old` to the supergroup `new`, merging the rows of both."""
        theirs = await self._mappings(select(destinations).where(destinations.c.chat_id == old))
        for row in theirs:
            twin = await self.find(new, row["thread_id"])
            # Numbers of messages of the group mean other messages, or none, in the supergroup.
            await self._update(deliveries, deliveries.c.destination_id == row["id"], message_id=None)
            if twin is None:
                await self._update(
                    destinations,
                    destinations.c.id == row["id"],
                    chat_id=new,
                    standing=Standing.ACTIVE,
                    reason=None,
                )
            else:
                if not await self.subscriptions(twin.id):
                    # Created without a choice of its members, for example by a message in it.
                    await self.prefer(twin.id, destination_of(row).preferences)
                await self._join(row["id"], twin.id)
        await self.returned(new)

    async def move_topic_to_chat(self, destination_id: DestinationId) -> None:
        """Move the subscriptions of a deleted topic to its chat."""
        row = await self._first(
            select(destinations.c.chat_id, destinations.c.thread_id).where(
                destinations.c.id == destination_id
            )
        )
        if row is None or row.thread_id == 0:
            return
        twin = await self.find(row.chat_id, None)
        if twin is None:
            await self._update(destinations, destinations.c.id == destination_id, thread_id=0)
        else:
            await self._join(destination_id, twin.id)

    async def _join(self, source: DestinationId, target: DestinationId) -> None:
        await DeliveryChunks(self._connection).expand_for([source, target])
        here = subscriptions.alias()
        await self._update(
            subscriptions,
            subscriptions.c.destination_id == source,
            subscriptions.c.scope_id.not_in(select(here.c.scope_id).where(here.c.destination_id == target)),
            destination_id=target,
        )
        there = deliveries.alias()
        await self._update(
            deliveries,
            deliveries.c.destination_id == source,
            deliveries.c.duty.not_in(select(there.c.duty).where(there.c.destination_id == target)),
            destination_id=target,
        )
        told = select(there.c.post_id).where(there.c.destination_id == target, there.c.post_id.is_not(None))
        await self._write(
            delete(waiting).where(waiting.c.destination_id == target, waiting.c.post_id.in_(told))
        )
        await self._carry(waiting, waiting.c.post_id, source, target, told)
        await self._carry(courses, courses.c.scope_id, source, target)
        await self._erase([source])

    async def _carry(
        self,
        table: Table,
        what: Column[int],
        source: DestinationId,
        target: DestinationId,
        besides: Select[tuple[int]] | None = None,
    ) -> None:
        """Hand over the rows of `table` for every `what` that the target has not, here or in `besides`."""
        its = table.alias()
        has = select(its.c[what.name]).where(its.c.destination_id == target)
        statement = update(table).where(table.c.destination_id == source, what.not_in(has))
        if besides is not None:
            statement = statement.where(what.not_in(besides))
        await self._write(statement.values(destination_id=target))


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


MINUTES = ("quiet_from", "quiet_to")  # stored in minutes after midnight
CHOICES = tuple(each.name for each in fields(Preferences) if each.name not in MINUTES)


def destination_of(row: RowMapping) -> Destination:
    choices: dict[str, Any] = {name: row[name] for name in CHOICES}
    choices |= {name: time_of(row[name]) for name in MINUTES}
    return Destination(
        id=row["id"],
        chat_id=row["chat_id"],
        thread_id=row["thread_id"] or None,
        kind=row["kind"],
        title=row["title"],
        standing=row["standing"],
        reason=row["reason"],
        preferences=Preferences(**choices),
        refusals=row["refusals"],
    )


def preference_columns(preferences: Preferences) -> dict[str, object]:
    minutes = {name: minutes_of(getattr(preferences, name)) for name in MINUTES}
    return {name: getattr(preferences, name) for name in CHOICES} | minutes


def minutes_of(at: time | None) -> int | None:
    """Return a local time in minutes after midnight, as it is stored."""
    return None if at is None else at.hour * 60 + at.minute


def time_of(minutes: int | None) -> time | None:
    return None if minutes is None else time(minutes // 60, minutes % 60)

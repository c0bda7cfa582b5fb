"""Who is told what: destinations, their preferences and subscriptions, their standing with Telegram."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, time

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import few_lengths, upsert
from storage.model import (
    ChatKind,
    Destination,
    DestinationId,
    Preferences,
    Scope,
    ScopeId,
    Standing,
    Subscription,
)
from storage.schema import destinations, scopes, subscriptions


class Destinations:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, chat_id: int, thread_id: int | None = None) -> Destination | None:
        found = await self._connection.execute(
            select(destinations).where(
                destinations.c.chat_id == chat_id, destinations.c.thread_id == (thread_id or 0)
            )
        )
        row = found.mappings().first()
        return destination_of(row) if row else None

    async def ensure(
        self,
        chat_id: int,
        thread_id: int | None,
        kind: ChatKind,
        title: str,
        now: datetime,
        preferences: Preferences | None = None,
    ) -> Destination:
        """The destination of this chat and topic, made if it is new. One that was gone is active again."""
        values = {
            "chat_id": chat_id,
            "thread_id": thread_id or 0,
            "kind": kind,
            "title": title,
            "standing": Standing.ACTIVE,
            "reason": None,
            "created_at": now,
        } | _preferences(preferences or Preferences())
        statement = upsert(self._connection, destinations).values(values)
        made = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[destinations.c.chat_id, destinations.c.thread_id],
                set_={name: statement.excluded[name] for name in ("kind", "title", "standing", "reason")},
            ).returning(destinations)
        )
        return destination_of(made.mappings().one())

    async def of_chat(self, chat_id: int) -> list[Destination]:
        """The chat and all its topics that ever set anything."""
        found = await self._connection.execute(
            select(destinations).where(destinations.c.chat_id == chat_id).order_by(destinations.c.id)
        )
        return [destination_of(row) for row in found.mappings()]

    async def many(self, ids: Collection[DestinationId]) -> dict[DestinationId, Destination]:
        found = await self._connection.execute(
            select(destinations).where(destinations.c.id.in_(few_lengths(ids)))
        )
        return {row["id"]: destination_of(row) for row in found.mappings()}

    async def everyone(self) -> list[Destination]:
        found = await self._connection.execute(select(destinations).order_by(destinations.c.id))
        return [destination_of(row) for row in found.mappings()]

    async def count(self) -> dict[Standing, int]:
        found = await self._connection.execute(
            select(destinations.c.standing, func.count()).group_by(destinations.c.standing)
        )
        return {row[0]: row[1] for row in found}

    async def prefer(self, destination_id: DestinationId, preferences: Preferences) -> None:
        await self._connection.execute(
            update(destinations).where(destinations.c.id == destination_id).values(_preferences(preferences))
        )

    async def subscribe(
        self, destination_id: DestinationId, scope_id: ScopeId, now: datetime, *, muted: bool = False
    ) -> None:
        """Want, or with `muted` never want, this scope. Saying so twice changes nothing."""
        statement = upsert(self._connection, subscriptions).values(
            destination_id=destination_id, scope_id=scope_id, muted=muted, created_at=now
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[subscriptions.c.scope_id, subscriptions.c.destination_id],
                set_={"muted": statement.excluded.muted},
            )
        )

    async def unsubscribe(self, destination_id: DestinationId, scope_id: ScopeId | None = None) -> int:
        """Drop one subscription, or all; returns how many there were."""
        statement = delete(subscriptions).where(subscriptions.c.destination_id == destination_id)
        if scope_id is not None:
            statement = statement.where(subscriptions.c.scope_id == scope_id)
        return (await self._connection.execute(statement)).rowcount

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
        """The scopes this destination wants; muted ones are not among them."""
        found = await self._connection.execute(
            select(subscriptions.c.scope_id).where(
                subscriptions.c.destination_id == destination_id, ~subscriptions.c.muted
            )
        )
        return frozenset(found.scalars())

    async def subscribers(self) -> int:
        """How many active destinations have a subscription."""
        found = await self._connection.execute(
            select(func.count(subscriptions.c.destination_id.distinct()))
            .join(destinations, destinations.c.id == subscriptions.c.destination_id)
            .where(destinations.c.standing == Standing.ACTIVE, ~subscriptions.c.muted)
        )
        return int(found.scalar_one())

    async def gone(self, chat_id: int, reason: str) -> None:
        """The chat cannot be written to. Its subscriptions stay for its return."""
        await self._stand(chat_id, Standing.GONE, reason)

    async def returned(self, chat_id: int) -> None:
        await self._stand(chat_id, Standing.ACTIVE, None)

    async def _stand(self, chat_id: int, standing: Standing, reason: str | None) -> None:
        await self._connection.execute(
            update(destinations)
            .where(destinations.c.chat_id == chat_id)
            .values(standing=standing, reason=reason, refusals=0)
        )

    async def refused(self, destination_id: DestinationId) -> int:
        """Count one more refusal in a row of this destination; returns the count."""
        counted = await self._connection.execute(
            update(destinations)
            .where(destinations.c.id == destination_id)
            .values(refusals=destinations.c.refusals + 1)
            .returning(destinations.c.refusals)
        )
        return int(counted.scalar_one_or_none() or 0)

    async def accepted(self, ids: Collection[DestinationId]) -> None:
        """A message arrived there: the count of refusals in a row ends."""
        await self._connection.execute(
            update(destinations)
            .where(destinations.c.id.in_(ids), destinations.c.refusals > 0)
            .values(refusals=0)
        )

    async def freeze(self, chat_id: int, until: datetime) -> None:
        """Telegram said when this chat may be written to again; kept so that a restart obeys it too."""
        await self._connection.execute(
            update(destinations).where(destinations.c.chat_id == chat_id).values(not_before=until)
        )

    async def frozen(self, now: datetime) -> dict[int, datetime]:
        """The chats that must not be written to yet, and until when."""
        found = await self._connection.execute(
            select(destinations.c.chat_id, func.max(destinations.c.not_before).label("until"))
            .where(destinations.c.not_before > now)
            .group_by(destinations.c.chat_id)
        )
        return {row.chat_id: row.until for row in found}

    async def forget(self, chat_id: int) -> None:
        """Erase a chat and everything it set."""
        await self._connection.execute(delete(destinations).where(destinations.c.chat_id == chat_id))

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


def destination_of(row: RowMapping) -> Destination:
    return Destination(
        id=row["id"],
        chat_id=row["chat_id"],
        thread_id=row["thread_id"] or None,
        kind=row["kind"],
        title=row["title"],
        standing=row["standing"],
        reason=row["reason"],
        preferences=Preferences(
            language=row["language"],
            format=row["format"],
            when=row["when"],
            hour=row["hour"],
            weekday=row["weekday"],
            quiet_from=time_of(row["quiet_from"]),
            quiet_to=time_of(row["quiet_to"]),
            time_zone=row["time_zone"],
            silent=row["silent"],
            excerpt=row["excerpt"],
            pictures=row["pictures"],
        ),
        refusals=row["refusals"],
    )


def _preferences(preferences: Preferences) -> dict[str, object]:
    return {
        "language": preferences.language,
        "format": preferences.format,
        "when": preferences.when,
        "hour": preferences.hour,
        "weekday": preferences.weekday,
        "quiet_from": minutes_of(preferences.quiet_from),
        "quiet_to": minutes_of(preferences.quiet_to),
        "time_zone": preferences.time_zone,
        "silent": preferences.silent,
        "excerpt": preferences.excerpt,
        "pictures": preferences.pictures,
    }


def minutes_of(at: time | None) -> int | None:
    """A local time as it is stored: minutes after midnight."""
    return None if at is None else at.hour * 60 + at.minute


def time_of(minutes: int | None) -> time | None:
    return None if minutes is None else time(minutes // 60, minutes % 60)

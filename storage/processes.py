"""State that processes share: leases, processed updates, key-values.

A lease is held as long as it is renewed; an expired one can be taken by any process.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import now_on, upsert
from storage.schema import facts, leases, updates


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A held lease; `token` is the fencing token, new for every holder."""

    name: str
    owner: str
    token: str
    until: datetime


class Leases:
    """`now` is the time on SQLite; on PostgreSQL it is asked of the database, whose clock all share."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, name: str, owner: str, now: datetime, span: timedelta) -> Lease | None:
        """Take a free or expired lease for `span` from now; return None while it is held, even by `owner`."""
        at = await now_on(self._connection, now)
        statement = upsert(self._connection, leases).values(
            name=name, owner=owner, token=uuid4().hex, until=at + span
        )
        taken = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[leases.c.name],
                set_={column: statement.excluded[column] for column in ("owner", "token", "until")},
                where=leases.c.until <= at,
            ).returning(leases)
        )
        row = taken.first()
        return Lease(name=row.name, owner=row.owner, token=row.token, until=row.until) if row else None

    async def renew(self, name: str, token: str, now: datetime, span: timedelta) -> bool:
        """Extend the lease for `span` from now; return False if it has expired, even if it is still free."""
        at = await now_on(self._connection, now)
        renewed = await self._connection.execute(
            update(leases)
            .where(leases.c.name == name, leases.c.token == token, leases.c.until > at)
            .values(until=at + span)
        )
        return renewed.rowcount == 1

    async def release(self, name: str, token: str) -> None:
        """Release the lease if `token` still holds it."""
        await self._connection.execute(delete(leases).where(leases.c.name == name, leases.c.token == token))

    async def held(self, now: datetime) -> list[Lease]:
        """Every lease that did not run out."""
        at = await now_on(self._connection, now)
        found = await self._connection.execute(
            select(leases).where(leases.c.until > at).order_by(leases.c.name)
        )
        return [Lease(name=row.name, owner=row.owner, token=row.token, until=row.until) for row in found]

    async def prune(self, before: datetime) -> None:
        """Delete the leases that expired before `before`, such as those of killed processes."""
        await self._connection.execute(delete(leases).where(leases.c.until < before))


class ProcessedUpdates:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def seen(self, number: int) -> bool:
        found = await self._connection.execute(select(updates.c.seen_at).where(updates.c.update_id == number))
        return found.first() is not None

    async def highest(self) -> int | None:
        """Return the highest stored update id."""
        found = await self._connection.execute(select(func.max(updates.c.update_id)))
        number: int | None = found.scalar_one()
        return number

    async def mark(self, numbers: Iterable[int], now: datetime) -> None:
        """Mark these updates as processed; one that is marked already stays unchanged."""
        rows = [{"update_id": number, "seen_at": now} for number in numbers]
        if rows:
            statement = upsert(self._connection, updates).on_conflict_do_nothing()
            await self._connection.execute(statement, rows)

    async def stamp(self, number: int, began: datetime) -> bool:
        """Mark it within the transaction that is its effect; False if another handling has done so.

        `began` identifies one handling of an update, which may stamp more than once.
        """
        await self.mark([number], began)
        found = await self._connection.execute(select(updates.c.seen_at).where(updates.c.update_id == number))
        return bool(found.scalar_one() == began)

    async def prune(self, before: datetime) -> None:
        """Forget what was handled before `before`: Telegram keeps an update for a day."""
        await self._connection.execute(delete(updates).where(updates.c.seen_at < before))


class KeyValues:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, name: str) -> str | None:
        found = await self._connection.execute(select(facts.c.value).where(facts.c.name == name))
        return found.scalar_one_or_none()

    async def put(self, name: str, value: str) -> None:
        statement = upsert(self._connection, facts).values(name=name, value=value)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[facts.c.name], set_={"value": statement.excluded.value}
            )
        )

    async def remove(self, *names: str) -> None:
        """Delete these values; a missing one is no error."""
        await self._connection.execute(delete(facts).where(facts.c.name.in_(names)))

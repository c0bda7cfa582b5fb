"""State that processes share: leases, processed updates, key-values.

A lease is held as long as it is renewed; an expired one can be taken by any process.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, func, select

from storage.engine import DataAccess, now_on, upsert
from storage.schema import facts, leases, updates


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A held lease; `token` is the fencing token, new for every holder."""

    name: str
    owner: str
    token: str
    until: datetime


class Leases(DataAccess):
    """`now` is the time on SQLite; on PostgreSQL it is asked of the database, whose clock all share."""

    async def take(self, name: str, owner: str, now: datetime, span: timedelta) -> Lease | None:
        """Take a free or expired lease for `span` from now; return None while it is held, even by `owner`."""
        at = await now_on(self._connection, now)
        statement = upsert(self._connection, leases).values(
            name=name, owner=owner, token=uuid4().hex, until=at + span
        )
        row = await self._first(
            statement.on_conflict_do_update(
                index_elements=[leases.c.name],
                set_={column: statement.excluded[column] for column in ("owner", "token", "until")},
                where=leases.c.until <= at,
            ).returning(leases)
        )
        return Lease(name=row.name, owner=row.owner, token=row.token, until=row.until) if row else None

    async def renew(self, name: str, token: str, now: datetime, span: timedelta) -> bool:
        """Extend the lease for `span` from now; return False if it has expired, even if it is still free."""
        at = await now_on(self._connection, now)
        held = (leases.c.name == name, leases.c.token == token, leases.c.until > at)
        return await self._update(leases, *held, until=at + span) == 1

    async def release(self, name: str, token: str) -> None:
        """Release the lease if `token` still holds it."""
        await self._write(delete(leases).where(leases.c.name == name, leases.c.token == token))

    async def held(self, now: datetime) -> list[Lease]:
        """Every lease that did not run out."""
        at = await now_on(self._connection, now)
        found = await self._rows(select(leases).where(leases.c.until > at).order_by(leases.c.name))
        return [Lease(name=row.name, owner=row.owner, token=row.token, until=row.until) for row in found]

    async def prune(self, before: datetime) -> None:
        """Delete the leases that expired before `before`, such as those of killed processes."""
        await self._write(delete(leases).where(leases.c.until < before))


class ProcessedUpdates(DataAccess):
    async def seen(self, number: int) -> bool:
        return await self._first(select(updates.c.seen_at).where(updates.c.update_id == number)) is not None

    async def highest(self) -> int | None:
        """Return the highest stored update id."""
        return await self._value(select(func.max(updates.c.update_id)))

    async def mark(self, numbers: Iterable[int], now: datetime) -> None:
        """Mark these updates as processed; one that is marked already stays unchanged."""
        rows = [{"update_id": number, "seen_at": now} for number in numbers]
        if rows:
            await self._put(updates, rows)

    async def stamp(self, number: int, began: datetime) -> bool:
        """Mark it within the transaction that is its effect; False if another handling has done so.

        `began` identifies one handling of an update, which may stamp more than once.
        """
        await self.mark([number], began)
        stored = await self._value(select(updates.c.seen_at).where(updates.c.update_id == number))
        return stored == began

    async def prune(self, before: datetime) -> None:
        """Forget what was handled before `before`: Telegram keeps an update for a day."""
        await self._write(delete(updates).where(updates.c.seen_at < before))


class KeyValues(DataAccess):
    async def get(self, name: str) -> str | None:
        return await self._value(select(facts.c.value).where(facts.c.name == name))

    async def put(self, name: str, value: str) -> None:
        await self._put(facts, {"name": name, "value": value}, "value")

    async def remove(self, *names: str) -> None:
        """Delete these values; a missing one is no error."""
        await self._write(delete(facts).where(facts.c.name.in_(names)))

"""The pages that are fetched by themselves: how each goes, and whose turn it is.

A claim is a lease: several processes may share the work, and one that died gives its claim back by time.
"""

from collections.abc import Collection
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import RowMapping, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.dialect import upsert
from storage.model import Source
from storage.schema import sources

_FIELDS = tuple(field.name for field in fields(Source))


class Sources:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(self, urls: Collection[str], now: datetime) -> None:
        """These and no others are fetched; a new one at once."""
        await self._connection.execute(delete(sources).where(sources.c.url.not_in(urls)))
        if urls:
            await self._connection.execute(
                upsert(self._connection, sources).on_conflict_do_nothing(),
                [{"url": url, "next_run": now} for url in urls],
            )

    async def everything(self) -> list[Source]:
        found = await self._connection.execute(select(sources).order_by(sources.c.url))
        return [_source(row) for row in found.mappings()]

    async def claim(
        self, urls: Collection[str], now: datetime, lease: timedelta
    ) -> tuple[Source, str] | None:
        """One of `urls` that is due and nobody's, with the token of the claim; the longest overdue first."""
        free = or_(sources.c.lease_until.is_(None), sources.c.lease_until <= now)
        due = (
            select(sources.c.url)
            .where(sources.c.url.in_(urls), sources.c.next_run <= now, free)
            .order_by(sources.c.next_run, sources.c.url)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        token = uuid4().hex
        taken = await self._connection.execute(
            update(sources)
            .where(sources.c.url.in_(due))
            .values(lease_until=now + lease, token=token)
            .returning(sources)
        )
        row = taken.mappings().first()
        return (_source(row), token) if row else None

    async def settle(self, source: Source, token: str) -> bool:
        """Write how a try ended and give the claim back; False if it was someone else's by then."""
        values = asdict(source) | {"lease_until": None, "token": None}
        written = await self._connection.execute(
            update(sources).where(sources.c.url == source.url, sources.c.token == token).values(values)
        )
        return written.rowcount == 1


def _source(row: RowMapping) -> Source:
    return Source(**{name: row[name] for name in _FIELDS})

"""Log of ingested dumps by the hash of their bytes, and the state of the fetched sources."""

import json
from collections.abc import Collection
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import RowMapping, Select, and_, delete, insert, or_, select, update

from storage.engine import DataAccess
from storage.model import DumpId, DumpRecord, Layout, Note, NoteKind, PostId, Source
from storage.schema import dumps, sources
from storage.schema import posts as _posts

_FIELDS = tuple(field.name for field in fields(Source))


class Dumps(DataAccess):
    async def find(self, sha256: str) -> DumpRecord | None:
        return next(iter(await self._records(select(dumps).where(dumps.c.sha256 == sha256))), None)

    async def behind(self, posts: Collection[PostId], dump: DumpId | None = None) -> list[str]:
        """Return the hashes of the dumps that first showed these posts, and of `dump`; oldest first."""
        first = select(_posts.c.first_dump_id).where(_posts.c.id.in_(posts))
        return await self._column(
            select(dumps.c.sha256).where(or_(dumps.c.id.in_(first), dumps.c.id == dump)).order_by(dumps.c.id)
        )

    async def add(self, record: DumpRecord) -> DumpRecord:
        """Write a new line; its id is given by the database."""
        values = asdict(record)
        values |= {"layout": record.layout and str(record.layout), "notes": _notes_json(record.notes)}
        del values["id"]
        added = await self._number(insert(dumps).values(values).returning(dumps.c.id))
        return replace(record, id=DumpId(added))

    async def recent(self, limit: int) -> list[DumpRecord]:
        return await self._records(select(dumps).order_by(dumps.c.id.desc()).limit(limit))

    async def previous_notes(self, dump_id: DumpId) -> tuple[Note, ...]:
        """Return the notes of the dump of the same name before `dump_id`."""
        this = dumps.alias("this")
        before = (
            select(dumps.c.notes)
            .join(this, and_(this.c.id == dump_id, dumps.c.name == this.c.name, dumps.c.id < this.c.id))
            .order_by(dumps.c.id.desc())
            .limit(1)
        )
        return _notes(await self._value(before))

    async def last_news(self) -> DumpRecord | None:
        """Return the latest dump that contained a new post."""
        newest = select(dumps).where(dumps.c.new > 0).order_by(dumps.c.id.desc()).limit(1)
        return next(iter(await self._records(newest)), None)

    async def names(self, origin: str) -> set[str]:
        """Return the names of the dumps of this origin that could be parsed."""
        return set(
            await self._column(select(dumps.c.name).where(dumps.c.origin == origin, dumps.c.error.is_(None)))
        )

    async def let_go(self, dump_id: DumpId) -> None:
        """Mark the held deliveries of this dump as decided."""
        await self._update(dumps, dumps.c.id == dump_id, held=False)

    async def held(self) -> list[DumpRecord]:
        return await self._records(select(dumps).where(dumps.c.held).order_by(dumps.c.id))

    async def _records(self, statement: Select[tuple[object, ...]]) -> list[DumpRecord]:
        return [_record(row) for row in await self._mappings(statement)]

    async def keep_sources(self, urls: Collection[str], now: datetime) -> None:
        """Replace the fetched sources by `urls`; a new one is due at once."""
        await self._write(delete(sources).where(sources.c.url.not_in(urls)))
        if urls:
            await self._put(sources, [{"url": url, "next_run": now} for url in urls])

    async def sources(self) -> list[Source]:
        found = await self._mappings(select(sources).order_by(sources.c.url))
        return [_source(row) for row in found]

    async def claim_source(
        self, urls: Collection[str], now: datetime, lease: timedelta
    ) -> tuple[Source, str] | None:
        """Claim the longest overdue of `urls` and return it with the claim's token; None if none is due."""
        free = or_(sources.c.lease_until.is_(None), sources.c.lease_until <= now)
        due = (
            select(sources.c.url)
            .where(sources.c.url.in_(urls), sources.c.next_run <= now, free)
            .order_by(sources.c.next_run, sources.c.url)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        token = uuid4().hex
        taken = await self._mappings(
            update(sources)
            .where(sources.c.url.in_(due))
            .values(lease_until=now + lease, token=token)
            .returning(sources)
        )
        return (_source(taken[0]), token) if taken else None

    async def settle_source(self, source: Source, token: str) -> bool:
        """Write the result of a fetch and release the claim; return False if the claim had expired."""
        values = asdict(source) | {"lease_until": None, "token": None}
        its = (sources.c.url == source.url, sources.c.token == token)
        return await self._update(sources, *its, **values) == 1


def _record(row: RowMapping) -> DumpRecord:
    layout = Layout(row["layout"]) if row["layout"] else None
    return DumpRecord(**{**row, "layout": layout, "notes": _notes(row["notes"])})


def _notes(stored: str | None) -> tuple[Note, ...]:
    return tuple(Note(NoteKind(kind), text) for kind, text in json.loads(stored or "[]"))


def _notes_json(notes: tuple[Note, ...]) -> str | None:
    """Return `notes` as a JSON array of pairs (kind, text), None for no notes."""
    return json.dumps([(note.kind, note.text) for note in notes], ensure_ascii=False) if notes else None


def _source(row: RowMapping) -> Source:
    return Source(**{name: row[name] for name in _FIELDS})

"""Bookmarks and read marks, by the Telegram id of the user."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import upsert
from storage.model import Mark, Marks, PostId
from storage.schema import bookmarks


class Bookmarks:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, user_id: int, post_id: PostId) -> Marks:
        found = await self._connection.execute(
            select(bookmarks).where(bookmarks.c.user_id == user_id, bookmarks.c.post_id == post_id)
        )
        row = found.first()
        return Marks(saved=row.saved_at is not None, read=row.read_at is not None) if row else Marks()

    async def save(self, user_id: int, post_id: PostId, now: datetime) -> None:
        await self._mark(user_id, post_id, "saved_at", now)

    async def unsave(self, user_id: int, post_id: PostId) -> None:
        await self._unmark(user_id, post_id, "saved_at")

    async def read(self, user_id: int, post_id: PostId, now: datetime) -> None:
        await self._mark(user_id, post_id, "read_at", now)

    async def unread(self, user_id: int, post_id: PostId) -> None:
        await self._unmark(user_id, post_id, "read_at")

    async def saved(self, user_id: int) -> list[PostId]:
        """Return the saved posts, the latest saved first."""
        found = await self._connection.execute(
            select(bookmarks.c.post_id)
            .where(bookmarks.c.user_id == user_id, bookmarks.c.saved_at.is_not(None))
            .order_by(bookmarks.c.saved_at.desc(), bookmarks.c.post_id.desc())
        )
        return list(found.scalars())

    async def have_read(self, user_id: int) -> frozenset[PostId]:
        found = await self._connection.execute(
            select(bookmarks.c.post_id).where(
                bookmarks.c.user_id == user_id, bookmarks.c.read_at.is_not(None)
            )
        )
        return frozenset(found.scalars())

    async def people(self) -> list[int]:
        """Everybody who marked anything."""
        found = await self._connection.execute(
            select(bookmarks.c.user_id).distinct().order_by(bookmarks.c.user_id)
        )
        return list(found.scalars())

    async def everything_of(self, user_id: int) -> list[Mark]:
        found = await self._connection.execute(
            select(bookmarks).where(bookmarks.c.user_id == user_id).order_by(bookmarks.c.post_id)
        )
        return [Mark(post_id=row.post_id, saved_at=row.saved_at, read_at=row.read_at) for row in found]

    async def put(self, user_id: int, mark: Mark) -> None:
        """Write a mark as it was taken from elsewhere."""
        statement = upsert(self._connection, bookmarks).values(
            user_id=user_id, post_id=mark.post_id, saved_at=mark.saved_at, read_at=mark.read_at
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[bookmarks.c.user_id, bookmarks.c.post_id],
                set_={"saved_at": mark.saved_at, "read_at": mark.read_at},
            )
        )

    async def forget(self, user_id: int) -> None:
        await self._connection.execute(delete(bookmarks).where(bookmarks.c.user_id == user_id))

    async def _mark(self, user_id: int, post_id: PostId, column: str, now: datetime) -> None:
        statement = upsert(self._connection, bookmarks).values(
            {"user_id": user_id, "post_id": post_id, column: now}
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[bookmarks.c.user_id, bookmarks.c.post_id], set_={column: now}
            )
        )

    async def _unmark(self, user_id: int, post_id: PostId, column: str) -> None:
        await self._connection.execute(
            update(bookmarks)
            .where(bookmarks.c.user_id == user_id, bookmarks.c.post_id == post_id)
            .values({column: None})
        )

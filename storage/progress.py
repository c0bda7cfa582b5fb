"""Reading progress: courses of destinations, bookmarks and read marks of people."""

from datetime import datetime

from sqlalchemy import Row, and_, delete, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.destinations import destination_of
from storage.engine import upsert
from storage.enqueue import due_at, duties_to, plan
from storage.model import (
    Course,
    DeliveryKind,
    Destination,
    DestinationId,
    Mark,
    Marks,
    PostId,
    Priority,
    Scope,
    ScopeId,
    Stage,
    Standing,
)
from storage.schema import bookmarks, courses, destinations, scopes

COLUMNS = (courses, scopes.c.kind, scopes.c.key, scopes.c.name)


class Courses:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, destination_id: DestinationId, scope_id: ScopeId) -> Course | None:
        found = await self._connection.execute(
            select(*COLUMNS)
            .join(scopes, scopes.c.id == courses.c.scope_id)
            .where(courses.c.destination_id == destination_id, courses.c.scope_id == scope_id)
        )
        row = found.first()
        return _course(row) if row else None

    async def of(self, destination_id: DestinationId) -> list[Course]:
        """All courses of a destination, those under way first."""
        found = await self._connection.execute(
            select(*COLUMNS)
            .join(scopes, scopes.c.id == courses.c.scope_id)
            .where(courses.c.destination_id == destination_id)
            .order_by(courses.c.stage != Stage.RUNNING, courses.c.since.desc(), courses.c.scope_id)
        )
        return [_course(row) for row in found]

    async def running(self) -> list[tuple[Course, Destination]]:
        """Return every running course whose destination is active."""
        goes_on = and_(courses.c.stage == Stage.RUNNING, destinations.c.standing == Standing.ACTIVE)
        theirs = await self._connection.execute(
            select(destinations).where(
                destinations.c.id.in_(select(courses.c.destination_id)),
                destinations.c.standing == Standing.ACTIVE,
            )
        )
        chats = {row["id"]: destination_of(row) for row in theirs.mappings()}
        found = await self._connection.execute(
            select(*COLUMNS)
            .join(scopes, scopes.c.id == courses.c.scope_id)
            .join(destinations, destinations.c.id == courses.c.destination_id)
            .where(goes_on)
            .order_by(courses.c.destination_id, courses.c.scope_id)
        )
        return [(_course(row), chats[row.destination_id]) for row in found]

    async def put(self, course: Course) -> None:
        """Write a course as it is now."""
        statement = upsert(self._connection, courses).values(
            destination_id=course.destination_id,
            scope_id=course.scope.id,
            stage=course.stage,
            when=course.when,
            post_id=course.last,
            since=course.since,
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[courses.c.destination_id, courses.c.scope_id],
                set_={name: statement.excluded[name] for name in ("stage", "when", "post_id", "since")},
            )
        )

    async def teach(self, course: Course, post_id: PostId, now: datetime) -> bool:
        """Plan the lesson that is `post_id`; False if this destination was taught it before."""
        lesson = duties_to(
            destinations.c.id,
            literal(f"course:{post_id}"),
            DeliveryKind.COURSE,
            Priority.POST,
            now,
            post_id=literal(post_id),
            scope_id=literal(course.scope.id),
            due=due_at(now),
        ).where(destinations.c.id == course.destination_id)
        return await plan(self._connection, lesson) > 0


def _course(row: Row[tuple[object, ...]]) -> Course:
    return Course(
        destination_id=row.destination_id,
        scope=Scope(id=row.scope_id, kind=row.kind, key=row.key, name=row.name),
        stage=row.stage,
        when=row.when,
        last=row.post_id,
        since=row.since,
    )


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

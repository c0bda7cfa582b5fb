"""Courses: the progress of destinations that read a series from its first part."""

from datetime import datetime

from sqlalchemy import Row, and_, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.destination_rows import destination_of
from storage.engine import upsert
from storage.enqueue import due_at, duties_to, plan
from storage.model import (
    Course,
    DeliveryKind,
    Destination,
    DestinationId,
    PostId,
    Priority,
    Scope,
    ScopeId,
    Stage,
    Standing,
)
from storage.schema import courses, destinations, scopes

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

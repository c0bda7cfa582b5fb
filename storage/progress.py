"""Reading over time: waiting posts, courses, bookmarks and read marks."""

from datetime import datetime

from sqlalchemy import ColumnElement, Row, String, and_, cast, delete, func, literal, select, update

from storage.chunks import DeliveryChunks
from storage.destinations import destination_of, minutes_of, time_of
from storage.engine import DataAccess, now_on
from storage.enqueue import digests, due_at, duties_to, plan, plan_many, singles
from storage.model import (
    Course,
    DeliveryKind,
    Destination,
    DestinationId,
    Mark,
    Marks,
    PostId,
    Priority,
    Rhythm,
    Scope,
    ScopeId,
    Stage,
    Standing,
    State,
)
from storage.schema import bookmarks, courses, destinations, posts, scopes, waiting

AWAITED = and_(~waiting.c.held, destinations.c.standing == Standing.ACTIVE)
RHYTHM = (
    destinations.c.when,
    destinations.c.hour,
    destinations.c.weekday,
    destinations.c.quiet_from,
    destinations.c.quiet_to,
    destinations.c.time_zone,
)


class Waiting(DataAccess):
    """Posts that wait for the hour of a digest or for the end of quiet hours."""

    async def rhythms(self) -> list[tuple[Rhythm, datetime]]:
        """Every rhythm for which something waits, and since when the oldest of it does."""
        found = await self._rows(
            select(*RHYTHM, func.min(waiting.c.since).label("since"))
            .join(destinations, destinations.c.id == waiting.c.destination_id)
            .where(AWAITED)
            .group_by(*RHYTHM)
        )
        return [
            (
                Rhythm(
                    when=row.when,
                    hour=row.hour,
                    weekday=row.weekday,
                    quiet_from=time_of(row.quiet_from),
                    quiet_to=time_of(row.quiet_to),
                    time_zone=row.time_zone,
                ),
                row.since,
            )
            for row in found
        ]

    async def posts(self, destination_id: DestinationId) -> list[PostId]:
        """Return the posts that wait for a destination."""
        return await self._column(select(waiting.c.post_id).where(waiting.c.destination_id == destination_id))

    async def plan(
        self,
        rhythm: Rhythm,
        until: datetime,
        duty: str,
        now: datetime,
        *,
        digest_above: int,
        batch: int,
        after: int = 0,
    ) -> tuple[int, DestinationId | None]:
        """Turn what has waited since `until` or longer into deliveries, `batch` waiting posts of it.

        More than `digest_above` posts of one destination become a digest called `duty` and its last post, so
        that no two digests ever have one name; the others go singly, oldest first. `after` is the last
        destination of the batch before. Return how many were planned, and the last destination if there may
        be more.
        """
        now = min(now, await now_on(self._connection, now))
        keepers = select(destinations.c.id).where(
            destinations.c.standing == Standing.ACTIVE, *_keeping(rhythm)
        )
        mine = [~waiting.c.held, waiting.c.since <= until, waiting.c.destination_id.in_(keepers)]
        mine.append(waiting.c.destination_id > after)
        next_row = select(waiting.c.destination_id).where(*mine).order_by(waiting.c.destination_id)
        last: DestinationId | None = await self._value(next_row.offset(batch - 1).limit(1))
        if last is not None:
            mine.append(waiting.c.destination_id <= last)
        counted = (
            select(
                waiting.c.destination_id,
                waiting.c.post_id,
                waiting.c.scope_id,
                func.count().over(partition_by=waiting.c.destination_id).label("posts"),
            )
            .where(*mine)
            .cte("due")
        )
        name = literal(f"{duty}:").concat(cast(func.max(counted.c.post_id), String))
        listed = digests(self._connection, counted, name, State.PENDING, now)
        listed = listed.where(counted.c.posts > digest_above)
        single = (
            singles(counted, State.PENDING, now)
            .where(counted.c.posts <= digest_above)
            .order_by(posts.c.date.nulls_last(), posts.c.id, counted.c.destination_id)
        )
        planned = await plan_many(self._connection, listed, Priority.DIGEST, now)
        if digest_above:
            planned += await plan_many(self._connection, single, Priority.POST, now)
        await self._write(delete(waiting).where(*mine))
        return planned, last


def _keeping(rhythm: Rhythm) -> list[ColumnElement[bool]]:
    """Which destinations keep this rhythm."""
    values = (
        rhythm.when,
        rhythm.hour,
        rhythm.weekday,
        minutes_of(rhythm.quiet_from),
        minutes_of(rhythm.quiet_to),
        rhythm.time_zone,
    )
    return [
        (column == value) if value is not None else column.is_(None)
        for column, value in zip(RHYTHM, values, strict=True)
    ]


COURSES = select(courses, scopes.c.kind, scopes.c.key, scopes.c.name).join(
    scopes, scopes.c.id == courses.c.scope_id
)


class Courses(DataAccess):
    async def find(self, destination_id: DestinationId, scope_id: ScopeId) -> Course | None:
        row = await self._first(
            COURSES.where(courses.c.destination_id == destination_id, courses.c.scope_id == scope_id)
        )
        return _course(row) if row else None

    async def of(self, destination_id: DestinationId) -> list[Course]:
        """All courses of a destination, those under way first."""
        found = await self._rows(
            COURSES.where(courses.c.destination_id == destination_id).order_by(
                courses.c.stage != Stage.RUNNING, courses.c.since.desc(), courses.c.scope_id
            )
        )
        return [_course(row) for row in found]

    async def running(self) -> list[tuple[Course, Destination]]:
        """Return every running course whose destination is active."""
        goes_on = and_(courses.c.stage == Stage.RUNNING, destinations.c.standing == Standing.ACTIVE)
        theirs = await self._mappings(
            select(destinations).where(
                destinations.c.id.in_(select(courses.c.destination_id)),
                destinations.c.standing == Standing.ACTIVE,
            )
        )
        chats = {row["id"]: destination_of(row) for row in theirs}
        found = await self._rows(
            COURSES.join(destinations, destinations.c.id == courses.c.destination_id)
            .where(goes_on)
            .order_by(courses.c.destination_id, courses.c.scope_id)
        )
        return [(_course(row), chats[row.destination_id]) for row in found]

    async def put(self, course: Course) -> None:
        """Write a course as it is now."""
        values = {
            "destination_id": course.destination_id,
            "scope_id": course.scope.id,
            "stage": course.stage,
            "when": course.when,
            "post_id": course.last,
            "since": course.since,
        }
        await self._put(courses, values, "stage", "when", "post_id", "since")

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
        await DeliveryChunks(self._connection).expand_for([course.destination_id])  # what precedes it
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


class Bookmarks(DataAccess):
    async def of(self, user_id: int, post_id: PostId) -> Marks:
        row = await self._first(
            select(bookmarks).where(bookmarks.c.user_id == user_id, bookmarks.c.post_id == post_id)
        )
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
        return await self._column(
            select(bookmarks.c.post_id)
            .where(bookmarks.c.user_id == user_id, bookmarks.c.saved_at.is_not(None))
            .order_by(bookmarks.c.saved_at.desc(), bookmarks.c.post_id.desc())
        )

    async def have_read(self, user_id: int) -> frozenset[PostId]:
        return frozenset(
            await self._column(
                select(bookmarks.c.post_id).where(
                    bookmarks.c.user_id == user_id, bookmarks.c.read_at.is_not(None)
                )
            )
        )

    async def people(self) -> list[int]:
        """Everybody who marked anything."""
        return await self._column(select(bookmarks.c.user_id).distinct().order_by(bookmarks.c.user_id))

    async def everything_of(self, user_id: int) -> list[Mark]:
        found = await self._rows(
            select(bookmarks).where(bookmarks.c.user_id == user_id).order_by(bookmarks.c.post_id)
        )
        return [Mark(post_id=row.post_id, saved_at=row.saved_at, read_at=row.read_at) for row in found]

    async def put(self, user_id: int, mark: Mark) -> None:
        """Write a mark as it was taken from elsewhere."""
        values = {
            "user_id": user_id,
            "post_id": mark.post_id,
            "saved_at": mark.saved_at,
            "read_at": mark.read_at,
        }
        await self._put(bookmarks, values, "saved_at", "read_at")

    async def forget(self, user_id: int) -> None:
        await self._write(delete(bookmarks).where(bookmarks.c.user_id == user_id))

    async def _mark(self, user_id: int, post_id: PostId, column: str, now: datetime) -> None:
        await self._put(bookmarks, {"user_id": user_id, "post_id": post_id, column: now}, column)

    async def _unmark(self, user_id: int, post_id: PostId, column: str) -> None:
        await self._write(
            update(bookmarks)
            .where(bookmarks.c.user_id == user_id, bookmarks.c.post_id == post_id)
            .values({column: None})
        )

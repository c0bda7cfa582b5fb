"""Worker for time-based deliveries: digests, the end of quiet hours, lessons.

Everything follows from the rows and the clock, so a restart loses and repeats nothing.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from bot.delivery.due_times import Due, dedup_key_of, due
from bot.supervisor import TriggeredWorker, wait_for
from storage.batches import BatchWriter
from storage.clock import Clock
from storage.database import Database, Transaction
from storage.model import ChatKind, Course, Destination, DestinationId, Post, PostId, Rhythm, Stage, When


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """`post` is lesson `number` of `of`; `gap` are the episodes between it and the one before."""

    post: Post
    number: int
    of: int
    gap: tuple[int, ...] = ()

    @property
    def last(self) -> bool:
        return self.number == self.of


def next_lesson(course: Course, episodes: Sequence[Post]) -> Lesson | None:
    """Return the lesson after the last one sent; None at the end of the ordered `episodes`."""
    at = next((i for i, post in enumerate(episodes) if post.id == course.last), -1)
    return lesson_of(episodes[at + 1].id, episodes) if at + 1 < len(episodes) else None


def lesson_of(post_id: PostId, episodes: Sequence[Post]) -> Lesson | None:
    """Return the lesson that the post is among the ordered `episodes`; None if it is not one."""
    at = next((i for i, post in enumerate(episodes) if post.id == post_id), None)
    if at is None:
        return None
    post = episodes[at]
    before = episodes[at - 1].episode if at else 0
    gap: tuple[int, ...] = ()
    if post.episode is not None and before is not None:
        gap = tuple(range(before + 1, post.episode))
    return Lesson(post=post, number=at + 1, of=len(episodes), gap=gap)


def is_due(course: Course, rhythm: Rhythm, now: datetime) -> bool:
    """Return whether the chosen hour has passed since the last lesson; quiet hours postpone it."""
    moment = due(replace(rhythm, when=course.when), now)
    return course.stage is Stage.RUNNING and moment is not None and course.since < moment.until


async def plan_due_lessons(database: Database, now: datetime) -> int:
    """Plan a lesson for every course that is due at `now` and return how many."""
    running = await database.read(lambda tx: tx.courses.running())
    waiting = [(course, to) for course, to in running if is_due(course, to.preferences, now)]
    if not waiting:
        return 0
    return await database.write(lambda tx: _plan_all(tx, waiting, now))


async def _plan_all(tx: Transaction, waiting: Sequence[tuple[Course, Destination]], now: datetime) -> int:
    planned = 0
    for seen, to in waiting:
        # Read again: the course may have been advanced or stopped since the first read.
        course = await tx.courses.find(to.id, seen.scope.id)
        if course is not None and is_due(course, to.preferences, now):
            planned += await plan_next_lesson(tx, course, now) is not None
    return planned


async def plan_next_lesson(tx: Transaction, course: Course, now: datetime) -> Lesson | None:
    """Plan the next lesson and move the course on; after the last one the series is subscribed instead."""
    episodes = await tx.posts.of_series(course.scope.id)
    lesson = next_lesson(course, episodes)
    if lesson is not None:
        await tx.courses.teach(course, lesson.post.id, now)
        to = (await tx.destinations.many([course.destination_id])).get(course.destination_id)
        if to is not None and to.kind is ChatKind.PRIVATE and to.preferences.lessons_read:
            await tx.bookmarks.read(to.chat_id, lesson.post.id, now)
        course = replace(course, last=lesson.post.id, since=now)
    if lesson is None or lesson.last:
        course = replace(course, stage=Stage.CAUGHT_UP, since=now)
        wishes = await tx.destinations.subscriptions(course.destination_id)
        # A series that was muted stays so: the course was asked for, its news were refused.
        if all(wish.scope.id != course.scope.id for wish in wishes):
            await tx.destinations.subscribe(course.destination_id, course.scope.id, now)
    await tx.courses.put(course)
    return lesson


log = logging.getLogger(__name__)

TOP_UP_SECONDS = 2.0  # between two looks at how many rows of a fan-out are due


class DueWorker(TriggeredWorker):
    """Turns what has become due into deliveries."""

    def __init__(
        self, database: Database, clock: Clock, *, digest_above: int, planned: Callable[[], None]
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._digest_above = digest_above
        self._planned = planned
        self._batches = BatchWriter(database, clock)
        self._expansions = BatchWriter(database, clock)  # of other rows: their number adapts by itself

    async def run_once(self) -> None:
        await self.expand_chunks()  # first, so that a failure of what follows does not stop the sending
        await self.advance_plans()
        await self.tick()
        await self.expand_chunks()
        while await self._has_chunks() and not await wait_for(self._news, TOP_UP_SECONDS):
            await self.expand_chunks()

    async def advance_plans(self) -> None:
        """Carry out what is planned, in batches."""
        if not await self._database.read(lambda tx: tx.planner.has_plans()):
            return
        advance = self._batches.write
        while (planned := await advance(lambda tx, batch: tx.planner.advance(batch))) is not None:
            if planned:
                self._planned()
            await self.expand_chunks()

    async def expand_chunks(self) -> None:
        """Turn chunks into rows while few of their priority are due."""
        while not self._stopping and await self._database.read(self._wants_rows):
            await self._expansions.write(lambda tx, rows: tx.chunks.expand(rows))
            self._planned()

    async def _wants_rows(self, tx: Transaction) -> bool:
        return await tx.planner.has_chunks() and await tx.chunks.wanted(await tx.now(self._clock.now()))

    async def _has_chunks(self) -> bool:
        return await self._database.read(lambda tx: tx.planner.has_chunks())

    async def tick(self) -> int:
        """Plan everything that is due now and return the number of deliveries."""
        now = self._clock.now()
        if corrected := await self._database.write(partial(_correct_clock, now)):
            log.warning("the clock was ahead: %s deliveries are due now", corrected)
            self._planned()
        planned = 0
        # Looked at first without the write lock, which the sender wants too.
        for rhythm, moment in await self._database.read(lambda tx: due_rhythms(tx, now)):
            planned += await self._plan(rhythm, moment, now)
        planned += await plan_due_lessons(self._database, now)
        if planned:
            log.info("%s digests, held back posts and lessons are due", planned)
            self._planned()
        return planned

    async def _plan(self, rhythm: Rhythm, moment: Due, now: datetime) -> int:
        """Plan everything due of this rhythm, in batches."""
        most = self._digest_above if rhythm.when is When.INSTANT else 0
        dedup_key, after, planned = dedup_key_of(rhythm, moment.day), DestinationId(0), 0
        while True:
            count, last = await self._batches.write(
                partial(_plan_batch, rhythm, moment.until, dedup_key, now, most, after)
            )
            planned += count
            if last is None:
                return planned
            after = last
            self._planned()
            await self.expand_chunks()


async def _plan_batch(
    rhythm: Rhythm,
    until: datetime,
    dedup_key: str,
    now: datetime,
    most: int,
    after: DestinationId,
    tx: Transaction,
    batch: int,
) -> tuple[int, DestinationId | None]:
    return await tx.waiting.plan(rhythm, until, dedup_key, now, digest_above=most, batch=batch, after=after)


async def _correct_clock(now: datetime, tx: Transaction) -> int:
    return await tx.outbox.correct_clock(await tx.now(now))


async def due_rhythms(tx: Transaction, now: datetime) -> list[tuple[Rhythm, Due]]:
    """Return the rhythms with something due at `now`."""
    found = [(rhythm, since, due(rhythm, now)) for rhythm, since in await tx.waiting.rhythms()]
    return [
        (rhythm, moment) for rhythm, since, moment in found if moment is not None and since <= moment.until
    ]

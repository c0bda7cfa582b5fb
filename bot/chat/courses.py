"""Handlers of courses and of reading progress."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time

from bot.archive_queries import known_count, next_unread, with_gaps
from bot.callbacks.actions import (
    CourseAction,
    CourseNext,
    CourseOffer,
    CoursePause,
    CourseResume,
    Courses,
    CourseStart,
    CourseStop,
    Reading,
    Setting,
)
from bot.chat import browse, subscribe
from bot.chat.context import Reply, RequestContext, Services
from bot.delivery.due_worker import plan_next_lesson
from bot.messages import courses, notices
from bot.messages.courses import CourseFacts, Progress
from bot.messages.elements import page_of
from bot.messages.post_lists import Gap
from bot.messages.scope_pages import Neighbour
from bot.messages.settings import zone_name
from bot.messages.text_parser import parse_value
from bot.render.document import Message
from storage.database import Transaction
from storage.model import Course, Post, PostId, Scope, ScopeId, ScopeKind, Stage


async def list_courses(tx: Transaction, _: Services, request: RequestContext, _action: Courses) -> Message:
    """Return all courses of the chat."""
    if request.destination is None:
        return courses.courses((), request.words)
    every = await tx.courses.of(request.destination.id)
    return courses.courses(tuple([await _facts(tx, request, one) for one in every]), request.words)


async def course(tx: Transaction, services: Services, request: RequestContext, name: str) -> Message:
    """Return all courses of the chat, or the one through the series `name`: /course."""
    if not name:
        return await list_courses(tx, services, request, Courses())
    rest, _, last = name.rpartition(" ")
    if rest and parse_value(Setting.WHEN, last) is not None:
        name = rest  # "扩散 每周": how often is asked with buttons
    found = await browse.lookup(tx, ScopeKind.SERIES, name)
    if isinstance(found, Scope):
        return await offer(tx, services, request, CourseOffer(found.id))
    return browse.several_or_none(found, ScopeKind.SERIES, name, request.words, CourseOffer)


async def offer(tx: Transaction, _: Services, request: RequestContext, action: CourseOffer) -> Message:
    """Return the course through a series, or the offer to start one."""
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None or scope.kind is not ScopeKind.SERIES:
        return notices.link_unknown(request.words)
    running = await tx.courses.find(request.destination.id, scope.id) if request.destination else None
    if running is not None:
        return courses.course(await _facts(tx, request, running), request.words)
    return courses.course_offer(scope, len(await tx.posts.of_series(scope.id)), request.words)


async def change(tx: Transaction, services: Services, request: RequestContext, action: CourseAction) -> Reply:
    """Start, pause, resume or stop a course, or plan its next lesson; all but the last are idempotent."""
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None or scope.kind is not ScopeKind.SERIES:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    to = (await subscribe.target_of(tx, services, request)).destination
    request, now = replace(request, destination=to), services.clock.now()
    course = await tx.courses.find(to.id, scope.id)
    if isinstance(action, CourseStart):
        last = course.last if course is not None else None
        course = Course(
            destination_id=to.id, scope=scope, stage=Stage.RUNNING, when=action.when, last=last, since=now
        )
    if course is None:
        return Reply(toast=notices.button_answer(request.words))
    match action:
        case CourseNext():
            return await _next(tx, request, course, now)
        case CoursePause() if course.stage is Stage.RUNNING:
            course = replace(course, stage=Stage.PAUSED)
        case CourseResume() if course.stage is Stage.PAUSED:
            course = replace(course, stage=Stage.RUNNING, since=now)
        case CourseStop() if course.stage is not Stage.CAUGHT_UP:
            course = replace(course, stage=Stage.STOPPED)
    await tx.courses.put(course)
    return Reply(message=courses.course(await _facts(tx, request, course), request.words), fresh=True)


async def _next(tx: Transaction, request: RequestContext, course: Course, now: datetime) -> Reply:
    """Plan the next lesson; a person who asks for it in private has read the one before."""
    words = request.words
    if course.stage not in (Stage.RUNNING, Stage.PAUSED):
        return Reply(toast=notices.course_over(words))
    marked = False
    if request.reader is not None and course.last is not None:
        marked = not (await tx.bookmarks.of(request.reader, course.last)).read
        await tx.bookmarks.read(request.reader, course.last, now)
    before = await tx.destinations.subscribed_to(course.destination_id)
    lesson = await plan_next_lesson(tx, course, now)
    if lesson is None:
        return Reply(toast=notices.course_over(words))
    now_subscribed = course.scope.id in await tx.destinations.subscribed_to(course.destination_id) - before
    toast = notices.lesson_sent(words, marked=marked, last=lesson.last, subscribed=now_subscribed)
    return Reply(toast=toast)


async def _facts(tx: Transaction, request: RequestContext, course: Course) -> CourseFacts:
    words = request.words
    episodes = await tx.posts.of_series(course.scope.id)
    sent = next((i for i, post in enumerate(episodes, 1) if post.id == course.last), 0)
    reached = max((post.episode or 0 for post in episodes[:sent]), default=0)
    gaps = [entry for entry in with_gaps(episodes, course.scope, ()) if isinstance(entry, Gap)]
    read = await browse.have_read(tx, request)
    return CourseFacts(
        scope=course.scope,
        stage=course.stage,
        when=course.when,
        at=words.clock(time(request.preferences.hour)),
        zone=zone_name(request.preferences.time_zone, words),
        weekday=words.weekday(request.preferences.weekday),
        sent=sent,
        of=len(episodes),
        read=None if request.reader is None else sum(post.id in read for post in episodes),
        next=_next_unread(episodes, read),
        gaps=tuple(gap.label for gap in gaps if gap.episode < reached),
    )


def _next_unread(episodes: Sequence[Post], read: frozenset[PostId]) -> Neighbour | None:
    unread = next_unread(episodes, read)
    return Neighbour(post=unread.id, episode=unread.episode) if unread is not None else None


async def reading(tx: Transaction, _: Services, request: RequestContext, action: Reading) -> Message:
    """Return the progress of every series that the reader has begun."""
    return await _progress(tx, request, action.page, None)


async def reading_named(tx: Transaction, _: Services, request: RequestContext, name: str) -> Message:
    """Return the progress of all series, or of the series `name` even if it is not begun: /read."""
    if not name:
        return await _progress(tx, request, 1, None)
    found = await browse.lookup(tx, ScopeKind.SERIES, name)
    if isinstance(found, Scope):
        return await _progress(tx, request, 1, found.id)
    return browse.several_or_none(found, ScopeKind.SERIES, name, request.words)


async def _progress(tx: Transaction, request: RequestContext, page: int, only: ScopeId | None) -> Message:
    """Return the series with a read post, those with least left first; `only` one of them if given."""
    if request.reader is None:
        return notices.only_private(request.words)
    progress = await progress_of(tx, request.reader, only)
    return courses.reading(page_of(progress, page), request.words)


async def progress_of(tx: Transaction, reader: int, only: ScopeId | None = None) -> list[Progress]:
    """Return the progress of a reader in every series begun, the least unfinished first."""
    read = await tx.bookmarks.have_read(reader)
    begun = {post.series_id for post in await tx.posts.many(read) if post.series_id is not None}
    progress = []
    for scope in (await tx.scopes.many(begun if only is None else {only})).values():
        episodes = await tx.posts.of_series(scope.id)
        progress.append(
            Progress(
                scope=scope,
                read=sum(post.id in read for post in episodes),
                have=len(episodes),
                known=known_count(with_gaps(episodes, scope, ())),
                next=_next_unread(episodes, read),
            )
        )
    return sorted(progress, key=lambda each: (each.next is None, each.have - each.read, each.scope.id))

"""Handlers of courses and of reading progress."""

from dataclasses import replace
from datetime import time

from bot.archive_queries import with_gaps
from bot.callbacks.actions import (
    CourseAction,
    CourseNext,
    CoursePause,
    CourseResume,
    CourseStart,
    CourseStop,
    Reading,
)
from bot.chat import browse, subscribe
from bot.chat.context import Reply, RequestContext, Services
from bot.delivery.courses import plan_next_lesson
from bot.messages import courses, notices, scope_pages
from bot.messages.courses import CourseFacts, Progress
from bot.messages.keyboards import page_of
from bot.messages.post_lists import Gap
from bot.messages.scope_pages import Asked
from bot.render.document import Message
from storage.database import Transaction
from storage.model import Course, Scope, ScopeId, ScopeKind, Stage


async def course(tx: Transaction, _services: Services, request: RequestContext, name: str) -> Message:
    """Return all courses of the chat, or the one through the series `name`: /course."""
    if name:
        return await course_named(tx, request, name)
    if request.destination is None:
        return courses.courses((), request.words)
    running = await tx.courses.of(request.destination.id)
    return courses.courses(tuple([await _facts(tx, request, one) for one in running]), request.words)


async def course_named(tx: Transaction, request: RequestContext, name: str) -> Message:
    """Return the course through the series `name`, or the offer to start one."""
    found = await browse.lookup(tx, ScopeKind.SERIES, name)
    if not isinstance(found, Scope):
        choices, nearest = found
        if choices:
            return scope_pages.choices(name, choices, request.words)
        return scope_pages.unknown_name(Asked.SERIES, name, nearest, request.words)
    running = await tx.courses.find(request.destination.id, found.id) if request.destination else None
    if running is not None:
        return courses.course(await _facts(tx, request, running), request.words)
    return courses.course_offer(found, len(await tx.posts.of_series(found.id)), request.words)


async def start(tx: Transaction, services: Services, request: RequestContext, action: CourseStart) -> Reply:
    """Start a course through a series, or continue one that was stopped."""
    found = await _course(tx, services, request, action)
    if isinstance(found, Reply):
        return found
    request, scope, before = found
    assert request.destination is not None
    course = Course(
        destination_id=request.destination.id,
        scope=scope,
        stage=Stage.RUNNING,
        when=action.when,
        last=before.last if before is not None else None,
        since=services.clock.now(),
    )
    return await _put(tx, request, course)


async def change(tx: Transaction, services: Services, request: RequestContext, action: CourseAction) -> Reply:
    """Pause, resume or stop a course, or plan its next lesson; all but the last are idempotent."""
    found = await _course(tx, services, request, action)
    if isinstance(found, Reply):
        return found
    request, _, course = found
    if course is None:
        return Reply(toast=notices.button_answer(request.words))
    now = services.clock.now()
    match action:
        case CourseNext():
            await plan_next_lesson(tx, course, now)
            return Reply(toast=notices.chosen(request.words))
        case CoursePause() if course.stage is Stage.RUNNING:
            course = replace(course, stage=Stage.PAUSED)
        case CourseResume() if course.stage is Stage.PAUSED:
            course = replace(course, stage=Stage.RUNNING, since=now)
        case CourseStop() if course.stage is not Stage.CAUGHT_UP:
            course = replace(course, stage=Stage.STOPPED)
    return await _put(tx, request, course)


async def _course(
    tx: Transaction, services: Services, request: RequestContext, action: CourseAction
) -> tuple[RequestContext, Scope, Course | None] | Reply:
    """Return the request with its destination, the series and the course; a Reply if there is no series."""
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None or scope.kind is not ScopeKind.SERIES:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    to = (await subscribe.target_of(tx, services, request)).destination
    return replace(request, destination=to), scope, await tx.courses.find(to.id, scope.id)


async def _put(tx: Transaction, request: RequestContext, course: Course) -> Reply:
    await tx.courses.put(course)
    return Reply(message=courses.course(await _facts(tx, request, course), request.words), fresh=True)


async def _facts(tx: Transaction, request: RequestContext, course: Course) -> CourseFacts:
    episodes = await tx.posts.of_series(course.scope.id)
    sent = next((i for i, post in enumerate(episodes, 1) if post.id == course.last), 0)
    entries = with_gaps(episodes, course.scope, ())
    reached = max((post.episode or 0 for post in episodes[:sent]), default=0)
    gaps = [entry.episode for entry in entries if isinstance(entry, Gap)]
    return CourseFacts(
        scope=course.scope,
        stage=course.stage,
        when=course.when,
        at=request.words.clock(time(request.preferences.hour)),
        sent=sent,
        of=len(episodes),
        gaps=tuple(episode for episode in gaps if episode < reached),
    )


async def reading(tx: Transaction, _services: Services, request: RequestContext, action: Reading) -> Message:
    """Return the progress of every series that the reader has begun."""
    return await _progress(tx, request, action.page, "")


async def reading_named(tx: Transaction, _services: Services, request: RequestContext, name: str) -> Message:
    """Return the progress of all series, or of the series `name` even if it is not begun: /read."""
    return await _progress(tx, request, 1, name)


async def _progress(tx: Transaction, request: RequestContext, page: int, name: str) -> Message:
    if request.reader is None:
        return notices.only_private(request.words)
    read = await tx.posts.many(await tx.bookmarks.have_read(request.reader))
    begun: dict[ScopeId, int] = {}
    for post in read:
        if post.series_id is not None:
            begun[post.series_id] = begun.get(post.series_id, 0) + 1
    if name:
        found = await browse.lookup(tx, ScopeKind.SERIES, name)
        if not isinstance(found, Scope):
            choices, nearest = found
            if choices:
                return scope_pages.choices(name, choices, request.words)
            return scope_pages.unknown_name(Asked.SERIES, name, nearest, request.words)
        begun = {found.id: begun.get(found.id, 0)}
    every = [one for one in await tx.scopes.counted(ScopeKind.SERIES) if one.scope.id in begun]
    progress = [Progress(scope=one.scope, read=begun[one.scope.id], of=one.posts) for one in every]
    progress.sort(key=lambda each: each.of - each.read)
    return courses.reading(page_of(progress, page), request.words)

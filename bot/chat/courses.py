"""Answers about reading a series: courses from its first part, and how far somebody has read."""

from dataclasses import replace
from datetime import time

from bot.archive_queries import with_gaps
from bot.callbacks.actions import CourseAction, CourseNext, CoursePause, CourseResume, CourseStart, CourseStop
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


async def list_courses(tx: Transaction, request: RequestContext) -> Message:
    """/course: all courses of the chat."""
    if request.destination is None:
        return courses.courses((), request.words)
    running = await tx.courses.of(request.destination.id)
    return courses.courses(tuple([await _facts(tx, request, one) for one in running]), request.words)


async def course_named(tx: Transaction, request: RequestContext, name: str) -> Message:
    """/course NAME: the course through that series, or the offer of one."""
    found = await browse.lookup(tx, ScopeKind.SERIES, name)
    if not isinstance(found, Scope):
        choices, nearest = found
        if choices:
            return scope_pages.choices(name, choices, request.words)
        return scope_pages.unknown_name(Asked.SERIES, name, nearest, request.words)
    course = await tx.courses.find(request.destination.id, found.id) if request.destination else None
    if course is not None:
        return courses.course(await _facts(tx, request, course), request.words)
    return courses.course_offer(found, len(await tx.posts.of_series(found.id)), request.words)


async def answer(tx: Transaction, services: Services, request: RequestContext, action: CourseAction) -> Reply:
    """A button of a course. Each says what shall be so; pressed twice it is the same, but for "next"."""
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None or scope.kind is not ScopeKind.SERIES:
        return Reply(message=notices.link_unknown(request.words), fresh=True)
    to = (await subscribe.target_of(tx, services, request)).destination
    request = replace(request, destination=to)
    now = services.clock.now()
    course = await tx.courses.find(to.id, scope.id)
    match action:
        case CourseStart(_, when):
            last = course.last if course is not None else None
            course = Course(
                destination_id=to.id, scope=scope, stage=Stage.RUNNING, when=when, last=last, since=now
            )
        case _ if course is None:
            return Reply(toast=notices.button_answer(request.words))
        case CourseNext():
            await plan_next_lesson(tx, course, now)
            return Reply(toast=notices.chosen(request.words))
        case CoursePause() if course.stage is Stage.RUNNING:
            course = replace(course, stage=Stage.PAUSED)
        case CourseResume() if course.stage is Stage.PAUSED:
            course = replace(course, stage=Stage.RUNNING, since=now)
        case CourseStop() if course.stage is not Stage.CAUGHT_UP:
            course = replace(course, stage=Stage.STOPPED)
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


async def reading(tx: Transaction, request: RequestContext, page: int, name: str = "") -> Message:
    """How far each series is read that somebody has begun; with a `name`, that series even if not begun."""
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

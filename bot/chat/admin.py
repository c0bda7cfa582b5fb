"""Handlers of the operators' commands: status, dumps, posts on hold, failed deliveries, broadcasts."""

from bot import VERSION
from bot.callbacks.actions import Broadcast, Discard, Dumps, Release, Retry, Status
from bot.chat.context import RequestContext, Services
from bot.messages import admin, notices
from bot.messages.admin import StatusFacts
from bot.messages.elements import page_of
from bot.render.document import Message
from storage.database import Transaction
from storage.model import DumpId, State

LISTED_DUMPS = 200  # the newest dumps that /dumps pages through


async def status(tx: Transaction, services: Services, request: RequestContext, _: Status) -> Message:
    return admin.status(await status_facts(tx, services), request.words)


async def dumps(tx: Transaction, _: Services, request: RequestContext, action: Dumps) -> Message:
    return admin.dumps(page_of(await tx.dumps.recent(LISTED_DUMPS), action.page), request.words)


async def release(tx: Transaction, services: Services, request: RequestContext, action: Release) -> Message:
    released = await tx.planner.release_held(DumpId(action.dump), services.clock.now())
    await tx.dumps.let_go(DumpId(action.dump))
    return admin.released(request.words, released)


async def discard(tx: Transaction, services: Services, request: RequestContext, action: Discard) -> Message:
    discarded = await tx.planner.discard_held(DumpId(action.dump), services.clock.now())
    await tx.dumps.let_go(DumpId(action.dump))
    return admin.discarded(request.words, discarded)


async def retry(tx: Transaction, services: Services, request: RequestContext, _: Retry) -> Message:
    count = await tx.outbox.retry((State.FAILED, State.UNCERTAIN), services.clock.now())
    return admin.retried(request.words, count)


async def held(tx: Transaction, services: Services, request: RequestContext, _: str) -> Message:
    """Return the question about the oldest dump whose posts are on hold: /release."""
    on_hold = await tx.dumps.held()
    if not on_hold:
        return admin.nothing_held(request.words)
    return admin.posts_held(request.words, on_hold[0], on_hold[0].new, services.hold_above)


async def draft(tx: Transaction, services: Services, request: RequestContext, text: str) -> Message:
    """Return the preview of a broadcast: its text, the number of chats, a button to send it."""
    number = await tx.scopes.phrase(text, services.clock.now())
    chats = await tx.destinations.subscribers()
    return admin.broadcast_question(request.words, text, chats, number)


async def broadcast(
    tx: Transaction, services: Services, request: RequestContext, action: Broadcast
) -> Message:
    text = await tx.scopes.words_of(action.draft)
    if text is None:
        return notices.button_too_old(request.words)
    planned = await tx.planner.broadcast(f"broadcast:{action.draft}", text, services.clock.now())
    # Planned is the first batch only, and nothing where this broadcast is known already.
    return admin.broadcast_begun(request.words, await tx.destinations.subscribers() if planned else 0)


async def status_facts(tx: Transaction, services: Services) -> StatusFacts:
    counts = await tx.outbox.unsent_counts()
    destinations = await tx.destinations.count()
    oldest = await tx.outbox.oldest_due()
    recent = await tx.dumps.recent(1)
    age = None if oldest is None else int((services.clock.now() - oldest).total_seconds())
    return StatusFacts(
        version=VERSION,
        posts=await tx.posts.count(),
        chats=sum(destinations.values()),
        subscriptions=await tx.destinations.subscribers(),
        pending=counts.get(State.PENDING, 0) + counts.get(State.SENDING, 0),
        failed=counts.get(State.FAILED, 0),
        uncertain=counts.get(State.UNCERTAIN, 0),
        held=counts.get(State.HELD, 0),
        suspended=await tx.destinations.suspended(),
        oldest_seconds=None if age is None or age < 0 else age,
        last_dump=recent[0] if recent else None,
        sources=tuple(await tx.dumps.sources()),
    )

"""Answers for the operators of the bot: how it is doing, the ledger, what is held, what failed."""

from typing import assert_never

from bot.callbacks.actions import Broadcast, Discard, Dumps, OperatorAction, Release, Retry, Status
from bot.chat.context import Reply, RequestContext, Services
from bot.messages import admin, notices
from bot.messages.admin import StatusFacts
from bot.messages.keyboards import page_of
from bot.version import VERSION
from storage.database import Transaction
from storage.model import DumpId, State

LEDGER = 200  # dumps that can be leafed through


async def answer(
    tx: Transaction, services: Services, request: RequestContext, action: OperatorAction
) -> Reply:
    """`asker` must be one of the operators' chats."""
    words = request.words
    if request.chat_id not in services.admins:
        said = notices.only_operators(words)
        return Reply(message=notices.notice(said), toast=said, fresh=True)
    match action:
        case Status():
            return Reply(message=admin.status(await status_facts(tx, services), words))
        case Dumps(page):
            return Reply(message=admin.dumps(page_of(await tx.dumps.recent(LEDGER), page), words))
        case Release(dump):
            released = await tx.outbox.release_held(DumpId(dump), services.clock.now())
            await tx.dumps.let_go(DumpId(dump))
            services.planned()
            return Reply(message=admin.released(words, released))
        case Discard(dump):
            discarded = await tx.outbox.discard_held(DumpId(dump), services.clock.now())
            await tx.dumps.let_go(DumpId(dump))
            return Reply(message=admin.discarded(words, discarded))
        case Retry():
            again = await tx.outbox.retry((State.FAILED, State.UNCERTAIN), services.clock.now())
            services.planned()
            return Reply(message=admin.retried(words, again))
        case Broadcast(draft):
            return await _broadcast(tx, services, request, draft)
        case _:
            assert_never(action)


async def held(tx: Transaction, services: Services, request: RequestContext, most: int) -> Reply:
    """/release: the oldest dump whose posts are held, to decide about."""
    if request.chat_id not in services.admins:
        return Reply(message=notices.notice(notices.only_operators(request.words)))
    waiting = await tx.dumps.held()
    if not waiting:
        return Reply(message=admin.nothing_held(request.words))
    return Reply(message=admin.posts_held(request.words, waiting[0], waiting[0].new, most))


async def draft(tx: Transaction, services: Services, request: RequestContext, text: str) -> Reply:
    """/broadcast: the text as it will look, to whom it goes, and a button to send it."""
    if request.chat_id not in services.admins:
        return Reply(message=notices.notice(notices.only_operators(request.words)))
    if not text:
        return Reply(message=notices.needs_words(request.words, "/broadcast"))
    number = await tx.scopes.phrase(text, services.clock.now())
    chats = await tx.destinations.subscribers()
    return Reply(message=admin.broadcast_question(request.words, text, chats, number))


async def _broadcast(tx: Transaction, services: Services, request: RequestContext, number: int) -> Reply:
    text = await tx.scopes.words_of(number)
    if text is None:
        return Reply(message=notices.button_too_old(request.words))
    planned = await tx.planner.broadcast(f"broadcast:{number}", text, services.clock.now())
    services.planned()
    return Reply(message=admin.broadcast_begun(request.words, planned))


async def status_facts(tx: Transaction, services: Services) -> StatusFacts:
    counts = await tx.outbox.counts()
    standing = await tx.destinations.count()
    oldest = await tx.outbox.oldest_due()
    recent = await tx.dumps.recent(1)
    age = None if oldest is None else int((services.clock.now() - oldest).total_seconds())
    return StatusFacts(
        version=VERSION,
        posts=await tx.posts.count(),
        chats=sum(standing.values()),
        subscriptions=await tx.destinations.subscribers(),
        pending=counts.get(State.PENDING, 0) + counts.get(State.SENDING, 0),
        failed=counts.get(State.FAILED, 0),
        uncertain=counts.get(State.UNCERTAIN, 0),
        held=counts.get(State.HELD, 0),
        oldest_seconds=None if age is None or age < 0 else age,
        last_dump=recent[0] if recent else None,
        sources=tuple(await tx.dumps.sources()),
    )

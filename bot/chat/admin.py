"""Answers for the operators of the bot: how it is doing, the ledger, what is held, what failed."""

from typing import assert_never

from bot.callbacks.actions import Broadcast, Discard, Dumps, OperatorAction, Release, Retry, Status
from bot.chat.context import Answer, Asker, Desk
from bot.messages import admin, notices
from bot.messages.admin import StatusFacts
from bot.messages.keyboards import page_of
from bot.version import VERSION
from storage.database import Transaction
from storage.model import DumpId, State

LEDGER = 200  # dumps that can be leafed through


async def answer(tx: Transaction, desk: Desk, asker: Asker, action: OperatorAction) -> Answer:
    """`asker` must be one of the operators' chats."""
    words = asker.words
    if asker.chat_id not in desk.admins:
        said = notices.only_operators(words)
        return Answer(message=notices.notice(said), toast=said, fresh=True)
    match action:
        case Status():
            return Answer(message=admin.status(await status_facts(tx, desk), words))
        case Dumps(page):
            return Answer(message=admin.dumps(page_of(await tx.dumps.recent(LEDGER), page), words))
        case Release(dump):
            released = await tx.held.release(DumpId(dump), desk.clock.now())
            await tx.dumps.let_go(DumpId(dump))
            desk.planned()
            return Answer(message=admin.released(words, released))
        case Discard(dump):
            discarded = await tx.held.discard(DumpId(dump), desk.clock.now())
            await tx.dumps.let_go(DumpId(dump))
            return Answer(message=admin.discarded(words, discarded))
        case Retry():
            again = await tx.outbox.retry((State.FAILED, State.UNCERTAIN), desk.clock.now())
            desk.planned()
            return Answer(message=admin.retried(words, again))
        case Broadcast(draft):
            return await _broadcast(tx, desk, asker, draft)
        case _:
            assert_never(action)


async def held(tx: Transaction, desk: Desk, asker: Asker, most: int) -> Answer:
    """/release: the oldest dump whose posts are held, to decide about."""
    if asker.chat_id not in desk.admins:
        return Answer(message=notices.notice(notices.only_operators(asker.words)))
    waiting = await tx.dumps.held()
    if not waiting:
        return Answer(message=admin.nothing_held(asker.words))
    return Answer(message=admin.posts_held(asker.words, waiting[0], waiting[0].new, most))


async def draft(tx: Transaction, desk: Desk, asker: Asker, text: str) -> Answer:
    """/broadcast: the text as it will look, to whom it goes, and a button to send it."""
    if asker.chat_id not in desk.admins:
        return Answer(message=notices.notice(notices.only_operators(asker.words)))
    if not text:
        return Answer(message=notices.needs_words(asker.words, "/broadcast"))
    number = await tx.scopes.phrase(text, desk.clock.now())
    chats = await tx.destinations.subscribers()
    return Answer(message=admin.broadcast_question(asker.words, text, chats, number))


async def _broadcast(tx: Transaction, desk: Desk, asker: Asker, number: int) -> Answer:
    text = await tx.scopes.words_of(number)
    if text is None:
        return Answer(message=notices.button_too_old(asker.words))
    planned = await tx.notices.broadcast(f"broadcast:{number}", text, desk.clock.now())
    desk.planned()
    return Answer(message=admin.broadcast_begun(asker.words, planned))


async def status_facts(tx: Transaction, desk: Desk) -> StatusFacts:
    counts = await tx.outbox.counts()
    standing = await tx.destinations.count()
    oldest = await tx.outbox.oldest_due()
    recent = await tx.dumps.recent(1)
    age = None if oldest is None else int((desk.clock.now() - oldest).total_seconds())
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
        sources=tuple(await tx.sources.everything()),
    )

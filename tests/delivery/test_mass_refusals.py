"""Fan-outs whose chats are all reported gone: none stays suspended, at the same cost for each of them."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import event

from bot.delivery.retry_policy import decide
from bot.delivery.side_effects import SideEffects, SuspensionGuard
from storage.database import Database, Transaction
from storage.model import ChatKind, Form, Gone, Standing, State
from tests.delivery.archive import THEN, essay, store

CHATS, AT_ONCE = 60, 10


async def fill(tx: Transaction) -> None:
    everything = await tx.scopes.everything()
    for number in range(CHATS):
        to = await tx.destinations.ensure(number + 1, None, ChatKind.PRIVATE, "", THEN)
        await tx.destinations.subscribe(to.id, everything.id, THEN)
    dump, (post,) = await store(tx, [essay("一篇")])
    await tx.planner.announce([post.id], dump, THEN, digest_above=5)


async def test_each_refusal_costs_the_same_however_many_came_before(database: Database) -> None:
    await database.write(fill)
    guard, standings, statements = SuspensionGuard(), set[bool](), list[int]()
    for second in range(CHATS // AT_ONCE):
        count = 0

        def note(*_: object) -> None:
            nonlocal count
            count += 1

        async def unit(tx: Transaction, now: float = second, note: Callable[..., None] = note) -> None:
            at = THEN + timedelta(seconds=now)
            claimed = await tx.outbox.claim(AT_ONCE, at, timedelta(minutes=1))
            gone = Gone("Forbidden: bot was kicked")
            ended = [
                (each, decide(each, gone, at, form=Form.CLASSIC, on_unsure="resend")) for each in claimed
            ]
            await tx.outbox.settle([decision.settlement for _, decision in ended], at)
            connection = tx.outbox._connection.sync_connection
            event.listen(connection, "before_cursor_execute", note)
            await SideEffects(tx=tx, now=at, monotonic=now, admins=(), guard=guard).apply(ended)
            event.remove(connection, "before_cursor_execute", note)

        await database.write(unit)
        statements.append(count)
        standings.add(Standing.GONE in await database.read(lambda tx: tx.destinations.count()))
    assert standings == {True, False}, "some were suspended at first"
    assert await database.read(lambda tx: tx.outbox.counts()) == {State.PENDING: CHATS}
    assert await database.read(lambda tx: tx.destinations.count()) == {Standing.ACTIVE: CHATS}
    assert statements[-1] <= statements[-2]

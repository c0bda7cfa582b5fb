"""Query plans of the hot statements with much history: none of them reads a whole table."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import enqueue, planner
from storage.database import Database, Transaction
from storage.engine import EPOCH, run_many
from storage.model import ChatKind, PostId, ScopeId, Settlement, State
from storage.schema import destinations, subscriptions
from tests.bench.fill import chats_wanting
from tests.delivery.archive import THEN, episode, store

ROWS, CHATS, POSTS = 60_000, 3000, 400
TABLES = "deliveries|destinations|posts|updates"
LEASE = timedelta(minutes=2)

FILL = f"""
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS})
INSERT INTO deliveries (destination_id, duty, kind, post_id, state, priority, due_at, attempts, unsure,
                        message_id, created_at, updated_at)
SELECT 1 + n % {CHATS}, 'old:' || n, 'post', 1 + n % 2, 'sent', 10, n, 1, 0, n, n, n FROM numbers
"""
UPDATES = f"""
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS})
INSERT INTO updates (update_id, seen_at) SELECT n, n FROM numbers
"""


async def fill(tx: Transaction) -> tuple[PostId, ScopeId]:
    """Store many series, announce the last episode, and add the history."""
    dump, stored = await store(tx, [episode(1 + n % 2, f"第{n // 2}列") for n in range(POSTS)])
    everything = await tx.scopes.everything()
    for number in range(CHATS):
        to = await tx.destinations.ensure(number + 1, None, ChatKind.PRIVATE, "", THEN)
        await tx.destinations.subscribe(to.id, everything.id, THEN)
    connection = tx.outbox._connection
    await connection.execute(text(FILL))
    await connection.execute(text(UPDATES))
    await tx.planner.announce([stored[-1].id], dump, THEN, digest_above=5)
    assert await tx.planner.advance(CHATS) == CHATS - planner.FIRST_BATCH
    return stored[-1].id, everything.id


async def keep_in_chunks(tx: Transaction) -> None:
    """Store chunks of a broadcast to all chats."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enqueue, "AHEAD", 0)
        await tx.planner.broadcast("broadcast:1", "各位好", THEN)
        await tx.planner.advance(CHATS)
    assert await tx.planner.has_chunks()


async def run_hot_paths(tx: Transaction, post: PostId) -> None:
    """Execute what the worker, the requests, the metrics and the maintenance do often."""
    now = THEN + timedelta(seconds=1)
    claimed = await tx.outbox.claim(10, now, LEASE, owner="owner")
    assert len(claimed) == 10
    if tx.connection.dialect.name == "postgresql":  # where several processes claim
        assert len(await tx.outbox.begin([(d.id, d.token) for d in claimed])) == 10
    ends = (State.SENT, State.PENDING, State.FAILED)
    await tx.outbox.settle(
        [
            Settlement(delivery_id=d.id, token=d.token, state=ends[n % 3], message_id=n)
            for n, d in enumerate(claimed)
        ],
        now,
    )
    await tx.outbox.sending()
    await tx.outbox.expirable(now, 10)
    await tx.outbox.recover(now, resend=True)
    await tx.outbox.correct_clock(now)
    await tx.outbox.next_due()
    await tx.outbox.oldest_due()
    await tx.outbox.chats_in_doubt()
    await tx.outbox.cancel_chat(7, "gone", now)
    await tx.outbox.postpone_chat(8, now)
    await tx.outbox.cancel_unwanted(claimed[1].destination.id, now)
    assert await tx.chunks.wanted(now)
    assert await tx.chunks.expand(10)
    await tx.destinations.find(5)
    await tx.destinations.accepted([d.destination.id for d in claimed])
    await tx.destinations.freeze(9, now)
    await tx.posts.get(post)
    await tx.processed_updates.seen(5)
    await tx.processed_updates.stamp(ROWS + 1, now)
    await tx.processed_updates.highest()
    await tx.processed_updates.prune(EPOCH)


async def plans_of(database: Database, post: PostId) -> dict[str, str]:
    """Return the plan of each statement of the hot paths, by its text."""
    executed: list[tuple[str, Any]] = []

    async def unit(tx: Transaction) -> None:
        connection: AsyncConnection = tx.outbox._connection
        sync = connection.sync_connection
        assert sync is not None

        def note(_conn: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
            executed.append((statement, parameters))

        event.listen(sync, "before_cursor_execute", note)
        await run_hot_paths(tx, post)
        event.remove(sync, "before_cursor_execute", note)

    await database.write(unit, seconds=300)
    found: dict[str, str] = {}

    async def explain(tx: Transaction) -> None:
        word = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
        for statement, parameters in executed:
            if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)", statement):
                one = parameters[0] if isinstance(parameters, list) else parameters
                rows = await tx.outbox._connection.exec_driver_sql(f"{word} {statement}", one)
                found[statement] = "\n".join(str(row[-1]) for row in rows)

    await database.write(explain)
    return found


def scanned(plan: str) -> list[str]:
    """Return the whole tables that a plan reads."""
    lite = re.findall(
        rf"SCAN (?:{TABLES})\b(?! USING (?:COVERING )?INDEX ix_deliveries_(?:sending|pending|unsent)).*", plan
    )
    return lite + re.findall(rf"Seq Scan on (?:{TABLES})\b.*", plan)


@pytest.mark.both_databases
@pytest.mark.parametrize("analyzed", [False, True])
async def test_no_hot_statement_reads_a_whole_table(database: Database, analyzed: bool) -> None:
    post, _ = await database.write(fill, seconds=300)
    await database.write(keep_in_chunks)
    if analyzed or database.dialect == "postgresql":
        await database.write(lambda tx: tx.outbox._connection.execute(text("ANALYZE")))
    plans = await plans_of(database, post)
    assert {statement: found for statement, plan in plans.items() if (found := scanned(plan))} == {}
    # The episode before is found by its number, not by reading the series once for each of its posts.
    assert any(re.search(r"series_id ?=.*AND \(?episode ?=[ ?]", plan) for plan in plans.values())


@pytest.mark.both_databases
async def test_statistics_taken_while_nothing_was_pending_do_not_mislead(database: Database) -> None:
    """An index taken for empty is cheapest read whole: then each claim looked at all that is pending."""

    async def to(tx: Transaction, state: State) -> None:
        await tx.outbox._connection.execute(
            text(f"UPDATE deliveries SET state = '{state}' WHERE duty LIKE 'post:%'")
        )

    post, _ = await database.write(fill, seconds=300)
    await database.write(keep_in_chunks)
    await database.write(lambda tx: to(tx, State.SENT))
    await database.write(lambda tx: tx.outbox._connection.execute(text("ANALYZE")))
    await database.write(lambda tx: to(tx, State.PENDING))
    plans = await plans_of(database, post)
    whole = re.compile(
        r"SCAN \S+ USING INDEX ix_deliveries_open|ix_deliveries_open on deliveries older.*\n(?!\s*Index Cond)"
    )
    assert {statement: plan for statement, plan in plans.items() if whole.search(plan)} == {}
    by_id = [
        plan
        for statement, plan in plans.items()
        if re.search(r"UPDATE deliveries.*deliveries\.id = ", statement, re.DOTALL)
    ]
    assert len(by_id) >= 2
    assert not [plan for plan in by_id if "ix_deliveries_sending" in plan]
    assert any("ix_deliveries_open" in plan for plan in plans.values())


@pytest.mark.both_databases
async def test_a_batch_of_a_plan_reads_only_its_destinations(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "FIRST_BATCH", 50)
    plans: dict[str, str] = {}

    def explain(on: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        """Explain the statement in place: its temporary table is gone afterwards."""
        if re.match(r"(SELECT|INSERT)", statement) and "destinations" in statement:
            word = "EXPLAIN QUERY PLAN" if on.dialect.name == "sqlite" else "EXPLAIN"
            rows = on.exec_driver_sql(f"{word} {statement}", parameters)
            plans[statement] = "\n".join(str(row[-1]) for row in rows)

    async def unit(tx: Transaction) -> None:
        dump, (post,) = await store(tx, [episode(1)])
        everything = await tx.scopes.everything()
        chats, wishes = chats_wanting(range(1, CHATS + 1), everything.id, THEN)
        connection = tx.outbox._connection
        await run_many(connection, insert(destinations), chats)
        await run_many(connection, insert(subscriptions), wishes)
        assert await tx.planner.announce([post.id], dump, THEN, digest_above=5) == 50
        await connection.execute(text("ANALYZE"))
        sync = connection.sync_connection
        event.listen(sync, "before_cursor_execute", explain)
        assert await tx.planner.advance(100) == 100
        event.remove(sync, "before_cursor_execute", explain)

    await database.write(unit, seconds=300)
    assert len(plans) == 4  # the end of the batch, the time zones, what waits, what is planned
    whole = re.compile(r"SCAN destinations\b|Seq Scan on destinations\b")
    assert not [(statement, plan) for statement, plan in plans.items() if whole.search(plan)]


@pytest.mark.both_databases
async def test_states_are_counted(database: Database) -> None:
    async def unit(tx: Transaction) -> None:
        await fill(tx)
        counts = {State.PENDING: CHATS, State.SENT: ROWS}
        assert await tx.outbox.counts() == counts
        claimed = await tx.outbox.claim(3, THEN, LEASE)
        ends = (State.SENT, State.FAILED, State.UNCERTAIN)
        await tx.outbox.settle(
            [
                Settlement(delivery_id=d.id, token=d.token, state=e)
                for d, e in zip(claimed, ends, strict=True)
            ],
            THEN,
        )
        await tx.outbox.claim(1, THEN, LEASE)
        assert await tx.outbox.counts() == {
            State.PENDING: CHATS - 4, State.SENDING: 1, State.SENT: ROWS + 1, State.FAILED: 1,
            State.UNCERTAIN: 1,
        }  # fmt: skip

    await database.write(unit, seconds=300)

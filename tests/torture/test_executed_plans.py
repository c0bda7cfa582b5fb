"""Query plans of every statement that a whole bot really executes, with a million deliveries of history."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from bot.maintenance import Maintenance
from storage.clock import SystemClock
from storage.engine import create_engine
from storage.model import When
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import NEXT, OLD

pytestmark = [pytest.mark.torture, pytest.mark.both_databases]

ROWS, CHATS = 1_000_000, 5000
QUESTIONS = ("/latest", "/series", "/search 扩散", "/random", "/settings", "/subs", "/saved", "/about")

# Ended deliveries of many chats, and updates of many days; the chats subscribe to nothing.
NUMBERS = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"
CHATS_OF_OLD = f"""{NUMBERS.replace(str(ROWS), str(CHATS))}
INSERT INTO destinations (chat_id, thread_id, kind, title, standing, language, format, "when", hour, weekday,
                          time_zone, silent, excerpt, pictures, created_at)
SELECT 50000 + n, 0, 'private', '', 'active', 'zh', 'auto', 'instant', 20, 6, 'UTC', false, 'full', true, 1
FROM n
"""
HISTORY = f"""{NUMBERS}
INSERT INTO deliveries (destination_id, duty, kind, post_id, state, priority, due_at, attempts, unsure,
                        message_id, created_at, updated_at)
SELECT (SELECT min(id) FROM destinations) + n % {CHATS}, 'old:' || n, 'post', (SELECT min(id) FROM posts),
       'sent', 10, n, 1, 0, n, n, n FROM n
"""
UPDATES = f"{NUMBERS} INSERT INTO updates (update_id, seen_at) SELECT -n, 4102444800000000 + n FROM n"

# Reads on from a cursor, without a lock, for the hourly maintenance; the total of the metrics; and what
# SQLite would do to the deliveries of a scope whose id is replaced, which no statement does.
EXCEPTED = re.compile(
    r"SELECT min\(found|^SELECT count\(\*\) AS count_1 \s*FROM deliveries$|^INSERT INTO scopes"
)
READ_WHOLE = re.compile(r"SCAN (?:deliveries|updates)\b(?! USING (?:COVERING )?INDEX ix_deliveries_)")
READ_SEQUENTIALLY = re.compile(r"Seq Scan on (?:deliveries|updates)\b")


@contextmanager
def executed() -> Iterator[dict[str, Any]]:
    """Record every statement of every connection, with its parameters."""
    found: dict[str, Any] = {}

    def note(_conn: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)\b", statement):
            found.setdefault(statement, parameters[0] if isinstance(parameters, list) else parameters)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def plans_of(url: str, statements: dict[str, Any]) -> dict[str, str]:
    engine = create_engine(url)
    word = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    plans: dict[str, str] = {}
    for statement, parameters in statements.items():
        if "wanted" in statement:
            continue  # of a temporary table, which is gone
        async with engine.begin() as connection:
            rows = await connection.exec_driver_sql(f"{word} {statement}", parameters)
            plans[statement] = "\n".join(str(row[-1]) for row in rows)
    await engine.dispose()
    return plans


async def live(bot: WholeBot, telegram: FakeTelegram) -> None:
    """Do what a bot does in a day: pushes, a digest, an edit, questions, buttons, metrics, maintenance."""
    await bot.subscribes()
    await bot.subscribes(77, when=When.DAILY)
    bot.lands("next.txt", NEXT)
    await bot.settles()
    bot.lands("edited.txt", replace(NEXT, excerpt="摘要改了一处。"))
    await bot.settles()
    for question in QUESTIONS:
        await bot.says(question)
    await bot.says("/status", user_id=OPERATOR)
    await bot.says("/retry", user_id=OPERATOR)
    await bot.database.optimize()
    maintenance = Maintenance(
        bot.database, SystemClock(), max_age=timedelta(days=7), keep=timedelta(days=90_000)
    )
    await maintenance.prune()
    await bot.service._vitals().ready()
    await bot.service._vitals().figures()
    await bot.restarts()


async def test_no_executed_statement_reads_the_history(
    resting_bot: WholeBot, telegram: FakeTelegram, tmp_path: Path
) -> None:
    await resting_bot.knows(OLD)
    engine = create_engine(resting_bot.url)
    async with engine.begin() as connection:
        for statement in (CHATS_OF_OLD, HISTORY, UPDATES):
            await connection.execute(text(statement))
    async with engine.begin() as connection:
        await connection.execute(text("ANALYZE"))
    await engine.dispose()
    with executed() as statements:
        await resting_bot.starts()
        await live(resting_bot, telegram)
        await resting_bot.stops()
    plans = await plans_of(resting_bot.url, statements)
    assert len(plans) > 80, "the run was too short"
    scanned = {
        statement: plan
        for statement, plan in plans.items()
        if (READ_WHOLE.search(plan) or READ_SEQUENTIALLY.search(plan)) and not EXCEPTED.search(statement)
    }
    assert not scanned, "\n\n".join(f"{statement}\n{plan}" for statement, plan in scanned.items())

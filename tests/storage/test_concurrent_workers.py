"""Scheduled work of several processes at once: each delivery is planned once, without deadlock."""

import asyncio
from datetime import UTC, datetime, timedelta

from bot.delivery.due_worker import plan_due_lessons
from bot.intake.ingest import IngestRules, ingest
from storage.database import Database, Transaction
from storage.model import ChatKind, Course, Dump, Preferences, ScopeKind, Stage, State, When
from tests.delivery.archive import THEN, episode, essay, plan_due, store
from tests.tools.dumps import ARCHIVE, Shown, listing

TIMES = 4
LATER = THEN + timedelta(days=1)


async def readers(database: Database, count: int, **chosen: object) -> None:
    async def unit(tx: Transaction) -> None:
        everything = await tx.scopes.everything()
        for chat_id in range(1, count + 1):
            wishes = Preferences(**chosen)  # type: ignore[arg-type]
            to = await tx.destinations.ensure(chat_id, None, ChatKind.PRIVATE, "", THEN, wishes)
            await tx.destinations.subscribe(to.id, everything.id, THEN)

    await database.write(unit)


async def counts(database: Database) -> dict[State, int]:
    return await database.read(lambda tx: tx.outbox.counts())


async def test_a_dump_that_many_take_in_is_announced_once(database: Database) -> None:
    await readers(database, 20)
    now = datetime.now(UTC)
    archive = Dump(name="archive.txt", content=listing(*ARCHIVE).encode(), captured_at=now)
    await ingest(database, archive, IngestRules(), now)
    day = ARCHIVE[0].day
    news = [Shown(title=f"新文章{n}", day=day, readers=n, excerpt=f"摘要{n}。") for n in range(1, 4)]
    # The same bytes, and other dumps that show the same posts.
    dumps = [listing(*news), listing(*news), listing(*news[::-1]), listing(*news, ARCHIVE[0])]
    reports = await asyncio.gather(
        *(
            ingest(
                database, Dump(name=f"{n}.txt", content=text.encode(), captured_at=now), IngestRules(), now
            )
            for n, text in enumerate(dumps)
        )
    )
    assert sum(report.new for report in reports) == 3
    assert await counts(database) == {State.PENDING: 20 * 3}


async def test_a_digest_that_many_plan_comes_once(database: Database) -> None:
    await readers(database, 10, when=When.DAILY)

    async def wanted(tx: Transaction, title: str) -> None:
        dump, stored = await store(tx, [essay(title)])
        await tx.planner.announce([post.id for post in stored], dump, THEN, digest_above=5)

    await database.write(lambda tx: wanted(tx, "一篇"))
    planned = await asyncio.gather(
        *(database.write(lambda tx: plan_due(tx, LATER, 5)) for _ in range(TIMES)),
        *(database.write(lambda tx, n=n: wanted(tx, f"又一篇{n}")) for n in range(TIMES)),  # type: ignore[misc]
    )
    rest = await database.write(lambda tx: plan_due(tx, LATER, 5))
    duties = await database.write(lambda tx: tx.outbox.claim(1000, LATER, timedelta(minutes=1)))
    told = [(one.destination.id, post) for one in duties for post in one.post_ids]
    assert sum(each or 0 for each in planned) + rest >= 10
    assert len(told) == len(set(told)), "nobody is told of one post twice"


async def test_a_lesson_that_many_teach_comes_once(database: Database) -> None:
    async def unit(tx: Transaction) -> None:
        await store(tx, [episode(number) for number in range(1, 9)])
        series = (await tx.scopes.ensure([(ScopeKind.SERIES, "漫谈", "漫谈")]))[ScopeKind.SERIES, "漫谈"]
        for chat_id in range(1, 6):
            to = await tx.destinations.ensure(chat_id, None, ChatKind.PRIVATE, "", THEN)
            course = Course(
                destination_id=to.id,
                scope=series,
                stage=Stage.RUNNING,
                when=When.DAILY,
                last=None,
                since=THEN,
            )
            await tx.courses.put(course)

    await database.write(unit)
    planned = await asyncio.gather(*(plan_due_lessons(database, LATER) for _ in range(TIMES)))
    assert sum(planned) == 5
    assert await counts(database) == {State.PENDING: 5}


async def test_what_is_sent_meanwhile_holds_nobody_up(database: Database) -> None:
    """Claims and results continue during an exclusive write."""
    await readers(database, 30)
    now = datetime.now(UTC)

    async def wanted(tx: Transaction, title: str) -> None:
        dump, stored = await store(tx, [essay(title)])
        await tx.planner.announce([post.id for post in stored], dump, now, digest_above=5)

    async def claim_and_give_back(_: int) -> int:
        claimed = await database.write(
            lambda tx: tx.outbox.claim(7, now + timedelta(seconds=1), timedelta(0)), exclusive=False
        )
        later = now + timedelta(seconds=2)
        await database.write(lambda tx: tx.outbox.recover(later, resend=True), exclusive=False)
        return len(claimed)

    await asyncio.gather(
        *(database.write(lambda tx, n=n: wanted(tx, f"第{n}篇")) for n in range(TIMES)),  # type: ignore[misc]
        *(claim_and_give_back(n) for n in range(8)),
        *(database.write(lambda tx, n=n: tx.outbox.cancel_chat(n, "left", now)) for n in range(1, 6)),  # type: ignore[misc]
    )
    await database.write(lambda tx: tx.outbox.recover(now + timedelta(hours=1), resend=True))
    found = await counts(database)
    assert sum(found.values()) == 30 * TIMES
    assert not found.get(State.SENDING)

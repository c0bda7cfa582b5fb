"""Planning, waiting, withdrawing and courses on both databases: the same rows come of the same statements."""

from datetime import datetime, time, timedelta

import pytest

from bot.delivery.due_worker import plan_next_lesson
from storage.database import Database, Transaction
from storage.model import (
    ChatKind,
    Course,
    DestinationId,
    DumpId,
    PostId,
    Preferences,
    ScopeKind,
    Settlement,
    Stage,
    State,
    When,
)
from tests.delivery.archive import THEN, episode, essay, plan_due, store

RHYTHMS = (Preferences(), Preferences(when=When.DAILY), Preferences(quiet_from=time(19), quiet_to=time(21)))


async def settle_in(tx: Transaction) -> list[DestinationId]:
    """One chat without digest, one with a daily digest at 20:00, one in its quiet hours by then."""
    everything = await tx.scopes.everything()
    ids = []
    for number, preferences in enumerate(RHYTHMS, 1):
        to = await tx.destinations.ensure(number, None, ChatKind.PRIVATE, "", THEN, preferences)
        await tx.destinations.subscribe(to.id, everything.id, THEN)
        ids.append(to.id)
    return ids


async def landed(tx: Transaction, count: int, *, held: bool = False) -> tuple[DumpId, list[PostId], int]:
    dump, stored = await store(
        tx, [essay(f"第{n}篇", tags=("外推",) if n == 0 else None) for n in range(count)]
    )
    new = [post.id for post in stored]
    return dump, new, await tx.planner.announce(new, dump, THEN, digest_above=3, held=held)


async def everything_told(tx: Transaction, now: datetime) -> dict[DestinationId, list[PostId]]:
    """All that is due is sent; what each destination got."""
    told: dict[DestinationId, list[PostId]] = {}
    while claimed := await tx.outbox.claim(50, now, timedelta(minutes=1)):
        for delivery in claimed:
            told.setdefault(delivery.destination.id, []).extend(delivery.post_ids)
        done = [Settlement(delivery_id=d.id, token=d.token, state=State.SENT, message_id=77) for d in claimed]
        await tx.outbox.settle(done, now)
    return told


@pytest.mark.parametrize(("count", "at_once"), [(2, 2), (5, 1)])
async def test_what_is_new_is_told_or_waits(database: Database, count: int, at_once: int) -> None:
    async def unit(tx: Transaction) -> None:
        ids = await settle_in(tx)
        dump, new, planned = await landed(tx, count)
        assert planned == at_once + 2 * count
        assert [sorted(await tx.waiting.posts(one)) for one in ids] == [[], new, new]
        assert await tx.planner.announce(new, dump, THEN, digest_above=3) == 0
        assert await plan_due(tx, THEN, 3) == 1  # the daily digest, whose hour it is
        assert await plan_due(tx, THEN + timedelta(hours=1), 3) == at_once
        assert await plan_due(tx, THEN + timedelta(days=2), 3) == 0
        told = await everything_told(tx, THEN + timedelta(hours=1))
        assert {one: sorted(told[one]) for one in ids} == dict.fromkeys(ids, new)

    await database.write(unit)


async def test_held_posts_are_released_to_everybody_or_nobody(database: Database) -> None:
    async def unit(tx: Transaction) -> None:
        await settle_in(tx)
        dump, _, planned = await landed(tx, 2, held=True)
        assert planned == 6
        assert await plan_due(tx, THEN + timedelta(hours=25), 3) == 0
        assert await tx.planner.release_held(dump, THEN) == 6
        assert await plan_due(tx, THEN + timedelta(hours=25), 3) == 3
        other, _, _ = await landed_after(tx)
        assert await tx.planner.discard_held(other, THEN) == 3

    async def landed_after(tx: Transaction) -> tuple[DumpId, list[PostId], int]:
        dump, stored = await store(tx, [essay("另一篇")])
        new = [post.id for post in stored]
        return dump, new, await tx.planner.announce(new, dump, THEN, digest_above=3, held=True)

    await database.write(unit)


async def test_a_mute_takes_back_what_is_not_told_yet(database: Database) -> None:
    async def unit(tx: Transaction) -> None:
        ids = await settle_in(tx)
        _, new, _ = await landed(tx, 5)
        tag = (await tx.scopes.ensure([(ScopeKind.TAG, "外推", "外推")]))[ScopeKind.TAG, "外推"]
        for one in ids:
            await tx.destinations.subscribe(one, tag.id, THEN, muted=True)
            await tx.outbox.cancel_unwanted(one, THEN)
        assert sorted(await tx.waiting.posts(ids[1])) == new[1:]
        (digest,) = await tx.outbox.claim(50, THEN, timedelta(minutes=1))
        assert sorted(digest.post_ids) == new[1:]

    await database.write(unit)


async def test_lessons_and_episodes_follow_one_another(database: Database) -> None:
    async def unit(tx: Transaction) -> None:
        to = await tx.destinations.ensure(1, None, ChatKind.PRIVATE, "", THEN)
        _, episodes = await store(tx, [episode(1), episode(3)])
        series = (await tx.scopes.ensure([(ScopeKind.SERIES, "漫谈", "漫谈")]))[ScopeKind.SERIES, "漫谈"]
        course: Course | None = Course(
            destination_id=to.id, scope=series, stage=Stage.RUNNING, when=When.DAILY, last=None, since=THEN
        )
        gaps = []
        while course is not None and course.stage is Stage.RUNNING:
            lesson = await plan_next_lesson(tx, course, THEN)
            assert lesson is not None
            gaps.append(lesson.gap)
            course = await tx.courses.find(to.id, series.id)
        assert gaps == [(), (2,)]
        assert await everything_told(tx, THEN) == {to.id: [post.id for post in episodes]}
        dump, (fourth,) = await store(tx, [episode(4)])
        await tx.planner.announce([fourth.id], dump, THEN, digest_above=3)
        (news,) = await tx.outbox.claim(1, THEN, timedelta(minutes=1))
        assert (news.post_ids, news.reply_to) == ((fourth.id,), 77)

    await database.write(unit)

"""What time alone brings about, on a clock that the tests set: digests, the end of quiet hours, lessons."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.delivery.composer import digest_facts
from bot.delivery.due_worker import DueWorker, plan_next_lesson
from bot.messages.digests import digest
from bot.messages.i18n import words_for
from bot.render.html import plain
from storage.database import Database, Transaction
from storage.model import (
    ChatKind,
    Course,
    Delivery,
    DeliveryKind,
    DestinationId,
    Post,
    PostId,
    Preferences,
    ScopeKind,
    Settlement,
    Stage,
    State,
    When,
)
from tests.delivery.archive import database_in, episode, essay, store

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # in Shanghai, a Sunday
LEASE = timedelta(minutes=2)


@dataclass(slots=True)
class SetClock:
    """A clock that stands until a test moves it."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


@dataclass(slots=True)
class Town:
    """A database, its clock, and one chat that receives everything."""

    database: Database
    clock: SetClock
    chat: DestinationId = field(default=DestinationId(0))

    async def moves_in(self, **chosen: object) -> None:
        preferences = Preferences(**chosen)  # type: ignore[arg-type]

        async def unit(tx: Transaction) -> None:
            to = await tx.destinations.ensure(1, None, ChatKind.PRIVATE, "", NOON, preferences)
            await tx.destinations.subscribe(to.id, (await tx.scopes.everything()).id, NOON)
            self.chat = to.id

        await self.database.write(unit)

    async def prefers(self, **chosen: object) -> None:
        preferences = Preferences(**chosen)  # type: ignore[arg-type]
        await self.database.write(lambda tx: tx.destinations.prefer(self.chat, preferences))

    async def hears_of(self, *posts: Post, held: bool = False) -> list[PostId]:
        async def unit(tx: Transaction) -> list[PostId]:
            dump, stored = await store(tx, posts, self.clock.at)
            new = [post.id for post in stored]
            await tx.planner.announce(new, dump, self.clock.at, digest_above=3, held=held)
            return new

        return await self.database.write(unit)

    async def ticks(self) -> int:
        """A process that has just started ticks once."""
        keeper = DueWorker(self.database, self.clock, digest_above=3, planned=lambda: None)
        return await keeper.tick()

    async def gets(self) -> list[Delivery]:
        """Everything that is due is sent."""
        sent: list[Delivery] = []

        async def unit(tx: Transaction) -> list[Delivery]:
            claimed = await tx.outbox.claim(10, self.clock.at, LEASE)
            done = [
                Settlement(delivery_id=d.id, token=d.token, state=State.SENT, message_id=1000 + d.id)
                for d in claimed
            ]
            await tx.outbox.settle(done, self.clock.at)
            return claimed

        while claimed := await self.database.write(unit):
            sent += claimed
        return sent


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with database_in(tmp_path) as database:
        yield Town(database, SetClock())


def essays(count: int) -> list[Post]:
    return [essay(f"第{n}篇", date(2024, 1, 1 + n)) for n in range(count)]


async def test_a_daily_digest_comes_once_at_its_hour(town: Town) -> None:
    await town.moves_in(when=When.DAILY, hour=20)
    new = await town.hears_of(*essays(2))
    assert await town.gets() == []
    town.clock.at += timedelta(hours=7, minutes=59)
    assert await town.ticks() == 0
    town.clock.at += timedelta(minutes=1)
    assert await town.ticks() == 1
    assert await town.ticks() == 0
    (digest,) = await town.gets()
    assert (digest.kind, set(digest.post_ids)) == (DeliveryKind.DIGEST, set(new))
    assert digest.dedup_key.startswith("digest:day:2026-11-22:")


async def test_what_is_new_after_the_hour_waits_for_the_next_day(town: Town) -> None:
    await town.moves_in(when=When.DAILY, hour=12)
    (first,) = await town.hears_of(essay("甲"))
    town.clock.at += timedelta(seconds=30)
    (second,) = await town.hears_of(essay("乙"))
    await town.ticks()
    assert [d.post_ids for d in await town.gets()] == [(first,)]
    town.clock.at = NOON + timedelta(days=1)
    await town.ticks()
    assert [d.post_ids for d in await town.gets()] == [(second,)]


async def test_a_digest_missed_while_the_bot_was_away_comes_when_it_is_back(town: Town) -> None:
    await town.moves_in(when=When.WEEKLY, weekday=0, hour=9)
    new = await town.hears_of(*essays(5))
    town.clock.at += timedelta(days=3)
    await town.ticks()
    assert [sorted(d.post_ids) for d in await town.gets()] == [sorted(new)]


@pytest.mark.parametrize(("count", "digests"), [(1, 0), (3, 0), (4, 1)])
async def test_the_night_ends_with_its_posts_in_order_or_a_digest(
    town: Town, count: int, digests: int
) -> None:
    await town.moves_in(quiet_from=time(11), quiet_to=time(13))
    new = await town.hears_of(*reversed(essays(count)))
    assert await town.ticks() == 0
    town.clock.at += timedelta(hours=1)
    await town.ticks()
    got = await town.gets()
    assert sum(d.kind is DeliveryKind.DIGEST for d in got) == digests
    if digests:
        assert sorted(got[0].post_ids) == sorted(new)
        assert got[0].dedup_key.startswith("digest:night:2026-11-22:")
    else:
        assert [d.post_ids for d in got] == [(post,) for post in reversed(new)]


DAILY = {"when": When.DAILY, "hour": 8}
WEEKLY = {"when": When.WEEKLY, "weekday": 0, "hour": 8}
QUIET = {"quiet_from": time(11), "quiet_to": time(13)}


@pytest.mark.parametrize(
    ("chosen", "hours", "zh", "en"),
    [
        (DAILY, 20, "新文章 4 篇 · 11 月 22 日起", "4 new posts · since 22 Nov"),
        (WEEKLY, 20, "一周新文 4 篇 · 11-16 至 11-22", "4 new posts · 16–22 Nov"),
        (WEEKLY | {"hour": 20}, 32, "一周新文 4 篇 · 11-16 至 11-23", "4 new posts · 16–23 Nov"),
        (QUIET, 1, "免打扰期间的 4 篇 · 11 月 22 日", "4 posts from your quiet hours · 22 Nov"),
        ({}, 0, "新收到 4 篇 · 11 月 22 日", "4 new posts · 22 Nov"),
        # The bot was away for two weeks.
        (DAILY, 20 + 336, "新文章 4 篇 · 11 月 22 日起", "4 new posts · since 22 Nov"),
        (WEEKLY, 20 + 336, "新文章 4 篇 · 11-22 至 12-06", "4 new posts · 22 Nov – 6 Dec"),
    ],
)
async def test_a_digest_names_the_period_that_it_covers(
    town: Town, chosen: dict[str, object], hours: int, zh: str, en: str
) -> None:
    await town.moves_in(**chosen)
    await town.hears_of(*essays(4))
    town.clock.at += timedelta(hours=hours)
    await town.ticks()
    (sent,) = await town.gets()
    posts = await town.database.read(lambda tx: tx.posts.many(sent.post_ids))
    facts = digest_facts(list(posts), sent, town.clock.at)
    for language, heading in (("zh", zh), ("en", en)):
        assert plain(digest(facts, words_for(language)).body[:1]) == heading


async def test_a_change_of_mind_moves_what_waits(town: Town) -> None:
    await town.moves_in(when=When.WEEKLY)
    (post,) = await town.hears_of(essay("甲"))
    await town.prefers(when=When.INSTANT)
    await town.ticks()
    assert [d.post_ids for d in await town.gets()] == [(post,)]


async def test_a_clock_set_back_repeats_nothing_and_loses_nothing(town: Town) -> None:
    await town.moves_in(when=When.DAILY, hour=12)
    (first,) = await town.hears_of(essay("甲"))
    await town.ticks()
    town.clock.at -= timedelta(hours=1)
    (second,) = await town.hears_of(essay("乙"))
    town.clock.at = NOON
    await town.ticks()
    await town.ticks()
    assert [d.post_ids for d in await town.gets()] == [(first,), (second,)]


async def test_a_blocked_chat_is_not_told_later_what_it_missed(town: Town) -> None:
    await town.moves_in(when=When.DAILY, hour=20)
    await town.hears_of(essay("甲"))

    async def block(tx: Transaction) -> None:
        await tx.destinations.gone(1, "blocked")
        await tx.outbox.cancel_chat(1, "blocked", town.clock.at)

    await town.database.write(block)
    await town.database.write(lambda tx: tx.destinations.returned(1))
    town.clock.at += timedelta(days=1)
    assert await town.ticks() == 0


async def test_what_is_held_waits_for_an_operator_and_then_for_its_hour(town: Town) -> None:
    await town.moves_in(when=When.DAILY, hour=20)
    (post,) = await town.hears_of(essay("甲"), held=True)
    town.clock.at += timedelta(days=1, hours=1)
    assert await town.ticks() == 0
    (dump,) = await town.database.read(lambda tx: tx.dumps.recent(1))
    await town.database.write(lambda tx: tx.planner.release_held(dump.id, town.clock.at))
    town.clock.at += timedelta(hours=8)
    await town.ticks()
    assert [d.post_ids for d in await town.gets()] == [(post,)]


async def test_an_episode_replies_to_the_one_before(town: Town) -> None:
    await town.moves_in()
    await town.hears_of(episode(1), episode(2), episode(2, "另一个"))
    first, *rest = await town.gets()
    assert first.reply_to is None
    assert {d.reply_to for d in rest if d.reply_to} == {1000 + first.id}
    await town.hears_of(episode(4))
    (fourth,) = await town.gets()
    assert fourth.reply_to == 1000 + next(d.id for d in rest if d.reply_to)


async def begins(town: Town, when: When = When.DAILY) -> Course:
    """A course through the series of `episode`, at one in the afternoon."""

    async def unit(tx: Transaction) -> Course:
        await tx.destinations.unsubscribe(town.chat)
        scope = (await tx.scopes.ensure([(ScopeKind.SERIES, "漫谈", "漫谈")]))[ScopeKind.SERIES, "漫谈"]
        course = Course(
            destination_id=town.chat,
            scope=scope,
            stage=Stage.RUNNING,
            when=when,
            last=None,
            since=town.clock.at,
        )
        await tx.courses.put(course)
        return course

    return await town.database.write(unit)


async def test_a_course_sends_a_lesson_a_day_and_becomes_a_subscription(town: Town) -> None:
    await town.moves_in(hour=13)
    await begins(town)
    episodes = await town.hears_of(episode(1), episode(2), episode(4))
    got = []
    for _ in range(5):
        town.clock.at += timedelta(hours=1)
        assert await town.ticks() in (0, 1)
        assert await town.ticks() == 0
        got += [(d.kind, d.post_ids) for d in await town.gets()]
        town.clock.at += timedelta(hours=23)
    assert got == [(DeliveryKind.COURSE, (post,)) for post in episodes]
    (fifth,) = await town.hears_of(episode(5))
    assert [(d.kind, d.post_ids) for d in await town.gets()] == [(DeliveryKind.POST, (fifth,))]


async def test_asking_for_the_next_lesson_does_not_spare_the_next_day(town: Town) -> None:
    await town.moves_in(hour=13)
    course = await begins(town, When.WEEKLY)
    first, second = await town.hears_of(episode(1), episode(2))
    await town.database.write(lambda tx: plan_next_lesson(tx, course, town.clock.at))
    town.clock.at += timedelta(hours=1)
    await town.ticks()
    assert [d.post_ids for d in await town.gets()] == [(first,), (second,)]


@pytest.mark.parametrize("stranger", [False, True])
async def test_what_waits_moves_with_its_group(town: Town, stranger: bool) -> None:
    """Also where the supergroup received messages before the bot learned of the migration."""
    await town.moves_in(when=When.DAILY, hour=20)
    course = await begins(town)
    (first,) = await town.hears_of(episode(1))

    async def move(tx: Transaction) -> DestinationId:
        if stranger:
            await tx.destinations.ensure(-100, None, ChatKind.GROUP, "", town.clock.at)
        await tx.destinations.subscribe(town.chat, (await tx.scopes.everything()).id, town.clock.at)
        await tx.planner.announce([first], (await tx.dumps.recent(1))[0].id, town.clock.at, digest_above=3)
        await tx.destinations.migrate_chat(1, -100)
        found = await tx.destinations.find(-100)
        assert found is not None
        return found.id

    there = await town.database.write(move)
    town.clock.at += timedelta(hours=8)
    assert await town.ticks() == 2
    got = await town.gets()
    assert {(d.kind, d.post_ids, d.destination.chat_id) for d in got} == {
        (DeliveryKind.DIGEST, (first,), -100),
        (DeliveryKind.COURSE, (first,), -100),
    }
    assert await town.database.read(lambda tx: tx.courses.find(there, course.scope.id)) is not None

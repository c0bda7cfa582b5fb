"""No duty is planned twice or lost, whatever order things happen in: the real rows against a small model.

The model holds for a chat which posts it must receive, may receive, or must not. The rules are
real, the database is real; Telegram accepts everything.
"""

import asyncio
import shutil
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.delivery.due_worker import DueWorker
from storage import enqueue
from storage.database import Database, Transaction, TransactionFn, open_database
from storage.model import (
    ChatKind,
    Delivery,
    Destination,
    PostId,
    Preferences,
    ScopeKind,
    Settlement,
    State,
    When,
)
from tests.delivery.archive import essay, store
from tests.delivery.test_due_worker import SetClock
from tests.tools.databases import remove, url_in
from tests.tools.examples import examples

T = TypeVar("T")

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DIGEST_ABOVE = 2
TAGS = ("外推", "优化器")
SCOPES = ((ScopeKind.EVERYTHING, ""), *((ScopeKind.TAG, tag) for tag in TAGS))
RHYTHMS = (
    Preferences(),
    Preferences(when=When.DAILY),
    Preferences(when=When.WEEKLY),
    Preferences(quiet_from=time(23), quiet_to=time(8)),
    Preferences(when=When.DAILY, hour=3, quiet_from=time(0), quiet_to=time(6), time_zone="Europe/Berlin"),
)
GROUP, SUPERGROUP = -5, -1_000_000_000_005
CHATS = (1, 2, GROUP)


class Chat:
    """What one chat should have got: `owed` still must come, `got` came."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.wishes: dict[tuple[ScopeKind, str], bool] = {}
        self.gone = False
        self.owed: set[PostId] = set()
        self.got: list[PostId] = []

    def wants(self, tags: tuple[str, ...]) -> bool:
        under = {(ScopeKind.EVERYTHING, ""), *((ScopeKind.TAG, tag) for tag in tags)}
        found = [muted for scope, muted in self.wishes.items() if scope in under]
        return bool(found) and not any(found)


class Chats(RuleBasedStateMachine):
    """People wish, mute, block, return and move; dumps land; clocks jump; processes restart."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = SetClock(NOON)
        self.database = self.opened()
        self.chats = [Chat(number) for number in CHATS]
        self.tags: dict[PostId, tuple[str, ...]] = {}
        self.written = 0

    def opened(self) -> Database:
        return self.loop.run_until_complete(open_database(url_in(self.folder)))

    def teardown(self) -> None:
        try:
            self.in_the_end_all_is_told()
        finally:
            self.acquire()

    def acquire(self) -> None:
        self.loop.run_until_complete(self.database.close())
        self.loop.close()
        remove(self.folder)
        shutil.rmtree(self.folder)

    async def to(self, tx: Transaction, chat: Chat) -> Destination:
        found = await tx.destinations.find(chat.number)
        if found is not None:
            return found
        kind = ChatKind.PRIVATE if chat.number > 0 else ChatKind.GROUP
        return await tx.destinations.ensure(chat.number, None, kind, "", self.clock.at)

    @initialize()
    def everybody_wants_everything(self) -> None:
        for at in range(len(CHATS)):
            self.wishes(at, 0, muted=False)
        self.prefers(2, RHYTHMS[1])

    @rule(at=st.integers(0, 2), scope=st.integers(0, 2), muted=st.booleans())
    def wishes(self, at: int, scope: int, muted: bool) -> None:
        chat, (kind, key) = self.chats[at], SCOPES[scope]
        if chat.gone:
            return

        async def unit(tx: Transaction) -> None:
            to = await self.to(tx, chat)
            made = (await tx.scopes.ensure([(kind, key, key)]))[kind, key]
            await tx.destinations.subscribe(to.id, made.id, self.clock.at, muted=muted)
            await tx.outbox.cancel_unwanted(to.id, self.clock.at)

        self.does(unit)
        chat.wishes[kind, key] = muted
        self.thinks_again(chat)

    @rule(at=st.integers(0, 2), scope=st.integers(0, 2))
    def drops(self, at: int, scope: int) -> None:
        chat, (kind, key) = self.chats[at], SCOPES[scope]
        if chat.gone:
            return

        async def unit(tx: Transaction) -> None:
            to = await self.to(tx, chat)
            made = (await tx.scopes.ensure([(kind, key, key)]))[kind, key]
            await tx.destinations.unsubscribe(to.id, made.id)
            await tx.outbox.cancel_unwanted(to.id, self.clock.at)

        self.does(unit)
        chat.wishes.pop((kind, key), None)
        self.thinks_again(chat)

    def thinks_again(self, chat: Chat) -> None:
        chat.owed = {post for post in chat.owed if chat.wants(self.tags[post])}

    @rule(at=st.integers(0, 2), rhythm=st.sampled_from(RHYTHMS))
    def prefers(self, at: int, rhythm: Preferences) -> None:
        async def unit(tx: Transaction) -> None:
            await tx.destinations.prefer((await self.to(tx, self.chats[at])).id, rhythm)

        self.does(unit)

    @rule(at=st.integers(0, 2))
    def blocks(self, at: int) -> None:
        chat = self.chats[at]

        async def unit(tx: Transaction) -> None:
            await self.to(tx, chat)
            await tx.destinations.gone(chat.number, "blocked")
            await tx.outbox.cancel_chat(chat.number, "blocked", self.clock.at)

        self.does(unit)
        chat.gone, chat.owed = True, set()

    @rule(at=st.integers(0, 2))
    def returns(self, at: int) -> None:
        chat = self.chats[at]
        self.does(lambda tx: tx.destinations.returned(chat.number))
        chat.gone = False

    @rule(stranger=st.booleans())
    def migrates(self, stranger: bool) -> None:
        """Migrate the group to a supergroup, which may have messages already."""
        chat = self.chats[2]
        if chat.number == SUPERGROUP or chat.gone:
            return

        async def unit(tx: Transaction) -> None:
            await self.to(tx, chat)
            if stranger:
                await tx.destinations.ensure(SUPERGROUP, None, ChatKind.GROUP, "", self.clock.at)
            await tx.destinations.migrate_chat(GROUP, SUPERGROUP)

        self.does(unit)
        chat.number = SUPERGROUP

    @rule(tags=st.sets(st.sampled_from(TAGS)).map(tuple))
    def one_lands(self, tags: tuple[str, ...]) -> None:
        self.lands([tags])

    @rule(posts=st.lists(st.sets(st.sampled_from(TAGS)).map(tuple), min_size=1, max_size=4))
    def lands(self, posts: list[tuple[str, ...]]) -> None:
        now = self.clock.at
        new = [
            essay(
                f"第{self.written + n}篇",
                date(2026, 1, 1) + timedelta(days=self.written + n),
                tags=tags or None,
            )
            for n, tags in enumerate(posts)
        ]
        self.written += len(new)

        async def unit(tx: Transaction) -> list[PostId]:
            dump, stored = await store(tx, new, now)
            ids = [post.id for post in stored]
            await tx.planner.announce(ids, dump, now, digest_above=DIGEST_ABOVE)
            return ids

        for post, tags in zip(self.does(unit), posts, strict=True):
            self.tags[post] = tags
            for chat in self.chats:
                if not chat.gone and chat.wants(tags):
                    chat.owed.add(post)

    @rule(hours=st.integers(-30, 80))
    def time_jumps(self, hours: int) -> None:
        """Set the clock forwards or backwards."""
        self.clock.at += timedelta(hours=hours)

    @rule()
    def restarts(self) -> None:
        self.loop.run_until_complete(self.database.close())
        self.database = self.opened()

    @rule()
    def ticks(self) -> None:
        keeper = DueWorker(self.database, self.clock, digest_above=DIGEST_ABOVE, planned=lambda: None)
        self.loop.run_until_complete(keeper.tick())
        self.loop.run_until_complete(keeper.expand_chunks())

    @rule()
    def later_it_sends(self) -> None:
        """What a running bot does of itself."""
        self.clock.at += timedelta(hours=9)
        self.ticks()
        self.sends()

    @rule()
    def sends(self) -> None:
        async def unit(tx: Transaction) -> list[Delivery]:
            claimed = await tx.outbox.claim(50, self.clock.at, timedelta(minutes=2))
            done = [
                Settlement(delivery_id=d.id, token=d.token, state=State.SENT, message_id=d.id)
                for d in claimed
            ]
            await tx.outbox.settle(done, self.clock.at)
            return claimed

        while claimed := self.does(unit):
            for delivery in claimed:
                (chat,) = [one for one in self.chats if one.number == delivery.destination.chat_id]
                for post in delivery.post_ids:
                    assert post in chat.owed, "told what it did not want, or told twice"
                    chat.owed.remove(post)
                    chat.got.append(post)

    @invariant()
    def nobody_hears_twice(self) -> None:
        assert all(len(chat.got) == len(set(chat.got)) for chat in self.chats)

    def in_the_end_all_is_told(self) -> None:
        """When every digest's hour has come, by day, every debt is paid."""
        self.clock.at = max(self.clock.at, NOON + timedelta(days=100)).replace(hour=12)
        for _ in range(2):
            self.clock.at += timedelta(days=8)
            self.ticks()
            self.sends()
            while self.does(lambda tx: tx.chunks.expand(1)) is not None:
                self.sends()
        for chat in self.chats:
            assert chat.gone or not chat.owed, f"{chat.number} never heard of {chat.owed}"

    def does(self, unit: TransactionFn[T]) -> T:
        return self.loop.run_until_complete(self.database.write(unit))


class ChatsInChunks(Chats):
    """The same where a fan-out to more than one chat is kept in chunks."""

    def __init__(self) -> None:
        self.few_rows = pytest.MonkeyPatch()
        self.few_rows.setattr(enqueue, "AHEAD", 1)
        super().__init__()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.few_rows.undo()


TestNoDutyIsLostOrRepeated = Chats.TestCase
TestNoDutyInChunksIsLostOrRepeated = ChatsInChunks.TestCase
TestNoDutyIsLostOrRepeated.settings = examples(12, stateful_step_count=25)
TestNoDutyInChunksIsLostOrRepeated.settings = TestNoDutyIsLostOrRepeated.settings

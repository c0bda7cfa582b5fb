"""Planner: statements over whole sets compared with the rules applied to each subscription."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.intake.derive import word_key
from bot.search.index import searched
from bot.search.query import query_words
from storage.database import Transaction
from storage.model import (
    ChatKind,
    DeliveryKind,
    DestinationId,
    Post,
    PostId,
    Preferences,
    ScopeKind,
    When,
    in_quiet,
)
from storage.schema import deliveries, waiting
from tests.delivery.archive import THEN, database_in, essay, store
from tests.tools.databases import fresh_in
from tests.tools.examples import examples

DIGEST_ABOVE = 3
SERIES, TAGS, CATEGORIES = ("升级之路", "漫谈"), ("attention", "优化器", "外推"), ("数学研究", "信息时代")
WORDS = ("rope 外推", "RoPE", "矩阵", "Muon 优化", "不会出现")
NAMED = (
    (ScopeKind.EVERYTHING, "", ""),
    *((ScopeKind.SERIES, name, name) for name in SERIES),
    *((ScopeKind.TAG, name, name) for name in TAGS),
    *((ScopeKind.CATEGORY, name, name) for name in CATEGORIES),
    *((ScopeKind.WORD, word_key(words), words) for words in WORDS),
)
RHYTHMS = (
    Preferences(),
    Preferences(when=When.DAILY),
    Preferences(when=When.WEEKLY),
    Preferences(quiet_from=time(19), quiet_to=time(21)),  # 20:00 in Shanghai: asleep
    Preferences(quiet_from=time(23), quiet_to=time(8), time_zone="America/New_York"),  # 07:00: asleep
    Preferences(quiet_from=time(23), quiet_to=time(8), time_zone="Europe/Berlin"),  # 13:00: awake
)


@dataclass(frozen=True, slots=True)
class Chat:
    preferences: Preferences
    wishes: dict[int, bool]  # which of NAMED, and whether it is muted
    gone: bool


posts_to_come = st.lists(
    st.builds(
        lambda title, series, category, tags, words, day: essay(
            title + words,
            day,
            series=series,
            series_key=series,
            episode=None if series is None else 1,
            category=category,
            tags=tuple(tags) or None,
        ),
        st.sampled_from(("甲", "乙", "丙")),
        st.none() | st.sampled_from(SERIES),
        st.none() | st.sampled_from(CATEGORIES),
        st.sets(st.sampled_from(TAGS)),
        st.sampled_from(("", "RoPE", "rope与外推", "矩阵", "Ｒｏｐｅ 外推 Muon的优化")),
        st.dates(date(2020, 1, 1), date(2024, 1, 1)),
    ),
    min_size=1,
    max_size=7,
)
chats_there = st.lists(
    st.builds(
        Chat,
        st.sampled_from(RHYTHMS),
        st.dictionaries(st.integers(0, len(NAMED) - 1), st.booleans(), max_size=5),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


def under(post: Post, kind: ScopeKind, name: str) -> bool:
    """Whether a post belongs under a scope, by the definition of each kind."""
    match kind:
        case ScopeKind.EVERYTHING:
            return True
        case ScopeKind.SERIES:
            return post.series == name
        case ScopeKind.TAG:
            return name in (post.tags or ()) or name in post.inferred_tags
        case ScopeKind.CATEGORY:
            return post.category == name
        case ScopeKind.WORD:
            return all(word in searched(post) for word in query_words(name))


def wanted(chat: Chat, posts: list[Post]) -> set[PostId]:
    """What one chat should hear of."""
    kinds = [(NAMED[at][0], NAMED[at][2], muted) for at, muted in chat.wishes.items()]
    return {
        post.id
        for post in posts
        if not chat.gone
        and any(under(post, kind, name) for kind, name, muted in kinds if not muted)
        and not any(under(post, kind, name) for kind, name, muted in kinds if muted)
    }


def told_at_once(chat: Chat, now: datetime) -> bool:
    chosen = chat.preferences
    asleep = in_quiet(chosen.quiet_from, chosen.quiet_to, chosen.time_zone, now)
    return chosen.when is When.INSTANT and not asleep


async def settle_in(tx: Transaction, chats: list[Chat]) -> list[DestinationId]:
    made = await tx.scopes.ensure(NAMED)
    scopes = [made[kind, key] for kind, key, _ in NAMED]
    ids = []
    for number, chat in enumerate(chats, 1):
        to = await tx.destinations.ensure(number, None, ChatKind.PRIVATE, "", THEN, chat.preferences)
        for at, muted in chat.wishes.items():
            await tx.destinations.subscribe(to.id, scopes[at].id, THEN, muted=muted)
        if chat.gone:
            await tx.destinations.gone(number, "blocked")
        ids.append(to.id)
    return ids


async def rows(
    tx: Transaction,
) -> tuple[dict[DestinationId, list[list[PostId]]], dict[DestinationId, set[PostId]]]:
    """What was planned: the posts of every duty of a destination, and what waits for it."""
    connection = tx.outbox._connection
    told: dict[DestinationId, list[list[PostId]]] = {}
    for row in await connection.execute(select(deliveries).order_by(deliveries.c.id)):
        listed = [PostId(int(part)) for part in row.payload.split(",")] if row.payload else [row.post_id]
        assert (row.kind is DeliveryKind.DIGEST) == (len(listed) > 1)
        told.setdefault(row.destination_id, []).append(listed)
    waits: dict[DestinationId, set[PostId]] = {}
    for row in await connection.execute(select(waiting)):
        waits.setdefault(row.destination_id, set()).add(row.post_id)
    return told, waits


@given(posts=posts_to_come, chats=chats_there)
@examples(20)
def test_every_chat_is_told_what_it_wants_once(posts: list[Post], chats: list[Chat], tmp_path: Path) -> None:
    async def run() -> None:
        fresh_in(tmp_path)
        async with database_in(tmp_path) as database:
            await database.write(unit)

    async def unit(tx: Transaction) -> None:
        ids = await settle_in(tx, chats)
        dump, stored = await store(tx, posts)
        new = [post.id for post in stored]
        planned = await tx.planner.announce(new, dump, THEN, digest_above=DIGEST_ABOVE)
        told, waits = await rows(tx)
        assert planned == sum(map(len, told.values())) + sum(map(len, waits.values()))
        by_age = [post.id for post in sorted(stored, key=lambda post: (post.date or date.max, post.id))]
        for number, chat in zip(ids, chats, strict=True):
            due = wanted(chat, stored)
            if not told_at_once(chat, THEN):
                assert waits.get(number, set()) == due
                assert number not in told
            elif len(due) > DIGEST_ABOVE:
                (digest,) = told[number]
                assert sorted(digest) == sorted(due)
            else:
                assert told.get(number, []) == [[post] for post in by_age if post in due]
        assert await tx.planner.announce(new, dump, THEN, digest_above=DIGEST_ABOVE) == 0

    (tmp_path / "copy.db").unlink(missing_ok=True)
    asyncio.run(run())


WORDINGS = {
    "one word": ("rope", "从RoPE说起", True),
    "within a longer word": ("rope", "ReRoPE", True),
    "all words, any order": ("外推 RoPE", "RoPE与外推", True),
    "one is missing": ("外推 RoPE", "外推随想", False),
    "wide letters": ("ＲｏＰＥ", "RoPE", True),
    "a formula's letter": ("A", r"矩阵$\boldsymbol{A}$", True),
    "a sign that nobody wrote": ("β", "阿尔法", False),
}


@pytest.mark.parametrize(("words", "title", "expected"), WORDINGS.values(), ids=WORDINGS)
async def test_a_word_scope_has_the_posts_with_all_its_words(
    words: str, title: str, expected: bool, tmp_path: Path
) -> None:
    async def unit(tx: Transaction) -> list[Post]:
        scope = (await tx.scopes.ensure([(ScopeKind.WORD, word_key(words), words)]))[
            ScopeKind.WORD, word_key(words)
        ]
        to = await tx.destinations.ensure(1, None, ChatKind.PRIVATE, "", THEN)
        await tx.destinations.subscribe(to.id, scope.id, THEN)
        await store(tx, [essay(title)])
        return await tx.posts.of_scope(scope.id)

    async with database_in(tmp_path) as database:
        assert bool(await database.write(unit)) is expected


async def test_what_is_not_wanted_any_more_is_withdrawn(tmp_path: Path) -> None:
    """A single duty, one that waits, and a line of a digest."""

    async def unit(tx: Transaction) -> None:
        chats = [
            Chat(Preferences(), {0: False}, gone=False),
            Chat(Preferences(when=When.DAILY), {0: False}, gone=False),
        ]
        single, daily = await settle_in(tx, chats)
        tag = (await tx.scopes.ensure(NAMED))[ScopeKind.TAG, "外推"]
        posts = [essay(f"第{n}篇", tags=("外推",) if n == 1 else ("attention",)) for n in range(5)]
        dump, stored = await store(tx, posts)
        unwanted = stored[1].id
        await tx.planner.announce([stored[0].id, unwanted], dump, THEN, digest_above=DIGEST_ABOVE)
        await tx.planner.announce([p.id for p in stored], dump, THEN, digest_above=DIGEST_ABOVE)
        for one in (single, daily):
            await tx.destinations.subscribe(one, tag.id, THEN, muted=True)
            assert await tx.outbox.cancel_unwanted(one, THEN)
        counts = await tx.outbox.claim(10, THEN, THEN - datetime(2026, 1, 1, tzinfo=UTC))
        assert sorted(post for row in counts for post in row.post_ids if post == unwanted) == []
        assert unwanted not in await tx.waiting.posts(daily)
        assert len(await tx.waiting.posts(daily)) == 4

    async with database_in(tmp_path) as database:
        await database.write(unit)

"""How long it takes to plan 20 new posts against 100,000 subscriptions of every kind, in one transaction.

`python -m tests.bench.word_matches [SUBSCRIPTIONS]` prints how long it took and how many duties came of it.
"""

import asyncio
import random
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert, select

from bot.intake.derive import places_of, word_key, word_places
from storage.database import Transaction
from storage.model import ChatKind, Post, ScopeId, ScopeKind, Standing, When
from storage.schema import destinations, subscriptions
from tests.delivery.archive import THEN, database_in, essay, store

SUBSCRIPTIONS = 100_000
PER_CHAT = 4
POSTS = 20
VOCABULARY = [f"词{number}" for number in range(400)]
SERIES = [f"系列{number}" for number in range(70)]
TAGS = [f"标签{number}" for number in range(300)]
CATEGORIES = [f"分类{number}" for number in range(8)]
# How often each kind is wished for: most people want everything or a few series.
WEIGHTS = {
    ScopeKind.EVERYTHING: 25,
    ScopeKind.SERIES: 30,
    ScopeKind.TAG: 25,
    ScopeKind.CATEGORY: 8,
    ScopeKind.WORD: 12,
}
MUTED = 0.1


def posts(dice: random.Random, count: int, first: date) -> list[Post]:
    made = []
    for number in range(count):
        series = dice.choice([None, *SERIES])
        made.append(
            essay(
                f"第{number}篇{dice.random()}",
                first + timedelta(days=number),
                series=series,
                series_key=series,
                episode=None if series is None else number + 1,
                category=dice.choice(CATEGORIES),
                tags=tuple(dice.sample(TAGS, 4)),
                excerpt=" ".join(dice.choices(VOCABULARY, k=60)),
            )
        )
    return made


async def fill(tx: Transaction, dice: random.Random, wishes: int) -> None:
    """Chats with a few wishes each; one in five with a digest, one in five with quiet hours."""
    words = sorted({" ".join(dice.sample(VOCABULARY, dice.choice((1, 2)))) for _ in range(5000)})
    named = [(ScopeKind.EVERYTHING, "", "")]
    named += [(ScopeKind.SERIES, name, name) for name in SERIES]
    named += [(ScopeKind.TAG, name, name) for name in TAGS]
    named += [(ScopeKind.CATEGORY, name, name) for name in CATEGORIES]
    named += [(ScopeKind.WORD, word_key(name), name) for name in words]
    by_kind: dict[ScopeKind, list[ScopeId]] = {}
    for scope in (await tx.scopes.ensure(named)).values():
        by_kind.setdefault(scope.kind, []).append(scope.id)
    kinds = dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=wishes)
    rows = {}
    for number, kind in enumerate(kinds):
        chat, scope_id = number // PER_CHAT + 1, dice.choice(by_kind[kind])
        muted = kind is not ScopeKind.EVERYTHING and dice.random() < MUTED
        rows[chat, scope_id] = {
            "destination_id": chat, "scope_id": scope_id, "muted": muted, "created_at": THEN
        }  # fmt: skip
    connection = tx.outbox._connection
    template = await tx.destinations.ensure(1, None, ChatKind.PRIVATE, "", THEN)
    found = await connection.execute(select(destinations).where(destinations.c.id == template.id))
    one = dict(found.mappings().one())
    chats = [
        one
        | {
            "id": chat,
            "chat_id": chat,
            "when": When.DAILY if chat % 5 == 0 else When.INSTANT,
            "quiet_from": 23 * 60 if chat % 5 == 1 else None,
            "quiet_to": 8 * 60 if chat % 5 == 1 else None,
            "time_zone": "America/New_York" if chat % 3 else "Asia/Shanghai",
            "standing": Standing.GONE if chat % 50 == 0 else Standing.ACTIVE,
        }
        for chat in range(2, wishes // PER_CHAT + 2)
    ]
    await connection.execute(insert(destinations), chats)
    await connection.execute(insert(subscriptions), list(rows.values()))


async def measure(wishes: int) -> None:
    dice = random.Random(0)
    with TemporaryDirectory() as folder:
        async with database_in(Path(folder)) as database:

            async def prepare(tx: Transaction) -> None:
                await store(tx, posts(dice, 1400, date(2010, 1, 1)))
                await fill(tx, dice, wishes)

            await database.write(prepare)
            new = posts(dice, POSTS, date(2026, 1, 1))

            async def match(tx: Transaction) -> tuple[int, float]:
                dump, stored = await store(tx, [])
                stored = await tx.post_writer.assign_ids(new)
                await tx.post_writer.add(stored, dump, THEN)
                began = time.perf_counter()
                worded = word_places(stored, await tx.scopes.words())
                await tx.post_writer.set_scopes(
                    {p.id: (*places_of(p), *worded.get(p.id, ())) for p in stored}
                )
                gathered = time.perf_counter() - began
                planned = await tx.planner.announce([p.id for p in stored], dump, THEN, digest_above=5)
                return planned, gathered

            began, worked = time.perf_counter(), time.process_time()
            planned, gathered = await database.write(match)
            took, worked = time.perf_counter() - began, time.process_time() - worked
            said = f"{POSTS} posts, {wishes:,} subscriptions: {planned:,} rows"
            print(f"{said} in {took:.2f} s ({worked:.2f} s of work)")  # noqa: T201
            print(f"  of which {gathered:.2f} s to put the posts under their scopes")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else SUBSCRIPTIONS))

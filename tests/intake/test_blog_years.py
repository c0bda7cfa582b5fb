"""Simulated years of mixed dumps: no post is lost, stored twice or announced by another dump than its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from bot.intake.ingest import IngestRules, ingest
from bot.titles import title_key
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Post, PostId, State
from storage.schema import deliveries
from tests.intake.blog_years import Year, simulate
from tests.tools.databases import url_in

READER = 77
YEARS = 56
PART = 7  # years of one test


@dataclass
class Outcome:
    """What went wrong in a year, in words."""

    faults: list[str] = field(default_factory=list)


async def live(url: str, year: Year) -> Outcome:
    """Ingest the dumps of a year one by one; each delivery is sent before the next dump."""
    database, outcome = await open_database(url), Outcome()
    await database.write(_subscribe)
    first = True
    for dump in year.dumps:
        before = await _told(database)
        try:
            report = await ingest(
                database, dump, IngestRules(hold_above=1000, digest_above=1000), dump.captured_at
            )
        except Exception as error:
            outcome.faults.append(f"{dump.name} failed: {error!r}")
            continue
        if report.error is not None:
            outcome.faults.append(f"{dump.name} was refused: {report.error}")
        told = await _told(database)
        if not first and len(told) - len(before) != report.new:
            outcome.faults.append(f"{dump.name}: {report.new} new, {len(told) - len(before)} deliveries")
        await database.write(_send)
        first = False
    posts = await database.read(lambda tx: tx.posts.everything())
    outcome.faults += _compare(year, posts, Counter(await _told(database)))
    await database.close()
    return outcome


async def _subscribe(tx: Transaction) -> None:
    since = await tx.now(simulate(0).dumps[0].captured_at)
    to = await tx.destinations.ensure(READER, None, ChatKind.PRIVATE, "", since)
    await tx.destinations.subscribe(to.id, (await tx.scopes.everything()).id, since)


async def _told(database: Database) -> list[PostId]:
    async def unit(tx: Transaction) -> list[PostId]:
        found = await tx.posts._connection.execute(
            select(deliveries.c.post_id).where(deliveries.c.state != State.CANCELLED)
        )
        return list(found.scalars())

    return await database.read(unit)


async def _send(tx: Transaction) -> None:
    await tx.posts._connection.execute(
        update(deliveries).where(deliveries.c.state == State.PENDING).values(state=State.SENT)
    )


def _compare(year: Year, posts: Sequence[Post], told: Counter[PostId]) -> list[str]:
    faults = []
    filled = next(iter(year.dumps))
    for truth in year.posts:
        keys = {title_key(truth.title), title_key(truth.edited or truth.title)}
        found = [
            post
            for post in posts
            if post.archive_id == truth.archive_id
            or (
                post.title_key in keys
                and post.date is not None
                and abs(post.date - truth.day) <= timedelta(1)
            )
        ]
        if truth.archive_id in year.shown and len(found) != 1:
            faults.append(f"{truth.title} of {truth.day} is stored {len(found)} times")
        for post in found:
            wanted = 0 if post.first_seen_at == filled.captured_at else 1
            if told[post.id] != wanted:
                faults.append(f"{truth.title} of {truth.day} was announced {told[post.id]} times")
    if len(posts) != len(year.shown):
        faults.append(f"{len(posts)} posts are stored, {len(year.shown)} were shown")
    return faults


@pytest.mark.parametrize("part", range(YEARS // PART))
async def test_a_year_of_mixed_dumps_loses_and_repeats_nothing(part: int, tmp_path: Path) -> None:
    for seed in range(part * PART, (part + 1) * PART):
        outcome = await live(url_in(tmp_path, f"{seed}.db"), simulate(seed))
        assert outcome.faults == [], f"year {seed}"

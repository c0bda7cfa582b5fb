"""Intake of a listing of many posts, new and unchanged, and other costs that grow with the archive.

A separate program with separate memory: takes a folder and a count, prints one line of JSON.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import feedparser

from bot.archive_queries import card_facts
from bot.intake.derive import derive
from bot.intake.formats.detect import read_dump
from bot.intake.ingest import IngestRules, ingest
from bot.messages.cards import card
from bot.messages.i18n import words_for
from bot.render import render
from bot.search.index import build
from bot.search.ranker import search
from storage.database import open_database
from storage.model import Dump, Form, Post
from tests.bench.fill import dump_of, url_of
from tests.bench.invented_posts import WORDS


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """The mean of `times` runs."""
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begun) / times


async def figures(folder: Path, count: int) -> dict[str, float]:
    database = await open_database(url_of(folder / "intake.db"))
    dump = dump_of(range(count))
    rules, now = IngestRules(), datetime.now(UTC)
    begun, cpu = time.perf_counter(), time.process_time()
    report = await ingest(database, dump, rules, now)
    first, first_cpu = time.perf_counter() - begun, time.process_time() - cpu
    assert report.new == count
    begun = time.perf_counter()
    for _ in range(20):
        await ingest(database, dump, rules, now)
    unchanged = (time.perf_counter() - begun) / 20
    begun = time.perf_counter()
    await ingest(database, dump_of(range(count - 10, count + 1), "news.txt"), rules, now)
    news = time.perf_counter() - begun
    posts = await database.read(lambda tx: tx.posts.everything())
    facts = await database.read(lambda tx: card_facts(tx, posts[-1]))
    await database.close()
    words = words_for("zh")
    megabytes = len(dump.content) / 1e6
    return {
        "first": first,
        "first_cpu": first_cpu,
        "unchanged": unchanged,
        "one_new_post": news,
        "megabytes_per_second": megabytes / seconds(lambda: read_dump(dump), 3),
        "feed_of_feedparser": _feed(),
        "understanding": seconds(lambda: derive(posts, {post.id for post in posts}, ())),
        "card": seconds(lambda: render(card(facts, words), Form.CLASSIC), 200),
        "rich_card": seconds(lambda: render(card(facts, words), Form.RICH), 200),
        "search_p99": _slowest(posts),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _feed() -> float:
    """How long our reading of a feed takes, as a part of what feedparser alone takes for it."""
    content = (Path(__file__).parents[1] / "data" / "dumps" / "feed_rss2.xml").read_bytes()
    dump = Dump(name="feed", content=content, captured_at=datetime.now(UTC))
    ours, theirs = [], []
    for _ in range(7):  # turn and turn about: the machine's other work disturbs both alike
        ours.append(seconds(lambda: read_dump(dump), 10))
        theirs.append(seconds(lambda: feedparser.parse(content), 10))
    return min(ours) / min(theirs)


def _slowest(posts: list[Post]) -> float:
    """The 99th of a hundred searches, sorted by time."""
    index = build(posts)
    asked = [f"{a} {b}" for a in WORDS[:10] for b in WORDS[10:20]]
    return sorted(seconds(lambda words=words: search(index, words)) for words in asked)[98]  # type: ignore[misc]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(figures(Path(sys.argv[1]), int(sys.argv[2])))) + "\n")

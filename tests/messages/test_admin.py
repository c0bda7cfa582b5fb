"""Notices and pages for operators."""

from datetime import UTC, datetime

import pytest

from bot.messages import admin
from bot.messages.admin import StatusFacts
from bot.messages.elements import page_of
from bot.messages.i18n import LANGUAGES
from storage.model import DumpId, DumpRecord, Source
from tests.messages.golden_files import Scene, check

TAKEN = DumpRecord(
    id=DumpId(4),
    name="home-2026-11-22.txt",
    sha256="0" * 64,
    origin="folder",
    layout=None,
    captured_at=datetime(2026, 11, 22, 8, 0, tzinfo=UTC),
    taken_in_at=datetime(2026, 11, 22, 8, 1, tzinfo=UTC),
    sightings=8,
    new=2,
    edited=1,
    unchanged=5,
    held=True,
)
BROKEN = DumpRecord(
    id=DumpId(5),
    name="half.txt",
    sha256="1" * 64,
    origin="folder",
    layout=None,
    captured_at=TAKEN.captured_at,
    taken_in_at=TAKEN.taken_in_at,
    error="the layout is not known",
)
FEED = Source(
    url="https://kexue.fm/feed",
    next_run=datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
    last_try=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
    last_success=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
    last_change=datetime(2026, 11, 17, 2, 0, tzinfo=UTC),
    items=10,
)
PAGE = Source(
    url="https://kexue.fm/content.html",
    next_run=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
    last_try=datetime(2026, 11, 22, 6, 0, tzinfo=UTC),
    error="it forbids the request (403)",
    failures=7,
)
WELL = StatusFacts(
    version="1.2.0",
    posts=1_337,
    chats=12,
    subscriptions=30,
    pending=0,
    failed=0,
    uncertain=0,
    held=0,
    oldest_seconds=None,
    last_dump=None,
)
UNWELL = StatusFacts(
    version="1.2.0",
    posts=1_337,
    chats=1,
    subscriptions=1,
    pending=40,
    failed=2,
    uncertain=1,
    held=60,
    oldest_seconds=190,
    last_dump=TAKEN,
    suspended={"bot was kicked": 1, "bot was blocked by the user": 12},
    sources=(FEED, PAGE),
)

SCENES: dict[str, Scene] = {
    "unreadable": lambda words: admin.dump_unreadable(words, "half.txt", "不是认识的格式。"),
    "held": lambda words: admin.posts_held(words, TAKEN, 60, 50),
    "released": lambda words: admin.released(words, 60),
    "discarded": lambda words: admin.discarded(words, 1),
    "nothing held": admin.nothing_held,
    "topic": lambda words: admin.topic_lost(words, "读论文", 5, "Bad Request: TOPIC_CLOSED"),
    "suspended": lambda words: admin.chats_suspended(
        words, {"bot was kicked": 1, "bot was blocked by the user": 12}
    ),
    "refuses": lambda words: admin.destination_refuses(words, "读论文", "not enough rights"),
    "fan-out refused": lambda words: admin.fan_out_refused(words, 8, 9, "chat not found"),
    "fan-out recovered": lambda words: admin.fan_out_recovered(words, 8),
    "database silent": lambda words: admin.database_silent(words, 3),
    "chats silent": lambda words: admin.chats_silent(words, 2),
    "updates resumed": admin.updates_resumed,
    "uncertain": lambda words: admin.deliveries_failed(words, 0, 3),
    "webhook": lambda words: admin.updates_blocked(words, polled=False),
    "polled": lambda words: admin.updates_blocked(words, polled=True),
    "no news": lambda words: admin.no_news(words, 31),
    "source failing": lambda words: admin.failing(words, FEED.url, "it is out of order (502)", 24),
    "source recovered": lambda words: admin.recovered(words, FEED.url),
    "failed": lambda words: admin.deliveries_failed(words, 2, 1),
    "retried": lambda words: admin.retried(words, 3),
    "nothing to retry": lambda words: admin.retried(words, 0),
    "broadcast": lambda words: admin.broadcast_question(words, "明天凌晨停机一小时。", 1_204, 5),
    "broadcast begun": lambda words: admin.broadcast_begun(words, 1_204),
    "status": lambda words: admin.status(WELL, words),
    "status unwell": lambda words: admin.status(UNWELL, words),
    "dumps": lambda words: admin.dumps(page_of((BROKEN, TAKEN), 1), words),
    "no dumps": lambda words: admin.dumps(page_of((), 1), words),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("admin", name, SCENES[name], language)

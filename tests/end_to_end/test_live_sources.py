"""The whole bot with a blog on the loopback: from the feed to a message in a chat."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cli.sources import fill
from bot.search.ranker import SearchService
from bot.web.snapshot import SnapshotCache
from storage.database import Transaction
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.blog import FEED, Blog, blog, page, silence
from tests.fakes.people import FakeTelegram
from tests.fakes.typecho import Typecho
from tests.intake.test_merge_duplicates import DUMP, FILLING, LISTED, PAGE, take
from tests.tools.databases import change


@pytest_asyncio.fixture
async def kexue() -> AsyncIterator[Blog]:
    async with blog() as running:
        yield running


def live_bot(telegram: FakeTelegram, folder: Path, kexue: Blog) -> WholeBot:
    return WholeBot(telegram, folder, feed_url=kexue.url("/feed"), fetch_pause_seconds=0, fetch_private=True)


def posted_today(feed: bytes) -> bytes:
    """Return the feed with the date of its newest item changed to now: older posts are not announced."""
    head, newest, *others = feed.split(b"<item>")
    today = format_datetime(datetime.now(UTC)).encode()
    newest = re.sub(rb"<pubDate>[^<]*", b"<pubDate>" + today, newest)
    return b"<item>".join([head, newest, *others])


def without_newest(feed: bytes) -> bytes:
    head, _newest, *others = feed.split(b"<item>")
    return b"<item>".join([head, *others])


async def fetched(bot: WholeBot) -> None:
    """Wait until a try has been written."""

    async def written() -> bool:
        found = await bot.database.read(lambda tx: tx.dumps.sources())
        return bool(found) and found[0].last_try is not None

    await bot.until(written)


async def test_a_new_post_in_the_feed_is_told(telegram: FakeTelegram, tmp_path: Path, kexue: Blog) -> None:
    kexue.pages["/feed"] = page(without_newest(FEED))
    bot = live_bot(telegram, tmp_path, kexue)
    await bot.starts()
    try:
        await fetched(bot)
        await bot.subscribes()
        known = await bot.posts()
        kexue.pages["/feed"] = page(posted_today(FEED))
        await due_now(bot)
        told = await telegram.message()
        new = [post for post in await bot.posts() if post.id not in {old.id for old in known}]
        assert len(new) == 1
        assert new[0].title in told.text
        assert f"https://kexue.fm/archives/{new[0].archive_id}" in f"{told.blocks} {told.links()}"
    finally:
        await bot.stops()


PROFILE = """\
name = "示例博客"
name_en = "Notes of an Example"
author = "某人"
author_en = "Someone"
licence = "CC BY 4.0"
home = "{home}"
"""
THEIRS = re.compile("科学空间|苏剑林|kexue\\.fm|spaces\\.ac|NC-ND|Scientific Spaces|Su Jianlin")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_another_blog_by_its_profile(
    telegram: FakeTelegram, tmp_path: Path, kexue: Blog, language: str
) -> None:
    site = Typecho("1.3.0", "default", "/archives/{id}/", "示例博客", "某人", now=datetime.now(UTC))
    for number in range(12):
        site.add(f"旧文第{number}号", f"<p>旧文{number}。</p>", site.now - timedelta(days=40 - number))
    site.serve(kexue)
    profile = tmp_path / "site.toml"
    profile.write_text(PROFILE.format(home=kexue.url("")), encoding="utf-8")
    bot = WholeBot(
        telegram,
        tmp_path,
        feed_url=kexue.url("/feed/"),
        site_file=profile,
        fetch_pause_seconds=0,
        fetch_private=True,
    )
    await bot.starts()
    try:
        await fetched(bot)
        assert await asyncio.to_thread(fill_archive, bot) == 0
        assert len(await bot.posts()) == 12
        assert all(post.category == "信息时代" for post in await bot.posts())
        await bot.says("/start", language=language)
        await bot.subscribes(language=language)
        site.now = datetime.now(UTC)
        new = site.add("新的一篇", "<p>设$x&lt;y$。</p><!--more--><p>后文。</p>")
        await due_now(bot)
        told = await telegram.message()
        assert new.title in told.text
        assert kexue.url(f"/archives/{new.number}/") in f"{told.blocks} {told.links()}"
        about = await bot.says("/about", language=language)
        author, name = ("某人", "示例博客") if language == "zh" else ("Someone", "Notes of an Example")
        assert author in about.text
        assert name in about.text
        assert "CC BY 4.0" in about.text
        for command in ("/help", "/latest", "/archive", "/random", "/search 旧文", "/series", "/settings"):
            answer = await bot.says(command, language=language)
            assert not THEIRS.search(f"{answer.text} {answer.links()}"), command
        assert not THEIRS.search(f"{told.text} {about.text} {told.links()}")
    finally:
        await bot.stops()


def fill_archive(bot: WholeBot) -> int:
    """Run `kexue-bot backfill --posts` with the settings of `bot`."""
    return asyncio.run(fill(bot.read_settings(), None, pause=0, posts=True, retry=False))


async def due_now(bot: WholeBot) -> None:
    """Make the source due now; everything else that is known of it stays."""
    await asyncio.to_thread(change, bot.url, "UPDATE sources SET next_run = 0")
    bot.service._tick()


async def test_the_operator_sees_how_the_feed_goes(
    telegram: FakeTelegram, tmp_path: Path, kexue: Blog
) -> None:
    kexue.pages["/feed"] = page(b"", status=503)
    bot = live_bot(telegram, tmp_path, kexue)
    await bot.starts()
    try:
        await fetched(bot)
        said = await bot.says("/status", chat_id=OPERATOR)
        assert kexue.url("/feed") in said.text
        assert "503" in said.text
    finally:
        await bot.stops()


async def test_a_stop_does_not_wait_for_the_blog(telegram: FakeTelegram, tmp_path: Path, kexue: Blog) -> None:
    kexue.pages["/feed"] = silence
    bot = live_bot(telegram, tmp_path, kexue)
    await bot.starts()
    while not kexue.paths():
        await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await bot.stops()


async def test_a_joined_post_is_found_once(bot: WholeBot) -> None:
    shelf, room = SearchService(), SnapshotCache(bot.database)
    for number, shown in enumerate((FILLING, DUMP, LISTED)):
        await take(bot.database, number, shown)

    async def hits(tx: Transaction) -> int:
        return len(await shelf.search(tx, "谱范数", date(2026, 1, 1)))

    assert (await bot.database.read(hits), len((await room.get()).posts)) == (2, 3)
    await take(bot.database, 3, PAGE)
    assert (await bot.database.read(hits), len((await room.get()).posts)) == (1, 2)

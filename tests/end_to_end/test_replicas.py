"""Two whole bots that share one PostgreSQL and one Telegram: each thing is done by one of them."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest_asyncio

from bot.rate_limit.scheduler import Limits
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import READER, FakeTelegram
from tests.tools.dumps import ARCHIVE, Shown
from tests.tools.postgres import MakeUrl

NEWS = Shown(title="一篇新文章", day=date(2026, 11, 20), readers=5, excerpt="为测试而写的摘要。")


@pytest_asyncio.fixture
async def two(
    telegram: FakeTelegram, tmp_path: Path, postgres: MakeUrl
) -> AsyncIterator[tuple[WholeBot, WholeBot]]:
    """Two bots with a folder each, whose leases are short."""
    url = postgres()
    bots = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        bots.append(WholeBot(telegram, folder, database_url=url, lease_seconds=3))
        bots[-1].limits = Limits(per_second=1000)
    yield bots[0], bots[1]
    for bot in bots:
        await bot.stops()


async def test_each_thing_is_done_by_one_of_them(
    telegram: FakeTelegram, two: tuple[WholeBot, WholeBot]
) -> None:
    first, second = two
    await first.knows(*ARCHIVE)
    await first.starts()
    await second.starts()
    await first.subscribes(READER)
    # A dump planned by one process may be sent by the other, but only once.
    for bot in two:
        bot.lands("news.txt", NEWS)
    await first.settles()
    await second.settles()
    assert NEWS.title in (await telegram.message(READER)).text
    assert "/series" in (await first.says("/help")).text
    assert len([posted for posted in telegram.messages(READER) if NEWS.title in posted.text]) == 1
    assert sorted(bot.service._replica.updates.is_held() for bot in two) == [False, True]
    named = [call.params["language_code"] for call in telegram.calls("setMyName")]
    assert len(named) == len(set(named))


async def test_when_one_stops_the_other_hears_and_sends(
    telegram: FakeTelegram, two: tuple[WholeBot, WholeBot]
) -> None:
    first, second = two
    await first.knows(*ARCHIVE)
    await first.starts()
    await second.starts()
    await second.subscribes(READER)
    await first.stops()
    assert "/series" in (await second.says("/help")).text
    second.lands("news.txt", NEWS)
    await second.settles()
    assert "一篇新文章" in telegram.messages(READER)[-1].text

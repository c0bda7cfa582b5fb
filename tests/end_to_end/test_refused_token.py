"""A token that Telegram refuses while the bot runs, and one that works again."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot import maintenance
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import READER, FakeTelegram
from tests.fakes.replies import error
from tests.telegram.test_webhook import free_port
from tests.tools.dumps import Shown

TITLE = "位置编码随笔第一则"


@pytest_asyncio.fixture
async def bot(
    telegram: FakeTelegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WholeBot]:
    monkeypatch.setattr(maintenance, "TICK_SECONDS", 1)
    bot = WholeBot(telegram, tmp_path, http_port=free_port())
    await bot.knows(Shown(title="旧文"))
    await bot.starts()
    await bot.subscribes()
    yield bot
    await bot.stops()


async def page(bot: WholeBot, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bot.settings['http_port']}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def is_refused(bot: WholeBot) -> bool:
    return "refuses BOT_TOKEN (401)" in (await page(bot, "/healthz"))[1]


async def refused(bot: WholeBot, telegram: FakeTelegram) -> str:
    """Telegram takes another token from now on; returns the one it took before."""
    former, telegram.world.token = telegram.token, "1:another-token-than-the-one-of-the-bot"
    await bot.until(lambda: is_refused(bot))
    status, text = await page(bot, "/readyz")
    assert status == 503
    assert "refuses BOT_TOKEN (401): put the new one in place" in text
    return former


async def test_a_refused_token_shows_at_once_and_its_end_is_told(
    bot: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await page(bot, "/healthz"))[1] == "ok\n"
    former = await refused(bot, telegram)
    assert caplog.text.count("refuses BOT_TOKEN (401)") == 1
    telegram.world.token = former
    said = (await telegram.message(OPERATOR)).text
    assert "令牌曾被 Telegram 拒绝" in said
    assert (await page(bot, "/healthz"))[1] == "ok\n"
    assert (await page(bot, "/readyz"))[0] == 200


async def test_the_pause_ends_with_the_restart(bot: WholeBot, telegram: FakeTelegram) -> None:
    former = await refused(bot, telegram)
    bot.lands("news.txt", Shown(title=TITLE))
    await bot.until(lambda: is_known(bot))
    await bot.stops()
    telegram.world.token = former
    await bot.starts()
    assert TITLE in (await telegram.message()).text
    assert "令牌曾被 Telegram 拒绝" in (await telegram.message(OPERATOR)).text
    await bot.settles()
    assert len(telegram.messages(OPERATOR)) == 1


async def is_known(bot: WholeBot) -> bool:
    return await bot.database.read(lambda tx: tx.posts.count()) == 2


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_who_asks_as_the_token_is_refused_is_answered_with_the_next_one(
    bot: WholeBot, telegram: FakeTelegram, is_restarted: bool
) -> None:
    telegram.answers("sendMessage", error(401, "Unauthorized"), always=True)
    telegram.user_says("/latest")
    assert await telegram.world.until(lambda: bool(telegram.calls("sendMessage")), 20)
    former = await refused(bot, telegram)
    if is_restarted:
        await bot.stops()
    telegram.recovers()
    telegram.world.token = former
    if is_restarted:
        await bot.starts()
    assert "旧文" in (await telegram.message(timeout=40)).text
    await telegram.quiet(1)
    assert len(telegram.messages(READER)) == 1

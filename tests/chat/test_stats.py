"""/stats over the wire: a picture with its caption, or the same as text where no picture can be sent."""

from datetime import date

import pytest

from bot.chat import browse
from bot.messages.statistics import can_draw
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import READER, FakeTelegram
from tests.fakes.replies import cut_after, error
from tests.tools.dumps import Shown

POSTS = (
    Shown(title="两步走(一):开头", day=date(2023, 5, 1), readers=12_345, excerpt="开头,为测试而写。"),
    Shown(title="两步走(二):结尾", day=date(2024, 5, 1), readers=23_456, excerpt="结尾,为测试而写。"),
)
drawing = pytest.mark.skipif(not can_draw(), reason="the extra `pictures` is not installed")


async def _stored(bot: WholeBot) -> None:
    await bot.knows(*POSTS)
    await bot.starts()


@drawing
async def test_a_picture_is_sent_with_its_caption(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    await _stored(resting_bot)
    shown = await resting_bot.says("/stats")
    assert shown.media == "photo"
    assert (shown.upload or b"").startswith(b"\x89PNG")
    assert "已收录 2 篇文章、1 个系列，累计阅读 3.58 万。" in shown.text
    assert await telegram.quiet() == []


async def test_who_wants_no_pictures_reads_the_same(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    await _stored(resting_bot)
    await resting_bot.subscribes(pictures=False)
    shown = await resting_bot.says("/stats")
    assert shown.media is None
    assert all(part in shown.text for part in ("2024", "结尾", "2.34 万", "两步走 · 2 篇"))
    assert telegram.calls("sendPhoto") == []


async def test_without_the_extra_it_is_text(
    resting_bot: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "can_draw", lambda: False)
    await _stored(resting_bot)
    assert (await resting_bot.says("/stats")).media is None
    assert telegram.calls("sendPhoto") == []


@drawing
async def test_a_chat_that_forbids_photos_gets_text(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    await _stored(resting_bot)
    telegram.answers("sendPhoto", error(400, "Bad Request: not enough rights to send photos to the chat"))
    shown = await resting_bot.says("/stats")
    assert shown.media is None
    assert "读的人最多" in shown.text


@drawing
async def test_a_picture_that_may_have_been_sent_is_not_said_again(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    await _stored(resting_bot)
    telegram.answers("sendPhoto", cut_after)
    await resting_bot.says("/stats")
    await telegram.quiet()
    assert len(telegram.messages(READER)) == 1


async def test_an_empty_archive_has_no_figures(bot: WholeBot) -> None:
    assert "还没有" in (await bot.says("/stats")).text

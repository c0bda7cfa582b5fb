"""Answers about the archive are kept for many, and show at once what changed for all or for one of them."""

from datetime import date
from pathlib import Path

from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown

OTHER = 1002


FIRST = Shown(title="低秩近似之路（一）：伪逆", day=date(2024, 9, 15))
SECOND = Shown(title="低秩近似之路（二）：SVD", day=date(2024, 10, 1))


async def test_what_is_kept_is_what_would_be_said(telegram: FakeTelegram, tmp_path: Path) -> None:
    bot = WholeBot(telegram, tmp_path)
    await bot.knows(FIRST)
    await bot.starts()
    try:
        first = await bot.says("/latest")
        assert (await bot.says("/latest", user_id=OTHER)).text == first.text
        assert "SVD" not in first.text
        bot.lands("news.txt", FIRST, SECOND)
        await bot.settles()
        assert "SVD" in (await bot.says("/latest", user_id=OTHER)).text

        series = await bot.says("/series 低秩近似之路")
        assert (await bot.says("/series 低秩近似之路", user_id=OTHER)).buttons == series.buttons
        await bot.says("/subscribe 低秩近似之路")
        assert (await bot.says("/series 低秩近似之路")).buttons != series.buttons
        assert (await bot.says("/series 低秩近似之路", user_id=OTHER)).buttons == series.buttons
    finally:
        await bot.stops()

"""What breaks on our own side: it is said, kept in the log without secrets, and tried again."""

import asyncio
import logging

import pytest

from bot.ops.logging import protect_logs
from tests.end_to_end.whole_bot import OPERATOR, READER, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import cut_before, page
from tests.tools.databases import change, locked
from tests.tools.dumps import HOME, Shown

GOOD = Shown(title="一篇完好的文章")


async def _meddle(bot: WholeBot, statement: str) -> None:
    """Execute a statement unseen by the bot; in a thread, because the bot may hold the lock."""
    await asyncio.to_thread(change, bot.url, statement)


async def test_something_broken_on_our_side_is_said_and_kept_in_the_log(
    library: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    await _meddle(library, "DROP TABLE phrases")
    assert "出了点问题" in (await library.says("/search RoPE")).text
    assert "phrases" in caplog.text
    assert "最近的文章" in (await library.says("/latest", user_id=5)).text


async def test_a_database_that_another_program_locks_for_a_while_delays_only(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.subscribes()
    async with locked(library.url):
        library.lands("good.txt", GOOD)
        assert "最近的文章" in (await library.says("/latest", user_id=5)).text
    assert GOOD.title in (await telegram.message()).text


async def test_a_dump_that_cannot_be_stored_is_tried_again(
    library: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    await library.subscribes()
    await _meddle(library, "ALTER TABLE sightings RENAME TO hidden")
    library.lands("bad.txt", dump="今天天气很好。\n".encode() * 50)
    library.lands("good.txt", GOOD)

    async def failed() -> bool:
        return "good.txt could not be taken in" in caplog.text

    await library.until(failed)

    async def operator_told() -> bool:
        return any("bad.txt" in message.text for message in telegram.messages(OPERATOR))

    await library.until(operator_told)
    assert telegram.messages(READER) == []
    await _meddle(library, "ALTER TABLE hidden RENAME TO sightings")

    async def told() -> bool:
        library.service.watch.wake()
        await asyncio.sleep(0.1)
        return bool(telegram.messages(READER))

    await library.until(told)
    assert GOOD.title in telegram.messages(READER)[0].text


async def test_the_token_is_in_no_log(
    resting_bot: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    bot = resting_bot
    caplog.set_level(logging.DEBUG)
    protect_logs([telegram.token])
    await bot.knows(dump=HOME)
    await bot.starts()
    await bot.subscribes()
    telegram.answers("sendMessage", cut_before)
    telegram.answers("sendMessage", page(502), chat_id=5)
    telegram.answers("getUpdates", page(502), page(401))
    bot.lands("good.txt", GOOD)
    await telegram.message()
    telegram.user_says("/about", user_id=5)
    await bot.says("/about", user_id=6)
    await bot.stops()
    assert caplog.records
    assert telegram.token.partition(":")[2] not in caplog.text

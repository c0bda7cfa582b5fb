"""Much news at once: one digest for many posts, and an administrator asked about too many."""

import pytest

from tests.end_to_end.whole_bot import OPERATOR, READER, WholeBot
from tests.fakes.chats import Posted
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import OLD, many, seed
from tests.tools.shared import needs_shared

pytestmark = pytest.mark.both_databases


@needs_shared
async def test_a_dump_with_eight_new_posts_brings_one_digest(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(dump=seed("003"))
    await bot.starts()
    await bot.says("/subscribe all")
    bot.lands("002.txt", dump=seed("002"))
    digest = await telegram.message()
    assert digest.text.startswith("新收到 8 篇")
    assert len(digest.links()) == 8
    assert [" ".join(line.split()) for line in digest.text.splitlines() if "长度外推性与" in line] == [
        "7 长度外推性与局部注意力 2023-01-12",
        "8 长度外推性与位置鲁棒性 2023-01-31",
    ]
    await bot.settles()
    assert await telegram.quiet() == []
    await bot.restarts()
    await bot.settles()
    assert not [call for call in await telegram.quiet() if call.method.startswith("send")]
    assert len(await bot.posts()) == 16


async def holds(bot: WholeBot, telegram: FakeTelegram, *, above: int) -> Posted:
    """Ingest a dump with one post more than `above`; return the operator's notice."""
    bot.settings |= {"hold_above": above}
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    bot.lands("flood.txt", *many(above + 1))
    return await telegram.message(OPERATOR)


async def test_too_much_news_waits_for_an_administrator(
    telegram: FakeTelegram, resting_bot: WholeBot
) -> None:
    bot = resting_bot
    told = await holds(bot, telegram, above=7)
    assert "HOLD_ABOVE=7" in told.text
    assert telegram.messages(READER) == []
    asked = await bot.says("/release", user_id=OPERATOR)
    telegram.presses(asked, "发送", user_id=OPERATOR)
    assert (await telegram.message()).text.startswith("新收到 8 篇")
    again = await bot.says("/release", user_id=OPERATOR)
    assert again.text == "没有暂缓的文章。"


async def test_held_posts_can_be_kept_quiet(telegram: FakeTelegram, resting_bot: WholeBot) -> None:
    bot = resting_bot
    told = await holds(bot, telegram, above=2)
    telegram.presses(told, "只收录", user_id=OPERATOR)
    await telegram.edit(told)
    await bot.settles()
    assert telegram.messages(READER) == []
    assert len(await bot.posts()) == 4


async def test_a_digest_leads_through_its_posts(reading: WholeBot, telegram: FakeTelegram) -> None:
    posts = many(6)
    reading.lands("six.txt", *posts)
    digest = await telegram.message()
    telegram.presses(digest, "逐篇看")
    card = await telegram.message()
    assert posts[0].title in card.text
    assert card.buttons[0] == ["1 / 6", "›"]
    for step in range(1, 6):
        telegram.presses(card, "›")
        await telegram.edit(card, after=step - 1)
        assert posts[step].title in card.text
    assert card.buttons[0] == ["‹", "6 / 6"]
    assert digest.edits == 0


async def test_a_digest_of_another_chat_cannot_be_read_by_a_forged_button(
    reading: WholeBot, telegram: FakeTelegram
) -> None:
    posts = many(6)
    reading.lands("six.txt", *posts)
    digest = await telegram.message()
    data = digest.button("逐篇看")["callback_data"]
    mine = await reading.says("/about", user_id=77)
    telegram.sends_data(mine, data, user_id=77)
    shown = await telegram.message(77)
    assert not any(post.title in shown.text for post in posts)

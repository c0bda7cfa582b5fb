"""What becomes of an announcement that Telegram refuses, postpones, or answers with nothing."""

import asyncio
from datetime import date

import pytest

from storage.model import Format, State
from tests.end_to_end.whole_bot import OPERATOR, READER, WholeBot
from tests.fakes.chats import Posted
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import blocked, cut_after, error, flood, migrated
from tests.tools.dumps import NEXT, OLD, Shown, many

pytestmark = pytest.mark.both_databases


async def test_a_chat_that_blocks_the_bot_stops_nobody_else(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    chats = range(1, 21)
    for chat_id in chats:
        await knowing.subscribes(chat_id)
    telegram.answers("sendMessage", blocked(), chat_id=7, always=True)
    knowing.lands("two.txt", *many(2))
    await knowing.settles()
    assert [len(telegram.messages(chat_id)) for chat_id in chats] == [0 if c == 7 else 2 for c in chats]
    gone = await knowing.standing(7)
    assert gone is not None
    assert (gone.standing, "blocked" in (gone.reason or "")) == ("gone", True)
    assert len([call for call in telegram.calls("sendMessage") if call.chat_id == 7]) == 1
    assert (await knowing.counts()).get(State.PENDING) is None


async def test_a_flood_pauses_its_chat_for_as_long_as_telegram_says(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    await knowing.subscribes(1)
    await knowing.subscribes(2)
    telegram.answers("sendMessage", flood(1), chat_id=1)
    knowing.lands("next.txt", NEXT)
    quick, late = await telegram.message(2), await telegram.message(1)
    refused = next(call for call in telegram.calls("sendMessage") if call.chat_id == 1)
    assert late.time - refused.time >= 1
    assert quick.time < late.time
    await knowing.settles()
    assert len(telegram.messages(1)) == 1


async def test_a_flood_of_an_answer_pauses_the_pushes_to_its_chat(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    """However long the pause is, although the answer itself is dropped after 30 seconds."""
    for chat_id in (1, 2):
        await knowing.subscribes(chat_id)
    telegram.answers("sendMessage", flood(40), chat_id=1)
    telegram.user_says("/latest", user_id=1)
    async with asyncio.timeout(10):
        while not telegram.calls("sendMessage"):
            await asyncio.sleep(0.01)
    knowing.lands("next.txt", NEXT)
    await telegram.message(2)
    await asyncio.sleep(0.3)
    assert len([call for call in telegram.calls("sendMessage") if call.chat_id == 1]) == 1
    assert await knowing.counts() == {State.SENT: 1, State.PENDING: 1}


async def test_a_group_that_became_a_supergroup_gets_what_was_meant_for_it(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    await knowing.subscribes(-5)
    telegram.chat_migrates(-5, -1000000000005, silently=True)
    knowing.lands("next.txt", NEXT)
    assert NEXT.title in (await telegram.message(-1000000000005)).text
    await knowing.settles()
    assert await knowing.standing(-5) is None
    assert migrated(-1000000000005).parameters == {"migrate_to_chat_id": -1000000000005}


async def test_a_try_without_an_answer_is_repeated_once(reading: WholeBot, telegram: FakeTelegram) -> None:
    telegram.answers("sendMessage", cut_after, cut_after)
    reading.lands("next.txt", NEXT)
    assert "不确定是否送达" in (await telegram.message(OPERATOR)).text
    await reading.settles()
    assert len(telegram.messages(READER)) == 2
    assert await reading.counts() == {State.UNCERTAIN: 1, State.SENT: 1}


FORMULA = Shown(
    title="一篇有公式的文章", excerpt="设$\\boldsymbol{x}_t=\\alpha_t\\boldsymbol{x}_{t-1}$,其余从略。"
)
NO = error(400, "Bad Request: RICH_MESSAGE_INVALID")
WRONG = error(400, "Bad Request: can't parse entities: unexpected end tag at byte offset 3")


async def _told(bot: WholeBot, telegram: FakeTelegram) -> Posted:
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes(format=Format.AUTO)
    bot.lands("formula.txt", FORMULA)
    return await telegram.message()


async def test_a_formula_is_sent_as_a_rich_message(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    card = await _told(resting_bot, telegram)
    assert card.blocks is not None
    assert FORMULA.title in card.text


async def test_a_refused_rich_message_is_written_in_the_classic_form(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.answers("sendRichMessage", NO)
    card = await _told(resting_bot, telegram)
    assert (card.blocks, bool(card.entities)) == (None, True)
    assert FORMULA.title in card.text


async def test_a_refused_classic_message_is_written_plainly(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.answers("sendRichMessage", NO)
    telegram.answers("sendMessage", WRONG)
    card = await _told(resting_bot, telegram)
    assert (card.blocks, card.entities) == (None, [])
    assert FORMULA.title in card.text
    await resting_bot.settles()
    assert await resting_bot.counts() == {State.SENT: 1}


async def test_a_message_that_nobody_takes_is_given_up_and_the_operator_told_once(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.answers("sendRichMessage", NO, always=True)
    for chat_id in (READER, 2, 3):
        telegram.answers("sendMessage", WRONG, chat_id=chat_id, always=True)
    for chat_id in (READER, 2, 3):
        await knowing.subscribes(chat_id)
    knowing.lands("formula.txt", FORMULA)
    assert "can't parse entities" in (await telegram.message(OPERATOR)).text.lower()
    await knowing.settles()
    assert await knowing.counts() == {State.FAILED: 3, State.SENT: 1}
    assert len(telegram.messages(OPERATOR)) == 1


async def test_a_server_without_rich_messages_gets_classic_ones(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.world.rich = False
    card = await _told(resting_bot, telegram)
    assert card.blocks is None
    resting_bot.lands("more.txt", Shown(title="又一篇", day=date(2024, 6, 2), excerpt=FORMULA.excerpt))
    await telegram.message()
    assert len(telegram.calls("sendRichMessage")) == 1

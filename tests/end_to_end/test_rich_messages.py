"""Rich or classic, over the wire: what is tried, what is fallen back to, and when nothing is said again."""

import pytest

from bot.delivery.messenger import RICH_RETRY_SECONDS
from storage.model import Format
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.chats import Posted
from tests.fakes.people import READER, FakeTelegram
from tests.fakes.replies import cut_after, error
from tests.tools.dumps import Shown

ROTATION = Shown(title="旋转矩阵小记", excerpt="这里的$\\boldsymbol{R}_{m-n}$只依赖于差,为测试而写。")
NO_FORMULA = Shown(title="没有公式的一篇", excerpt="这一篇只有文字,为测试而写。")


async def _knowing(bot: WholeBot, *posts: Shown) -> None:
    await bot.knows(*posts)
    await bot.starts()


def _forms(telegram: FakeTelegram) -> list[str]:
    """How each request carried its message."""
    sends = [c for c in telegram.calls() if c.method.startswith("send") or c.method == "editMessageText"]
    return [
        f"{'edit' if call.method == 'editMessageText' else 'send'} "
        + ("rich" if "rich_message" in call.params else call.params.get("parse_mode", "plain"))
        for call in sends
    ]


def _is_rich(message: Posted) -> bool:
    return message.blocks is not None


async def _card(bot: WholeBot, title: str) -> str:
    return f"/start p_{(await bot.post(title)).id}"


@pytest.mark.parametrize(
    ("post", "form"), [(ROTATION, "send rich"), (NO_FORMULA, "send HTML")], ids=["formula", "words"]
)
async def test_an_answer_is_rich_where_a_formula_gains(
    resting_bot: WholeBot, telegram: FakeTelegram, post: Shown, form: str
) -> None:
    await _knowing(resting_bot, post)
    await resting_bot.says(await _card(resting_bot, post.title))
    assert _forms(telegram) == [form]


@pytest.mark.parametrize(
    ("wish", "forms"),
    [
        (Format.AUTO, ["send rich", "send HTML"]),
        (Format.RICH, ["send rich", "send rich"]),
        (Format.CLASSIC, ["send HTML", "send HTML"]),
    ],
)
async def test_a_chat_gets_the_form_it_chose(
    resting_bot: WholeBot, telegram: FakeTelegram, wish: Format, forms: list[str]
) -> None:
    bot = resting_bot
    await _knowing(bot, ROTATION, NO_FORMULA)
    await bot.subscribes(format=wish)
    for post in (ROTATION, NO_FORMULA):
        await bot.says(await _card(bot, post.title))
    assert _forms(telegram) == forms


async def test_an_operator_can_turn_rich_messages_off(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    bot = resting_bot
    bot.settings["rich"] = False
    await _knowing(bot, ROTATION)
    await bot.subscribes(format=Format.RICH)
    await bot.says(await _card(bot, ROTATION.title))
    assert _forms(telegram) == ["send HTML"]


async def test_a_server_without_rich_messages_is_asked_once_for_answers_and_news_alike(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    telegram.world.rich = False
    await _knowing(bot, ROTATION)
    card = await bot.says(await _card(bot, ROTATION.title))
    assert "𝑹" in card.text or "R" in card.text
    await bot.subscribes()
    bot.lands("more.txt", Shown(title="另一篇", excerpt="记$\\boldsymbol{A}^{\\top}$为转置,为测试而写。"))
    await telegram.message()
    assert _forms(telegram) == ["send rich", "send HTML", "send HTML"]


async def test_a_server_is_asked_again_a_day_later(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    bot = resting_bot
    telegram.world.rich = False
    await _knowing(bot, ROTATION)
    link = await _card(bot, ROTATION.title)
    await bot.says(link)
    telegram.world.rich = True
    await bot.says(link)
    bot.service.rich.again_at -= RICH_RETRY_SECONDS
    await bot.says(link)
    assert _forms(telegram) == ["send rich", "send HTML", "send HTML", "send rich"]


async def test_refused_content_is_said_in_the_classic_form_this_time_only(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await _knowing(bot, ROTATION)
    link = await _card(bot, ROTATION.title)
    telegram.answers("sendRichMessage", error(400, "Bad Request: RICH_MESSAGE_URL_INVALID"))
    await bot.says(link)
    await bot.says(link)
    assert _forms(telegram) == ["send rich", "send HTML", "send rich"]


async def test_what_may_have_been_sent_is_not_said_again(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await _knowing(bot, ROTATION)
    telegram.answers("sendRichMessage", cut_after)
    await bot.says(await _card(bot, ROTATION.title))
    await telegram.quiet()
    assert _forms(telegram) == ["send rich"]
    assert len(telegram.messages(READER)) == 1


async def test_a_message_is_edited_from_one_form_into_the_other_and_back(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    first = Shown(title="两步走(一):只有文字", excerpt="这一篇只有文字,为测试而写。")
    second = Shown(title="两步走(二):有公式", excerpt="这里的$\\boldsymbol{R}_{m-n}$为测试而写。")
    await _knowing(bot, first, second)
    card = await bot.says(await _card(bot, first.title))
    assert not _is_rich(card)
    telegram.presses(card, "2 ›")
    await telegram.edit(card)
    assert _is_rich(card)
    telegram.presses(card, "‹ 1")
    await telegram.edit(card, after=1)
    assert not _is_rich(card)
    assert card.text.startswith("两步走")
    assert _forms(telegram) == ["send HTML", "edit rich", "edit HTML"]


async def test_a_server_that_does_not_know_rich_edits_gets_a_classic_one(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    telegram.world.rich = False
    first = Shown(title="两步走(一):只有文字", excerpt="这一篇只有文字,为测试而写。")
    second = Shown(title="两步走(二):有公式", excerpt="这里的$\\boldsymbol{R}_{m-n}$为测试而写。")
    await _knowing(bot, first, second)
    card = await bot.says(await _card(bot, first.title))
    telegram.presses(card, "2 ›")
    await telegram.edit(card)
    assert "有公式" in card.text
    assert _forms(telegram) == ["send HTML", "edit rich", "edit HTML"]

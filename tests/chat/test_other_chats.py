"""Other chats set from a private one: Telegram's picker, deep links to settings, and who may not."""

import re

import pytest

from bot.callbacks.actions import Choose, Setting, Settings, Subscribe, Subscriptions
from bot.callbacks.codec import encode
from storage.model import ChatKind, When
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.chats import Posted
from tests.fakes.people import READER, FakeTelegram
from tests.tools.dumps import Shown

GROUP, CHANNEL = -1_000_000_000_077, -1_000_000_000_088
POST = Shown(title="生成扩散模型漫谈(一):DDPM = 拆楼 + 建楼")


@pytest.fixture
async def stocked(resting_bot: WholeBot, telegram: FakeTelegram) -> WholeBot:
    """A running bot, and a reader who runs a group and a channel."""
    for chat_id in (GROUP, CHANNEL):
        telegram.administrators[chat_id].add(READER)
    telegram.opens(CHANNEL, "channel", "矩阵之友")
    await resting_bot.knows(POST)
    await resting_bot.starts()
    return resting_bot


async def picks(bot: WholeBot, chat_id: int, request_id: int, title: str = "矩阵之友") -> Posted:
    chosen = {"request_id": request_id, "chat_id": chat_id, "title": title}
    return await bot.says("", chat_shared=chosen)


async def test_the_picker_asks_for_a_channel_where_the_bot_may_post(
    stocked: WholeBot, telegram: FakeTelegram
) -> None:
    await stocked.says("/channel")
    markup = telegram.calls("sendMessage")[-1].params["reply_markup"]
    channel, group = (button["request_chat"] for button in markup["keyboard"][0])
    assert (channel["chat_is_channel"], group["chat_is_channel"]) == (True, False)
    assert channel["bot_administrator_rights"]["can_post_messages"]
    asked, needed = channel["bot_administrator_rights"], channel["user_administrator_rights"]
    assert all(needed[right] for right, wanted in asked.items() if wanted)


async def test_a_channel_is_subscribed_from_a_private_chat(stocked: WholeBot, telegram: FakeTelegram) -> None:
    offer = await picks(stocked, CHANNEL, 1)
    assert "矩阵之友" in offer.text
    telegram.presses(offer, "按系列")
    names = await telegram.edit(offer)
    telegram.presses(names, "生成扩散模型漫谈")
    said = await telegram.message()
    assert "「矩阵之友」订阅好了" in said.text
    to = await stocked.standing(CHANNEL)
    assert to is not None
    assert to.kind is ChatKind.CHANNEL
    assert len(await stocked.database.read(lambda tx: tx.destinations.subscriptions(to.id))) == 1
    assert await stocked.standing(READER) is None
    stocked.lands("2.txt", Shown(title="生成扩散模型漫谈(二):DDPM = 自回归式VAE", excerpt="第二篇。"))
    assert "自回归式VAE" in (await telegram.message(CHANNEL)).text


async def test_its_settings_are_set_from_there_too(stocked: WholeBot, telegram: FakeTelegram) -> None:
    await picks(stocked, CHANNEL, 1)
    to = await stocked.standing(CHANNEL)
    assert to is not None
    menu = await stocked.says(f"/start o_{to.id}")
    assert "矩阵之友" in menu.text
    telegram.presses(menu, "推送方式")
    options = await telegram.edit(menu)
    telegram.presses(options, "每天")
    await telegram.edit(options, after=1)
    changed = await stocked.standing(CHANNEL)
    assert changed is not None
    assert changed.preferences.when is When.DAILY


REFUSALS = {
    "a person who does not run it": (CHANNEL, 1, 666, "administrator", "只有管理员"),
    "a channel without the bot": (CHANNEL, 1, READER, "left", "先把我加进去"),
    "a group without the bot": (GROUP, 2, READER, "kicked", "先把我加进去"),
}


@pytest.mark.parametrize(
    ("chat_id", "request_id", "who", "standing", "said"), REFUSALS.values(), ids=REFUSALS
)
async def test_a_chat_is_refused(
    chat_id: int,
    request_id: int,
    who: int,
    standing: str,
    said: str,
    stocked: WholeBot,
    telegram: FakeTelegram,
) -> None:
    telegram.opens(chat_id).standing = standing
    chosen = {"request_id": request_id, "chat_id": chat_id, "title": "矩阵之友"}
    answer = await stocked.says("", user_id=who, chat_shared=chosen)
    assert said in answer.text
    assert await stocked.standing(chat_id) is None


async def test_the_settings_of_a_group_are_a_link_to_a_private_chat(
    stocked: WholeBot, telegram: FakeTelegram
) -> None:
    said = await stocked.says("/settings", chat_id=GROUP)
    (row,) = said.keyboard
    found = re.fullmatch(r"https://t\.me/kexue_test_bot\?start=(o_\d+)", row[0]["url"])
    assert found is not None
    menu = await stocked.says(f"/start {found[1]}")
    assert "的设置" in menu.text


async def test_nobody_else_can_look_or_decide(stocked: WholeBot, telegram: FakeTelegram) -> None:
    """Forged and foreign button data and links."""
    await picks(stocked, CHANNEL, 1)
    to = await stocked.standing(CHANNEL)
    assert to is not None
    everything = await stocked.database.write(lambda tx: tx.scopes.everything())
    own = await stocked.says("/start", user_id=666)
    for action in (
        Subscribe(everything.id, to.id),
        Subscriptions(1, to.id),
        Settings(to.id),
        Choose(Setting.WHEN, "weekly", to.id),
        Settings(999_999),
    ):
        query = telegram.sends_data(own, encode(action), user_id=666)
        assert "只有管理员" in (await telegram.answer(query))["text"]
        assert "只有管理员" in (await telegram.message(666)).text
    assert "只有管理员" in (await stocked.says(f"/start b_{to.id}", user_id=666)).text
    assert await stocked.standing(CHANNEL) == to
    assert await stocked.database.read(lambda tx: tx.destinations.subscriptions(to.id)) == []

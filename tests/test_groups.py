"""Groups, forum topics and channels: who may decide, what is addressed to the bot, where news goes."""

from typing import Any

import pytest

from storage.model import ChatKind
from tests.dumps import Shown
from tests.fake_replies import error
from tests.fakes import FakeTelegram
from tests.wholebot import OPERATOR, WholeBot

GROUP, FORUM, CHANNEL = -7, -1000000000007, -1000000000009
ADMINISTRATOR, MEMBER = 31, 32
DECIDING = ("/subscribe", "/unsubscribe", "/settings", "/forget")

NEXT = Shown(title="一篇新来的文章")


@pytest.fixture(autouse=True)
def chats(telegram: FakeTelegram) -> None:
    telegram.opens(GROUP, "group")
    telegram.opens(FORUM, "supergroup")
    telegram.opens(CHANNEL, "channel")
    for chat_id in (GROUP, FORUM, CHANNEL):
        telegram.administrators[chat_id] = {ADMINISTRATOR}


@pytest.mark.parametrize("command", DECIDING)
async def test_only_administrators_may_change_what_a_group_is_told(
    library: WholeBot, telegram: FakeTelegram, command: str
) -> None:
    refused = await library.says(command, chat_id=GROUP, user_id=MEMBER)
    assert refused.text == "只有管理员能改这里的订阅和设置。"
    assert await library.standing(GROUP) is None
    allowed = await library.says(command, chat_id=GROUP, user_id=ADMINISTRATOR)
    assert allowed.text != refused.text


async def test_an_answer_in_a_group_replies_to_the_question(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    asked = telegram.user_says("/latest", chat_id=GROUP, user_id=MEMBER)
    assert (await telegram.message(GROUP)).reply_to == asked


async def test_a_member_cannot_press_an_administrators_button(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    shown = await library.says("/series 扩散", chat_id=GROUP, user_id=MEMBER)
    query = telegram.presses(shown, "🔔", user_id=MEMBER)
    assert (await telegram.answer(query))["text"] == "只有管理员能改这里的订阅和设置。"
    assert await library.standing(GROUP) is None
    query = telegram.presses(shown, "🔔", user_id=ADMINISTRATOR)
    assert (await telegram.answer(query))["text"] == "已订阅"
    assert await library.standing(GROUP) is not None


async def test_an_administrator_who_speaks_anonymously_may_decide(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    chat = telegram.opens(GROUP).json()
    anonymous: dict[str, Any] = {
        "from": {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    }
    said = await library.says("/subscribe", chat_id=GROUP, sender_chat=chat, **anonymous)
    assert "订阅好了" in said.text


async def test_commands_for_other_bots_and_idle_talk_are_not_ours(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    for text in ("/latest@another_bot", "/subscribe@another_bot", "你们看看/latest", "扩散模型", "谢谢"):
        telegram.user_says(text, chat_id=GROUP, user_id=MEMBER)
    assert (await library.says("/about@kexue_test_bot", chat_id=GROUP, user_id=MEMBER)).text.startswith(
        "关于"
    )
    assert len(telegram.messages(GROUP)) == 1


async def test_other_bots_are_not_answered(library: WholeBot, telegram: FakeTelegram) -> None:
    other: dict[str, Any] = {"from": {"id": 99, "is_bot": True, "first_name": "Echo"}}
    telegram.user_says("/latest", chat_id=GROUP, **other)
    await library.says("/about", chat_id=GROUP, user_id=MEMBER)
    assert len(telegram.messages(GROUP)) == 1


async def test_a_topic_is_subscribed_by_itself_and_gets_its_news(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    said = await library.says("/subscribe", chat_id=FORUM, user_id=ADMINISTRATOR, thread_id=5)
    assert said.thread_id == 5
    found = await library.standing(FORUM, 5)
    assert found is not None
    assert found.kind is ChatKind.GROUP
    assert await library.standing(FORUM) is None
    library.lands("next.txt", NEXT)
    news = await telegram.message(FORUM)
    assert (news.thread_id, NEXT.title in news.text) == (5, True)


async def test_a_button_in_a_topic_is_about_the_topic(library: WholeBot, telegram: FakeTelegram) -> None:
    shown = await library.says("/series 扩散", chat_id=FORUM, user_id=ADMINISTRATOR, thread_id=5)
    telegram.presses(shown, "🔔", user_id=ADMINISTRATOR)
    said = await telegram.message(FORUM)
    assert (said.thread_id, "订阅好了" in said.text) == (5, True)
    assert await library.standing(FORUM, 5) is not None


@pytest.mark.parametrize("state", ["closed", "deleted"])
async def test_what_was_meant_for_a_lost_topic_goes_to_the_general_one(
    library: WholeBot, telegram: FakeTelegram, state: str
) -> None:
    telegram.opens(FORUM).topics[5] = state
    await library.subscribes(FORUM, thread_id=5)
    library.lands("next.txt", NEXT)
    news = await telegram.message(FORUM)
    assert (news.thread_id, NEXT.title in news.text) == (None, True)
    assert (await telegram.message(OPERATOR)).text
    await library.settles()
    assert len(telegram.messages(OPERATOR)) == 1


async def test_a_channel_is_subscribed_by_a_post_in_it(library: WholeBot, telegram: FakeTelegram) -> None:
    assert "订阅好了" in (await library.says("/subscribe", chat_id=CHANNEL)).text
    found = await library.standing(CHANNEL)
    assert found is not None
    assert found.kind is ChatKind.CHANNEL
    library.lands("next.txt", NEXT)
    assert NEXT.title in (await telegram.message(CHANNEL)).text


async def test_a_subscriber_of_a_channel_cannot_press_its_buttons(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    said = await library.says("/subscribe", chat_id=CHANNEL)
    query = telegram.presses(said, "退订", user_id=MEMBER)
    assert (await telegram.answer(query))["text"] == "只有管理员能改这里的订阅和设置。"
    query = telegram.presses(said, "退订", user_id=ADMINISTRATOR)
    assert (await telegram.answer(query))["text"] == "已退订"


async def test_who_administers_a_chat_is_not_guessed_when_telegram_does_not_say(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.answers("getChatMember", error(400, "Bad Request: CHAT_ADMIN_REQUIRED"))
    said = await library.says("/subscribe", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert said.text == "只有管理员能改这里的订阅和设置。"
    again = await library.says("/subscribe", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert "订阅好了" in again.text

"""Groups, forum topics and channels: permissions, addressed commands, destinations of pushes."""

from typing import Any

import pytest

from storage.model import ChatKind
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import error
from tests.tools.dumps import Shown

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
    assert refused.text.startswith(f"这里只有管理员能用 {command}。")
    assert await library.standing(GROUP) is None
    allowed = await library.says(command, chat_id=GROUP, user_id=ADMINISTRATOR)
    assert allowed.text != refused.text


async def test_an_answer_in_a_group_replies_to_the_question(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    asked = telegram.user_says("/latest", chat_id=GROUP, user_id=MEMBER)
    assert (await telegram.message(GROUP)).reply_to == asked


@pytest.mark.parametrize("command", ["/latest", "/stats"])
async def test_an_answer_in_a_channel_is_a_message_of_its_own(library: WholeBot, command: str) -> None:
    """A picture too, as /stats has where it can be drawn."""
    assert (await library.says(command, chat_id=CHANNEL)).reply_to is None


async def test_a_member_cannot_press_an_administrators_button(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    shown = await library.says("/series 扩散", chat_id=GROUP, user_id=ADMINISTRATOR)
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
    said = await library.says("/subscribe all", chat_id=GROUP, sender_chat=chat, **anonymous)
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
    said = await library.says("/subscribe all", chat_id=FORUM, user_id=ADMINISTRATOR, thread_id=5)
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
    assert "订阅好了" in (await library.says("/subscribe all", chat_id=CHANNEL)).text
    found = await library.standing(CHANNEL)
    assert found is not None
    assert found.kind is ChatKind.CHANNEL
    library.lands("next.txt", NEXT)
    assert NEXT.title in (await telegram.message(CHANNEL)).text


async def test_a_subscriber_of_a_channel_cannot_press_its_buttons(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    said = await library.says("/subscribe all", chat_id=CHANNEL)
    query = telegram.presses(said, "退订", user_id=MEMBER)
    assert (await telegram.answer(query))["text"] == "只有管理员能改这里的订阅和设置。"
    query = telegram.presses(said, "退订", user_id=ADMINISTRATOR)
    assert (await telegram.answer(query))["text"] == "已退订"


async def test_who_administers_a_chat_is_not_guessed_when_telegram_does_not_say(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.answers("getChatMember", error(400, "Bad Request: CHAT_ADMIN_REQUIRED"))
    said = await library.says("/subscribe all", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert said.text == "查不到谁是这里的管理员。请把我设为管理员，或以群的身份匿名发送，再试一次。"
    again = await library.says("/subscribe all", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert "订阅好了" in again.text


STRANGER = 555


async def test_a_group_is_answered_as_often_as_telegram_lets_it_be_written_to(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    """Forty people ask in one group; private chats are answered without delay."""
    for person in range(40):
        telegram.user_says("/latest", chat_id=GROUP, user_id=3000 + person)
    assert (await library.says("/about", user_id=67)).text
    await telegram.quiet(0.5)
    assert 20 <= len(telegram.messages(GROUP)) <= 22


async def test_dear_questions_have_a_smaller_allowance_than_others(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    for _ in range(40):
        telegram.user_says("/search RoPE", user_id=66)
    assert (await library.says("/about", user_id=67)).text
    await telegram.quiet(1.0)
    assert 20 <= len(telegram.messages(66)) <= 24
    telegram.user_says("/about", user_id=66)

    async def told() -> bool:
        return "苏剑林" in telegram.messages(66)[-1].text

    await library.until(told)


async def test_commands_for_another_bot_cost_nothing(library: WholeBot, telegram: FakeTelegram) -> None:
    for _ in range(80):
        telegram.user_says("/latest@another_bot", chat_id=GROUP)
    telegram.user_says("/latest", chat_id=GROUP)
    assert (await telegram.message(GROUP)).text
    assert len(telegram.messages(GROUP)) == 1


async def test_only_operators_add_the_bot_where_the_setting_says_so(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    bot.settings["groups_for"] = "operators"
    await bot.starts()
    telegram.membership(GROUP, "left", "member", user_id=STRANGER)
    assert "先走了" in (await telegram.message(GROUP)).text
    telegram.membership(-1000000000077, "left", "administrator", kind="channel", user_id=STRANGER)
    telegram.membership(-78, "left", "member", kind="group", user_id=OPERATOR)
    assert "/subscribe" in (await telegram.message(-78)).text
    await telegram.quiet()
    assert [call.chat_id for call in telegram.calls("leaveChat")] == [GROUP, -1000000000077]


async def test_whoever_collects_groups_is_left_alone_after_the_tenth(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    groups = range(-1, -13, -1)
    for group in groups:
        telegram.membership(group, "left", "member", kind="group", user_id=STRANGER)
    telegram.membership(-99, "left", "member", kind="group", user_id=OPERATOR)
    await telegram.message(-99)
    await telegram.quiet(0.4)
    left = {call.chat_id for call in telegram.calls("leaveChat")}
    assert len(left) == 2
    assert {group for group in groups if telegram.messages(group)} == set(groups) - left

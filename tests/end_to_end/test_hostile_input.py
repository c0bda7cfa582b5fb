"""Hostile text and button data: a short answer, and other chats are not affected."""

from bot.callbacks.actions import Broadcast, Release, Retry, Status
from bot.callbacks.codec import encode
from storage.clock import SystemClock
from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.people import FakeTelegram

LONG = {
    "/search " + "词" * 4000: "太长了",
    "/series " + "x" * 4000: "太长了",
    "/subscribe word " + "词 " * 2000: "太长了",
    "/start " + "p" * 4000: "太长了",
    "/" + "z" * 4000: "不认识",
    "/latest " + "9" * 4000: "太长了",
    "词" * 4000: "没有找到",
    "/broadcast " + "<" * 4000: "太长了",
}


async def test_long_commands_are_answered_shortly(library: WholeBot, telegram: FakeTelegram) -> None:
    for user_id, (typed, shown) in enumerate(LONG.items(), 2000):
        said = (await library.says(typed, user_id=user_id)).text
        assert shown in said, (typed[:20], said)
        assert len(said) < 300


FORGED = (
    "", "x", "1", "1p", "1p:", "1p:-1", "1p:1:1", "1p:99999999999999999999", "1b:999999", "1b:1:999999",
    "2p:1", "1nosuch:1", "1p:一", "../../etc/passwd", "1p:1\x00", "'; DROP TABLE posts; --", "1q:999999",
    "1oc:language:klingon", "1oc:hour:99", "1oc:zone:Mars/Olympus", "1d:1:1", "1ub:1", "1ur:1", "1f:1",
    "1cs:1:daily", "1t:1", "1o:1", "1bs:1:1", "1a:2022:13", "1a:0:0", "1s:1:999999999", "A" * 64,
)  # fmt: skip


async def test_forged_buttons_are_answered_and_change_nothing_of_others(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    before = await library.subscribes(READER)
    posts = await library.posts()
    for user_id, data in enumerate(FORGED, 2000):
        mine = await library.says("/about", user_id=user_id)
        query = telegram.sends_data(mine, data, user_id=user_id)
        await telegram.answer(query)
    await library.settles()
    assert "went wrong" not in "".join(message.text for message in telegram.messages())
    assert not [message.text for message in telegram.messages() if "出了点问题" in message.text]
    assert await library.standing(READER) == before
    assert await library.posts() == posts


async def test_a_button_of_another_version_leads_on(library: WholeBot, telegram: FakeTelegram) -> None:
    mine = await library.says("/about")
    query = telegram.sends_data(mine, "0p:1")
    assert (await telegram.answer(query))["text"]
    said = await telegram.message()
    assert "太旧" in said.text
    telegram.presses(said, "帮助")
    await telegram.edit(said)
    assert "/subscribe" in said.text


async def test_operators_buttons_do_nothing_for_others(library: WholeBot, telegram: FakeTelegram) -> None:
    await library.subscribes(1)
    draft = await library.database.write(lambda tx: tx.scopes.phrase("广告", SystemClock().now()))
    mine = await library.says("/about", user_id=77)
    for action in (Broadcast(draft), Release(1), Retry(), Status()):
        query = telegram.sends_data(mine, encode(action), user_id=77)
        assert (await telegram.answer(query))["text"] == "只有运维人员能用。"
    await library.settles()
    assert telegram.messages(1) == []


async def test_whoever_asks_too_much_is_not_answered_and_nobody_else_waits(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    for _ in range(150):
        telegram.user_says("/latest", user_id=66)
    assert (await library.says("/about", user_id=67)).text
    await telegram.quiet(0.3)
    assert 1 <= len(telegram.messages(66)) <= 90

"""Screens: nothing is lost by a tap, and every confirmation says what was changed."""

import pytest

from tests.end_to_end.whole_bot import OPERATOR, READER, WholeBot
from tests.fakes.chats import Posted
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown

GROUP, ADMINISTRATOR, MEMBER = -1_000_000_000_077, 31, 32
SERIES = "生成扩散模型漫谈"

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>科学空间|Scientific Spaces</title><link>https://kexue.fm/</link>
<item><title>为测试写的一篇</title><link>https://kexue.fm/archives/9119</link>
<pubDate>Mon, 13 Jun 2022 10:00:00 +0800</pubDate><description>为测试写的摘要。</description></item>
<item><title>为测试写的另一篇</title><link>https://kexue.fm/archives/8265</link>
<pubDate>Tue, 23 Mar 2021 10:00:00 +0800</pubDate><description>为测试写的另一段摘要。</description></item>
</channel></rss>"""


async def subscriptions(
    bot: WholeBot, chat_id: int = READER, thread_id: int | None = None
) -> dict[str, bool]:
    """Return kind and name of every subscription of a chat, True for a mute."""
    to = await bot.standing(chat_id, thread_id)
    if to is None:
        return {}
    found = await bot.database.read(lambda tx: tx.destinations.subscriptions(to.id))
    return {f"{one.scope.kind} {one.scope.name}".strip(): one.muted for one in found}


def labels(message: Posted) -> list[str]:
    return [button for row in message.buttons for button in row]


THREE = {f"series {SERIES}": False, "tag attention": False, "word RoPE": False}


async def subscribe_to_three(bot: WholeBot, **who: object) -> None:
    for text in (f"/subscribe series {SERIES}", "/subscribe tag attention", "/subscribe word RoPE"):
        await bot.says(text, **who)


PLACES = {
    "private": {"user_id": READER},
    "group": {"chat_id": GROUP, "user_id": ADMINISTRATOR},
    "topic": {"chat_id": GROUP, "user_id": ADMINISTRATOR, "thread_id": 5},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_several_subscriptions_are_removed_after_a_question_and_restored_exactly(
    place: dict[str, int], library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.administrators[GROUP] = {ADMINISTRATOR}
    chat, thread, who = place.get("chat_id", READER), place.get("thread_id"), place["user_id"]
    await subscribe_to_three(library, **place)
    await library.says("/subscribe mute tag GAN", **place)
    muted = THREE | {"tag GAN": True}
    choice = await library.says("/unsubscribe", **place)
    assert "要退订哪一个" in choice.text
    telegram.presses(choice, "全部退订", user_id=who)
    question = await telegram.message(chat)
    assert "退订全部 3 个订阅" in question.text
    assert "屏蔽不受影响" in question.text
    assert await subscriptions(library, chat, thread) == muted
    await library.says("/subscribe word 后来的", **place)
    telegram.presses(question, "退订", user_id=who)
    await telegram.edit(question)
    assert "退订了 3 个" in question.text
    assert await subscriptions(library, chat, thread) == {"word 后来的": False, "tag GAN": True}
    telegram.presses(question, "恢复这 3 个订阅", user_id=who)
    assert "已恢复 3 个订阅" in (await telegram.message(chat)).text
    assert await subscriptions(library, chat, thread) == muted | {"word 后来的": False}


async def test_the_only_subscription_is_removed_at_once_and_restored(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.says("/subscribe tag attention")
    removed = await library.says("/unsubscribe")
    assert "退订了：标签「attention」" in removed.text
    assert await subscriptions(library) == {}
    telegram.presses(removed, "恢复订阅")
    await telegram.message()
    assert await subscriptions(library) == {"tag attention": False}


CHANGES_NOTHING = (
    "/subscribe", "/subscribe tag", "/subscribe series", "/subscribe category", "/subscribe word",
    "/subscribe 标签", "/subscribe mute", "/subscribe 屏蔽", "/subscribe mute all", "/unsubscribe",
    "/unsubscribe tag", "/unsubscribe series", "/unsubscribe word", "/unsubscribe mute", "/unsubscribe all",
    "/unsubscribe 全部", "/unsubscribe 优化器", "/unsubscribe tag GAN", "/settings excerpt", "/settings foo",
)  # fmt: skip


async def test_a_command_that_names_nothing_changes_nothing(library: WholeBot) -> None:
    await subscribe_to_three(library)
    before = await library.standing(READER)
    for typed in CHANGES_NOTHING:
        said = await library.says(typed)
        assert await subscriptions(library) == THREE, typed
        assert "订阅好了" not in said.text, typed
        assert "退订了" not in said.text, typed
    assert await library.standing(READER) == before


UNDERSTOOD = {
    "/subscribe 全部": {"everything": False},
    "/subscribe 全部文章": {"everything": False},
    "/subscribe all": {"everything": False},
    "/subscribe every post": {"everything": False},
    f"/subscribe 系列「{SERIES}」": {f"series {SERIES}": False},
    f"/subscribe series “{SERIES}”": {f"series {SERIES}": False},
    "/subscribe 扩散": {"tag 扩散": False},  # not the series whose name has it within
    "/subscribe #attention": {"tag attention": False},
    "/subscribe 标签「attention」": {"tag attention": False},
    "/subscribe 屏蔽 标签 attention": {"tag attention": True},
    "/subscribe 屏蔽标签「attention」": {"tag attention": True},
    "/subscribe block tag attention": {"tag attention": True},
    "/subscribe keywords RoPE": {"word RoPE": False},
}


async def test_what_screens_call_things_is_understood_when_typed(library: WholeBot) -> None:
    for number, (typed, expected) in enumerate(UNDERSTOOD.items(), 3000):
        await library.says(typed, user_id=number)
        assert await subscriptions(library, number) == expected, typed


async def test_what_is_not_there_is_not_said_to_be_removed(library: WholeBot) -> None:
    await library.says("/subscribe tag attention")
    said = await library.says(f"/unsubscribe {SERIES}")
    assert f"没有订阅系列「{SERIES}」" in said.text
    said = await library.says("/unsubscribe mute tag GAN")
    assert "没有屏蔽标签「GAN」" in said.text
    assert await subscriptions(library) == {"tag attention": False}


async def test_a_mute_and_a_subscription_of_the_same_scope_say_that_they_replace_each_other(
    library: WholeBot,
) -> None:
    await library.says("/subscribe tag GAN")
    assert "对它的订阅已取消" in (await library.says("/subscribe mute tag GAN")).text
    assert "它的屏蔽已取消" in (await library.says("/subscribe tag GAN")).text
    assert "已经订阅了" in (await library.says("/subscribe tag GAN")).text


async def test_nothing_comes_is_said_only_where_nothing_comes(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    assert "什么都不会发来" in (await library.says("/settings")).text
    await library.says("/subscribe mute tag GAN")
    assert "什么都不会发来" in (await library.says("/subscriptions")).text
    offer = await library.says(f"/course {SERIES}")
    telegram.presses(offer, "每天一篇")
    assert "发完自动订阅这个系列" in (await telegram.message()).text
    await library.says("/subscribe tag attention")
    said = await library.says("/unsubscribe")
    assert "课程照常发来" in said.text
    assert "不会再" not in said.text
    assert "只有课程会发来" in (await library.says("/settings")).text


async def test_every_post_and_a_part_of_it_is_said_to_add_nothing(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.says("/subscribe all")
    said = await library.says("/subscribe tag attention")
    assert "你已订阅全部文章，这一项不会多发。" in said.text
    telegram.presses(said, "只要这个标签")
    assert "退订了：全部文章" in (await telegram.message()).text
    assert await subscriptions(library) == {"tag attention": False}


async def test_growth_between_captures_of_one_day_names_no_time(library: WholeBot) -> None:
    assert "还看不出来" in (await library.says("/hot")).text
    post = await library.post("拆楼")
    assert post.date is not None
    more = (post.readers or 0) + 35_412
    library.lands("again.txt", Shown(title=post.title, day=post.date, readers=more))
    await library.settles()
    said = (await library.says("/hot")).text
    assert f"+35,412（自首份快照）→ {more:,}" in said
    assert "天" not in said.partition("\n")[0]


async def test_hour_and_day_can_always_be_set(library: WholeBot) -> None:
    menu = await library.says("/settings")
    for row in ("推送时间：20:00", "推送日：周日", "免打扰：关", "推送方式：即时"):
        assert row in labels(menu)


TYPED_SETTINGS = {
    "/settings hour 8:00": ("hour", 8),
    "/settings 推送时间 晚上9点": ("hour", 21),
    "/settings 晚上九点": ("hour", 21),
    "/settings 纽约": ("time_zone", "America/New_York"),
    "/settings weekday 1": ("weekday", 0),
    "/settings weekday 7": ("weekday", 6),
    "/settings 推送日 周三": ("weekday", 2),
    "/settings zone Shanghai": ("time_zone", "Asia/Shanghai"),
    "/settings 时区 东京": ("time_zone", "Asia/Tokyo"),
    "/settings 语言 English": ("language", "en"),
}


async def test_settings_are_typed_as_people_write_them(library: WholeBot) -> None:
    for number, (typed, (name, value)) in enumerate(TYPED_SETTINGS.items(), 3000):
        await library.says(typed, user_id=number)
        to = await library.standing(number)
        assert to is not None, typed
        assert getattr(to.preferences, name) == value, typed


async def test_day_and_hour_are_set_at_once(library: WholeBot) -> None:
    said = await library.says("/settings 每周一 8点")
    assert said.text.startswith("已保存。推送方式：每周一 08:00 汇总\n")
    assert {"推送日：周一", "推送时间：08:00"} <= set(labels(said))
    said = await library.says("/settings 周三 9点")
    assert said.text.startswith("已保存。推送日：周三、推送时间：09:00\n")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("/settings zone Mars", "没看懂「Mars」。写成 Asia/Shanghai"),
        ("/settings hour 8:30", "「8:30」不是整点。写一个整点"),
        ("/settings hour 八点半", "「八点半」不是整点"),
        ("/settings hour later", "没看懂「later」。写一个整点"),
        ("/settings weekday 0", "没看懂「0」。写周一"),
        ("/settings excerpt", "卡片里摘录多少原文"),
        ("/settings foo", "没看懂「foo」。一次设一项"),
        ("/settings 周八 8点", "没看懂「周八 8点」。一次设一项"),
        ("/digest 周八 8点", "没看懂「周八 8点」。点下面的按钮来选"),
    ],
)
async def test_a_setting_that_is_not_understood_shows_its_form_and_buttons(
    library: WholeBot, typed: str, shown: str
) -> None:
    said = await library.says(typed)
    assert shown in said.text
    assert len(labels(said)) >= 3


PASTED = {
    "https://kexue.fm/archives/9119": "为测试写的一篇",
    "kexue.fm/archives/8265": "为测试写的另一篇",
    "9119": "为测试写的一篇",
    "https://spaces.ac.cn/archives/9119/comment-page-2#comment-31": "为测试写的一篇",
    "看看这个 http://www.kexue.fm/archives/9119?utm=x，很好": "为测试写的一篇",
    "/search https://kexue.fm/archives/8265": "为测试写的另一篇",
    "https://kexue.fm/archives/12345": "这篇（/archives/12345）还没收录",
    "12345": "这篇（/archives/12345）还没收录",
}


async def test_a_pasted_link_or_number_opens_the_card(bot: WholeBot) -> None:
    bot.lands("feed.xml", dump=FEED)
    await bot.settles()
    for number, (pasted, shown) in enumerate(PASTED.items(), 3000):
        said = await bot.says(pasted, user_id=number)
        assert shown in said.text, pasted
        assert said.buttons, pasted


async def test_a_question_takes_the_next_message_as_its_answer(library: WholeBot) -> None:
    assert "直接把词发给我" in (await library.says("/subscribe word")).text
    assert "订阅好了：关键词「RoPE 外推」" in (await library.says("RoPE 外推")).text
    await library.says("/subscribe word")
    await library.says("/latest")
    await library.says("随笔")
    assert await subscriptions(library) == {"word RoPE 外推": False}
    assert "要发什么" in (await library.says("/broadcast", user_id=OPERATOR)).text
    assert "今晚维护" in (await library.says("今晚维护", user_id=OPERATOR)).text


async def test_a_question_can_be_refused_and_a_link_is_no_answer(bot: WholeBot) -> None:
    bot.lands("feed.xml", dump=FEED)
    await bot.settles()
    for refusal in ("取消", "算了。", "Cancel"):
        await bot.says("/subscribe word")
        assert "什么都没有改" in (await bot.says(refusal)).text
    asked = await bot.says("/subscribe word")
    assert labels(asked) == ["取消"]
    assert "为测试写的一篇" in (await bot.says("https://kexue.fm/archives/9119")).text
    assert "没有找到" in (await bot.says("绝无此词")).text
    assert await subscriptions(bot) == {}


async def test_questions_in_two_topics_of_a_private_chat_do_not_mix(library: WholeBot) -> None:
    first, second = ({"thread_id": thread} for thread in (5, 6))
    await library.says("/subscribe word", **first)
    await library.says("/subscribe mute word", **second)
    assert "订阅好了：关键词「RoPE」" in (await library.says("RoPE", **first)).text
    assert "已屏蔽关键词「GAN」" in (await library.says("GAN", **second)).text


async def test_an_undo_changes_nothing_that_was_decided_since(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await subscribe_to_three(library)
    telegram.presses(await library.says("/unsubscribe"), "全部退订")
    question = await telegram.message()
    telegram.presses(question, "退订")
    await telegram.edit(question)
    await library.says("/subscribe mute tag attention")
    telegram.presses(question, "恢复这 3 个订阅")
    restored = await telegram.message()
    assert "已恢复 2 个订阅" in restored.text
    assert "attention" not in restored.text
    assert await subscriptions(library) == THREE | {"tag attention": True}
    telegram.presses(question, "恢复这 3 个订阅")
    assert "没有要恢复的了" in (await telegram.message()).text


async def test_a_topic_for_a_series_leaves_a_mute_of_it_in_the_group(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.administrators[GROUP] = {ADMINISTRATOR}
    telegram.opens(GROUP).topics[3] = "open"
    group = PLACES["group"]
    said = await library.says(f"/subscribe series {SERIES}", **group)
    await library.says(f"/subscribe mute series {SERIES}", **group)
    telegram.presses(said, "话题", user_id=ADMINISTRATOR)
    assert "开好了话题" in (await telegram.message(GROUP)).text
    assert await subscriptions(library, GROUP) == {f"series {SERIES}": True}


async def test_a_misspelt_command_suggests_only_what_is_like_it(library: WholeBot) -> None:
    assert "不认识 /foo。" in (await library.says("/foo")).text
    assert "/latest" in (await library.says("/latset")).text
    assert "是不是" not in (await library.says("/foo")).text


async def test_a_member_of_a_group_sees_what_a_member_may_do(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.administrators[GROUP] = {ADMINISTRATOR}
    listed = await library.says("/subscriptions", chat_id=GROUP, user_id=MEMBER)
    assert "由群管理员设置" in listed.text
    assert not [label for label in labels(listed) if "🔔" in label]
    start = await library.says("/start", chat_id=GROUP, user_id=MEMBER)
    assert not [label for label in labels(start) if "🔔" in label or "加到群里" in label]
    own = await library.says("/start", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert "选要订阅的" in labels(own)
    assert "加到群里" not in labels(own)
    await library.says("/subscribe", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert await subscriptions(library, GROUP) == {}
    await library.says("/subscribe all", chat_id=GROUP, user_id=ADMINISTRATOR)
    await library.says("/export", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert "这是本群记下的全部设置" in (await telegram.message(GROUP)).text
    question = await library.says("/forget", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert "收藏" not in question.text
    assert "含所有话题" in question.text


@pytest.mark.parametrize(
    ("language", "group", "topic"),
    [
        ("zh-hans", "本群的订阅", "本话题的订阅"),
        ("en", "Group subscriptions", "Topic subscriptions"),
    ],
)
async def test_in_a_group_the_list_is_the_groups(
    language: str, group: str, topic: str, library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.administrators[GROUP] = {ADMINISTRATOR}
    for thread, name in ((None, group), (5, topic)):
        who = {"chat_id": GROUP, "user_id": ADMINISTRATOR, "thread_id": thread, "language": language}
        for typed in (
            "/start",
            "/subscribe",
            "/subscribe tag attention",
            "/unsubscribe",
            "/subscribe mute tag GAN",
        ):
            assert name in labels(await library.says(typed, **who)), typed
        assert name in (await library.says("/subscriptions", **who)).text


async def test_a_member_gets_no_button_that_is_refused(library: WholeBot, telegram: FakeTelegram) -> None:
    telegram.administrators[GROUP] = {ADMINISTRATOR}
    for typed in (f"/series {SERIES}", "/tag attention", f"/series {SERIES} 2", "/random"):
        seen = labels(await library.says(typed, chat_id=GROUP, user_id=MEMBER))
        assert not [label for label in seen if "订阅" in label or "屏蔽" in label or "开课" in label], typed
    own = labels(await library.says(f"/series {SERIES}", chat_id=GROUP, user_id=ADMINISTRATOR))
    assert {"🔔 订阅系列", "📖 开课"} <= set(own)
    usable = (await library.says("/help", chat_id=GROUP, user_id=MEMBER)).text
    assert "/search" in usable
    assert "/forget" not in usable
    assert "/forget" in (await library.says("/help", chat_id=GROUP, user_id=ADMINISTRATOR)).text
    refused = await library.says("/export", chat_id=GROUP, user_id=MEMBER)
    assert "这里只有管理员能用 /export" in refused.text
    assert "私聊我" in labels(refused)


async def test_where_nothing_happened_nothing_is_counted(library: WholeBot, telegram: FakeTelegram) -> None:
    for typed in ("/export", "/forget"):
        said = await library.says(typed, user_id=4001)
        assert "还什么都没有记下" in said.text
        assert labels(said) == ["帮助"]
    nobody = await library.says("/broadcast 今晚维护", user_id=OPERATOR)
    assert "没有人可以发" in nobody.text
    assert labels(nobody) == ["运行状况"]
    assert "修改 0" not in (await library.says("/dumps", user_id=OPERATOR)).text
    assert "1999 年没有文章" in (await library.says("/archive 1999")).text
    assert "不是年份" in (await library.says("/archive 从前")).text
    missing = await library.says(f"/series {SERIES} 12")
    assert f"「{SERIES}」第 12 篇还没收录" in missing.text
    telegram.presses(missing, "看这个系列")
    await telegram.edit(missing)
    assert missing.text.startswith(SERIES)


async def test_a_name_that_is_no_scope_says_how_words_are_subscribed(library: WholeBot) -> None:
    said = await library.says("/subscribe 没有这样的")
    assert "没有叫「没有这样的」的系列、标签或分类" in said.text
    assert "/subscribe 关键词 没有这样的" in said.text
    said = await library.says("/unsubscribe 没有这样的")
    assert "订阅里没有「没有这样的」" in said.text
    assert labels(said) == ["看全部订阅"]


async def test_a_number_after_a_name_of_several_series_opens_the_one_that_has_it(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    titles = ("费曼积分法（三）：甲", "费曼积分法（四）：乙", "费曼路径（三）：丙", "费曼路径（一）：丁")
    await resting_bot.knows(*(Shown(title=title) for title in titles))
    await resting_bot.starts()

    assert "费曼积分法（四）：乙" in (await resting_bot.says("/series 费曼 4")).text
    several = await resting_bot.says("/series 费曼 3")
    assert "「费曼 3」可以是" in several.text
    telegram.presses(several, next(label for label in labels(several) if label.startswith("费曼路径")))
    await telegram.edit(several)
    assert "费曼路径（三）：丙" in several.text
    assert len(labels(await resting_bot.says("/series 费曼 9"))) == 2

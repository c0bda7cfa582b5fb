"""Screens: nothing is lost by a tap, and every confirmation says what was changed."""

from datetime import date

import pytest

from storage.model import Stage
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


async def test_growth_needs_captures_a_day_apart(library: WholeBot) -> None:
    post = (await library.posts())[0]
    library.lands("again.txt", Shown(title=post.title, readers=(post.readers or 0) + 35_412))
    await library.settles()
    assert "还看不出来" in (await library.says("/hot")).text


async def test_hour_and_day_can_always_be_set(library: WholeBot) -> None:
    menu = await library.says("/settings")
    for row in ("推送时间：20:00", "推送日：周日", "免打扰：关", "推送方式：即时"):
        assert row in labels(menu)


TYPED_SETTINGS = {
    "/settings hour 8:00": ("hour", 8),
    "/settings 推送时间 晚上9点": ("hour", 21),
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


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("/settings zone Mars", "没看懂「Mars」。写成 Asia/Shanghai"),
        ("/settings hour 8:30", "没看懂「8:30」。写一个整点"),
        ("/settings weekday 0", "没看懂「0」。写周一"),
        ("/settings excerpt", "卡片里摘录多少原文"),
        ("/settings foo", "没看懂「foo」。可以设置的有"),
    ],
)
async def test_a_setting_that_is_not_understood_shows_its_form_and_buttons(
    library: WholeBot, typed: str, shown: str
) -> None:
    said = await library.says(typed)
    assert shown in said.text
    assert len(labels(said)) >= 3


async def test_cards_series_courses_and_progress_share_what_is_read(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    offer = await library.says(f"/course {SERIES}")
    telegram.presses(offer, "每天一篇")
    course = await telegram.message()
    telegram.presses(course, "下一课")
    lesson = await telegram.message()
    assert {"读过了", "下一课", "暂停课程", "退出课程"} <= set(labels(lesson))
    assert not [label for label in labels(lesson) if "订阅" in label or "系列" in label]
    assert "还没有标过" in (await library.says("/read")).text
    query = telegram.presses(lesson, "下一课")
    assert "上一课已标为读过" in (await telegram.answer(query))["text"]
    second = await telegram.message()
    telegram.presses(second, "读过了")
    await telegram.quiet()
    assert "已读 2 / " in (await library.says(f"/read {SERIES}")).text
    series = await library.says(f"/series {SERIES}")
    assert series.text.count("✓") == 2
    assert "接着读 第 3 篇" in labels(series)
    assert "已读 2" in (await library.says(f"/course {SERIES}")).text
    start = await library.says("/start")
    (go_on,) = [label for label in labels(start) if "接着读 第 3 篇" in label]
    telegram.presses(start, go_on)
    await telegram.edit(start)
    assert f"{SERIES}(三)" in start.text


@pytest.mark.parametrize("setting", ["/settings 发来的课算读过 开", "/settings lessons on"])
async def test_a_lesson_sent_counts_as_read_where_that_is_set(
    setting: str, library: WholeBot, telegram: FakeTelegram
) -> None:
    assert "发来的课算读过：关" in labels(await library.says("/settings"))
    assert "发来的课算读过：开" in labels(await library.says(setting))
    offer = await library.says(f"/course {SERIES}")
    telegram.presses(offer, "每天一篇")
    telegram.presses(await telegram.message(), "下一课")
    assert "标为未读" in labels(await telegram.message())
    assert "已读 1 / " in (await library.says(f"/read {SERIES}")).text


async def test_a_pushed_card_can_be_marked_as_read(library: WholeBot, telegram: FakeTelegram) -> None:
    await library.subscribes()
    library.lands("1.txt", Shown(title="一篇新写的文章"))
    card = await telegram.message()
    assert {"读过了", "☆ 收藏"} <= set(labels(card))


async def test_a_series_without_its_first_part_says_where_it_begins(bot: WholeBot) -> None:
    bot.lands("1.txt", Shown(title="低秩近似之路(七):后来的一篇"), Shown(title="低秩近似之路(八):再后来"))
    await bot.settles()
    series = await bot.says("/series 低秩近似之路")
    assert "从第 7 篇读起" in labels(series)
    assert "1–6" in series.text
    assert "共 8 篇，收录 2 篇" in series.text


async def test_a_caught_up_course_is_listed_as_sent(library: WholeBot, telegram: FakeTelegram) -> None:
    offer = await library.says("/course 升级之路")
    telegram.presses(offer, "每天一篇")
    pressed = await telegram.message()
    to = await library.standing(READER)
    assert to is not None
    for _ in range(20):
        (course,) = await library.database.read(lambda tx: tx.courses.of(to.id))
        if course.stage is Stage.CAUGHT_UP:
            break
        telegram.presses(pressed, "下一课")
        await telegram.message()
    listed = (await library.says("/course")).text
    assert "已完成" in listed
    assert "已发完" in listed
    assert "读完" not in listed


async def test_a_series_of_one_stored_part_has_no_course(knowing: WholeBot) -> None:
    said = await knowing.says(f"/course {SERIES}")
    assert "只收录了 1 篇，开不了课程" in said.text


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
    await library.says("/export", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert "这是本群记下的全部设置" in (await telegram.message(GROUP)).text
    question = await library.says("/forget", chat_id=GROUP, user_id=ADMINISTRATOR)
    assert "收藏" not in question.text
    assert "含所有话题" in question.text


async def test_a_month_is_listed_newest_first(bot: WholeBot, telegram: FakeTelegram) -> None:
    bot.lands(
        "1.txt",
        Shown(title="月初的一篇", day=date(2020, 3, 1)),
        Shown(title="月末的一篇", day=date(2020, 3, 30)),
    )
    await bot.settles()
    year = await bot.says("/archive 2020")
    telegram.presses(year, "3 月")
    await telegram.edit(year)
    assert year.text.index("月末的一篇") < year.text.index("月初的一篇")

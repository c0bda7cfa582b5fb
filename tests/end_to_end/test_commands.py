"""Talking with the bot in a private chat: commands, names, pages, deep links, in both languages."""

import re

import pytest

from bot.messages.commands import COMMANDS
from storage.model import ScopeKind
from tests.end_to_end.whole_bot import OPERATOR, READER, WholeBot
from tests.fakes.people import FakeTelegram

SHOWN = {
    "start": ("科学空间", "Scientific Spaces"),
    "latest": ("最近的文章 · 共 25 篇", "25 in all"),
    "series": ("2 个系列", "2 series"),
    "tag": ("个标签", "tags"),
    "category": ("2 个分类", "2 categories"),
    "search": ("想找什么", "What are you looking for"),
    "subscribe": ("要哪些新文章", "Which new posts"),
    "unsubscribe": ("还没有订阅", "You have no subscriptions"),
    "subscriptions": ("要哪些新文章", "/subscribe"),
    "settings": ("设置", "Settings"),
    "random": ("苏剑林", "苏剑林"),
    "hot": ("", ""),
    "archive": ("2022", "2022"),
    "saved": ("", ""),
    "stats": ("博客的数字", "The blog in figures"),
    "read": ("读过了", "Mark read"),
    "course": ("每天或每周一篇", "one part a day or a week"),
    "channel": ("频道或群组", "channel or group"),
    "export": ("", ""),  # a document is sent first
    "forget": ("什么都没有记下", "Nothing is kept"),
    "about": ("CC BY-NC-ND", "CC BY-NC-ND"),
    "help": ("/subscribe", "/subscribe"),
    "status": ("运行状况", "25"),
    "dumps": ("2 份快照", "2"),
    "retry": ("没有要重试的投递", ""),
    "broadcast": ("/broadcast", "/broadcast"),
    "release": ("没有暂缓的文章", ""),
}

TYPED = {
    "a part of the name": ("/series 扩散", "生成扩散模型漫谈 · 19 篇"),
    "another case": ("/series TRANSFORMER", "Transformer升级之路 · 13 篇"),
    "full width": ("/series Ｔransformer升级之路", "Transformer升级之路"),
    "blanks": ("/series  升级 之路 ", "Transformer升级之路"),
    "on a line of its own": ("/series\n扩散", "生成扩散模型漫谈"),
    "a command in capitals": ("/SERIES 扩散", "生成扩散模型漫谈"),
    "addressed to this bot": ("/series@Kexue_Test_Bot 扩散", "生成扩散模型漫谈"),
    "a tag": ("/tag gan", "#GAN"),
    "a category": ("/category 信息", "信息时代"),
    "the nearest": ("/series 生成扩算模型漫谈", "你是不是要找"),
    "none": ("/series 之路漫谈", "没有叫「之路漫谈」的系列"),
    "a number": ("/latest 3", "最近的文章"),
    "no number of posts": ("/latest 0", "不是篇数"),
    "words for a number": ("/latest 没有这个词", "没有找到「没有这个词」"),
    "a monstrous number": ("/latest 99999999999999999999", "不是篇数"),
    "digits of another script": ("/latest ٣", "不是篇数"),
    "digits of full width": ("/latest ３", "最近的文章"),
    "a tag as it is shown": ("/tag ≈attention", "#attention · 19 篇"),
    "help for an addressed command": ("/help /latest@kexue_test_bot", "/latest [几篇]"),
    "a format that is none": ("/export pdf", "BibTeX；也可以写 md、csv、json"),
    "a year": ("/archive 2022", "2022"),
    "a month": ("/archive 2022-06", "2022"),
    "a year in Chinese digits": ("/archive 二〇二二", "2022"),
    "the query syntax": ("/help search", "by:readers"),
    "a year without posts": ("/archive 1066", "1066 年没有文章"),
    "a search": ("/search RoPE", "「RoPE」 · 6 篇"),
    "nothing found": ("/search 绝无此词", "没有找到「绝无此词」"),
    "signs of a query language": ('/search " OR (((', "没有找到"),
    "wild cards": ("/search %_\\", "没有找到"),
    "plain words": ("拆楼", "「拆楼」 · 1 篇"),
    "an unknown command": ("/nosuchcommand", "不认识 /nosuchcommand"),
    "words in place of a number": ("/latest 扩散", "「扩散 by:date」"),
    "a number with its unit": ("/latest 5 篇", "最近的文章"),
    "the newest in plain words": ("最近的文章", "最近的文章 · 共"),
    "a Chinese command": ("/搜索 拆楼", "「拆楼」 · 1 篇"),
    "a Chinese word": ("帮助", "/subscribe"),
    "a word of the Traditional screens": ("設定", "设置"),
    "a Traditional command": ("/匯出", "什么都没有记下"),
    "a Traditional command with a name": ("/封鎖 標籤 attention", "已屏蔽标签「attention」"),
    "help for a Chinese name": ("/help 订阅", "/subscribe 关键词"),
    "a setting as a command": ("/quiet 23-7", "已保存。免打扰：23:00–07:00"),
    "another": ("/timezone 上海", "已保存。时区：北京时间"),
    "how often in place of a name": ("/subscribe 每日", "推送方式"),
    "how often after a name": ("/course 扩散 每周", "多久一篇"),
    "a path of the blog": ("/archives/12345", "这篇（/archives/12345）还没收录"),
    "nothing to cancel": ("/cancel", "什么都没有改"),
    "markup": ("/search <b>&amp;", "没有找到「<b>&amp;」"),
}

DEAD_LINKS = {
    "p_999999": "这篇文章找不到了",
    "s_999999": "这个链接指向的东西找不到了",
    "p_99999999999999999999": "这个链接指向的东西找不到了",
    "x_1": "这个链接指向的东西找不到了",
    "../../etc": "这个链接指向的东西找不到了",
    "q_7": "这个链接指向的东西找不到了",
}

CHINESE = re.compile("[一-鿿]")


@pytest.mark.parametrize(("place", "language"), [(0, "zh-hans"), (1, "en"), (1, "de"), (0, "zh-CN")])
async def test_every_command_is_answered_in_the_language_of_the_client(
    library: WholeBot, telegram: FakeTelegram, place: int, language: str
) -> None:
    library.service.services.admins = tuple(range(2000, 2100))
    for number, command in enumerate(COMMANDS):
        telegram.user_says(f"/{command.name}", user_id=2000 + number, language=language)
    for number, command in enumerate(COMMANDS):
        said = (await telegram.message(2000 + number)).text
        assert SHOWN[command.name][place] in said, (command.name, said)
        assert "出了点问题" not in said


async def test_sentences_of_the_english_bot_are_english(library: WholeBot, telegram: FakeTelegram) -> None:
    """What is Chinese in them are titles and names, which stay as they are."""
    for number, command in enumerate(("start", "help", "settings", "about", "subscriptions")):
        message = await library.says(f"/{command}", user_id=2000 + number, language="en")
        buttons = "".join(button for row in message.buttons for button in row)
        assert not CHINESE.search(buttons), (command, buttons)


async def test_what_is_typed_is_understood_forgivingly(library: WholeBot, telegram: FakeTelegram) -> None:
    for user_id, (typed, _) in enumerate(TYPED.values(), 2000):
        telegram.user_says(typed, user_id=user_id)
    for user_id, (name, (_, shown)) in enumerate(TYPED.items(), 2000):
        said = (await telegram.message(user_id)).text
        assert shown in said, (name, said)


async def test_an_ambiguous_name_gives_a_choice(library: WholeBot, telegram: FakeTelegram) -> None:
    choice = await library.says("/tag a")
    assert len(choice.buttons) >= 2
    telegram.presses(choice, "GAN")
    await telegram.edit(choice)
    assert choice.text.startswith("#GAN")


async def test_pages_are_turned_in_place(library: WholeBot, telegram: FakeTelegram) -> None:
    page = await library.says("/latest")
    first = page.text
    telegram.presses(page, "›")
    await telegram.edit(page)
    assert "2 / 4" in page.button("2 / 4")["text"]
    assert page.text != first
    telegram.presses(page, "‹")
    await telegram.edit(page, after=1)
    assert page.text == first
    assert len(telegram.messages(READER)) == 1


async def test_a_search_keeps_its_words_for_the_next_page(library: WholeBot, telegram: FakeTelegram) -> None:
    page = await library.says("/search 随笔")
    telegram.presses(page, "›")
    await telegram.edit(page)
    assert page.text.startswith("「随笔」 · 12 篇")


async def test_a_series_shows_its_gap(library: WholeBot) -> None:
    shown = await library.says("/series Transformer")
    assert "7–10\u2002◌ 未收录" in shown.text
    assert "共 13 篇，收录 7 篇" in shown.text


async def test_buttons_lead_from_a_list_to_the_cards_of_a_series(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    page = await library.says("/series")
    telegram.presses(page, "生成扩散模型漫谈")
    await telegram.edit(page)
    post = await library.post("拆楼")
    assert f"https://t.me/kexue_test_bot?start=p_{post.id}" in page.links()
    card = await library.says(f"/start p_{post.id}", user_id=5)
    assert post.title in card.text
    telegram.presses(card, "2 ›", user_id=5)
    await telegram.edit(card)
    assert "自回归式VAE" in card.text
    telegram.presses(card, "系列", user_id=5)
    await telegram.edit(card, after=1)
    assert card.text.startswith("生成扩散模型漫谈 · ")


async def test_a_link_to_nothing_is_answered_helpfully(library: WholeBot) -> None:
    for user_id, (payload, shown) in enumerate(DEAD_LINKS.items(), 2000):
        said = await library.says(f"/start {payload}", user_id=user_id)
        assert shown in said.text, payload
        assert said.buttons, payload


async def test_deep_links_open_a_post_and_a_series(library: WholeBot) -> None:
    post = await library.post("拆楼")
    assert post.title in (await library.says(f"/start p_{post.id}", user_id=5)).text
    assert "生成扩散模型漫谈 · " in (await library.says(f"/start s_{post.series_id}", user_id=6)).text


async def test_subscribing_says_what_will_come_and_is_listed(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    said = await library.says("/subscribe series 扩散")
    assert "生成扩散模型漫谈" in said.text
    assert "已收录的文章里有 6 篇这样的" in said.text
    listed = await library.says("/subscriptions")
    assert "生成扩散模型漫谈" in listed.text
    telegram.presses(listed, "退订")
    assert "退订了" in (await telegram.message()).text
    assert "要哪些新文章" in (await library.says("/subscriptions")).text


async def test_a_subscribe_button_turns_into_its_opposite(library: WholeBot, telegram: FakeTelegram) -> None:
    shown = await library.says("/series 扩散")
    query = telegram.presses(shown, "🔔")
    assert (await telegram.answer(query))["text"] == "已订阅"
    assert "订阅好了" in (await telegram.message()).text
    assert shown.button("退订")
    query = telegram.presses(shown, "退订")
    assert (await telegram.answer(query))["text"] == "已退订"


async def test_a_setting_is_changed_in_place_and_in_the_new_language(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    menu = await library.says("/settings")
    telegram.presses(menu, "语言")
    await telegram.edit(menu)
    telegram.presses(menu, "English")
    await telegram.edit(menu, after=1)
    assert "Settings" in menu.text
    assert "posts" in (await library.says("/latest")).text
    found = await library.standing(READER)
    assert found is not None
    assert found.preferences.language == "en"


async def test_what_somebody_set_can_be_erased(library: WholeBot, telegram: FakeTelegram) -> None:
    await library.says("/subscribe all")
    question = await library.says("/forget")
    telegram.presses(question, "全部删除")
    await telegram.edit(question)
    assert await library.standing(READER) is None


async def test_a_question_can_be_waved_away(library: WholeBot, telegram: FakeTelegram) -> None:
    await library.says("/subscribe all")
    question = await library.says("/forget")
    telegram.presses(question, "取消")
    await telegram.edit(question)
    assert question.deleted
    assert await library.standing(READER) is not None


async def test_operators_commands_are_refused_to_others(library: WholeBot) -> None:
    for number, command in enumerate(command for command in COMMANDS if command.admin):
        said = await library.says(f"/{command.name} x", user_id=3000 + number)
        assert said.text.startswith(f"只有运维人员能用。这个会话的编号是 {3000 + number}；"), command.name


async def test_a_broadcast_goes_to_every_subscriber_after_a_question(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    for chat_id in (1, 2, 3):
        await library.subscribes(chat_id)
    question = await library.says("/broadcast 明天维护 <b>&", user_id=OPERATOR)
    assert "要发给 3 个会话" in question.text
    assert telegram.messages(1) == []
    telegram.presses(question, "发送", user_id=OPERATOR)
    for chat_id in (1, 2, 3):
        assert (await telegram.message(chat_id)).text == "明天维护 <b>&"


async def test_other_content_is_answered_in_private(library: WholeBot, telegram: FakeTelegram) -> None:
    telegram.user_says("", sticker={
        "file_id": "f", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1,
        "is_animated": False, "is_video": False,
    })  # fmt: skip
    assert "只看得懂文字" in (await telegram.message()).text


async def test_an_edited_message_is_no_new_command(library: WholeBot, telegram: FakeTelegram) -> None:
    telegram.user_says("/latest", edited=True)
    assert (await library.says("/about")).text.startswith("关于")


async def test_an_empty_archive_says_so(bot: WholeBot) -> None:
    for number, command in enumerate(("latest", "series", "tag", "archive", "random", "start")):
        said = await bot.says(f"/{command}", user_id=2000 + number)
        assert "还没有收录文章" in said.text, command


async def test_the_menu_of_scopes_lists_every_kind(library: WholeBot) -> None:
    for kind, expected in ((ScopeKind.SERIES, 2), (ScopeKind.CATEGORY, 2)):
        counted = await library.database.read(lambda tx, kind=kind: tx.scopes.counted(kind))  # type: ignore[misc]
        assert len(counted) == expected

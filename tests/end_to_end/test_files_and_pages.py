"""Lists as files in the chat, and the buttons to the web pages."""

import json

import pytest

from bot.messages.links import WebPages
from tests.end_to_end.test_screens import SERIES, labels
from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown, many

GROUP, MEMBER = -1_000_000_000_077, 32
SCREENS = {
    "series": f"/series {SERIES}",
    "tag": "/tag attention",
    "search": "/search RoPE",
    "saved": "/saved",
}


@pytest.mark.parametrize("form", ["BibTeX", "Markdown", "CSV", "JSON"])
@pytest.mark.parametrize("screen", SCREENS)
async def test_a_list_is_sent_as_a_file(
    screen: str, form: str, library: WholeBot, telegram: FakeTelegram
) -> None:
    card = await library.says(f"/series {SERIES} 1")
    telegram.presses(card, "☆ 收藏")
    await telegram.quiet()
    shown = await library.says(SCREENS[screen])
    telegram.presses(shown, "下载")
    choice = await telegram.message()
    assert labels(choice) == ["BibTeX", "Markdown", "CSV", "JSON", "取消"]
    telegram.presses(choice, form)
    sent = await telegram.message()
    assert sent.upload is not None
    text = sent.upload.decode("utf-8-sig")
    assert OPENINGS[form] in text[:40]
    if form == "JSON":
        titles = [each["title"] for each in json.loads(text)]
        assert titles
        assert all(titles)
    if screen in ("series", "saved"):
        assert "DDPM = 拆楼 + 建楼" in text
    if screen == "series":
        assert text.index("DDPM = 拆楼") < text.index("DDPM = 自回归式VAE")


async def test_the_saved_posts_of_a_person_are_no_file_of_a_group(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    shown = await library.says("/latest", chat_id=GROUP, user_id=MEMBER)
    telegram.sends_data(shown, "1e:saved:0", user_id=MEMBER)
    assert "请私聊我来看" in (await telegram.message(GROUP)).text
    telegram.sends_data(shown, "1ef:saved:json:0", user_id=MEMBER)
    await telegram.edit(shown)
    assert "请私聊我来看" in shown.text


OPENINGS = {"BibTeX": "@online{", "Markdown": "# ", "CSV": "title,date", "JSON": "[\n {"}

WEB = "https://room.example.org"
PAGES = {f"/series {SERIES}": "/scope/", "/tag attention": "/scope/", f"/series {SERIES} 1": "/post/",
         "/search RoPE": "/search?q=RoPE", "/series": "/series", "/tag": "/tag",
         "/latest": "/", "/category": "/category"}  # fmt: skip


@pytest.mark.parametrize("typed", PAGES)
async def test_screens_open_their_page(typed: str, library: WholeBot, telegram: FakeTelegram) -> None:
    assert "网页版" not in labels(await library.says(typed))
    library.service.services.web_pages = WebPages(WEB)
    library.service.services.response_cache.clear()
    own = (await library.says(typed, user_id=READER + 1)).button("网页版")
    assert own["web_app"]["url"].startswith(f"{WEB}{PAGES[typed]}")
    shared = (await library.says(typed, chat_id=GROUP, user_id=MEMBER)).button("网页版")
    assert shared["url"] == own["web_app"]["url"]
    library.service.services.web_pages = WebPages(WEB, "kexue_test_bot")
    library.service.services.response_cache.clear()
    direct = (await library.says(typed, chat_id=GROUP, user_id=MEMBER)).button("网页版")
    if typed not in ("/tag", "/category", "/latest"):
        assert direct["url"].startswith("https://t.me/kexue_test_bot?startapp=")


async def test_a_push_opens_its_page_and_the_menu_the_room(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(*many(2))
    bot.settings["web_url"] = WEB
    await bot.starts()
    for chat in (READER, GROUP):
        await bot.subscribes(chat)
    bot.lands("news.txt", Shown(title="一篇新文章"))
    await bot.settles()
    number = (await bot.post("一篇新文章")).id
    own, shared = await telegram.message(READER), await telegram.message(GROUP)
    assert own.button("网页版")["web_app"]["url"] == f"{WEB}/post/{number}"
    assert shared.button("网页版")["url"] == f"{WEB}/post/{number}"
    answer = await telegram.inline_answer(telegram.asks_inline("新文章"))
    (row,) = answer["results"][0]["reply_markup"]["inline_keyboard"]
    assert [button["url"].rpartition("/")[2] for button in row] == [
        f"kexue_test_bot?start=p_{number}",
        f"{number}",
    ]

    async def menu() -> bool:
        button = telegram.world.profile.get(("menu button", ""), {})
        return button.get("type") == wanted and (wanted == "commands" or button["web_app"]["url"] == WEB)

    wanted = "web_app"
    await bot.until(menu)
    bot.settings["web_url"] = None
    await bot.restarts()
    wanted = "commands"
    await bot.until(menu)


async def test_an_address_that_telegram_refuses_holds_up_no_push(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(*many(2))
    bot.settings["web_url"] = "https://localhost"
    await bot.starts()
    for chat in (READER, GROUP):
        await bot.subscribes(chat)
    bot.lands("news.txt", Shown(title="一篇新文章"))
    await bot.settles()
    for chat in (READER, GROUP):
        shown = await telegram.message(chat)
        assert "一篇新文章" in shown.text
        assert "网页版" not in labels(shown)
        assert "引用" in labels(shown)
    assert "一篇新文章" in (await bot.says("/latest")).text

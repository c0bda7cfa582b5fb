"""Lists as files in the chat, and the buttons to the web pages."""

import json

import pytest

from tests.end_to_end.test_screens import SERIES, labels
from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.people import FakeTelegram

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
    assert "这里还没有文章" in (await telegram.message(GROUP)).text
    telegram.sends_data(shown, "1ef:saved:json:0", user_id=MEMBER)
    await telegram.edit(shown)
    assert "这里还没有文章" in shown.text


OPENINGS = {"BibTeX": "@online{", "Markdown": "# ", "CSV": "title,date", "JSON": "[\n {"}

WEB = "https://room.example.org"
PAGES = {f"/series {SERIES}": "/scope/", "/tag attention": "/scope/", f"/series {SERIES} 1": "/post/",
         "/search RoPE": "/search?q=RoPE", "/series": "/series", "/tag": "/tag"}  # fmt: skip


@pytest.mark.parametrize("typed", PAGES)
async def test_screens_open_their_page(typed: str, library: WholeBot, telegram: FakeTelegram) -> None:
    assert "网页版" not in labels(await library.says(typed))
    library.service.services.web_url = WEB
    library.service.services.response_cache.clear()
    own = (await library.says(typed, user_id=READER + 1)).button("网页版")
    assert own["web_app"]["url"].startswith(f"{WEB}{PAGES[typed]}")
    shared = (await library.says(typed, chat_id=GROUP, user_id=MEMBER)).button("网页版")
    assert shared["url"] == own["web_app"]["url"]
    library.service.services.web_app = True
    library.service.services.response_cache.clear()
    direct = (await library.says(typed, chat_id=GROUP, user_id=MEMBER)).button("网页版")
    if typed != "/tag":
        assert direct["url"].startswith("https://t.me/kexue_test_bot?startapp=")

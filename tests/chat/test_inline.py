"""Inline queries over the wire: what is offered, page by page, and what is sent when one is chosen."""

from datetime import date
from typing import Any

import pytest

from bot.chat.inline import CACHE_SECONDS, PER_ANSWER, offset
from storage.model import ExcerptLength, Format
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import PATIENCE, READER, FakeTelegram
from tests.fakes.replies import error
from tests.tools.dumps import Shown, many

ROTATION = Shown(
    title="旋转矩阵小记",
    day=date(2024, 6, 1),
    readers=12_345,
    excerpt="这里的$\\boldsymbol{R}_{m-n}$只依赖于差,为测试而写。",
)


async def _asked(telegram: FakeTelegram, words: str, **more: Any) -> dict[str, Any]:
    return await telegram.inline_answer(telegram.asks_inline(words, **more))


def _titles(answer: dict[str, Any]) -> list[str]:
    return [result["title"] for result in answer["results"]]


def _is_rich(answer: dict[str, Any]) -> list[bool]:
    return ["rich_message" in result["input_message_content"] for result in answer["results"]]


async def test_without_words_the_latest_come_page_by_page(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    posts = many(PER_ANSWER + 3)
    await bot.knows(*posts)
    await bot.starts()
    first = await _asked(telegram, " ")
    second = await _asked(telegram, "", offset=first["next_offset"])
    newest_first = [post.title for post in sorted(posts, key=lambda post: post.day, reverse=True)]
    assert _titles(first) + _titles(second) == newest_first
    assert (len(_titles(first)), second.get("next_offset", "")) == (PER_ANSWER, "")


async def test_a_result_tells_its_date_and_readers_and_leads_to_the_bot(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(ROTATION, *many(2))
    await bot.starts()
    answer = await _asked(telegram, "旋转")
    (result,) = answer["results"]
    assert result["title"] == ROTATION.title
    assert result["description"].startswith("2024-06-01 · 12,345 位读者")
    assert "thumbnail_url" not in result
    (button,) = result["reply_markup"]["inline_keyboard"][0]
    assert button["url"].endswith(f"?start=p_{(await bot.post(ROTATION.title)).id}")
    assert (answer["cache_time"], answer["is_personal"]) == (CACHE_SECONDS, True)


async def test_results_are_rich_only_for_who_chose_it(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    """Android drops rich inline results (tdlib/telegram-bot-api#859)."""
    await resting_bot.knows(ROTATION)
    await resting_bot.starts()
    assert _is_rich(await _asked(telegram, "")) == [False]
    await resting_bot.subscribes(format=Format.RICH)
    assert _is_rich(await _asked(telegram, "旋转")) == [True]


async def test_what_the_person_chose_holds_here_too(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    bot = resting_bot
    await bot.knows(ROTATION)
    await bot.starts()
    await bot.subscribes(format=Format.CLASSIC, language="en", excerpt=ExcerptLength.NONE)
    answer = await _asked(telegram, "旋转", language="zh-hans")
    (result,) = answer["results"]
    assert _is_rich(answer) == [False]
    assert result["description"].startswith("1 Jun 2024")
    assert "只依赖于差" not in result["input_message_content"]["message_text"]


async def test_refused_rich_results_are_given_in_the_classic_form(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    await resting_bot.knows(ROTATION)
    await resting_bot.starts()
    await resting_bot.subscribes(format=Format.RICH)
    telegram.answers("answerInlineQuery", error(400, "Bad Request: RICH_MESSAGE_URL_INVALID"))
    assert _is_rich(await _asked(telegram, "旋转")) == [False]


async def test_an_answer_that_comes_too_late_disturbs_nobody(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(*many(1))
    await bot.starts()
    late = error(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    telegram.answers("answerInlineQuery", late)
    telegram.asks_inline("")
    await telegram.world.until(lambda: bool(telegram.calls("answerInlineQuery")), PATIENCE)
    assert _titles(await _asked(telegram, ""))
    assert telegram.messages(READER) == []


async def test_nothing_found_leads_to_the_series(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    bot = resting_bot
    await bot.knows(
        Shown(title="两步走(一):开头", excerpt="开头,为测试而写。"),
        Shown(title="两步走(二):结尾", excerpt="结尾,为测试而写。"),
    )
    await bot.starts()
    answer = await _asked(telegram, "没有这样的词")
    assert answer["results"] == []
    assert answer["button"]["text"] == "没有找到，看看所有系列"
    shown = await bot.says(f"/start {answer['button']['start_parameter']}")
    assert "两步走" in shown.text


@pytest.mark.parametrize("odd", ["abc", "-1", "1e3", "9999999", "٣", " 5", "", "5:", "5:x"])
def test_an_odd_offset_is_the_beginning(odd: str) -> None:
    assert offset(odd) == (0, None)


async def test_an_offset_behind_the_end_gives_nothing_more(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    await resting_bot.knows(*many(2))
    await resting_bot.starts()
    answer = await _asked(telegram, "", offset="500")
    assert (answer["results"], answer.get("next_offset", ""), answer.get("button")) == ([], "", None)

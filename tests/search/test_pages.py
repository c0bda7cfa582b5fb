"""Further pages of results: nothing twice and nothing left out while posts arrive and are edited."""

import asyncio
import re
from dataclasses import replace
from datetime import date

from bot.chat.inline import PER_ANSWER
from bot.search.ranker import SearchService
from storage.database import Database
from storage.model import PostId
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown, many

OLD = many(20, about="谈随机游走")
LATER = many(5, about="再谈随机游走", day=date(2026, 1, 1))
WORDS = "随机游走"
TODAY = date(2026, 1, 1)


async def ids(database: Database, service: SearchService, newest: int | None) -> tuple[list[PostId], int]:
    hits, seen = await database.read(lambda tx: service.pages(tx, WORDS, TODAY, newest))
    return [hit.post_id for hit in hits], seen


async def test_hits_of_further_pages_are_those_of_the_first(resting_bot: WholeBot) -> None:
    await resting_bot.knows(*OLD)
    await resting_bot.starts()
    database, service = resting_bot.service.database, SearchService()
    first, newest = await ids(database, service, None)
    await resting_bot.knows(*LATER, replace(OLD[3], excerpt="又谈随机游走,为测试而写。"))

    assert await ids(database, service, newest) == (first, newest)
    assert (await ids(database, SearchService(), newest))[0] == first  # of a process that did not see page 1
    assert len((await ids(database, service, None))[0]) == len(OLD) + len(LATER)


async def test_pages_of_a_message_list_every_post_once(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    await resting_bot.knows(*OLD)
    await resting_bot.starts()
    shown = await resting_bot.says(f"/search {WORDS}")
    texts = [shown.text]
    for count in (1, 2):
        resting_bot.lands(f"later{count}.txt", *LATER[: 2 * count])
        await resting_bot.settles()
        telegram.presses(shown, "›")
        shown = await telegram.edit(shown, after=count - 1)
        texts.append(shown.text)

    listed = [title for text in texts for title in re.findall(r"再?谈随机游走第\d+则", text)]
    assert sorted(listed) == sorted(post.title for post in OLD)


async def test_inline_pages_list_every_post_once(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    posts = many(2 * PER_ANSWER + 3, about="谈随机游走")
    await resting_bot.knows(*posts)
    await resting_bot.starts()
    titles: list[str] = []
    offset = ""
    for count in (1, 2, 3):
        answer = await telegram.inline_answer(telegram.asks_inline(WORDS, offset=offset))
        titles += [result["title"] for result in answer["results"]]
        offset = answer.get("next_offset", "")
        resting_bot.lands(
            f"later{count}.txt", Shown(title=f"再谈随机游走之{count}", day=date(2026, 2, count))
        )
        await resting_bot.settles()

    assert offset == ""
    assert sorted(titles) == sorted(post.title for post in posts)


async def test_searches_at_once_share_one_index(resting_bot: WholeBot) -> None:
    """Also while it is built in a thread, and while posts arrive."""
    await resting_bot.knows(*many(120))
    await resting_bot.starts()
    database, service = resting_bot.service.database, SearchService()
    found = await asyncio.gather(*(database.read(service.index) for _ in range(8)))
    assert {len(index) for index in found} == {120}
    assert len(set(map(id, found))) == 1
    news = resting_bot.knows(*many(200)[120:])
    await asyncio.gather(news, *(ids(database, service, None) for _ in range(8)))
    assert len(await database.read(service.index)) == 200

"""From a dump in the folder to a message in a chat, over HTTP: announced once to each subscriber."""

import time
from datetime import timedelta

import pytest

from bot.intake import dump_folder
from storage.clock import SystemClock
from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import NEXT, OLD, Shown, listing, many, seed
from tests.tools.shared import needs_shared

pytestmark = pytest.mark.both_databases


async def test_a_dump_is_told_within_two_seconds(reading: WholeBot, telegram: FakeTelegram) -> None:
    """Return the best of twenty, because the machine may be busy for a while."""
    delays = []
    for number, post in enumerate(many(20)):
        reading.lands(f"{number}.txt", post)
        landed = time.monotonic()
        delays.append((await telegram.message()).time - landed)
        if delays[-1] < 2:
            break
    assert min(delays) < 2


async def test_a_dump_with_one_new_post_brings_one_card(reading: WholeBot, telegram: FakeTelegram) -> None:
    reading.lands("next.txt", OLD, NEXT)
    card = await telegram.message()
    assert NEXT.title in card.text
    assert "系列第 2 篇（共 2）" in card.text
    assert "1,000 位读者" in card.text
    assert NEXT.excerpt in card.text
    assert "苏剑林" in card.text
    await reading.settles()
    assert await telegram.quiet() == []


@pytest.mark.parametrize(
    ("age", "news"), [pytest.param(2, "新文章", id="written lately"), pytest.param(200, "补收旧文", id="old")]
)
async def test_an_announcement_tells_a_new_post_from_one_newly_archived(
    reading: WholeBot, telegram: FakeTelegram, age: int, news: str
) -> None:
    day = SystemClock().now().date() - timedelta(days=age)
    reading.lands("next.txt", Shown(title="一篇新写的文章", day=day))
    assert (await telegram.message()).text.startswith(news)


async def test_filling_an_empty_archive_is_silent(bot: WholeBot, telegram: FakeTelegram) -> None:
    await bot.subscribes()
    bot.lands("first.txt", OLD, NEXT)
    await bot.settles()
    assert await telegram.quiet() == []
    assert len(await bot.posts()) == 2


async def test_the_same_bytes_are_taken_in_once(reading: WholeBot, telegram: FakeTelegram) -> None:
    for name in ("a.txt", "b.txt", "a.txt"):
        reading.lands(name, NEXT)
        await reading.settles()
    assert len(telegram.messages(READER)) == 1
    assert len(await reading.database.read(lambda tx: tx.dumps.recent(10))) == 2


async def test_posts_in_several_dumps_keep_every_count_and_show_the_largest(
    knowing: WholeBot,
) -> None:
    knowing.lands("later.txt", Shown(title=OLD.title, readers=500_000))
    await knowing.settles()
    knowing.lands("earlier.txt", Shown(title=OLD.title, readers=400_000, excerpt=OLD.excerpt))
    await knowing.settles()
    post = await knowing.post("拆楼")
    assert post.readers == 500_000
    history = await knowing.database.read(lambda tx: tx.posts.reader_history(post.id))
    assert sorted(readers for _, readers in history) == [400_000, 415_322, 500_000]


@needs_shared
async def test_the_five_real_dumps_give_thirty_five_posts(bot: WholeBot) -> None:
    for number in range(5):
        bot.lands(f"{number}.txt", dump=seed(f"00{number}"))
    await bot.settles()
    posts = await bot.posts()
    assert len(posts) == 35
    twice = []
    for post in posts:
        history = await bot.database.read(lambda tx, post=post: tx.posts.reader_history(post.id))  # type: ignore[misc]
        if len(counts := sorted(readers for _, readers in history)) > 1:
            twice.append((counts[0] < counts[1], post.readers == counts[1]))
    assert twice == [(True, True)] * 4
    for number in range(5):
        bot.lands(f"again-{number}.txt", dump=seed(f"00{number}") + b"\n")
    await bot.settles()
    assert len(await bot.posts()) == 35


async def test_posts_arrive_oldest_first(reading: WholeBot, telegram: FakeTelegram) -> None:
    posts = many(5)
    reading.lands("five.txt", *reversed(posts))
    for post in posts:
        assert post.title in (await telegram.message()).text


async def test_an_announcement_is_edited_when_its_post_is(reading: WholeBot, telegram: FakeTelegram) -> None:
    reading.lands("next.txt", NEXT)
    card = await telegram.message()
    await reading.settles()
    reading.lands("edited.txt", Shown(title=NEXT.title, excerpt="作者重写了这一段摘要,意思更清楚了。"))
    await telegram.edit(card)
    assert "作者重写了这一段摘要" in card.text
    await reading.settles()
    assert len(telegram.messages(READER)) == 1


async def test_a_file_that_is_still_written_is_not_read_half(
    reading: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = many(3)
    whole = listing(*posts).encode()
    with (reading.dumps / "slow.txt").open("wb") as file:
        for start in range(0, len(whole), 40):
            file.write(whole[start : start + 40])
            file.flush()
            await telegram.quiet(dump_folder.REST_SECONDS / 10)
    await reading.settles()
    assert len(telegram.messages(READER)) == 3
    ledger = await reading.database.read(lambda tx: tx.dumps.recent(10))
    assert [(record.new, record.error) for record in ledger] == [(3, None), (1, None)]


async def test_one_post_arrives_once_however_many_subscriptions_want_it(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    await knowing.says("/subscribe all")
    await knowing.says("/subscribe series 扩散")
    knowing.lands("next.txt", NEXT)
    assert NEXT.title in (await telegram.message()).text
    await knowing.settles()
    assert len(telegram.messages(READER)) == 3


async def test_only_what_was_subscribed_arrives(knowing: WholeBot, telegram: FakeTelegram) -> None:
    await knowing.says("/subscribe series 扩散")
    knowing.lands("next.txt", *many(1))
    await knowing.settles()
    knowing.lands("next2.txt", NEXT)
    assert NEXT.title in (await telegram.message()).text

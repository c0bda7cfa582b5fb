"""Screens of reading: one progress for series, cards, courses and lists, and how many taps things take."""

from datetime import UTC, date, datetime

import pytest

from bot.messages.i18n import Words, words_for
from storage.database import Transaction
from storage.model import Stage
from tests.end_to_end.test_screens import FEED, SERIES, labels, subscriptions
from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.chats import Posted
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown


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


async def test_the_last_lesson_says_only_what_it_subscribed(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    for person, typed, says in ((71, "", "这个系列已订阅"), (72, "mute ", "已发送最后一课")):
        if typed:
            await library.says(f"/subscribe {typed}series 升级之路", user_id=person)
        offer = await library.says("/course 升级之路", user_id=person)
        telegram.presses(offer, "每天一篇", user_id=person)
        pressed = await telegram.message(person)
        toast = ""
        while "最后一课" not in toast:
            query = telegram.presses(pressed, "下一课", user_id=person)
            toast = (await telegram.answer(query))["text"]
        assert says in toast
        assert ("已订阅" in toast) == (not typed)
        await telegram.quiet()
        assert await subscriptions(library, person) == {"series Transformer升级之路": bool(typed)}


async def test_saved_posts_begin_with_those_that_are_not_read(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    for part in (1, 2):
        card = await library.says(f"/series {SERIES} {part}")
        await telegram.answer(telegram.presses(card, "☆ 收藏"))
    await telegram.answer(telegram.presses(card, "读过了"))
    saved = (await library.says("/saved")).text
    assert saved.index("(一)") < saved.index("✓ "), "the one saved later is read"


async def test_a_first_part_without_a_number_comes_before_the_second(bot: WholeBot) -> None:
    await bot.stops()
    first = Shown(title="弹簧将如何伸长？", day=date(2010, 7, 30))
    second = Shown(title="弹簧将如何伸长(2)？", day=date(2010, 8, 7))
    await bot.knows(second, first)
    await bot.starts()
    series = await bot.says("/series 弹簧将如何伸长")
    assert "未收录" not in series.text
    assert "从第 1 篇读起" in labels(series)
    card = await bot.says("/series 弹簧将如何伸长 1")
    assert first.title in card.text
    assert "2 ›" in labels(card)


async def test_a_series_of_one_stored_part_has_no_course(knowing: WholeBot) -> None:
    said = await knowing.says(f"/course {SERIES}")
    assert "只收录了 1 篇，开不了课程" in said.text


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


GROUP, ADMINISTRATOR = -1_000_000_000_077, 31
PLACES = {"private": {"user_id": READER}, "group": {"chat_id": GROUP, "user_id": ADMINISTRATOR}}


@pytest.fixture(params=["zh-hans", "zh-hant", "en"])
def words(request: pytest.FixtureRequest) -> Words:
    return words_for(request.param)


@pytest.fixture(params=list(PLACES.values()), ids=list(PLACES))
def who(request: pytest.FixtureRequest, telegram: FakeTelegram) -> dict[str, int]:
    """A reader in private, and an administrator in a group."""
    telegram.administrators[GROUP] = {ADMINISTRATOR}
    found: dict[str, int] = request.param
    return found


async def taps(telegram: FakeTelegram, message: Posted, words: Words, *labels: str, by: int) -> None:
    """Tap buttons one after another in the reader's language; each of them edits the message."""
    for name in labels:
        edits = message.edits
        telegram.presses(message, words.text(name), user_id=by, language=words.language)
        await telegram.edit(message, after=edits)


WAYS = {
    "every post": ("private", ("🔔 订阅全部",)),
    "a series": ("private", ("按系列订阅", SERIES)),
    "every post in a group": ("group", ("选要订阅的", "🔔 订阅全部")),
}


@pytest.mark.parametrize(("place", "labels"), WAYS.values(), ids=WAYS)
async def test_from_start_a_subscription_takes_two_taps(
    library: WholeBot, telegram: FakeTelegram, words: Words, place: str, labels: tuple[str, ...]
) -> None:
    telegram.administrators[GROUP] = {ADMINISTRATOR}
    who = PLACES[place]
    start = await library.says("/start", language=words.language, **who)
    *before, last = labels
    await taps(telegram, start, words, *before, by=who["user_id"])
    name = last if last == SERIES else words.text(last)
    telegram.presses(start, name, user_id=who["user_id"], language=words.language)
    done = await telegram.message(start.chat_id)
    assert words.text("退订") in done.buttons[-1]
    assert list((await subscriptions(library, start.chat_id)).values()) == [False]


async def test_the_next_unread_part_of_a_series_is_two_taps_from_start(
    library: WholeBot, telegram: FakeTelegram, words: Words
) -> None:
    first = await library.says(f"/series {SERIES} 1", language=words.language)
    await telegram.answer(telegram.presses(first, words.text("读过了")))
    start = await library.says("/start", language=words.language)
    await taps(telegram, start, words, words.text("接着读 第 {episode} 篇", episode=2), by=READER)
    assert f"{SERIES}(二)" in start.text


async def test_a_citation_is_copied_in_three_taps_from_start(
    bot: WholeBot, telegram: FakeTelegram, words: Words, who: dict[str, int]
) -> None:
    bot.lands("feed.xml", dump=FEED)
    await bot.settles()
    start = await bot.says("/start", language=words.language, **who)
    await taps(telegram, start, words, "读最新一篇", "引用", by=who["user_id"])
    copied = start.button(words.text("复制 BibTeX"))["copy_text"]["text"]
    assert copied.startswith("@online{kexuefm-9119,")


async def test_a_long_series_opens_where_the_reader_is(bot: WholeBot, telegram: FakeTelegram) -> None:
    numbers = "一二三四五六七八九十"
    parts = [
        Shown(title=f"低秩近似之路({n}):第{n}步", day=date(2024, 9, day)) for day, n in enumerate(numbers, 1)
    ]
    parts += [Shown(title=f"低秩近似之路(十{n}):第十{n}步", day=date(2024, 10, day))
              for day, n in enumerate(numbers[:8], 1)]  # fmt: skip
    bot.lands("1.txt", *parts)
    await bot.settles()
    posts = {post.episode: post.id for post in await bot.posts()}
    read = [posts[episode] for episode in range(1, 10)]

    async def mark(tx: Transaction) -> None:
        for post in read:
            await tx.bookmarks.read(READER, post, datetime.now(UTC))

    await bot.database.write(mark)
    series = await bot.says("/series 低秩近似之路")
    assert "2 / 3" in labels(series)
    assert "✓ 第九步" in series.text
    assert "第八步" not in series.text
    assert "接着读 第 10 篇" in labels(series)
    telegram.presses(series, "‹")
    await telegram.edit(series)
    assert series.text.count("✓") == 8


async def test_read_posts_are_marked_in_every_list(library: WholeBot, telegram: FakeTelegram) -> None:
    first = await library.says(f"/series {SERIES} 1")
    await telegram.answer(telegram.presses(first, "读过了"))
    await telegram.answer(telegram.presses(first, "☆ 收藏"))
    title = f"✓ {SERIES}(一)"
    for asked in ("/saved", "/tag 扩散", "/search 拆楼"):
        assert title in (await library.says(asked)).text, asked
    year = await library.says("/archive 2022")
    telegram.presses(year, "6 月")
    await telegram.edit(year)
    assert title in year.text

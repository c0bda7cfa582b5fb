"""What people want to hear of, asked for over the wire: scopes, mutes, digests, in every kind of place."""

from datetime import date

import pytest

from bot.chat import subscribe
from bot.chat.commands import HANDLERS
from bot.chat.user_rate_limit import TokenBucket, UserRateLimits
from bot.messages.commands import COMMANDS
from storage.model import PostId
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.chats import Posted
from tests.fakes.people import PATIENCE, READER, FakeTelegram
from tests.tools.dumps import Shown, many

SERIES = [
    Shown(title=f"生成扩散模型漫谈({sign}):第{n}个话题", day=date(2022, 6, n), excerpt=f"第{n}篇的摘要。")
    for n, sign in enumerate("一二三", 1)
]
ESSAY = Shown(title="矩阵与外推的随想", day=date(2024, 3, 1), excerpt="从RoPE说起。")
GROUP, CHANNEL, ADMIN = -1_000_000_000_077, -1_000_000_000_088, 500


@pytest.fixture
async def stocked(resting_bot: WholeBot) -> WholeBot:
    """A running bot with a series and an essay in its archive."""
    await resting_bot.knows(*SERIES, ESSAY)
    await resting_bot.starts()
    return resting_bot


async def wishes(bot: WholeBot, chat_id: int, thread_id: int | None = None) -> dict[str, bool]:
    """What a chat wants (False) and mutes (True), by kind and name."""
    to = await bot.standing(chat_id, thread_id)
    if to is None:
        return {}
    found = await bot.database.read(lambda tx: tx.destinations.subscriptions(to.id))
    return {f"{wish.scope.kind} {wish.scope.name}".strip(): wish.muted for wish in found}


async def test_two_taps_lead_from_the_start_to_a_subscription(
    stocked: WholeBot, telegram: FakeTelegram
) -> None:
    welcome = await stocked.says("/start")
    telegram.presses(welcome, "订阅全部")
    said = await telegram.message()
    assert "订阅好了" in said.text
    assert "矩阵与外推的随想" in said.text
    assert await wishes(stocked, READER) == {"everything": False}


TYPED = {
    "/subscribe": {},
    "/subscribe all": {"everything": False},
    "/subscribe 全部": {"everything": False},
    "/subscribe 全部文章": {"everything": False},
    "/subscribe series 扩散模型": {"series 生成扩散模型漫谈": False},
    "/subscribe 漫谈": {"series 生成扩散模型漫谈": False},
    "/subscribe word 矩阵 RoPE": {"word 矩阵 RoPE": False},
    "/subscribe except series 漫谈": {"series 生成扩散模型漫谈": True},
    "/subscribe except word 矩阵": {"word 矩阵": True},
    "/subscribe word": {},
    "/subscribe tag": {},
    "/subscribe mute": {},
    "/subscribe mute all": {},
    "/subscribe 系列「生成扩散模型漫谈」": {"series 生成扩散模型漫谈": False},
    "/subscribe 屏蔽 系列 漫谈": {"series 生成扩散模型漫谈": True},
    "/subscribe 关键词 矩阵": {"word 矩阵": False},
    "/subscribe word …": {"word …": False},
    "/subscribe tag 没有这样的标签": {},
}


@pytest.mark.parametrize(("typed", "expected"), TYPED.items())
async def test_a_wish_can_be_typed(typed: str, expected: dict[str, bool], stocked: WholeBot) -> None:
    await stocked.says(typed)
    assert await wishes(stocked, READER) == expected


@pytest.mark.parametrize(
    "name", ["\u200b", "\u2060\u200d", "\u3164 \u2800", "\u115f\u1160", "\ufe0f", "\u00ad\u0301"], ids=ascii
)
async def test_a_name_of_invisible_signs_is_no_name(stocked: WholeBot, name: str) -> None:
    said = await stocked.says(f"/subscribe word {name}")
    assert "订阅好了" not in said.text
    assert await wishes(stocked, READER) == {}


async def test_invisible_signs_in_a_name_are_left_out(stocked: WholeBot) -> None:
    await stocked.says("/subscribe word 外\u200b推 \u2800")
    assert await wishes(stocked, READER) == {"word 外推": False}


@pytest.mark.parametrize(
    ("language", "too_many", "full"),
    [("zh-hans", "最多 10 个词", "不能再多了"), ("en", "at most 10 words", "which is the most")],
)
async def test_subscriptions_and_their_words_are_bounded(
    stocked: WholeBot,
    telegram: FakeTelegram,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    too_many: str,
    full: str,
) -> None:
    async def says(text: str) -> str:
        telegram.user_says(text, language=language)
        return (await telegram.message()).text

    assert too_many in await says("/subscribe word " + " ".join(f"w{n}" for n in range(11)))
    assert await wishes(stocked, READER) == {}
    monkeypatch.setattr(subscribe, "MAX_SUBSCRIPTIONS", 2)
    await says("/subscribe word " + " ".join(f"w{n}" for n in range(10)))
    await says("/subscribe mute word 矩阵")
    assert full in await says("/subscribe word 外推")
    assert full in await says("/subscribe mute word 外推")
    assert len(await wishes(stocked, READER)) == 2
    assert full not in await says("/subscribe word 矩阵")
    assert not any((await wishes(stocked, READER)).values())


async def test_a_wish_shows_what_it_would_have_brought(stocked: WholeBot) -> None:
    said = await stocked.says("/subscribe word 外推 rope")
    assert "有 1 篇" in said.text
    assert "矩阵与外推的随想" in said.text


async def test_words_that_are_waited_for_bring_their_posts_and_say_so(
    stocked: WholeBot, telegram: FakeTelegram
) -> None:
    await stocked.says("/subscribe word 旋转 外推")
    stocked.lands(
        "1.txt",
        Shown(title="旋转随想", day=date(2026, 11, 20), excerpt="只有一个词。"),
        Shown(title="再谈旋转", day=date(2026, 11, 21), excerpt="两个词都有:外推。"),
    )
    news = await telegram.message()
    assert "再谈旋转" in news.text
    assert "关键词「旋转 外推」" in news.text
    await stocked.settles()
    assert await telegram.quiet() == []


async def test_what_is_muted_does_not_come_by_another_way(stocked: WholeBot, telegram: FakeTelegram) -> None:
    await stocked.says("/subscribe all")
    await stocked.says("/subscribe except word 扩散")
    stocked.lands(
        "1.txt",
        Shown(title="生成扩散模型漫谈(四):第4个话题", day=date(2026, 11, 20), excerpt="第四篇的摘要。"),
        Shown(title="与此无关", day=date(2026, 11, 21), excerpt="别的。"),
    )
    assert "与此无关" in (await telegram.message()).text
    await stocked.settles()
    assert await telegram.quiet() == []


async def test_a_word_is_unsubscribed_by_its_name(stocked: WholeBot) -> None:
    await stocked.says("/subscribe word RoPE 矩阵")
    await stocked.says("/unsubscribe rope 矩阵")
    assert await wishes(stocked, READER) == {}


async def test_a_daily_digest_waits_and_comes_at_once_after_a_change_of_mind(
    stocked: WholeBot, telegram: FakeTelegram
) -> None:
    await stocked.says("/subscribe all")
    await stocked.says("/settings when daily")
    stocked.lands("1.txt", *many(2, day=date(2026, 10, 1)))
    await stocked.service.watch.unchanged_long_enough()
    to = await stocked.standing(READER)
    assert to is not None
    assert len(await stocked.database.read(lambda tx: tx.waiting.posts(to.id))) == 2
    await stocked.says("/settings when instant")
    assert "位置编码随笔第1则" in (await telegram.message()).text
    assert "位置编码随笔第2则" in (await telegram.message()).text


async def test_an_episode_replies_to_the_one_before_it(stocked: WholeBot, telegram: FakeTelegram) -> None:
    await stocked.says("/subscribe all")
    replies = []
    for n, sign in ((4, "四"), (5, "五")):
        title = f"生成扩散模型漫谈({sign}):第{n}个话题"
        stocked.lands(f"{n}.txt", Shown(title=title, day=date(2026, 11, n), excerpt=f"第{n}篇的摘要。"))
        replies.append(await telegram.message())
        await stocked.settles()
    assert replies[0].reply_to is None
    assert replies[1].reply_to == replies[0].message_id


async def test_a_course_is_read_with_buttons(stocked: WholeBot, telegram: FakeTelegram) -> None:
    offer = await stocked.says("/course 漫谈")
    telegram.presses(offer, "每天一篇")
    course = await telegram.message()
    assert "0 / 3" in course.text
    for number in (1, 2):
        telegram.presses(course, "下一课")
        lesson = await telegram.message()
        assert f"第{number}个话题" in lesson.text
        assert f"第 {number} / 3 课" in lesson.text
    telegram.presses(lesson, "暂停课程")
    assert "随时可以继续" in (await telegram.message()).text
    telegram.presses(lesson, "下一课")
    last = await telegram.message()
    assert "这是最后一课" in last.text
    assert last.reply_to is None
    await stocked.settles()
    assert await wishes(stocked, READER) == {"series 生成扩散模型漫谈": False}


async def test_progress_counts_what_was_marked_as_read(stocked: WholeBot, telegram: FakeTelegram) -> None:
    assert "还没有标过" in (await stocked.says("/read")).text
    post = await stocked.post("第1个话题")
    card = await stocked.says(f"/start p_{post.id}")
    query = telegram.presses(card, "读过了")
    assert (await telegram.answer(query))["text"]
    assert "已读 1 / 3" in (await stocked.says("/read")).text
    assert "1 / 3" in (await stocked.says("/read 扩散模型")).text


async def test_a_topic_is_bound_by_subscribing_in_it(stocked: WholeBot, telegram: FakeTelegram) -> None:
    telegram.administrators[GROUP].add(ADMIN)
    where = {"chat_id": GROUP, "user_id": ADMIN, "thread_id": 7}
    said = await stocked.says("/subscribe@kexue_test_bot series 漫谈", **where)
    assert said.thread_id == 7
    assert await wishes(stocked, GROUP, 7) == {"series 生成扩散模型漫谈": False}
    assert await wishes(stocked, GROUP) == {}
    title = "生成扩散模型漫谈(四):第4个话题"
    stocked.lands("4.txt", Shown(title=title, day=date(2026, 11, 4), excerpt="第四篇的摘要。"))
    assert (await telegram.message(GROUP)).thread_id == 7


async def test_the_bot_makes_a_topic_for_a_series(stocked: WholeBot, telegram: FakeTelegram) -> None:
    telegram.administrators[GROUP].add(ADMIN)
    telegram.opens(GROUP).topics[3] = "open"
    said = await stocked.says("/subscribe series 漫谈", chat_id=GROUP, user_id=ADMIN)
    telegram.presses(said, "话题", user_id=ADMIN)
    assert "开好了话题" in (await telegram.message(GROUP)).text
    (call,) = telegram.calls("createForumTopic")
    assert call.params["name"] == "生成扩散模型漫谈"
    (thread,) = set(telegram.opens(GROUP).topics) - {3}
    assert await wishes(stocked, GROUP, thread) == {"series 生成扩散模型漫谈": False}
    assert await wishes(stocked, GROUP) == {}


async def test_forgetting_asks_once_and_erases_everything(stocked: WholeBot, telegram: FakeTelegram) -> None:
    await stocked.says("/subscribe all")
    question = await stocked.says("/forget")
    assert await wishes(stocked, READER)
    telegram.presses(question, "全部删除")
    await telegram.edit(question)
    assert await stocked.standing(READER) is None


async def test_people_take_their_data_with_them(stocked: WholeBot, telegram: FakeTelegram) -> None:
    await stocked.says("/subscribe word RoPE")
    document = await stocked.says("/export")
    assert document.media == "document"
    assert document.upload is not None
    assert '"RoPE"' in document.upload.decode()
    assert "全部" in (await telegram.message()).text


@pytest.mark.parametrize(
    ("typed", "holds"),
    [
        ("bib 系列 生成扩散", "@online{"),
        ("MD series 生成扩散", "# 生成扩散模型漫谈"),
        ("csv 生成扩散模型漫谈", "title,date,readers"),
        ("json 矩阵", '"title"'),
        (".bib", "@online{"),
    ],
)
async def test_a_list_of_posts_comes_as_a_file(stocked: WholeBot, typed: str, holds: str) -> None:
    now = stocked.service.clock.now()
    await stocked.database.write(lambda tx: tx.bookmarks.save(READER, PostId(1), now))
    document = await stocked.says(f"/export {typed}")
    assert document.media == "document"
    assert document.upload is not None
    assert holds in document.upload.decode()


async def test_a_list_without_posts_is_a_sentence(stocked: WholeBot) -> None:
    assert (await stocked.says("/export bib")).text.startswith("还没有收藏")
    stocked.telegram.administrators[GROUP] = {ADMIN}
    group = await stocked.says("/export bib", chat_id=GROUP, user_id=ADMIN)
    assert group.text.startswith("收藏和阅读进度是各人自己的")
    assert (await stocked.says("/export bib 系列 不存在的名字")).media is None
    assert (await stocked.says("/export csv zzzzqqqq")).media is None


PLACES = {
    "private": {"chat_id": READER, "user_id": READER},
    "group": {"chat_id": GROUP, "user_id": ADMIN},
    "topic": {"chat_id": GROUP, "user_id": ADMIN, "thread_id": 7},
    "channel": {"chat_id": CHANNEL, "kind": "channel"},
}


async def said_there(telegram: FakeTelegram, place: dict[str, object]) -> list[Posted]:
    chat_id = place["chat_id"]
    assert isinstance(chat_id, int)
    await telegram.quiet(0.1)
    return telegram.messages(chat_id)


@pytest.fixture
def wide_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that may ask everything in one go."""
    monkeypatch.setattr(
        "bot.chat.handlers.UserRateLimits",
        lambda: UserRateLimits(group=TokenBucket(), expensive=TokenBucket()),
    )


@pytest.mark.usefixtures("wide_doors")
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_every_command_and_every_button_it_brings_is_answered(
    place: dict[str, object], stocked: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    """No command fails anywhere, and no button that stands below an answer."""
    telegram.administrators[GROUP].add(ADMIN)
    telegram.administrators[CHANNEL].add(ADMIN)
    presser = ADMIN if place["chat_id"] != READER else READER
    pressed = set[str]()
    for command in COMMANDS:
        if command.name in ("forget", "broadcast"):
            continue
        before = len(await said_there(telegram, place))
        telegram.user_says(f"/{command.name}", **place)  # type: ignore[arg-type]
        chat_id = place["chat_id"]
        assert isinstance(chat_id, int)
        await telegram.world.until(lambda: len(telegram.messages(chat_id)) > before, PATIENCE)  # noqa: B023
        answers = (await said_there(telegram, place))[before:]
        assert answers, command.name
        data = [
            b["callback_data"] for m in answers for row in m.keyboard for b in row if "callback_data" in b
        ]
        for one in data:
            if one not in pressed and one != "1n":
                pressed.add(one)
                query = telegram.sends_data(answers[-1], one, user_id=presser)
                toast = (await telegram.answer(query)).get("text", "")
                assert "太旧" not in toast, (command.name, one)
                assert "慢一点" not in toast
    await telegram.quiet(0.2)
    # The card of /random differs from run to run, so kinds are counted, not buttons.
    assert {"1a", "1l", "1pc", "1s"} <= {one.partition(":")[0] for one in pressed}
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_stranger_is_refused_politely_in_a_group(stocked: WholeBot, telegram: FakeTelegram) -> None:
    telegram.administrators[GROUP].add(ADMIN)
    said = await stocked.says("/subscribe all", chat_id=GROUP, user_id=ADMIN)
    for name in sorted(name for name, handler in HANDLERS.items() if handler.restricted):
        refused = await stocked.says(f"/{name}", chat_id=GROUP, user_id=666)
        assert "只有管理员" in refused.text
    for button in ("退订", "推送设置"):
        query = telegram.presses(said, button, user_id=666)
        await telegram.answer(query)
    assert await wishes(stocked, GROUP) == {"everything": False}

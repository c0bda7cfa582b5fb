"""From a dump in the folder to a message in a chat, over the wire: what is announced, to whom, only once."""

import time
from datetime import date, timedelta

import pytest

from bot.clock import SystemClock
from bot.intake import watching
from storage.model import Format, State
from tests.dumps import Shown, listing, many, seed
from tests.fake_chats import Posted
from tests.fake_replies import blocked, cut_after, error, flood, migrated
from tests.fakes import FakeTelegram
from tests.shared import needs_shared
from tests.wholebot import OPERATOR, READER, WholeBot

pytestmark = pytest.mark.both_databases

OLD = Shown(title="生成扩散模型漫谈(一):DDPM = 拆楼 + 建楼", readers=415_322)
NEXT = Shown(title="生成扩散模型漫谈(二):DDPM = 自回归式VAE", excerpt="这是第二篇的摘要,为测试而写。")


@needs_shared
async def test_a_dump_with_eight_new_posts_brings_one_digest(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(dump=seed("003"))
    await bot.starts()
    await bot.says("/subscribe")
    bot.lands("002.txt", dump=seed("002"))
    digest = await telegram.message()
    assert digest.text.startswith("新收到 8 篇")
    assert len(digest.links()) == 8
    assert [" ".join(line.split()) for line in digest.text.splitlines() if "长度外推性与" in line] == [
        "7 长度外推性与局部注意力 2023-01-12",
        "8 长度外推性与位置鲁棒性 2023-01-31",
    ]
    await bot.settles()
    assert await telegram.quiet() == []
    await bot.restarts()
    await bot.settles()
    assert not [call for call in await telegram.quiet() if call.method.startswith("send")]
    assert len(await bot.posts()) == 16


async def test_a_dump_is_told_within_two_seconds(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    """The best of twenty, because the machine may be busy with something else for a while."""
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    delays = []
    for number, post in enumerate(many(20)):
        bot.lands(f"{number}.txt", post)
        landed = time.monotonic()
        delays.append((await telegram.message()).time - landed)
        if delays[-1] < 2:
            break
    assert min(delays) < 2


async def test_a_dump_with_one_new_post_brings_one_card(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    bot.lands("next.txt", OLD, NEXT)
    card = await telegram.message()
    assert NEXT.title in card.text
    assert "第 2 / 2 篇" in card.text
    assert "1,000 人读过" in card.text
    assert NEXT.excerpt in card.text
    assert "苏剑林" in card.text
    await bot.settles()
    assert await telegram.quiet() == []


@pytest.mark.parametrize(
    ("age", "news"), [pytest.param(2, "新文章", id="written lately"), pytest.param(200, "新收录", id="old")]
)
async def test_an_announcement_tells_a_new_post_from_one_newly_archived(
    resting_bot: WholeBot, telegram: FakeTelegram, age: int, news: str
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    day = SystemClock().now().date() - timedelta(days=age)
    bot.lands("next.txt", Shown(title="一篇新写的文章", day=day))
    assert (await telegram.message()).text.startswith(news)


async def test_filling_an_empty_archive_is_silent(bot: WholeBot, telegram: FakeTelegram) -> None:
    await bot.subscribes()
    bot.lands("first.txt", OLD, NEXT)
    await bot.settles()
    assert await telegram.quiet() == []
    assert len(await bot.posts()) == 2


async def test_the_same_bytes_are_taken_in_once(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    for name in ("a.txt", "b.txt", "a.txt"):
        bot.lands(name, NEXT)
        await bot.settles()
    assert len(telegram.messages(READER)) == 1
    assert len(await bot.database.read(lambda tx: tx.dumps.recent(10))) == 2


async def test_posts_in_several_dumps_keep_every_count_and_show_the_largest(
    resting_bot: WholeBot,
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    bot.lands("later.txt", Shown(title=OLD.title, readers=500_000))
    await bot.settles()
    bot.lands("earlier.txt", Shown(title=OLD.title, readers=400_000, excerpt=OLD.excerpt))
    await bot.settles()
    post = await bot.post("拆楼")
    assert post.readers == 500_000
    assert await bot.database.read(lambda tx: tx.posts.reader_counts(post.id)) == [400_000, 415_322, 500_000]


@needs_shared
async def test_the_five_real_dumps_give_thirty_five_posts(bot: WholeBot) -> None:
    for number in range(5):
        bot.lands(f"{number}.txt", dump=seed(f"00{number}"))
    await bot.settles()
    posts = await bot.posts()
    assert len(posts) == 35
    twice = []
    for post in posts:
        counts = await bot.database.read(lambda tx, post=post: tx.posts.reader_counts(post.id))  # type: ignore[misc]
        if len(counts) > 1:
            twice.append((counts[0] < counts[1], post.readers == counts[1]))
    assert twice == [(True, True)] * 4
    for number in range(5):
        bot.lands(f"again-{number}.txt", dump=seed(f"00{number}") + b"\n")
    await bot.settles()
    assert len(await bot.posts()) == 35


async def test_too_much_news_waits_for_an_administrator(
    telegram: FakeTelegram, resting_bot: WholeBot
) -> None:
    bot = resting_bot
    bot.settings |= {"hold_above": 7}
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    bot.lands("flood.txt", *many(8))
    told = await telegram.message(OPERATOR)
    assert "HOLD_ABOVE=7" in told.text
    assert telegram.messages(READER) == []
    asked = await bot.says("/release", user_id=OPERATOR)
    telegram.presses(asked, "发出去", user_id=OPERATOR)
    assert (await telegram.message()).text.startswith("新收到 8 篇")
    again = await bot.says("/release", user_id=OPERATOR)
    assert again.text == "没有存着待发的文章。"


async def test_held_posts_can_be_kept_quiet(telegram: FakeTelegram, resting_bot: WholeBot) -> None:
    bot = resting_bot
    bot.settings |= {"hold_above": 2}
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    bot.lands("flood.txt", *many(3))
    told = await telegram.message(OPERATOR)
    telegram.presses(told, "只收录", user_id=OPERATOR)
    await telegram.edit(told)
    await bot.settles()
    assert telegram.messages(READER) == []
    assert len(await bot.posts()) == 4


async def test_posts_arrive_oldest_first(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    posts = many(5)
    bot.lands("five.txt", *reversed(posts))
    for post in posts:
        assert post.title in (await telegram.message()).text


async def test_a_digest_leads_through_its_posts(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    posts = many(6)
    bot.lands("six.txt", *posts)
    digest = await telegram.message()
    telegram.presses(digest, "逐篇看")
    card = await telegram.message()
    assert posts[0].title in card.text
    assert card.buttons[0] == ["1 / 6", "›"]
    for step in range(1, 6):
        telegram.presses(card, "›")
        await telegram.edit(card, after=step - 1)
        assert posts[step].title in card.text
    assert card.buttons[0] == ["‹", "6 / 6"]
    assert digest.edits == 0


async def test_a_digest_of_another_chat_cannot_be_read_by_a_forged_button(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    posts = many(6)
    bot.lands("six.txt", *posts)
    digest = await telegram.message()
    data = digest.button("逐篇看")["callback_data"]
    mine = await bot.says("/about", user_id=77)
    telegram.sends_data(mine, data, user_id=77)
    shown = await telegram.message(77)
    assert not any(post.title in shown.text for post in posts)


async def test_a_chat_that_blocks_the_bot_stops_nobody_else(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    chats = range(1, 21)
    for chat_id in chats:
        await bot.subscribes(chat_id)
    telegram.answers("sendMessage", blocked(), chat_id=7, always=True)
    bot.lands("two.txt", *many(2))
    await bot.settles()
    assert [len(telegram.messages(chat_id)) for chat_id in chats] == [0 if c == 7 else 2 for c in chats]
    gone = await bot.standing(7)
    assert gone is not None
    assert (gone.standing, "blocked" in (gone.reason or "")) == ("gone", True)
    assert len([call for call in telegram.calls("sendMessage") if call.chat_id == 7]) == 1
    assert (await bot.counts()).get(State.PENDING) is None


async def test_a_flood_pauses_its_chat_for_as_long_as_telegram_says(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes(1)
    await bot.subscribes(2)
    telegram.answers("sendMessage", flood(1), chat_id=1)
    bot.lands("next.txt", NEXT)
    quick, late = await telegram.message(2), await telegram.message(1)
    refused = next(call for call in telegram.calls("sendMessage") if call.chat_id == 1)
    assert late.time - refused.time >= 1
    assert quick.time < late.time
    await bot.settles()
    assert len(telegram.messages(1)) == 1


async def test_a_group_that_became_a_supergroup_gets_what_was_meant_for_it(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes(-5)
    telegram.chat_migrates(-5, -1000000000005, silently=True)
    bot.lands("next.txt", NEXT)
    assert NEXT.title in (await telegram.message(-1000000000005)).text
    await bot.settles()
    assert await bot.standing(-5) is None
    assert migrated(-1000000000005).parameters == {"migrate_to_chat_id": -1000000000005}


async def test_a_try_without_an_answer_is_repeated_once(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    telegram.answers("sendMessage", cut_after, cut_after)
    bot.lands("next.txt", NEXT)
    await bot.settles()
    assert len(telegram.messages(READER)) == 2
    assert await bot.counts() == {State.UNCERTAIN: 1}


FORMULA = Shown(
    title="一篇有公式的文章", excerpt="设$\\boldsymbol{x}_t=\\alpha_t\\boldsymbol{x}_{t-1}$,其余从略。"
)
NO = error(400, "Bad Request: RICH_MESSAGE_INVALID")
WRONG = error(400, "Bad Request: can't parse entities: unexpected end tag at byte offset 3")


async def _told(bot: WholeBot, telegram: FakeTelegram) -> Posted:
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes(format=Format.AUTO)
    bot.lands("formula.txt", FORMULA)
    return await telegram.message()


async def test_a_formula_is_sent_as_a_rich_message(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    card = await _told(resting_bot, telegram)
    assert card.blocks is not None
    assert FORMULA.title in card.text


async def test_a_refused_rich_message_is_written_in_the_classic_form(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.answers("sendRichMessage", NO)
    card = await _told(resting_bot, telegram)
    assert (card.blocks, bool(card.entities)) == (None, True)
    assert FORMULA.title in card.text


async def test_a_refused_classic_message_is_written_plainly(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.answers("sendRichMessage", NO)
    telegram.answers("sendMessage", WRONG)
    card = await _told(resting_bot, telegram)
    assert (card.blocks, card.entities) == (None, [])
    assert FORMULA.title in card.text
    await resting_bot.settles()
    assert await resting_bot.counts() == {State.SENT: 1}


async def test_a_message_that_nobody_takes_is_given_up_and_the_operator_told_once(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.answers("sendRichMessage", NO, always=True)
    for chat_id in (READER, 2, 3):
        telegram.answers("sendMessage", WRONG, chat_id=chat_id, always=True)
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    for chat_id in (READER, 2, 3):
        await bot.subscribes(chat_id)
    bot.lands("formula.txt", FORMULA)
    assert "can't parse entities" in (await telegram.message(OPERATOR)).text.lower()
    await bot.settles()
    assert await bot.counts() == {State.FAILED: 3, State.SENT: 1}
    assert len(telegram.messages(OPERATOR)) == 1


async def test_a_server_without_rich_messages_gets_classic_ones(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.world.rich = False
    card = await _told(resting_bot, telegram)
    assert card.blocks is None
    resting_bot.lands("more.txt", Shown(title="又一篇", day=date(2024, 6, 2), excerpt=FORMULA.excerpt))
    await telegram.message()
    assert len(telegram.calls("sendRichMessage")) == 1


async def test_an_announcement_is_edited_when_its_post_is(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    bot.lands("next.txt", NEXT)
    card = await telegram.message()
    await bot.settles()
    bot.lands("edited.txt", Shown(title=NEXT.title, excerpt="作者重写了这一段摘要,意思更清楚了。"))
    await telegram.edit(card)
    assert "作者重写了这一段摘要" in card.text
    await bot.settles()
    assert len(telegram.messages(READER)) == 1


async def test_a_file_that_is_still_written_is_not_read_half(
    resting_bot: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    posts = many(3)
    whole = listing(*posts).encode()
    with (bot.dumps / "slow.txt").open("wb") as file:
        for start in range(0, len(whole), 40):
            file.write(whole[start : start + 40])
            file.flush()
            await telegram.quiet(watching.REST_SECONDS / 10)
    await bot.settles()
    assert len(telegram.messages(READER)) == 3
    ledger = await bot.database.read(lambda tx: tx.dumps.recent(10))
    assert [(record.new, record.error) for record in ledger] == [(3, None), (1, None)]


async def test_one_post_arrives_once_however_many_subscriptions_want_it(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.says("/subscribe")
    await bot.says("/subscribe series 扩散")
    bot.lands("next.txt", NEXT)
    assert NEXT.title in (await telegram.message()).text
    await bot.settles()
    assert len(telegram.messages(READER)) == 3


async def test_only_what_was_subscribed_arrives(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    bot = resting_bot
    await bot.knows(OLD)
    await bot.starts()
    await bot.says("/subscribe series 扩散")
    bot.lands("next.txt", *many(1))
    await bot.settles()
    bot.lands("next2.txt", NEXT)
    assert NEXT.title in (await telegram.message()).text

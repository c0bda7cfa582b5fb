"""Bad input of every kind: it gets a clear answer, changes nothing it should not, and stops nothing else."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.messages.actions.operators import Broadcast, Release, Retry, Status
from bot.messages.callback_data import encode
from bot.telegram.redaction import protect_logs
from storage.model import State
from tests.databases import change, locked
from tests.dumps import ARCHIVE, HOME, Shown, land, listing, many
from tests.fake_replies import cut_before, page
from tests.fakes import FakeTelegram
from tests.wholebot import OPERATOR, READER, WholeBot

GOOD = Shown(title="一篇完好的文章")

UNREADABLE = {
    "empty": b"",
    "blank": b"  \n\n ",
    "binary": bytes(range(256)) * 64,
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(2000),
    "invalid UTF-8": "标题\nBy 苏剑林 | 2024".encode("gbk") * 3,
    "prose": "今天天气很好。\n".encode() * 50,
    "cut in the first post": listing(GOOD).encode()[:30],
    "HTML of another site": b"<html><body><h1>Just a moment...</h1></body></html>",
    "JSON": b'{"posts": []}',
    "a page of zeros": bytes(100_000),
}


async def test_unreadable_dumps_are_recorded_and_told_once_and_stop_nothing(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.subscribes()
    for name, content in UNREADABLE.items():
        library.lands(f"{name}.txt", dump=content)
    library.lands("the last.txt", GOOD)
    assert GOOD.title in (await telegram.message()).text
    await library.settles()
    told = [message.text for message in telegram.messages(OPERATOR)]
    ledger = await library.database.read(lambda tx: tx.dumps.recent(100))
    reasons = {record.name: record.error for record in ledger}
    assert reasons["the last.txt"] is None
    for name in UNREADABLE:
        assert len([text for text in told if f"{name}.txt" in text]) == 1, name
        reason = reasons[f"{name}.txt"]
        assert reason is not None, name
        assert "\n" not in reason, name
    await library.restarts()
    for name, content in UNREADABLE.items():
        library.lands(f"{name} again.txt", dump=content)
    await library.settles()
    assert len(telegram.messages(OPERATOR)) == len(UNREADABLE)
    assert len(await library.posts()) == 26


async def test_a_file_of_fifty_megabytes_is_refused_without_reading_it(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    large = library.dumps / ".large.part"
    with large.open("wb") as file:
        file.truncate(50_000_000)
    large.rename(library.dumps / "large.txt")
    assert "too large" in (await telegram.message(OPERATOR)).text
    await library.restarts()
    await library.settles()
    assert len(telegram.messages(OPERATOR)) == 1


async def test_a_truncated_dump_gives_the_posts_that_are_whole(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    posts = many(3, about="截断的抓取里")
    whole = listing(*posts).encode()
    library.lands("cut.txt", dump=whole[: whole.index(posts[2].title.encode()) + 3])
    await library.settles()
    titles = [post.title for post in await library.posts()]
    assert posts[0].title in titles
    assert posts[1].title in titles
    assert posts[2].title not in titles


async def test_links_pipes_and_folders_are_not_read(
    library: WholeBot, telegram: FakeTelegram, tmp_path: Path
) -> None:
    outside = land(tmp_path, "outside.txt", listing(Shown(title="外面的文章")))
    (library.dumps / "link.txt").symlink_to(outside)
    (library.dumps / "dangling.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(library.dumps / "pipe.txt")
    (library.dumps / "folder.txt").mkdir()
    (library.dumps / "null.txt").symlink_to("/dev/zero")
    (library.dumps / "unfinished.txt.part").write_bytes(listing(Shown(title="没写完的")).encode())
    library.lands("good.txt", GOOD)
    await library.settles()
    titles = {post.title for post in await library.posts()}
    assert GOOD.title in titles
    assert not titles & {"外面的文章", "没写完的"}


async def test_dumps_in_folders_below_are_found(library: WholeBot) -> None:
    below = library.dumps / "2024" / "05"
    below.mkdir(parents=True)
    land(below, "good.txt", listing(GOOD))
    await library.settles()
    assert (await library.post(GOOD.title)).title == GOOD.title
    (record,) = await library.database.read(lambda tx: tx.dumps.recent(1))
    assert record.name == "2024/05/good.txt"


async def test_a_missing_folder_is_waited_for(
    resting_bot: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    bot = resting_bot
    bot.dumps.rmdir()
    await bot.starts()
    assert "还没有收录文章" in (await bot.says("/latest")).text
    assert "DUMP_DIR" in caplog.text
    bot.dumps.mkdir()
    bot.lands("good.txt", GOOD)
    bot.service.watch.wake()
    await bot.settles()
    assert (await bot.post(GOOD.title)).title == GOOD.title


ODD_TITLES = {
    "markup": "<b>&</b> 与 <script>alert(1)</script>",
    "an unclosed tag": "a<b & c>d",
    "an entity": "A&amp;B &nbsp; &#60;",
    "a link": '</b><a href="tg://user?id=1">点我</a>',
    "right to left": "标题\u202e里有反向\u2066符号",
    "combining marks": "q" + "\u0301" * 20,
    "invisible": "零\u200b宽\ufeff度",
    "long": "长" * 120,
    "emoji": "👩‍👩‍👧‍👦" * 5,
    "braces": "{name} {0} %s %(x)s \\n",
    "markdown": "*_`[x](y)~|>#",
    "a formula": "$\\int_0^1 x$ 与 $\\undefined{",
}


async def test_odd_titles_are_shown_as_they_are_or_made_harmless(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    """Every message passed Telegram's own parser, or the fake would have refused it."""
    await library.subscribes()
    for number, (name, title) in enumerate(ODD_TITLES.items()):
        library.lands(f"{number}.txt", ARCHIVE[0], Shown(title=title, excerpt=f"{title} 的摘要 {name}"))
    cards = [await telegram.message() for _ in ODD_TITLES]
    for card in cards:
        assert all(link.startswith("https://") for link in card.links()), card.text
        assert "\u202e" not in card.text
    await library.settles()
    assert await library.counts() == {State.SENT: len(ODD_TITLES)}
    plain = [call for call in telegram.calls("sendMessage") if call.params.get("parse_mode") is None]
    assert plain == []
    listed = await library.says("/search alert", user_id=77)
    assert "<b>&</b> 与 <script>alert(1)</script>" in listed.text


LONG = {
    "/search " + "词" * 4000: "太长了",
    "/series " + "x" * 4000: "太长了",
    "/subscribe word " + "词 " * 2000: "太长了",
    "/start " + "p" * 4000: "太长了",
    "/" + "z" * 4000: "不认识",
    "/latest " + "9" * 4000: "太长了",
    "词" * 4000: "没有找到",
    "/broadcast " + "<" * 4000: "太长了",
}


async def test_long_commands_are_answered_shortly(library: WholeBot, telegram: FakeTelegram) -> None:
    for user_id, (typed, shown) in enumerate(LONG.items(), 2000):
        said = (await library.says(typed, user_id=user_id)).text
        assert shown in said, (typed[:20], said)
        assert len(said) < 300


FORGED = (
    "", "x", "1", "1p", "1p:", "1p:-1", "1p:1:1", "1p:99999999999999999999", "1b:999999", "1b:1:999999",
    "2p:1", "1nosuch:1", "1p:一", "../../etc/passwd", "1p:1\x00", "'; DROP TABLE posts; --", "1q:999999",
    "1oc:language:klingon", "1oc:hour:99", "1oc:zone:Mars/Olympus", "1d:1:1", "1ub:1", "1ur:1", "1f:1",
    "1cs:1:daily", "1t:1", "1o:1", "1bs:1:1", "1a:2022:13", "1a:0:0", "1s:1:999999999", "A" * 64,
)  # fmt: skip


async def test_forged_buttons_are_answered_and_change_nothing_of_others(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    before = await library.subscribes(READER)
    posts = await library.posts()
    for user_id, data in enumerate(FORGED, 2000):
        mine = await library.says("/about", user_id=user_id)
        query = telegram.sends_data(mine, data, user_id=user_id)
        await telegram.answer(query)
    await library.settles()
    assert "went wrong" not in "".join(message.text for message in telegram.messages())
    assert not [message.text for message in telegram.messages() if "出了点问题" in message.text]
    assert await library.standing(READER) == before
    assert await library.posts() == posts


async def test_a_button_of_another_version_leads_on(library: WholeBot, telegram: FakeTelegram) -> None:
    mine = await library.says("/about")
    query = telegram.sends_data(mine, "0p:1")
    assert (await telegram.answer(query))["text"]
    said = await telegram.message()
    assert "太旧" in said.text
    telegram.presses(said, "所有命令")
    await telegram.edit(said)
    assert "/subscribe" in said.text


async def test_operators_buttons_do_nothing_for_others(library: WholeBot, telegram: FakeTelegram) -> None:
    await library.subscribes(1)
    draft = await library.database.transact(lambda tx: tx.scopes.phrase("广告", SystemClock().now()))
    mine = await library.says("/about", user_id=77)
    for action in (Broadcast(draft), Release(1), Retry(), Status()):
        query = telegram.sends_data(mine, encode(action), user_id=77)
        assert (await telegram.answer(query))["text"] == "这是给运维人员的。"
    await library.settles()
    assert telegram.messages(1) == []


async def test_whoever_asks_too_much_is_not_answered_and_nobody_else_waits(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    for _ in range(150):
        telegram.user_says("/latest", user_id=66)
    assert (await library.says("/about", user_id=67)).text
    await telegram.quiet(0.3)
    assert 1 <= len(telegram.messages(66)) <= 90


async def _meddle(bot: WholeBot, statement: str) -> None:
    """Somebody changes the database behind the bot's back; in a thread, for the bot may hold the lock."""
    await asyncio.to_thread(change, bot.url, statement)


async def test_something_broken_on_our_side_is_said_and_kept_in_the_log(
    library: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    await _meddle(library, "DROP TABLE phrases")
    assert "出了点问题" in (await library.says("/search RoPE")).text
    assert "phrases" in caplog.text
    assert "最近的文章" in (await library.says("/latest", user_id=5)).text


async def test_a_database_that_another_program_locks_for_a_while_delays_only(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.subscribes()
    async with locked(library.url):
        library.lands("good.txt", GOOD)
        assert "最近的文章" in (await library.says("/latest", user_id=5)).text
    assert GOOD.title in (await telegram.message()).text


async def test_a_dump_that_cannot_be_stored_is_tried_again(
    library: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    await library.subscribes()
    await _meddle(library, "ALTER TABLE sightings RENAME TO hidden")
    library.lands("bad.txt", dump=UNREADABLE["prose"])
    library.lands("good.txt", GOOD)

    async def failed() -> bool:
        return "good.txt could not be taken in" in caplog.text

    await library.until(failed)
    assert "bad.txt" in (await telegram.message(OPERATOR)).text
    assert telegram.messages(READER) == []
    await _meddle(library, "ALTER TABLE hidden RENAME TO sightings")

    async def told() -> bool:
        library.service.watch.wake()
        await asyncio.sleep(0.1)
        return bool(telegram.messages(READER))

    await library.until(told)
    assert GOOD.title in telegram.messages(READER)[0].text


async def test_the_token_is_in_no_log(
    resting_bot: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    bot = resting_bot
    caplog.set_level(logging.DEBUG)
    protect_logs([telegram.token])
    await bot.knows(dump=HOME)
    await bot.starts()
    await bot.subscribes()
    telegram.answers("sendMessage", cut_before)
    telegram.answers("sendMessage", page(502), chat_id=5)
    telegram.answers("getUpdates", page(502), page(401))
    bot.lands("good.txt", GOOD)
    await telegram.message()
    telegram.user_says("/about", user_id=5)
    await bot.says("/about", user_id=6)
    await bot.stops()
    assert caplog.records
    assert telegram.token.partition(":")[2] not in caplog.text

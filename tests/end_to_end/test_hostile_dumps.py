"""Bad dumps of every kind: each gets a clear answer, changes nothing that is well, and stops nothing."""

import os
from pathlib import Path

import pytest

from storage.model import State
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import ARCHIVE, Shown, land, listing, many

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
    "a cut archive": b"PK\x03\x04" + bytes(100),
}


async def test_unreadable_dumps_are_recorded_and_told_once_and_stop_nothing(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.subscribes()
    for name, content in UNREADABLE.items():
        library.lands(f"{name}.txt", dump=content)
    library.lands("the last.txt", GOOD)
    assert GOOD.title in (await telegram.message()).text
    await telegram.message(OPERATOR)
    await library.settles()
    told = [message.text for message in telegram.messages(OPERATOR)]
    ledger = await library.database.read(lambda tx: tx.dumps.recent(100))
    reasons = {record.name: record.error for record in ledger}
    assert reasons["the last.txt"] is None
    assert 0 < len(told) < len(UNREADABLE)  # one notice for the files of a scan
    for name in UNREADABLE:
        reason = reasons[f"{name}.txt"]
        assert reason is not None, name
        assert "\n" not in reason, name
    await library.restarts()
    for name, content in UNREADABLE.items():
        library.lands(f"{name} again.txt", dump=content)
    await library.settles()
    assert len(telegram.messages(OPERATOR)) == len(told)
    assert len(await library.posts()) == 26


async def test_a_file_of_fifty_megabytes_is_refused_without_reading_it(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    large = library.dumps / ".large.part"
    with large.open("wb") as file:
        file.truncate(50_000_000)
    large.rename(library.dumps / "large.txt")
    assert "文件太大" in (await telegram.message(OPERATOR)).text
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
    await bot.starts()
    bot.dumps.rmdir()
    bot.service.watch.wake()

    async def missed() -> bool:
        return "DUMP_DIR" in caplog.text

    await bot.until(missed)
    assert "还没有收录文章" in (await bot.says("/latest")).text
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
    "emoji": "👩‍👩‍👧‍👦" * 5 + "之家",  # a line without a letter is no title
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

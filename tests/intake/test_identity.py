"""End states of dumps ingested in order: which posts are stored, and which deliveries they caused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.intake.ingest import IngestReport, IngestRules, ingest
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Dump, NoteKind, Post, State
from storage.schema import deliveries
from tests.intake.blog_years import simulate
from tests.tools.databases import fresh_in
from tests.tools.dumps import Shown, listing
from tests.tools.examples import examples
from tests.tools.shared import SHARED, needs_shared

START = datetime(2025, 10, 20, 4, tzinfo=UTC)
READER, ADMIN = 77, 78
A = "这是为测试写的第一段摘要,它说的是一件与别处都不相同的事情,并且长得足以让人把它和别的文章区分开来。"
B = "另一段为测试写的摘要,说的是完全不同的另一件事情,与前面那篇毫无关系可言,也是足够长的一段话。"
REWRITTEN = A[:44] + "改写过的结尾。"
COMMON = (
    "(本文是一个系列的其中一篇,同一天发布,为了方便阅读而拆开成几部分,下面先重复一遍共同的开场白与记号约定。)"
)


@dataclass
class Intake:
    """A database with one subscriber to everything; dumps are ingested an hour after each other."""

    database: Database
    hours: int = 0

    async def take(
        self,
        content: str | bytes,
        *,
        hours: int | None = None,
        origin: str = "folder",
        rules: IngestRules | None = None,
    ) -> IngestReport:
        self.hours += 1
        raw = content.encode() if isinstance(content, str) else content
        at = START + timedelta(hours=self.hours if hours is None else hours)
        dump = Dump(name=f"{self.hours}.txt", content=raw, captured_at=at, origin=origin)
        return await ingest(self.database, dump, rules or IngestRules(), at)

    async def posts(self) -> list[Post]:
        return await self.database.read(lambda tx: tx.posts.everything())

    async def titles(self) -> list[str]:
        return [post.title for post in await self.posts()]

    async def told(self) -> list[tuple[str, State]]:
        async def unit(tx: Transaction) -> list[tuple[str, State]]:
            found = await tx.posts._connection.execute(
                select(deliveries.c.duty, deliveries.c.state).order_by(deliveries.c.id)
            )
            return [(row.duty, row.state) for row in found]

        return await self.database.read(unit)


@pytest.fixture
async def intake(database: Database) -> Intake:
    await database.write(_subscribe)
    return Intake(database)


async def _subscribe(tx: Transaction) -> None:
    to = await tx.destinations.ensure(READER, None, ChatKind.PRIVATE, "", START)
    await tx.destinations.subscribe(to.id, (await tx.scopes.everything()).id, START)


def page(*posts: tuple[int, str, date]) -> str:
    """Return the page of all posts of one month: number, title and day of each, newest first."""
    lines = [
        f'<li>{day:%d}日: <a href="https://kexue.fm/archives/{number}">{title}</a>'
        f' (<a href="https://kexue.fm/archives/{number}#PostComment">0</a>)</li>'
        for number, title, day in posts
    ]
    _, _, day = posts[0]
    return (
        "<!DOCTYPE html><html><head><title>归档 - 科学空间|Scientific Spaces</title></head><body>"
        f"<h3>{day.year}年 (共{len(posts)}篇)</h3><ul><li><span>{day:%m}月</span><ul>\n"
        + "\n".join(lines)
        + "</ul></li></ul></body></html>"
    )


OCT_8, OCT_10, OCT_15 = (date(2025, 10, day) for day in (8, 10, 15))
FIRST = Shown(title="示例漫谈(一):甲", day=OCT_8, readers=100, excerpt=A)
SECOND = Shown(title="另一个题目", day=OCT_15, readers=50, excerpt=B)


def shown(title: str, *, day: date = OCT_8, readers: int = 100, excerpt: str = A) -> Shown:
    return Shown(title=title, day=day, readers=readers, excerpt=excerpt)


def cut(whole: str) -> str:
    """Return a page without its end, which may not show every post."""
    return whole.removesuffix("</body></html>")


async def test_the_id_of_a_merged_post_goes_to_no_other(intake: Intake) -> None:
    """The next new post would meet the delivery of the merged one and never be announced."""
    await intake.take(
        listing(Shown(title="早已有的一篇", day=date(2025, 9, 1), readers=900, excerpt="旧" * 30))
    )
    await intake.take(listing(shown("示例漫谈:一个开头")))
    await intake.take(cut(page((21001, "改过的题目（上）", OCT_8))))
    await intake.take(listing(shown("改过的题目(上)", readers=220)))
    report = await intake.take(listing(shown("全新的一篇", day=OCT_15, readers=20, excerpt=B)))
    _, edited, new = await intake.posts()
    assert (edited.title, edited.archive_id, edited.readers) == ("改过的题目（上）", 21001, 220)
    assert report.deliveries == 1
    assert [told for told in await intake.told() if told[1] is not State.CANCELLED] == [
        (f"post:{edited.id}", State.PENDING),
        (f"post:{new.id}", State.PENDING),
    ]


async def test_a_dump_may_merge_posts_and_bring_a_new_one(intake: Intake) -> None:
    await intake.take(listing(shown("示例漫谈:一个开头")))
    await intake.take(cut(page((21001, "改过的题目（上）", OCT_8))))
    report = await intake.take(
        listing(shown("全新的一篇", day=OCT_15, excerpt=B), shown("改过的题目(上)", readers=220))
    )
    assert (report.new, report.edited, report.error) == (1, 1, None)
    assert await intake.titles() == ["改过的题目（上）", "全新的一篇"]


@pytest.mark.parametrize(
    "titles",
    [
        pytest.param(("示例拆分(上)", "示例拆分(下)"), id="parts"),
        pytest.param(("示例漫谈(三):甲", "示例漫谈(四):乙"), id="episodes"),
        pytest.param(("一个开头", "另一个结尾"), id="any two titles"),
    ],
)
async def test_two_titles_of_one_dump_are_two_posts(titles: tuple[str, str], intake: Intake) -> None:
    both = [shown(title, excerpt=f"{COMMON}{title}说的是它。") for title in titles]
    await intake.take(listing(*both))
    assert await intake.titles() == list(titles)
    await intake.take(listing(both[1]))  # each of them alone later
    await intake.take(listing(both[0]))
    assert await intake.titles() == list(titles)


async def test_two_episodes_of_one_series_are_two_posts_in_two_dumps(intake: Intake) -> None:
    for title in ("示例漫谈(三):甲", "示例漫谈(四):乙"):
        await intake.take(listing(shown(title, excerpt=f"{COMMON}{title}说的是它。")))
    assert await intake.titles() == ["示例漫谈(三):甲", "示例漫谈(四):乙"]


@pytest.mark.parametrize(("days", "shows"), [((8, 10), 10), ((10, 8), 8), ((8, 28), 28)])
async def test_a_corrected_date_keeps_the_post(days: tuple[int, int], shows: int, intake: Intake) -> None:
    for at, day in enumerate(days):
        await intake.take(
            listing(shown("示例漫谈(一):甲", day=date(2025, 10, day), readers=100 + at), SECOND)
        )
    first, _ = await intake.posts()
    assert (len(await intake.posts()), first.date) == (2, date(2025, 10, shows))
    assert await intake.told() == []


@pytest.mark.parametrize(
    ("order", "hours"),
    [
        ((0, 1, 2), (1, 2, 3)),
        ((0, 2, 1), (1, 2, 3)),
        ((1, 2, 0), (1, 1, 1)),
        ((2, 1, 0), (1, 1, 1)),
        ((2, 0, 1), (3, 2, 1)),
        ((1, 0, 2), (1, 9, 4)),
        ((0, 2, 1), (9, 1, 4)),
    ],
)
async def test_readers_order_captures_whatever_their_times(
    order: tuple[int, ...], hours: tuple[int, ...], intake: Intake
) -> None:
    copies = [
        shown("示例漫谈(一):甲", readers=100, excerpt=A),
        shown("示例漫谈(一):甲(修订)", readers=200, excerpt=REWRITTEN),
        shown("示例漫谈(一):甲", readers=150, excerpt=A),
    ]
    for at in order:
        await intake.take(listing(copies[at]) + "\n" * at, hours=hours[at])
    (post,) = await intake.posts()
    assert (post.title, post.readers, post.excerpt) == ("示例漫谈(一):甲(修订)", 200, REWRITTEN)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("Schrödinger方程", "Schro\u0308dinger方程", id="composition"),
        pytest.param("示例漫谈", "示例\u00ad漫谈\u200e", id="invisible characters"),
        pytest.param("“闭门造车”之甲", '"闭门造车"之甲', id="quotes"),
        pytest.param("A & B 与 C", "A &amp; B 与 C", id="entities"),
    ],
)
async def test_another_spelling_is_no_edit(before: str, after: str, intake: Intake) -> None:
    await intake.take(listing(shown(before)))
    report = await intake.take(listing(shown(after, readers=101)))
    (post,) = await intake.posts()
    assert (post.title, report.edited, report.new, post.aliases) == (before, 0, 0, ())


async def test_a_page_of_all_posts_renames_what_it_leaves_out(intake: Intake) -> None:
    await intake.take(listing(shown("第三篇", day=date(2025, 10, 20)), SECOND, FIRST))
    report = await intake.take(
        page(
            (12, "第三篇", date(2025, 10, 20)),
            (11, "全然不同的题目", OCT_15),
            (10, "示例漫谈（一）：甲", OCT_8),
        )
    )
    assert (report.new, report.edited, await intake.told()) == (0, 1, [])
    assert [post.archive_id for post in await intake.posts()] == [12, 11, 10]


async def test_a_page_of_all_posts_with_one_more_post_of_a_day_brings_a_new_one(intake: Intake) -> None:
    await intake.take(listing(SECOND, FIRST))
    report = await intake.take(
        page((12, "同一天的另一篇", OCT_15), (11, "另一个题目", OCT_15), (10, "示例漫谈（一）：甲", OCT_8))
    )
    assert (report.new, report.deliveries) == (1, 1)


def feed(*items: tuple[int, str, date, str]) -> str:
    body = "".join(
        f"<item><title>{title}</title><link>https://kexue.fm/archives/{number}</link>"
        f"<pubDate>{day:%d %b %Y} 09:00:00 +0800</pubDate>"
        f"<description><![CDATA[{excerpt[:97]}...]]></description></item>"
        for number, title, day, excerpt in items
    )
    head = '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
    return f"{head}<title>科学空间|Scientific Spaces</title>{body}</channel></rss>"


async def test_the_later_feed_wins_a_date(intake: Intake) -> None:
    for day in (10, 8):
        await intake.take(feed((65, "一篇", date(2025, 10, day), A)))
    (post,) = await intake.posts()
    assert post.date == OCT_8


async def test_sources_that_disagree_edit_no_card_again_and_again(intake: Intake) -> None:
    edits = []
    for at in range(6):
        content = (
            feed((65, "题目甲", OCT_8, B)) + "\n" * at
            if at % 2
            else listing(shown("题目甲(网页上的写法)", readers=100 + at))
        )
        edits.append((await intake.take(content)).edited)
    assert sum(edits) <= 1
    assert len(await intake.posts()) == 2  # neither title nor opening nor number agree


async def test_a_number_given_again_is_another_post(intake: Intake) -> None:
    await intake.take(feed((57, "删掉的一篇", OCT_8, A), (56, "留下的一篇", date(2025, 10, 1), "留" * 60)))
    report = await intake.take(
        feed((57, "后来写的一篇", OCT_15, B), (56, "留下的一篇", date(2025, 10, 1), "留" * 60))
    )
    assert (report.new, report.edited) == (1, 0)
    assert [(post.title, post.archive_id) for post in await intake.posts()] == [
        ("删掉的一篇", None),
        ("留下的一篇", 56),
        ("后来写的一篇", 57),
    ]
    await intake.take(feed((57, "删掉的一篇", OCT_8, A)) + "\n", hours=0)  # an old capture takes nothing back
    assert [post.archive_id for post in await intake.posts()] == [None, 56, 57]


async def test_an_edited_title_and_a_moved_date_keep_the_number(intake: Intake) -> None:
    await intake.take(feed((57, "原来的题目", OCT_8, A)))
    report = await intake.take(feed((57, "改过的题目", OCT_15, A)))
    assert (report.new, report.edited) == (0, 1)


async def test_a_post_behind_a_password_waits_until_it_opens(intake: Intake) -> None:
    open_ones = (11, "开着的一篇", OCT_8), (10, "更早的一篇", OCT_8)
    await intake.take(page(*open_ones))
    closed = page((12, "此内容被密码保护", OCT_10), (11, "此内容被密码保护", OCT_8), open_ones[1])
    report = await intake.take(closed)
    assert (report.new, report.edited, report.deliveries) == (0, 0, 0)
    assert {note.kind for note in report.notes} == {NoteKind.SKIPPED}
    assert await intake.titles() == ["开着的一篇", "更早的一篇"]
    opened = await intake.take(page((12, "打开了的一篇", OCT_10), *open_ones), hours=24 * 60, origin="page")
    assert (opened.new, opened.deliveries, opened.unannounced) == (1, 1, 0)


@pytest.mark.parametrize(
    ("origin", "age", "deliveries", "unannounced"),
    [
        pytest.param("page", 20, 2, 0, id="live and recent"),
        pytest.param("page", 40, 1, 1, id="live and old"),
        pytest.param("folder", 40, 2, 0, id="a file's time proves no age"),
    ],
)
async def test_old_posts_are_no_news_where_the_capture_time_is_known(
    origin: str, age: int, deliveries: int, unannounced: int, intake: Intake
) -> None:
    await intake.take(listing(FIRST))
    days = (START - timedelta(days=1)).date(), (START - timedelta(days=age)).date()
    excerpts = ("新" * 50, "旧" * 50)
    posts = [
        Shown(title=f"第{at}篇", day=day, excerpt=text)
        for at, (day, text) in enumerate(zip(days, excerpts, strict=True))
    ]
    report = await intake.take(listing(*posts), origin=origin)
    assert (report.new, report.deliveries, report.unannounced) == (2, deliveries, unannounced)


async def test_operators_are_notified_once_of_what_was_left_out(intake: Intake) -> None:
    rules = IngestRules(admins=(ADMIN,), notice=lambda report: f"{report.unannounced} {len(report.remarks)}")
    await intake.take(listing(FIRST), rules=rules)
    closed = page((12, "此内容被密码保护", OCT_10), (11, "开着的一篇", OCT_8))
    for at in range(2):
        dump = Dump(name="content.html", content=f"{closed}{' ' * at}".encode(), captured_at=START)
        await ingest(intake.database, dump, rules, START)
    (record, *_) = await intake.database.read(lambda tx: tx.dumps.recent(1))
    assert [note.kind for note in record.notes] == [NoteKind.SKIPPED]
    told = [duty for duty, _ in await intake.told() if duty.startswith("notice:")]
    assert told == ["notice:dump:2:notes"]


async def test_the_same_text_at_another_address_is_another_capture(intake: Intake) -> None:
    for tag, result in (("示例", "taken"), ("演示", "taken"), ("演示", "known")):
        address, content = f"https://kexue.fm/tag/{tag}/", listing(FIRST, SECOND).encode()
        dump = Dump(name=tag, content=content, captured_at=START, address=address)
        assert (await ingest(intake.database, dump, IngestRules(), START)).result == result
    assert {post.tags for post in await intake.posts()} == {("演示", "示例")}


async def test_a_first_reading_is_stored_without_announcements(intake: Intake) -> None:
    rules = IngestRules(admins=(ADMIN,), notice=lambda report: str(report.unannounced), first_reading=True)
    await intake.take(listing(FIRST))
    report = await intake.take(listing(SECOND), rules=rules)
    assert (report.new, report.deliveries, report.unannounced) == (1, 0, 1)
    assert [duty for duty, _ in await intake.told()] == ["notice:dump:2:notes"]


@needs_shared
@pytest.mark.parametrize(
    ("case", "titles", "announced"),
    [
        ("crash", ["改过的题目（上）", "全新的一篇"], 1),
        ("never-announced", ["早已有的一篇", "改过的题目（上）", "全新的一篇"], 2),
        ("same-day", ["示例拆分(上)", "示例拆分(下)"], 0),
        ("moved-date", ["示例漫谈(一):甲", "另一个题目"], 0),
        ("old-copy", ["示例漫谈(一):甲(修订)"], 0),
        ("quotes", ["“闭门造车”之甲"], 0),
        ("invisible/[12]*", ["Schrödinger方程"], 0),
        ("tail/[12]*", ["示例漫谈(一):甲", "另一个题目"], 1),
    ],
)
async def test_the_numbered_captures(
    case: str, titles: Sequence[str], announced: int, intake: Intake
) -> None:
    folder = SHARED / "cases" / "captures"
    files = sorted(folder.glob(case if "*" in case else f"{case}/*"))
    assert files
    for file in files:
        report = await intake.take(file.read_bytes())
        assert report.error is None
    assert await intake.titles() == titles
    told = [duty for duty, state in await intake.told() if state is not State.CANCELLED]
    assert len(told) == len(set(told)) == announced


@examples(8)
@given(seed=st.integers(0, 2**32), chosen=st.lists(st.integers(0, 39), min_size=2, max_size=8))
async def test_each_new_post_has_one_delivery_made_by_its_own_dump(
    tmp_path: Path, seed: int, chosen: list[int]
) -> None:
    year = simulate(seed)
    intake = Intake(await open_database(fresh_in(tmp_path)))
    await intake.database.write(_subscribe)
    rules = IngestRules(digest_above=1000, hold_above=1000)
    for number, at in enumerate(chosen):
        before = {duty for duty, _ in await intake.told()}
        known = {post.id for post in await intake.posts()}
        dump = year.dumps[at]
        report = await ingest(intake.database, dump, rules, dump.captured_at)
        assert report.error is None
        fresh = {f"post:{post.id}" for post in await intake.posts() if post.id not in known}
        added = {duty for duty, _ in await intake.told()} - before
        assert added == (fresh if number else set())
    await intake.database.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(["示例漫谈:一个开头"], ["改过的题目（上）"], id="the only post of its day"),
        pytest.param(["甲的开头", "乙的开头"], ["甲的开头", "全然不同的题目"], id="one of two"),
        pytest.param(["甲的开头", "乙的开头"], ["乙的开头（修订）", "甲的开头（修订）"], id="both"),
    ],
)
async def test_a_title_edited_before_the_page_of_all_posts_is_announced_once(
    before: list[str], after: list[str], intake: Intake
) -> None:
    """The page shows each post of a day, so the stored one that it leaves out is the one with a new title."""
    await intake.take(listing(Shown(title="早已有的一篇", day=date(2025, 9, 1), excerpt="旧" * 30)))
    excerpts = [A, B]
    await intake.take(
        listing(*(shown(title, excerpt=text) for title, text in zip(before, excerpts, strict=False)))
    )
    told = len(await intake.told())
    entries = [(21001 + at, title, OCT_8) for at, title in enumerate(after)]
    report = await intake.take(page(*entries))
    assert (report.new, report.deliveries) == (0, 0)
    assert sorted(await intake.titles()) == sorted(["早已有的一篇", *after])
    assert len([duty for duty, _ in await intake.told() if duty.startswith("post")]) == told


async def test_a_post_of_the_home_page_that_was_edited_is_announced_once(intake: Intake) -> None:
    await intake.take(listing(FIRST))
    await intake.take(f"15 Oct\n\n当天的一篇\n\n{B}\n\n点击阅读全文...\n")
    report = await intake.take(page((21002, "改过的题目", OCT_15), (21001, FIRST.title, OCT_8)))
    assert report.new == 0
    assert sorted(await intake.titles()) == sorted([FIRST.title, "改过的题目"])


async def test_a_new_post_of_the_day_of_an_edited_one_is_announced(intake: Intake) -> None:
    await intake.take(listing(shown("示例漫谈:一个开头")))
    report = await intake.take(
        page((21002, "毫不相干的新文", OCT_8), (21001, "示例漫谈:一个更好的开头", OCT_8))
    )
    assert (report.new, report.deliveries) == (1, 1)
    assert await intake.titles() == ["示例漫谈:一个更好的开头", "毫不相干的新文"]


UNTITLED = "{}\n\n下一段已经是正文了。\n\n转载到请包括本文地址：https://kexue.fm/archives/{}\n"


async def test_a_page_without_its_title_adds_to_the_post_of_its_number(intake: Intake) -> None:
    await intake.take(page((21001, "示例漫谈（一）：甲", OCT_8)))
    report = await intake.take(UNTITLED.format(f"示例漫谈（一）：甲\n\n{A}", 21001), hours=9)
    (post,) = await intake.posts()
    assert (report.new, post.title, post.archive_id) == (0, "示例漫谈（一）：甲", 21001)
    assert post.excerpt.startswith(A)
    await intake.take(page((21001, "改过的题目", OCT_8)), hours=5)  # captured before the page without a title
    assert await intake.titles() == ["改过的题目"]


async def test_a_page_without_its_title_is_known_by_its_opening(intake: Intake) -> None:
    await intake.take(listing(FIRST, SECOND))
    report = await intake.take(UNTITLED.format(A, 21001))
    assert [(post.title, post.archive_id) for post in await intake.posts()] == [
        (FIRST.title, 21001),
        (SECOND.title, None),
    ]
    assert (report.new, report.notes) == (0, ())


async def test_a_page_without_its_title_of_an_unknown_post_is_a_note(intake: Intake) -> None:
    await intake.take(listing(SECOND))
    report = await intake.take(UNTITLED.format(A, 21001))
    assert (report.new, report.result) == (0, "taken")
    assert [note.kind for note in report.notes] == [NoteKind.SKIPPED]
    assert "archives/21001" in report.notes[0].text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("测试之路（三）：最速下降", "测试之路(三):最速下降为什么有效", id="one episode"),
        pytest.param("谱范数的渐近估计", "谱范数的渐近估计(上)", id="extended"),
    ],
)
async def test_an_extended_title_of_the_same_day_is_one_post(before: str, after: str, intake: Intake) -> None:
    await intake.take(page((21002, "另一个题目", OCT_15), (21001, before, OCT_8)))
    report = await intake.take(f"8 Oct\n\n{after}\n\n{A}\n\n点击阅读全文...\n")
    assert report.new == 0
    assert await intake.titles() == ["另一个题目", after]


async def test_another_part_of_the_same_day_is_another_post(intake: Intake) -> None:
    await intake.take(page((21001, "谱范数的渐近估计：理论篇", OCT_8)))
    report = await intake.take(listing(shown("谱范数的渐近估计:应用篇")))
    assert report.new == 1


async def test_a_home_page_leaves_out_the_post_that_it_shows_retitled(intake: Intake) -> None:
    entries = [(21003, "第三篇", OCT_15), (21002, "先前的题目", OCT_10), (21001, "第一篇", OCT_8)]
    await intake.take(page(*entries))
    shown_posts = (("15 Oct", "第三篇", B), ("10 Oct", "毫不相干", A), ("8 Oct", "第一篇", REWRITTEN * 2))
    home = "".join(f"{day}\n\n{title}\n\n{text}\n\n点击阅读全文...\n\n" for day, title, text in shown_posts)
    assert (await intake.take(home)).new == 0
    assert await intake.titles() == ["第三篇", "毫不相干", "第一篇"]

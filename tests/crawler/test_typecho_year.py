"""A year of each version of Typecho: stored posts equal to the blog's, each announced once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.site_profile import KEXUE, SiteProfile, read_site_profile
from tests.crawler.typecho_year import START, Year, followed, text
from tests.fakes.typecho import BLOG_ZONE, PASSWORD_TITLE, VERSIONS, Theme, Typecho, Version

PROFILE = read_site_profile("""\
name = "示例博客"
author = "某人"
home = "http://127.0.0.1"
licence = "CC BY 4.0"
""")
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
TITLES = (
    'A & B 与 "引号" 的 x<y 关系',
    "Earth Mover's Distance",
    "连载漫谈之一：起点",
    "连载漫谈之二：&amp; 不是 &",
    "$O(n^2)$ 到 $O(n)$：线性化",
)


def blog_of(version: Version, theme: Theme) -> tuple[Typecho, SiteProfile]:
    if theme == "kexue":
        return Typecho(version), KEXUE
    return Typecho(version, "default", "/archives/{id}/", "示例博客", "某人"), PROFILE


async def check_archive(year: Year) -> None:
    """Compare the stored posts with the public ones of the blog."""
    stored = await year.posts()
    shown = {entry.number: entry for entry in year.site.public() if not entry.password}
    assert {number: stored[number].title for number in shown} == {
        number: entry.title for number, entry in shown.items()
    }
    assert {number: stored[number].date for number in shown} == {
        number: entry.at.astimezone(BLOG_ZONE).date() for number, entry in shown.items()
    }
    assert {number: stored[number].category for number in shown} == {
        number: entry.category for number, entry in shown.items()
    }
    assert {number: stored[number].tags or () for number in shown} == {
        number: entry.tags for number, entry in shown.items()
    }
    assert PASSWORD_TITLE not in {post.title for post in stored.values()}


@pytest.mark.parametrize("theme", ["kexue", "default"])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_year(tmp_path: Path, version: Version, theme: Theme) -> None:
    site, profile = blog_of(version, theme)
    for number in range(25):
        at = datetime(2025, 1, 1, 4, tzinfo=UTC) + number * 10 * DAY
        site.add(f"旧文第{number}号", text(f"旧文{number}"), at, category="札记", tags=("旧",))
    async with followed(tmp_path, site, profile, "/feed", "/") as year:
        filled = await year.fill()
        assert (filled.new, filled.pages, filled.set_aside) == (25, 25, ())
        await year.pass_time(DAY)
        assert (year.announced, year.edited) == ([], [])

        expected: list[str] = []
        for title in TITLES:  # new posts
            site.add(title, text(title.replace("<", "&lt;")), tags=("新", "标签"))
            expected.append(title)
            await year.pass_time(WEEK, DAY)
        assert year.announced == expected

        site.entries[-1].comments = 5  # no visible change
        await year.pass_time(DAY)
        assert year.edited == []
        edited = site.add("有错字的标题", text("初稿"))
        await year.pass_time(timedelta(hours=6))
        edited.title = "没有错字的标题"
        await year.pass_time(WEEK, DAY)
        assert year.edited == ["没有错字的标题"]
        expected.append("有错字的标题")
        assert year.announced == expected

        secret = site.add("先锁后开", text("秘密"), password=True)  # waits until it opens
        await year.pass_time(WEEK, DAY)
        assert year.announced == expected
        secret.password = False
        await year.pass_time(DAY)
        expected.append("先锁后开")
        assert year.announced == expected
        site.entries[-2].password = True  # a stored post keeps its title
        await year.pass_time(WEEK, DAY)
        site.entries[-2].password = False

        site.add("定时发布", text("定时"), year.clock.at + 3 * DAY)  # scheduled
        await year.pass_time(DAY)
        assert year.announced == expected
        await year.pass_time(WEEK, DAY)
        expected.append("定时发布")
        assert year.announced == expected

        moved_back = site.add("日期改早的一篇", text("改期"))
        await year.pass_time(DAY)
        expected.append("日期改早的一篇")
        moved_back.at -= 3 * DAY
        await year.pass_time(WEEK, DAY)
        assert year.announced == expected

        deleted = site.add("发了又删的一篇", text("这一篇很快就没有了"))
        await year.pass_time(DAY)
        expected.append("发了又删的一篇")
        site.add("删除以前的下一篇", text("号码不再用"))
        site.delete(deleted)  # its number is not given again
        await year.pass_time(WEEK, DAY)
        expected.append("删除以前的下一篇")
        assert year.announced == expected
        assert (await year.posts())[deleted.number].title == "发了又删的一篇"

        site.down = True  # an outage
        await year.pass_time(2 * DAY)
        site.down = False
        site.add("停机之后", text("恢复"))
        await year.pass_time(WEEK, DAY)
        expected.append("停机之后")
        assert year.announced == expected

        burst = [f"一次来很多之{number}" for number in range(1, 15)]  # more than the feed holds
        for minute, title in enumerate(burst):
            site.add(title, text(title), year.clock.at - timedelta(minutes=30 - minute))
        await year.pass_time(DAY)
        assert sorted(year.announced) == sorted([*expected, *burst])
        expected += burst

        site.serve(year.web, "localhost")  # the blog moves to another of its hosts
        await year.fill()
        await year.pass_time(26 * WEEK, WEEK)
        assert sorted(year.announced) == sorted(expected)
        assert year.edited == ["没有错字的标题"]
        await check_archive(year)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_number_that_is_given_again_is_a_new_post(tmp_path: Path, version: Version) -> None:
    site, profile = blog_of(version, "kexue")
    site.add("第一篇", text("一"), START - DAY)
    async with followed(tmp_path, site, profile, "/feed", "/") as year:
        await year.pass_time(DAY)
        first = site.add(
            "将被删除的一篇",
            text("概率与期望的一个旧例子，先看硬币，再看骰子，最后看怎样从期望得到方差和各阶矩的一般公式。"),
        )
        await year.pass_time(2 * DAY)
        site.delete(first)
        second = site.add(
            "同一个号码的另一篇",
            text("换一个话题：矩阵分解怎样加速？先从小矩阵做起，然后把同样的做法用到分块以后的大矩阵上。"),
        )
        assert second.number == first.number
        await year.pass_time(2 * DAY)
        assert year.announced == ["将被删除的一篇", "同一个号码的另一篇"]
        assert year.edited == []

"""Pages in other themes: Typecho's default theme, selectors of a profile, JSON-LD and bare headings."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.intake.formats import ParsedDump, UnreadableDumpError
from bot.intake.formats.detect import read_dump
from bot.site_profile import KEXUE, SiteProfile, read_site_profile
from storage.model import Dump, Layout

SITE = read_site_profile('name = "示例博客"\nauthor = "某人"\nhome = "https://blog.example.org"\n')
CUSTOM = read_site_profile("""\
name = "示例博客"
author = "某人"
home = "https://blog.example.org"
[selectors]
block = "section.entry"
title = ".headline > a"
post_title = "h1.headline"
post_body = ".words"
date = ".day"
category = ".kind"
tags = ".labels b"
""")
META = """<ul class="post-meta"><li>作者: <a href="/author/1/">某人</a></li>
<li>时间: <time datetime="2026-11-27T20:15:00+08:00">2026-11-27</time></li>
<li>分类: <a href="https://blog.example.org/category/notes/">札记</a></li>
<li><a href="https://blog.example.org/archives/62/#comments">3 条评论</a></li></ul>"""
LIST = f"""<!DOCTYPE html><html lang="zh"><head><title>示例博客</title></head><body>
<article class="post"><h2 class="post-title"><a href="/archives/62/">一篇 &lt;x&gt;</a></h2>
{META}
<div class="post-content"><p>设$x<y$。</p><p class="more"><a href="#">- 阅读剩余部分 -</a></p></div>
</article>
<article class="post"><h2 class="post-title"><a href="https://blog.example.org/archives/61/">无折叠的一篇</a></h2>
<div class="post-content"><p>全文。</p></div></article>
<article class="post"><h2 class="post-title"><a href="https://else.example.org/archives/9/">别处</a></h2></article>
<ul class="widget-list"><li><a href="https://blog.example.org/archives/5/">旁栏</a></li></ul></body></html>"""
POST = f"""<!DOCTYPE html><html lang="zh"><head><title>一篇 - 示例博客</title></head><body>
<article class="post"><h1 class="post-title"><a href="https://blog.example.org/archives/62/">一篇</a></h1>
{META}<div class="post-content"><p>摘要。</p><!--more--><p>正文。</p></div>
<p class="tags">标签: <a href="https://blog.example.org/tag/a/">甲</a>, <a href="https://blog.example.org/tag/b/">乙</a></p>
</article></body></html>"""
JSON_LD = """<!DOCTYPE html><html><head><title>x</title><script type="application/ld+json">
{"@graph": [{"@type": "WebSite", "name": "示例博客"}, {"@type": ["BlogPosting"], "headline": "一篇",
 "datePublished": "2026-11-27T23:30:00Z", "mainEntityOfPage": {"@id": "https://blog.example.org/archives/62/"}}]}
</script><script type="application/ld+json">{broken</script></head><body><div>正文</div></body></html>"""
HEADINGS = """<!DOCTYPE html><html><body><div><h2><a href="/archives/3/">甲</a></h2><p>文</p></div>
<div><h2><a href="/archives/2/">乙</a></h2></div><h2><a href="/about.html">关于</a></h2></body></html>"""
OWN_THEME = """<!DOCTYPE html><html><body>
<section class="entry"><h2 class="headline"><a href="/archives/8/">甲</a></h2>
<span class="day">2026年3月4日</span><i class="kind">札记</i><div class="words"><p>文。</p></div>
<p class="labels"><b>一</b><b>二</b></p></section></body></html>"""

THEMES = Path(__file__).parents[2] / "data" / "themes"
NOTES = read_site_profile('name = "Deep Notes"\nauthor = "Ann"\nhome = "https://notes.example.org"\n')


def parse(html: str, site: SiteProfile = SITE) -> ParsedDump:
    captured_at = datetime(2026, 11, 28, tzinfo=UTC)
    return read_dump(Dump(name="page", content=html.encode(), captured_at=captured_at), site)


def test_a_list_page_of_the_default_theme() -> None:
    parsed = parse(LIST)
    assert parsed.format is Layout.LIST_PAGE
    first, second = parsed.sightings
    assert (first.title, first.archive_id, first.date) == ("一篇 <x>", 62, date(2026, 11, 27))
    assert (first.category, first.comments, first.excerpt) == ("札记", 3, "设$x<y$。")
    assert not first.excerpt_partial
    assert (second.title, second.date, second.excerpt, second.excerpt_partial) == (
        "无折叠的一篇",
        None,
        "全文。",
        True,
    )


def test_a_post_page_of_the_default_theme() -> None:
    parsed = parse(POST)
    assert parsed.format is Layout.POST_PAGE
    (post,) = parsed.sightings
    assert (post.title, post.archive_id, post.date) == ("一篇", 62, date(2026, 11, 27))
    assert (post.category, post.tags, post.excerpt) == ("札记", ("甲", "乙"), "摘要。")


@pytest.mark.parametrize(
    ("link", "title"),
    [
        ('<span style="color:red">[置顶] </span>甲', "甲"),
        ("【置顶】甲", "甲"),
        ('<span class="badge">置顶</span>甲', "甲"),
        ("<b>置顶</b>", "置顶"),
        ("置顶之术", "置顶之术"),
        ("[置顶]", "[置顶]"),
    ],
)
def test_a_post_kept_on_top_has_its_own_title(link: str, title: str) -> None:
    html = HEADINGS.replace(">甲<", f">{link}<")
    assert parse(html).sightings[0].title == title


def test_a_post_on_top_and_in_its_place_is_one() -> None:
    twice = HEADINGS.replace("<body>", '<body><div><h2><a href="/archives/3/">[置顶] 甲</a></h2></div>')
    assert {(each.archive_id, each.title) for each in parse(twice).sightings} == {(3, "甲"), (2, "乙")}


def test_selectors_of_a_profile() -> None:
    (post,) = parse(OWN_THEME, CUSTOM).sightings
    assert (post.title, post.archive_id, post.date) == ("甲", 8, date(2026, 3, 4))
    assert (post.category, post.tags, post.excerpt) == ("札记", ("一", "二"), "文。")


@pytest.mark.parametrize(
    "day", ["2026年3月4日", "2026 年 03 月 04 日", "2026-03-04", "2026. 3. 4", "Mar 4th, 2026"]
)
def test_days_as_themes_print_them(day: str) -> None:
    html = HEADINGS.replace("<p>文</p>", f"<p>文</p><ul><li>某人</li><li>{day}</li><li>3 条评论</li></ul>")
    assert parse(html).sightings[0].date == date(2026, 3, 4)


def test_json_ld_in_the_time_zone_of_the_blog() -> None:
    parsed = parse(JSON_LD)
    assert parsed.format is Layout.POST_PAGE
    (post,) = parsed.sightings
    assert (post.title, post.archive_id, post.date) == ("一篇", 62, date(2026, 11, 28))


def test_headings_that_link_to_posts() -> None:
    assert [(post.title, post.archive_id) for post in parse(HEADINGS).sightings] == [("甲", 3), ("乙", 2)]


Row = tuple[int, str, int, str | None]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "wp-list",
            [
                (
                    12,
                    "Why $\\nabla f=0$ is not enough",
                    4,
                    "First paragraph about saddle points, with $x<y$ inside.",
                ),
                (11, "Another one", 1, "Second text of some length."),
            ],
        ),
        (
            "hexo-list",
            [
                (12, "梯度为零不够", 4, "第一段讲鞍点，公式$x<y$。"),
                (11, "另一篇", 1, "第二篇的摘要有一些长度。"),
            ],
        ),
        ("minima-list", [(12, "Why it is not enough", 4, None), (11, "Another one", 1, None)]),
        ("table-list", [(12, "Why it is not enough", 4, None), (11, "Another one", 1, None)]),
        ("wp-post", [(11, "Another one", 1, "Second text of some length, with $a<b$.")]),
        (
            "jsonld-post",
            [(12, "Why it is not enough", 4, "Paragraph one about saddle points.\n\nParagraph two.")],
        ),
    ],
)
def test_themes_without_selectors(name: str, rows: list[Row]) -> None:
    parsed = parse((THEMES / f"{name}.html").read_text(), NOTES)
    assert parsed.format is (Layout.POST_PAGE if name.endswith("post") else Layout.LIST_PAGE)
    found = [(each.archive_id, each.title, each.date, each.excerpt) for each in parsed.sightings]
    assert found == [(number, title, date(2026, 5, day), excerpt) for number, title, day, excerpt in rows]


@pytest.mark.parametrize(
    ("name", "category", "tags"),
    [("jsonld-post", "Mathematics", ("optimisation", "saddle")), ("wp-post", "Notes", ("saddle",))],
)
def test_category_and_tags_without_selectors(name: str, category: str, tags: tuple[str, ...]) -> None:
    (post,) = parse((THEMES / f"{name}.html").read_text(), NOTES).sightings
    assert (post.category, post.tags) == (category, tags)


def test_the_default_blog_in_another_theme() -> None:
    (first, *_) = parse(LIST, KEXUE).sightings
    assert (first.title, first.archive_id, first.date) == ("一篇 <x>", 62, date(2026, 11, 27))


@pytest.mark.parametrize(
    ("html", "words"),
    [
        (
            f"<!DOCTYPE html><html><title>示例博客</title><body><p>{'x' * 999}</p></body></html>",
            "unknown layout",
        ),
        ("<!DOCTYPE html><html><body><p>示例博客</p>", "half a page"),
        ("<!DOCTYPE html><html><body><p>x</p></body></html>", "not a page or feed of the blog"),
    ],
)
def test_pages_without_a_post(html: str, words: str) -> None:
    with pytest.raises(UnreadableDumpError, match=words):
        parse(html)

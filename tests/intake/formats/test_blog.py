"""Pages and feeds as Typecho sends them, with its escaping, its cuts and its protected posts."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.intake.formats import UnreadableDumpError
from bot.intake.formats.detect import read_dump
from bot.intake.merge import combine, post_from_sighting
from storage.model import Dump, NoteKind, Post
from tests.intake.formats.samples import FOLDER, read

BLOG = Path(__file__).parents[2] / "data" / "blog"
ALIGNED = (
    "设$x<y$且$a>b$，则\n\\begin{equation}\\begin{aligned}\n"
    "f(x) =&\\, \\frac{1}{2}x^2 \\\\\n<&\\, y\\end{aligned}\\end{equation}"
)


@pytest.mark.parametrize(
    ("name", "excerpts"),
    [
        ("feed-dollar-out-of-step.xml", ["第一段$x > 0$，$y<z$，$w<v$。\n\n第二段。"]),
        (
            "feed-nofold-description-stripped.xml",
            ["这是第0段，公式$x_0<y$与$a>b$。\n\n这是第1段，公式$x_1<y$。"],
        ),
        (
            "feed-tex-less-and-greater.xml",
            [
                "若$0<x<1,y>2$，则$p<q$；$x_i<y_i$且$a > b$。",
                "记\\[a<b\\]与\\(c<d\\)，$$e<f>g$$以及\n$$h<i$$\n$$\nj<k\n$$尾。",
            ],
        ),
        ("rss1-unescaped-text.xml", ["如果 a < b 而 c > d 则止", "前文 ]]> 后文"]),
        ("meta-description-cuts-equation.html", [ALIGNED]),
        ("meta-description-cut-in-name-control.html", [ALIGNED]),
        ("other-theme-page.html", ["正文。"]),
    ],
)
def test_excerpts_keep_their_formulas(name: str, excerpts: list[str]) -> None:
    assert [post.excerpt for post in read((BLOG / name).read_bytes()).sightings] == excerpts


def test_titles_of_a_feed_are_unescaped_twice() -> None:
    posts = read((BLOG / "feed-title-escaped-twice.xml").read_bytes()).sightings
    assert [post.title for post in posts] == ['A & B 与 "引号" 的 x<y 关系', "Earth Mover's Distance"]


def test_the_later_feed_has_the_date_that_was_moved_back() -> None:
    def seen(number: int) -> Post:
        at = datetime(2026, 11, 28 + number, 12, tzinfo=UTC)
        content = (BLOG / f"date-moved-back-{number}.xml").read_bytes()
        parsed = read_dump(Dump(name="feed", content=content, captured_at=at))
        return post_from_sighting(parsed.sightings[0], parsed.format, at)

    post, later = seen(1), seen(2)
    assert combine(post, later).date == combine(later, post).date == date(2026, 11, 26)


def test_a_protected_post_is_skipped_with_a_note() -> None:
    parsed_dump = read((BLOG / "archive-page-password-post.html").read_bytes())
    assert [post.archive_id for post in parsed_dump.sightings] == [56]
    assert [(note.kind, note.text) for note in parsed_dump.notes] == [
        (NoteKind.SKIPPED, "archives/57: the post is protected by a password, skipped")
    ]


def test_a_dump_of_protected_posts_alone_is_parsed_with_notes() -> None:
    page = (FOLDER / "post_page.html").read_text()
    alone = [
        page.replace("线性Transformer应该不是你要等的那个模型", "此内容被密码保护"),
        "此内容被密码保护\nBy 苏剑林 | 2022-03-09 | 78384位读者 | 引用请输入密码访问\n最近评论\n",
        "14 Aug\n\n此内容被密码保护\n\n请输入密码访问\n\n点击阅读全文...\n",
    ]
    parsed_dumps = [read(content) for content in alone]
    assert [parsed_dump.sightings for parsed_dump in parsed_dumps] == [()] * 3
    assert [parsed_dump.protected for parsed_dump in parsed_dumps] == [(7546,), (), ()]
    for parsed_dump in parsed_dumps:
        assert any("protected by a password" in note.text for note in parsed_dump.notes)


POST = (FOLDER / "post_page.html").read_text()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>若\\(a<b\\)则</p><p>止$</p><p>$余</p>", "若\\(a<b\\)则\n\n止$\n\n$余"),
        ('<p><a href="/x" title="$a">甲</a><b>乙</b>$c<d$</p>', "甲乙$c<d$"),
        ("<p>价$5，<b>不</b>是$6。</p>", "价$5，不是$6。"),
        ("<p>$$a<br />\n<b$$</p>", "$$a\n<b$$"),
        ("<p>\\begin{align}a<b</p><p>c\\end{align}</p>", "\\begin{align}a\n\nc\\end{align}"),
        ("<!-- $ --><p>一$a<b$</p><!-- $ -->", "一$a<b$"),
        ("<p>$a$</p><pre>echo $x<y</pre><p>$b<c$</p>", "$a$\n\necho $x\n\n$b<c$"),
    ],
)
def test_tex_is_protected_in_text_only(html: str, text: str) -> None:
    first, last = POST.index("<p>摘要"), POST.index("<!--more-->")
    excerpt = read(POST[:first] + html + POST[last:]).sightings[0].excerpt
    assert (excerpt or "").split("\n")[0] == text.split("\n")[0]


def test_a_head_that_holds_half_a_formula_does_not_reach_the_body() -> None:
    head = '<head><meta name="description" content="设$x$，\\begin{equation}a<b" /><meta content="\\[ $" />'
    assert read(POST.replace("<head>", head)).sightings == read(POST).sightings


def test_a_date_without_a_zone_is_the_blog_s_own() -> None:
    feed = (FOLDER / "feed_rss2.xml").read_text()
    for written in ("2025-10-01 23:30:00", "2025年10月1日 23:30", "Wed, 01 Oct 2025 23:30:00"):
        posts = read(feed.replace("Wed, 01 Oct 2025 10:30:00 +0800", written)).sightings
        assert posts[2].date == date(2025, 10, 1)


@pytest.mark.parametrize(
    "before", ["<br />\n<b>Warning</b>: x in <b>y</b><br />\n", "Notice: x in y\n", "\n\n"]
)
def test_warnings_before_a_feed_are_passed_over(before: str) -> None:
    feed = (FOLDER / "feed_rss2.xml").read_text()
    assert read(before + feed).sightings == read(feed).sightings


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "the file is empty"),
        (b"\x00\x01\x02" * 50, "the file is binary, no text"),
        ("<!DOCTYPE html><html><body><p>科学空间</p>".encode(), "half a page"),
        (
            b'<html><script>window.location.href="/feed";</script></html>',
            "the gate page before a first visit, ",
        ),
    ],
)
def test_the_reason_of_a_live_page_has_no_advice_to_capture_it_again(content: bytes, cause: str) -> None:
    with pytest.raises(UnreadableDumpError) as unreadable:
        read(content)
    assert unreadable.value.cause.startswith(cause)
    assert not any(word in unreadable.value.cause for word in ("capture", "save", "fetch"))

"""Text captures of other tools: each kind is read right, or refused with its true reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.intake.formats import UnreadableDumpError
from bot.intake.formats.detect import read_dump
from storage.model import Dump, Layout, NoteKind, Sighting
from tests.intake.formats.samples import read, unpacked
from tests.tools.quality_captures import judgements
from tests.tools.shared import SHARED, needs_shared

CAPTURES = Path(__file__).parents[2] / "data" / "captures"

FIRST = "这是为测试写的第一段摘要,它说的是一件与别处都不相同的事情,并且长得足以让人把它和别的文章区分开来。"
SECOND = "另一段为测试写的摘要,说的是完全不同的另一件事情,与前面那篇毫无关系可言,也是足够长的一段话。"
THIRD = "第三段为测试而写的摘要,说的是第三件事情,与前两件毫无关系,它也有足够的长度来分辨。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a capture shows of a post; the defaults are those of most captures."""

    title: str
    day: date | None
    readers: int | None = None
    excerpt: str | None = None
    archive_id: int | None = None
    comments: int | None = None
    category: str | None = None
    tags: tuple[str, ...] | None = None


A = Post(title="示例漫谈(一):甲", day=date(2025, 10, 8), readers=100, excerpt=FIRST)
B = Post(title="另一个题目", day=date(2025, 10, 15), readers=50, excerpt=SECOND)
SHORT = "第三段为测试而写的摘要,说的是第三件事情。"
C = Post(title="第三篇新文", day=date(2025, 10, 22), readers=1, excerpt=SHORT)
BASE = (A, B)
FEED = Post(title="示例漫谈（一）：甲", day=date(2025, 10, 8), excerpt="示例摘要", archive_id=21001)


def _with(post: Post, **changed: object) -> Post:
    fields = {name: getattr(post, name) for name in Post.__slots__} | changed
    return Post(**fields)


DRAWN = (
    "这是为测试写的第一段摘要,设𝑥1<𝑦2与𝐴⊤成立,则\n\n"
    "𝑎𝑏=∑𝑖=1𝑛𝑐𝑖\n\n由(???)可知,它长得足以让人把它和别的文章区分开来。"
)
HOME = Post(
    title="第三篇新文", day=None, excerpt=THIRD, comments=14, category="信息时代", tags=("优化", "GAN")
)
EXPECTED: dict[str, tuple[Post, ...]] = {
    "browser/innertext-after-mathjax.txt": (_with(A, excerpt=DRAWN),),
    "by-forms/content-html-as-text.txt": (
        _with(B, readers=None, excerpt=None, comments=2),
        _with(A, title="示例漫谈（一）：甲", readers=None, excerpt=None, comments=0),
    ),
    "by-residue/thousands.txt": (_with(A, readers=1100), _with(B, readers=150)),
    "charset/home-text-gb18030.txt": (HOME,),
    "date-forms/short-mixed.txt": (
        _with(A, title="九月的题", day=date(2025, 9, 5), readers=1),
        _with(B, title="十二月的题", day=date(2025, 12, 25), readers=2),
    ),
    "feed/cn-date.xml": (FEED,),
    "feed/future-2041.xml": (_with(FEED, day=None),),
    "feed/iso-no-zone.xml": (FEED,),
    "feed/php-warning-before.xml": (FEED,),
    "quotes/1-curly.txt": (_with(A, title="“闭门造车”之甲", readers=1),),
    "quotes/2-straight.txt": (_with(A, title='"闭门造车"之甲', readers=2),),
    "tail/1-cut.txt": (A,),
    "tail/footer.txt": (_with(A, comments=3, category="信息时代", tags=("甲", "乙")), B),
}
PLAIN = """
    base/listing by-forms/full-width-bar by-forms/middle-dot by-forms/own-lines by-residue/english
    by-residue/reads by-residue/time date-forms/cn date-forms/short indented/lynx-list-page invisible/rlm
    invisible/soft-hyphen tail/2-whole-after-cut tail/badge-fold title/badge title/image-line
    title/md-heading title/md-link title/setext
"""
EXPECTED |= {f"{name}.txt": BASE for name in PLAIN.split()}
EXPECTED |= {
    f"line-ends/{name}.txt": (A, B, C)
    for name in ("bom-inside", "bom-second-by", "indented-second-by", "mixed-cr")
}


def _shown(sighting: Sighting) -> Post:
    return Post(
        title=sighting.title,
        day=sighting.date,
        readers=sighting.readers,
        excerpt=sighting.excerpt,
        archive_id=sighting.archive_id,
        comments=sighting.comments,
        category=sighting.category,
        tags=sighting.tags,
    )


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_capture_shows_its_posts(name: str) -> None:
    parsed_dump = read((CAPTURES / name).read_bytes())
    assert tuple(_shown(sighting) for sighting in parsed_dump.sightings) == EXPECTED[name]


@needs_shared
def test_the_captures_are_those_that_were_found() -> None:
    for path in sorted(CAPTURES.rglob("*.*")):
        assert path.read_bytes() == (SHARED / "cases" / "captures" / path.relative_to(CAPTURES)).read_bytes()


def test_the_text_of_a_whole_article_gives_all_but_its_text() -> None:
    parsed_dump = read((CAPTURES / "full-text" / "post-page.txt").read_bytes())
    (post,) = parsed_dump.sightings
    assert parsed_dump.format is Layout.POST_PAGE
    assert (post.title, post.date, post.readers, post.comments) == (A.title, A.day, 300, 2)
    assert (post.archive_id, post.category, post.tags) == (21001, "信息时代", ("甲", "乙"))
    assert (post.excerpt or "").startswith(FIRST)
    assert len(post.excerpt or "") <= 1000
    assert post.excerpt_partial


def test_a_cut_excerpt_is_marked_and_a_line_behind_it_is_dropped() -> None:
    parsed_dump = read((CAPTURES / "tail" / "1-cut.txt").read_bytes())
    assert [post.excerpt_partial for post in parsed_dump.sightings] == [True]
    assert [note.kind for note in parsed_dump.notes] == [NoteKind.CUT]


@pytest.mark.parametrize(
    "line",
    [
        "苏剑林 发表 二〇二五年 一千位读者 2025-10-08",
        "By 苏剑林 | 某日 | 100位读者 | 引用",
        "By 苏剑林 | 2025-10-99 | 100位读者 | 引用",
    ],
)
def test_a_by_line_of_an_unknown_form_is_a_note_and_never_in_an_excerpt(line: str) -> None:
    content = (
        f"{A.title}\nBy 苏剑林 | 2025-10-08 | 100位读者 | 引用{FIRST}\n别的题目\n{line}\n{SECOND}\n最近评论"
    )
    parsed_dump = read(content)
    assert [(post.title, post.excerpt) for post in parsed_dump.sightings] == [(A.title, FIRST)]
    assert parsed_dump.notes


@pytest.mark.parametrize(
    ("line", "day", "readers", "comments"),
    [
        ("By 苏剑林 | 2025/10/8 | 100位读者 | 引用", date(2025, 10, 8), 100, None),
        ("By 苏剑林 | 2025.10.08 10:15:30 | 100 人阅读 | 引用", date(2025, 10, 8), 100, None),
        ("By 苏剑林｜2025年10月8日｜阅读：1,100｜引用", date(2025, 10, 8), 1100, None),
        ("By 苏剑林 | 100位读者 | 2025-10-08 | 引用", date(2025, 10, 8), 100, None),
        ("2025-10-08 | By 苏剑林 | 100位读者 | 引用", date(2025, 10, 8), 100, None),
        ("作者：苏剑林 时间：2025-10-08 阅读：100 评论(7)", date(2025, 10, 8), 100, 7),
        ("By [苏剑林](/me.html) | 2025-10-08 | 100位读者 | [引用](#cite)", date(2025, 10, 8), 100, None),
        ("**By** **苏剑林** | Oct 8, 2025 | 100 views | Cite", date(2025, 10, 8), 100, None),
        ("By 苏剑林 \\| 2025-10-08 \\| 100位读者 \\| [5]引用", date(2025, 10, 8), 100, None),
        ("By 苏剑林 | 2025-10-08 | 100位读者 | 3 条评论 |", date(2025, 10, 8), 100, 3),
        ("By 苏剑林 • 2025-10-08 • 100 readers", date(2025, 10, 8), 100, None),
        ("By 苏剑林 — 8 Oct 2025 — 100 位 读者 — 引用", date(2025, 10, 8), 100, None),
        ("By 苏剑林 | 2025年10月08日 星期三 | 阅读量 100 | 引用", date(2025, 10, 8), 100, None),
        ("By：苏剑林 / 2025-10-08 / 100位讀者 / 引用", date(2025, 10, 8), 100, None),
        ("苏剑林\t2025-10-08\t100次阅读\t引用", date(2025, 10, 8), 100, None),
        ("By\n\n苏剑林\n\n|\n\n2025-10-08\n\n|\n\n100位读者\n\n|\n\n引用", date(2025, 10, 8), 100, None),
    ],
)
def test_forms_of_the_by_line(line: str, day: date, readers: int, comments: int | None) -> None:
    for glue in ("\n", "\n\n"):
        first, _ = read(f"{A.title}\n{line}{glue}{FIRST}\n{B.title}\n{line}\n{SECOND}\n最近评论").sightings
        assert (first.title, first.date, first.readers) == (A.title, day, readers)
        assert (first.comments, first.excerpt) == (comments, FIRST)


@pytest.mark.parametrize("part", ["1.1万位读者 | 引用", "很多读者 | 引用", "1.1万阅读"])
def test_a_part_of_an_unknown_form_is_a_note_and_no_excerpt(part: str) -> None:
    parsed_dump = read(f"{A.title}\nBy 苏剑林 | 2025-10-08 | {part}\n{FIRST}\n最近评论")
    assert [(post.readers, post.excerpt) for post in parsed_dump.sightings] == [(None, FIRST)]
    assert [note.kind for note in parsed_dump.notes] == [NoteKind.UNREAD]


@pytest.mark.parametrize(
    ("lines", "archive_id"),
    [
        ("# 示例漫谈(一):甲 #", None),
        ("[3]示例漫谈(一):甲", None),
        ('* [示例漫谈(一):甲](/archives/21001 "示例")', 21001),
        ("### [示例漫谈\\(一\\):甲](https://spaces.ac.cn/archives/21001)", 21001),
        ("**示例漫谈(一):甲**", None),
        ("示例漫谈(一):甲\n====", None),
        ("示例漫谈(一):甲\n\n![图](/a.png)\n\n8 Oct\n\nhttps://kexue.fm/x", None),
        ("8\nOct\n示例漫谈(一):甲", None),
        ("示例漫谈(一):甲 - 科学空间|Scientific Spaces", None),
        ("2. [示例漫谈(一):甲](https://kexue.fm/archives/21001)", 21001),
        ("示例漫谈(一):甲 (https://kexue.fm/archives/21001)", 21001),
        ("<h2>示例漫谈(一):甲</h2>\n<img src=a>", None),
        ("◆ 示例漫谈(一):甲 ¶\n[图1]\n📷", None),
        ("示例漫谈(一):甲\n2025年10月8日", None),
        ("示例漫谈(一):甲\nOct\n8", None),
        *(
            (f"示例漫谈(一):甲\n{between}", None)
            for between in (
                "image.png", "cover.jpg", "[编辑]", "编辑", "【原创】", "NEW", "置顶", "Share", "Wed 8 Oct",
                "十月 8", "8 Oct 2025, 10:15", "2025年10月8日 星期三",
            )
        ),
        ("\x1b[1m示例漫谈(一):甲\x1b[0m", None),
        ("\x1b]8;;https://example.org\x1b\\示例漫谈(一):甲\x1b]8;;\x07", None),
    ],
)  # fmt: skip
def test_forms_of_the_title(lines: str, archive_id: int | None) -> None:
    by = "By 苏剑林 | 2025-10-08 | 100位读者 | 引用"
    posts = read(f"{B.title}\n{by}{SECOND}\n{lines}\n{by}\n{FIRST}\n最近评论").sightings
    assert [post.title for post in posts] == [B.title, A.title]
    assert [post.archive_id for post in posts] == [None, archive_id]
    assert [post.excerpt for post in posts] == [SECOND, FIRST]


@pytest.mark.parametrize(
    ("part", "readers", "comments"),
    [("100 readers | Cite", 100, None), ("100 readers | 3 comments", 100, 3), ("50 views", 50, None)],
)
def test_an_excerpt_glued_to_an_english_part(part: str, readers: int, comments: int | None) -> None:
    (post,) = read(f"{A.title}\nBy 苏剑林 | 2025-10-08 | {part}{FIRST}\n最近评论").sightings
    assert (post.readers, post.comments, post.excerpt) == (readers, comments, FIRST)


@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "2041-11-16"])
def test_a_day_that_no_post_has_is_a_note(day: str) -> None:
    parsed_dump = read(f"{A.title}\nBy 苏剑林 | {day} | 100位读者 | 引用\n{FIRST}\n最近评论")
    assert [(post.date, post.excerpt) for post in parsed_dump.sightings] == [(None, FIRST)]
    assert [note.text for note in parsed_dump.notes] == [f"the date {day} of ‹{A.title}›, ignored"]


@pytest.mark.parametrize("operator", ["\u2061", "\u2062", "\u2064"])
def test_an_operator_on_a_line_of_its_own_is_no_paragraph(operator: str) -> None:
    """A browser's text has the parts of a drawn formula on lines, its invisible operators too."""
    drawn = f"损失为\n−\nlog\n{operator}\n𝑝\n(\n𝑥\n)\n,而后文是为测试写的。"
    (post,) = read(f"{A.title}\nBy 苏剑林 | 2025-10-08 | 1位读者 | 引用\n{drawn}\n最近评论").sightings
    assert post.excerpt == "损失为−log𝑝(𝑥),而后文是为测试写的。"


def test_a_title_with_a_replacement_character_is_refused() -> None:
    with pytest.raises(UnreadableDumpError, match="damaged"):
        read(f"示例\ufffd甲\nBy 苏剑林 | 2025-10-08 | 1位读者 | 引用{FIRST}\n最近评论")


def test_a_capture_whose_titles_were_dropped_is_refused() -> None:
    by = "By 苏剑林 | 2025-10-08 | 1位读者 | 引用"
    with pytest.raises(UnreadableDumpError, match="no title"):
        read(f"{by}\n{FIRST}\n\n{by}\n{SECOND}\n最近评论")


@pytest.mark.parametrize(
    "mark",
    [
        "点击阅读全文...",
        "[点击阅读全文...](/archives/21001)",
        "[7]点击阅读全文...",
        "转载到请包括本文地址：https://kexue.fm/archives/1",
        "如果您需要引用本文，请参考：",
        "分类：信息时代    标签：甲, 乙",
        "分类：\n信息时代\n标签：\n甲\n,\n乙",
        "1 2 … 52 »",
        "1\n2\n…\n52\n»",
        "[1](/page/1/) [2](/page/2/) [»](/page/2/)",
        "## 最近评论",
        "**最近文章**",
        "智能搜索",
        "你也许还对下面的内容感兴趣",
        "2 条评论",
        "References\n\n1. https://kexue.fm/",
        "—— 最近评论 ——",
        "| 最新文章 |",
        "阅读全文 »",
        "Read more...",
        "上一页 1 2 3 下一页",
        "1 | 2 | 3 | »",
        "分类：信息时代",
        "标签：甲, 乙",
        "Copyright © 2026 科学空间",
    ],
)
def test_an_excerpt_ends_where_the_template_begins(mark: str) -> None:
    by = "By 苏剑林 | 2025-10-08 | 100位读者 | 引用"
    for end in ("", f"\n{mark}\n"):
        posts = read(
            f"{A.title}\n{by}{FIRST}\n{mark}\n其余\n\n{B.title}\n{by}{SECOND}{end}\n最近评论"
        ).sightings
        assert [post.excerpt for post in posts] == [FIRST, SECOND]


def _escaped(signs: str) -> Callable[[str], str]:
    return lambda tex: "".join(f"\\{sign}" if sign in signs else sign for sign in tex)


def _html2text(tex: str) -> str:
    return re.sub(r"\\(?=[{}()\[\]])", r"\\\\", tex.replace("\\\\\n", "\\\\\\  \n"))


WRITERS = {
    "plain": _escaped(""),
    "markdownify": _escaped("_*"),
    "trafilatura": _escaped("_*[]<~"),
    "html2text": _html2text,
    "CommonMark": _escaped("\\_*[]<#|"),
}
TEX = (
    "设$\\{a_i\\}$与$[y_j]<x_{2}$成立，$$f_1*g_2$$以及\n"
    "\\begin{align}a_1 &= b \\\\\nc &= d_2\\end{align}\n完。"
)


@pytest.mark.parametrize("writer", sorted(WRITERS))
def test_each_writer_of_markdown_has_its_escapes_undone(writer: str) -> None:
    excerpt = WRITERS[writer](TEX)
    heading = "" if writer == "plain" else "## "
    content = f"{heading}题目\n\nBy 苏剑林 | 2025-10-08 | 1位读者 | 引用\n\n{excerpt}\n\n最近评论"
    assert read(content).sightings[0].excerpt == TEX


@pytest.mark.parametrize(
    ("address", "tags"),
    [
        ("https://www.spaces.ac.cn/tag/%E7%9F%A9%E9%98%B5/", ("矩阵",)),
        ("https://kexue.fm/tag/muon/2/", ("muon",)),
        ("https://kexue.fm/search/muon/", None),
        (None, None),
    ],
)
def test_every_post_of_a_tag_page_bears_its_tag(address: str | None, tags: tuple[str, ...] | None) -> None:
    content = (CAPTURES / "base" / "listing.txt").read_bytes()
    dump = Dump(name="x", content=content, captured_at=datetime(2026, 9, 1, tzinfo=UTC), address=address)
    posts = read_dump(dump).sightings
    assert [(post.tags, post.tags_partial) for post in posts] == [(tags, tags is not None)] * 2


@pytest.mark.parametrize(
    ("address", "category"),
    [("https://kexue.fm/category/Big-Data/2/", "信息时代"), ("https://kexue.fm/search/x/", None)],
)
def test_every_post_of_a_category_page_is_in_its_category(address: str, category: str | None) -> None:
    content = (CAPTURES / "base" / "listing.txt").read_bytes()
    titled = "信息时代 - 科学空间|Scientific Spaces\n\n".encode() + content
    dump = Dump(name="x", content=titled, captured_at=datetime(2026, 9, 1, tzinfo=UTC), address=address)
    assert [post.category for post in read_dump(dump).sightings] == [category] * 2


def test_more_text_than_an_excerpt_is_bounded_even_above_a_fold() -> None:
    by = "By 苏剑林 | 2025-10-08 | 100位读者 | 引用"
    article = "\n\n".join([FIRST] * 100)
    (post,) = read(f"{A.title}\n{by}\n{article}\n点击阅读全文...\n最近评论").sightings
    assert len(post.excerpt or "") <= 1000
    assert post.excerpt_partial


@pytest.mark.parametrize("has_citation", [True, False])
def test_a_post_page_without_a_title_is_named_by_its_citation(*, has_citation: bool) -> None:
    cited = (
        f"苏剑林. (Oct. 08, 2025). 《{A.title} 》[Blog post]. Retrieved from https://kexue.fm/archives/21001"
    )
    end = f"如果您需要引用本文，请参考：\n{cited}\n" if has_citation else ""
    dump = Dump(
        name="x",
        content=f"{FIRST}\n\n技术 #\n\n{SECOND}\n{end}2 条评论\n科学空间".encode(),
        captured_at=datetime(2026, 9, 1, tzinfo=UTC),
        address="https://spaces.ac.cn/archives/21001/comment-page-1?replyTo=5",
    )
    if not has_citation:
        (untitled,) = read_dump(dump).sightings
        assert (untitled.title, untitled.archive_id, untitled.untitled) == ("", 21001, True)
        return
    (post,) = read_dump(dump).sightings
    assert (post.title, post.date, post.archive_id, post.comments) == (A.title, A.day, 21001, 2)
    assert post.excerpt == f"{FIRST}\n\n技术\n\n{SECOND}"


@pytest.mark.parametrize(
    ("written", "excerpt"),
    [
        ("开头**加粗**与*斜体*，[前文](/archives/5)。", "开头加粗与斜体，前文。"),
        ("* 第一项；\n* 第二项。", "第一项；\n第二项。"),
        ("乘\\*号\\*与$a*b*c$", "乘*号*与$a*b*c$"),
        ("\\begin{align}a\n- b\\end{align}", "\\begin{align}a\n- b\\end{align}"),
        ("![图](/a.png)\n一段。", "一段。"),
    ],
)
def test_marks_of_markdown_are_removed_outside_formulas(written: str, excerpt: str) -> None:
    content = f"## 题目\n\nBy 苏剑林 | 2025-10-08 | 1位读者 | 引用\n\n{written}以及$x\\_1$\n\n最近评论"
    assert read(content).sightings[0].excerpt == f"{excerpt}以及$x_1$"


def test_numbers_of_links_are_removed() -> None:
    by = "By 苏剑林 | 2025-10-08 | 1位读者 | [5]引用"
    assert (
        read(f"[4]题目\n{by}\n见[6]前文与$[7]x$。\n[8]点击阅读全文...\n").sightings[0].excerpt
        == "见前文与$[7]x$。"
    )


def test_no_capture_of_the_corpus_is_wrong_and_three_quarters_are_right() -> None:
    found = judgements()
    verdicts = [one.verdict for one in found]
    assert [f"{one.extractor}/{one.page}: {one.reason}" for one in found if one.verdict == "wrong"] == []
    assert verdicts.count("right") >= 0.75 * len(verdicts)
    assert len({one.extractor for one in found}) >= 12
    assert len({one.page for one in found}) == 5


ARTICLE = f"{FIRST}\n\n第二段说的是别的事情，直到下一个小节为止。\n\n技术 #\n\n第三段已经是正文了。\n"
OWN = "https://kexue.fm/archives/21001"
CITATION = (
    "如果您需要引用本文，请参考：\n苏剑林. (Oct. 08, 2025). 《示例漫谈(一):甲 》[Blog post]. Retrieved from "
    + OWN
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param(ARTICLE, OWN, id="address of the record"),
        pytest.param(ARTICLE, f"{OWN}/comment-page-1?replyTo=20633", id="page of comments"),
        pytest.param(f"{OWN}\n\n{ARTICLE}", None, id="bare address above"),
        pytest.param(f"URL: <{OWN}>\n\n{ARTICLE}", None, id="address with a label"),
        pytest.param(f'---\nurl: "{OWN}"\ndate: 2026-01-02\n---\n{ARTICLE}', None, id="front matter"),
        pytest.param(f"{ARTICLE}\n转载到请包括本文地址：{OWN}\n", None, id="address below"),
    ],
)
def test_the_text_of_a_post_without_its_title_is_that_of_its_number(text: str, address: str | None) -> None:
    dump = Dump(
        name="x", content=text.encode(), captured_at=datetime(2026, 9, 1, tzinfo=UTC), address=address
    )
    (post,) = read_dump(dump).sightings
    assert (post.title, post.archive_id, post.untitled) == ("", 21001, True)
    assert (post.excerpt or "").startswith(FIRST)
    assert post.excerpt_partial


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{ARTICLE}\n{CITATION}\n", id="citation"),
        pytest.param(
            f"Title: {A.title} - 科学空间\n\nURL Source: {OWN}\n\nMarkdown Content:\n{ARTICLE}",
            id="preface",
        ),
        pytest.param(
            f"{A.title} - 科学空间|Scientific Spaces\n\n{ARTICLE}\n转载到请包括本文地址：{OWN}\n",
            id="window title",
        ),
        pytest.param(f"Title: {A.title}\nURL: {OWN}\n\n{A.title}\n\n{ARTICLE}", id="preface and heading"),
    ],
)
def test_the_title_of_a_post_may_stand_around_its_text(text: str) -> None:
    (post,) = read(text).sightings
    assert (post.title, post.archive_id, post.untitled) == (A.title, 21001, False)
    assert (post.excerpt or "").startswith(FIRST)


def test_a_preface_names_the_tag_of_a_list() -> None:
    listing = (CAPTURES / "base" / "listing.txt").read_text()
    head = "Title: 标签 甲 下的文章 - 科学空间\n\nURL Source: https://kexue.fm/tag/甲/\n\nMarkdown Content:\n"
    titled = head + listing
    parsed_dump = read(titled)
    assert [(post.title, post.tags) for post in parsed_dump.sightings] == [
        (A.title, ("甲",)),
        (B.title, ("甲",)),
    ]
    first, second = unpacked(f"{titled}\n{titled.replace('甲/', '乙/')}".encode())
    assert {post.tags for post in read(second.content).sightings} == {("乙",)}
    assert read(first.content).sightings == parsed_dump.sightings


@pytest.mark.parametrize("text", ["403 Forbidden\n\nnginx\n", "请稍候……\n"])
def test_an_error_page_at_the_address_of_a_post_is_refused(text: str) -> None:
    dump = Dump(name="x", content=text.encode(), captured_at=datetime(2026, 9, 1, tzinfo=UTC), address=OWN)
    with pytest.raises(UnreadableDumpError):
        read_dump(dump)

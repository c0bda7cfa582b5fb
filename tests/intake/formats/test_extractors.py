"""Marks that extractors of text leave in a capture, one of each kind."""

import re

import pytest

from bot.intake.formats import UnreadableDumpError
from storage.model import NoteKind
from tests.intake.formats.samples import read

FIRST = "这是为测试写的第一段摘要，它说的是一件与别处都不相同的事情，参考《科学空间FAQ》。"
NEXT = "另一段为测试写的摘要，说的是完全不同的另一件事情。"
BY = "By 苏剑林 | 2025-10-08 | 100位读者 | 引用"
BY_2 = "By 苏剑林 | 2025-10-15 | 50位读者 | 引用"
TITLES = ["示例漫谈（一）：甲——乙", "另一个题目"]


def _list(first: str = FIRST, *, titles: tuple[str, str] = (TITLES[0], TITLES[1]), cite: str = "") -> str:
    return (
        f"{titles[0]}\n\n{BY}{cite}\n\n{first}\n\n点击阅读全文...\n\n"
        f"{titles[1]}\n\n{BY_2}{cite}\n\n{NEXT}\n\n点击阅读全文...\n\n最近评论\n"
    )


CAPTURES = {
    "links of html2text with references": _list(
        FIRST.replace("《科学空间FAQ》", "[《科学空间FAQ》][5]"),
        titles=(f"## [{TITLES[0]}][4]", f"## [{TITLES[1]}][6]"),
    ),
    "addresses of resiliparse behind links": _list(
        FIRST.replace("《科学空间FAQ》", "《科学空间FAQ》 (/archives/6508)"),
        titles=(f"{TITLES[0]} (/archives/1)", f"{TITLES[1]} (/archives/2)"),
        cite=" (#cite)",
    ),
    "fences and attributes of pandoc": (
        "::: Post\n"
        + _list(
            FIRST.replace("《科学空间FAQ》", "[《科学空间FAQ》](/archives/6508)"),
            titles=(
                f"## [{TITLES[0].replace('——', '------')}](/archives/1)", f"## [{TITLES[1]}](/archives/2)"
            ),
        )
        .replace(BY, f"[{BY.replace('|', chr(92) + '|')}]{{.submitted}}\n:::")
        .replace("点击", ":::\n\n点击")
    ),
    "link numbers of lynx, one of them wrapped": _list(
        FIRST.replace("《", "[\n   17]《"), titles=(f"[15]{TITLES[0]}", f"[18]{TITLES[1]}")
    ).replace("引用", "[16]引用"),
    "link numbers of a browser, beside numbers of the text": _list(
        f"{FIRST.replace('《', '[6]《')}", titles=(f"[4]{TITLES[0]}", f"[8]{TITLES[1]}")
    )
    .replace("引用", "[5]引用", 1).replace("点击", "[7]点击", 1),
    "addresses of html-to-text in square brackets": _list(
        FIRST.replace("《科学空间FAQ》", "《科学空间FAQ》 [/archives/6508]"),
        titles=(f"{TITLES[0]} [/archives/1]", f"{TITLES[1]} [/archives/2]"),
        cite=" [#cite]",
    ).replace("...", "... [/archives/1]"),
    "addresses of lynx before links": _list(
        FIRST.replace("《", "[file://localhost/archives/6508]《"),
        titles=tuple(f"[file://localhost/archives/1]{title}" for title in TITLES),  # type: ignore[arg-type]
    ).replace("引用", "[file://localhost/tmp/page.html#cite]引用"),
    "links of turndown with references": _list(
        FIRST.replace("《科学空间FAQ》", "[《科学空间FAQ》][5]"),
        titles=(f"## [{TITLES[0]}][4]", f"## [{TITLES[1]}][6]"),
    ).replace("引用", "[引用][5]"),
    "tags of resiliparse": "科学空间\n"
    + _list(f"<p>{FIRST}</p>", titles=(f"<h2>{TITLES[0]}</h2>", f"<h2>{TITLES[1]}</h2>")),
    "date badge glued to the title": _list(titles=(f"8 Oct{TITLES[0]}", f"15 Oct{TITLES[1]}")),
    "picture inside a link": _list(
        f"{FIRST}\n\n[![](/a.png \"图\")](/b.png)", titles=(f"# {TITLES[0]}", f"# {TITLES[1]}")
    ),
    "name of a picture": _list(f"{FIRST}\n\n[示意图]"),
    "list of trafilatura": _list(f"{FIRST}\n- 第一项；\n- 第二项。"),
    "shares of the page": _list(f"分享到：\n\nKimi\n\n{FIRST}"),
}  # fmt: skip


@pytest.mark.parametrize("capture", CAPTURES.values(), ids=CAPTURES)
def test_the_marks_of_an_extractor_are_removed(capture: str) -> None:
    posts = read(capture).sightings
    assert [post.title for post in posts] == TITLES
    assert [post.readers for post in posts] == [100, 50]
    shown = (posts[0].excerpt or "").replace("\n第一项；\n第二项。", "")
    assert "".join(shown.split()) == FIRST
    assert posts[1].excerpt == NEXT


@pytest.mark.parametrize("above", ["", "8 Oct\n\n", "分类:信息时代  标签:优化 阅读全文 14 评论\n\n8 Oct\n\n"])
def test_a_title_that_was_wrapped_is_read_whole(above: str) -> None:
    """Printers and text browsers wrap lines: half of a title would be announced as a post of its own."""
    lines = "示例漫谈（二）：这是为测试写的一个很长很长的题目的前半句", "与它的后半句"
    title = above + "\n".join(lines)
    text = f"甲\n\n{BY}\n\n{FIRST}\n\n点击阅读全文...\n\n{title}\n\n{BY_2}\n\n{NEXT}\n\n最近评论\n"
    assert [sighting.title for sighting in read(text).sightings] == ["甲", "".join(lines)]


def test_the_head_of_a_reader_mode_is_no_text() -> None:
    cited = "苏剑林. (Oct. 08, 2025). 《甲——乙 》[Blog post]. Retrieved from https://kexue.fm/archives/1\n"
    head = "kexue.fm\n甲——乙 - 科学空间|Scientific Spaces\n苏剑林\n19-24 分钟\n\n"
    (sighting,) = read(f"{head}{FIRST}\n\n{NEXT}\n\n{cited}").sightings
    assert (sighting.title, sighting.excerpt) == ("甲——乙", f"{FIRST}\n\n{NEXT}")


def test_signs_of_tex_are_no_escapes_of_trafilatura() -> None:
    first = r"记$\[y\_j\]$与$\|x\|\_2 \leq A\#B$。"
    (post, _) = read(_list(first, titles=("## 甲", "## 乙"))).sightings
    assert post.excerpt == r"记$[y_j]$与$\|x\|_2 \leq A\#B$。"


def test_numbers_of_the_text_are_no_numbers_of_links() -> None:
    first = "参考文献[1]与[2]指出，A[3]与B[4]都成立。"
    (post, _) = read(
        _list(first, titles=("[15]甲甲", "[18]乙乙"), cite="").replace("引用", "[16]引用", 1)
    ).sightings
    assert (post.title, post.excerpt) == ("甲甲", first)


TEX = "设$x_i < y$，$\\{a\\}$与$\\|b\\|$：\n\\begin{equation}c_i \\leq d[1] \\\\\ne\\end{equation}"
DIALECTS = {
    "turndown": TEX.replace("\\", "\\\\").replace("_", "\\_").replace("[1]", "\\[1\\]"),
    "markdownify with escape_misc": re.sub(r"([\\_<=+|\[\]])", r"\\\1", TEX),
    "pandoc": re.sub(r"([\\_$<|^\[\]])", r"\\\1", TEX).replace("：\n", "：\\\n"),
    "html2text with escape_snob": re.sub(r"(\\(?=[\\{}])|[_{}\[\]])", r"\\\1", TEX),
}


@pytest.mark.parametrize("first", DIALECTS.values(), ids=DIALECTS)
def test_formulas_are_unescaped_in_each_dialect(first: str) -> None:
    (post, _) = read(_list(first, titles=("## 甲甲", "## 乙乙"))).sightings
    assert post.excerpt == TEX


def test_brackets_of_a_text_without_formulas_are_unescaped() -> None:
    (post, _) = read(_list(r"参考文献\[1\]与\[2\]指出。", titles=("## 甲甲", "## 乙乙"))).sightings
    assert post.excerpt == "参考文献[1]与[2]指出。"


@pytest.mark.parametrize(
    "anchor", ["[#](#a)", "[\\#](#a)", "[#][7]", "# (#a)", " [#](#a) ##", "\\#", "#", " #"]
)
def test_the_anchor_of_a_heading_is_removed(anchor: str) -> None:
    (post, _) = read(_list(f"{FIRST}\n\n## 小节{anchor}\n\n{NEXT}", titles=("## 甲甲", "## 乙乙"))).sightings
    assert (post.excerpt or "").split("\n\n")[1] == "小节"


@pytest.mark.parametrize(
    ("footer", "category", "tags"),
    [
        ("分类：数学研究\n\n标签：\n\n矩阵\n\n,\n\n梯度\n\n阅读全文", "数学研究", ("矩阵", "梯度")),
        ("分类：数学研究\n标签：\n矩阵\n", "数学研究", None),
        ("分类：数学研究&nbsp; &nbsp; 标签：矩阵, 梯度\n", "数学研究", ("矩阵", "梯度")),
        ("分类：数学研究 标签：\n< 前一篇 | 后一篇 >\n", "数学研究", None),
        ("分类：数学研究 标签：矩阵, 梯度< 前一篇 | 后一篇 >你也许还对下面的内容感兴趣\n", "数学研究", None),
        ("分类：[数学研究](/category/M) 标签：[矩阵](/tag/矩阵/) [阅读全文](/ar", "数学研究", ("矩阵",)),
        ("## 分类：意味着什么？ [#](#a)\n", None, None),
    ],
)  # fmt: skip
def test_a_footer_gives_what_it_prints(
    footer: str, category: str | None, tags: tuple[str, ...] | None
) -> None:
    text = f"甲甲\n{BY}\n{FIRST}\n点击阅读全文...\n\n{footer}"
    (post,) = read(text).sightings
    assert (post.category, post.tags) == (category, tags)


FRONT_MATTER = (
    '---\ntitle: "甲的题目"\nurl: https://kexue.fm/archives/1\nhostname: kexue.fm\n'
    'author:\n  - "[[苏剑林]]"\n'
    'date: "2013-01-06"\ntags:\n  - clippings\n---\n'
)


def test_front_matter_names_the_page_and_is_no_text() -> None:
    (post,) = read(f"{FRONT_MATTER}{FIRST * 2}\n").sightings
    assert (post.title, post.archive_id, post.excerpt) == ("甲的题目", 1, FIRST * 2)


def test_the_citation_corrects_a_title_in_capitals() -> None:
    cited = "苏剑林. (Oct. 08, 2025). 《谈Pre Norm 》[Blog post]. Retrieved from https://kexue.fm/archives/1"
    (post,) = read(f"谈PRE NORM\n{BY}\n{FIRST}\n{cited}\n").sightings
    assert post.title == "谈Pre Norm"


@pytest.mark.parametrize("title", ["信息时代 - 科学空间", "信息时代", "包含关键字 矩阵 的文章"])
def test_the_heading_of_a_list_is_no_title(title: str) -> None:
    parsed_dump = read(_list().replace(TITLES[0], title))
    assert [post.title for post in parsed_dump.sightings] == TITLES[1:]
    assert [note.kind for note in parsed_dump.notes] == [NoteKind.SKIPPED]


def test_a_paragraph_without_its_full_stop_ends_the_excerpt_with_a_note() -> None:
    """Extractors of main content drop a single character between two tags, and short paragraphs."""
    parsed_dump = read(_list(f"{FIRST[:-1]}\n\n注意：第二段。"))
    (post, _) = parsed_dump.sightings
    assert (post.excerpt, post.excerpt_partial) == (FIRST[:-1], True)
    assert [note.kind for note in parsed_dump.notes] == [NoteKind.ODD]


PAGE = _list().replace("\n", " ")
POST = f"甲 - 科学空间|Scientific Spaces 科学空间 首页 {BY} {FIRST} 转载到请包括本文地址：https://kexue.fm/archives/1\n"


@pytest.mark.parametrize(
    ("capture", "reason"),
    [
        (PAGE, "glued together"),
        (POST, "glued together"),
        (f"科学空间 14 Aug 甲 {FIRST} 阅读全文 13 Aug 乙 {NEXT * 2} 阅读全文", "glued together"),
        ("科学空间 归档 2025年 (共2篇) 10月 08日: 甲 (1) 07日: 乙 (2)", "glued together"),
        (f"\n.. container:: Post\n\n   .. rubric:: 甲\n\n   {BY}\n\n{FIRST}\n", "reStructured"),
        (_list(titles=("谈PRE NORM", "谈POST NORM")), "capital letters"),
        (f"\n== link:/archives/1[甲]\n\n[.submitted]#{BY}#\n\n{FIRST}\n", "AsciiDoc"),
        (_list(titles=("h2. {anchor:甲}[甲|/archives/1]", "h2. {anchor:乙}[乙|/archives/2]")), "Jira"),
        (f"\n\\section{{\\href{{/archives/1}}{{甲}}}}\n{BY}\n{FIRST}\n", "LaTeX"),
        (f"\n#link(\"/archives/1\")[甲]\n{BY}\n{FIRST}\n#link(\"/archives/2\")[乙]\n{BY_2}\n", "Typst"),
        (_list(r"设$\\x_i\\\_n$与$\\y\\\_2$。", titles=("## 甲甲", "## 乙乙")), "without the braces"),
        (f"<<Header>>\n[[/][科学空间]]\n\n<<content>>\n** 甲\n:PROPERTIES:\n:END:\n{BY}\n", "Org mode"),
    ],
)  # fmt: skip
def test_a_capture_that_is_not_parsed_has_its_true_reason(capture: str, reason: str) -> None:
    with pytest.raises(UnreadableDumpError, match=reason):
        read(capture)


def test_the_text_of_a_glued_post_page_is_left_out() -> None:
    cited = "苏剑林. (Oct. 08, 2025). 《甲的题目 》[Blog post]. Retrieved from https://kexue.fm/archives/1"
    parsed_dump = read(f"{POST}{cited}\n")
    (post,) = parsed_dump.sightings
    assert (post.title, post.archive_id, post.excerpt) == ("甲的题目", 1, None)
    assert [note.kind for note in parsed_dump.notes] == [NoteKind.UNREAD]


def test_the_heading_of_a_year_may_be_glued_to_that_of_the_page() -> None:
    text = "归档2025年 (共2篇)\n10月\n08日: 甲的题目  ( 1 )\n07日: [乙的题目][4] ([2][5])\n"
    posts = [(post.title, post.comments) for post in read(text).sightings]
    assert posts == [("甲的题目", 1), ("乙的题目", 2)]


def test_a_title_that_is_cut_at_a_blank_is_left_out() -> None:
    posts = read("归档\n2025年 (共2篇)\n10月\n08日: 甲的题目 (1)\n07日: 谈Pre ").sightings
    assert [post.title for post in posts] == ["甲的题目"]


@pytest.mark.parametrize("number", ["/archives/70", "/archives/7008\n"])
def test_a_number_at_the_end_of_a_capture_may_be_cut(number: str) -> None:
    (post,) = read(f"甲的题目\n{BY}\n{FIRST}\n转载到请包括本文地址：https://kexue.fm{number}").sightings
    assert post.archive_id == (7008 if number.endswith("\n") else None)


@pytest.mark.parametrize("cut", ["By", "By 苏剑林 | 2025-1", "By 苏剑林 | 2025-10-08 | 10", f"{BY[:-2]}[引"])
def test_a_cut_by_line_is_no_excerpt(cut: str) -> None:
    (post,) = read(f"科学空间\n8 Oct\n\n## [丙的题目](/archives/3)\n\n{cut}").sightings
    assert post.excerpt is None

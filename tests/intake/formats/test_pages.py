"""The blog's pages: which they are, what counts, what must not be taken from them."""

import pytest

from bot.intake.formats import UnreadableDumpError
from bot.intake.formats.html import fragment_lines
from storage.model import Layout
from tests.intake.formats.samples import FOLDER, as_json, read, texts

POST = (FOLDER / "post_page.html").read_text()
LIST = (FOLDER / "list_page.html").read_text()
HOME = (FOLDER / "home_page.html").read_text()
ARCHIVE = (FOLDER / "archive_page.html").read_text()
TITLE = "线性Transformer应该不是你要等的那个模型"


def _changed(before: str, after: str, page: str = POST) -> dict[str, object]:
    assert before in page
    return as_json(read(page.replace(before, after)).sightings[0])


@pytest.mark.parametrize("page", [POST, LIST, HOME, ARCHIVE])
def test_side_bar_links_with_shortened_titles_are_never_posts(page: str) -> None:
    assert not any(sighting.title.endswith("...") for sighting in read(page).sightings)


def test_the_body_below_the_fold_never_leaves_the_parser() -> None:
    assert "正文不得" in POST
    assert "正文不得" not in str(read(POST))


def test_a_post_without_a_fold_gives_its_beginning_without_the_template() -> None:
    excerpt = read(POST.replace("<!--more-->", "")).sightings[0].excerpt or ""
    assert excerpt.endswith("正文不得离开解析器。前文")


def test_a_long_post_without_a_fold_gives_only_a_beginning() -> None:
    excerpt = read(POST.replace("<!--more-->", "<p>一段。</p>" * 5000)).sightings[0].excerpt or ""
    assert 900 < len(excerpt) <= 1000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("title-wrap", "PostHead"),
        (f'<h1><a href="https://kexue.fm/archives/7546">{TITLE}</a></h1>', ""),
        (f'<h1><a href="https://kexue.fm/archives/7546">{TITLE}</a></h1>', f"<h1>{TITLE}</h1>"),
        ("<span>2020-07-04</span>", ""),
        ("<span>2020-07-04</span>", "<span>2020-07-99</span>"),
        (' id="how_to_cite"', ""),
    ],
)
def test_title_number_and_date_have_a_second_source(before: str, after: str) -> None:
    shown = _changed(before, after)
    assert (shown["title"], shown["archive_id"], shown["date"]) == (TITLE, 7546, "2020-07-04")


def test_the_title_of_the_window_is_the_last_source() -> None:
    page = POST.replace(f'<h1><a href="https://kexue.fm/archives/7546">{TITLE}</a></h1>', "").replace(
        "《", ""
    )
    assert read(page).sightings[0].title == TITLE


def test_a_citation_of_another_number_is_noted() -> None:
    reading = read(POST.replace("kexuefm-7546", "kexuefm-1"))
    assert (reading.sightings[0].archive_id, len(reading.notes)) == (7546, 1)


def test_category_and_tags_come_from_the_links_of_their_line_only() -> None:
    assert _changed('<span class="cat">', "<span>")["category"] is None
    assert _changed('<span class="cat">', "<span>")["tags"] is None


def test_dropped_tag_links_are_unknown_tags_and_none_are_none() -> None:
    line = POST[POST.index("标签：<a") : POST.index('</span></div>\n<div id="entry')]
    assert _changed(line, "标签：,,")["tags"] is None
    assert _changed(line, "标签：")["tags"] == []


def test_comments_are_the_printed_number_or_those_on_the_page() -> None:
    assert _changed("2 条评论", "已有 77 条评论")["comments"] == 77
    assert _changed("<h3>2 条评论</h3>", "")["comments"] == 2
    assert _changed("<h3>2 条评论</h3>", "<a>»</a>")["comments"] is None


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("$a<b$与$c>d$", "$a<b$与$c>d$"),
        ("\\begin{align}x<y\\\\<br />\nz&lt;1\\end{align}", "\\begin{align}x<y\\\\\nz<1\\end{align}"),
        ('<script type="math/tex; mode=display">x^2</script>', "$$x^2$$"),
        (
            '<script type="math/tex; mode=display">\\begin{equation}x\\end{equation}</script>',
            "\\begin{equation}x\\end{equation}",
        ),
        ('<span class="MathJax_Preview">x</span><script type="math/tex">x</script>', "$x$"),
        ("一行\n二行", "一行 二行"),
        ("一<br>\n二<br/>三", "一\n二\n三"),
        ("<script>alert(1)</script><style>p{}</style>字", "字"),
        ("&#1;字&#8;", "字"),
    ],
)
def test_markup_becomes_plain_lines(html: str, text: str) -> None:
    first, last = POST.index("<p>摘要"), POST.index("<!--more-->")
    assert read(POST[:first] + f"<p>{html}</p>" + POST[last:]).sightings[0].excerpt == text


def test_a_list_page_needs_no_container_of_the_excerpt() -> None:
    loose = LIST.replace('<div class="PostContent">', "<div>")
    assert read(loose).sightings == read(LIST).sightings


def test_what_a_program_prints_before_a_page_is_no_part_of_it() -> None:
    headers = "HTTP/1.1 200 OK\nContent-Type: text/html; charset=UTF-8\n\n"
    assert read(headers + LIST) == read(LIST)


def test_a_list_page_without_full_dates_is_a_home_page() -> None:
    assert (read(LIST).format, read(HOME).format) == (Layout.LIST_PAGE, Layout.HOME_PAGE)


@pytest.mark.parametrize("heading", ["2013年 (共2篇)", "2013 年（共 2 篇）"])
@pytest.mark.parametrize("level", ["h2", "h3", "h4"])
def test_the_archive_page_in_its_variants(heading: str, level: str) -> None:
    page = ARCHIVE.replace("2013年 (共2篇)", heading).replace("h3>", f"{level}>")
    assert read(page).sightings == read(ARCHIVE).sightings


def test_a_broken_line_of_the_archive_page_loses_only_itself() -> None:
    reading = read(ARCHIVE.replace('<a href="/archives/1868">', "<a>"))
    assert [sighting.archive_id for sighting in reading.sightings] == [1928, 7, 5]
    assert texts(reading) == ["2013-01-07: no title or no address, skipped"]


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("<html><script>window.location.href='/?x'</script></html>", "gate page"),
        ("<html><body>403 Forbidden</body></html>", "not a page or feed"),
        ("<html><title>页面没找到 - 科学空间|Scientific Spaces</title>" + POST[200:], "404"),
        (POST[: POST.index('<div id="breadcrumb">')] + "</body></html>", "half a page"),
        (POST[: POST.index("<script>share")] + "</div></body></html>", "half a page"),
        (POST[: POST.index("<script>share")], "half a page"),
        ("<html>" + "x" * 5_000_000 + "</html>", "too large"),
        ("<html><body><p>hello</p></body></html>", "not a page or feed"),
        ("<div>" * 200_000, "not a page or feed"),
    ],
    ids=["gate", "403", "404", "title only", "no body", "cut", "large", "foreign", "deep"],
)
def test_what_is_no_page_of_posts_has_its_reason(page: str, reason: str) -> None:
    with pytest.raises(UnreadableDumpError, match=reason):
        read(page)


def test_a_deep_excerpt_is_no_danger() -> None:
    deep = POST.replace("<p>摘要", "<b>" * 50_000 + "<p>摘要")
    assert read(deep).sightings[0].title == TITLE


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("价格$5，若$y<z$，则$w<v$成立。", "价格$5，若$y<z$，则$w<v$成立。"),
        ("设置$HOME后，若$y<z $成立。", "设置$HOME后，若$y<z $成立。"),
        ("价格\\$5，若$y<z$成立。", "价格\\$5，若$y<z$成立。"),
        ("设$x<br />\n<y$成立，$a<b$。", "设$x\n<y$成立，$a<b$。"),
        ("设$\\text{若$x<y$}$成立。", "设$\\text{若$x<y$}$成立。"),
        ("设\\begin{equation}x<y，后文。", "设\\begin{equation}x<y，后文。"),
        ("<em>斜</em>$5，<code>x</code><mjx-c class='a'>q</mjx-c>。", "斜$5，xq。"),
    ],
)
def test_a_formula_out_of_step_loses_no_text(written: str, shown: str) -> None:
    """A lone dollar makes formulas of the text between; what is no tag of HTML is not taken for one."""
    assert fragment_lines(f"<p>{written}</p>") == shown

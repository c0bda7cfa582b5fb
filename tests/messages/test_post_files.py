"""Files of posts: BibTeX that a parser reads, CSV without formulas, Markdown without markup, JSON."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import date

import bibtexparser
import pytest
from bibtexparser.bparser import BibTexParser

from bot.messages.post_files import COLUMNS, write_list
from bot.site_profile import KEXUE
from storage.model import Post
from tests.messages.posts import post
from tests.tools.shared import SHARED, needs_shared

ODD_TITLES = (
    "{花括号}里的{题目}", "半个{括号", "}{", '"引号"与“引号”', r"$x^{2}$与\alpha", "50% & #1 _下划线_",
    "@online{x, title={y}}", "中文，日本語と한국어", "很长的题目" * 60, r"结尾的反斜杠\\", "$一个美元",
    "x$$y", "a~b^c",
)  # fmt: skip


def posts_of(titles: list[str]) -> list[Post]:
    """Return one post for each title, every second one with an archive id."""
    made = [post(number, title, date(2020, 1, 1)) for number, title in enumerate(titles, 1)]
    return [replace(one, archive_id=one.id + 100 if one.id % 2 else None) for one in made]


def parsed(posts: list[Post]) -> list[dict[str, str]]:
    parser = BibTexParser(ignore_nonstandard_types=False, interpolate_strings=False)
    entries: list[dict[str, str]] = bibtexparser.loads(
        write_list(posts, "bib", "", KEXUE).decode(), parser
    ).entries
    return entries


def plain(title: str) -> str:
    """Return a title without TeX's escapes and braces."""
    return re.sub(r"[{}\\]", "", " ".join(title.split()))


def check_bibtex(titles: list[str]) -> None:
    posts = posts_of(titles)
    entries = parsed(posts)
    assert [plain(entry["title"]) for entry in entries] == [plain(one.title) for one in posts]
    assert len({entry["ID"] for entry in entries}) == len(posts)
    for entry, one in zip(entries, posts, strict=True):
        assert entry["ENTRYTYPE"] == "online"
        assert entry["author"] == "苏剑林"
        assert entry["ID"].isascii()
        assert ("url" in entry) == (one.archive_id is not None)


def test_a_parser_reads_odd_titles_from_bibtex() -> None:
    check_bibtex(list(ODD_TITLES))


@needs_shared
def test_a_parser_reads_every_real_title_from_bibtex() -> None:
    lines = (SHARED / "data" / "titles.tsv").read_text(encoding="utf-8").splitlines()[1:]
    check_bibtex(list(dict.fromkeys(line.split("\t")[3] for line in lines)))


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", " =x", "＝1", "－1"])
def test_no_cell_of_csv_is_a_formula(title: str) -> None:
    odd = replace(post(1, title, None), category=title, tags=(title,), series=title)
    text = write_list([odd], "csv", "", KEXUE).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert tuple(row) == COLUMNS
    for name in ("title", "category", "tags", "series"):
        assert row[name] == f"'{title}"


def test_csv_and_json_hold_the_same_posts() -> None:
    posts = posts_of(["甲, 乙", '丙"丁"', "戊\u2028己"])
    rows = list(csv.DictReader(io.StringIO(write_list(posts, "csv", "", KEXUE).decode("utf-8-sig"))))
    read = json.loads(write_list(posts, "json", "", KEXUE))
    assert [row["title"] for row in rows] == [one["title"] for one in read] == [one.title for one in posts]
    assert [row["url"] for row in rows] == [one["url"] for one in read]


def test_a_title_is_no_markup_in_markdown() -> None:
    text = write_list(posts_of(["[a](http://x) *b* `c` <i> # d"]), "md", "系列 *x*", KEXUE).decode()
    assert text.splitlines()[0] == r"# 系列 \*x\*"
    assert r"- [\[a\](http://x) \*b\* \`c\` \<i\> \# d](<https://kexue.fm/archives/101>) 2020-01-01" in text


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="exe"):
        write_list([], "exe", "", KEXUE)

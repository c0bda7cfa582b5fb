"""The traps of the two text layouts, each by its name."""

from datetime import date

import pytest

from storage.model import Sighting
from tests.intake.formats.samples import FOLDER, read, texts

BY = "By 苏剑林 | 2022-03-09 | 78384位读者 | 引用"


def _listing(*posts: str, end: str = "最近评论") -> list[Sighting]:
    return list(read("\n".join((*posts, end) if end else posts)).sightings)


def _home(*blocks: str) -> list[Sighting]:
    return list(read("\n\n".join(blocks)).sightings)


def test_excerpt_glued_to_the_by_line() -> None:
    assert _listing("题目", f"{BY}众所周知,示例。")[0].excerpt == "众所周知,示例。"


def test_excerpt_glued_to_the_by_line_beginning_with_a_bracket() -> None:
    assert _listing("题目", f"{BY}(注:示例)下文")[0].excerpt == "(注:示例)下文"


def test_excerpt_beginning_with_the_last_word_of_the_by_line() -> None:
    assert _listing("题目", f"{BY}引用他人的一段话")[0].excerpt == "引用他人的一段话"


def test_title_is_the_line_before_the_by_line_and_the_excerpt_ends_two_lines_before_the_next() -> None:
    first, second = _listing("甲", f"{BY}一", "二", "三", "乙", f"{BY}四")
    assert (first.title, first.excerpt, second.title, second.excerpt) == ("甲", "一\n二\n三", "乙", "四")


def test_headings_inside_an_excerpt_are_no_titles() -> None:
    (only,) = _listing("题目", f"{BY}一", "增量爆炸", "二", "Earth Mover's Distance", "三")
    assert only.excerpt == "一\n增量爆炸\n二\nEarth Mover's Distance\n三"


def test_list_items_inside_an_excerpt_are_no_titles() -> None:
    (only,) = _listing("题目", f"{BY}如下:", "1、右键菜单;", "2、划词搜索;")
    assert only.excerpt == "如下:\n1、右键菜单;\n2、划词搜索;"


def test_side_bar_noise_before_the_first_post() -> None:
    assert [post.title for post in _listing("会员注册 会员登录", "版权 | 署名", "题目", f"{BY}一")] == [
        "题目"
    ]


@pytest.mark.parametrize("end", ["最近评论", "最近评论\n", "最近评论\n读者: 你好\n归档", "最近评论 \n\n"])
def test_recent_comments_end_the_posts(end: str) -> None:
    (only,) = _listing("题目", f"{BY}一", "二", end=end)
    assert only.excerpt == "一\n二"


def test_recent_comments_within_a_line_ends_nothing() -> None:
    assert _listing("题目", f"{BY}一", "最近评论不多", "二")[0].excerpt == "一\n最近评论不多\n二"


def test_recent_comments_between_joined_captures_ends_the_post_above() -> None:
    first, second = _listing("甲", f"{BY}一", "最近评论", "乙", f"{BY}二")
    assert (first.excerpt, second.title) == ("一", "乙")


def test_a_pager_is_no_part_of_the_last_excerpt() -> None:
    assert _listing("题目", f"{BY}一", "1 2 3 … 52 »")[0].excerpt == "一"


@pytest.mark.parametrize(
    ("line", "readers"),
    [
        ("By 苏剑林 | 2026-08-09 | 1160590位读者 | 引用", 1160590),
        ("By  苏剑林 | 2026-08-09 | 12位读者 | 引用", 12),
        ("By 苏剑林 | 2026-08-09 | 12位读者", 12),
        ("By 苏剑林 | 2026-08-09 | 12位读者 | ", 12),
        ("By 苏剑林 | 2026-08-09 | 12位读者 | :", 12),
        ("By 苏剑林 | 2026-08-09 |", None),
        ("By 苏剑林 | 2026-08-09", None),
        ("By 苏剑林 | 2026-08-09 | 引用", None),
        ("By\u00a0苏剑林\u00a0|\u00a02026-08-09\u00a0|\u00a012位读者", 12),
    ],
)
def test_by_line_variants(line: str, readers: int | None) -> None:
    (only,) = _listing("题目", line, "摘要")
    assert (only.title, only.date, only.readers, only.excerpt) == ("题目", date(2026, 8, 9), readers, "摘要")


@pytest.mark.parametrize(
    "title",
    ["圆周率节快乐!|| 原来", "科学空间|Scientific Spaces 介绍", "甲 - 乙", "Coming Back...", "我害怕"],
)
def test_a_title_is_never_split(title: str) -> None:
    assert _listing("噪声", title, f"{BY}一")[0].title == title
    assert _home("科学空间", "14 Aug", title, "一", "点击阅读全文...")[0].title == title


def test_a_post_without_an_excerpt_has_none() -> None:
    first, second = _listing("甲", BY, "乙", BY)
    assert (first.title, first.excerpt, second.title, second.excerpt) == ("甲", None, "乙", None)


@pytest.mark.parametrize("day", ["2022-02-30", "2022-13-01", "2022-0-9", "202x-03-09"])
def test_a_broken_date_loses_only_its_post(day: str) -> None:
    reading = read(f"甲\n{BY}一\n乙\nBy 苏剑林 | {day} | 5位读者 | 引用二\n丙\n{BY}三\n最近评论")
    assert [(s.title, s.excerpt) for s in reading.sightings] == [("甲", "一"), ("丙", "三")]
    assert len(reading.notes) == 1
    assert "乙" in texts(reading)[0]


def test_a_by_line_without_a_title_is_skipped_with_a_note() -> None:
    reading = read(f"{BY}一\n甲\n{BY}二\n最近评论")
    assert [s.title for s in reading.sightings] == ["甲"]
    assert texts(reading) == ["By line 1: no title above it, skipped"]


def test_tex_broken_over_ten_lines_keeps_every_line() -> None:
    first = read((FOLDER / "home.txt").read_bytes()).sightings[0]
    tex = (first.excerpt or "").split("\n\n")[-1].split("\n")
    assert (tex[1][:16], len(tex), tex[-1][-14:]) == ("\\begin{equation}", 6, "\\end{equation}")


def test_footer_belongs_to_the_post_above() -> None:
    footer = "分类:信息时代 \u00a0 \u00a0 标签:优化, GAN 阅读全文 14 评论"
    first, second = _home(
        "14 Aug", "甲", "一", "点击阅读全文...", footer, "7 Aug", "乙", "二", "点击阅读全文...\n"
    )
    assert (first.category, first.tags, first.comments) == ("信息时代", ("优化", "GAN"), 14)
    assert (second.category, second.tags, second.comments) == (None, None, None)
    assert (first.excerpt, second.excerpt) == ("一", "二")


@pytest.mark.parametrize(
    ("footer", "expected"),
    [
        ("分类：生活/情感  标签：2009, 3D 阅读全文 3 评论", ("生活/情感", ("2009", "3D"), 3)),
        ("分类:信息时代 标签: 阅读全文 0 评论", ("信息时代", (), 0)),
        ("分类:信息时代 标签:,, 阅读全文 5 评论", ("信息时代", None, 5)),
        ("分类:信息时代 阅读全文 5 评论", ("信息时代", None, 5)),
        ("分类:信息时代 标签:优化, GA", ("信息时代", None, None)),
        ("分类:信息时代 标签:优化, GAN 阅读全文 1", ("信息时代", ("优化", "GAN"), None)),
        ("分类:信息", (None, None, None)),
        ("文中的分类:信息时代 标签:优化 阅读全文 1 评论", (None, None, None)),
    ],
)
def test_a_footer_says_what_it_says(footer: str, expected: tuple[object, object, object]) -> None:
    (post,) = _home("14 Aug", "甲", "一", "点击阅读全文...", footer)
    assert (post.category, post.tags, post.comments) == expected


def test_a_date_like_or_footer_like_line_counts_only_as_a_whole_line() -> None:
    (post,) = _home("14 Aug", "甲", "到了 7 Aug 那天", "分类:意味着什么?", "点击阅读全文...")
    assert post.excerpt == "到了 7 Aug 那天\n\n分类:意味着什么?"


def test_home_paragraphs_stay_apart_by_blank_lines() -> None:
    assert _home("29 Feb", "甲", "一", "二\n三", "点击阅读全文...")[0].excerpt == "一\n\n二\n三"


@pytest.mark.parametrize("badge", ["30 Feb", "32 Jan", "0 May"])
def test_a_day_that_no_year_has_loses_only_its_post(badge: str) -> None:
    reading = read(f"14 Aug\n\n甲\n\n一\n\n点击阅读全文...\n\n{badge}\n\n乙\n\n二\n\n点击阅读全文...\n")
    assert [s.title for s in reading.sightings] == ["甲"]
    assert texts(reading) == [f"{badge}: no day of the year, its post skipped"]


def test_a_post_shown_without_a_fold_gives_only_its_beginning() -> None:
    paragraph = "很长的正文。" * 50
    (post,) = _home("科学空间", "14 Aug", "甲", *[paragraph] * 20, "分类:信息时代 标签:甲 阅读全文 1 评论")
    assert post.excerpt == "\n\n".join([paragraph] * 3)


@pytest.mark.parametrize("title", ["<b>&的示例", "<div>是什么?", "<script>alert(1)</script>"])
def test_a_listing_whose_first_title_looks_like_markup_is_a_listing(title: str) -> None:
    (only,) = _listing(title, f"{BY}示例")
    assert (only.title, only.excerpt) == (title, "示例")

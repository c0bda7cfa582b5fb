"""What readers find: queries of eight kinds, literal titles, filters, order and periods."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.search.index import Index, build
from bot.search.query import Period, Span, parse_query
from bot.search.ranker import Tier, search
from storage.model import Post
from tests.tools.quality_search import QUERIES, archive, cases, index, post, score
from tests.tools.shared import SHARED, needs_shared

NONSENSE = (Path(__file__).parents[1] / "data" / "nonsense.txt").read_text(encoding="utf-8").splitlines()
KINDS = {"question", "english", "mixed", "pinyin", "traditional", "typo", "series", "formula"}


@needs_shared
def test_the_shared_queries_find_their_posts() -> None:
    figures = score(cases(SHARED / "cases" / "search.tsv"))

    assert figures.right >= 28, figures.failed
    assert figures.mean_reciprocal_rank >= 0.8


@needs_shared
@pytest.mark.parametrize("held", [False, True])
def test_the_own_queries_find_their_posts(held: bool) -> None:
    own = [case for case in cases(QUERIES) if case.held is held]
    figures = score(own)

    assert {case.kind for case in own} == KINDS
    assert len(own) >= 60
    assert figures.share >= 0.85, figures.failed


@needs_shared
@pytest.mark.parametrize("query", NONSENSE)
def test_what_the_archive_does_not_hold_is_not_found(query: str) -> None:
    assert [hit.post_id for hit in search(index(), query)] == []


@needs_shared
def test_every_title_finds_its_post_first() -> None:
    for each in archive():
        assert search(index(), each.title)[0].post_id == each.id, each.title


@needs_shared
def test_the_words_of_a_title_find_its_post_first() -> None:
    for each in archive():
        words = " ".join(re.findall(r"[A-Za-z0-9]+|[\u4e00-\u9fff]+", each.title))
        same = [other for other in archive() if _letters(other.title).startswith(_letters(each.title))]
        if len(same) == 1:
            assert search(index(), words)[0].post_id == each.id, words


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


POSTS = (
    post(1, "生成扩散模型漫谈（一）：起点", day=date(2022, 6, 13), series="生成扩散模型漫谈", episode=1),
    post(2, "生成扩散模型漫谈（二）：终点", day=date(2023, 8, 2), series="生成扩散模型漫谈", episode=2),
    replace(post(3, "梯度累积的技巧", day=date(2023, 8, 20)), tags=("优化器", "GAN"), readers=90),
    replace(post(4, "位置编码与注意力", day=date(2021, 2, 3), excerpt="设$x_t$与$QK^{\\top}$。"), readers=10),
    replace(post(5, "注意力的代价", day=date(2024, 8, 1)), tags=("gan",), readers=50),
    post(6, "第二类旋转位置编码", day=None),
)
INDEX = build(POSTS)
TODAY = date(2024, 9, 10)


@pytest.mark.parametrize(
    ("query", "whole"),
    [
        ("去年 旋转", []),  # no post about it is of that year
        ("位置编码 旋转", [6]),
        ("注意力 位置编码", [4]),
        ("attention 代价", [5]),  # in another language
        ("zhuyili 代价", [5]),
        ("atention 代价", [5]),  # misspelt
        ("扩散模型 2", [2, 1]),  # a lone character is needed in none
        ("起点扩散", [1]),
        ("位置编码 食谱", []),
        ("梯度累积 注意力", []),
        ("旋转注意力编码", []),
        ("GAN是什么", [5, 3]),  # words of a question are needed in none
        ("最新的GAN", [5, 3]),
    ],
)
def test_a_hit_says_whether_it_holds_all_words(query: str, whole: list[int]) -> None:
    hits = search(INDEX, query, today=TODAY)
    assert hits
    assert [hit.post_id for hit in hits if hit.whole] == whole


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("扩散模型 2", [2]),
        ("生成扩散模型 二", [2]),
        ("生成擴散模型漫談 第一篇", [1]),
        ("第2篇 扩散模型", [2]),
        ("kuosan 2", [2]),
        ("扩散模型 II", [2]),
        ("生成扩散模型漫谈 Ⅱ", [2]),
        ("diffusion (1)", [1]),
        ("2023 扩散", [2]),
        ("2023年8月", [3, 2]),
        ("2023-08", [3, 2]),
        ("2023/8", [3, 2]),
        ("August 2023", [3, 2]),
        ("去年", [3, 2]),
        ("去年八月的文章", [3, 2]),
        ("今年 注意力", [5]),
        ("前年", [1]),
        ("前年扩散", [1]),
        ("上个月", [5]),
        ("last year diffusion", [2]),
        ("二〇二二", [1]),
        ("二零二三年 扩散", [2]),
        ("位置编码 二〇二一", [4]),
        ("八月", [5, 3, 2]),
        ("8月 注意力", [5]),
        ("#GAN", [5, 3]),
        ("#GAN 注意力", [5]),
        ("#生成对抗网络", [5, 3]),
        ("注意力 -代价", [4]),
        ('"位置编码" 注意力', [4]),
        ("注意力 by:readers", [5, 4]),
        ("注意力 by:date", [5, 4]),
        ("attention by:date", [5, 4]),
        ("\\mathbf{x}_{t}", [4]),
        ("$QK^T$", [4]),
        ("gradient accumulation", [3]),
        ("tiduleiji", [3]),
        ("tdlj", [3]),
        ("梯度累计", [3]),
        ("gradeint", [3]),
        ("红烧茄子", []),
        ("qwrtzp", []),
        ("gradeint qwrtzp xyzvw", []),  # next to words without any meaning, none is misspelt
    ],
)
def test_syntax_and_kinds(query: str, expected: list[int]) -> None:
    found = [hit.post_id for hit in search(INDEX, query, today=TODAY)]

    assert found[: len(expected)] == expected
    assert expected or not found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("2023年8月", [3, 2]),
        ("2023年8月2日", [2]),
        ("2023-08-20", [3]),
        ("2022-2023", [3, 2, 1]),
        ("二〇二二至二〇二三的文章", [3, 2, 1]),
        ("2021年2月到2022年6月", [1, 4]),
        ("from 2022 to 2023", [3, 2, 1]),
        ("2023年8月20日以来", [5, 3]),
        ("since 2023", [5, 3, 2]),
        ("去年以来", [5, 3, 2]),
        ("2022年以前", [4]),
        ("before 2022", [4]),
        ("2024年之前 注意力", [4]),
        ("#GAN", [5, 3]),
        ("注意力 -代价", [4]),
        ('注意力 -"代价"', [4]),
        ("扩散模型 －「终点」", [1]),
        ('"位置编码" rope', [6, 4]),
        ("红烧茄子", []),
    ],
)
def test_filters_leave_nothing_else(query: str, expected: list[int]) -> None:
    assert [hit.post_id for hit in search(INDEX, query, today=TODAY)] == expected


def test_the_posts_of_a_period_are_the_newest_first() -> None:
    posts = (
        post(1, "短", day=date(2023, 8, 1)),
        post(2, "一个长得多的标题" * 4, day=date(2023, 8, 9)),
        post(3, "一个稍长的标题", day=date(2023, 8, 4)),
    )

    assert [hit.post_id for hit in search(build(posts), "2023年8月")] == [2, 3, 1]


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("batch_size", "再谈Batch Size与学习率"),
        ("beta进制", "RoPE是一种β进制编码"),
        ("zeta", "黎曼ζ函数"),
        ("moe环游记最后一篇", "MoE环游记：9、门控归一化之争"),
    ],
)
def test_another_writing_finds_all_of_a_title(query: str, title: str) -> None:
    hits = search(build((post(1, title), post(2, "毫不相干"))), query)

    assert [(hit.post_id, hit.whole) for hit in hits] == [(1, True)]


def test_letters_in_the_middle_of_a_word_do_not_precede_a_translation() -> None:
    posts = (
        post(1, "只用Decoder的架构", day=date(2024, 1, 1)),
        post(2, "求解常微分方程", day=date(2012, 1, 1)),
        post(3, "花式NeuralODE", day=date(2011, 1, 1)),
        post(4, "再谈ODE", day=date(2010, 1, 1)),
    )

    assert [hit.post_id for hit in search(build(posts), "ode")] == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("typed", "period"),
    [
        ("上个月", Period(year=2023, month=12)),
        ("本月", Period(year=2024, month=1)),
        ("去年3月", Period(year=2023, month=3)),
        ("Last  Month", Period(year=2023, month=12)),
        ("如今年轻人", None),
        ("过去年代", None),
        ("晚上月亮", None),
        ("提前年", None),
        ("一九九八", None),  # before the blog
        ("二〇二二三", None),
        ("Typecho 1.2.2023-2024", None),
        ("2023年后门攻击", Period(year=2023)),
        ("2023年2月30日", Period(year=2023, month=2)),
        ("2023年3月到5月", Span(first=date(2023, 3, 1), last=date(2023, 5, 31))),
        ("前年至今", Span(first=date(2022, 1, 1))),
    ],
)
def test_words_for_a_year_or_month_mean_that_of_today(typed: str, period: Period | Span | None) -> None:
    assert parse_query(typed, date(2024, 1, 2)).period == period


@pytest.mark.parametrize(
    "typed",
    ["扩散模型2023", "MoE环游记 最新一篇", "扩散模型漫谈上一篇", "扩散模型最近三篇", "扩散模型这一篇"],
)
def test_a_year_or_a_count_is_no_episode(typed: str) -> None:
    assert parse_query(typed).episodes == ()


def test_an_episode_precedes_literal_titles() -> None:
    hits = search(INDEX, "扩散模型 2")

    assert hits[0].tier is Tier.EPISODE


def test_the_most_are_the_best() -> None:
    assert [hit.post_id for hit in search(INDEX, "注意力 by:readers", most=1)] == [5]
    assert [hit.post_id for hit in search(INDEX, "位置编码", most=1)] == [4]


@given(st.text(max_size=40))
def test_no_query_fails_and_no_post_is_found_twice(query: str) -> None:
    found = [hit.post_id for hit in search(INDEX, query)]

    assert len(found) == len(set(found))


@given(st.lists(st.sampled_from(POSTS), unique=True), st.sampled_from(["注意力", "#GAN", "扩散 1", "tidu"]))
def test_other_posts_do_not_decide_whether_a_literal_title_is_found(some: list[Post], query: str) -> None:
    whole, part = search(INDEX, query), search(build(some) if some else Index(), query)
    literal = {hit.post_id for hit in whole if hit.tier is Tier.TITLE} & {each.id for each in some}

    assert literal <= {hit.post_id for hit in part}

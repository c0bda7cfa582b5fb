"""Literal matches, their order and context, and the incremental index."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.search.index import Index, build, update
from bot.search.normalize import Snippet, normalize
from bot.search.query import LONGEST_QUERY, query_words
from bot.search.ranker import MOST_HITS, Hit, search
from storage.model import Certainty, Post, PostId


def post(
    number: int,
    title: str = "无题",
    excerpt: str = "",
    tags: tuple[str, ...] | None = None,
    day: date | None = date(2023, 1, 1),
    inferred: tuple[str, ...] = (),
) -> Post:
    return Post(
        id=PostId(number),
        title=title,
        title_key=title,
        date=day,
        month_day=None,
        date_certainty=Certainty.GIVEN,
        readers=None,
        readers_at=None,
        comments=None,
        category=None,
        tags=tags,
        inferred_tags=inferred,
        excerpt=excerpt,
        series=None,
        series_key=None,
        episode=None,
        style=None,
        archive_id=None,
        first_seen_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


ROPE = post(
    1,
    "Transformer升级之路：10、RoPE是一种β进制编码",
    "这里把整数$n$写成$\\beta$进制，由此给出一种新的理解。设矩阵$\\boldsymbol{A}$可逆，外推就容易了。",
    day=date(2023, 7, 6),
)
GAN = post(2, "从ReFlow到WGAN-GP", "从“ODE”出发推导GAN。", ("优化", "GAN", "扩散"), date(2023, 6, 28))
BIAS = post(
    3, "Bias项的神奇作用：RoPE + Bias = 更好的长度外推性", "偏置 100% 有用，a_b。", day=date(2023, 4, 3)
)
OLD = post(4, "我害怕", "说不出的怕。", day=None, inferred=("情感",))
BY_ID = {each.id: each for each in (ROPE, GAN, BIAS, OLD)}
INDEX = build([OLD, GAN, ROPE, BIAS])


def found(words: str, index: Index = INDEX) -> list[int]:
    return [hit.post_id for hit in search(index, words)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("怕", [4]),
        ("外推", [3, 1]),
        ("rope", [1, 3]),
        ("ＲｏＰＥ", [1, 3]),
        ("RoPE 外推", [3, 1]),
        ("外推 RoPE", [3, 1]),
        ("GAN ODE", [2]),
        ("gan", [2]),
        ("RoPE+Bias", [3]),
        ("RoPE 害怕", [4, 3, 1]),
        ("β进制", [1]),
        (r"$\beta$进制", [1]),
        (r"\boldsymbol{A}可逆", [1]),
        ("矩阵A", [1]),
        ("情感", [4]),
        ("%", [3]),
        ("100%", [3]),
        ("a_b", [3]),
        ("_", [3]),
        ('"ODE"', [2]),
        ("“ODE", [2]),
        ("'", []),
        ("' OR 1=1", []),
        ("", []),
        ("   ", []),
        ("$", []),
        ("\x00", []),
        ("优化、GAN", [2]),
        ("优化扩散", [2]),
    ],
)
def test_which_posts_match_in_which_order(words: str, expected: list[int]) -> None:
    assert found(words) == expected


def shown(hit: Hit, of: Post) -> Snippet:
    """Return the field with the most matches."""
    return max(hit.title(of), hit.tags(of), hit.excerpt(of), key=lambda text: sum(match for _, match in text))


def test_title_before_tag_before_excerpt_then_newest() -> None:
    posts = [
        post(1, excerpt="扩散", day=date(2025, 1, 1)),
        post(2, tags=("扩散",), day=date(2020, 1, 1)),
        post(3, "扩散", day=date(2010, 1, 1)),
        post(4, "扩散", day=date(2012, 1, 1)),
        post(5, "扩散", day=date(2012, 1, 1)),
        post(6, "扩散", day=None),
    ]

    assert [hit.post_id for hit in search(build(posts), "扩散")] == [5, 4, 3, 6, 2, 1]


def test_words_that_are_spread_are_marked_in_each_part() -> None:
    spread = post(1, "生成模型", "谈谈采样", ("扩散",))
    (hit,) = search(build([spread]), "生成 扩散")

    assert hit.title(spread) == (("生成", True), ("模型", False))
    assert (hit.tags(spread), hit.excerpt(spread)) == ((("扩散", True),), ())


def test_site_tags_hide_the_inferred() -> None:
    assert found("情感", build([post(1, tags=("生活",), inferred=("情感",))])) == []


def test_a_query_is_cut() -> None:
    assert query_words("长" * 300) == ("长" * LONGEST_QUERY,)
    assert query_words("GAN gan ＧＡＮ") == ("gan",)


def test_hits_have_an_end_and_are_the_newest() -> None:
    index = build(
        post(number, "怕", day=date.fromordinal(700_000 + number)) for number in range(MOST_HITS + 50)
    )

    assert found("怕", index) == list(range(MOST_HITS + 49, 49, -1))


@pytest.mark.parametrize(
    ("words", "snippet"),
    [
        ("害", (("我", False), ("害", True), ("怕", False))),
        (
            "rope 编码",
            (
                ("Transformer升级之路：10、", False),
                ("RoPE", True),
                ("是一种β进制", False),
                ("编码", True),
            ),
        ),
        ("情感", (("情感", True),)),
        ("gan 扩散", (("优化、", False), ("GAN", True), ("、", False), ("扩散", True))),
        ("ode", (("从“", False), ("ODE", True), ("”出发推导GAN。", False))),
        (
            "矩阵A",
            (
                ("…写成$\\beta$进制，由此给出一种新的理解。设", False),
                ("矩阵$\\boldsymbol{A}$", True),
                ("可逆，外推就容易了。", False),
            ),
        ),
    ],
)
def test_matches_are_shown_in_context_and_formulas_whole(
    words: str, snippet: tuple[tuple[str, bool], ...]
) -> None:
    (hit, *_) = search(INDEX, words)

    assert shown(hit, BY_ID[hit.post_id]) == snippet


def test_long_excerpts_are_cut_on_both_sides_and_lines_joined() -> None:
    long = post(1, excerpt="前" * 100 + "\n中\n" + "后" * 100)
    (hit,) = search(build([long]), "中")

    assert shown(hit, long) == (("…" + "前" * 23 + " ", False), ("中", True), (" " + "后" * 55 + "…", False))


def test_overlapping_matches_become_one() -> None:
    (hit,) = search(build([post(1, "扩散模型")]), "扩散模 散模型")

    assert shown(hit, post(1, "扩散模型")) == (("扩散模型", True),)


@pytest.mark.parametrize("words", ["$ 米汤", "米汤 $", "{} 米汤", r"\left 米汤"])
def test_markup_without_a_token_is_no_word(words: str) -> None:
    (hit,) = search(build([post(1, "煮米汤")]), words)

    assert "" not in hit.texts
    assert hit.title(post(1, "煮米汤")) == (("煮", False), ("米汤", True))


def test_changed_posts_replace_what_was_known() -> None:
    renamed = replace(GAN, title="改了题目", tags=None, excerpt="")
    new = post(9, "新的GAN", day=date(2026, 1, 1))
    index = update(INDEX, [renamed, new], gone=[OLD.id])

    assert found("GAN", index) == [9]
    assert found("改了", index) == [2]
    assert found("怕", index) == []
    assert found("gan", INDEX) == [2]
    assert found("怕", update(index, [OLD])) == [4]
    assert found("GAN", update(index, [], gone=[new.id])) == []


def test_many_changes_give_what_a_new_index_gives() -> None:
    posts = [
        post(number, f"第{number}篇", f"谈{number % 7}", day=date.fromordinal(700_000 + number % 97))
        for number in range(600)
    ]
    grown = Index()
    for start in range(0, 600, 50):
        grown = update(grown, posts[start : start + 50])

    for words in ("篇", "第5", "谈3", "谈 9"):
        assert found(words, grown) == found(words, build(posts))


TEXTS = st.text(alphabet="aAbG中文扩散 _%\\${}β", max_size=12)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=8), TEXTS)
def test_every_post_with_all_words_is_found(parts: list[tuple[str, str, str]], words: str) -> None:
    posts = [post(number, title, excerpt, (tag,)) for number, (title, excerpt, tag) in enumerate(parts)]
    wanted = query_words(words)
    hits = search(build(posts), words)
    holding = {
        number
        for number, part in enumerate(parts)
        if wanted and all(any(word in query_text for query_text in _folded(part)) for word in wanted)
    }

    assert {hit.post_id for hit in hits} >= holding
    for hit in hits:
        if hit.post_id in holding:
            assert any(match for _, match in shown(hit, posts[hit.post_id]))


def _folded(part: tuple[str, str, str]) -> list[str]:
    return [normalize(text) for text in part]

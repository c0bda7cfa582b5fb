"""Terms that the brackets of posts teach: which pairs are plausible, and what queries find by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.search.glossary import bracketed, learn, plausible
from bot.search.index import Index, build, update
from bot.search.ranker import search
from storage.model import PostId
from tests.tools.quality_search import post

LEARNT: dict[str, tuple[str, tuple[str, str]]] = {
    "several words": ("谈谈软木耦合（Cork Coupling）", ("软木耦合", "cork coupling")),
    "reversed": ("谈谈 Cork Coupling（软木耦合）", ("软木耦合", "cork coupling")),
    "half-width brackets with a blank": ("所谓软木耦合 (cork-coupling)。", ("软木耦合", "cork-coupling")),
    "quotes": ("所谓“软木耦合”（cork coupling）", ("软木耦合", "cork coupling")),
    "acronym": ("软木耦合（CKC）很快。", ("软木耦合", "ckc")),
    "a word without capitals": ("软木耦合（corking）", ("软木耦合", "corking")),
    "words before the term": (
        "我们基于它提出一种新的软木耦合（Cork Coupling）",
        ("软木耦合", "cork coupling"),
    ),
    "also called": ("它也称为软木耦合（cork coupling）", ("软木耦合", "cork coupling")),
    "traditional": ("軟木耦合（cork coupling）", ("软木耦合", "cork coupling")),
}

NOT_LEARNT = {
    "a name": "账号整理器(Corkscrew)",
    "a version": "浏览器插件(Cork Coupling v0.1)",
    "one letter": "软木定理(S4)",
    "two terms": "软木与石墨(Cork)",
    "long": "这篇讲述软木如何相互耦合起来(cork coupling)",
    "short": "木(cork coupling)",
    "a remark": "软木耦合（cork coupling，下同）",
    "a number": "软木耦合（2024）",
    "a formula": "软木耦合（$x_t$）",
    "in the glossary": "软木耦合（diffusion model）",
    "its Chinese in the glossary": "扩散模型（Cork Coupling）",
    "not adjacent": "软木耦合，（cork coupling）",
}


@pytest.mark.parametrize(("text", "pair"), LEARNT.values(), ids=LEARNT)
def test_a_plausible_pair_is_learnt(text: str, pair: tuple[str, str]) -> None:
    chinese, latin = pair

    assert _learnt(text) == {chinese: latin, latin.replace("-", " "): chinese}


@pytest.mark.parametrize("text", NOT_LEARNT.values(), ids=NOT_LEARNT)
def test_other_brackets_teach_nothing(text: str) -> None:
    assert _learnt(text) == {}


def _learnt(*texts: str) -> dict[str, str]:
    return learn(pair for text in texts for pair in plausible(bracketed(text)))


def test_a_name_is_learnt_from_two_posts() -> None:
    assert _learnt("软木定理（Corkman）", "再谈软木定理（Corkman）") == {
        "corkman": "软木定理",
        "软木定理": "corkman",
    }


def test_of_several_partners_the_most_frequent_or_none() -> None:
    once = ("软木耦合（cork coupling）", "石墨耦合（cork coupling）")

    assert _learnt(*once) == {}
    assert _learnt(*once, once[0])["cork coupling"] == "软木耦合"
    assert _learnt("软木耦合（cork coupling）", "软木耦合（cork pairing）") == {}


POSTS = (
    post(1, "软木耦合的代价", excerpt="从头说起。"),
    post(2, "煮米汤", excerpt="锅盖用到的是软木耦合（Cork Coupling），很紧。"),
    post(3, "磨豆浆", excerpt="与此无关。"),
    post(4, "On Cork Coupling", excerpt="第四篇。"),
)


def _found(index: Index, query: str) -> list[int]:
    return [hit.post_id for hit in search(index, query)]


def test_queries_find_the_other_language() -> None:
    index = build(POSTS)

    assert set(_found(index, "cork couplings")) == {1, 2, 4}
    assert set(_found(index, "軟木耦合")) == {1, 2, 4}
    assert _found(index, "cork coupling")[0] == 4
    assert _found(index, "软木耦合")[0] == 1
    assert 1 not in _found(build([POSTS[0], POSTS[3]]), "cork coupling")


def test_what_is_learnt_follows_the_posts() -> None:
    index = build([POSTS[0], POSTS[3]])
    taught = update(index, [POSTS[1]])
    merged = update(taught, [post(number, f"第{number}篇") for number in range(10, 400)])

    assert 1 in _found(taught, "cork coupling")
    assert 1 in _found(merged, "cork coupling")
    assert 1 not in _found(update(merged, [], gone=[PostId(2)]), "cork coupling")


_PIECES = st.sampled_from(
    ["软木", "耦合", "（", "）", "(", ")", "Cork", "cork", " ", "-", "的", "与", "，", "x"]
)


@given(st.lists(_PIECES, max_size=14).map("".join), st.lists(_PIECES, max_size=14).map("".join))
def test_every_partner_leads_back(one: str, other: str) -> None:
    learnt = _learnt(one, other)

    assert all(learnt[learnt[chinese].replace("-", " ")] == chinese for chinese in learnt if chinese > "z")

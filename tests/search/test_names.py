"""Typed text and the names it may mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.search.names import MOST_CHOICES, Exact, Found, Name, Nearest, Several, find, fold

SERIES: tuple[Name, ...] = (
    ("transformer升级之路", "Transformer升级之路"),
    ("生成扩散模型漫谈", "生成扩散模型漫谈"),
    ("重温ssm", "重温SSM"),
    ("从最大熵", "“熵”不起：从熵、最大熵原理到最大熵模型"),
    ("低秩近似之路", "低秩近似之路"),
    ("moe环游记", "MoE环游记"),
    ("mup之上", "MuP之上"),
    ("基于流式幂迭代的muon实现", "基于流式幂迭代的Muon实现"),
)
TAGS: tuple[Name, ...] = (
    ("自然语言处理", "自然语言处理"),
    ("自然语言处理", "NLP"),
    ("attention", "attention"),
    ("线性", "线性"),
    ("线性attention", "线性attention"),
    ("c++", "C++"),
)


def exactly(name: str) -> Found:
    return next(Exact(pair) for pair in (*SERIES, *TAGS) if pair[1] == name)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Transformer升级之路", "Transformer升级之路"),
        ("transformer升级之路", "Transformer升级之路"),
        ("ＴＲＡＮＳＦＯＲＭＥＲ升级之路", "Transformer升级之路"),
        ("transformer", "Transformer升级之路"),
        ("  升级 之路 ", "Transformer升级之路"),
        ("SSM", "重温SSM"),
        ("ssm 重温", "重温SSM"),
        ("“熵”不起", "“熵”不起：从熵、最大熵原理到最大熵模型"),
        ("熵不起", "“熵”不起：从熵、最大熵原理到最大熵模型"),
        ("从最大熵", "“熵”不起：从熵、最大熵原理到最大熵模型"),
    ],
)
def test_a_name_or_a_unique_part_of_it_is_enough(query: str, expected: str) -> None:
    assert find(query, SERIES) == exactly(expected)


def test_a_whole_name_goes_before_names_that_contain_it() -> None:
    assert find("Attention", TAGS) == exactly("attention")
    assert find("线性", TAGS) == exactly("线性")


def test_an_alias_finds_its_key() -> None:
    assert find("nlp", TAGS) == Exact(("自然语言处理", "NLP"))


def test_signs_are_names_too() -> None:
    assert find("C++", TAGS) == exactly("C++")


def test_several_matches_give_a_choice_those_that_begin_so_first() -> None:
    names = (("a", "大模型与流"), ("b", "流形上的最速下降"), ("c", "流体"))

    assert find("流", names) == Several((names[2], names[1], names[0]), 3)


def test_a_choice_has_an_end_and_says_how_many_there_were() -> None:
    names = tuple((f"k{number}", f"第{number}种优化") for number in range(30))

    found = find("优化", names)

    assert isinstance(found, Several)
    assert len(found.choices) == MOST_CHOICES
    assert found.total == 30


def test_two_names_of_one_key_are_no_choice() -> None:
    assert find("语言", (*TAGS, ("自然语言处理", "自然语言"))) == Exact(("自然语言处理", "自然语言"))


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("transfomer升级之路", "Transformer升级之路"),
        ("MoE环球记", "MoE环游记"),
        ("低秩逼近之路", "低秩近似之路"),
        ("生成扩散漫谈", "生成扩散模型漫谈"),
        ("扩算模型", "生成扩散模型漫谈"),
        ("流式幂迭代的Moun实现", "基于流式幂迭代的Muon实现"),
    ],
)
def test_a_slip_gives_the_nearest(query: str, first: str) -> None:
    found = find(query, SERIES)

    assert isinstance(found, Nearest)
    assert 1 <= len(found.choices) <= 3
    assert found.choices[0][1] == first


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("生成擴散模型漫談", "生成扩散模型漫谈"),
        ("diffusion", "生成扩散模型漫谈"),
        ("low rank approximation", "低秩近似之路"),
        ("dizhijinsi", "低秩近似之路"),
        ("dzjs", "低秩近似之路"),
        ("shengchengkuosanmoxingmantan", "生成扩散模型漫谈"),
    ],
)
def test_other_scripts_and_languages_mean_the_same_name(query: str, expected: str) -> None:
    assert find(query, SERIES) == exactly(expected)


@pytest.mark.parametrize("query", ["红烧茄子", "quantum cooking", "intention deficit", "x", "1234"])
def test_what_resembles_no_name_suggests_none(query: str) -> None:
    assert find(query, (*SERIES, *TAGS)) == Nearest(())


@pytest.mark.parametrize("query", ["", "   ", "\u3000"])
def test_nothing_typed_finds_nothing(query: str) -> None:
    assert find(query, SERIES) == Nearest(())


def test_nothing_known_finds_nothing() -> None:
    assert find("SSM", ()) == Nearest(())


@given(st.text())
def test_folding_twice_is_folding_once(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(st.text(max_size=60), st.lists(st.tuples(st.text(max_size=5), st.text(max_size=20)), max_size=12))
def test_whatever_is_typed_each_key_is_offered_once(query: str, names: list[Name]) -> None:
    match find(query, names):
        case Exact(name):
            assert name in names
        case Several(choices, total):
            assert 2 <= len(choices) <= total
            assert len({key for key, _ in choices}) == len(choices)
        case Nearest(choices):
            assert len(choices) <= 3
            assert len({key for key, _ in choices}) == len(choices)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=20)), min_size=1))
def test_every_name_is_found_by_itself(names: list[Name]) -> None:
    _, name = names[-1]
    found = find(name, names)

    if fold(name):
        assert not isinstance(found, Nearest)
        if isinstance(found, Exact):
            assert fold(name) in {fold(text) for pair in names if pair[0] == found.name[0] for text in pair}

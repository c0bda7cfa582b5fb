"""Tags: which spellings are one, what may be inferred, and how often that is right."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake.tagging import MOST_TAGS, Tagged, infer_tags, learn, seeds, tag_key
from tests.tools import quality_tags
from tests.tools.shared import needs_shared

SEED = learn(())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("NLP", "自然语言处理"),
        ("nlp", "NLP"),
        ("flow", "流模型"),
        ("扩散模型", "扩散"),
        ("摄动", "微扰"),
        ("Attention", "注意力机制"),
        ("ＧＡＮ", "gan"),
        ("Scaling Law", "尺度定律"),
        (" muon ", "Muon"),
    ],
)
def test_spellings_of_one_tag_have_one_key(one: str, other: str) -> None:
    assert tag_key(one) == tag_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("优化", "优化器"), ("概率", "概率图"), ("线性", "非线性"), ("C", "C++")]
)
def test_neighbouring_tags_stay_apart(one: str, other: str) -> None:
    assert tag_key(one) != tag_key(other)


def test_no_spelling_stands_for_two_tags() -> None:
    spellings = ["".join(word.casefold().split()) for group in seeds().synonyms for word in group]

    assert len(spellings) == len(set(spellings))


@given(st.text())
def test_a_key_is_its_own_key(tag: str) -> None:
    assert tag_key(tag_key(tag)) == tag_key(tag)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Transformer升级之路：13、逆用Leaky ReRoPE", {"attention", "位置编码"}),
        ("生成扩散模型漫谈（一）：DDPM = 拆楼 + 建楼", {"扩散", "生成模型"}),
        ("一个关于gan的小结", {"GAN", "生成模型"}),
        ("科学空间：2009年10月重要天象", {"天象", "观测"}),
        ("MoE环游记：9、闲话", {"moe", "稀疏"}),
        ("organ与Gang，还有Muons", set()),
        ("我害怕", set()),
        ("", set()),
    ],
)
def test_the_seed_vocabulary_alone(title: str, expected: set[str]) -> None:
    assert set(infer_tags(SEED, title, "")) == expected


def test_broad_words_wait_until_the_store_shows_what_they_mean() -> None:
    title = "又一个几何的例子"
    taught: list[Tagged] = [(f"几何{number}", "", ("几何",)) for number in range(9)]

    assert infer_tags(SEED, title, "") == ()
    assert infer_tags(learn(taught), title, "") == ("几何",)


def test_a_word_that_misled_is_silenced() -> None:
    misled: list[Tagged] = [(f"Transformer杂谈第{number}", "", ("杂谈",)) for number in range(6)]

    assert "attention" not in infer_tags(learn(misled), "Transformer又来了", "")


def test_the_name_of_a_series_teaches_its_tags() -> None:
    taught: list[Tagged] = [
        (f"低处的风景（{number}）：{word}", "", ("风景", word)) for number, word in enumerate("山水云石树花")
    ]

    assert infer_tags(learn(taught), "低处的风景（七）：海", "") == ("风景",)


def test_tags_are_spelt_as_the_author_spells_them_most_often() -> None:
    taught: list[Tagged] = [("甲", "", ("Moe",)), ("乙", "", ("MOE",)), ("丙", "", ("MOE",))]

    assert infer_tags(learn(taught), "MoE环游记", "") == ("MOE",)


def test_a_longer_word_hides_the_shorter_within() -> None:
    taught: list[Tagged] = [*[("积分学", "", ["积分"])] * 2, ("路径积分", "", ["路径积分"])]

    assert infer_tags(learn(taught), "谈谈路径积分", "") == ("路径积分",)


@pytest.mark.parametrize(
    ("excerpt", "expected"),
    [
        ("先说GAN。GAN的训练不稳，所以有许多GAN的变种。", {"GAN", "生成模型"}),
        ("顺便提一下GAN。", set()),
        (r"记$\text{GAN}$、$GAN$、\begin{equation}GAN\end{equation}为三个符号。", set()),
    ],
)
def test_an_excerpt_speaks_only_by_insisting_and_not_in_formulas(excerpt: str, expected: set[str]) -> None:
    assert set(infer_tags(SEED, "一点思绪", excerpt)) == expected


def test_the_sky_is_a_figure_of_speech_among_machines() -> None:
    title = "从万有引力到扩散模型"
    taught = learn([("引力助推", "", ("引力",))] * 3)

    assert "引力" in infer_tags(taught, title, "")
    assert "引力" not in infer_tags(taught, title, "", category="信息时代")


def test_never_more_tags_than_an_author_would_give() -> None:
    title = "Keras、GAN、VAE、Muon、SGD、LoRA、DDPM、RoPE与LLM的NER分词"

    assert len(infer_tags(SEED, title, "")) == MOST_TAGS


@given(
    st.lists(
        st.tuples(st.text(max_size=20), st.text(max_size=40), st.lists(st.text(max_size=5), max_size=3))
    ),
    st.text(max_size=40),
    st.text(max_size=80),
)
def test_nothing_odd_raises_and_the_order_of_the_lessons_does_not_matter(
    taught: list[tuple[str, str, Sequence[str]]], title: str, excerpt: str
) -> None:
    assert infer_tags(learn(taught), title, excerpt) == infer_tags(learn(taught[::-1]), title, excerpt)


@needs_shared
def test_inferred_tags_are_mostly_the_authors() -> None:
    score = quality_tags.cross_validate(quality_tags.rows(), 10)

    assert score.precision >= 0.85
    assert score.recall >= 0.40

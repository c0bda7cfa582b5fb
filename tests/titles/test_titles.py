import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.titles import clean_title, compact, flatten, shown_title, title_key

WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F))
TITLES = st.text(
    st.one_of(st.sampled_from("，：？！（）；～…. \u00a0\u3000《》“”一1."), st.characters()), max_size=60
)


@pytest.mark.parametrize(
    ("title", "flat"),
    [
        ("预训练一下，Transformer的长序列成绩还能涨不少！", "预训练一下,Transformer的长序列成绩还能涨不少!"),
        ("听说Attention与Softmax更配哦～", "听说Attention与Softmax更配哦~"),
        ("生成扩散模型漫谈（一）：DDPM", "生成扩散模型漫谈(一):DDPM"),
        ("GAN＝“挖坑”＋“跳坑”", "GAN=“挖坑”+“跳坑”"),
        ("【备忘】《向量》系列——1、2。", "【备忘】《向量》系列——1、2。"),
        ("Coming Back…\u00a0\u3000", "Coming Back…\u00a0\u3000"),
        (WIDE, "".join(chr(code) for code in range(0x21, 0x7F))),
    ],
)
def test_flattening_is_that_of_the_dumps(title: str, flat: str) -> None:
    assert flatten(title) == flat


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("流形上的最速下降：1.  SGD + 超球面", "流形上的最速下降:1. SGD + 超球面"),
        ("Coming Back…", "Coming Back..."),
        ("Adam优化器的最优超参数是β1=β2 ？", "Adam优化器的最优超参数是β1=β2?"),
        ("\ufeff我害怕\u200b", "我害怕"),
        ("日食记\u3000", "\u00a0日食记"),
        pytest.param("Schrödinger方程", "Schro\u0308dinger方程", id="composed and decomposed"),
        pytest.param("示例\u00ad漫谈", "示例漫谈\u200e", id="soft hyphen and direction mark"),
        pytest.param("集合\ufe0f\u2061论", "集合论", id="variation selector and function application"),
        pytest.param("“闭门造车”之‘甲’", "\"闭门造车\"之'甲'", id="curly and straight quotes"),
        pytest.param("„甲‟与＂乙＂", '"甲"与“乙”', id="low and full-width quotes"),
        pytest.param("A &amp;amp; B &lt; C", "A & B < C", id="escaped twice and once"),
        pytest.param("矩阵&#8203;与&#x77E9;阵", "矩阵与矩阵", id="numeric entities"),
    ],
)
def test_one_post_has_one_key(a: str, b: str) -> None:
    assert title_key(a) == title_key(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("《新理解矩阵1》：矩阵是什么？", "《新理解矩阵2》：矩阵是什么？"),
        ("为什么现在的LLM都是Decoder-only的架构？", "《为什么现在的LLM都是Decoder-only的架构？》FAQ"),
        ("关于muon", "关于Muon"),
        ("AT&T;", "AT"),
        ("x <y> z", "x z"),
    ],
)
def test_two_posts_have_two_keys(a: str, b: str) -> None:
    assert title_key(a) != title_key(b)


@pytest.mark.parametrize(
    ("a", "b", "shown"),
    [
        ("如何训练你的准确率?", "如何训练你的准确率？", "如何训练你的准确率？"),
        ("如何训练你的准确率？", "如何训练你的准确率?", "如何训练你的准确率？"),
        ("MLA好在哪里?（上）", "MLA好在哪里?(上)", "MLA好在哪里?（上）"),
        ("Coming Back...", "Coming Back…", "Coming Back..."),
        ('"闭门造车"之甲', "“闭门造车”之甲", "“闭门造车”之甲"),
        ("A &amp; B：甲", "A & B:甲", "A & B:甲"),
    ],
)
def test_the_full_width_title_is_shown(a: str, b: str, shown: str) -> None:
    assert shown_title(a, b) == shown


@given(TITLES)
@example("．．．")
@example("…" * 3 + " .")
@example("…" * 400)
@example("＆amp；lt;")
@example("& a m p ; # 8 2 0 3 ;")
@example("e\u200d\u0308")
def test_the_key_of_a_key_is_itself(title: str) -> None:
    assert title_key(title_key(title)) == title_key(title)


@given(TITLES)
def test_flattening_changes_neither_length_nor_key(title: str) -> None:
    assert len(flatten(title)) == len(title)
    assert flatten(flatten(title)) == flatten(title)
    assert title_key(flatten(title)) == title_key(title)
    assert shown_title(flatten(title), title) == title


def test_what_is_far_too_long_for_a_title_goes_by_its_beginning() -> None:
    assert title_key("矩 阵，" * 5000) == title_key("矩 阵，" * 200)
    assert len(title_key("…" * 10_000)) <= 500


@given(TITLES)
def test_a_clean_title_has_the_same_key(title: str) -> None:
    assert clean_title(clean_title(title)) == clean_title(title)
    assert title_key(clean_title(title)) == title_key(title)
    assert compact(compact(title)) == compact(title)

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.titles import (
    LIKELY_NUMBER,
    LONGEST,
    STYLES,
    Style,
    clean_title,
    compact,
    flatten,
    number_of,
    read_title,
    series_key,
    shown_title,
    spread,
    title_key,
)
from tests.tools.quality_titles import TITLES_BY_STYLE, Truth, read_truths

REAL = read_truths(TITLES_BY_STYLE)
NUMBERED = [truth for truth in REAL if truth.episode is not None]
SIGNS = "（）()：:、. .—《》【】[]“”⋅ 系列上中下一二十九零123４５vV?？！"
ODD_TITLES = st.text(st.one_of(st.sampled_from(SIGNS), st.characters()), max_size=80)
ONES = "零一二三四五六七八九"


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_each_style_reads_its_example(style: Style) -> None:
    reading = read_title(style.example)
    assert reading is not None
    assert reading.style == style.name


@pytest.mark.parametrize("truth", NUMBERED, ids=lambda truth: truth.title)
def test_a_real_title_tells_its_number_in_both_forms(truth: Truth) -> None:
    wide, flat = read_title(truth.title), read_title(flatten(truth.title))
    assert wide is not None
    assert flat is not None
    assert (wide.episode, wide.style) == (truth.episode, truth.style)
    assert (flat.episode, flat.style, flat.key) == (wide.episode, wide.style, wide.key)
    assert flat.series == flatten(wide.series)


@pytest.mark.parametrize("truth", [t for t in REAL if t.style == "none"], ids=lambda truth: truth.title)
def test_a_look_alike_has_no_number(truth: Truth) -> None:
    assert read_title(truth.title) is None
    assert read_title(flatten(truth.title)) is None


@pytest.mark.parametrize(
    ("title", "series", "episode", "subtitle"),
    [
        ("Transformer升级之路：20、MLA好在哪里?（上）", "Transformer升级之路", 20, "MLA好在哪里?（上）"),
        ("从费马大定理谈起（六）：n=4（2）", "从费马大定理谈起", 6, "n=4（2）"),
        ("数学基本技艺之23、24（下）", "数学基本技艺之23、24", 2, ""),
        ("流形上的最速下降：1.  SGD + 超球面", "流形上的最速下降", 1, "SGD + 超球面"),
        ("[春礼]《方程与宇宙》:三体问题(七)", "方程与宇宙", 7, "三体问题"),
        ("【中文分词系列】 8. 更好的新词发现算法", "中文分词系列", 8, "更好的新词发现算法"),
        ("重温SSM （一） ： 线性系统", "重温SSM", 1, "线性系统"),
        ("[更新]电偶极子浅探（2）（完）", "电偶极子浅探", 2, ""),
        ("生活拾零（二）...", "生活拾零", 2, ""),
        ("【搜出来的文本】（二）从MCMC到模拟退火", "搜出来的文本", 2, "从MCMC到模拟退火"),
        ("漫谈GAN(2)", "漫谈GAN", 2, ""),
        ("虚拟的实在（十）——题", "虚拟的实在", 10, "题"),
        ("从零开始的系列：0. 前言", "从零开始的系列", 0, "前言"),
    ],
)
def test_the_outer_number_counts(title: str, series: str, episode: int, subtitle: str) -> None:
    reading = read_title(title)
    assert reading is not None
    assert (reading.series, reading.episode, reading.subtitle) == (series, episode, subtitle)


@pytest.mark.parametrize(
    "title",
    [
        "清单：1、2、3",
        "圆周率：3.14",
        "漫谈SO(3)",
        "狄拉克与f(2)",
        "如何计算ζ(2)？",
        "再算exp(1)",
        "概率之和为1",
        "把版本升级到3",
        "某年某事（2010）",
        "某事（第二）",
        "（一）",
        "《》：（一）",
        "1",
        "",
    ],
)
def test_other_numbers_are_no_episodes(title: str) -> None:
    assert read_title(title) is None


@pytest.mark.parametrize(("part", "episode"), [("上", 1), ("中", 2), ("下", 2)])
def test_parts_say_that_they_are_parts(part: str, episode: int) -> None:
    reading = read_title(f"算子与线性常微分方程({part})")
    assert reading is not None
    assert (reading.part, reading.episode) == (part, episode)


def test_an_inner_part_is_none() -> None:
    reading = read_title("生成扩散模型漫谈（十七）：构建ODE的一般步骤（下）")
    assert reading is not None
    assert reading.part is None


@given(st.integers(0, 99))
def test_chinese_numbers_to_ninety_nine(number: int) -> None:
    tens, ones = divmod(number, 10)
    written = (
        ONES[ones] if not tens else (ONES[tens] if tens > 1 else "") + "十" + (ONES[ones] if ones else "")
    )
    assert number_of(written) == number
    assert number_of(str(number)) == number
    reading = read_title(f"生成扩散模型漫谈（{written}）：题")
    assert reading is not None
    assert reading.episode == number


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("“让Keras更酷一些！”", "让Keras更酷一些"),
        ("MoE环游记", "moe 环游记"),
        ("《量子力学与路径积分》习题解答", "量子力学与路径积分习题解答"),
        ("对齐全量微调！这是我看过最精彩的LoRA改进", "对齐全量微调!这是我看过最精彩的LoRA改进"),
    ],
)
def test_a_series_is_known_however_its_name_is_typed(a: str, b: str) -> None:
    assert series_key(a) == series_key(b)


@given(ODD_TITLES)
@example("《" * 40 + "1》：")
@example("（一）：" * 20)
def test_no_title_is_too_odd(title: str) -> None:
    wide, flat = read_title(title), read_title(flatten(title))
    assert (wide is None) == (flat is None)
    if wide is not None and flat is not None:
        assert wide.key == flat.key == series_key(wide.series)
        assert wide.key
        assert 0 <= wide.episode <= 99


@given(ODD_TITLES)
@example("a.\u00a0.")
def test_the_key_of_a_series_key_is_itself(name: str) -> None:
    assert series_key(series_key(name)) == series_key(name)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_markers_repeat_nothing_without_bound(style: Style) -> None:
    """So a style takes a bounded number of steps at each place of a title, and none can explode."""
    for pattern in (style.marker, style.lead):
        if pattern is not None:
            assert not re.search(r"[*+]|\{\d*,\}", pattern.pattern)


@pytest.mark.parametrize("piece", ["（", "（一", "《1》：", " ", "：1、", "【", "——", "[春礼]《", "十"])
def test_what_is_too_long_is_no_title(piece: str) -> None:
    assert read_title(piece * 5000) is None
    assert read_title("系列" + piece * LONGEST + "（一）") is None


@given(ODD_TITLES)
def test_the_first_look_passes_over_no_number_that_a_style_would_read(title: str) -> None:
    flat = spread(title)
    if any(style.marker.search(flat, 1) for style in STYLES):
        assert LIKELY_NUMBER.search(flat) is not None


@pytest.mark.parametrize("title", ["测试漫游之10", "测试漫游之12：第十二站"])
def test_two_digits_continue_the_series_of_one_digit(title: str) -> None:
    reading, earlier = read_title(title), read_title("测试漫游之9：第九站")
    assert reading is not None
    assert earlier is not None
    assert (reading.key, reading.episode >= 10) == (earlier.key, True)


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

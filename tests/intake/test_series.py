import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.intake.series import (
    NO_OVERRIDES,
    SeriesMembership,
    derive_series,
    read_overrides,
    short_title,
)
from bot.site_profile import TomlError
from bot.titles import flatten, series_key, title_key
from tests.tools.quality_titles import (
    TITLES_BY_STYLE,
    TRUE_TITLES,
    flattened,
    judge,
    read_truths,
    share_false,
    share_right,
)
from tests.tools.shared import needs_shared

REAL = read_truths(TITLES_BY_STYLE)


def derived(*titles: str, overrides: str = "") -> list[tuple[str, int | None] | None]:
    posts = dict(enumerate(titles))
    places = derive_series(posts, read_overrides(overrides))
    return [_told(places.get(index)) for index in range(len(titles))]


def _told(place: SeriesMembership | None) -> tuple[str, int | None] | None:
    return None if place is None else (place.series, place.episode)


@needs_shared
@pytest.mark.parametrize("form", ["full-width", "flattened"])
def test_the_titles_with_known_series_are_read_right(form: str) -> None:
    truths = read_truths(TRUE_TITLES)
    judged = judge(truths if form == "full-width" else flattened(truths))
    assert share_right(judged) >= 0.99
    assert share_false(judged) <= 0.01


@pytest.mark.parametrize("form", ["full-width", "flattened"])
def test_every_style_is_told_from_every_other(form: str) -> None:
    judged = judge(REAL if form == "full-width" else flattened(REAL))
    assert [one for one in judged if not one.right or one.style != one.truth.style] == []


def test_the_last_part_is_the_third_once_there_is_a_middle_one() -> None:
    assert derived("甲方程（上）", "甲方程（下）") == [("甲方程", 1), ("甲方程", 2)]
    assert derived("甲方程（下）", "甲方程（上）", "甲方程（中）", "乙方程（下）") == [
        ("甲方程", 3),
        ("甲方程", 1),
        ("甲方程", 2),
        ("乙方程", 2),
    ]


def test_a_series_goes_on_under_a_shorter_name() -> None:
    assert derived(
        "费曼积分法——积分符号内取微分(1)", "费曼积分法——积分符号内取微分(2)", "费曼积分法(3)：求高斯积分"
    ) == [
        ("费曼积分法", 1),
        ("费曼积分法", 2),
        ("费曼积分法", 3),
    ]


def test_a_shorter_name_with_its_own_count_is_another_series() -> None:
    assert derived("费曼积分法——积分符号内取微分(1)", "费曼积分法(1)：背景", "费曼积分法(2)：求高斯积分") == [
        ("费曼积分法——积分符号内取微分", 1),
        ("费曼积分法", 1),
        ("费曼积分法", 2),
    ]


def test_an_unnumbered_first_part_joins_the_second() -> None:
    assert derived("旋转的弹簧将如何伸长？", "旋转的弹簧将如何伸长(2)？") == [
        ("旋转的弹簧将如何伸长", None),
        ("旋转的弹簧将如何伸长", 2),
    ]
    assert derived("旋转的弹簧将如何伸长？") == [None]


def test_a_post_of_the_same_name_stays_out_where_part_one_is_known() -> None:
    assert derived("信息熵浅探", "信息熵浅探（一）", "信息熵浅探（二）")[0] is None


def test_two_posts_bear_the_same_episode() -> None:
    assert derived("OCR技术浅探：3. 特征提取(1)", "OCR技术浅探：3. 特征提取(2)") == [("OCR技术浅探", 3)] * 2


def test_an_edited_title_joins_the_series_later() -> None:
    assert derived("AdamW的Weight RMS的渐近估计") == [None]
    assert derived("AdamW的Weight RMS的渐近估计（上）", "AdamW的Weight RMS的渐近估计（下）") == [
        ("AdamW的Weight RMS的渐近估计", 1),
        ("AdamW的Weight RMS的渐近估计", 2),
    ]


def test_the_name_is_shown_full_width_where_it_is_known() -> None:
    wide = "对齐全量微调！这是我看过最精彩的LoRA改进"
    assert derived(f"{flatten(wide)}(一)", f"{wide}（二）") == [(wide, 1), (wide, 2)]


def test_an_unnumbered_part_of_a_numbered_series_joins_it() -> None:
    assert derived(
        "《方程与宇宙》:二体问题的来来去去(一)",
        "《方程与宇宙》:三体问题和它的初积分(六)",
        "《方程与宇宙》：一种有趣的三体问题坐标",
    )[2] == ("方程与宇宙", None)


@pytest.mark.parametrize(
    "titles",
    [
        (
            "当概率遇上复变：解析概率",
            "当概率遇上复变：随机游走与路径积分",
            "当概率遇上复变：从二项分布到泊松分布",
        ),
        ("[欧拉数学]黎曼ζ函数", "[欧拉数学]素数倒数之和", "[欧拉数学]找出严谨的答案"),
        ("《教材如何写》:甲", "《教材如何写》:乙", "《教材如何写》：丙"),
        ("细水长flow之NICE：甲", "细水长flow之Glow：乙", "细水长flow之f-VAEs：丙"),
        ("让人惊叹的引理：理论篇", "让人惊叹的引理：应用篇"),
        ("《量子力学与路径积分》习题解答V0.1", "《量子力学与路径积分》习题解答V0.2"),
    ],
)
def test_posts_with_a_common_front_are_a_series_together_only(titles: tuple[str, ...]) -> None:
    places = derived(*titles)
    assert len(set(places)) == 1
    assert places[0] is not None
    assert derived(titles[0]) == [None]


@pytest.mark.parametrize(
    "titles",
    [
        ("当概率遇上复变：解析概率", "当概率遇上复变：随机游走与路径积分"),
        ("【备忘】谈谈dropout", "【备忘】历史天气查询", "【备忘】电脑远程控制"),
        ("[问题解答]木杆平衡", "[问题解答]双曲线上的最短距离", "[问题解答]有多少位数字？"),
        ("[SETI-50周年]甲", "[SETI-50周年]乙", "[SETI-50周年]丙"),
        ("科学空间：2010年1月重要天象", "科学空间：2010年2月重要天象", "科学空间：2010年3月重要天象"),
        ("一月天空：2010年1月概览", "一月天空：2010年2月概览", "一月天空：2010年3月概览"),
        ("Cool Papers更新：甲", "Cool Papers更新：乙", "Cool Papers更新：丙"),
        ("GPLinker：甲", "GPLinker：乙", "GPLinker：丙"),
        ("智能家居之小爱同学控制", "智能家居之手搓零冷水", "智能家居之热水器"),
        ("趣题：甲", "趣题：乙", "趣题：丙"),
        tuple(f"长长的专栏：题目{sign}" for sign in "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未"),
        ("轻便的深度学习分词系统：NNCWS v0.1", "轻便的深度学习分词系统：NNCWS v0.2"),
        ("浏览器扩展升级至V0.1", "浏览器扩展升级至V0.2"),
        ("玩转树莓派3",),
    ],
)
def test_a_column_is_no_series(titles: tuple[str, ...]) -> None:
    assert derived(*titles) == [None] * len(titles)


def test_the_operator_has_the_last_word() -> None:
    assert derived(
        "一个人的数学建模：碎纸复原",
        "三顾碎纸复原：基于CNN的碎纸复原",
        "收谷问题(1)",
        "《变形金刚2》：观后感",
        "MuP之上：1. 好模型的三个特征",
        overrides="""
            [titles]
            "一个人的数学建模:碎纸复原" = "碎纸复原（一）"
            "三顾碎纸复原：基于CNN的碎纸复原" = "碎纸复原"
            "《变形金刚2》：观后感" = ""
            [series]
            "mup之上" = "MuP"
            "收谷问题" = ""
        """,
    ) == [("碎纸复原", 1), ("碎纸复原", None), None, None, ("MuP", 1)]


@pytest.mark.parametrize(
    ("title", "series", "short"),
    [
        ("生成扩散模型漫谈（一）：DDPM = 拆楼 + 建楼", "生成扩散模型漫谈", "DDPM = 拆楼 + 建楼"),
        ("生成扩散模型漫谈(一):DDPM = 拆楼 + 建楼", "生成扩散模型漫谈", "DDPM = 拆楼 + 建楼"),
        ("《方程与宇宙》:拉格朗日点的点点滴滴(八)", "方程与宇宙", "拉格朗日点的点点滴滴"),
        ("费曼积分法——积分符号内取微分(1)", "费曼积分法", "积分符号内取微分"),
        ("[欧拉数学]黎曼ζ函数", "欧拉数学", "黎曼ζ函数"),
        ("细水长flow之NICE：流模型", "细水长flow", "NICE：流模型"),
        ("电偶极子浅探（1）", "电偶极子浅探", "电偶极子浅探（1）"),
        ("旋转的弹簧将如何伸长？", "旋转的弹簧将如何伸长", "旋转的弹簧将如何伸长？"),
        ("收谷问题(1)", "另一系列", "收谷问题(1)"),
    ],
)
def test_a_listing_does_not_repeat_the_name_of_the_series(title: str, series: str, short: str) -> None:
    assert short_title(title, series) == short


@given(st.permutations(range(len(REAL))))
def test_the_order_of_the_archive_does_not_matter(order: list[int]) -> None:
    posts = dict(enumerate(truth.title for truth in REAL))
    assert derive_series({index: posts[index] for index in order}) == derive_series(posts)


@given(
    st.lists(
        st.text(
            st.one_of(st.sampled_from("甲乙丙（）一上中下：—《》[]之1Vv.？ "), st.characters()), max_size=30
        )
    )
)
def test_any_titles_have_the_same_places_in_both_forms(titles: list[str]) -> None:
    wide = derive_series(dict(enumerate(titles)))
    flat = derive_series(dict(enumerate(flatten(title) for title in titles)))
    assert {id_: (place.key, place.episode) for id_, place in wide.items()} == {
        id_: (place.key, place.episode) for id_, place in flat.items()
    }


@pytest.mark.parametrize("piece", ["（", "（一", "《1》：", " ", "：1、", "【", "[", "——", "之", "?"])
def test_monstrous_titles_are_in_no_series(piece: str) -> None:
    assert derived(*[piece * 5000 + sign for sign in "甲乙丙丁"]) == [None] * 4


def test_titles_and_series_are_known_by_their_keys() -> None:
    overrides = read_overrides('[titles]\n"日食记 ！" = "日食（一）"\n[series]\n"MoE 环游记" = "MoE"\n')
    assert overrides.titles == {title_key("日食记!"): "日食（一）"}
    assert overrides.series == {series_key("moe环游记"): "MoE"}


def test_nothing_is_an_empty_text() -> None:
    assert read_overrides("") == NO_OVERRIDES
    assert read_overrides("# 尚无更正\n[titles]\n[series]\n") == NO_OVERRIDES


@pytest.mark.parametrize(
    ("name", "shown"),
    [("甲", "丙"), ("乙", "丙"), ("丁", "丁"), ("戊", ""), ("moe", "MoE"), ("“己”", "己")],
)
def test_names_are_followed_to_the_end(name: str, shown: str) -> None:
    overrides = read_overrides('[series]\n"甲" = "乙"\n"乙" = "丙"\n"戊" = ""\nmoe = "MoE"\n"己" = "己"\n')
    assert overrides.renamed(name) == shown


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('[titles]\n"甲" = \n', 2, "this is not TOML"),
        ('[titles]\n"甲" = "乙"\n"丙" "丁"\n', 3, "this is not TOML"),
        ('[titles]\n"甲" = "乙"\n"甲" = "丙"\n', 3, "this is not TOML"),
        ('[titles]\n"甲" = "乙', 2, "this is not TOML"),
        ('\n[title]\n"甲" = "乙"\n', 2, "there is no section 'title'"),
        ('"甲" = "乙"\n', 1, "there is no section '甲'"),
        ('series = "乙"\n', 1, "series must be a section"),
        ('[series]\n# "甲" is old\n"甲" = 3\n', 3, "must be followed by a text"),
        ('[titles]\n"甲" = ["乙"]\n', 2, "must be followed by a text"),
        ('[series]\n"甲 " = "乙"\n"《甲》" = "丙"\n', 3, "is the same as a line above"),
        ('[series]\n"《》" = "丙"\n', 2, "has no letter"),
        ('[titles]\n"甲" = "《》"\n', 2, "has no letter"),
        ('[series]\n"甲" = "乙"\n"乙" = "丙"\n"丙" = "甲"\n', 2, "leads back to itself"),
        ("[titles]\na = " + "[" * 5000, 2, "this is not TOML"),
        ("[titles]\na = " + "9" * 5000, 2, "this is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_reason(text: str, line: int, reason: str) -> None:
    with pytest.raises(TomlError) as caught:
        read_overrides(text)
    assert caught.value.line == line
    assert reason in caught.value.reason
    assert str(caught.value).startswith(f"line {line}: ")


@example("'\x1e0")  # a sign that ends a line for Python only
@given(st.text(st.one_of(st.sampled_from('[]titlesr"= \n甲乙#'), st.characters()), max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert _refused_line(text) in range(text.count("\n") + 2)


def _refused_line(text: str) -> int:
    """The line at which the text is refused, 0 if it is read."""
    try:
        read_overrides(text)
    except TomlError as error:
        return error.line
    return 0

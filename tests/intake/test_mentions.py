"""Titles in 《》: which are read, what kind they are, and which post is meant."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake.derive import ReferenceKind, references_in, resolve, titles_of
from bot.titles import flatten, title_key
from storage.model import PostId

TITLES = (
    "生成扩散模型漫谈（一）：DDPM = 拆楼 + 建楼",
    "生成扩散模型漫谈（十）：统一扩散模型（理论篇）",
    "生成扩散模型漫谈（十一）：统一扩散模型（应用篇）",
    "Transformer升级之路：7、长度外推性与局部注意力",
    "Transformer升级之路：8、长度外推性与位置鲁棒性",
    "为什么现在的LLM都是Decoder-only的架构？",
    "《为什么现在的LLM都是Decoder-only的架构？》FAQ",
    "MuP之上：2. 线性层与最速下降",
    "“闭门造车”之多模态思路浅谈（二）：自回归",
    "Coming Back...",
    "我害怕",
)


def known(*titles: str) -> Mapping[str, PostId]:
    return {title_key(title): PostId(number) for number, title in enumerate(titles or TITLES)}


@pytest.mark.parametrize(
    ("excerpt", "expected"),
    [
        ("上文《我害怕》说过", [("我害怕", ReferenceKind.POST, False)]),
        (
            "论文《Transformer Quality in Linear Time》和《我害怕》",
            [
                ("Transformer Quality in Linear Time", ReferenceKind.PAPER, False),
                ("我害怕", ReferenceKind.POST, False),
            ],
        ),
        (
            "《《为什么现在的LLM都是Decoder-only的架构?》FAQ》一文",
            [("《为什么现在的LLM都是Decoder-only的架构?》FAQ", ReferenceKind.POST, False)],
        ),
        ("《生成扩散模型漫谈…》", [("生成扩散模型漫谈…", ReferenceKind.POST, True)]),
        ("《Attention is...》", [("Attention is...", ReferenceKind.PAPER, True)]),
        (
            "接着《生成扩散模型漫谈(十一):统一扩散...",
            [("生成扩散模型漫谈(十一):统一扩散...", ReferenceKind.POST, True)],
        ),
        ("接着《生成扩散模型漫谈", []),
        ("《我害怕》与《 我害怕 》", [("我害怕", ReferenceKind.POST, False)]),
        ("》倒过来《", []),
        ("《》《……》《？》", []),
        ("没有书名号", []),
        ("", []),
        (f"《{'长' * 200}》", []),
    ],
)
def test_what_an_excerpt_names(excerpt: str, expected: list[tuple[str, ReferenceKind, bool]]) -> None:
    assert [(named.title, named.kind, named.cut) for named in references_in(excerpt)] == expected


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("生成扩散模型漫谈(一):DDPM = 拆楼 + 建楼", 0),
        ("生成扩散模型漫谈（一）：DDPM=拆楼+建楼", 0),
        ("生成扩散模型漫谈(一)", 0),
        ("生成扩散模型漫谈(十)", 1),
        ("生成扩散模型漫谈(十一):统一…", 2),
        ("生成扩散模型漫谈(十一)...", 2),
        ("生成扩散模型漫谈(十…", None),
        ("生成扩散模型漫谈", None),
        ("生成扩散模型漫谈...", None),
        ("Transformer升级之路:7", 3),
        ("Transformer升级之路", None),
        ("长度外推性与位置鲁棒性", 4),
        ("长度外推性与", None),
        ("统一扩散模型", None),
        ("为什么现在的LLM都是Decoder only的架构?", 5),
        ("《为什么现在的LLM都是Decoder-only的架构?》FAQ", 6),
        ("MuP之上:2.线性层与最速下降", 7),
        ("MuP之上", None),
        ("博文:“闭门造车”之多模态思路浅谈(二):自回归", 8),
        ("Coming Back...", 9),
        ("我害怕", 10),
        ("我害怕极了", None),
        ("我害…", None),
        ("环球科学", None),
        ("Attention is All You Need", None),
    ],
)
def test_which_post_is_meant(named: str, expected: int | None) -> None:
    (mention,) = references_in(f"见《{named}》。")

    assert resolve(mention, titles_of(known())) == expected


def test_a_post_about_a_post_is_not_that_post() -> None:
    (mention,) = references_in("见《为什么现在的LLM都是Decoder-only的架构?》。")

    assert resolve(mention, titles_of(known("《为什么现在的LLM都是Decoder-only的架构？》FAQ"))) is None


def test_titles_that_differ_by_signs_only_are_not_mixed_up() -> None:
    titles = titles_of(known("矩阵，是什么", "矩阵：是什么"))
    (whole, vague) = references_in("《矩阵：是什么》《矩阵是什么》")

    assert resolve(whole, titles) == 1
    assert resolve(vague, titles) is None


def test_nothing_known_resolves_nothing() -> None:
    (mention,) = references_in("《博文：生成扩散模型漫谈》")

    assert resolve(mention, titles_of({})) is None


@given(st.text(alphabet="《》…. \nA一，", max_size=40), st.lists(st.text(max_size=12), max_size=6))
def test_no_text_however_odd_raises(excerpt: str, titles: list[str]) -> None:
    prepared = titles_of(known("A一", *titles))

    for mention in references_in(excerpt):
        assert resolve(mention, prepared) in {None, *range(len(titles) + 1)}


@given(st.sampled_from(TITLES))
def test_every_post_is_found_by_its_own_title_however_it_is_flattened(title: str) -> None:
    (mention,) = references_in(f"《{flatten(title)}》")

    assert resolve(mention, titles_of(known())) == TITLES.index(title)

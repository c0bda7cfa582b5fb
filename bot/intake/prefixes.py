"""What stands in front of unnumbered titles (细水长flow之…：, [欧拉数学]…), and whether it names a series.

A recurring column (【NASA每日一图】, 科学空间：…重要天象, [问题解答]) looks just the same. It is told apart
by what it names: a subject makes a series; a kind of post, a source, an occasion or a product a column.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.intake.numbering import clean_name, series_key, spread

FEWEST, MOST = 3, 15  # the author numbers what he means to be long; what is longer than this is a column

_FORMS = (
    re.compile(r"\[(?P<name>[^\[\]]{1,30})\] ?(?=[^ :])"),
    re.compile(r"《(?P<name>[^《》]{1,30})》 ?(?::|—{1,2}) ?"),
    re.compile(r"(?P<name>[^:之《【\[]{2,30})之(?=[^:]{1,30}:)"),
    re.compile(r"(?P<name>[^:《【\[]{2,40}?) ?: ?(?=[^ ])"),
)
_HAN = re.compile("[\u3400-\u9fff]")
_RUN_OF_DIGITS = re.compile("[0-9]+")
_OCCASION = re.compile("[0-9一二三四五六七八九十百]+(?:年|月|日|届|期)|周年|每[日天周月年]|[年月]度|快乐")
# Closed classes of words: what kind of post follows; where it was taken from.
_KINDS = (
    "更新 更正 补充 备忘 转载 转帖 翻译 译文 原创 分享 推荐 公告 通知 通告 新闻 资讯 快讯 简讯 活动 思考 "
    "随想 随笔 杂记 杂谈 日记 日志 闲聊 趣题 问题 解答 问答 题目 讨论 求助 下载 电子书 视频 图片 组图 软件 "
    "资源 清单 网友 致敬 纪念 祝福 天象 预告 预报 观测 介绍 追溯 意外"
)
_SOURCES = "科学空间 科学家 科学院 科学 天文台 天文网 天文 爱好者 新华网 新浪 驿站 杂志 报道"
_LABELS = tuple(f"{_KINDS} {_SOURCES}".split())
_PARTS = re.compile(r"[\u3400-\u9fff]{1,4}篇")


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A name in front of a title and the rest of the title."""

    name: str
    key: str
    rest: str


@lru_cache(maxsize=32768)  # as read_title: the same titles are asked about at every dump
def fronts(title: str) -> tuple[Front, ...]:
    """The names that may stand in front of `title`, narrower first; none for 【】, that marks columns.

    (The series that the author writes in 【】 are numbered, every one of them.)
    """
    return tuple(_fronts(title))


def _fronts(title: str) -> Iterator[Front]:
    flat = spread(title)
    for form in _FORMS:
        found = form.match(flat)
        if found is not None:
            name = clean_name(title, *found.span("name"))
            if key := series_key(name):
                yield Front(name=name, key=key, rest=title[found.end() :].strip())


def names_a_series(key: str, rests: Sequence[str]) -> bool:
    """Whether posts that share the front `key` (a series key) and go on with `rests` are a series.

    Two are enough if they call themselves 理论篇 and 应用篇.
    """
    if _is_label(key):
        return False
    if len(rests) >= 2 and all(_PARTS.fullmatch(rest) for rest in rests):
        return True
    return FEWEST <= len(rests) <= MOST and not _is_template(rests)


def _is_label(key: str) -> bool:
    """Whether `key` tells a post's kind, source or occasion, or is the bare name of a product."""
    han = len(_HAN.findall(key))
    return han < 3 or key.startswith(_LABELS) or key.endswith(_LABELS) or _OCCASION.search(key) is not None


def _is_template(rests: Sequence[str]) -> bool:
    """Whether half of the titles differ in figures only: 2010年1月重要天象, 2010年2月重要天象."""
    masked = Counter(_RUN_OF_DIGITS.sub("0", spread(rest)) for rest in rests)
    return 2 * masked.most_common(1)[0][1] > len(rests)

"""Which post belongs to which series: what follows from all titles of the archive together.

One title tells little (numbering.py): that 下 is the third part, that a series went on under a shorter name,
that an unnumbered post was the first part or that a front is a series shows only among the others. So the
whole archive is derived anew whenever a title is seen or edited. Knows neither storage nor dates.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.intake.series_overrides import NO_OVERRIDES, Overrides
from bot.titles import shown_title, title_key
from bot.titles.episodes import LONGEST, EpisodeReading, clean_name, read_title, series_key, spread

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


_VERSION = re.compile(r"(?<=[\u3400-\u9fff》）)])(?<![至到为])[Vv][0-9]{1,2}[.][0-9]{1,2} ?$")
_CONTINUED = re.compile(" ?(?:—{1,2}|:) ?")
_CLOSING = " ?!。？！"


@dataclass(frozen=True, slots=True, kw_only=True)
class Titled:
    """A post as far as the series care; `id` is whatever the caller knows it by."""

    id: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesMembership:
    """A post's place: `series` as shown, `key` to compare by; `episode` is None where the post has no number.

    Two posts may bear the same episode. `style` is the numbering style, or how an unnumbered post was found:
    front, first, version, override.
    """

    series: str
    key: str
    episode: int | None
    style: str


def derive_series(
    titles: Sequence[Titled], overrides: Overrides = NO_OVERRIDES
) -> dict[int, SeriesMembership]:
    """The place of every post that is in a series, by its id. The order of `titles` does not matter."""
    placed: dict[int, SeriesMembership] = {}
    readings: dict[int, EpisodeReading] = {}
    open_titles: list[Titled] = []
    for titled in titles:
        meant = titled.title
        if overrides.titles:
            meant = overrides.titles.get(title_key(titled.title), titled.title)
        reading = read_title(meant)
        if reading is not None:
            readings[titled.id] = reading
        elif meant is titled.title:
            if len(meant) <= LONGEST:
                open_titles.append(titled)
        elif meant:
            placed[titled.id] = SeriesMembership(
                series=meant, key=series_key(meant), episode=None, style="override"
            )
    placed |= _numbered(_without_quantities(readings, open_titles))
    episodes = _episodes(placed.values())
    for find in (_versions, _first_parts, _fronted):
        found = find([titled for titled in open_titles if titled.id not in placed], episodes)
        placed |= found
    return _named(placed, overrides)


def short_title(title: str, series: str) -> str:
    """`title` without its series' name and number, for listings; the whole title if nothing would be left."""
    wanted, reading = series_key(series), read_title(title)
    if reading is not None and reading.subtitle and reading.key == wanted:
        return reading.subtitle
    if reading is not None and (head := _head(reading.series)) is not None and series_key(head[0]) == wanted:
        return head[1]
    if reading is None:
        for front in fronts(title[:LONGEST]):
            if front.key == wanted and front.rest:
                return front.rest
    return title


def _without_quantities(
    readings: Mapping[int, EpisodeReading], others: Iterable[Titled]
) -> dict[int, EpisodeReading]:
    """The readings without 树莓派3: a bare last digit other than 1 counts only if another part is known."""
    parts: dict[str, set[int]] = defaultdict(set)
    for reading in readings.values():
        parts[reading.key].add(reading.episode)
    unnumbered = {series_key(other.title) for other in others}
    return {
        id_: reading
        for id_, reading in readings.items()
        if reading.style != "glued-end"
        or reading.episode == 1
        or len(parts[reading.key]) > 1
        or reading.key in unnumbered
    }


def _numbered(readings: Mapping[int, EpisodeReading]) -> dict[int, SeriesMembership]:
    """Places from numbers: 下 is 3 where the series has a 中, and a series may go on under a shorter name."""
    three_parts = {reading.key for reading in readings.values() if reading.part == "中"}
    placed = {
        id_: SeriesMembership(
            series=reading.series,
            key=reading.key,
            episode=3 if reading.part == "下" and reading.key in three_parts else reading.episode,
            style=reading.style,
        )
        for id_, reading in readings.items()
    }
    shorter = _shorter_names(placed.values())
    return {
        id_: replace(place, series=shorter[place.key], key=series_key(shorter[place.key]))
        if place.key in shorter
        else place
        for id_, place in placed.items()
    }


def _shorter_names(places: Iterable[SeriesMembership]) -> dict[str, str]:
    """Key of a series -> the shorter name under which its count goes on.

    费曼积分法——积分符号内取微分 has the parts 1 to 4, 费曼积分法 those from 5 on.
    """
    places = list(places)
    episodes = _episodes(places)
    shorter: dict[str, str] = {}
    for place in places:
        head = _head(place.series)
        if head is None or (key := series_key(head[0])) == place.key:
            continue
        if key in episodes and min(episodes[key]) > max(episodes[place.key]):
            shorter[place.key] = head[0]
    return shorter


def _head(name: str) -> tuple[str, str] | None:
    found = _CONTINUED.search(spread(name))
    if found is None or not found.start() or found.end() == len(name):
        return None
    return name[: found.start()], name[found.end() :]


def _episodes(places: Iterable[SeriesMembership]) -> dict[str, list[int]]:
    episodes: dict[str, list[int]] = defaultdict(list)
    for place in places:
        if place.episode is not None:
            episodes[place.key].append(place.episode)
    return dict(episodes)


def _versions(titles: Sequence[Titled], _: Mapping[str, list[int]]) -> dict[int, SeriesMembership]:
    """习题解答V0.1, V0.2: a series without numbers, from the second on; one version alone is a release."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for titled in titles:
        if (version := _VERSION.search(spread(titled.title))) is not None:
            name = titled.title[: version.start()].strip()
            found[series_key(name)].append((titled.id, name))
    return {
        id_: SeriesMembership(series=name, key=key, episode=None, style="version")
        for key, posts in found.items()
        if key and len(posts) > 1
        for id_, name in posts
    }


def _first_parts(titles: Sequence[Titled], episodes: Mapping[str, list[int]]) -> dict[int, SeriesMembership]:
    """A post whose whole title is the name of a series that has no episode 1: it was not meant to go on."""
    return {
        titled.id: SeriesMembership(series=titled.title.strip(_CLOSING), key=key, episode=None, style="first")
        for titled in titles
        if 1 not in episodes.get(key := series_key(titled.title), [1])
    }


def _fronted(titles: Sequence[Titled], episodes: Mapping[str, list[int]]) -> dict[int, SeriesMembership]:
    """Unnumbered posts behind a common front, and those that bear the front of a numbered series."""
    known = [(titled.id, fronts(titled.title)) for titled in titles]
    rests: dict[str, list[str]] = defaultdict(list)
    for _, candidates in known:
        for front in candidates:
            rests[front.key].append(front.rest)
    series = {
        key for key, behind in rests.items() if len(episodes.get(key, ())) > 1 or names_a_series(key, behind)
    }
    return {
        id_: SeriesMembership(series=front.name, key=front.key, episode=None, style="front")
        for id_, candidates in known
        for front in candidates[::-1]  # the first candidate is the last to be written, and stays
        if front.key in series
    }


def _named(places: Mapping[int, SeriesMembership], overrides: Overrides) -> dict[int, SeriesMembership]:
    """The same places under one name for each series: the operator's, else the form nearest to the site's."""
    names: dict[str, str] = {}
    for place in sorted(places.values(), key=lambda place: place.series):
        names[place.key] = shown_title(names.get(place.key, place.series), place.series)
    meant = {key: overrides.renamed(name) for key, name in names.items()}
    return {
        id_: place
        if meant[place.key] == place.series
        else replace(place, series=meant[place.key], key=series_key(meant[place.key]))
        for id_, place in places.items()
        if meant[place.key]
    }

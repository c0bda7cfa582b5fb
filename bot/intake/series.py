"""Series membership, derived from all titles of the archive, and the operator's corrections to it.

`read_title` parses one title; that 下 is the third part, that a series continued under a shorter name or that
an unnumbered post is its first part shows only among all of them, so each new or edited title recomputes it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from bot.site_profile import TomlError, line_of, parse_toml
from bot.titles import (
    LONGEST,
    EpisodeReading,
    clean_name,
    read_title,
    series_key,
    shown_title,
    spread,
    title_key,
)


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Parsed overrides: `titles` maps title key → title or series name, `series` maps series key → name.

    An empty text removes the title, or all posts of the series, from every series. `series` has no cycles.
    """

    titles: Mapping[str, str] = field(default_factory=_nothing)
    series: Mapping[str, str] = field(default_factory=_nothing)

    def renamed(self, name: str) -> str:
        """Return the final name of the series `name`; empty if it is no series."""
        while (key := series_key(name)) in self.series and series_key(self.series[key]) != key:
            name = self.series[key]
        return self.series.get(series_key(name), name)


NO_OVERRIDES = Overrides()


def read_overrides(text: str) -> Overrides:
    """Parse the operator's TOML. Raises TomlError for the first error.

    [titles]                          # title of a post = the title to read in its place
    "一个人的数学建模：碎纸复原" = "碎纸复原（一）"
    "GPLinker：基于GlobalPointer的实体关系联合抽取" = "GPLinker"
    "《变形金刚2》：观后感" = ""          # in no series
    [series]                          # name of a series = its other name
    "旧系列名" = "新系列名"
    "一个专栏" = ""                    # not a series
    """
    document = parse_toml(text)
    for name in document:
        if name not in ("titles", "series"):
            raise TomlError(line_of(text, name), f"there is no section {name!r}; use [titles] and [series]")
    overrides = Overrides(
        titles=_section(text, document, "titles", title_key),
        series=_section(text, document, "series", series_key),
    )
    _refuse_circles(text, overrides.series)
    return overrides


def _section(
    text: str, document: Mapping[str, object], section: str, key_of: Callable[[str], str]
) -> Mapping[str, str]:
    entries = document.get(section, {})
    if not isinstance(entries, dict):
        raise TomlError(line_of(text, section), f"{section} must be a section, [{section}]")
    known: dict[str, str] = {}
    for name, other in entries.items():
        line = line_of(text, name)
        if not isinstance(other, str):
            raise TomlError(line, f"{name!r} must be followed by a text in quotation marks")
        key = key_of(name)
        if not key:
            raise TomlError(line, f"{name!r} has no letter in it")
        if key in known:
            raise TomlError(line, f"{name!r} is the same as a line above")
        if other and not series_key(other):
            raise TomlError(line, f"{other!r} has no letter in it")
        known[key] = other
    return MappingProxyType(known)


def _refuse_circles(text: str, series: Mapping[str, str]) -> None:
    for start in series:
        key, seen = start, {start}
        while key in series:
            following = series_key(series[key])
            if following == key:  # the same series in another spelling: only its displayed name changes
                break
            if following in seen:
                raise TomlError(line_of(text, series[key]), f"{series[key]!r} leads back to itself")
            seen.add(following)
            key = following


FEWEST, MOST = 3, 15  # long series are numbered; an unnumbered longer one is a column

_FORMS = (
    re.compile(r"\[(?P<name>[^\[\]]{1,30})\] ?(?=[^ :])"),
    re.compile(r"《(?P<name>[^《》]{1,30})》 ?(?::|—{1,2}) ?"),
    re.compile(r"(?P<name>[^:之《【\[]{2,30})之(?=[^:]{1,30}:)"),
    re.compile(r"(?P<name>[^:《【\[]{2,40}?) ?: ?(?=[^ ])"),
)
_HAN = re.compile("[\u3400-\u9fff]")
_RUN_OF_DIGITS = re.compile("[0-9]+")
_OCCASION = re.compile("[0-9一二三四五六七八九十百]+(?:年|月|日|届|期)|周年|每[日天周月年]|[年月]度|快乐")
# Closed classes of words: the kind of the post, and its source.
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
    """A series name at the beginning of a title, and the rest of the title."""

    name: str
    key: str
    rest: str


@lru_cache(maxsize=32768)  # each dump reads the same titles again
def fronts(title: str) -> tuple[Front, ...]:
    """Return the possible series names at the beginning of `title`, narrower first; none for 【】.

    (【】 marks columns; the series that the author writes in 【】 are all numbered.)
    """
    flat = spread(title)
    found = [match for form in _FORMS if (match := form.match(flat)) is not None]
    named = [(clean_name(title, *match.span("name")), title[match.end() :].strip()) for match in found]
    return tuple(Front(name=name, key=key, rest=rest) for name, rest in named if (key := series_key(name)))


def names_a_series(key: str, rests: Sequence[str]) -> bool:
    """Return whether the posts that share the front `key` and continue with `rests` are a series.

    Two are enough if their rests are 理论篇 and 应用篇.
    """
    if _is_label(key):
        return False
    if len(rests) >= 2 and all(_PARTS.fullmatch(rest) for rest in rests):
        return True
    return FEWEST <= len(rests) <= MOST and not _is_template(rests)


def _is_label(key: str) -> bool:
    """Return whether `key` names a post's kind, source or occasion, or is the bare name of a product."""
    han = len(_HAN.findall(key))
    return han < 3 or key.startswith(_LABELS) or key.endswith(_LABELS) or _OCCASION.search(key) is not None


def _is_template(rests: Sequence[str]) -> bool:
    """Return whether half of the titles differ in digits only: 2010年1月重要天象, 2010年2月重要天象."""
    masked = Counter(_RUN_OF_DIGITS.sub("0", spread(rest)) for rest in rests)
    return 2 * masked.most_common(1)[0][1] > len(rests)


_VERSION = re.compile(r"(?<=[\u3400-\u9fff》）)])(?<![至到为])[Vv][0-9]{1,2}[.][0-9]{1,2} ?$")
_CONTINUED = re.compile(" ?(?:—{1,2}|:) ?")
_CLOSING = " ?!。？！"
FIRST_PART: Final = "first"  # style of a title that is the name of a series without an episode 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesMembership:
    """A post's series: `series` as displayed, `key` for comparison, `episode` None without a number.

    Two posts may have the same episode. `style` is the numbering style, or how an unnumbered post was found:
    front, first, version, override.
    """

    series: str
    key: str
    episode: int | None
    style: str


def derive_series(
    titles: Mapping[int, str], overrides: Overrides = NO_OVERRIDES
) -> dict[int, SeriesMembership]:
    """Return the series membership by post id. The result does not depend on the order of `titles`."""
    placed: dict[int, SeriesMembership] = {}
    readings: dict[int, EpisodeReading] = {}
    unread: dict[int, str] = {}
    for id_, title in titles.items():
        meant = overrides.titles.get(title_key(title), title) if overrides.titles else title
        if (reading := read_title(meant)) is not None:
            readings[id_] = reading
        elif meant is title:
            if len(meant) <= LONGEST:
                unread[id_] = title
        elif meant:
            placed[id_] = _unnumbered(meant, series_key(meant), "override")
    placed |= _numbered(_without_quantities(readings, unread.values()))
    episodes = _episodes(placed.values())
    for find in (_versions, _first_parts, _fronted):
        placed |= find({id_: title for id_, title in unread.items() if id_ not in placed}, episodes)
    return _named(placed, overrides)


def _renamed(place: SeriesMembership, name: str) -> SeriesMembership:
    return place if name == place.series else replace(place, series=name, key=series_key(name))


def _unnumbered(name: str, key: str, style: str) -> SeriesMembership:
    return SeriesMembership(series=name, key=key, episode=None, style=style)


def short_title(title: str, series: str) -> str:
    """Return `title` without its series' name and number, the whole title if nothing would remain."""
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
    readings: Mapping[int, EpisodeReading], others: Iterable[str]
) -> dict[int, EpisodeReading]:
    """Drop readings like 树莓派3: a bare last digit above 1 counts only if another part exists."""
    parts: dict[str, set[int]] = defaultdict(set)
    for reading in readings.values():
        parts[reading.key].add(reading.episode)
    known = {key for key, episodes in parts.items() if len(episodes) > 1} | set(map(series_key, others))
    return {
        id_: reading
        for id_, reading in readings.items()
        if reading.style != "glued-end" or reading.episode == 1 or reading.key in known
    }


def _numbered(readings: Mapping[int, EpisodeReading]) -> dict[int, SeriesMembership]:
    """Return memberships from numbers: 下 is 3 where the series has a 中; shorter names are merged."""
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
    return {id_: _renamed(place, shorter.get(place.key, place.series)) for id_, place in placed.items()}


def _shorter_names(places: Iterable[SeriesMembership]) -> dict[str, str]:
    """Return a series key → the shorter name under which its numbering continues.

    费曼积分法——积分符号内取微分 has the parts 1 to 4, 费曼积分法 those from 5 on.
    """
    places = list(places)
    episodes = _episodes(places)
    shorter: dict[str, str] = {}
    for place in places:
        name = (_head(place.series) or ("", ""))[0]
        if (key := series_key(name)) in episodes and min(episodes[key]) > max(episodes[place.key]):
            shorter[place.key] = name
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


def _versions(titles: Mapping[int, str], _: Mapping[str, list[int]]) -> dict[int, SeriesMembership]:
    """Match 习题解答V0.1, V0.2: an unnumbered series from the second version on."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for id_, title in titles.items():
        if (version := _VERSION.search(spread(title))) is not None:
            name = title[: version.start()].strip()
            found[series_key(name)].append((id_, name))
    return {
        id_: _unnumbered(name, key, "version")
        for key, posts in found.items()
        if key and len(posts) > 1
        for id_, name in posts
    }


def _first_parts(titles: Mapping[int, str], episodes: Mapping[str, list[int]]) -> dict[int, SeriesMembership]:
    """Match a post whose whole title is the name of a series that has no episode 1."""
    return {
        id_: _unnumbered(title.strip(_CLOSING), key, FIRST_PART)
        for id_, title in titles.items()
        if 1 not in episodes.get(key := series_key(title), [1])
    }


def _fronted(titles: Mapping[int, str], episodes: Mapping[str, list[int]]) -> dict[int, SeriesMembership]:
    """Match unnumbered posts with a common front, and those with the front of a numbered series."""
    known = [(id_, fronts(title)) for id_, title in titles.items()]
    rests: dict[str, list[str]] = defaultdict(list)
    for _, candidates in known:
        for front in candidates:
            rests[front.key].append(front.rest)
    series = {
        key for key, behind in rests.items() if len(episodes.get(key, ())) > 1 or names_a_series(key, behind)
    }
    return {
        id_: _unnumbered(front.name, front.key, "front")
        for id_, candidates in known
        for front in candidates[::-1]  # reversed: the first candidate overwrites the others
        if front.key in series
    }


def _named(places: Mapping[int, SeriesMembership], overrides: Overrides) -> dict[int, SeriesMembership]:
    """Give each series one name: the operator's, otherwise the form nearest to the site's."""
    names: dict[str, str] = {}
    for place in sorted(places.values(), key=lambda place: place.series):
        names[place.key] = shown_title(names.get(place.key, place.series), place.series)
    meant = {key: overrides.renamed(name) for key, name in names.items()}
    return {id_: _renamed(place, meant[place.key]) for id_, place in places.items() if meant[place.key]}

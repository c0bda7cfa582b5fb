"""Normal forms of titles, and the parser of series name and episode number in one title.

The numbering styles of the blog are the table STYLES, one row each. Rules that need all titles of the archive
are in `bot/intake/series.py`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape

_NARROW = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_LONGEST_KEY = 500  # characters; no title of the blog has more than 50
_WIDE = re.compile(r"[\uff01-\uff5e]")
_TYPOGRAPHIC = re.compile(r"[\uff01-\uff5e“”‘’]")
_QUOTES = str.maketrans("“”„‟‘’‚‛", "\"\"\"\"''''")
_QUOTE = re.compile("[“”„‟‘’‚‛]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Unicode 15.1, DerivedCoreProperties.txt: Default_Ignorable_Code_Point.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def flatten(title: str) -> str:
    """Return `title` with U+FF01…FF5E as ASCII, as text dumps print it; offsets stay the same.

    Text dumps keep 、。《》“”【】 and the dash, and so does this function.
    """
    for sign in set(_WIDE.findall(title)):  # few distinct characters: five times as fast as str.translate
        title = title.replace(sign, _NARROW[sign])
    return title


def clean_title(title: str) -> str:
    """Return `title` in NFC, without default-ignorable code points, as it is stored and displayed."""
    return title if title.isascii() else unicodedata.normalize("NFC", _IGNORABLE.sub("", title))


def compact(text: str) -> str:
    """Return the form in which two spellings of one text are equal.

    NFC, full-width forms, quotation marks and entities as ASCII, … as three points; without blanks and
    default-ignorable code points. Idempotent.
    """
    while True:
        if not text.isascii():
            text = flatten(clean_title(text)).replace("…", "...")
            if _QUOTE.search(text) is not None:
                text = text.translate(_QUOTES)
        text = "".join(text.split())
        # Each level of escaping, and what the steps above join to an entity, takes one more pass.
        if "&" not in text or (unescaped := _ENTITY.sub(_unescaped, text)) == text:
            return text
        text = unescaped


def _unescaped(entity: re.Match[str]) -> str:
    return unescape(entity[0])


@lru_cache(maxsize=32768)  # each dump compares the titles of all stored posts
def title_key(title: str) -> str:
    """Return the key by which two sightings of one post agree: the `compact` form, at most 500 characters.

    Idempotent. Case is kept: captures preserve it, and folding it could only merge different posts. A longer
    text is keyed by its beginning, which bounds the cost of a hostile dump.
    """
    return compact(title[:_LONGEST_KEY])[:_LONGEST_KEY]


def shown_title(a: str, b: str) -> str:
    """Return the title to display of two with the same key: the less escaped, then the more typographic one.

    Flattening only ever removes full-width and typographic characters; of equals `a` is returned.
    """
    return b if _fidelity(b) > _fidelity(a) else a


def _fidelity(title: str) -> tuple[int, int]:
    return -len(_ENTITY.findall(title)), len(_TYPOGRAPHIC.findall(title))


LONGEST = 200  # no title of the blog has more than 50 characters

_HAN = "\u3400-\u9fff"
_ONES = "一二三四五六七八九"


def _number(piece: str) -> str:
    return f"(?P<number>{piece})"


def _open(number: str) -> str:
    return rf" {{0,2}}\( ?{number} ?\)"


_CHINESE_VALUE = f"[{_ONES}]?十[{_ONES}]?|[零{_ONES}]"
_DIGITS = _number("[0-9]{1,2}")
_CHINESE = _number(_CHINESE_VALUE)
_EITHER = _number(f"[0-9]{{1,2}}|{_CHINESE_VALUE}")
_PART = _number("[上中下]")
# A verb or an ordinal before a bare digit makes it a quantity: 大于1, 升级到3, 第2.
_QUANTITY = "(?<![为是到达于至第约超共满有近过加减乘除以比得成增降升前后年月])"
_GLUED = f"(?<=[{_HAN}]){_QUANTITY}{_number('[1-9]')}"
_POINT = "[.](?![0-9])"
_COMMA = "、(?![0-9]{1,3}(?:$|[、,(]))"  # "1、2、3" is a list, not a number and a subtitle
_BARE_COLON = " {0,2}: {0,2}"
_DASH = " {0,2}—{1,2} {0,2}"
_COLON = " {0,2}(?::|—{1,2}) {0,2}"
_REMARK = r"(?: {0,2}[(\[][^()\[\]]{1,8}[)\]])?[ .…~]{0,6}$"  # （完）, [更新] or … behind the number
# f(2), ζ(2), SU(2), exp(1): brackets behind one or two lone letters or a function are mathematics.
_LETTER, _NO_LETTER = "[A-Za-zΑ-ω]", "[^A-Za-zΑ-ω]"
_NOT_MATHS = (
    f"(?<!{_NO_LETTER}{_LETTER})(?<!{_NO_LETTER}{_LETTER}{{2}})(?<!sin|cos|tan|log|exp|det)"
    rf"(?<!\A{_LETTER})(?<!\A{_LETTER}{{2}})"
)
_WORK_IN_FRONT = r"(?:\[[^\[\]]{1,20}\] {0,2})?《(?P<name>[^《》]{1,60})》 {0,2}: {0,2}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One notation of series name and number, over flattened text.

    `marker` is searched once in the title and holds the number; the text before it is the series' name. With
    a `lead`, which matches the beginning of the title and holds the name, the text between is the subtitle.
    """

    name: str
    example: str
    marker: re.Pattern[str]
    lead: re.Pattern[str] | None = None


def _style(name: str, example: str, marker: str, lead: str | None = None) -> Style:
    in_front = re.compile(lead) if lead is not None else None
    return Style(name=name, example=example, marker=re.compile(marker), lead=in_front)


# In a title with several numbers the first one counts: 系列（七）：题（上） is part 7. The order below only
# decides between styles that read the same number, so a narrower style precedes a wider one.
STYLES = (
    _style("colon-comma", "MoE环游记：9、门控归一化之争", f"{_BARE_COLON}{_DIGITS}{_COMMA}"),
    _style("colon-point-blank", "流形上的最速下降：6. Muon + 双旋转", f"{_BARE_COLON}{_DIGITS}[.] {{1,3}}"),
    _style("colon-point", "路径积分系列：1.我的毕业论文", f"{_BARE_COLON}{_DIGITS}{_POINT}"),
    _style("dash-point", "《自然极值》系列——3.平衡态公理", f"{_DASH}{_DIGITS}(?:{_POINT}|{_COMMA})"),
    _style(
        "tag-point", "【理解黎曼几何】1. 一条几何之路", f"(?<=[】\\]]) {{0,2}}{_DIGITS}(?:{_POINT}|{_COMMA})"
    ),
    _style(
        "tag-dot", "【搜出来的文本】⋅（一）从文本生成到搜索采样", f"(?:(?<=】)| ?[⋅·•]){_open(_EITHER)} ?:?"
    ),
    _style("work-glued", "《新理解矩阵5》：体积=行列式", f"{_GLUED} ?》{_COLON}"),
    _style("work-bracket", "《虚拟的实在(2)》——为什么引力如此复杂？", f"{_open(_EITHER)} ?》{_COLON}"),
    _style(
        "work-front", "《方程与宇宙》:拉格朗日点的点点滴滴(八)", f"{_open(_EITHER)}{_REMARK}", _WORK_IN_FRONT
    ),
    _style("bracket-colon", "生成扩散模型漫谈（二十）：从ReFlow到WGAN-GP", f"{_open(_CHINESE)}{_COLON}"),
    _style("bracket-digit-colon", "费曼积分法(5)：欧拉数学的传承", f"{_open(_DIGITS)}{_COLON}"),
    _style("part-colon", "信噪比与大图生成（上）：起因", f"{_open(_PART)}{_COLON}"),
    _style("bracket-end", "求解微分方程的李对称方法（二）", f"{_open(_CHINESE)}{_REMARK}"),
    _style("bracket-digit-end", "电偶极子浅探（1）", f"{_NOT_MATHS}{_open(_DIGITS)}{_REMARK}"),
    _style("part-end", "算子与线性常微分方程(上)", f"{_open(_PART)}{_REMARK}"),
    _style("question", "旋转的弹簧将如何伸长(2)？", f"{_NOT_MATHS}{_open(_EITHER)} ?[?!] {{0,2}}$"),
    _style(
        "ordinal", "测试漫游之10：第十站", rf"(?<=[{_HAN}]之){_number('[1-9][0-9]')}(?:{_COLON}| {{0,2}}$)"
    ),
    _style("glued", "素数之美2：Bertrand假设的证明", f"{_GLUED}{_COLON}"),
    _style("glued-end", "哥德巴赫猜想浅谈1", f"{_GLUED} {{0,2}}$"),
)

# Fast pre-filter: a number of any style with its left context; most titles have none.
LIKELY_NUMBER = re.compile(
    rf"(?:[(:—】\]] {{0,2}}|[{_HAN}])(?:[0-9]{{1,2}}|{_CHINESE_VALUE}|[上中下])(?![0-9])"
)
_BLANKS = re.compile(r"\s")
_LEADING_TAG = re.compile(r"(?:\[[^\[\]]{1,20}\]|【[^【】]{1,20}】) {0,2}")
_WRAPPED = re.compile(r"[《【\[“\"「](?P<name>[^《》【】\[\]“”\"「」]+)[》】\]”\"」]?(?:系列)?")
_LOOSE_ENDS = " :,—-·"
_QUOTATION = str.maketrans("", "", "《》【】[]「」『』“”‘’\"'")
_WORD = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeReading:
    """The parse of one title; `part` is 上, 中 or 下 if that is its number (下 counts as 2)."""

    series: str
    key: str
    episode: int
    style: str
    subtitle: str
    part: str | None = field(default=None)


@lru_cache(maxsize=32768)
def series_key(name: str) -> str:
    """Return the normal form of a series' name: a title key without case, quotation marks and end marks.

    Idempotent. Case is folded, since readers type names by hand; quotation marks are dropped, since indexes
    of the blog write “让Keras更酷一些！” with and without them.
    """
    return title_key(name).translate(_QUOTATION).casefold().rstrip("?!.,:。、—-")


def spread(title: str) -> str:
    """Return `title` flattened with every blank as U+0020; offsets in it are offsets in `title`."""
    return _BLANKS.sub(" ", flatten(title))


def clean_name(title: str, start: int, end: int) -> str:
    """Return the series' name in `title[start:end]`, unflattened, without 《》 around it or loose ends."""
    flat = spread(title)
    tag = _LEADING_TAG.match(flat, start, end)
    if tag is not None and tag.end() < end:
        start = tag.end()
    while start < end and flat[end - 1] in _LOOSE_ENDS:
        end -= 1
    while start < end and flat[start] == " ":
        start += 1
    wrapped = _WRAPPED.fullmatch(flat, start, end)
    if wrapped is not None:
        start, end = wrapped.span("name")
    return title[start:end].strip()


def number_of(text: str) -> int:
    """Return the value of a number in any style: 0 to 99, 零 to 九十九, 上 = 1, 中 = 下 = 2."""
    if text in "上中下":
        return 1 if text == "上" else 2
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    return (_digit(tens) if tens else len(ten)) * 10 + _digit(ones)


def _digit(text: str) -> int:
    return _ONES.index(text) + 1 if text and text in _ONES else 0


def _readings(title: str) -> Iterator[tuple[int, EpisodeReading]]:
    flat = spread(title)
    for style in STYLES:
        lead = style.lead.match(flat) if style.lead is not None else None
        if style.lead is not None and lead is None:
            continue
        found = style.marker.search(flat, lead.end() if lead is not None else 1)
        if found is None:
            continue
        if lead is not None:
            name, subtitle = title[slice(*lead.span("name"))].strip(), title[lead.end() : found.start()]
        else:
            name, subtitle = clean_name(title, 0, found.start()), title[found.end() :]
        key, number = series_key(name), found["number"]
        if _WORD.search(key) is None:
            continue
        yield (
            found.start("number"),
            EpisodeReading(
                series=name,
                key=key,
                episode=number_of(number),
                style=style.name,
                subtitle=subtitle.strip(),
                part=number if number in "上中下" else None,
            ),
        )


@lru_cache(maxsize=32768)  # each new or edited post re-reads all titles
def read_title(title: str) -> EpisodeReading | None:
    """Parse series and number of one title; None without a number of a series. Never raises.

    Full-width and flattened titles read alike. Of several numbers the first one counts.
    """
    if len(title) > LONGEST or LIKELY_NUMBER.search(spread(title)) is None:
        return None
    return min(_readings(title), key=lambda found: found[0], default=(0, None))[1]

"""Query syntax of the search: words, quoted phrases, filters, order, dates, series with a number.

`"phrase"`, `-word`, `-"phrase"`, `#tag`, `by:readers`, `by:date`; a year, month, day or span narrows the date
(2023-08, 八月, 去年, 2022到2024, 2025年以来); a number after a name selects that episode. Phrases, dates and
numbers are kept as words too, since a title may hold them literally.
"""

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise

from bot.search.index import END
from bot.search.normalize import normalize

LONGEST_QUERY = 100  # characters; a pasted text should not become a hundred words
_OLDEST, _YEARS_AHEAD = 2009, 1  # the blog began in 2009

_QUOTED = re.compile(r"(?:(?<=\s)|^)([-－]?)(?:\"([^\"]+)\"|“([^”]+)”|「([^」]+)」|『([^』]+)』)(?=\s|$)")
_DIGITS = "〇零○一二三四五六七八九"
_NUMERALS = dict(zip(_DIGITS, (0, 0, 0, *range(1, 10)), strict=True)) | {"两": 2}
_HAN_NUMBER = r"[一二三四五六七八九十百零〇]{1,5}"
_NUMBER = rf"[0-9]{{1,3}}|{_HAN_NUMBER}"
_ROMAN = r"(?=[ivx]{2})x{0,3}(?:ix|iv|v?i{0,3})"  # a single letter is rather a variable
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10}
_UNIT = "[篇集回章讲期节部话课]"
_EPISODE_LAST = re.compile(
    rf"(?P<name>.*?)(?:[\s:,、(#]+(?:第|part|episode|ep|no|vol)?[.\s]*(?P<a>{_NUMBER}|{_ROMAN})(?:{_UNIT}|\))*"
    rf"|第(?P<b>{_NUMBER}){_UNIT}?|(?<![0-9])(?P<c>[0-9]{{1,3}}){_UNIT}?"
    rf"|(?<![新后近前上下这那每哪])(?P<d>{_HAN_NUMBER}){_UNIT}?)\s*$"
)
_EPISODE_FIRST = re.compile(rf"\s*第\s*(?P<a>{_NUMBER})\s*{_UNIT}\s*(?P<name>.+)$")
_YEAR = r"(?P<year>(?:19|20)[0-9]{2})"
_MONTH = r"(?P<month>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_DATES = (
    re.compile(rf"{_YEAR}\s*年\s*(?:{_MONTH}\s*月份?)?"),
    re.compile(rf"(?<![0-9.]){_YEAR}[-/.](?P<month>1[0-2]|0?[1-9])(?![0-9.月])"),
    re.compile(rf"(?<![0-9.\-a-z]){_YEAR}(?![0-9.\-])"),
    re.compile(rf"(?<![0-9.一二三四五六七八九十个]){_MONTH}\s*月份?(?![0-9]+日)"),
)


def _point(place: int) -> str:
    """Return the pattern of a year with or without month and day, its groups numbered `place`."""
    day = rf"(?P<day{place}>3[01]|[12][0-9]|0?[1-9])(?![0-9])\s*[日号]?"
    month = rf"(?P<month{place}>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])(?![0-9])"
    rest = rf"(?:\s*年\s*|[-/.](?=[0-9])){month}(?:(?:\s*月\s*|[-/.]){day}|\s*月份?)?"
    start = "" if place else r"(?<![0-9.^a-z])"  # no version, power or name
    return rf"{start}(?P<year{place}>(?:19|20)[0-9]{{2}})(?![0-9])(?:{rest}|\s*年)?"


_ENDS = r"(?=$|[\s的])"  # 2023年后, but not 2023年后门
_SPANS = (
    re.compile(
        rf"(?:[从自]|from\s+|between\s+)?{_point(0)}\s*(?:-|~|–|—{{1,2}}|\.{{2,3}}|[至到]|to|and)\s*"
        rf"(?:{_point(1)}|(?P<month>1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])\s*月份?)"
    ),
    re.compile(rf"(?:[从自])?{_point(0)}\s*(?P<since>以来|以后|之后|至今|到现在|[后起]{_ENDS})"),
    re.compile(rf"(?<![a-z])(?P<since>since|after)\s+{_point(0)}"),
    re.compile(rf"{_point(0)}\s*(?P<before>以前|之前|前{_ENDS})"),
    re.compile(rf"(?<![a-z])(?P<before>before)\s+{_point(0)}"),
    re.compile(rf"{_point(0)}"),
)
_ENGLISH_MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"), 1
    )
    for name in names.split()
}  # fmt: skip
# Years in Chinese digits, and words for a year or month from today's; none within a longer word (如今年轻).
_HAN_YEAR = re.compile(rf"(?<![十{_DIGITS}])(?:一九|二[〇零○])[{_DIGITS}]{{2}}(?![十{_DIGITS}])")
_RELATIVE_YEARS = {"今年": 0, "本年": 0, "this year": 0, "去年": 1, "last year": 1, "前年": 2}
_RELATIVE_MONTHS = {"这个月": 0, "本月": 0, "this month": 0, "上个月": 1, "上月": 1, "last month": 1}
_FROM_TODAY = "|".join((*_RELATIVE_YEARS, *_RELATIVE_MONTHS))
_RELATIVE = re.compile(rf"(?<![如失过大提以年a-z])(?:{_FROM_TODAY})(?![轻龄代华级亮球光饼a-z])")


class Order(StrEnum):
    SCORE = "score"
    READERS = "readers"
    DATE = "date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A year, a month of one year, or a month of any year."""

    year: int | None = None
    month: int | None = None

    def holds(self, day: date) -> bool:
        return self.year in (None, day.year) and self.month in (None, day.month)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The days from `first` to `last`, both included."""

    first: date = date.min
    last: date = date.max

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An episode number and the words that name its series."""

    name: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed query; all texts but `text` and `without_date` are normalized."""

    text: str = ""  # as typed, without filters and order
    words: tuple[str, ...] = ()  # of `text`, each once
    phrases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    order: Order = Order.SCORE
    period: Period | Span | None = None
    without_date: str = ""
    episodes: tuple[Episode, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.tags)


def parse_query(typed: str, today: date | None = None) -> Query:
    """Return the parsed query, cut at `LONGEST_QUERY` characters; `today` gives 去年 its year."""
    typed = typed[:LONGEST_QUERY].replace(END, "")
    phrases: list[str] = []
    excluded: list[str] = []

    def unquoted(found: re.Match[str]) -> str:
        sign, *quoted = found.groups("")
        (excluded if sign else phrases).append(normalize("".join(quoted)))
        return " " if sign else f" {''.join(quoted)} "

    order, kept = Order.SCORE, []
    tags: list[str] = []
    for word in _QUOTED.sub(unquoted, typed).split():
        folded = word.casefold()
        if folded in ("by:readers", "by:date"):
            order = Order(folded.removeprefix("by:"))
        elif word[0] in "#＃" and (tag := normalize(word[1:])):
            tags.append(tag)
        elif word[0] in "-－" and any(sign.isalnum() for sign in word[1:2]):
            excluded.append(normalize(word[1:]))
        else:
            kept.append(word)
    text = " ".join(kept)
    if excluded and not (text or tags):  # nothing to subtract from: the sign was part of a word
        text, excluded = " ".join(typed.split()), []
    period, rest = _period(text, today)
    return Query(
        text=text,
        words=query_words(text),
        phrases=tuple(filter(None, phrases)),
        tags=tuple(tags),
        excluded=tuple(filter(None, excluded)),
        order=order,
        period=period,
        without_date=rest,
        episodes=_episodes(text),
    )


def query_words(query: str) -> tuple[str, ...]:
    """Return the normalized words of a query, each once."""
    folded = (normalize(word).replace(END, "") for word in query[:LONGEST_QUERY].split())
    return tuple(dict.fromkeys(word for word in folded if word))


def parse_month(typed: str, today: date | None = None) -> Period | None:
    """Return the year or month that all of `typed` names."""
    period, rest = _period(typed, today)
    return period if isinstance(period, Period) and not rest.strip(" 的") else None


def _plain(text: str) -> str:
    """Return `text` with each sign normalized, and years in Chinese digits as numbers."""
    plain = "".join(normalize(sign) or sign for sign in text)
    return _HAN_YEAR.sub(lambda year: "".join(str(_NUMERALS[sign]) for sign in year[0]), plain)


def _from_today(word: str, today: date) -> str:
    """Return the year or month that a word such as 去年 means, as 2022年 or 2022年8月."""
    if (years := _RELATIVE_YEARS.get(word)) is not None:
        return f" {today.year - years}年"
    months = today.year * 12 + today.month - 1 - _RELATIVE_MONTHS[word]
    return f" {months // 12}年{months % 12 + 1}月"


def _span(plain: str) -> tuple[Span, str] | None:
    """Return the first span or day in a normalized text with what is left of it.

    Since and after a year include it, before it does not.
    """
    for pattern in _SPANS:
        if (found := pattern.search(plain)) is None:
            continue
        parts = found.groupdict()
        begin = _days(parts["year0"], parts["month0"], parts["day0"])
        if begin is None:
            continue
        if parts.get("since"):
            span = Span(first=begin.first)
        elif parts.get("before"):
            span = Span(last=date.fromordinal(begin.first.toordinal() - 1))
        elif "year1" in parts:
            month = parts["month"]
            if month and parts["month0"]:
                end = _days(parts["year0"], month, None)
            else:
                end = None if month else _days(parts["year1"], parts["month1"], parts["day1"])
            if end is None:
                continue
            span = Span(first=min(begin.first, end.first), last=max(begin.last, end.last))
        elif parts["day0"]:
            span = begin
        else:
            continue
        if span.last.year >= _OLDEST:
            return span, " ".join((plain[: found.start()] + " " + plain[found.end() :]).split())
    return None


def _days(year: str, month: str | None, day: str | None) -> Span | None:
    """Return the days of a year, month or day; None if there is no such day."""
    first = _number(month) or 1 if month else 1
    last = _number(month) or 12 if month else 12
    days = monthrange(int(year), last)[1]
    if day and int(day) > days:
        return None
    return Span(first=date(int(year), first, int(day or 1)), last=date(int(year), last, int(day or days)))


def _period(text: str, today: date | None) -> tuple[Period | Span | None, str]:
    """Return the first span, day, year or month in `text` with what is left of it."""
    plain = _plain(text)
    if today is not None:
        plain = _RELATIVE.sub(lambda word: _from_today(word[0], today), plain)
    if (span := _span(plain)) is not None:
        return span
    words = plain.split()
    for place, word in enumerate(words):
        if len(word) > 2 and (month := _ENGLISH_MONTHS.get(word)):
            years = [other for other in words if re.fullmatch(_YEAR, other)]
            rest = [other for at, other in enumerate(words) if at != place and other not in years[:1]]
            if month != 5 or years:  # "may" is a word too
                return Period(year=int(years[0]) if years else None, month=month), " ".join(rest)
    for pattern in _DATES:
        if found := pattern.search(plain):
            parts = found.groupdict()
            year, month_text = parts.get("year"), parts.get("month")
            if year and not _OLDEST <= int(year) <= date.max.year:
                continue
            period = Period(
                year=int(year) if year else None, month=_number(month_text) if month_text else None
            )
            return period, " ".join((plain[: found.start()] + " " + plain[found.end() :]).split())
    return None, text


def _episodes(text: str) -> tuple[Episode, ...]:
    """Return the readings of `text` as the name of a series with a number."""
    plain = " ".join(_plain(text).split())
    found = []
    for pattern in (_EPISODE_LAST, _EPISODE_FIRST):
        if match := pattern.match(plain):
            parts = match.groupdict()
            name = parts.pop("name").strip(" :,、(#-")
            number = next(filter(None, parts.values()))
            # A name with a loose character is the wording of a title: 费马大定理 五 n 4.
            if all(len(word) > 1 for word in name.split() or [""]) and (value := _number(number)) is not None:
                found.append(Episode(name=name, number=value))
    return tuple(found)


def _number(text: str) -> int | None:
    """Return the value of ASCII digits, of a Roman number or of a Chinese number below a thousand."""
    if text.isdecimal():
        return int(text)
    if text.isascii():
        values = [_ROMAN_VALUES[letter] for letter in text]
        return sum(-value if value < after else value for value, after in pairwise([*values, 0]))
    total, digit = 0, 0
    for sign in text:
        if sign in ("十", "百"):
            total += (digit or 1) * (10 if sign == "十" else 100)
            digit = 0
        else:
            digit = _NUMERALS[sign]
    return total + digit or None

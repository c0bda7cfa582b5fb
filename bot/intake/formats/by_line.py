"""By line parser: author, date, readers and comments in any order, form and number of lines.

A line with the author's name is split into parts. A form without bars, dates in four notations, parts on
lines of their own and the link syntax of Markdown are read as well as the line that the blog prints.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import NamedTuple

from bot.site_profile import SiteProfile

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_of(year: int | str, month: int | str, day: int | str) -> date | None:
    """Return the date of these numbers, the month by number or English name; None if there is none such."""
    try:
        name = str(month).title()
        return date(int(year), MONTHS.index(name) + 1 if name.isalpha() else int(month), int(day))
    except ValueError:
        return None


def printed_day(date_found: re.Match[str]) -> date | None:
    """Return the day of a match of `DATE`; None if there is none such."""
    return day_of(*(next(filter(None, date_found.group(*names))) for names in _DATE_GROUPS))


_DATE_GROUPS = (("y", "myear", "dyear"), ("m", "mon", "dmon"), ("d", "mday", "dday"))


class ByLine(NamedTuple):
    """A By line in a text: `start` is the offset of its first line, `end` that of the text behind it.

    `unparsed` is the part that prevented a date from being parsed, None where there is none.
    """

    start: int
    end: int
    day: date | None = None
    readers: int | None = None
    comments: int | None = None
    unparsed: str | None = None


_MONTH = "|".join(MONTHS)
DATE = (
    r"(?P<y>[0-9]{4})[ ]?[-/.年][ ]?(?P<m>[0-9]{1,2})[ ]?[-/.月][ ]?(?P<d>[0-9]{1,2})(?![0-9])[ ]?日?"
    rf"|(?P<mon>{_MONTH})[a-z]*\.?[ ](?P<mday>[0-9]{{1,2}})(?:st|nd|rd|th)?,?[ ](?P<myear>[0-9]{{4}})"
    rf"|(?P<dday>[0-9]{{1,2}})(?:st|nd|rd|th)?[ ](?P<dmon>{_MONTH})[a-z]*\.?,?[ ](?P<dyear>[0-9]{{4}})"
)
_COUNT = r"[0-9][0-9,，]{0,18}"
_BAR = re.compile(r"[ \t]*(?:\\?[|｜·])?[ \t]*(?::(?=[ \t]*(?:\n|\Z)))?[ \t]*")
_BAR_LINE = re.compile(r"[ \t]*\n[ \t]*\\?[|｜·][ \t]*(?=\n|\Z)")
_LINK_END = re.compile(r"\]\([^()\n]*\)|\]\[[^\[\]\n]*\]|[ ]\(\S*#[a-z]+\)|\](?![(\[])|</span>")
_BARS = "|｜¦│·•—–‖"
_CHUNK = re.compile(rf"[^\n{_BARS}]{{1,30}}(?=[{_BARS}]|\n|\Z)")
_READERS_WORD = re.compile(r"读者|阅读|浏览|reader|read|view", re.IGNORECASE)
_ENDS_PART = re.compile(r"[ \t\]]*(?:[|｜·\n]|\Z|\()")
_KINDS = ("author", "date", "readers", "comments", "cite")
_LONGEST_LINE = 120
_MOST_LINES = 6  # line ends between two parts


@dataclass(frozen=True, slots=True)
class _Forms:
    """Compiled patterns of the By line of one blog; `printed` is its own form, `part` a part of any other."""

    author: str
    printed: re.Pattern[str]
    part: re.Pattern[str]
    gap: re.Pattern[str]
    line_start: re.Pattern[str]
    only_label: re.Pattern[str]
    figures: re.Pattern[str]
    prose: re.Pattern[str]


@cache
def _forms(site: SiteProfile) -> _Forms:
    author, readers, by = re.escape(site.author), re.escape(site.readers), re.escape(site.by)
    label = rf"{by}\b|{by}(?={author})|By\b|Posted[ ]by\b|Author\b|作者|时间|日期|发布于|发表于|Date\b|on\b"
    return _Forms(
        author=site.author,
        printed=re.compile(
            rf"{by} +{author} *\| *([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}) *\| *([0-9]{{1,15}}){readers}"
            r" *\| *引用(?: \(#[a-z]+\))?"
        ),
        part=re.compile(
            rf"(?P<author>{author}\**(?:\]\([^()\n]*\))?)"
            rf"|(?P<date>{DATE})(?:[ T]?[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?)?"
            r"(?:[ ]?(?:星期|周)[一二三四五六日天])?"
            rf"|(?P<readers>(?P<r1>{_COUNT})[ ]?"
            rf"(?:{readers}|位[ ]?[读讀]者|[人次]阅读|次浏览|阅读(?!\s?[(（:：])"
            r"|(?:reader|read|view)s?(?![a-z]))"
            r"|(?:阅读|浏览|读者|(?:Read|Reader|View)s?)[数量次]{0,2}[ ]?"
            rf"(?:[(（][ ]?(?P<r2>{_COUNT})[ ]?[)）]|[:：]?[ ]?(?P<r3>{_COUNT})(?![0-9.]*[万千kKwW])))"
            rf"|(?P<comments>(?P<c1>{_COUNT})[ ]?(?:条?评论|comments?(?![a-z]))"
            rf"|评论[ ]?[(（](?P<c2>{_COUNT})[)）])"
            r"|(?P<cite>引用|Cite(?![a-z]))",
            re.IGNORECASE,
        ),
        gap=re.compile(
            r"(?:[ \t|｜¦│·•‧∙—–‖,，;；/\\*_>-]|[:：](?=[ ]*[^\s])|\[[0-9]{1,3}\]|\[|\]\([^()\n]*\)"
            rf"|</?span[^<>\n]*>|{label})*+",
            re.IGNORECASE,
        ),
        line_start=re.compile(
            rf"(?:[ \t#>*_\[\]|｜·•-]|[0-9]{{1,3}}\]|<span[^<>\n]*>|{label}|[:：])*+", re.IGNORECASE
        ),
        only_label=re.compile(rf"(?:[ \t|｜·*_:：/-]|{label})+", re.IGNORECASE),
        figures=re.compile(rf"{readers}|[0-9]{{4}}[-/.年][0-9]{{1,2}}[-/.月][0-9]"),
        prose=re.compile(rf"{author}\.|author *=|《|“|。"),
    )


def by_lines(text: str, site: SiteProfile) -> Iterator[ByLine]:
    """Yield every By line of `text`, also those without a date that can be parsed."""
    forms = _forms(site)
    at = text.find(forms.author)
    while at >= 0:
        found = _by_line(text, at, forms)
        if found is not None:
            yield found
        at = text.find(forms.author, at + 1 if found is None else max(found.end, at + 1))


def _by_line(text: str, at: int, forms: _Forms) -> ByLine | None:
    start = text.rfind("\n", 0, at) + 1
    printed = forms.printed.match(text, start)
    if printed is not None:
        try:
            day = date.fromisoformat(printed[1])
        except ValueError:
            return ByLine(start=start, end=printed.end(), unparsed=printed[1])
        return ByLine(start=start, end=printed.end(), day=day, readers=int(printed[2]))
    if at - start > _LONGEST_LINE:
        return None
    parts = _Parts(text, start, forms)
    parts.read()
    if parts.has_author and (parts.day is not None or parts.readers is not None or parts.barred):
        return ByLine(
            start=_with_label_lines(text, start, forms),
            end=parts.end,
            day=parts.day,
            readers=parts.readers,
            comments=parts.comments,
            unparsed=parts.unparsed,
        )
    line_end = text.find("\n", at)
    line = text[start : line_end if line_end >= 0 else len(text)]
    if len(line) <= _LONGEST_LINE and forms.figures.search(line) and not forms.prose.search(line):
        return ByLine(start=start, end=start + len(line), unparsed=line.strip())
    return None


class _Parts:
    """The parts of one By line, read from `start` up to 引用 or the first text that is no part."""

    def __init__(self, text: str, start: int, forms: _Forms) -> None:
        self._text = text
        self._forms = forms
        self._seen: set[str] = set()
        self.end = start
        self.has_author = False
        self.barred = False
        self.day: date | None = None
        self.readers: int | None = None
        self.comments: int | None = None
        self.unparsed: str | None = None

    def read(self) -> None:
        while (part := self._next()) is not None:
            self.end = part.end()
            if part["cite"] is not None:
                while (closed := _LINK_END.match(self._text, self.end)) is not None:
                    self.end = closed.end()
                return
            self._take(part)
        if self.has_author:
            for form in (_BAR, _BAR_LINE):
                if (bar := form.match(self._text, self.end)) is not None:
                    self.barred |= bar[0].strip(" \t\n:") != ""
                    self.end = bar.end()

    def _next(self) -> re.Match[str] | None:
        """Return the next part on this line or, alone on its line, on the next ones."""
        for at in self._positions():
            part = self._forms.part.match(self._text, at)
            if part is not None and self._kind(part) not in self._seen:
                return part
            if part is None and self.has_author and self._skip_chunk(at):
                return self._next()
        return None

    def _positions(self) -> Iterator[int]:
        gap = (
            self._forms.gap.match(self._text, self.end)
            if self._seen
            else self._forms.line_start.match(self._text, self.end)
        )
        at = self.end if gap is None else gap.end()
        if self._seen and any(sign in _BARS for sign in self._text[self.end : at]):
            self.barred = True
        yield at
        if not self._seen or not self._text.startswith("\n", at):
            return
        line = at
        for _ in range(_MOST_LINES):
            line += 1
            gap = self._forms.gap.match(self._text, line)
            at = line if gap is None else gap.end()
            part = self._forms.part.match(self._text, at)
            if part is not None and _ENDS_PART.match(self._text, part.end()) is not None:
                yield at
                return
            if not self._text.startswith("\n", at):
                return
            line = at

    def _skip_chunk(self, at: int) -> bool:
        """Skip one part of an unknown form; return whether there was one.

        A known part has to follow behind a bar; or the unknown one replaces the date, or is the readers'
        count at the end of the line.
        """
        chunk = _CHUNK.match(self._text, at)
        if chunk is None or self.unparsed is not None or not self.barred:
            return False
        has_digit = any(sign.isdigit() for sign in chunk[0])
        if chunk.end() < len(self._text) and self._text[chunk.end()] in _BARS:
            gap = self._forms.gap.match(self._text, chunk.end())
            part = self._forms.part.match(self._text, chunk.end() if gap is None else gap.end())
            is_known = part is not None and self._kind(part) not in self._seen
            if not is_known and not (has_digit and "date" not in self._seen):
                return False
        elif not has_digit or "readers" in self._seen or _READERS_WORD.search(chunk[0]) is None:
            return False
        self.unparsed = chunk[0].strip()
        self.end = chunk.end()
        return True

    def _kind(self, part: re.Match[str]) -> str:
        return next(kind for kind in _KINDS if part[kind] is not None)

    def _take(self, part: re.Match[str]) -> None:
        kind = self._kind(part)
        self._seen.add(kind)
        if part.end() == len(self._text) and part[0][-1:].isdigit():
            self.unparsed = part[0]  # the capture ends inside this figure
            return
        match kind:
            case "author":
                self.has_author = True
            case "date":
                self.day = printed_day(part)
                self.unparsed = self.unparsed if self.day is not None else part["date"]
            case "readers":
                self.readers = _count(part["r1"] or part["r2"] or part["r3"])
            case _:
                self.comments = _count(part["c1"] or part["c2"])


def _count(figure: str) -> int:
    return int(figure.replace(",", "").replace("，", ""))


def _with_label_lines(text: str, start: int, forms: _Forms) -> int:
    """Return the offset of the first of the lines above that hold nothing but `By` or a bar."""
    top = start
    while top > 1:
        above = text.rfind("\n", 0, top - 1) + 1
        line = text[above : top - 1]
        if line.strip():
            if forms.only_label.fullmatch(line) is None or not re.search("[a-zA-Z作文|]", line):
                return start
            start = above
        elif start - above > _MOST_LINES:
            return start
        top = above
    return start

"""Localisation by gettext catalogues: messages, plurals, numbers, dates.

Message ids are the simplified Chinese sentences in the code; locales/*/LC_MESSAGES/kexue.po translate them.
The catalogue of zh-hant is generated from them by `python -m tests.tools.traditional`.
"""

import datetime as dt
import gettext
import io
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from bot.site_profile import KEXUE, SiteProfile
from storage.model import Certainty, Post

LANGUAGES: Final = ("zh", "zh-hant", "en")
DOMAIN: Final = "kexue"
LOCALES: Final = Path(__file__).with_name("locales")

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_ENGLISH_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TRADITIONAL: Final = re.compile(r"hant|tw|hk|mo")


def language_of(code: str | None) -> str:
    """Return the language for a client's IETF language tag; English for those without a catalogue."""
    primary, *subtags = re.split("[-_]", (code or "").lower())
    if primary != "zh":
        tags = ("-".join([primary, *subtags[:1]]), primary)
        return next((tag for tag in tags if tag in LANGUAGES), "en")
    return "zh-hant" if any(map(_TRADITIONAL.fullmatch, subtags)) and "hans" not in subtags else "zh"


@dataclass(frozen=True, slots=True)
class Words:
    """How one language says things. Values that are whole numbers are grouped: 37,802."""

    language: str
    catalogue: gettext.NullTranslations = field(repr=False, compare=False)
    site: SiteProfile = KEXUE

    @property
    def chinese(self) -> bool:
        """Return whether the language is Chinese, in either script."""
        return self.language.partition("-")[0] == "zh"

    @property
    def blog(self) -> str:
        """Return the blog's name in this language."""
        return self.site.title_in(self.language)

    @property
    def author(self) -> str:
        """Return the author's name in this language."""
        return self.site.author_in(self.language)

    def text(self, msgid: str, /, **values: object) -> str:
        """Return the message `msgid` in this language with its placeholders filled."""
        return self.catalogue.gettext(msgid).format_map(self._shown(values))

    def count(self, msgid: str, n: int, /, **values: object) -> str:
        """Return the message `msgid` in the plural form for `n`; {n} is filled too."""
        return self.catalogue.ngettext(msgid, msgid, n).format_map(self._shown({"n": n, **values}))

    def _shown(self, values: dict[str, object]) -> dict[str, object]:
        return {name: self.number(value) if type(value) is int else value for name, value in values.items()}

    def number(self, n: int) -> str:
        """Return 37802 as 37,802 in both languages."""
        return f"{n:,}"

    def short_number(self, n: int) -> str:
        """Return 415322 as 41.5 万 or 415K, rounded down."""
        if n < 10_000:
            return self.number(n)
        if self.chinese:
            return f"{_three_digits(n, 10_000)} {self.catalogue.gettext('万')}"
        return f"{_three_digits(n, 1_000)}K" if n < 1_000_000 else f"{_three_digits(n, 1_000_000)}M"

    def date(self, day: dt.date, certainty: Certainty = Certainty.GIVEN) -> str:
        """Return 2023-08-14 or 14 Aug 2023; a guessed year is followed by a question mark."""
        doubt = "?" if certainty is Certainty.GUESSED else ""
        if self.chinese:
            return f"{day.year:04}{doubt}-{day.month:02}-{day.day:02}"
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}{doubt}"

    def date_of(self, post: Post) -> str | None:
        """Return the post's date; only month and day if the year is unknown."""
        if post.date is not None:
            return self.date(post.date, post.date_certainty)
        if post.month_day is None:
            return None
        month, day = (int(part) for part in post.month_day.split("-"))
        return f"{month:02}-{day:02}" if self.chinese else f"{day} {MONTHS[month - 1]}"

    def day(self, day: dt.date) -> str:
        """Return the day of a digest: 11 月 22 日 or 22 Nov."""
        if self.chinese:
            return f"{day.month} 月 {day.day} 日"
        return f"{day.day} {MONTHS[day.month - 1]}"

    def span(self, first: dt.date, last: dt.date) -> str:
        """Return 11-23 至 11-29, or 23–29 Nov."""
        if self.chinese:
            return f"{first:%m-%d} 至 {last:%m-%d}"
        if first.month == last.month:
            return f"{first.day}–{self.day(last)}"
        return f"{self.day(first)} – {self.day(last)}"

    def month(self, year: int, month: int) -> str:
        """Return 2022-06 or Jun 2022."""
        return f"{year:04}-{month:02}" if self.chinese else f"{MONTHS[month - 1]} {year}"

    def month_name(self, month: int) -> str:
        """Return 6 月 or Jun."""
        return f"{month} 月" if self.chinese else MONTHS[month - 1]

    def weekday(self, weekday: int) -> str:
        """Return 周日 or Sunday; Monday is 0."""
        return self.catalogue.gettext(DAYS[weekday]) if self.chinese else _ENGLISH_DAYS[weekday]

    def clock(self, at: dt.time) -> str:
        """Return 20:00 in both languages."""
        return f"{at:%H:%M}"

    def sentences(self, *said: str | None) -> str:
        """Return sentences in one line, Chinese ones without a blank; None and empty ones are omitted."""
        return ("" if self.chinese else " ").join(sentence for sentence in said if sentence)

    def join(self, parts: list[str] | tuple[str, ...]) -> str:
        """Return names as a list: 甲、乙 or A, B."""
        return ("、" if self.chinese else ", ").join(parts)


def catalogue_file(language: str) -> Path:
    """Return the path of the `.po` file of `language`, in a folder with gettext's name of the locale."""
    return LOCALES / _locale(language) / "LC_MESSAGES" / f"{DOMAIN}.po"


def _locale(language: str) -> str:
    primary, _, script = language.partition("-")
    return f"{primary}_{script.title()}" if script else primary


@lru_cache(maxsize=len(LANGUAGES))
def _words(language: str) -> Words:
    source = catalogue_file(language)
    compiled = source.with_suffix(".mo")
    if compiled.exists() and (not source.exists() or compiled.stat().st_mtime >= source.stat().st_mtime):
        with compiled.open("rb") as binary:
            return Words(language, gettext.GNUTranslations(binary))
    return Words(language, gettext.GNUTranslations(io.BytesIO(_compiled(source, language))))


def _compiled(source: Path, language: str) -> bytes:
    """Compile a catalogue in memory: in a checkout whose `.po` file is newer than the last build."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    binary = io.BytesIO()
    with source.open("rb") as given:
        write_mo(binary, read_po(given, locale=_locale(language), domain=DOMAIN))
    return binary.getvalue()


def words_for(language: str, site: SiteProfile = KEXUE) -> Words:
    """Return the texts of `language`; the catalogue is read once."""
    words = _words(language_of(language))
    return words if site == KEXUE else replace(words, site=site)


def _three_digits(n: int, unit: int) -> str:
    """Return `n` in `unit`s with three digits, rounded down: 41.5, 3.78, 116."""
    whole = n // unit
    places = max(0, 3 - len(str(whole)))
    fraction = n % unit * 10**places // unit
    digits = f"{fraction:0{places}}".rstrip("0") if places else ""
    return f"{whole:,}.{digits}" if digits else f"{whole:,}"

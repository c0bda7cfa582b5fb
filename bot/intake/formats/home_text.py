"""Parser for text captures of the home page: date badge, title, paragraphs, 点击阅读全文, optional footer.

The layout prints neither the year nor the readers.
"""

import re
import sys
from datetime import date
from functools import cache

from bot.intake.formats.result import ParsedDump, bounded
from bot.intake.formats.text import without_outer_blank_lines
from bot.site_profile import SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_BADGE = re.compile(rf"\n[ \t\xa0]*([0-9]{{1,2}}) ({'|'.join(MONTHS)})[ \t\xa0]*(?=\n)")
_FOLD = re.compile(r"\n点击阅读全文[.…]*[ \t\xa0]*(?=\n|\Z)")
_FOOTER = re.compile(
    r"\n分类[:：][ \t\xa0]*([^\s:：]+)[ \t\xa0]+"
    r"(?:(?:标签[:：]([^\n]{0,999}?))?[ \t\xa0]{0,9}阅读全文"
    r"(?:[ \t\xa0]{0,9}([0-9]{1,9})[ \t\xa0]{0,9}评论)?)?"
)
_TITLE = re.compile(r"\s*(\S[^\n]*)")
_CUT_FOLD = re.compile(r"\n点(?:击(?:阅(?:读全?)?)?)?\Z")
_SIGNS = ("点击阅读全文", "阅读全文")


def read_home(text: str, site: SiteProfile) -> ParsedDump | None:
    """Parse the text of a home page; return None without a date badge or a word of the blog."""
    text = "\n" + text
    badges = list(_BADGE.finditer(text))
    if not badges or not any(sign in text for sign in (*_SIGNS, site.name)):
        return None
    sightings: list[Sighting] = []
    notes: list[Note] = []
    ends = [badge.start() for badge in badges[1:]] + [len(text)]
    for badge, end in zip(badges, ends, strict=True):
        match _sighting(text, badge, end, notes):
            case Sighting() as sighting:
                sightings.append(sighting)
            case str(reason):
                notes.append(Note(NoteKind.SKIPPED, f"{badge[0].strip()}: {reason}"))
    return ParsedDump(format=Layout.HOME, sightings=tuple(sightings), notes=tuple(notes))


@cache
def month_day(day: str, month: str) -> str | None:
    """Return "08-14" for "14", "Aug"; None for a day that is in no year."""
    number = MONTHS.index(month) + 1
    try:
        date(2024, number, int(day))
    except ValueError:
        return None
    return f"{number:02}-{int(day):02}"


def _sighting(text: str, badge: re.Match[str], end: int, notes: list[Note]) -> Sighting | str:
    day = month_day(badge[1], badge[2])
    if day is None:
        return "no day of the year, its post skipped"
    line = _TITLE.match(text, badge.end(), end)
    if line is None or line[1].startswith(("点击阅读全文", "分类:", "分类：")):
        return "no title below it, its post skipped"
    if line.end() == len(text):
        return "the dump ends at or in the title, its post skipped"
    title = line[1].rstrip()
    excerpt, rest = _excerpt(text, line.end(), end)
    if rest is None:
        notes.append(
            Note(NoteKind.CUT, f"{title!r}: no 点击阅读全文 below it, so its excerpt may be cut or too long")
        )
    category, tags, comments = read_footer(text, end if rest is None else rest, end)
    return Sighting(
        title=title, month_day=day, comments=comments, category=category, tags=tags, excerpt=excerpt or None
    )


def _excerpt(text: str, start: int, end: int) -> tuple[str, int | None]:
    """The excerpt, and where the footer may begin: None if there is neither a fold nor a footer."""
    fold = _FOLD.search(text, start, end)
    if fold is not None:
        return without_outer_blank_lines(text[start : fold.start()]), fold.end()
    # No fold: the page prints the whole post, of which only a beginning may be kept, or the dump is cut.
    footer = _FOOTER.search(text, start, end)
    shown = text[start : end if footer is None else footer.start()]
    return bounded(without_outer_blank_lines(_CUT_FOLD.sub("", shown))), footer and footer.start()


def read_footer(
    text: str, start: int = 0, end: int = sys.maxsize
) -> tuple[str | None, tuple[str, ...] | None, int | None]:
    """Return category, tags and comments of the first footer `分类:… 标签:… 阅读全文 N 评论`.

    A footer that ends before 阅读全文 was cut: its last tag may be incomplete, so no tag is returned.
    """
    footer = _FOOTER.search(text, start, end)
    if footer is None:
        return None, None, None
    category, tags, comments = footer.groups()
    return category, None if tags is None else split_tags(tags), None if comments is None else int(comments)


def split_tags(line: str) -> tuple[str, ...] | None:
    """Return the tags of `优化, GAN, 扩散`; () for an empty line, None for `,,`, whose tags were dropped."""
    tags = tuple(tag for tag in (part.strip() for part in re.split("[,，]", line)) if tag)
    return tags if tags or not line.strip() else None

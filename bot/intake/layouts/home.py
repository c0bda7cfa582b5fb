"""Text captures of the home page: a date badge, a title, paragraphs, 点击阅读全文, perhaps a footer.

The year is not in this layout; the readers are not either.
"""

import re
from datetime import date

from bot.intake.layouts.excerpt import bounded
from bot.intake.layouts.reading import Reading
from bot.intake.layouts.text import without_outer_blank_lines
from storage.model import Layout, Sighting

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_BADGE = re.compile(rf"\n[ \t\xa0]*([0-9]{{1,2}}) ({'|'.join(MONTHS)})[ \t\xa0]*(?=\n)")
_FOLD = re.compile(r"(?:\A|\n)[ \t\xa0]*点击阅读全文[.…]*[ \t\xa0]*(?=\n|\Z)")
_FOOTER = re.compile(
    r"(?:\A|\n)[ \t\xa0]*分类[:：][ \t\xa0]*([^\s:：]+)[ \t\xa0]+"
    r"(?:(?:标签[:：]([^\n]*?))?[ \t\xa0]*阅读全文(?:[ \t\xa0]*([0-9]{1,9})[ \t\xa0]*评论)?)?"
)
_SIGNS = ("点击阅读全文", "阅读全文", "科学空间")


def read_home(text: str) -> Reading | None:
    """The posts of a home page, or None if the text shows no date badge or no word of the blog."""
    text = "\n" + text
    badges = list(_BADGE.finditer(text))
    if not badges or not any(sign in text for sign in _SIGNS):
        return None
    sightings: list[Sighting] = []
    notes: list[str] = []
    ends = [badge.start() for badge in badges[1:]] + [len(text)]
    for badge, end in zip(badges, ends, strict=True):
        last = end == len(text)
        match _sighting(badge, text[badge.end() : end], last, notes):
            case Sighting() as sighting:
                sightings.append(sighting)
            case str(reason):
                notes.append(f"{badge[0].strip()}: {reason}")
    return Reading(layout=Layout.HOME, sightings=tuple(sightings), notes=tuple(notes))


def month_day(day: str, month: str) -> str | None:
    """ "14", "Aug" → "08-14"; None for a day that no year has."""
    number = MONTHS.index(month) + 1
    try:
        date(2024, number, int(day))
    except ValueError:
        return None
    return f"{number:02}-{int(day):02}"


def _sighting(badge: re.Match[str], block: str, last: bool, notes: list[str]) -> Sighting | str:
    title, line_end, rest = block.lstrip().partition("\n")
    title = title.strip()
    day = month_day(badge[1], badge[2])
    if day is None:
        return "no day of the year, its post skipped"
    if last and not line_end:
        return "the dump ends at or in the title, its post skipped"
    if not title or title.startswith(("点击阅读全文", "分类:", "分类：")):
        return "no title below it, its post skipped"
    excerpt, footer = _excerpt_and_footer(rest, last, title, notes)
    category, tags, comments = read_footer(footer)
    return Sighting(
        title=title, month_day=day, comments=comments, category=category, tags=tags, excerpt=excerpt or None
    )


def _excerpt_and_footer(rest: str, last: bool, title: str, notes: list[str]) -> tuple[str, str]:
    fold = _FOLD.search(rest)
    if fold is not None:
        return without_outer_blank_lines(rest[: fold.start()]), rest[fold.end() :]
    footer = _FOOTER.search(rest)
    if footer is not None:
        # No fold: the page shows the whole post, of which only a beginning may be kept.
        return bounded(without_outer_blank_lines(rest[: footer.start()])), rest[footer.start() :]
    if last:
        notes.append(f"the dump ends inside {title!r}: its excerpt may be incomplete")
        rest = re.sub(r"\n点(?:击(?:阅(?:读(?:全)?)?)?)?\Z", "\n", rest)
    return bounded(without_outer_blank_lines(rest)), ""


def read_footer(text: str) -> tuple[str | None, tuple[str, ...] | None, int | None]:
    """Category, tags and comments of the first footer `分类:… 标签:… 阅读全文 N 评论`; None for what lacks.

    A footer that ends before 阅读全文 was cut: its last tag may be half a tag, so none is taken.
    """
    footer = _FOOTER.search(text)
    if footer is None:
        return None, None, None
    category, tags, comments = footer.groups()
    return category, None if tags is None else split_tags(tags), None if comments is None else int(comments)


def split_tags(line: str) -> tuple[str, ...] | None:
    """The tags of `优化, GAN, 扩散`; () for an empty line, None for `,,`, whose tags an extractor dropped."""
    tags = tuple(tag for tag in (part.strip() for part in re.split("[,，]", line)) if tag)
    return tags if tags or not line.strip() else None

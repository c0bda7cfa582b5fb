"""Parser for the text of the page of all posts."""

import re
from datetime import date

from bot.intake.formats import template
from bot.intake.formats.result import ParsedDump
from bot.site_profile import SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting

_YEAR = re.compile(r"\n[#>*+•\- ]{0,8}([0-9]{4})[ ]?年[ ]?[(（][ ]?共[ ]?([0-9]{1,4})[ ]?篇[ ]?[)）]")
_ARCHIVE_LINE = re.compile(
    r"\n[#>*+•□◦▪\- ]{0,8}(?:(?P<year>[0-9]{4})[ ]?年[ ]?[(（][ ]?共[ ]?(?P<count>[0-9]{1,4})[ ]?篇[ ]?[)）]"
    r"|(?P<month>[0-9]{1,2})[ ]?月(?=[ ]*(?:\n|\Z))"
    r"|(?P<day>[0-9]{1,2})[ ]?日[ ]?[:：][ ]*\n?(?P<title>[^\n]+?)"
    r"(?:[ \n][(（]\n?(?P<comments>[0-9]{1,6}|\[(?:[0-9]{1,3}\])?[0-9]{1,6}(?:\]\([^()\n]*\))?)\n?[)）])?"
    r"(?=[ ]*(?:\n|\Z)))"
)


def is_archive(text: str) -> bool:
    """Return whether a text is the page of all posts: it has the heading of a year."""
    return "年" in text and _YEAR.search(text) is not None


def span_of(text: str) -> tuple[int, int] | None:
    """Return where the headings and lines of posts begin and end, None for another text."""
    first = _YEAR.search(text) if "年" in text else None
    if first is None:
        return None
    end = first.end()
    for line in _ARCHIVE_LINE.finditer(text, first.end()):
        end = line.end()
    return first.start() + 1, end


def read_archive(text: str, site: SiteProfile) -> ParsedDump:
    """Parse the text of the page of all posts: title, date and comments, the number if it is linked."""
    sightings: list[Sighting] = []
    notes: list[Note] = []
    year = month = printed = 0
    found: dict[int, int] = {}
    for line in _ARCHIVE_LINE.finditer(text):
        if line["year"] is not None:
            year, month, printed = int(line["year"]), 0, int(line["count"])
            found[year] = found.get(year, 0) - printed
        elif line["month"] is not None:
            month = int(line["month"])
        else:
            match _archived(line, year, month, site):
                case Sighting() as sighting:
                    sightings.append(sighting)
                    found[year] = found.get(year, 0) + 1
                case Note() as note:
                    notes.append(note)
    for year, missing in found.items():
        if missing and year:
            more = "fewer" if missing < 0 else "more"
            reason = f"{year}: {abs(missing)} posts {more} than the page prints for the year"
            notes.append(Note(NoteKind.CUT, reason))
    return ParsedDump(format=Layout.ARCHIVE_PAGE, sightings=tuple(sightings), notes=tuple(notes))


def _archived(line: re.Match[str], year: int, month: int, site: SiteProfile) -> Sighting | Note:
    where = f"{year}-{month:02}-{int(line['day']):02}"
    title, address = template.clean_title(line["title"], site)
    problem = template.title_problem(title)
    if problem is not None:
        return Note(NoteKind.SKIPPED, f"{where}: {problem}")
    try:
        day = date(year, month, int(line["day"]))
    except ValueError:
        return Note(NoteKind.SKIPPED, f"{where}: no valid date, {title!r} skipped")
    if line["comments"] is None and line.end() == len(line.string):
        return Note(NoteKind.SKIPPED, f"{where}: the dump ends in the title, skipped")
    count = re.search(r"([0-9]{1,6})(?:\]\([^()\n]*\))?\Z", line["comments"] or "")
    return Sighting(
        title=title,
        date=day,
        comments=None if count is None else int(count[1]),
        archive_id=address and address[0],
        url=address and address[1],
    )

"""Parser for text captures of list, category, tag and search pages: title, By line, excerpt."""

import re
from datetime import date
from functools import cache

from bot.intake.formats.result import ParsedDump
from bot.intake.formats.text import without_outer_blank_lines
from bot.site_profile import SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting


@cache
def _by_line(site: SiteProfile) -> re.Pattern[str]:
    """Compile the By line: a search for the literal "\\nBy" keeps large dumps cheap."""
    return re.compile(
        rf"\n{re.escape(site.by)}[ \t\xa0]+{re.escape(site.author)}[ \t\xa0]*\|[ \t\xa0]*"
        r"([0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9]))?"
        rf"(?:[ \t\xa0]*\|[ \t\xa0]*([0-9]{{1,15}})[ \t\xa0]*{re.escape(site.readers)})?"
        r"(?:[ \t\xa0]*\|(?:[ \t\xa0]*(?:引用|:(?=[ \t\xa0]*(?:\n|\Z))))?)?"
    )


@cache
def _cut_by_line(site: SiteProfile) -> re.Pattern[str]:
    """Compile the By line of a dump that ends inside the author's name."""
    return re.compile(rf"\n{re.escape(site.by)}(?:[ \t\xa0]+{_prefixes(site.author)}[ \t\xa0]*)?\Z")


@cache
def _cut_figures(site: SiteProfile) -> re.Pattern[str]:
    """Compile the rest of a By line of a dump that ends after the author's name."""
    return re.compile(rf"[ \t\xa0]*[0-9]*{_prefixes(site.readers)}[ \t\xa0]*\|?[ \t\xa0]*引?\Z")


def _prefixes(word: str) -> str:
    """Return a pattern of every prefix of `word`, the empty one included."""
    return "".join(f"(?:{re.escape(character)}" for character in word) + ")?" * len(word)


_END = re.compile(r"\n最近评论[ \t\xa0]*(?=\n|\Z)")
_PAGER = re.compile(r"\n(?:« )?[0-9][0-9 \xa0.…]{0,80}»\s{0,9}\Z")
_MORE = re.compile(r"\n[ \t\xa0]*点击阅读全文[.…]*[ \t\xa0]*\Z")
_LONGEST_TITLE = 200


def read_listing(text: str, site: SiteProfile) -> ParsedDump | None:
    """Parse a listing; return None if the text has no By line.

    A listing without its closing line 最近评论 was cut: its last excerpt is kept, with a note.
    """
    text = "\n" + text
    lines = list(_by_line(site).finditer(text))
    if not lines:
        return None
    sightings: list[Sighting] = []
    notes: list[Note] = []
    _, title = _split(text[: lines[0].start()])
    for number, line in enumerate(lines):
        if number + 1 < len(lines):
            excerpt, next_title = _split(text[line.end() : lines[number + 1].start()])
            excerpt = _until_end(excerpt)
        else:
            excerpt, next_title = _last(text[line.end() :], notes, site), ""
        match _sighting(title, line, excerpt):
            case Sighting() as sighting:
                sightings.append(sighting)
            case str(reason):
                notes.append(Note(NoteKind.SKIPPED, f"By line {number + 1}: {reason}"))
        title = next_title
    return ParsedDump(format=Layout.LISTING, sightings=tuple(sightings), notes=tuple(notes))


def _split(between: str) -> tuple[str, str]:
    """Split the text between two By lines into the excerpt of the first and the title of the second."""
    excerpt, newline, title = between.rstrip().rpartition("\n")
    return (excerpt, title) if newline else (title, "")


def _until_end(excerpt: str) -> str:
    """Cut `excerpt` at the side bar that joined captures have before their last post."""
    if "\n最近评论" not in excerpt:
        return excerpt
    end = _END.search(excerpt)
    return excerpt if end is None else excerpt[: end.start()]


def _last(rest: str, notes: list[Note], site: SiteProfile) -> str:
    end = _END.search(rest)
    if end is not None:
        return _PAGER.sub("", rest[: end.start()])
    notes.append(
        Note(NoteKind.CUT, "no closing line 最近评论: the dump may be cut, its last excerpt incomplete")
    )
    if len(rest) < 40 and _cut_figures(site).fullmatch(rest):
        return ""
    cut = _cut_by_line(site).search(rest)
    return rest if cut is None else _split(rest[: cut.start()])[0]


def _sighting(title: str, line: re.Match[str], excerpt: str) -> Sighting | str:
    title = title.strip()
    if not title:
        return "no title above it, skipped"
    if len(title) > _LONGEST_TITLE:
        return f"the line above it is no title ({len(title)} characters), skipped"
    try:
        day = date.fromisoformat(line[1] or "")
    except ValueError:
        return f"no valid date ({line[1]}), {title!r} skipped"
    if "点击阅读全文" in excerpt[-20:]:
        excerpt = _MORE.sub("", excerpt)
    kept = without_outer_blank_lines(excerpt)
    return Sighting(title=title, date=day, readers=int(line[2]) if line[2] else None, excerpt=kept or None)

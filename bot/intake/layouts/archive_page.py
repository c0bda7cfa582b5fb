"""HTML of the page of all posts: a heading for each year, a line for each post with its comments."""

import re
from datetime import date

from selectolax.lexbor import LexborNode

from bot.intake.layouts.address import post_address
from bot.intake.layouts.markup import Page, one_line
from bot.intake.layouts.reading import Reading
from storage.model import Layout, Sighting

_YEAR = re.compile(r"([0-9]{4})\s*年\s*[(（]\s*共")
_MONTH = re.compile(r"([0-9]{1,2})\s*月")
_DAY = re.compile(r"\s*([0-9]{1,2})\s*日\s*[:：]")


def read_archive(page: Page) -> Reading | None:
    """Every post with id, title, date and comments; None if the page has no line of a day."""
    sightings: list[Sighting] = []
    notes: list[str] = []
    year = month = 0
    for node in page.tree.css("h2, h3, h4, li, li > span"):
        text = node.text(deep=node.tag != "li")
        if node.tag == "li":
            day = _DAY.match(text)
            if day is None or node.css_first("ul") is not None:
                continue
            match _sighting(node, year, month, int(day[1])):
                case Sighting() as sighting:
                    sightings.append(sighting)
                case str(reason):
                    notes.append(f"{year}-{month:02}-{int(day[1]):02}: {reason}")
        elif node.tag == "span":
            found = _MONTH.fullmatch(text.strip())
            month = int(found[1]) if found else month
        elif heading := _YEAR.search(text):
            year, month = int(heading[1]), 0
    if not sightings and not notes:
        return None
    return Reading(layout=Layout.ARCHIVE_PAGE, sightings=tuple(sightings), notes=tuple(notes))


def _sighting(line: LexborNode, year: int, month: int, day: int) -> Sighting | str:
    links = line.css("a")
    title = one_line(links[0]) if links else ""
    address = post_address(links[0].attributes.get("href")) if links else None
    if not title or address is None:
        return "no title or no address, skipped"
    try:
        shown = date(year, month, day)
    except ValueError:
        shown = None
    count = one_line(links[1]) if len(links) > 1 else ""
    return Sighting(
        title=title,
        date=shown,
        comments=int(count) if re.fullmatch(r"[0-9]{1,9}", count) else None,
        archive_id=address[0],
        url=address[1],
    )

"""HTML of list, category, tag and search pages and of the home page: one block for each post."""

from selectolax.lexbor import LexborNode

from bot.intake.layouts.address import post_address
from bot.intake.layouts.excerpt import bounded
from bot.intake.layouts.markup import Page, lines, one_line
from bot.intake.layouts.page_details import badge, by_line, category_and_tags, comment_count, footers
from bot.intake.layouts.reading import Reading
from storage.model import Layout, Sighting

MAX_BLOCKS = 100
"""More posts than this are on no page of the blog; it shows eight."""

_MORE = "点击阅读全文"
_AROUND = ".title-wrap, .PostHead, span.date, .submitted, .tools, .cat, #tools, .clear, script, style"


def read_posts(page: Page) -> Reading | None:
    """The posts of a page of blocks, None if it has none.

    Only a home page prints no full date; then the badge gives month and day.
    """
    blocks = [block for block in page.tree.css("div.Post")[:MAX_BLOCKS] if _title_link(block) is not None]
    if not blocks:
        return None
    sightings: list[Sighting] = []
    notes: list[str] = []
    for number, block in enumerate(blocks, 1):
        match _sighting(page, block):
            case Sighting() as sighting:
                sightings.append(sighting)
            case str(reason):
                notes.append(f"block {number}: {reason}")
    dated = any(sighting.date is not None for sighting in sightings)
    layout = Layout.LIST_PAGE if dated else Layout.HOME_PAGE
    return Reading(layout=layout, sightings=tuple(sightings), notes=tuple(notes))


def _title_link(block: LexborNode) -> LexborNode | None:
    return block.css_first(".title-wrap h2 a") or block.css_first(".PostHead h2 a") or block.css_first("h2 a")


def _sighting(page: Page, block: LexborNode) -> Sighting | str:
    link = _title_link(block)
    title = one_line(link)
    address = post_address(link.attributes.get("href") if link is not None else None)
    day, readers = by_line(block)
    month = badge(block)
    if not title:
        return "no title, skipped"
    if day is None and not page.shows_all_of(block):
        return f"the page ends inside {title!r}, skipped"
    if day is None and month is None and address is None:
        return f"neither date nor address, {title!r} skipped"
    category, tags, comments = _footer(page, block)
    excerpt = _excerpt(page, block, title)
    return Sighting(
        title=title,
        date=day,
        month_day=None if day else month,
        readers=readers,
        comments=comments,
        category=category,
        tags=tags,
        excerpt=excerpt or None,
        archive_id=address and address[0],
        url=address and address[1],
    )


def _footer(page: Page, block: LexborNode) -> tuple[str | None, tuple[str, ...] | None, int | None]:
    for place in footers(block):
        line = place if "cat" in (place.attributes.get("class") or "").split() else place.css_first(".cat")
        if line is not None:
            around = place.text() if place is not block else (line.parent or line).text()
            return *category_and_tags(page, line), comment_count(around.rpartition("阅读全文")[2])
    return None, None, None


def _excerpt(page: Page, block: LexborNode, title: str) -> str:
    """What a block shows above its fold; nothing if the page ends before that."""
    body = block.css_first(".PostContent")
    text, folded = lines(body or block, without=_AROUND)
    if body is None:
        text = text.removeprefix(title).lstrip()
    above, fold, _ = text.rpartition(_MORE)
    if fold or folded:
        return (above if fold else text).rstrip()
    return bounded(text) if page.shows_all_of(block) else ""

"""HTML of one post's own page: the best source of title, number, date, category and tags.

The body is read up to the author's fold and no further.
"""

import re
from datetime import date

from selectolax.lexbor import LexborNode

from bot.intake.layouts.address import post_address
from bot.intake.layouts.excerpt import bounded
from bot.intake.layouts.home import MONTHS
from bot.intake.layouts.markup import Page, lines, one_line
from bot.intake.layouts.page_details import by_line, category_and_tags, comment_count
from bot.intake.layouts.reading import Reading, Unreadable
from storage.model import Layout, Sighting

_TEMPLATE = "#content_tips, #pay, #how_to_cite, #share, #kimi, div.clear"
_SUFFIX = re.compile(r"\s*-\s*科学空间\s*\|\s*Scientific Spaces\s*\Z")
_CITATION = re.compile(
    rf"\(({'|'.join(MONTHS)})\.?\s+([0-9]{{1,2}}),\s*([0-9]{{4}})\)\.\s*《(.*)》\s*\[Blog post\]", re.DOTALL
)
_CITED_ID = re.compile(r"@online\{kexuefm-([0-9]{1,9})\b")
_REPRINT = re.compile(r"(?:转载到请包括本文地址|更详细的转载事宜请参考).*", re.DOTALL)


def read_post(page: Page) -> Reading | None:
    """The one post of a page, None for other pages. Raises Unreadable for a post page without its body."""
    head = page.tree.css_first(".Post .title-wrap h1") or page.tree.css_first(".PostHead h1")
    body = page.tree.css_first("#PostContent")
    cites = page.tree.css_first("#how_to_cite") is not None
    if head is None and not cites and (body is None or page.tree.css_first(".title-wrap h2") is not None):
        return None
    if body is None:
        raise Unreadable("half a page: the post's title without its text; capture the page again, whole")
    notes: list[str] = []
    cited_id, cited_title, cited_day = _citation(page)
    title = one_line(head) or cited_title or _SUFFIX.sub("", one_line(page.tree.css_first("title")))
    address = _address(page, head, cited_id)
    day, readers = by_line(page.tree.css_first(".Post") or body)
    if cited_id is not None and address is not None and cited_id != address[0]:
        notes.append(f"the page cites itself as {cited_id}, its link says {address[0]}")
    if not title or (address is None and day is None and cited_day is None):
        raise Unreadable("half a page: a post without title, address or date; capture the page again, whole")
    category, tags = category_and_tags(
        page, page.tree.css_first("#tools .cat") or page.tree.css_first(".tools .cat")
    )
    sighting = Sighting(
        title=title,
        date=day or cited_day,
        readers=readers,
        comments=_comments(page),
        category=category,
        tags=tags,
        excerpt=_excerpt(page, body) or None,
        archive_id=address and address[0],
        url=address and address[1],
    )
    return Reading(layout=Layout.POST_PAGE, sightings=(sighting,), notes=tuple(notes))


def _address(page: Page, head: LexborNode | None, cited: int | None) -> tuple[int, str] | None:
    link = None if head is None else head.css_first("a")
    canonical = page.tree.css_first('link[rel="canonical"]')
    for node in (link, canonical):
        if node is not None and (address := post_address(node.attributes.get("href"))) is not None:
            return address
    return None if cited is None else post_address(f"/archives/{cited}")


def _citation(page: Page) -> tuple[int | None, str | None, date | None]:
    """Number, title and day as the block 如何引用 gives them."""
    block = page.tree.css_first("#how_to_cite")
    if block is None:
        return None, None, None
    text = block.text()
    number, cited = _CITED_ID.search(text), _CITATION.search(text)
    title, day = None, None
    if cited is not None:
        title = cited[4].strip() or None
        try:
            day = date(int(cited[3]), MONTHS.index(cited[1]) + 1, int(cited[2]))
        except ValueError:
            day = None
    return None if number is None else int(number[1]), title, day


def _comments(page: Page) -> int | None:
    """The printed number, else the comments on the page if it shows all of them."""
    for node in page.tree.css("#tools, #comments h2, #comments h3, #comments h4"):
        if (count := comment_count(node.text())) is not None:
            return count
    shown = page.tree.css_first("#comments")
    if shown is None or "»" in shown.text() or not page.shows_all_of(shown):
        return None
    return len({node.id for node in shown.css('[id^="comment-"]')}) or None


def _excerpt(page: Page, body: LexborNode) -> str:
    """The body up to its fold; its beginning where the author set none; nothing from a page cut above it."""
    text, folded = lines(body, without=_TEMPLATE)
    if folded:
        return text
    return bounded(_REPRINT.sub("", text).rstrip()) if page.shows_all_of(body) else ""

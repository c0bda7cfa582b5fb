"""Parsers for HTML pages of the blog: list, home, post and archive pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from bot.intake.formats import ParsedDump, UnreadableDumpError
from bot.intake.formats.by_line import MONTHS, day_of
from bot.intake.formats.html import Page, lines, one_line
from bot.intake.formats.template import CITED, bounded, cited_id, month_day, suffix
from bot.site_profile import SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_DATE = re.compile(r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_BADGE = re.compile(rf"([0-9]{{1,2}})\s*({'|'.join(MONTHS)})\b")
_COMMENTS = re.compile(r"([0-9]{1,9})\s{0,9}条?\s{0,9}评论")


@cache
def _readers(site: SiteProfile) -> re.Pattern[str]:
    return re.compile(rf"([0-9]{{1,15}})\s*{re.escape(site.readers)}")


def by_line(block: LexborNode, site: SiteProfile) -> tuple[date | None, int | None]:
    """Return date and readers of the line `By 苏剑林 | 2022-03-09 | 78384位读者 | 引用` in any variant."""
    text = one_line(block.css_first(".submitted"))
    shown, readers = _DATE.search(text), _readers(site).search(text)
    try:
        day = None if shown is None else date.fromisoformat(shown[0])
    except ValueError:
        day = None
    return day, None if readers is None else int(readers[1])


def badge(block: LexborNode) -> str | None:
    """Return the "MM-DD" of the date badge of a block."""
    shown = block.css_first("span.date")
    found = None if shown is None else _BADGE.search(shown.text(separator=" "))
    return None if found is None else month_day(found[1], found[2])


def category_and_tags(page: Page, line: LexborNode | None) -> tuple[str | None, tuple[str, ...] | None]:
    """Return category and tags from the links of `分类：… 标签：…` only; a cut line gives no tags."""
    if line is None:
        return None, None
    category = one_line(line.css_first('a[href*="/category/"]')) or None
    if not page.shows_all_of(line):
        return category, None
    tags = tuple(tag for tag in (one_line(link) for link in line.css('a[href*="/tag/"]')) if tag)
    # Extractors that drop the links keep their commas: then the tags are unknown, not empty.
    lost = not tags and re.search(r"标签[:：]\s*[,，]", line.text())
    return category, None if lost else tags


def comment_count(text: str) -> int | None:
    """Return the count in `阅读全文 14 评论` or `已有 14 条评论`."""
    found = _COMMENTS.search(text)
    return None if found is None else int(found[1])


def footers(block: LexborNode) -> Iterator[LexborNode]:
    """Yield `block` and the elements up to the next one: a template may print the footer in either."""
    yield block
    sibling = block.next
    while sibling is not None and not _is_post(sibling):
        if sibling.is_element_node:
            yield sibling
        sibling = sibling.next


def _is_post(node: LexborNode) -> bool:
    return node.is_element_node and "Post" in (node.attributes.get("class") or "").split()


MAX_BLOCKS = 100
"""Maximum number of posts parsed on one page; the blog prints eight."""

_MORE = "点击阅读全文"
_AROUND = ".title-wrap, .PostHead, span.date, .submitted, .tools, .cat, #tools, .clear, script, style"


def read_posts(page: Page, site: SiteProfile) -> ParsedDump | None:
    """Parse a page of blocks; return None if it has none.

    Only a home page prints no full date; there the badge gives month and day.
    """
    blocks = [block for block in page.tree.css("div.Post")[:MAX_BLOCKS] if _title_link(block) is not None]
    if not blocks:
        return None
    sightings: list[Sighting] = []
    notes: list[Note] = []
    for number, block in enumerate(blocks, 1):
        match _listed_sighting(page, block, site):
            case Sighting() as sighting:
                sightings.append(sighting)
            case str(reason):
                notes.append(Note(NoteKind.SKIPPED, f"block {number}: {reason}"))
    dated = any(sighting.date is not None for sighting in sightings)
    layout = Layout.LIST_PAGE if dated else Layout.HOME_PAGE
    return ParsedDump(format=layout, sightings=tuple(sightings), notes=tuple(notes))


def _title_link(block: LexborNode) -> LexborNode | None:
    return block.css_first(".title-wrap h2 a") or block.css_first(".PostHead h2 a") or block.css_first("h2 a")


def _listed_sighting(page: Page, block: LexborNode, site: SiteProfile) -> Sighting | str:
    link = _title_link(block)
    title = one_line(link)
    address = site.match_post(link.attributes.get("href") if link is not None else None)
    day, readers = by_line(block, site)
    month = badge(block)
    if not title:
        return "no title, skipped"
    if day is None and not page.shows_all_of(block):
        return f"the page ends inside {title!r}, skipped"
    if day is None and month is None and address is None:
        return f"neither date nor address, {title!r} skipped"
    category, tags, comments = _footer(page, block)
    excerpt = _listed_excerpt(page, block, title)
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


def _listed_excerpt(page: Page, block: LexborNode, title: str) -> str:
    """Return the text of a block above its fold; empty if the page ends before the fold."""
    body = block.css_first(".PostContent")
    text, folded = lines(body or block, without=_AROUND)
    if body is None:
        text = text.removeprefix(title).lstrip()
    above, fold, _ = text.rpartition(_MORE)
    if fold or folded:
        return (above if fold else text).rstrip()
    return bounded(text) if page.shows_all_of(block) else ""


_TEMPLATE = "#content_tips, #pay, #how_to_cite, #share, #kimi, div.clear"
_REPRINT = re.compile(r"(?:转载到请包括本文地址|更详细的转载事宜请参考).*", re.DOTALL)


def read_post(page: Page, site: SiteProfile) -> ParsedDump | None:
    """Parse the page of one post; return None for other pages.

    Raises UnreadableDumpError for a post page without its body.
    """
    head = page.tree.css_first(".Post .title-wrap h1") or page.tree.css_first(".PostHead h1")
    body = page.tree.css_first("#PostContent")
    cites = page.tree.css_first("#how_to_cite") is not None
    if head is None and not cites and (body is None or page.tree.css_first(".title-wrap h2") is not None):
        return None
    if body is None:
        raise UnreadableDumpError(
            "half a page: the post's title without its text; capture the page again, whole"
        )
    notes: list[Note] = []
    cited_id, cited_title, cited_day = _citation(page, site)
    title = one_line(head) or cited_title or suffix(site).sub("", one_line(page.tree.css_first("title")))
    address = own_address(page, head, site)
    if address is None and cited_id is not None:
        address = cited_id, site.post_url(cited_id)
    day, readers = by_line(page.tree.css_first(".Post") or body, site)
    if cited_id is not None and address is not None and cited_id != address[0]:
        notes.append(Note(NoteKind.ODD, f"the page cites itself as {cited_id}, its link says {address[0]}"))
    if not title or (address is None and day is None and cited_day is None):
        raise UnreadableDumpError(
            "half a page: a post without title, address or date; capture the page again, whole"
        )
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
    return ParsedDump(format=Layout.POST_PAGE, sightings=(sighting,), notes=tuple(notes))


def own_address(page: Page, head: LexborNode | None, site: SiteProfile) -> tuple[int, str] | None:
    """Return the address in the title's link, the canonical link or og:url."""
    link = None if head is None else head.css_first("a")
    canonical = page.tree.css_first('link[rel="canonical"]')
    shared = page.tree.css_first('meta[property="og:url"]')
    for node, attribute in ((link, "href"), (canonical, "href"), (shared, "content")):
        if node is not None and (found := site.match_post(node.attributes.get(attribute))) is not None:
            return found
    return None


def _citation(page: Page, site: SiteProfile) -> tuple[int | None, str | None, date | None]:
    """Return archive id, title and day from the citation block."""
    block = page.tree.css_first("#how_to_cite")
    if block is None:
        return None, None, None
    text = block.text()
    number, cited = cited_id(site).search(text), CITED.search(text)
    title = cited and (cited[4].strip() or None)
    day = cited and day_of(cited[3], cited[1], cited[2])
    return None if number is None else int(number[1]), title, day


def _comments(page: Page) -> int | None:
    """Return the printed count, or the number of comments on a page with all of them."""
    for node in page.tree.css("#tools, #comments h2, #comments h3, #comments h4"):
        if (count := comment_count(node.text())) is not None:
            return count
    shown = page.tree.css_first("#comments")
    if shown is None or "»" in shown.text() or not page.shows_all_of(shown):
        return None
    return len({node.id for node in shown.css('[id^="comment-"]')}) or None


def _excerpt(page: Page, body: LexborNode) -> str:
    """Return the body up to its fold, its beginning if there is none, nothing for a page cut above it."""
    text, folded = lines(body, without=_TEMPLATE)
    if folded:
        return text
    return bounded(_REPRINT.sub("", text).rstrip()) if page.shows_all_of(body) else ""


_YEAR = re.compile(r"([0-9]{4})\s*年\s*[(（]\s*共")
_MONTH = re.compile(r"([0-9]{1,2})\s*月")
_DAY = re.compile(r"\s*([0-9]{1,2})\s*日\s*[:：]")


def read_archive(page: Page, site: SiteProfile) -> ParsedDump | None:
    """Parse the page of all posts: id, title, date and comments; return None if no line has a day."""
    sightings: list[Sighting] = []
    notes: list[Note] = []
    year = month = 0
    for node in page.tree.css("h2, h3, h4, li, li > span"):
        text = node.text(deep=node.tag != "li")
        if node.tag == "li":
            day = _DAY.match(text)
            if day is None or node.css_first("ul") is not None:
                continue
            match _sighting(node, year, month, int(day[1]), site):
                case Sighting() as sighting:
                    sightings.append(sighting)
                case str(reason):
                    notes.append(Note(NoteKind.SKIPPED, f"{year}-{month:02}-{int(day[1]):02}: {reason}"))
        elif node.tag == "span":
            found = _MONTH.fullmatch(text.strip())
            month = int(found[1]) if found else month
        elif heading := _YEAR.search(text):
            year, month = int(heading[1]), 0
    if not sightings and not notes:
        return None
    return ParsedDump(format=Layout.ARCHIVE_PAGE, sightings=tuple(sightings), notes=tuple(notes))


def _sighting(line: LexborNode, year: int, month: int, day: int, site: SiteProfile) -> Sighting | str:
    links = line.css("a")
    title = one_line(links[0]) if links else ""
    address = site.match_post(links[0].attributes.get("href")) if links else None
    if not title or address is None:
        return "no title or no address, skipped"
    count = one_line(links[1]) if len(links) > 1 else ""
    return Sighting(
        title=title,
        date=day_of(year, month, day),
        comments=int(count) if re.fullmatch(r"[0-9]{1,9}", count) else None,
        archive_id=address[0],
        url=address[1],
    )

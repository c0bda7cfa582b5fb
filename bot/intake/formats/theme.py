"""Parser of list and post pages in other themes: by the profile's CSS selectors, then by generic marks.

Generic marks are JSON-LD of schema.org, `article` elements with `time`, and headings that link to a post.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.intake.formats import ParsedDump
from bot.intake.formats.by_line import DATE, printed_day
from bot.intake.formats.html import Page, lines, one_line
from bot.intake.formats.html_pages import MAX_BLOCKS, own_address
from bot.intake.formats.template import bounded
from bot.site_profile import Selectors, SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

GENERIC = Selectors(
    block="",  # found from the links in headings
    title="h1 a, h2 a, h3 a, h4 a, .post-title a, .entry-title a, .p-name",
    post_title="article h1, main h1, h1",
    post_body="[itemprop=articleBody], .e-content, .entry-content, .post-content, .entry-summary, .p-summary,"
    " .post-body, .content",
    date="time[datetime], time, [itemprop=datePublished]",
    category='a[rel~="category"], a[href*="/category/"], a[href*="/categories/"]',
    tags='a[rel~="tag"], a[href*="/tag/"], a[href*="/tags/"]',
    comments='a[href$="#comments"], a[href$="#respond"]',
)
_POSTING = frozenset({"BlogPosting", "Article", "NewsArticle", "TechArticle"})
_ASIDE = "aside, nav, footer, [role=complementary], [role=navigation], .sidebar, #sidebar, .widget"
_AROUND = (
    "h1, h2, h3, time, script, style, nav, form, p.more, .post-meta, .entry-meta, .post-title, .entry-title,"
    " .tags, [itemprop=keywords]"
)
_FOLD = "p.more, a.more-link, .read-more"
_MORE = re.compile(r"阅读|全文|查看|继续|\bmore\b|\bcontinue\b|\bread\b|»", re.IGNORECASE)
_BADGES = frozenset({"置顶", "Sticky", "Pinned"})
_PAGE_TAGS = frozenset({"html", "body", "main"})
_DATE = re.compile(rf"(?<![0-9a-zA-Z])(?:{DATE})(?![0-9])")
_NUMBER = re.compile(r"(?<![0-9])([0-9]{1,9})(?![0-9])")


@dataclass(frozen=True, slots=True)
class _Block:
    """One post on a list page: its element, the link with its title, its number and address."""

    node: LexborNode
    link: LexborNode
    address: tuple[int, str]


def read_theme(page: Page, site: SiteProfile) -> ParsedDump | None:
    """Parse a page by the selectors of `site` or by generic marks; return None if neither finds a post.

    Of the readings, the one with most posts, excerpts and dates is taken; JSON-LD and meta elements supply
    what it lacks.
    """
    selectors = site.selectors or Selectors()
    stated = tuple(islice(_postings(page, site), MAX_BLOCKS))
    readings = [_by_selectors(page, site, selectors)]
    if readings[0] is None or selectors == Selectors():
        layout = Layout.POST_PAGE if len(stated) == 1 else Layout.LIST_PAGE
        readings += [_by_headings(page, site), ParsedDump(format=layout, sightings=stated)]
    best = max(filter(None, readings), key=_completeness)
    return _supplemented(page, best, stated) if best.sightings else None


def _completeness(parsed: ParsedDump) -> tuple[int, int, int]:
    shown = parsed.sightings
    excerpts = sum(each.excerpt is not None for each in shown)
    return len(shown), excerpts, sum(each.date is not None for each in shown)


def _by_selectors(page: Page, site: SiteProfile, selectors: Selectors) -> ParsedDump | None:
    """Parse a post page, or each block of a list page."""
    single = _single(page, site, selectors)
    if single is not None:
        return ParsedDump(format=Layout.POST_PAGE, sightings=(single,))
    blocks: list[_Block] = []
    for node in islice(_nodes(page.tree.root, selectors.block), MAX_BLOCKS):
        link = _first(node, selectors.title)
        address = site.match_post(None if link is None else link.attributes.get("href"))
        if link is not None and address is not None:
            blocks.append(_Block(node, link, address))
    return _listed(page, site, selectors, blocks)


def _by_headings(page: Page, site: SiteProfile) -> ParsedDump | None:
    """Parse a post page, or the posts that headings link to; a block is all around one such heading."""
    single = _single(page, site, GENERIC)
    if single is not None:
        return ParsedDump(format=Layout.POST_PAGE, sightings=(single,))
    asides = {node.mem_id for node in _nodes(page.tree.root, _ASIDE)}
    links: dict[int, tuple[LexborNode, tuple[int, str]]] = {}
    posts_inside: Counter[int] = Counter()
    for link in _nodes(page.tree.root, GENERIC.title):
        address = site.match_post(link.attributes.get("href"))
        around = [node.mem_id for node in _ancestors(link)]
        if address is not None and address[0] not in links and asides.isdisjoint(around):
            links[address[0]] = link, address
            posts_inside.update(around)
    blocks = []
    for link, address in islice(links.values(), MAX_BLOCKS):
        own = [
            node for node in _ancestors(link) if posts_inside[node.mem_id] == 1 and node.tag not in _PAGE_TAGS
        ]
        blocks.append(_Block(own[-1] if own else link, link, address))
    return _listed(page, site, GENERIC, blocks)


def _ancestors(node: LexborNode) -> Iterator[LexborNode]:
    """Yield the elements around a node, innermost first."""
    here = node.parent
    while here is not None and here.is_element_node:
        yield here
        here = here.parent


def _listed(
    page: Page, site: SiteProfile, selectors: Selectors, blocks: Sequence[_Block]
) -> ParsedDump | None:
    sightings: list[Sighting] = []
    notes: list[Note] = []
    for block in blocks:
        sighting = _listed_sighting(page, site, selectors, block)
        if sighting.title and page.shows_all_of(block.node):
            sightings.append(sighting)
        else:
            notes.append(Note(NoteKind.SKIPPED, f"post {block.address[0]}: without title or cut, skipped"))
    if not sightings:
        return None
    return ParsedDump(format=Layout.LIST_PAGE, sightings=tuple(sightings), notes=tuple(notes))


def _single(page: Page, site: SiteProfile, selectors: Selectors) -> Sighting | None:
    """Return the post of a post page: one title in an `h1`, and the page's own address."""
    names = {site.name, site.name_en}
    heads = [
        node
        for node in _nodes(page.tree.root, selectors.post_title)
        if node.tag == "h1" and one_line(node) not in names
    ]
    if len(heads) != 1:
        return None
    address, title = own_address(page, heads[0], site), one_line(heads[0])
    body = _first(page.tree.root, selectors.post_body)
    if body is None and selectors is GENERIC:
        body = next((node for node in _ancestors(heads[0]) if node.tag in {"article", "main"}), None)
    if address is None or body is None or not title:
        return None
    text, folded = lines(body, without=_AROUND)
    folded = folded or body.css_first(_FOLD) is not None
    whole = page.tree.body or body
    return _with_text(
        _sighting(selectors, whole, title, address),
        day=_day(_first(whole, selectors.date), site),
        text=text if folded or page.shows_all_of(body) else "",
        folded=folded,
    )


def _sighting(selectors: Selectors, block: LexborNode, title: str, address: tuple[int, str]) -> Sighting:
    tags = tuple(dict.fromkeys(filter(None, map(one_line, _nodes(block, selectors.tags)))))
    return Sighting(
        title=title,
        comments=_count(_first(block, selectors.comments)),
        category=one_line(_first(block, selectors.category)) or None,
        tags=tags or None,
        archive_id=address[0],
        url=address[1],
    )


def _with_text(found: Sighting, *, day: date | None, text: str, folded: bool) -> Sighting:
    """Add day and excerpt; without a fold the excerpt is bounded and its end unknown."""
    shown = text if folded else bounded(text)
    return replace(found, date=day, excerpt=shown or None, excerpt_partial=not folded and bool(shown))


def _listed_sighting(page: Page, site: SiteProfile, selectors: Selectors, block: _Block) -> Sighting:
    """Return the post of a block; its excerpt ends at the fold or at a link to the whole post."""
    body = _first(block.node, selectors.post_body)
    if body is None and selectors is GENERIC and block.node.css_first("p") is not None:
        body = block.node
    more = [link for link in block.node.css("a") if _is_more(link, block, site)]
    text, folded = ("", False) if body is None else lines(body, _AROUND, more)
    folded = folded or bool(more) or block.node.css_first(_FOLD) is not None
    day = _day(_first(block.node, selectors.date), site)
    if day is None:
        around = [] if body is None or body.mem_id == block.node.mem_id else [body]
        day = _printed_day(lines(block.node, "h1, h2, h3, h4", around)[0])
    return _with_text(
        _sighting(selectors, block.node, _listed_title(block.link), block.address),
        day=day,
        text=text if body is not None and (folded or page.shows_all_of(body)) else "",
        folded=folded,
    )


def _listed_title(link: LexborNode) -> str:
    """Return the text of a link without the badge of a post that is kept on top."""
    title, badge = one_line(link), one_line(link.css_first("span, i, em, b, sup"))
    return (title.removeprefix(badge).lstrip() if badge in _BADGES else title) or title


def _is_more(link: LexborNode, block: _Block, site: SiteProfile) -> bool:
    """Return whether `link` leads from an excerpt to the whole post."""
    if link.mem_id == block.link.mem_id or _MORE.search(link.text()) is None:
        return False
    return site.match_post(link.attributes.get("href")) == block.address


def _supplemented(page: Page, parsed: ParsedDump, stated: Sequence[Sighting]) -> ParsedDump:
    """Fill missing days, categories and tags from JSON-LD, and on a post page from meta elements."""
    known = {posting.archive_id: posting for posting in stated}
    if parsed.format is Layout.POST_PAGE and parsed.sightings[0].archive_id not in known:
        only = parsed.sightings[0]
        known[only.archive_id] = replace(
            only,
            date=_printed_day(_meta(page, "article:published_time")),
            category=_meta(page, "article:section") or None,
        )
    filled = (
        replace(
            each,
            date=each.date or posting.date,
            category=each.category or posting.category,
            tags=each.tags or posting.tags,
        )
        for each in parsed.sightings
        for posting in (known.get(each.archive_id, each),)
    )
    return replace(parsed, sightings=tuple(filled))


def _meta(page: Page, name: str) -> str:
    node = page.tree.css_first(f'meta[property="{name}"]')
    return "" if node is None else (node.attributes.get("content") or "").strip()


def _day(node: LexborNode | None, site: SiteProfile) -> date | None:
    """Return the printed day before the stated time, to which Typecho adds the offset of PHP, not its own."""
    if node is None:
        return None
    stated = node.attributes.get("datetime") or node.attributes.get("content") or ""
    return _printed_day(node.text()) or _day_of(stated, site)


def _day_of(text: str, site: SiteProfile) -> date | None:
    """Parse an ISO 8601 date or time; a time is converted to the blog's time zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment.astimezone(ZoneInfo(site.time_zone)) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        return None


def _printed_day(text: str) -> date | None:
    """Return the first date in `text`: with digits, in Chinese, or with an English month."""
    found = _DATE.search(" ".join(text.split()))
    return None if found is None else printed_day(found)


def _count(node: LexborNode | None) -> int | None:
    found = None if node is None else _NUMBER.search(node.text())
    return None if found is None else int(found[1])


def _postings(page: Page, site: SiteProfile) -> Iterator[Sighting]:
    for script in page.tree.css('script[type="application/ld+json"]'):
        try:
            document = json.loads(script.text())
        except (ValueError, RecursionError):
            continue
        for posting in _objects(document):
            kinds = posting.get("@type")
            if not _POSTING & set(kinds if isinstance(kinds, list) else [str(kinds)]):
                continue
            address = site.match_post(_url_of(posting))
            title = " ".join(str(posting.get("headline") or posting.get("name") or "").split())
            if address is not None and title:
                day = _day_of(str(posting.get("datePublished") or ""), site)
                section = posting.get("articleSection")
                yield Sighting(
                    title=title,
                    date=day,
                    category=next(_texts(section), None),
                    tags=tuple(_texts(posting.get("keywords"))) or None,
                    archive_id=address[0],
                    url=address[1],
                )


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a JSON-LD value: a list, or one text with commas."""
    for each in value if isinstance(value, list) else str(value or "").split(","):
        if isinstance(each, str) and each.strip():
            yield " ".join(each.split())


def _objects(document: Any) -> Iterator[Mapping[str, Any]]:
    """Return the objects of a JSON-LD document: the document, its list, its @graph or blogPost list."""
    for each in document if isinstance(document, list) else [document]:
        if isinstance(each, dict):
            yield each
            for key in ("@graph", "blogPost", "itemListElement"):
                inner = each.get(key)
                yield from (
                    one for one in (inner if isinstance(inner, list) else [inner]) if isinstance(one, dict)
                )


def _url_of(posting: Mapping[str, Any]) -> str | None:
    for key in ("url", "mainEntityOfPage", "@id"):
        value = posting.get(key)
        if isinstance(value, dict):
            value = value.get("@id") or value.get("url")
        if isinstance(value, str):
            return value
    return None


def _nodes(node: LexborNode | None, selector: str) -> list[LexborNode]:
    """Return the matches without the duplicates that lexbor gives for a list of selectors."""
    found = node.css(selector) if node is not None and selector else []
    return list({match.mem_id: match for match in found}.values())


def _first(node: LexborNode | None, selector: str) -> LexborNode | None:
    return node.css_first(selector) if node is not None and selector else None

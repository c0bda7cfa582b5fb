"""Parser of list and post pages in other themes: by the profile's CSS selectors, then by generic marks.

Generic marks are JSON-LD of schema.org, `article` elements with `time`, and headings that link to a post.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborNode

from bot.intake.formats import ParsedDump
from bot.intake.formats.html import Page, lines, one_line
from bot.intake.formats.template import bounded
from bot.site_profile import Selectors, SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting

MAX_BLOCKS = 100
"""Maximum number of posts on one page; Typecho shows at most some tens."""

GENERIC = Selectors(
    block="article",
    title="h1 a, h2 a, h3 a, h4 a",
    post_title="article h1, main h1, h1",
    post_body="[itemprop=articleBody], .entry-content, .post-content, .content",
    date="time[datetime], time, [itemprop=datePublished]",
    category='a[rel~="category"], a[href*="/category/"]',
    tags='a[rel~="tag"], a[href*="/tag/"]',
    comments='a[href$="#comments"], a[href$="#respond"]',
)
_HEADINGS = Selectors(block="h2, h3", title="a", post_title="", post_body="", date="")
_POSTING = frozenset({"BlogPosting", "Article", "NewsArticle", "TechArticle"})
_AROUND = "h1, h2, h3, script, style, nav, form, p.more, .post-meta, .tags, [itemprop=keywords]"
_FOLD = "p.more, a.more-link, .read-more"
_DATE = re.compile(r"(?<![0-9])([0-9]{4})[-/年.]\s?([0-9]{1,2})[-/月.]\s?([0-9]{1,2})(?![0-9])")
_NUMBER = re.compile(r"(?<![0-9])([0-9]{1,9})(?![0-9])")


def read_theme(page: Page, site: SiteProfile) -> ParsedDump | None:
    """Parse a page by the selectors of `site`, then by generic marks; return None if neither matches."""
    for selectors in (site.selectors or Selectors(), GENERIC):
        if (parsed := _by_selectors(page, site, selectors)) is not None:
            return parsed
    return _by_json_ld(page, site) or _by_selectors(page, site, _HEADINGS)


def _by_selectors(page: Page, site: SiteProfile, selectors: Selectors) -> ParsedDump | None:
    single = _single(page, site, selectors)
    if single is not None:
        return ParsedDump(format=Layout.POST_PAGE, sightings=(single,))
    sightings: list[Sighting] = []
    notes: list[Note] = []
    for block in islice(_nodes(page.tree.root, selectors.block), MAX_BLOCKS):
        link = _first(block, selectors.title)
        address = site.match_post(None if link is None else link.attributes.get("href"))
        if link is None or address is None:
            continue
        sighting = _sighting(page, site, selectors, block, one_line(link), address)
        if sighting.title and page.shows_all_of(block):
            sightings.append(sighting)
        else:
            notes.append(Note(NoteKind.SKIPPED, f"post {address[0]}: without title or cut, skipped"))
    if not sightings:
        return None
    return ParsedDump(format=Layout.LIST_PAGE, sightings=tuple(sightings), notes=tuple(notes))


def _single(page: Page, site: SiteProfile, selectors: Selectors) -> Sighting | None:
    """Return the post of a post page: one title in an `h1`, and the page's own address."""
    heads = [node for node in _nodes(page.tree.root, selectors.post_title) if node.tag == "h1"]
    body = _first(page.tree.root, selectors.post_body)
    if len(heads) != 1 or body is None:
        return None
    address = _own_address(page, heads[0], site)
    if address is None or not one_line(heads[0]):
        return None
    around = page.tree.body or body
    return _sighting(page, site, selectors, around, one_line(heads[0]), address)


def _own_address(page: Page, head: LexborNode, site: SiteProfile) -> tuple[int, str] | None:
    """Return the address in the title's link, the canonical link or og:url."""
    link = head.css_first("a")
    canonical = page.tree.css_first('link[rel="canonical"]')
    shared = page.tree.css_first('meta[property="og:url"]')
    for node, attribute in ((link, "href"), (canonical, "href"), (shared, "content")):
        if node is not None and (found := site.match_post(node.attributes.get(attribute))) is not None:
            return found
    return None


def _sighting(
    page: Page,
    site: SiteProfile,
    selectors: Selectors,
    block: LexborNode,
    title: str,
    address: tuple[int, str],
) -> Sighting:
    excerpt, partial = _excerpt(page, selectors, block)
    tags = tuple(dict.fromkeys(filter(None, map(one_line, _nodes(block, selectors.tags)))))
    return Sighting(
        title=title,
        date=_day(_first(block, selectors.date), site),
        comments=_count(_first(block, selectors.comments)),
        category=one_line(_first(block, selectors.category)) or None,
        tags=tags or None,
        excerpt=excerpt or None,
        excerpt_partial=partial and bool(excerpt),
        archive_id=address[0],
        url=address[1],
    )


def _excerpt(page: Page, selectors: Selectors, block: LexborNode) -> tuple[str, bool]:
    """Return the text up to the fold, and whether its end is unknown because there is no fold."""
    body = _first(block, selectors.post_body)
    if body is None:
        return "", False
    text, folded = lines(body, without=_AROUND)
    if folded or body.css_first(_FOLD) is not None:
        return text, False
    return (bounded(text), True) if page.shows_all_of(body) else ("", False)


def _day(node: LexborNode | None, site: SiteProfile) -> date | None:
    if node is None:
        return None
    stated = node.attributes.get("datetime") or node.attributes.get("content") or ""
    return _day_of(stated, site) or _printed_day(node.text())


def _day_of(text: str, site: SiteProfile) -> date | None:
    """Parse an ISO 8601 date or time; a time is converted to the blog's time zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment.astimezone(ZoneInfo(site.time_zone)) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        return None


def _printed_day(text: str) -> date | None:
    found = _DATE.search(text)
    try:
        return None if found is None else date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _count(node: LexborNode | None) -> int | None:
    found = None if node is None else _NUMBER.search(node.text())
    return None if found is None else int(found[1])


def _by_json_ld(page: Page, site: SiteProfile) -> ParsedDump | None:
    sightings = tuple(islice(_postings(page, site), MAX_BLOCKS))
    if not sightings:
        return None
    layout = Layout.POST_PAGE if len(sightings) == 1 else Layout.LIST_PAGE
    return ParsedDump(format=layout, sightings=sightings)


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
                yield Sighting(title=title, date=day, archive_id=address[0], url=address[1])


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

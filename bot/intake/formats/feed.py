"""Feed parser for RSS 2.0, RSS 1.0 and Atom as Typecho writes them.

An item that is not well-formed is skipped, the others are kept. A feed with a document type is rejected:
Typecho writes none, and nested entities expand without bound.
"""

import io
import re
from calendar import timegm
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from xml.parsers import expat
from zoneinfo import ZoneInfo

from bot.intake.formats.html import fragment_lines
from bot.intake.formats.result import ParsedDump, UnreadableDumpError
from bot.site_profile import SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting

MAX_ITEMS = 200
"""Maximum number of items parsed one by one in a broken feed; the blog's feed has ten."""

_ITEM = re.compile(r"(?=<(?:item|entry)[\s>])")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")

_RSS = (
    '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:slash="http://purl.org/rss/1.0/modules/slash/" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:wfw="http://wellformedweb.org/CommentAPI/"><channel>'
)
_RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
)
_ATOM = '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:thr="http://purl.org/syndication/thread/1.0">'


def is_well_formed(feed: str) -> bool:
    """Return whether `feed` is well-formed XML.

    feedparser would send anything malformed to its loose parser, which is slow and returns partial items.
    """
    parser = expat.ParserCreate("utf-8", " ")
    try:
        parser.Parse(feed.encode("utf-8", "replace"), True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def items_of(feed: str) -> Iterator[str]:
    """Yield each item as a separate feed in a new envelope, independent of errors around it."""
    start, end = _RSS, "</channel></rss>"
    if feed.startswith("<rdf:RDF"):
        start, end = _RDF, "</rdf:RDF>"
    elif feed.startswith("<feed"):
        start, end = _ATOM, "</feed>"
    for chunk in _ITEM.split(feed, maxsplit=MAX_ITEMS + 1)[1 : MAX_ITEMS + 1]:
        name = "entry" if chunk.startswith("<entry") else "item"
        closing = chunk.rfind(f"</{name}>")
        # An item without its end tag was cut: it stays broken, so that it is counted and skipped.
        item = chunk if closing < 0 else chunk[: closing + len(name) + 3]
        yield start + item + end


def repaired(item: str) -> str:
    """Return `item` with the usual faults fixed: `]]>` inside CDATA (Typecho escapes none), a bare `&`.

    Plain string searches keep the time linear in the length of the item.
    """
    for name in ("title", "description", "summary", "content", "content:encoded"):
        opening = item.find(f"<{name}")
        start = item.find(">", opening) + 1
        end = item.rfind(f"</{name}>")
        if opening >= 0 and 0 < start <= end and item[opening + len(name) + 1] in " >\n":
            item = item[:start] + _escaped(item[start:end]) + item[end:]
    return item


def _escaped(value: str) -> str:
    inner = value.strip()
    if inner.startswith("<![CDATA[") and inner.endswith("]]>"):
        return "<![CDATA[" + inner[9:-3].replace("]]>", "]]]]><![CDATA[>") + "]]>"
    return _BARE_AMPERSAND.sub("&amp;", value)


_ZONE = ZoneInfo("Asia/Shanghai")
_ROOT = re.compile(r"<(?:rss|feed|rdf:RDF)[\s>]")
_PROLOG = re.compile(r"(?:\s|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_DECLARATION = re.compile(r"<!(?!doctype\s+html)", re.IGNORECASE)
_FOLD = re.compile(r'<p class="more">|<!--more-->')
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#039;": "'", "&amp;": "&"}
_ENTITY = re.compile("|".join(_ENTITIES))
_DESCRIPTION = 100
"""Typecho cuts a description to 97 characters and `...` where it is longer than this."""


def read_feed(text: str, site: SiteProfile) -> ParsedDump | None:
    """Parse `text` as a feed; return None if it is not one."""
    prolog = _PROLOG.match(text)
    start = 0 if prolog is None else prolog.end()
    if _DECLARATION.match(text, start) and _ROOT.search(text, start):
        raise UnreadableDumpError(
            "the feed declares a document type or entities: refused, the blog's has none"
        )
    if _ROOT.match(text, start) is None:
        return None
    sightings: list[Sighting] = []
    notes: list[Note] = []
    for number, entry in _entries(text[start:], notes):
        match _sighting(entry, site):
            case Sighting() as sighting:
                sightings.append(sighting)
            case str(reason):
                notes.append(Note(NoteKind.SKIPPED, f"item {number}: {reason}"))
    return ParsedDump(format=Layout.FEED, sightings=tuple(sightings), notes=tuple(notes))


def _entries(feed: str, notes: list[Note]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if is_well_formed(feed):
        yield from enumerate(_parsed(feed), 1)
        return
    for number, item in enumerate(items_of(feed), 1):
        whole = item if is_well_formed(item) else repaired(item)
        if is_well_formed(whole) and (alone := _parsed(whole)):
            yield number, alone[0]
        else:
            notes.append(Note(NoteKind.SKIPPED, f"item {number}: not well-formed, skipped"))


def _parsed(feed: str) -> Sequence[Mapping[str, Any]]:
    """Parse from a stream, since feedparser takes a string for a URL; nothing is sanitized."""
    import feedparser  # importing it takes 0.1 s, and only feeds need it

    stream = io.BytesIO(b'<?xml version="1.0" encoding="utf-8"?>\n' + feed.encode("utf-8", "replace"))
    try:
        entries: Sequence[Mapping[str, Any]] = feedparser.parse(
            stream, sanitize_html=False, resolve_relative_uris=False
        ).entries
    except Exception:  # any error of feedparser is caused by the feed
        return ()
    return entries


def _sighting(entry: Mapping[str, Any], site: SiteProfile) -> Sighting | str:
    title = " ".join(str(entry.get("title") or "").split("\n")).strip()
    address = site.match_post(entry.get("link")) or site.match_post(entry.get("id"))
    if not title:
        return "no title, skipped"
    if address is None:
        return f"not a post of the blog ({str(entry.get('link'))[:80]}), skipped"
    terms = entry.get("tags") or [{}]
    return Sighting(
        title=title,
        date=_day(entry),
        comments=_comments(entry),
        category=(terms[0].get("term") or "").strip() or None,
        excerpt=_excerpt(entry, title) or None,
        archive_id=address[0],
        url=address[1],
    )


def _day(entry: Mapping[str, Any]) -> date | None:
    """Return the day in the blog's time zone; near midnight it may differ from the day its pages print."""
    # dict.get, because feedparser returns "published" with a warning for a missing "updated".
    moment = dict.get(dict(entry), "published_parsed") or dict.get(dict(entry), "updated_parsed")
    if moment is None:
        return None
    try:
        return datetime.fromtimestamp(timegm(moment), _ZONE).date()
    except (ValueError, OverflowError, OSError):
        return None


def _comments(entry: Mapping[str, Any]) -> int | None:
    counts = [entry.get("slash_comments")]
    counts += [link.get("thr:count") or link.get("count") for link in entry.get("links") or ()]
    return next((int(count) for count in counts if count and re.fullmatch("[0-9]{1,9}", count)), None)


def _excerpt(entry: Mapping[str, Any], title: str) -> str:
    """The content above the fold; if it has none, only the description may be taken."""
    for content in entry.get("content") or ():
        value = str(content.get("value") or "")
        if (fold := _FOLD.search(value)) is not None:
            return fragment_lines(value[: fold.start()])
    description = _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], str(entry.get("summary") or "")).strip()
    if description == title:
        return ""
    # RSS 1.0 has only this element, with the content in it and [...] where the fold was.
    above, fold_sign, below = description.rpartition("[...]")
    if fold_sign and not below:
        return above.rstrip()
    return description if len(description) <= _DESCRIPTION else description[: _DESCRIPTION - 3] + "..."

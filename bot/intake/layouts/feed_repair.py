"""A feed that is not well-formed, taken apart into items that can be read one by one."""

import re
from collections.abc import Iterator
from xml.parsers import expat

MAX_ITEMS = 200
"""Of a broken feed, more items than this are not tried one by one. The blog's feed has ten."""

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
    """What is not would go to feedparser's loose parser, which makes half items of it, and slowly."""
    parser = expat.ParserCreate("utf-8", " ")
    try:
        parser.Parse(feed.encode("utf-8", "replace"), True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def items_of(feed: str) -> Iterator[str]:
    """Each item as a feed of its own, in a frame of ours: whatever is broken around it does not matter."""
    start, end = _RSS, "</channel></rss>"
    if feed.startswith("<rdf:RDF"):
        start, end = _RDF, "</rdf:RDF>"
    elif feed.startswith("<feed"):
        start, end = _ATOM, "</feed>"
    for chunk in _ITEM.split(feed, maxsplit=MAX_ITEMS + 1)[1 : MAX_ITEMS + 1]:
        name = "entry" if chunk.startswith("<entry") else "item"
        closing = chunk.rfind(f"</{name}>")
        # An item without its end was cut, and goes on broken so that it is counted and skipped.
        item = chunk if closing < 0 else chunk[: closing + len(name) + 3]
        yield start + item + end


def repaired(item: str) -> str:
    """The usual faults mended: `]]>` inside CDATA, which Typecho does not escape, and a bare `&`.

    By plain searches, whose time grows with the item's length and no faster.
    """
    for name in ("title", "description", "summary", "content", "content:encoded"):
        opening = item.find(f"<{name}")
        start = item.find(">", opening) + 1
        end = item.rfind(f"</{name}>")
        if opening >= 0 and 0 < start <= end and item[opening + len(name) + 1] in " >\n":
            item = item[:start] + _mended(item[start:end]) + item[end:]
    return item


def _mended(value: str) -> str:
    inner = value.strip()
    if inner.startswith("<![CDATA[") and inner.endswith("]]>"):
        return "<![CDATA[" + inner[9:-3].replace("]]>", "]]]]><![CDATA[>") + "]]>"
    return _BARE_AMPERSAND.sub("&amp;", value)

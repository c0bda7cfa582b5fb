"""Feeds: RSS 2.0 in every form Typecho writes it, Atom, RSS 1.0. One broken item loses only itself.

A feed with a document type is refused: Typecho writes none, and entities make small files large.
"""

import io
import re
from calendar import timegm
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.intake.layouts.address import post_address
from bot.intake.layouts.feed_repair import is_well_formed, items_of, repaired
from bot.intake.layouts.markup import fragment_lines
from bot.intake.layouts.reading import Reading, Unreadable
from storage.model import Layout, Sighting

_ZONE = ZoneInfo("Asia/Shanghai")
_ROOT = re.compile(r"<(?:rss|feed|rdf:RDF)[\s>]")
_PROLOG = re.compile(r"(?:\s|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_DECLARATION = re.compile(r"<!(?!doctype\s+html)", re.IGNORECASE)
_FOLD = re.compile(r'<p class="more">|<!--more-->')
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#039;": "'", "&amp;": "&"}
_ENTITY = re.compile("|".join(_ENTITIES))
_DESCRIPTION = 100
"""Typecho cuts a description to 97 characters and `...` where it is longer than this."""


def read_feed(text: str) -> Reading | None:
    """The posts of a feed, None if the text is no feed."""
    prolog = _PROLOG.match(text)
    start = 0 if prolog is None else prolog.end()
    if _DECLARATION.match(text, start) and _ROOT.search(text, start):
        raise Unreadable("the feed declares a document type or entities: refused, the blog's has none")
    if _ROOT.match(text, start) is None:
        return None
    sightings: list[Sighting] = []
    notes: list[str] = []
    for number, entry in _entries(text[start:], notes):
        match _sighting(entry):
            case Sighting() as sighting:
                sightings.append(sighting)
            case str(reason):
                notes.append(f"item {number}: {reason}")
    return Reading(layout=Layout.FEED, sightings=tuple(sightings), notes=tuple(notes))


def _entries(feed: str, notes: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if is_well_formed(feed):
        yield from enumerate(_parsed(feed), 1)
        return
    for number, item in enumerate(items_of(feed), 1):
        whole = item if is_well_formed(item) else repaired(item)
        if is_well_formed(whole) and (alone := _parsed(whole)):
            yield number, alone[0]
        else:
            notes.append(f"item {number}: not well-formed, skipped")


def _parsed(feed: str) -> Sequence[Mapping[str, Any]]:
    """From a stream, since feedparser takes a string for an address; nothing is shown as HTML."""
    import feedparser  # a tenth of a second at the start that only feeds need

    stream = io.BytesIO(b'<?xml version="1.0" encoding="utf-8"?>\n' + feed.encode("utf-8", "replace"))
    try:
        entries: Sequence[Mapping[str, Any]] = feedparser.parse(
            stream, sanitize_html=False, resolve_relative_uris=False
        ).entries
    except Exception:  # whatever breaks it is the feed's fault
        return ()
    return entries


def _sighting(entry: Mapping[str, Any]) -> Sighting | str:
    title = " ".join(str(entry.get("title") or "").split("\n")).strip()
    address = post_address(entry.get("link")) or post_address(entry.get("id"))
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
    """The day in the blog's zone; near midnight it may differ from the day its pages print."""
    # dict.get, because feedparser answers for a missing "updated" with "published" and a warning.
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

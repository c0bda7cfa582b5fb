"""Feed parser for RSS 2.0, RSS 1.0 and Atom as Typecho writes them.

An item that is not well-formed is skipped, the others are kept. A feed with a document type is rejected:
Typecho writes none, and nested entities expand without bound.
"""

import html
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from xml.parsers import expat
from zoneinfo import ZoneInfo

from bot.intake.formats import ParsedDump, UnreadableDumpError
from bot.intake.formats.by_line import day_of
from bot.intake.formats.html import fragment_lines
from bot.intake.formats.template import bounded
from bot.site_profile import SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting

MAX_ITEMS = 200
"""Maximum number of items parsed one by one in a broken feed; the blog's feed has ten."""

_ITEM = re.compile(r"(?=<(?:item|entry)[\s>])")
_ANY_LESS = re.compile("<")
_BARE_LESS = re.compile(r"<(?![a-zA-Z/!?])")
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
            item = item[:start] + _escaped(name, item[start:end]) + item[end:]
    return item


def _escaped(name: str, value: str) -> str:
    inner = value.strip()
    if inner.startswith("<![CDATA[") and inner.endswith("]]>"):
        return "<![CDATA[" + inner[9:-3].replace("]]>", "]]]]><![CDATA[>") + "]]>"
    less = _BARE_LESS if name == "title" else _ANY_LESS  # a tag in a title is damage, not text
    return less.sub("&lt;", _BARE_AMPERSAND.sub("&amp;", value)).replace("]]>", "]]&gt;")


_ROOT = re.compile(r"<(?:rss|feed|rdf:RDF)[\s>]")
_PROLOG = re.compile(r"(?:\s|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_DECLARATION = re.compile(r"<!(?!doctype\s+html)", re.IGNORECASE)
_FOLD = re.compile(r'<p class="more">|<!--more-->')
MAX_PREAMBLE = 5000
"""Maximum length of what a server prints before the XML declaration."""

MAX_CONTENT = 20_000
"""Characters of a whole post that are parsed for its excerpt."""

_DECLARED = re.compile(r"<\?xml\b[^>]*\?>\s*(?=<(?:rss|feed|rdf:RDF|!))")
_CLOCK_MARGIN = timedelta(days=2)
_DESCRIPTION = 100
"""Typecho cuts a description to 97 characters and `...` if it is longer than this."""


def feed_start(text: str) -> int | None:
    """Return where a feed begins in `text`, None if it is not one.

    Warnings of PHP may be printed before the XML declaration.
    """
    declared = _DECLARED.search(text, 0, MAX_PREAMBLE)
    prolog = _PROLOG.match(text, 0 if declared is None else declared.start())
    start = 0 if prolog is None else prolog.end()
    return start if _ROOT.match(text, start) or _doctype_before_root(text, start) else None


def _doctype_before_root(text: str, start: int) -> bool:
    return _DECLARATION.match(text, start) is not None and _ROOT.search(text, start) is not None


def read_feed(text: str, captured_at: datetime, site: SiteProfile) -> ParsedDump | None:
    """Parse `text` as a feed; return None if it is not one.

    A date later than the capture is dropped with a note.
    """
    start = feed_start(text)
    if start is None:
        return None
    if _DECLARATION.match(text, start):
        raise UnreadableDumpError(
            "the feed declares a document type or entities: refused, the blog's has none"
        )
    sightings: list[Sighting] = []
    notes: list[Note] = []
    declared = _DECLARED.search(text, 0, MAX_PREAMBLE)
    if declared is not None and text[: declared.start()].strip():
        notes.append(Note(NoteKind.ODD, "text before the XML declaration was ignored"))
    latest = (captured_at + _CLOCK_MARGIN).astimezone(ZoneInfo(site.time_zone)).date()
    is_atom = text.startswith("<feed", start)
    for number, entry in _entries(text[start:], notes):
        match _sighting(entry, site, is_atom=is_atom):
            case Sighting(date=date() as day) as sighting if day > latest:
                notes.append(
                    Note(NoteKind.ODD, f"item {number}: its date {day} is after the capture, ignored")
                )
                sightings.append(replace(sighting, date=None))
            case Sighting() as sighting:
                sightings.append(sighting)
                if sighting.date is None and (printed := _printed_date(entry)):
                    notes.append(
                        Note(NoteKind.UNREAD, f"item {number}: a date of an unknown form ‹{printed}›")
                    )
            case str(skipped):
                notes.append(Note(NoteKind.SKIPPED, f"item {number}: {skipped}"))
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


def _sighting(entry: Mapping[str, Any], site: SiteProfile, *, is_atom: bool) -> Sighting | str:
    title = _title(entry, is_atom=is_atom)
    address = site.match_post(entry.get("link")) or site.match_post(entry.get("id"))
    if not title:
        return "no title, skipped"
    if address is None:
        return f"not a post of the blog ({str(entry.get('link'))[:80]}), skipped"
    terms = entry.get("tags") or [{}]
    excerpt, has_end = _excerpt(entry, title)
    shown = excerpt if has_end else bounded(excerpt)
    return Sighting(
        title=title,
        date=_day(entry, ZoneInfo(site.time_zone)),
        comments=_comments(entry),
        category=(terms[0].get("term") or "").strip() or None,
        excerpt=shown or None,
        archive_id=address[0],
        url=address[1],
        excerpt_partial=len(shown) < len(excerpt),
    )


def _title(entry: Mapping[str, Any], *, is_atom: bool) -> str:
    """Return the title unescaped once more: Typecho stores it escaped, which Atom declares by its type."""
    title = str(entry.get("title") or "")
    detail = entry.get("title_detail") or {}
    if not is_atom or detail.get("type") != "text/plain":
        title = html.unescape(title)
    return " ".join(title.replace("\xa0", " ").split("\n")).strip()


_CHINESE_DAY = re.compile(r"([0-9]{4})\s*年\s*([0-9]{1,2})\s*月\s*([0-9]{1,2})\s*日")


def _day(entry: Mapping[str, Any], zone: ZoneInfo) -> date | None:
    """Return the day in the blog's time zone; near midnight it may differ from the day its pages print.

    A time without a zone is the blog's own.
    """
    printed = _printed_date(entry)
    try:
        if (chinese := _CHINESE_DAY.match(printed)) is not None:
            return day_of(*chinese.groups())
        moment = _moment(printed)
        if moment is None:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(zone).date()
    except (ValueError, OverflowError, TypeError):
        return None


def _printed_date(entry: Mapping[str, Any]) -> str:
    # dict.get, because feedparser returns "published" with a warning for a missing "updated".
    values = dict(entry)
    return str(dict.get(values, "published") or dict.get(values, "updated") or "").strip()[:60]


_AMBIGUOUS_ZONE = re.compile(r"\s*\bCST$")


def _moment(printed: str) -> datetime | None:
    if printed[:4].isdigit():
        return datetime.fromisoformat(printed.replace("/", "-"))
    printed = _AMBIGUOUS_ZONE.sub("", printed)  # RFC 822 reads CST as a zone of America only
    moment = parsedate_to_datetime(printed)
    if str(moment.year) not in printed:  # the parser takes years below 100 for abbreviations
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None and printed.endswith("-0000") else moment


def _comments(entry: Mapping[str, Any]) -> int | None:
    counts = [entry.get("slash_comments")]
    counts += [link.get("thr:count") or link.get("count") for link in entry.get("links") or ()]
    return next((int(count) for count in counts if count and re.fullmatch("[0-9]{1,9}", count)), None)


def _excerpt(entry: Mapping[str, Any], title: str) -> tuple[str, bool]:
    """Return the content above its fold, all of it, or the description; and whether its end is known.

    A description is not used where there is content: Typecho strips tags from it and cuts formulas at `<`.
    """
    for content in entry.get("content") or ():
        value = str(content.get("value") or "")
        if (fold := _FOLD.search(value)) is not None:
            return fragment_lines(value[: fold.start()]), True
        if text := fragment_lines(value[:MAX_CONTENT]):
            above = text.removesuffix("[...]").rstrip()
            return above, above != text
    description = html.unescape(str(entry.get("summary") or "")).strip()
    if description == title:
        return "", False
    # RSS 1.0 has only this element, with the content in it and [...] for the fold.
    above, fold_sign, below = description.rpartition("[...]")
    if fold_sign and not below:
        return above.rstrip(), True
    if len(description) > _DESCRIPTION:
        description = description[: _DESCRIPTION - 3] + "..."
    return description, True

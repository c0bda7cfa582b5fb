"""Layout detection by content, and the parse of a dump."""

import html
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

from bot.intake.formats import ParsedDump, UnreadableDumpError
from bot.intake.formats.feed import MAX_PREAMBLE, feed_start, read_feed
from bot.intake.formats.html import Page, one_line, parsed
from bot.intake.formats.html_pages import read_archive, read_post, read_posts
from bot.intake.formats.markup_residue import (
    definitions_in,
    is_markdown_with_tags,
    residue_of,
    with_macros_expanded,
    without_tags,
)
from bot.intake.formats.text import decode, decompress, joined_parts
from bot.intake.formats.text_pages import (
    GLUED,
    captures,
    category_of,
    glued_head,
    preface_of,
    read_text,
    tag_of,
)
from bot.intake.formats.theme import read_theme
from bot.site_profile import KEXUE, SiteProfile
from bot.titles import title_key
from storage.model import Dump, Layout, Note, NoteKind, Sighting

EARLIEST = date(1991, 1, 1)
"""The first day of any post: there is no page of the Web before."""

LATE = timedelta(days=366)
"""How much later than its capture a post may be dated: the time of a file is not that of its capture."""

_GATE = 1000
"""Maximum length of the gate page, which only runs a script before a first visit."""

MAX_MARKUP = 2 * 1024 * 1024
"""Maximum length of a page or feed; the largest, of all posts, has less than half a million characters."""

_TAG = re.compile(r"<(?:!doctype html|html|head|body|div|meta|title|script|h[1-6]|p|li|ul)\b", re.IGNORECASE)
HEAD = 4000
"""Bytes at the beginning of a file by which containers are detected."""

_CONTAINER = re.compile(rb"\x1f\x8b|PK\x03\x04|[\xef\xbb\xbf\s]*(?:WARC/1\.|[{\[])")
_AGAIN = "capture the page again, whole"


@cache
def _titled(site: SiteProfile) -> re.Pattern[str]:
    """Compile a title with its By line: the first title of a text listing may look like a tag."""
    return re.compile(rf"[^\n]*\n{re.escape(site.by)}[ \t\xa0]+{re.escape(site.author)}[ \t\xa0]*[|｜·]")


def read_dump(dump: Dump, site: SiteProfile = KEXUE) -> ParsedDump:
    """Parse a dump of the blog `site`. Raises UnreadableDumpError, and no other exception for any bytes."""
    text, notes = decode(dump.content, site)
    markup = text[_page_start(text) :].lstrip()
    address = dump.address
    if is_markup(markup, site):
        parsed_dump = _read_markup(markup, dump.captured_at, site)
    else:
        text = without_tags(text) if is_markdown_with_tags(text) or "</p>\n" in text else text
        address = address or preface_of(f"\n{markup}", site).address
        parsed_dump = _read_text(text, address, site)
    parsed_dump = _with_macros(parsed_dump, text)
    is_protected = any(sighting.title == _PROTECTED for sighting in parsed_dump.sightings)
    parsed_dump = _with_scope(_checked(parsed_dump, dump.captured_at), address, text, site)
    if not parsed_dump.sightings and not is_protected:
        if _GLUED.search(text) is not None:
            raise UnreadableDumpError(GLUED)
        reasons = "; ".join(map(str, parsed_dump.notes))[:300] or "it ends before its first"
        raise UnreadableDumpError(f"no complete post in the dump ({reasons}): {_AGAIN}")
    if dump.truncated and not any(note.kind is NoteKind.CUT for note in dump.notes):
        notes = (Note(NoteKind.CUT, "the capture is shorter than it declares"), *notes)
    notes = (*dump.notes, *notes, *parsed_dump.notes)
    return replace(parsed_dump, notes=notes)


_BREAK = re.compile(r"<br\s*/?>")
_DRAWN_TEX = re.compile(r"<script[^>]{1,99}math/tex[^>]{0,99}>(.*?)</script>", re.DOTALL)


def _with_macros(parsed_dump: ParsedDump, text: str) -> ParsedDump:
    """Return a parsed dump with the macros of its posts expanded; a post's own page defines them anywhere."""
    from bot.latex.definitions import Definitions, is_defining  # with the TeX parser, 2 MB

    if not is_defining(text):
        return parsed_dump
    page: Definitions = {}
    if parsed_dump.format is Layout.POST_PAGE:
        is_html = text.lstrip().startswith("<")
        drawn = html.unescape(_BREAK.sub("", _DRAWN_TEX.sub(r"$\1$", text))) if is_html else ""
        page = definitions_in(drawn or residue_of(text).restored(text))

    def expanded(excerpt: str) -> str:
        return with_macros_expanded(excerpt, page or definitions_in(excerpt))

    sightings = (
        replace(sighting, excerpt=expanded(sighting.excerpt)) if sighting.excerpt else sighting
        for sighting in parsed_dump.sightings
    )
    return replace(parsed_dump, sightings=tuple(sightings))


_PROTECTED = "此内容被密码保护"
# What themes print before the title of a post that is kept on top; in every layout, so that they agree.
_PINNED = re.compile(r"[\[【(（]\s?置顶\s?[\]】)）]\s*(?=\S)")


MOST_COUNT = 2**31 - 1  # what a column of the database holds


def _plausible(sighting: Sighting, latest: date, notes: list[Note]) -> Sighting:
    """Return the sighting without a date and counts that no post can have, which are noted."""
    day = sighting.date
    if day is not None and not EARLIEST <= day <= latest:
        notes.append(Note(NoteKind.ODD, f"the date {day} of ‹{sighting.title[:40]}›, ignored"))
        sighting = replace(sighting, date=None)
    for name, count in (("readers", sighting.readers), ("comments", sighting.comments)):
        if count is not None and count > MOST_COUNT:
            notes.append(Note(NoteKind.ODD, f"{count} {name} of ‹{sighting.title[:40]}›, ignored"))
            sighting = replace(sighting, **{name: None})  # type: ignore[arg-type]
    return sighting


def _unpinned(title: str) -> str:
    mark = _PINNED.match(title)
    return title if mark is None else title[mark.end() :]


def _checked(parsed_dump: ParsedDump, captured_at: datetime) -> ParsedDump:
    """Return a parsed dump without marks, protected posts, shared addresses, impossible dates and counts."""
    latest = (captured_at + LATE).date()
    shown = [replace(each, title=_unpinned(each.title)) for each in parsed_dump.sightings]
    titles: dict[int, set[str]] = defaultdict(set)
    for sighting in shown:
        if sighting.archive_id is not None and not sighting.untitled:
            titles[sighting.archive_id].add(title_key(sighting.title))
    shared = {archive_id for archive_id, keys in titles.items() if len(keys) > 1}
    sightings: list[Sighting] = []
    notes = [
        Note(NoteKind.ODD, f"archives/{archive_id} is linked from different titles, ignored")
        for archive_id in sorted(shared)
    ]
    for sighting in (_plausible(each, latest, notes) for each in shown):
        if "\ufffd" in sighting.title:
            notes.append(Note(NoteKind.CHARSET, f"its title is damaged (‹{sighting.title[:40]}›), skipped"))
        elif sighting.title == _PROTECTED:
            number = "" if sighting.archive_id is None else f"archives/{sighting.archive_id}: "
            notes.append(Note(NoteKind.SKIPPED, f"{number}the post is protected by a password, skipped"))
        elif sighting.archive_id not in shared:
            sightings.append(sighting)
        elif sighting.date is not None or sighting.month_day is not None:
            sightings.append(replace(sighting, archive_id=None, url=None))
        else:
            notes.append(Note(NoteKind.SKIPPED, f"neither date nor address, {sighting.title!r} skipped"))
    protected = (s.archive_id for s in parsed_dump.sightings if s.title == _PROTECTED)
    return replace(
        parsed_dump,
        sightings=tuple(sightings),
        notes=(*parsed_dump.notes, *notes),
        protected=tuple(archive_id for archive_id in protected if archive_id is not None),
    )


def _with_scope(parsed_dump: ParsedDump, address: str | None, text: str, site: SiteProfile) -> ParsedDump:
    """Return a parsed tag or category page with its scope on every post; the address names the scope."""
    if parsed_dump.format not in (Layout.LISTING, Layout.LIST_PAGE):
        return parsed_dump
    tag, category = tag_of(address), category_of(address, text, site)
    sightings = list(parsed_dump.sightings)
    if category is not None:
        sightings = [replace(sighting, category=sighting.category or category) for sighting in sightings]
    if tag is not None:
        sightings = [
            replace(sighting, tags=(tag,), tags_partial=True) if sighting.tags is None else sighting
            for sighting in sightings
        ]
    return replace(parsed_dump, sightings=tuple(sightings))


def is_container(head: bytes) -> bool:
    """Return whether a file that begins with `head` is compressed or may hold several captures."""
    return _CONTAINER.match(head) is not None or is_mhtml(head)


_HEADER = re.compile(rb"\s*(?:from |[a-z][a-z0-9-]*:)")
_HTML_PART = re.compile(rb"(?m)^content-type:\s*(?:multipart/(?:related|alternative|mixed)|text/html)\b")


def is_mhtml(content: bytes) -> bool:
    """Return whether `content` begins as a page saved with its files, or as a message that is a page."""
    head = content[:4000].lower()
    return (
        b"mime-version:" in head and _HEADER.match(head) is not None and _HTML_PART.search(head) is not None
    )


def joined_captures(dump: Dump, site: SiteProfile) -> Sequence[Dump]:
    """Return the captures that were joined in one dump; the dump itself if it is one capture."""
    content, notes = dump.content, list(dump.notes)
    try:
        if content.startswith(b"\x1f\x8b"):
            content = decompress(content, notes)
        parts = [part for piece in joined_parts(content, site) for part in _text_captures(piece, site)]
    except UnreadableDumpError:
        return (dump,)
    if len(parts) < 2:
        return (dump,)
    return [
        replace(dump, name=f"{dump.name} ({number} of {len(parts)})", content=part, notes=(*notes, *own))
        for number, (part, own) in enumerate(parts, 1)
    ]


def _text_captures(content: bytes, site: SiteProfile) -> Sequence[tuple[bytes, Sequence[Note]]]:
    """Return the captures that were joined in one text as UTF-8, with the notes on its decoding."""
    text, notes = decode(content, site)
    parts = () if is_markup(text[_page_start(text) :].lstrip(), site) else captures(text, site)
    return [(content, ())] if len(parts) < 2 else [(part.encode(), notes) for part in parts]


def is_markup(text: str, site: SiteProfile) -> bool:
    """Return whether a text without leading blanks is HTML or XML."""
    if text.startswith("<") and not text.startswith("<<"):
        return _titled(site).match(text) is None and not is_markdown_with_tags(text)
    return "<?xml" in text[:MAX_PREAMBLE] and feed_start(text) is not None


_PAGE = re.compile(
    r"(?:<!doctype html[^<>]{0,200}>\s*)?<html\b[^<>]{0,500}>\s*<(?:head|meta|title)\b", re.IGNORECASE
)


def _page_start(text: str) -> int:
    """Return where the page begins behind what a program printed before it, such as HTTP headers."""
    if text[:_PRINTED].lstrip().startswith("<"):
        return 0
    page = _PAGE.search(text, 0, _PRINTED)
    return 0 if page is None else page.start()


_PRINTED = 5000
"""Maximum length in characters of what stands before a page."""

_GLUED = re.compile(r"阅读全文[^\n]{20,}阅读全文|共\s?[0-9]{1,4}\s?篇[)）][^\n]{1,40}[0-9]日\s?[:：]")
_OTHER_MARKUP = re.compile(
    r"(?P<reStructuredText>\n\s*\.\. (?:rubric|container|class|image|raw)::)"
    r"|(?P<Org_mode>\n\s*(?::PROPERTIES:|#\+begin_\w+|<<\w+>>)[ ]*(?=\n))"
    r"|(?P<AsciiDoc>link:[/#]\S*\[|\n\[\.\w+\]#)"
    r"|(?P<Jira_markup>\nh[1-6]\. \{anchor:|\[[^\[\]|\n]+\|/(?:archives|tag|category)/)"
    r"|(?P<LaTeX>\\(?:href|hyperref|section|subsection|texorpdfstring|phantomsection)\b)"
    r"|(?P<Typst>#link\()"
    r"|(?P<Textile>\nh[1-6](?:\(#\S*\))?\. |\":/(?:archives|tag|category)/)"
    r"|(?P<MediaWiki_markup>\[\[?/?(?:archives|tag|category)/[^\s\[\]|]+[ |])"
    r"|(?P<Muse>\[\[/archives/[0-9]+\]\[)"
    r"|(?P<Markdown_without_the_braces_of_formulas>\$\\\\[a-z][^$\n]{0,80}\\\\[_^\\$])",
    re.IGNORECASE,
)
"""Marks of markup languages that are not parsed; two of one kind are needed."""


def _read_text(text: str, address: str | None, site: SiteProfile) -> ParsedDump:
    kinds = Counter(found.lastgroup for found in _OTHER_MARKUP.finditer(text, 0, _BEGINNING))
    if kinds and (most := kinds.most_common(1)[0])[1] > 1:
        name = str(most[0]).replace("_", " ")
        raise UnreadableDumpError(f"the markup is not parsed ({name}): save the page as text or HTML")
    match read_text(text, address, site):
        case ParsedDump() as parsed_dump:
            if _are_capitals([sighting.title for sighting in parsed_dump.sightings]):
                raise UnreadableDumpError(
                    "its titles are in capital letters only, as some extractors write headings: "
                    "turn that off, or save the page as HTML"
                )
            return parsed_dump
        case str(reason):
            raise UnreadableDumpError(reason)
        case None:
            pass
    if glued_head(site).search(text) is not None or _GLUED.search(text) is not None:
        raise UnreadableDumpError(GLUED)
    if site.name in text or site.author in text:
        raise UnreadableDumpError(
            "no By line and no date badge: the dump ends before its first post, or they were dropped: "
            "capture the page again, whole, as HTML or as full text"
        )
    raise UnreadableDumpError(
        "not a dump of the blog: neither its name nor a By line or fold sign is in it (main text alone?): "
        "expected a page as HTML or as full text, or a feed"
    )


def _are_capitals(titles: Sequence[str]) -> bool:
    """Return whether no title has a small letter, though at least two have words that are no acronyms."""
    if any(sign.islower() for title in titles for sign in title):
        return False
    return sum(_CAPITALS.search(title) is not None for title in titles) > 1


_CAPITALS = re.compile(r"[A-Z]{7}|[A-Z]{2} [A-Z]{4}|[A-Z]{4} [A-Z]{2}")  # DDPM alone is an acronym
_BEGINNING = 20_000
"""Characters of a text by which its markup language is detected."""


def _read_markup(text: str, captured_at: datetime, site: SiteProfile) -> ParsedDump:
    if len(text) > MAX_MARKUP:
        raise UnreadableDumpError(f"the page or feed is too large ({len(text) / 1e6:.0f} million characters)")
    if (not _TAG.match(text) or "<?xml" in text[:MAX_PREAMBLE]) and (
        feed := read_feed(text, captured_at, site)
    ) is not None:
        return feed
    if len(text) < _GATE and "<script" in text and "location" in text:
        raise UnreadableDumpError(
            "the gate page before a first visit, not the page itself: fetch it again with its cookie"
        )
    page = parsed(text)
    title = one_line(page.tree.css_first("title"))
    if title.startswith("页面没找到"):
        raise UnreadableDumpError("the blog's page for what it does not have (404): check the address")
    reading = _read_page(page, site)
    if reading is not None:
        cut = () if page.whole else (Note(NoteKind.CUT, "the page is cut: its end is missing"),)
        return replace(reading, notes=reading.notes + cut)
    if site.name in text or site.author in text:
        # A whole page with a text but without a post has a theme that no parser matches.
        if page.whole and title and len(text) > _GATE:
            raise UnreadableDumpError(
                "a page of the blog in an unknown layout, without a post: check its selectors in SITE_FILE"
            )
        raise UnreadableDumpError(f"half a page of the blog, without a post: {_AGAIN}")
    raise UnreadableDumpError("not a page or feed of the blog: expected its list, home, post or archive page")


def _read_page(page: Page, site: SiteProfile) -> ParsedDump | None:
    """Parse a page by the selectors of the profile first if it has any, otherwise by the built-in theme."""
    custom = site.selectors is not None
    return (
        (read_theme(page, site) if custom else None)
        or read_archive(page, site)
        or read_post(page, site)
        or read_posts(page, site)
        or (None if custom else read_theme(page, site))
    )

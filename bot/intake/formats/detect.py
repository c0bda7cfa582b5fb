"""Layout detection by content, and the parse of a dump."""

import re
from functools import cache

from bot.intake.formats.feed import read_feed
from bot.intake.formats.home_text import read_home
from bot.intake.formats.html import Page, one_line, parsed
from bot.intake.formats.html_pages import read_archive, read_post, read_posts
from bot.intake.formats.list_text import read_listing
from bot.intake.formats.result import ParsedDump, UnreadableDumpError
from bot.intake.formats.text import decode
from bot.intake.formats.theme import read_theme
from bot.site_profile import KEXUE, SiteProfile
from storage.model import Dump, Note, NoteKind

_GATE = 1000
"""Maximum length of the gate page, which only runs a script before a first visit."""

MAX_MARKUP = 2 * 1024 * 1024
"""Maximum length of a page or feed; the largest, of all posts, has less than half a million characters."""

_TAG = re.compile(r"<(?:!doctype html|html|head|body|div|meta|title|script|h[1-6]|p|li|ul)\b", re.IGNORECASE)
_AGAIN = "capture the page again, whole"


@cache
def _titled(site: SiteProfile) -> re.Pattern[str]:
    """Compile a title with its By line: the first title of a text listing may look like a tag."""
    return re.compile(rf"[^\n]*\n{re.escape(site.by)}[ \t\xa0]+{re.escape(site.author)}[ \t\xa0]*\|")


def read_dump(dump: Dump, site: SiteProfile = KEXUE) -> ParsedDump:
    """Parse a dump of the blog `site`. Raises UnreadableDumpError, and no other exception for any bytes."""
    text, notes = decode(dump.content, site.author)
    markup = text.lstrip()
    is_markup = markup.startswith("<") and not _titled(site).match(markup)
    reading = _read_markup(markup, site) if is_markup else _read_text(text, site)
    if not reading.sightings:
        reasons = "; ".join(map(str, reading.notes))[:300] or "it ends before its first"
        raise UnreadableDumpError(f"no complete post in the dump ({reasons}): {_AGAIN}")
    notes = (*dump.notes, *notes, *reading.notes)
    return ParsedDump(format=reading.format, sightings=reading.sightings, notes=notes)


def _read_text(text: str, site: SiteProfile) -> ParsedDump:
    reading = read_listing(text, site) or read_home(text, site)
    if reading is not None:
        return reading
    if site.name in text or site.author in text:
        raise UnreadableDumpError(f"the dump ends before its first post: {_AGAIN}")
    raise UnreadableDumpError(
        "not a dump of the blog: expected its listing or home page as text, HTML or feed"
    )


def _read_markup(text: str, site: SiteProfile) -> ParsedDump:
    if len(text) > MAX_MARKUP:
        raise UnreadableDumpError(f"the page or feed is too large ({len(text) / 1e6:.0f} million characters)")
    if not _TAG.match(text) and (feed := read_feed(text, site)) is not None:
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
        return ParsedDump(format=reading.format, sightings=reading.sightings, notes=reading.notes + cut)
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

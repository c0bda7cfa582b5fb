"""Parser for the text of a post's own page, with or without its title and By line."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache

from bot.intake.formats import template
from bot.intake.formats.by_line import MONTHS
from bot.intake.formats.markup_residue import Residue
from bot.intake.formats.result import LONGEST, ParsedDump, bounded
from bot.intake.formats.template import END, Footer
from bot.intake.formats.text_posts import Head, excerpt_of, without_cut_end
from bot.site_profile import SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting

_REPRINT = re.compile(r"转载到?请包括本文地址[:：]?\s*[\[<(]?(\S*?/archives/[0-9]{1,9})")
_COMMENT_PAGE = re.compile(r"/comment-page-[0-9]+/?(?:[?#].*)?\Z")
_CITED = re.compile(
    r"[^\n]{1,40}\. ?\(([A-Z][a-z]{2})\.? ([0-9]{1,2}), ([0-9]{4})\)\. "
    r"《(.{1,200}?)\s?》\s?\\?\[Blog post\\?\]"
)
_CITED_TITLE = re.compile(r"\btitle=\{([^\n]{1,200})\},")


@cache
def _cited_id(site: SiteProfile) -> re.Pattern[str]:
    return re.compile(rf"@online\{{{re.escape(site.citation_prefix)}-([0-9]{{1,9}})\b")


def _post_of(address: str | None, site: SiteProfile) -> tuple[int, str] | None:
    """Return the post whose own page, or a page of whose comments, was captured at `address`."""
    return site.match_post(_COMMENT_PAGE.sub("", address or ""))


def is_post_page(text: str, heads: Sequence[Head], address: str | None, site: SiteProfile) -> bool:
    """Return whether a text is a post's own page: at most one post, and its citation or address."""
    if len(heads) > 1:
        return False
    cites = (
        _REPRINT.search(text) is not None
        or _CITED.search(text) is not None
        or _cited_id(site).search(text) is not None
    )
    return cites or _post_of(address, site) is not None


def read_post(
    text: str, heads: Sequence[Head], residue: Residue, address: str | None, site: SiteProfile
) -> ParsedDump | str:
    """Parse a post's own page; return the reason where its title cannot be found.

    Title, day and number are those of the By line, the citation block and the address of the capture. The
    excerpt is the beginning of the article, up to the bound, and always partial.
    """
    head = heads[0] if heads and heads[0].by_line is not None else None
    line = None if head is None else head.by_line
    cited = _CITED.search(text)
    cited_title = _CITED_TITLE.search(text)
    title = head.title if head is not None and head.title else ""
    if not title and cited is not None:
        title = template.clean_title(cited[4], site)[0]
    if not title and cited_title is not None:
        title = template.clean_title(cited_title[1], site)[0]
    if not title:
        return (
            "the text of a post's own page without its title: "
            "capture the page again with its title, as HTML or with its citation block"
        )
    if "\ufffd" in title:
        return f"the title is damaged (‹{title[:40]}›): save the capture again in UTF-8"
    day = line.day if line is not None and line.day is not None else _cited_day(cited)
    place = _own_address(text, address, site) or (head.address if head is not None else None)
    if day is None and place is None:
        return "the text of a post's own page without date and address: capture the page again, whole"
    start = head.end if head is not None else 0
    body = text[start:]
    mark = END.search(body)
    shown = body if mark is None else body[: mark.start()]
    if mark is None:
        shown = without_cut_end(shown)
    tail = "" if mark is None else body[mark.start() :]
    excerpt = bounded(excerpt_of(shown[: 4 * LONGEST], residue))
    footer = template.footer_of(tail[tail.rfind("\n分类") :]) if "\n分类" in tail else Footer()
    comments = template.comment_head(tail)
    sighting = Sighting(
        title=title,
        date=day,
        readers=None if line is None else line.readers,
        comments=line.comments if comments is None and line is not None else comments,
        category=footer.category,
        tags=footer.tags,
        excerpt=excerpt or None,
        archive_id=place and place[0],
        url=place and place[1],
        excerpt_partial=bool(excerpt),
    )
    return ParsedDump(format=Layout.POST_PAGE, sightings=(sighting,), notes=_skipped_notes(heads))


def _skipped_notes(heads: Sequence[Head]) -> tuple[Note, ...]:
    return tuple(
        head.problem for head in heads if head.problem is not None and head.problem.kind is NoteKind.UNREAD
    )


def _cited_day(cited: re.Match[str] | None) -> date | None:
    if cited is None or cited[1] not in MONTHS:
        return None
    try:
        return date(int(cited[3]), MONTHS.index(cited[1]) + 1, int(cited[2]))
    except ValueError:
        return None


def _own_address(text: str, address: str | None, site: SiteProfile) -> tuple[int, str] | None:
    reprint, number = _REPRINT.search(text), _cited_id(site).search(text)
    if (own := _post_of(address, site)) is not None:
        return own
    if reprint is not None and (own := site.match_post(reprint[1])) is not None:
        return own
    return None if number is None else (int(number[1]), site.post_url(int(number[1])))

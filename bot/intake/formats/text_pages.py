"""Layout detection for text captures, and the split of a file with several captures joined."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from bot.intake.formats import archive_text, post_text, text_posts
from bot.intake.formats.markup_residue import residue_of
from bot.intake.formats.result import ParsedDump
from bot.intake.formats.text import normalize
from bot.intake.formats.text_posts import Head
from bot.site_profile import SiteProfile
from storage.model import Note, NoteKind

_OWN_PAGE = ("转载到请包括本文地址", "转载请包括本文地址", "[Blog post]", "@online{")


def read_text(text: str, address: str | None, site: SiteProfile) -> ParsedDump | str | None:
    """Parse a text capture; return the reason if it cannot be parsed, None for other texts."""
    text = text_posts.with_whole_lines(normalize(text), site)
    heads = text_posts.heads_of(text, site)
    parts = _captures(text, heads, site)
    if len(parts) == 1:
        return _read_capture(text, heads, address, site)
    parsed = [_read_capture(part, text_posts.heads_of(part, site), None, site) for part in parts]
    found = [part for part in parsed if isinstance(part, ParsedDump)]
    reasons = [Note(NoteKind.SKIPPED, part) for part in parsed if isinstance(part, str)]
    if not found:
        return "; ".join(note.text for note in reasons) or None
    return ParsedDump(
        format=found[0].format,
        sightings=tuple(sighting for part in found for sighting in part.sightings),
        notes=(*reasons, *(note for part in found for note in part.notes)),
    )


def captures(text: str, site: SiteProfile) -> Sequence[str]:
    """Return the captures that were joined in one text, each with its own layout; one for most texts."""
    text = text_posts.with_whole_lines(normalize(text), site)
    return _captures(text, text_posts.heads_of(text, site), site)


def _read_capture(
    text: str, heads: Sequence[Head], address: str | None, site: SiteProfile
) -> ParsedDump | str | None:
    if archive_text.is_archive(text):
        return archive_text.read_archive(text, site)
    residue = residue_of(text)
    if post_text.is_post_page(text, heads, address, site):
        return post_text.read_post(text, heads, residue, address, site)
    return text_posts.read_posts(text, heads, residue) if heads else None


def _captures(text: str, heads: Sequence[Head], site: SiteProfile) -> Sequence[str]:
    starts = sorted({*_starts(text, heads), *_archive_starts(text, heads)} - {0})
    if not starts:
        return (text,)
    parts = ["\n" + text[start:end].lstrip("\n") for start, end in pairwise((0, *starts, len(text)))]
    # A part that lost the marks by which its posts were found is better parsed with the others.
    complete = all(archive_text.is_archive(part) or text_posts.heads_of(part, site) for part in parts)
    return parts if complete else (text,)


def _starts(text: str, heads: Sequence[Head]) -> list[int]:
    """Return where another capture begins: behind a side bar, at another layout, around a post's own page."""
    has_own_page = any(mark in text for mark in _OWN_PAGE)
    starts = []
    for before, head, behind in zip(heads, heads[1:], [*heads[2:], None], strict=False):
        between = text[before.end : head.start]
        body = text[head.end : len(text) if behind is None else behind.start] if has_own_page else ""
        if (
            head.starts_capture
            or (before.by_line is None) is not (head.by_line is None)
            or "\n最近评论" in between
            or (has_own_page and any(mark in between or mark in body for mark in _OWN_PAGE))
        ):
            starts.append(head.start)
    return starts


def _archive_starts(text: str, heads: Sequence[Head]) -> list[int]:
    """Return where the page of all posts begins and ends among other captures."""
    span = archive_text.span_of(text) if heads else None
    if span is None:
        return []
    starts = [head.start for head in heads if head.start >= span[1]][:1]
    return [span[0], *starts] if heads[0].start < span[0] else starts


def tag_of(address: str | None) -> str | None:
    """Return the tag of a tag page's address, None for any other."""
    parts = _path(address)
    return parts[1] if len(parts) >= 2 and parts[0] == "tag" else None


def category_of(address: str | None, text: str, site: SiteProfile) -> str | None:
    """Return the category of a category page: its address has a short name, its window title the full one."""
    if _path(address)[:1] != ["category"]:
        return None
    title = _window_title(site).search(text, 0, 3000)
    return None if title is None else title[1]


def _path(address: str | None) -> list[str]:
    return [unquote(part) for part in urlsplit(address or "").path.split("/") if part]


@cache
def _window_title(site: SiteProfile) -> re.Pattern[str]:
    return re.compile(rf"(?:\A|[\n>])\s*([^\n<>|]{{1,20}}?)\s*-\s*{re.escape(site.name)}")

"""Layout detection for text captures, and the split of a file with several captures joined."""

from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from bot.intake.formats import archive_text, post_text, text_posts
from bot.intake.formats.markup_residue import residue_of
from bot.intake.formats.result import ParsedDump
from bot.intake.formats.text import normalize
from bot.intake.formats.text_posts import Head
from bot.site_profile import SiteProfile


def read_text(text: str, address: str | None, site: SiteProfile) -> ParsedDump | str | None:
    """Parse a text capture; return the reason where it cannot be, None for a text not of the blog."""
    text = text_posts.with_whole_badges(normalize(text))
    if archive_text.is_archive(text):
        return archive_text.read_archive(text, site)
    heads = text_posts.heads_of(text, site)
    residue = residue_of(text)
    if post_text.is_post_page(text, heads, address, site):
        return post_text.read_post(text, heads, residue, address, site)
    if not heads:
        return None
    parts = [text_posts.read_posts(text, group, end, residue) for group, end in _groups(text, heads)]
    return ParsedDump(
        format=parts[0].format,
        sightings=tuple(sighting for part in parts for sighting in part.sightings),
        notes=tuple(note for part in parts for note in part.notes),
    )


def captures(text: str, site: SiteProfile) -> Sequence[str]:
    """Return the captures that were joined in one text, each with its own layout; one for most texts."""
    text = text_posts.with_whole_badges(normalize(text))
    if archive_text.is_archive(text):
        return (text,)
    heads = text_posts.heads_of(text, site)
    groups = _groups(text, heads) if heads else ()
    if len(groups) < 2:
        return (text,)
    ends = [end for _, end in groups]
    parts = ["\n" + text[start:end].lstrip("\n") for start, end in zip([0, *ends], ends, strict=False)]
    # A part that lost the marks by which its posts were found is better parsed with the others.
    complete = all(
        len(text_posts.heads_of(part, site)) == len(group)
        for part, (group, _) in zip(parts, groups, strict=True)
    )
    return parts if complete else (text,)


def _groups(text: str, heads: Sequence[Head]) -> list[tuple[list[Head], int]]:
    """Return the posts of each capture in a text, with the offset at which the capture ends."""
    groups: list[tuple[list[Head], int]] = []
    group = [heads[0]]
    for before, head in pairwise(heads):
        if (
            head.starts_capture
            or (before.by_line is None) is not (head.by_line is None)
            or "\n最近评论" in text[before.end : head.start]
        ):
            groups.append((group, head.start))
            group = []
        group.append(head)
    return [*groups, (group, len(text))]


def tag_of(address: str | None) -> str | None:
    """Return the tag of a tag page's address, None for any other."""
    path = urlsplit(address or "").path
    parts = [unquote(part) for part in path.split("/") if part]
    return parts[1] if len(parts) >= 2 and parts[0] == "tag" else None

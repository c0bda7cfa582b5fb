"""Parse results: `ParsedDump`, or UnreadableDumpError with its reason."""

import re
from dataclasses import dataclass

from storage.model import Layout, Note, Sighting


class UnreadableDumpError(Exception):
    """Raised for a dump without a complete post; the message is one line with the cause and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDump:
    """The sightings of one dump in their printed order, and notes on what was skipped or looks odd."""

    format: Layout
    sightings: tuple[Sighting, ...]
    notes: tuple[Note, ...] = ()


LONGEST = 1000
"""Maximum length in characters of an excerpt without a fold; the author's excerpts have 300 to 700."""


def bounded(text: str) -> str:
    """Return the leading lines of `text` that fit into LONGEST characters; a longer first line is cut."""
    if len(text) <= LONGEST:
        return text
    end = text.rfind("\n", 0, LONGEST + 1)
    return text[:end].rstrip() if end > 0 else text[:LONGEST]


_POST = re.compile(
    r"(?P<host>https?://(?:www\.)?(?:kexue\.fm|spaces\.ac\.cn)(?::[0-9]+)?)?"
    r"/archives/(?P<id>[0-9]{1,9})/?(?:\?[^#]*)?(?:#(?P<fragment>.*))?",
    re.IGNORECASE,
)


def post_address(href: str | None) -> tuple[int, str] | None:
    """Return the archive id and absolute URL of the post at `href`, None for any other link.

    A link to a comment (`#comment-…`) is not the address of its post.
    """
    found = _POST.fullmatch((href or "").strip())
    if found is None or (found["fragment"] or "").startswith("comment-"):
        return None
    archive_id = int(found["id"])
    return archive_id, f"{(found['host'] or 'https://kexue.fm').lower()}/archives/{archive_id}"

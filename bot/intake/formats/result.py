"""What reading a dump gives: a Reading, or an Unreadable with its reason. Knows no layout."""

import re
from dataclasses import dataclass

from storage.model import Layout, Sighting


class UnreadableDumpError(Exception):
    """A dump that gives nothing; the text is one line with the cause and the mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDump:
    """The sightings of one dump in its own order, and what was skipped or looks odd in it."""

    format: Layout
    sightings: tuple[Sighting, ...]
    notes: tuple[str, ...] = ()


LONGEST = 1000
"""Characters kept of a post that shows no fold. The author's own excerpts have about 300 to 700."""


def bounded(text: str) -> str:
    """The leading lines of a text that fit into LONGEST characters; of a longer first line, its beginning."""
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
    """The archive id and the address of a post, relative ones completed; None for anything else.

    A link to a comment (`#comment-…`) names a post, but not as its own address.
    """
    found = _POST.fullmatch((href or "").strip())
    if found is None or (found["fragment"] or "").startswith("comment-"):
        return None
    archive_id = int(found["id"])
    return archive_id, f"{(found['host'] or 'https://kexue.fm').lower()}/archives/{archive_id}"

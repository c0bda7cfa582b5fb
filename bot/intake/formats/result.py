"""Parse results: `ParsedDump`, or UnreadableDumpError with its reason."""

import re
from dataclasses import dataclass

from storage.model import Layout, Note, Sighting

_ADVICE = re.compile(r"\s*[:;] (?:capture|save) the (?:page|capture) again(?:, whole)?\Z")


class UnreadableDumpError(Exception):
    """Raised for a dump without a complete post; the message is one line with the cause and the fix."""

    @property
    def cause(self) -> str:
        """Return the message without the advice to capture again, which is useless for a live page."""
        return _ADVICE.sub("", str(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDump:
    """The sightings of one dump in their printed order, and notes on what was skipped or looks odd.

    `protected` are the archive ids of the posts that are listed behind a password.
    """

    format: Layout
    sightings: tuple[Sighting, ...]
    notes: tuple[Note, ...] = ()
    protected: tuple[int, ...] = ()


LONGEST = 1000
"""Maximum length in characters of an excerpt without a fold; the author's excerpts have 300 to 700."""


def bounded(text: str) -> str:
    """Return the leading lines of `text` that fit into LONGEST characters; a longer first line is cut."""
    if len(text) <= LONGEST:
        return text
    end = text.rfind("\n", 0, LONGEST + 1)
    return text[:end].rstrip() if end > 0 else text[:LONGEST]

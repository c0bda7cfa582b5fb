"""Dump parsers, one for each layout: bytes become a `ParsedDump`, or UnreadableDumpError with its reason."""

import re
from dataclasses import dataclass

from storage.model import Layout, Note, Sighting

_ADVICE = re.compile(r"\s*[:;] (?:capture|save|fetch) (?:the|it)\b[^:;]*\Z")


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

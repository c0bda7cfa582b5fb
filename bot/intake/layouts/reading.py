"""What reading a dump gives: a Reading, or an Unreadable with its reason. Knows no layout."""

from dataclasses import dataclass

from storage.model import Layout, Sighting


class Unreadable(Exception):  # noqa: N818 - a finding about a file, told to people as it stands
    """A dump that gives nothing; the text is one line with the cause and the mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The sightings of one dump in its own order, and what was skipped or looks odd in it."""

    layout: Layout
    sightings: tuple[Sighting, ...]
    notes: tuple[str, ...] = ()

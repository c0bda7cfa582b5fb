"""Container formats: one file with several captures, each returned as a dump."""

from collections.abc import Sequence
from dataclasses import replace

from bot.intake.formats.detect import text_captures
from bot.site_profile import KEXUE, SiteProfile
from storage.model import Dump


def unpack(dump: Dump, site: SiteProfile = KEXUE) -> Sequence[Dump]:
    """Return the captures in `dump`; a file that is one capture itself is returned unchanged.

    Raises UnreadableDumpError for a damaged or too large container, and for one without a capture.
    """
    parts = text_captures(dump, site)
    if len(parts) < 2:
        return (dump,)
    return [
        replace(dump, name=f"{dump.name} ({number} of {len(parts)})", content=part.encode())
        for number, part in enumerate(parts, 1)
    ]

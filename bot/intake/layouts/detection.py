"""Which layout a dump has, told by its content alone, and the reading of it."""

from bot.intake.layouts.home import read_home
from bot.intake.layouts.listing import read_listing
from bot.intake.layouts.reading import Reading, Unreadable
from bot.intake.layouts.text import decoded
from storage.model import Dump


def read_dump(dump: Dump) -> Reading:
    """What a dump shows. Raises Unreadable, and nothing else, whatever the bytes."""
    text, notes = decoded(dump.content)
    reading = _read_text(text)
    return Reading(layout=reading.layout, sightings=reading.sightings, notes=notes + reading.notes)


def _read_text(text: str) -> Reading:
    reading = read_listing(text) or read_home(text)
    if reading is None:
        if "科学空间" in text or "苏剑林" in text:
            raise Unreadable("the dump ends before its first post: capture the page again, whole")
        raise Unreadable("not a dump of the blog: expected its listing or home page as text, HTML or feed")
    if not reading.sightings:
        reasons = "; ".join(reading.notes)[:300]
        raise Unreadable(f"no complete post in the dump ({reasons}): capture the page again, whole")
    return reading

"""Container formats: one file with several captures, each returned as a dump."""

from collections.abc import Sequence

from storage.model import Dump


def unpack(dump: Dump) -> Sequence[Dump]:
    """Return the captures in `dump`; a file that is a capture itself is returned unchanged.

    Raises UnreadableDumpError for a damaged or too large container, and for one without a capture.
    """
    return (dump,)

"""When a source may be asked again: what it wishes (Retry-After) and how failures space the tries out.

Pure: the time is an argument. Knows no HTTP client.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=6)

# A wish outside of these is not believed: zero would make us hammer, ten years would make us mute.
SHORTEST_WISH = timedelta(minutes=1)
LONGEST_WISH = timedelta(hours=24)

_DOUBLINGS = 16  # enough for any ceiling, and no power of two becomes too large for a timedelta


def next_attempt(failures: int, now: datetime) -> datetime:
    """The earliest next try after `failures` tries in a row failed, the last one at `now`."""
    if failures < 1:
        return now
    return now + min(FIRST_PAUSE * float(2 ** min(failures - 1, _DOUBLINGS)), LONGEST_PAUSE)


def parse_retry_after(retry_after: str | None, now: datetime) -> datetime | None:
    """The time a Retry-After header asks to wait for (seconds or an HTTP date, RFC 9110 §10.2.3), clamped.

    None where the header is missing or is neither.
    """
    text = (retry_after or "").strip()
    if re.fullmatch(r"-?[0-9]+", text):
        seconds = int(text) if len(text) < 10 else (-1 if text.startswith("-") else 10**9)
        wish = timedelta(seconds=seconds)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        wish = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return now + min(max(wish, SHORTEST_WISH), LONGEST_WISH)

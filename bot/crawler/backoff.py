"""Backoff of failed sources: exponential, and Retry-After within limits.

The pause doubles from 5 minutes to 6 hours. All times are aware UTC.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from storage.clock import Backoff

MIN_PAUSE = timedelta(minutes=5)
MAX_PAUSE = timedelta(hours=6)

# Retry-After is clamped: 0 would flood the server, ten years would stop the source.
MIN_RETRY_AFTER = timedelta(minutes=1)
MAX_RETRY_AFTER = timedelta(hours=24)


def next_attempt(failures: int, now: datetime) -> datetime:
    """Return the earliest next request after `failures` consecutive failures, the last one at `now`."""
    backoff = Backoff(MIN_PAUSE.total_seconds(), MAX_PAUSE.total_seconds(), max(0, failures))
    return now + timedelta(seconds=backoff.delay)


def parse_retry_after(retry_after: str | None, now: datetime) -> datetime | None:
    """Parse Retry-After (seconds or an HTTP date, RFC 9110 §10.2.3), clamped; None if missing or invalid."""
    text = (retry_after or "").strip()
    if re.fullmatch(r"-?[0-9]+", text):
        seconds = int(text) if len(text) < 10 else (-1 if text.startswith("-") else 10**9)
        delay = timedelta(seconds=seconds)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        delay = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return now + min(max(delay, MIN_RETRY_AFTER), MAX_RETRY_AFTER)

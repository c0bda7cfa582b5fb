"""State transitions of a crawled source: next request, failure count, alerts to the operators."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from bot.crawler.fetcher import Validators
from bot.crawler.schedule import next_attempt
from bot.intake.formats import ParsedDump
from bot.text_sanitizer import redact_url
from storage.model import DumpRecord, Source


@dataclass(frozen=True, slots=True)
class Failing:
    """A source without a successful request since `since`."""

    url: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Recovered:
    """A source that works again after its failure was reported."""

    url: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Quiet:
    """No new post for `days` days; `dump` is the last one with a new post."""

    days: int
    dump: int


@dataclass(frozen=True, slots=True)
class BurstMissed:
    """More new posts than the feed holds, of which some could not be fetched."""

    url: str
    reason: str


Alert = Failing | Recovered | Quiet | BurstMissed


def validators_of(source: Source) -> Validators:
    return Validators(etag=source.etag, last_modified=source.last_modified, sha256=source.sha256)


def unchanged(source: Source, validators: Validators, now: datetime, regular: datetime) -> Source:
    """Return `source` after an unchanged page; `regular` is the next scheduled time."""
    return replace(
        source,
        next_run=regular,
        last_try=now,
        last_success=now,
        etag=validators.etag,
        last_modified=validators.last_modified,
        sha256=validators.sha256,
        error=None,
        failures=0,
        failing_since=None,
        alerted=False,
    )


def changed(
    source: Source, validators: Validators, parsed: ParsedDump, now: datetime, regular: datetime
) -> Source:
    """Return `source` after its page was parsed and stored."""
    return replace(
        unchanged(source, validators, now, regular),
        last_change=now,
        items=len(parsed.sightings),
        items_sha256=items_hash(parsed),
    )


def failed(
    source: Source,
    reason: str,
    now: datetime,
    regular: datetime,
    *,
    retry_at: datetime | None,
    alert_after: timedelta,
) -> Source:
    """Return `source` after a failure; the validators stay, the next request is the latest of three times."""
    since = source.failing_since or now
    failures = source.failures + 1
    return replace(
        source,
        next_run=max(regular, next_attempt(failures, now), retry_at or now),
        last_try=now,
        error=reason,
        failures=failures,
        failing_since=since,
        alerted=source.alerted or now - since >= alert_after,
    )


def alert(before: Source, after: Source) -> Failing | Recovered | None:
    """Return the alert for this transition: one at the failure, one at the recovery."""
    if after.alerted and not before.alerted and after.failing_since and after.error:
        return Failing(redact_url(after.url), after.error, after.failing_since)
    if before.alerted and not after.alerted and before.failing_since:
        return Recovered(redact_url(after.url), before.failing_since)
    return None


def quiet(last: DumpRecord | None, now: datetime, longest: timedelta) -> Quiet | None:
    """Return an alert if the last new post is older than `longest`."""
    if last is None or now - last.taken_in_at < longest:
        return None
    return Quiet((now - last.taken_in_at).days, last.id)


def items_hash(parsed: ParsedDump) -> str:
    """Return a hash of the parsed sightings; changes around them (dates, side bars) do not change it."""
    encoded = json.dumps([asdict(sighting) for sighting in parsed.sightings], default=str, ensure_ascii=False)
    return hashlib.sha256(encoded.encode("utf-8", "replace")).hexdigest()

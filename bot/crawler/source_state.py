"""What a try makes of a source: when it is asked next, and whether the operators should hear of it. Pure."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from bot.crawler.backoff import next_attempt
from bot.crawler.fetcher import Validators
from bot.intake.formats import ParsedDump
from storage.model import DumpRecord, Source


@dataclass(frozen=True, slots=True)
class Failing:
    """A source that has not given anything since `since`."""

    url: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Recovered:
    """A source whose failing was told works again."""

    url: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Quiet:
    """No new post for so many days; `dump` is the last that brought one."""

    days: int
    dump: int


Alert = Failing | Recovered | Quiet


def validators_of(source: Source) -> Validators:
    return Validators(etag=source.etag, last_modified=source.last_modified, sha256=source.sha256)


def unchanged(source: Source, validators: Validators, now: datetime, regular: datetime) -> Source:
    """The page is the one we have; `regular` is when the timetable says to ask again."""
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
    source: Source, validators: Validators, reading: ParsedDump, now: datetime, regular: datetime
) -> Source:
    """The page was read and is stored."""
    return replace(
        unchanged(source, validators, now, regular),
        last_change=now,
        items=len(reading.sightings),
        items_sha256=items_hash(reading),
    )


def failed(
    source: Source,
    reason: str,
    now: datetime,
    regular: datetime,
    *,
    wish: datetime | None,
    alert_after: timedelta,
) -> Source:
    """Nothing was had. What is known of the page stays; the next try is as late as the latest wish."""
    since = source.failing_since or now
    failures = source.failures + 1
    return replace(
        source,
        next_run=max(regular, next_attempt(failures, now), wish or now),
        last_try=now,
        error=reason,
        failures=failures,
        failing_since=since,
        alerted=source.alerted or now - since >= alert_after,
    )


def alert(before: Source, after: Source) -> Failing | Recovered | None:
    """What the operators should hear: once that it fails, and once that it works again."""
    if after.alerted and not before.alerted and after.failing_since and after.error:
        return Failing(after.url, after.error, after.failing_since)
    if before.alerted and not after.alerted and before.failing_since:
        return Recovered(after.url, before.failing_since)
    return None


def quiet(last: DumpRecord | None, now: datetime, longest: timedelta) -> Quiet | None:
    """Whether there has been no new post for longer than the blog was ever silent."""
    if last is None or now - last.taken_in_at < longest:
        return None
    return Quiet((now - last.taken_in_at).days, last.id)


def items_hash(reading: ParsedDump) -> str:
    """Stands for what a page shows: the same although a date or a side bar around it changed."""
    shown = json.dumps([asdict(sighting) for sighting in reading.sightings], default=str, ensure_ascii=False)
    return hashlib.sha256(shown.encode("utf-8", "replace")).hexdigest()

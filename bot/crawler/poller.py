"""Asking the blog for news: each source at its time, and everything a page shows in one transaction.

That a page was read is written together with its posts: were it written before, a failure in between would
hide them behind the next 304. Knows neither Telegram nor aiohttp.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

from bot.clock import Clock
from bot.crawler.fetcher import Fetched, Fetcher, NotFetched, NotModified
from bot.crawler.source_state import (
    Alert,
    alert,
    changed,
    failed,
    items_hash,
    quiet,
    unchanged,
    validators_of,
)
from bot.intake.formats import UnreadableDumpError, read_dump
from bot.intake.ingest import IngestReport, IngestRules, ingest_parsed
from storage.database import Database, Transaction
from storage.model import Source

FIELDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledSource:
    """An address and the cron line by which it is asked, in UTC."""

    url: str
    cron: str
    origin: str = "page"


def read_pages(text: str) -> tuple[ScheduledSource, ...]:
    """`URL minute hour day month weekday`, several separated by semicolons. Raises ValueError."""
    pages = []
    for part in text.split(";"):
        url, *fields = part.split()[:1], *part.split()[1:]
        if not url:
            continue
        cron = " ".join(str(field) for field in fields)
        read_cron(cron)
        pages.append(ScheduledSource(url=url[0], cron=cron))
    return tuple(pages)


def read_cron(line: str) -> CronTrigger:
    """Minute, hour, day, month, weekday; weekdays by name, since programs number them differently.

    Raises ValueError for what is no such line or means no time at all.
    """
    given = line.split()
    if len(given) != FIELDS:
        raise ValueError(f"a cron line has {FIELDS} parts (minute hour day month weekday), not {len(given)}")
    if any(sign.isdigit() for sign in given[-1]):
        raise ValueError("write weekdays as names (mon, tue-fri): programs number them differently")
    try:
        trigger = CronTrigger.from_crontab(line, timezone=UTC)
        never = trigger.get_next_fire_time(None, datetime(2026, 1, 1, tzinfo=UTC)) is None
    except (ValueError, TypeError) as error:
        raise ValueError(f"no cron line: {error}") from None
    if never:
        raise ValueError("a cron line that means no time at all")
    return trigger


def next_time(cron: str, after: datetime, jitter: float = 0) -> datetime:
    """The first time after `after` that `cron` means, up to `jitter` seconds late: not all come at once."""
    trigger = read_cron(cron)
    trigger.jitter = int(jitter)
    found: datetime = trigger.get_next_fire_time(None, after + timedelta(seconds=1))
    return found.astimezone(UTC)


log = logging.getLogger(__name__)

LEASE = timedelta(
    minutes=10
)  # longer than the slowest try, with its pauses, redirects and both tries of a gate
JITTER_SECONDS = 120.0
SILENCE = timedelta(days=30)  # since 2021 the longest gap between two posts was 19 days
QUIET_CHECK_SECONDS = 3600.0
QUIET_FACT = "told of the silence after dump"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Whom to tell, after how long, and how it is put into a duty's payload."""

    admins: tuple[int, ...]
    after: timedelta
    payload: Callable[[Alert], str]


class SourcePoller:
    """Asks every source that is due, one after the other; sleeps until it is woken."""

    def __init__(
        self,
        database: Database,
        fetcher: Fetcher,
        clock: Clock,
        timetable: Sequence[ScheduledSource],
        rules: IngestRules,
        alerts: Alerts,
        *,
        jitter: float = JITTER_SECONDS,
        news: Callable[[], None] = lambda: None,
        took_in: Callable[[IngestReport], None] = lambda _report: None,
    ) -> None:
        """`news` is called when something was stored, `took_in` with what came of a page."""
        self._took_in = took_in
        self._database = database
        self._fetcher = fetcher
        self._clock = clock
        self._timetable = {timed.url: timed for timed in timetable}
        self._rules = rules
        self._alerts = alerts
        self._jitter = jitter
        self._tell_of_news = news
        self._wakes = asyncio.Event()
        self._stopping = False
        self._quiet_at: float | None = None

    def wake(self) -> None:
        self._wakes.set()

    async def stop(self) -> None:
        """A request under way is broken off, and does not count as a failure."""
        self._stopping = True
        self._wakes.set()
        await self._fetcher.close()

    async def run(self) -> None:
        """Ask what is due, again and again."""
        now = self._clock.now()
        await self._database.write(lambda tx: tx.dumps.keep_sources(list(self._timetable), now))
        while not self._stopping:
            self._wakes.clear()
            while await self.poll_one():
                pass
            await self._look_for_silence()
            await self._wakes.wait()

    async def poll_one(self) -> bool:
        """Ask the source that is longest overdue; False if none is due."""
        begun = self._clock.now()
        claimed = await self._database.write(
            lambda tx: tx.dumps.claim_source(list(self._timetable), begun, LEASE)
        )
        if claimed is None:
            return False
        source, token = claimed
        timed = self._timetable[source.url]
        fetch = await self._fetcher.fetch(source.url, validators_of(source), origin=timed.origin)
        if self._stopping:
            await self._database.write(lambda tx: tx.dumps.settle_source(source, token))
            return False
        now = self._clock.now()
        regular = next_time(timed.cron, now, self._jitter)
        match fetch:
            case NotModified(validators):
                await self._settle(source, unchanged(source, validators, now, regular), token, now)
            case NotFetched(reason, wish):
                await self._fail(source, reason, wish, token, now, regular)
            case Fetched():
                await self._read(source, fetch, token, now, regular)
        return True

    async def _read(
        self, source: Source, fetch: Fetched, token: str, now: datetime, regular: datetime
    ) -> None:
        try:
            reading = read_dump(fetch.dump)
        except UnreadableDumpError as reason:
            await self._fail(source, str(reason), None, token, now, regular)
            return
        if items_hash(reading) == source.items_sha256:
            await self._settle(source, unchanged(source, fetch.validators, now, regular), token, now)
            return
        after = changed(source, fetch.validators, reading, now, regular)

        async def also(tx: Transaction, _report: IngestReport) -> None:
            await self._write(tx, source, after, token, now)

        self._took_in(await ingest_parsed(self._database, fetch.dump, reading, self._rules, now, also))
        self._tell_of_news()

    async def _fail(
        self,
        source: Source,
        reason: str,
        wish: datetime | None,
        token: str,
        now: datetime,
        regular: datetime,
    ) -> None:
        after = failed(source, reason, now, regular, wish=wish, alert_after=self._alerts.after)
        if source.error != reason:
            log.warning("%s was not fetched: %s", source.url, reason)
        await self._settle(source, after, token, now)

    async def _settle(self, before: Source, after: Source, token: str, now: datetime) -> None:
        if before.error is not None and after.error is None:
            log.info("%s can be fetched again", after.url)
        told = await self._database.write(lambda tx: self._write(tx, before, after, token, now))
        if told:
            self._tell_of_news()

    async def _write(self, tx: Transaction, before: Source, after: Source, token: str, now: datetime) -> bool:
        """How the try ended, and what the operators are told of it; returns whether they are."""
        if not await tx.dumps.settle_source(after, token):
            return False
        said = alert(before, after)
        if said is None:
            return False
        duty = f"notice:source:{type(said).__name__}:{said.since.isoformat()}:{after.url}"
        await tx.planner.notify_chats(self._alerts.admins, duty, self._alerts.payload(said), now)
        return True

    async def _look_for_silence(self) -> None:
        """Tell the operators once that there has been no new post for long."""
        ticks = self._clock.monotonic()
        if self._quiet_at is not None and ticks - self._quiet_at < QUIET_CHECK_SECONDS:
            return
        self._quiet_at = ticks
        now = self._clock.now()

        async def unit(tx: Transaction) -> bool:
            said = quiet(await tx.dumps.last_news(), now, SILENCE)
            if said is None or await tx.key_values.get(QUIET_FACT) == str(said.dump):
                return False
            await tx.key_values.put(QUIET_FACT, str(said.dump))
            await tx.planner.notify_chats(
                self._alerts.admins, f"notice:quiet:{said.dump}", self._alerts.payload(said), now
            )
            return True

        if await self._database.write(unit):
            self._tell_of_news()

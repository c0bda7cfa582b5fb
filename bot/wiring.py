"""Factories of the service's parts from the settings: HTTP clients, rate limiter, ingest rules, crawler."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from errno import EDQUOT, ENOSPC
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TypeVar, assert_never

from telegram import Bot
from telegram.request import BaseRequest

from bot import SettingsError
from bot.crawler.fetcher import Fetcher
from bot.crawler.poller import Alerts, SourcePoller
from bot.crawler.source_state import Alert, BurstMissed, Failing, Quiet, Recovered
from bot.delivery.admin_notices import (
    DumpNotes,
    DumpUnreadable,
    NoNews,
    PostsHeld,
    PostsMissed,
    SourceFailing,
    SourceRecovered,
    encode,
)
from bot.delivery.retry_policy import DeliveryConfig
from bot.env_file import read_text
from bot.intake.dump_folder import UnreadableFileError, captures, fingerprint
from bot.intake.formats import UnreadableDumpError
from bot.intake.ingest import Also, IngestReport, IngestRules, ingest, reject
from bot.intake.series import NO_OVERRIDES, read_overrides
from bot.leases import LeaseHolder, heartbeat_span, quiet_part
from bot.maintenance import Backup
from bot.ops.backup import HISTORY, BackupError, damage, has_long_history, refuse_gone, sqlite_file
from bot.ops.metrics import Metrics
from bot.rate_limit.in_process import RateLimiter
from bot.rate_limit.scheduler import Limits, SendScheduler
from bot.rate_limit.shared import SharedRateLimiter
from bot.settings import Settings
from bot.site_profile import KEXUE, SiteProfile, TomlError, read_site_profile
from bot.telegram.http_request import AiohttpRequest
from storage import UnusableDatabaseError
from storage.clock import Clock
from storage.database import Database, open_database

SYSTEM = frozenset({"dev", "proc", "sys"})  # folders of the root whose files are none
POLL_SECONDS = 10  # timeout of one long poll for updates


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """Separate connection pools for getUpdates, for answers to users and for deliveries."""

    polling: BaseRequest
    answers: BaseRequest
    pushes: BaseRequest

    def bot(self, wire: BaseRequest, settings: Settings, token: str) -> Bot:
        """Return the library's Bot on one pool; without `get_updates_request` it would open another."""
        base = f"{settings.bot_api_url}/bot"
        return Bot(token, base_url=base, request=wire, get_updates_request=self.polling)


def telegram_wires(settings: Settings) -> Wires:
    proxy = settings.proxy_url
    return Wires(
        polling=AiohttpRequest(connections=2, read_timeout=POLL_SECONDS + 10, proxy=proxy),
        answers=AiohttpRequest(connections=32, read_timeout=settings.answer_seconds, proxy=proxy),
        pushes=AiohttpRequest(
            connections=settings.max_in_flight, read_timeout=settings.answer_seconds, proxy=proxy
        ),
    )


def rate_limiter_of(
    limits: Limits, database: Database, clock: Clock, pulse: LeaseHolder, metrics: Metrics
) -> RateLimiter:
    """Return a rate limiter in the database if several processes share the bot, otherwise in memory."""
    if not database.is_multi_process:
        return RateLimiter(database, SendScheduler(limits), clock, metrics)
    return SharedRateLimiter(database, limits, clock, pulse, metrics)


async def open_checked_database(
    settings: Settings, *, new: bool = False, history_later: bool = False
) -> Database:
    """Open and migrate the database. Raises UnusableDatabaseError, also for a damaged file.

    A file that is gone although there are copies of it is made only if `new`. With `history_later`, a long
    history is left for `check_history`.
    """
    if not new:
        check_not_gone(settings)
    url = settings.database_address()
    if (file := sqlite_file(url)) is not None:
        later = history_later and has_long_history(file)
        if fault := damage(file, _is_no_history if later else None):
            raise _damaged(file, fault)
    return await open_database(url)


def check_history(settings: Settings) -> UnusableDatabaseError | None:
    """Check the long history of an open SQLite database: 1 s per 3,000,000 deliveries in the cache."""
    file = sqlite_file(settings.database_address())
    if file is None or not has_long_history(file):
        return None
    fault = damage(file, HISTORY.__eq__, in_use=True)
    return None if fault is None else _damaged(file, fault)


def _is_no_history(table: str) -> bool:
    return table != HISTORY


def _damaged(file: Path, fault: str) -> UnusableDatabaseError:
    """Return the error of a damaged SQLite file, with what the operator should do."""
    return UnusableDatabaseError(
        f"the database {file} is damaged ({fault}): stop the bot, move it, its -wal and its -shm "
        "away, and restore a backup with `kexue-bot restore COPY`"
    )


@asynccontextmanager
async def opened_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database as `open_checked_database` does, and close it with the context."""
    database = await open_checked_database(settings)
    try:
        yield database
    finally:
        await database.close()


def check_not_gone(settings: Settings) -> None:
    """Raise UnusableDatabaseError if the database is gone although there are copies of it."""
    file = sqlite_file(settings.database_address())
    if file is None or settings.backup_dir is None:
        return
    try:
        refuse_gone(file, settings.backup_dir)
    except BackupError as error:
        raise UnusableDatabaseError(str(error)) from error


async def ingest_file(
    database: Database, path: Path, name: str, rules: IngestRules, clock: Clock, also: Also | None = None
) -> list[IngestReport]:
    """Ingest a file of the folder; return one report for each capture in it.

    An unreadable file is recorded in the ledger with its reason.
    """
    now = clock.now()
    reports: list[IngestReport] = []
    with closing(captures(path, name, now, rules.site)) as found:
        try:
            while (dump := await asyncio.to_thread(next, found, None)) is not None:
                reports.append(await ingest(database, dump, rules, now, also))
        except (UnreadableFileError, UnreadableDumpError) as reason:
            sha256 = await asyncio.to_thread(fingerprint, path)
            reports.append(await reject(database, name, str(reason), sha256, now, rules, now))
    return reports


def check_dump_dir(settings: Settings) -> None:
    """Raise SettingsError for a DUMP_DIR in which the bot's own files would be taken for dumps."""
    folder = _resolved("DUMP_DIR", settings.dump_dir)
    file = sqlite_file(settings.database_address())
    own = {
        "the database": file and _resolved("DATABASE_URL", file),
        "BACKUP_DIR": settings.backup_dir and _resolved("BACKUP_DIR", settings.backup_dir),
    }
    if folder == Path(folder.anchor):
        raise SettingsError("DUMP_DIR is the root of all folders: name one that holds dumps only")
    if folder.parts[1] in SYSTEM:
        raise SettingsError(f"DUMP_DIR {folder} belongs to the system: name one that holds dumps only")
    for what, place in own.items():
        if place is not None and place.is_relative_to(folder):
            raise SettingsError(f"DUMP_DIR {folder} holds {what} ({place}): name one that holds dumps only")


def _resolved(setting: str, path: Path) -> Path:
    """Return `path` without links. Raises SettingsError for links in a circle."""
    try:
        return path.resolve()
    except FileNotFoundError:
        raise SettingsError(f"{setting} {path} lies in a folder that is gone: start in another") from None
    except (OSError, RuntimeError):  # the latter before Python 3.13
        raise SettingsError(f"{setting} {path} is a link that leads back to itself: name another") from None


def make_dump_dir(settings: Settings) -> None:
    """Make DUMP_DIR if it is missing. Raises SettingsError where that is impossible."""
    folder = settings.dump_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"DUMP_DIR {folder} cannot be made ({error.strerror}): correct it, or make the folder"
        ) from None


def backup_of(settings: Settings) -> Backup | None:
    """Return the nightly backup; None without BACKUP_DIR or if the database is not an SQLite file."""
    file = sqlite_file(settings.database_address())
    if settings.backup_dir is None or file is None:
        return None
    _check_writable("BACKUP_DIR", settings.backup_dir)
    return Backup(source=file, folder=settings.backup_dir, keep=settings.backup_keep)


def _check_writable(setting: str, folder: Path) -> None:
    """Create `folder` and write a file in it. Raises SettingsError with the reason of the system."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=".writable-") as file:
            file.write(bytes(4096))  # creating alone succeeds on a full disk
    except OSError as error:
        fix = (
            "free space on its disk" if error.errno in {ENOSPC, EDQUOT} else "change its permissions or mount"
        )
        raise SettingsError(f"{setting} {folder} cannot be written to ({error.strerror}): {fix}") from error


def delivery_config_of(settings: Settings) -> DeliveryConfig:
    return DeliveryConfig(
        slots=settings.max_in_flight,
        lease=timedelta(seconds=settings.lease_seconds),
        answer_seconds=settings.answer_seconds,
        stop_seconds=settings.stop_seconds,
        on_unsure=settings.on_unsure,
        admins=settings.admin_chat_ids,
        quiet=quiet_part(heartbeat_span(settings.lease_seconds)),
    )


def rules_of(settings: Settings) -> IngestRules:
    """Return the ingest rules. Raises SettingsError for an invalid SERIES_FILE."""

    def notice(report: IngestReport) -> str:
        if report.error is not None:
            return encode(DumpUnreadable(report.dump, report.error))
        if not report.held:
            return encode(DumpNotes(report.dump, tuple(map(str, report.remarks)), report.unannounced))
        return encode(PostsHeld(report.dump_id, settings.hold_above))

    return IngestRules(
        digest_above=settings.digest_above,
        hold_above=settings.hold_above,
        edit_days=settings.edit_days,
        overrides=_parsed("SERIES_FILE", settings.series_file, read_overrides, NO_OVERRIDES),
        site=site_of(settings),
        admins=settings.admin_chat_ids,
        notice=notice,
    )


def site_of(settings: Settings) -> SiteProfile:
    """Return the profile of the blog. Raises SettingsError for an invalid SITE_FILE."""
    return _parsed("SITE_FILE", settings.site_file, read_site_profile, KEXUE)


T = TypeVar("T")


def _parsed(setting: str, file: Path | None, parse: Callable[[str], T], default: T) -> T:
    """Return `file` parsed, or `default` without a file. Raises SettingsError with file, line and reason."""
    if file is None:
        return default
    try:
        return parse(read_text(file))
    except TomlError as error:
        raise SettingsError(f"{setting} {file.name}, {error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{setting} {file.name} is not UTF-8: save it again in that encoding") from error
    except OSError as error:
        raise SettingsError(
            f"{setting} {file} cannot be read ({error.strerror}): create it, or unset {setting}"
        ) from error


def fetcher_of(settings: Settings, clock: Clock, *, pause: float | None = None) -> Fetcher:
    """Return the HTTP client of the crawler; `pause` in seconds overrides FETCH_PAUSE_SECONDS."""
    return Fetcher(
        clock,
        user_agent=settings.user_agent,
        hosts=site_of(settings).hosts,
        pause=settings.fetch_pause_seconds if pause is None else pause,
        proxy=settings.blog_proxy,
        private=settings.fetch_private,
    )


def poller_of(
    settings: Settings,
    database: Database,
    clock: Clock,
    rules: IngestRules,
    news: Callable[[], None],
    took_in: Callable[[IngestReport], None],
) -> SourcePoller:
    def payload(alert: Alert) -> str:
        match alert:
            case Failing(url, reason):
                return encode(SourceFailing(url, reason, round(settings.source_alert_hours)))
            case Recovered(url):
                return encode(SourceRecovered(url))
            case Quiet(days):
                return encode(NoNews(days))
            case BurstMissed(url, reason):
                return encode(PostsMissed(url, reason))
            case unknown:
                assert_never(unknown)

    alerts = Alerts(
        admins=settings.admin_chat_ids,
        after=timedelta(hours=settings.source_alert_hours),
        payload=payload,
    )
    fetcher = fetcher_of(settings, clock)
    return SourcePoller(
        database, fetcher, clock, settings.timetable, rules, alerts, news=news, took_in=took_in
    )

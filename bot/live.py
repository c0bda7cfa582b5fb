"""The live sources put together from the settings: fetcher, poller, and what operators hear of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import assert_never

from bot.clock import Clock
from bot.delivery.notice import NoNews, SourceFailing, SourceRecovered, encode
from bot.intake.attempts import Alert, Failing, Quiet, Recovered
from bot.intake.fetching import Fetcher
from bot.intake.intake import Report, Rules
from bot.intake.polling import Alerts, Poller
from bot.settings import Settings
from storage.database import Database


def fetcher_of(settings: Settings, clock: Clock, *, pause: float | None = None) -> Fetcher:
    """`pause` in seconds instead of FETCH_PAUSE_SECONDS."""
    return Fetcher(
        clock,
        user_agent=settings.user_agent,
        pause=settings.fetch_pause_seconds if pause is None else pause,
        proxy=settings.proxy,
        private=settings.fetch_private,
    )


def poller_of(
    settings: Settings,
    database: Database,
    clock: Clock,
    rules: Rules,
    news: Callable[[], None],
    took_in: Callable[[Report], None],
) -> Poller:
    def payload(alert: Alert) -> str:
        match alert:
            case Failing(url, reason):
                return encode(SourceFailing(url, reason, round(settings.source_alert_hours)))
            case Recovered(url):
                return encode(SourceRecovered(url))
            case Quiet(days):
                return encode(NoNews(days))
            case unknown:
                assert_never(unknown)

    alerts = Alerts(
        admins=settings.admin_chat_ids,
        after=timedelta(hours=settings.source_alert_hours),
        payload=payload,
    )
    fetcher = fetcher_of(settings, clock)
    return Poller(database, fetcher, clock, settings.timetable, rules, alerts, news=news, took_in=took_in)

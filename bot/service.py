"""Composition root: builds, starts and stops the parts of the service in order."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telegram.error import InvalidToken, TelegramError
from telegram.ext import Application, ApplicationBuilder

from bot import VERSION
from bot.chat.bot_profile import publish_web_app, tell_profile
from bot.chat.context import Services
from bot.chat.handlers import ChatHandlers, register
from bot.chat.inline import InlineQueries
from bot.chat.membership import MembershipHandlers
from bot.chat.permissions import Permissions
from bot.chat.replies import ReplySender
from bot.crawler.poller import SourcePoller
from bot.delivery.admin_notices import (
    UNREADABLE_KEY,
    UpdatesBlocked,
    UpdatesResumed,
    notify_of_unreadable,
    record_unreadable,
)
from bot.delivery.composer import ArchiveComposer
from bot.delivery.due_worker import DueWorker
from bot.delivery.messenger import RichCapability, TelegramMessenger
from bot.delivery.worker import DeliveryWorker
from bot.error_alerts import ErrorAlerts
from bot.health import HealthChecks, TokenState
from bot.intake.dump_folder import DumpFolderWatcher, shown_name
from bot.intake.ingest import IngestReport
from bot.leases import Replica, heartbeat_span
from bot.maintenance import Maintenance, end_lost_claims, make_schedule
from bot.messages.links import WebPages
from bot.ops.http import serve_operations
from bot.ops.metrics import Metrics, make_registry
from bot.rate_limit.in_process import RateLimiter
from bot.rate_limit.scheduler import Limits
from bot.settings import Settings, agree_with_libraries
from bot.supervisor import BackgroundTasks, Supervisor
from bot.telegram.update_parser import StatelessApplication
from bot.telegram.update_poller import PollConflictError
from bot.update_receiver import UpdateReceiver
from bot.wiring import (
    Wires,
    backup_of,
    check_dump_dir,
    delivery_config_of,
    ingest_file,
    make_dump_dir,
    open_checked_database,
    poller_of,
    rate_limiter_of,
    rules_of,
)
from storage.clock import Clock, SystemClock
from storage.database import Database, Transaction
from storage.send_log import SendLog

if TYPE_CHECKING:
    from bot.web.server import Room

log = logging.getLogger(__name__)

App = Application[Any, Any, Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Connected:
    """The parts that need a connection to Telegram."""

    application: App
    sender: DeliveryWorker
    composer: ArchiveComposer


class Service:
    """The whole bot; `start` runs everything in background tasks until `stop`."""

    def __init__(
        self,
        settings: Settings,
        token: str,
        wires: Wires,
        clock: Clock | None = None,
        limits: Limits | None = None,
        *,
        new: bool = False,
    ) -> None:
        """`limits` replace Telegram's for a server with other rate limits; `new` is that of the database."""
        self._new = new
        agree_with_libraries()
        self.settings = settings
        self.clock = clock or SystemClock()
        self.rules = rules_of(settings)
        check_dump_dir(settings)
        make_dump_dir(settings)
        self._backup = backup_of(settings)
        self._crash = crash_point(settings.crash_at)
        self._send_log: SendLog | None = None
        self._token = token
        self._wires = wires
        self._limits = limits or Limits(per_second=settings.rate)
        self.rich = RichCapability(self.clock, wanted=settings.rich)
        self.supervisor = Supervisor(self._trouble)
        self._registry = make_registry()
        self.metrics = Metrics(self._registry, version=VERSION)
        self._windows = AsyncExitStack()
        self._room: Room | None = None
        self.watch = DumpFolderWatcher(
            settings.dump_dir, self._hand_on, self._trouble, self._notify_unreadable
        )
        self._schedule = make_schedule(
            scan=self.watch.wake, scan_seconds=settings.scan_seconds, tick=self._tick
        )
        self.database: Database
        self.services: Services
        self.token_state: TokenState
        self._token_checks = BackgroundTasks()
        self._troubles: ErrorAlerts
        self._housekeeper: Maintenance
        self._timekeeper: DueWorker
        self._poller: SourcePoller | None = None
        self._hearing: UpdateReceiver | None = None
        self._replica: Replica
        self._connected: Connected | None = None

    async def start(self, *, polling: bool = True) -> None:
        """Call `open`, then `connect`."""
        await self.open()
        await self.connect(polling=polling)

    async def open(self) -> None:
        """Open and migrate the database and start ingesting; this does not need Telegram.

        Raises UnusableDatabaseError.
        """
        settings = self.settings
        self.database = await open_checked_database(settings, new=self._new, history_later=True)
        self.database.acquire_process_lock()
        self._send_log = self.database.send_log()
        self._troubles = ErrorAlerts(
            self.database, self.clock, self.metrics, settings.admin_chat_ids, self._wake_sender
        )
        self.token_state = TokenState(self.database, self.clock, self._troubles.notify)
        resend = settings.on_unsure == "resend"
        await end_lost_claims(self.database, self._send_log, self.clock.now(), resend=resend)
        self._replica = Replica(self.database, self.clock, heartbeat_span(settings.lease_seconds))
        await self._replica.join(self.supervisor, self._news)
        self._housekeeper = Maintenance(
            self.database,
            self.clock,
            max_age=timedelta(days=settings.max_age_days),
            keep=timedelta(days=settings.keep_days),
            backup=self._backup,
            backed_up=self.metrics.backed_up,
            notify=self._troubles.notify,
        )
        self._timekeeper = DueWorker(
            self.database, self.clock, digest_above=settings.digest_above, planned=self._wake_sender
        )
        self._poller = poller_of(settings, self.database, self.clock, self.rules, self._news, self._took_in)
        self._schedule.start()
        await self._windows.enter_async_context(
            serve_operations(
                self._vitals(), self.metrics, self._registry, host=settings.http_host, port=settings.http_port
            )
        )
        self.supervisor.start("watch", self.watch.run)
        self.supervisor.start("listen", self.watch.listen)
        self.supervisor.start("housekeeper", self._housekeeper.run)
        self.supervisor.start("timekeeper", self._timekeeper.run)
        self.supervisor.start("poller", self._poller.run)
        self.supervisor.start("troubles", self._troubles.run)

    def _vitals(self) -> HealthChecks:
        return HealthChecks(
            database=self.database,
            clock=self.clock,
            sender=lambda: self._connected.sender if self._connected is not None else None,
            alive=self.supervisor.alive,
            ticking=lambda: bool(self._schedule.running),
            held=self._replica.pulse.is_held,
            refused=lambda: self.token_state.is_refused,
        )

    async def connect(self, *, polling: bool = True) -> None:
        """Call getMe, start answering and sending. Raises TelegramError; may be repeated."""
        limiter = rate_limiter_of(self._limits, self.database, self.clock, self._replica.pulse, self.metrics)
        application = self._build(limiter)
        await application.initialize()
        await self.token_state.accept()
        self.services.bot = application.bot.username
        if self.settings.web_url:
            app = self.services.bot if application.bot.bot.has_main_web_app else None
            self.services.web_pages = WebPages(self.settings.web_url, app)
        await self._serve_room()
        sender, composer = await self._build_delivery(limiter)
        self._connected = Connected(application, sender, composer)
        await application.start()
        self.supervisor.start("rate limit", limiter.run, endless=True)
        self.supervisor.start("sender", sender.run)
        self.supervisor.start("profile", self._tell_profile)
        if polling:
            await self._hear(application)

    async def _hear(self, application: App) -> None:
        self._hearing = UpdateReceiver(
            application,
            self._wires.polling,
            self.settings,
            self._token,
            self.database,
            self.clock,
            self._replica,
            self._updates_failed,
            lambda: self._troubles.resolve("updates", UpdatesResumed()),
            self.metrics.connection_failed,
        )
        run = await self._hearing.start(self._windows)
        await self._replica.listen(self.supervisor)
        self.supervisor.start("hearing", run)

    async def _serve_room(self) -> None:
        """Serve the web pages at WEB_PORT; a repeated `connect` keeps the first server."""
        settings = self.settings
        if not settings.web_port or self._room is not None:
            return
        from bot.web.server import Room, serve_room  # 3 MB, and most installations have no WEB_PORT

        self._room = Room(self.services, self._token, url=settings.web_url or "")
        served = serve_room(
            self._room, host=settings.web_host, port=settings.web_port, counted=self.metrics.connection_failed
        )
        await self._windows.enter_async_context(served)

    async def _tell_profile(self) -> None:
        """Set the bot's name, descriptions and commands; a failure is retried at the next start."""
        async with self._replica.only_one("profile") as mine:
            if mine:
                bot = self.running.application.bot
                await tell_profile(bot, self.database, self.settings.admin_chat_ids, self.rules.site)
                await publish_web_app(bot, self.database, self.settings.web_url)

    def _build(self, limiter: RateLimiter) -> App:
        builder = ApplicationBuilder().token(self._token).base_url(f"{self.settings.bot_api_url}/bot")
        builder = builder.base_file_url(f"{self.settings.bot_api_url}/file/bot")
        builder = builder.request(self._wires.answers).get_updates_request(self._wires.polling)
        application: App = builder.application_class(StatelessApplication).concurrent_updates(True).build()
        self.services = Services(
            database=self.database,
            clock=self.clock,
            admins=self.settings.admin_chat_ids,
            hold_above=self.settings.hold_above,
            site=self.rules.site,
            planned=self._tick,
            trouble=self._trouble,
        )
        messenger = TelegramMessenger(application.bot, paid=self.settings.paid)
        replies = ReplySender(messenger, limiter, self.clock, rich=self.rich)
        self.services.other_chats = Permissions(application.bot, self.clock)
        register(
            application,
            ChatHandlers(self.services, replies),
            MembershipHandlers(self.services, replies, for_operators=self.settings.groups_for == "operators"),
            InlineQueries(self.services, self.rich),
            self.metrics,
        )
        return application

    async def _build_delivery(self, limiter: RateLimiter) -> tuple[DeliveryWorker, ArchiveComposer]:
        settings = self.settings
        pusher = self._wires.bot(self._wires.pushes, settings, self._token)
        await self._wires.pushes.initialize()
        composer = ArchiveComposer(
            self.database,
            self.clock,
            bot=self.services.bot,
            rich=self.rich,
            site=self.rules.site,
            web_pages=self.services.web_pages,
        )
        return DeliveryWorker(
            self.database,
            TelegramMessenger(pusher, paid=settings.paid),
            composer,
            limiter,
            self.clock,
            delivery_config_of(settings),
            self._crash,
            self.metrics,
            self._send_log,
        ), composer

    @property
    def running(self) -> Connected:
        """Return the connected parts. Raises RuntimeError before `connect`."""
        if self._connected is None:
            raise RuntimeError("the service is not connected")
        return self._connected

    async def stop(self) -> None:
        """Stop new work and wait for requests in flight; other claims end with their leases."""
        connected = self._connected
        if self._hearing is not None:
            self._hearing.stop()
        if connected is not None:
            connected.sender.stop()
        self._schedule.shutdown(wait=False)
        self.watch.stop()
        self._housekeeper.stop()
        self._timekeeper.stop()
        self._troubles.stop()
        if self._poller is not None:
            await self._poller.stop()
        await asyncio.gather(  # each waits about STOP_SECONDS at most
            self._windows.aclose(),
            self.supervisor.stop(self.settings.stop_seconds + 5),
            self._token_checks.wait(self.settings.stop_seconds),
        )
        await self._replica.once.abandon()  # late updates must not outlive what they use
        await self._token_checks.cancel()
        await self._replica.leave()
        if connected is not None:
            await connected.application.stop()
            await connected.application.shutdown()
        for wire in (self._wires.polling, self._wires.answers, self._wires.pushes):
            await wire.shutdown()
        if self._send_log is not None:
            self._send_log.close()
        await self.database.close()

    def _tick(self) -> None:
        """Wake every worker with scheduled work; ask for the bot's account while its token is refused."""
        connected = self._connected
        if connected is not None and not len(self._token_checks):
            stopped = connected.sender.stopped
            if self.token_state.is_refused or (stopped is not None and stopped.token):
                self._token_checks.start(self._check_token(connected))
        self._housekeeper.wake()
        self._timekeeper.wake()
        self._troubles.wake()
        if self._poller is not None:
            self._poller.wake()
        self._wake_sender()

    async def _check_token(self, connected: Connected) -> None:
        try:
            await connected.application.bot.get_me()
        except InvalidToken:
            await self.token_state.refuse()
        except TelegramError as error:
            log.info("whether the token is accepted is not known: %s", error)
        else:
            await self.token_state.accept()

    def _wake_sender(self) -> None:
        if self._connected is not None:
            self._connected.sender.wake()

    async def _hand_on(self, path: Path) -> None:
        name = shown_name(path.relative_to(self.settings.dump_dir))
        rules = replace(self.rules, unreadable=self._record_unreadable)
        for report in await ingest_file(self.database, path, name, rules, self.clock, self._in_intake):
            self._took_in(report)
        self._crash("after-intake")
        self._news()

    async def _record_unreadable(self, tx: Transaction, report: IngestReport) -> None:
        await record_unreadable(tx, report.dump, report.error or "")

    async def _notify_unreadable(self) -> None:
        """Notify the administrators once of all unreadable dumps of a scan, of one that a kill ended, too."""
        if await self.database.read(lambda tx: tx.key_values.get(UNREADABLE_KEY)) is not None:
            admins, now = self.settings.admin_chat_ids, self.clock.now()
            await self.database.write(lambda tx: notify_of_unreadable(tx, admins, now))
            self._wake_sender()

    async def _in_intake(self, _tx: Transaction, _report: IngestReport) -> None:
        self._crash("in-intake")

    def _trouble(self, place: str, error: BaseException) -> None:
        self._troubles.report(place, error)

    def _updates_failed(self, error: BaseException) -> None:
        if isinstance(error, InvalidToken):
            self._token_checks.start(self.token_state.refuse())
        elif isinstance(error, PollConflictError):
            notice = UpdatesBlocked(polled=error.polled)
            self._troubles.notify("updates", notice)
        else:
            self._trouble("updates", error)

    def _took_in(self, report: IngestReport) -> None:
        self.metrics.dump_ingested(report.result)

    def _news(self) -> None:
        """Refresh the composer, wake the sender and continue the announcement after an ingest."""
        self._timekeeper.wake()
        if self._connected is not None:
            self._connected.composer.refresh()
            self._connected.sender.wake()


def crash_point(wanted: str | None) -> Callable[[str], None]:
    """Return a function that is called at named places: "name:n" kills the process at the n-th call."""
    if wanted is None:
        return lambda _: None
    name, _, count = wanted.partition(":")
    left = int(count or 1)

    def reached(place: str) -> None:
        nonlocal left
        if place == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached

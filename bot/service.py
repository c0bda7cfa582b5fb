"""The composition root: the only file that knows everyone. Builds, starts and stops the parts in order."""

import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from telegram.ext import Application, ApplicationBuilder

from bot.chat.application import register
from bot.chat.bot_profile import tell_profile
from bot.chat.context import Desk
from bot.chat.handlers import Conversation
from bot.chat.inline import Inline
from bot.chat.membership import Membership
from bot.chat.permissions import Permission, TelegramRooms
from bot.chat.replies import Speaker
from bot.clock import Clock, SystemClock
from bot.crawler.poller import Poller
from bot.delivery.composer import ArchiveComposer
from bot.delivery.due_worker import Timekeeper
from bot.delivery.messenger import TelegramMessenger
from bot.delivery.worker import Sender
from bot.error_alerts import Troubles
from bot.fault_injection import crash_point
from bot.health import BotVitals
from bot.intake.dump_folder import Watch
from bot.intake.ingest import Report
from bot.leases import SPAN_SECONDS
from bot.maintenance import Housekeeper, end_lost_claims, make_schedule
from bot.ops.http import window
from bot.ops.metrics import make_metrics, make_registry
from bot.rate_limit import Pace
from bot.rate_limit.limits import Limits
from bot.replica import Replica
from bot.settings import Settings, agree_with_libraries
from bot.supervisor import Supervisor
from bot.telegram.capabilities import RichAbility
from bot.telegram.update_parser import ForgetfulApplication
from bot.update_receiver import Hearing
from bot.version import VERSION
from bot.wiring import (
    Wires,
    backup_of,
    open_sound_database,
    pace_of,
    policy_of,
    poller_of,
    rules_of,
    take_in_file,
)
from storage.database import Database, Transaction
from storage.send_log import BegunLog

log = logging.getLogger(__name__)

App = Application[Any, Any, Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Connected:
    """The parts that need Telegram."""

    application: App
    sender: Sender
    composer: ArchiveComposer


class Service:
    """The whole bot: `start`, then `stop`; in between everything runs by itself."""

    def __init__(
        self,
        settings: Settings,
        token: str,
        wires: Wires,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`limits` are for a wire that has others than Telegram's."""
        agree_with_libraries()
        self.settings = settings
        self.clock = clock or SystemClock()
        self.rules = rules_of(settings)
        self._crash = crash_point(settings.crash_at)
        self._begun: BegunLog | None = None
        self._token = token
        self._wires = wires
        self._limits = limits or Limits(per_second=settings.rate)
        self.rich = RichAbility(self.clock, wanted=settings.rich)
        self.supervisor = Supervisor(self._trouble)
        self._registry = make_registry()
        self.metrics = make_metrics(self._registry, version=VERSION)
        self._windows = AsyncExitStack()
        self.watch = Watch(settings.dump_dir, self._hand_on, self._trouble)
        self._schedule = make_schedule(
            scan=self.watch.wake, scan_seconds=settings.scan_seconds, tick=self._tick
        )
        self.database: Database
        self.desk: Desk
        self._troubles: Troubles
        self._housekeeper: Housekeeper
        self._timekeeper: Timekeeper
        self._poller: Poller | None = None
        self._hearing: Hearing | None = None
        self._replica: Replica
        self._connected: Connected | None = None

    async def start(self, *, polling: bool = True) -> None:
        """`open`, then `connect`."""
        await self.open()
        await self.connect(polling=polling)

    async def open(self) -> None:
        """Open and migrate the database and take dumps in; Telegram is not needed for that.

        Raises UnusableDatabaseError.
        """
        settings = self.settings
        self.database = await open_sound_database(settings)
        self.database.claim_alone()
        self._begun = self.database.begun_log()
        self._troubles = Troubles(
            self.database, self.clock, self.metrics, settings.admin_chat_ids, self._wake_sender
        )
        resend = settings.on_unsure == "resend"
        await end_lost_claims(self.database, self._begun, self.clock.now(), resend=resend)
        span = min(SPAN_SECONDS, settings.lease_seconds)
        self._replica = Replica(self.database, self.clock, span)
        await self._replica.join(self.supervisor, self._news)
        self._housekeeper = Housekeeper(
            self.database,
            self.clock,
            max_age=timedelta(days=settings.max_age_days),
            keep=timedelta(days=settings.keep_days),
            backup=backup_of(settings),
            backed_up=self.metrics.backed_up,
        )
        self._timekeeper = Timekeeper(
            self.database, self.clock, digest_above=settings.digest_above, planned=self._wake_sender
        )
        self._poller = poller_of(settings, self.database, self.clock, self.rules, self._news, self._took_in)
        self._schedule.start()
        await self._windows.enter_async_context(
            window(
                self._vitals(), self.metrics, self._registry, host=settings.http_host, port=settings.http_port
            )
        )
        self.supervisor.start("watch", self.watch.run)
        self.supervisor.start("listen", self.watch.listen)
        self.supervisor.start("housekeeper", self._housekeeper.run)
        self.supervisor.start("timekeeper", self._timekeeper.run)
        self.supervisor.start("poller", self._poller.run)
        self.supervisor.start("troubles", self._troubles.run)

    def _vitals(self) -> BotVitals:
        return BotVitals(
            database=self.database,
            clock=self.clock,
            sender=lambda: self._connected.sender if self._connected is not None else None,
            alive=self.supervisor.alive,
            ticking=lambda: bool(self._schedule.running),
        )

    async def connect(self, *, polling: bool = True) -> None:
        """Ask Telegram who we are, begin to answer and to send. Raises Telegram's errors; may be repeated."""
        pace = pace_of(
            self.settings, self._limits, self.database, self.clock, self._replica.pulse, self.metrics
        )
        application = self._build(pace)
        await application.initialize()
        self.desk.bot = application.bot.username
        sender, composer = await self._build_delivery(pace)
        self._connected = Connected(application, sender, composer)
        await application.start()
        self.supervisor.start("sender", sender.run)
        self.supervisor.start("profile", self._tell_profile)
        if polling:
            await self._hear(application)

    async def _hear(self, application: App) -> None:
        self._hearing = Hearing(application, self.settings, self._token, self._replica)
        run = await self._hearing.begin(self._windows)
        await self._replica.hear(self.supervisor)
        self.supervisor.start("hearing", run)

    async def _tell_profile(self) -> None:
        """What could not be told is told at the next start."""
        async with self._replica.only_one("profile") as mine:
            if mine:
                bot = self.running.application.bot
                await tell_profile(bot, self.database, self.settings.admin_chat_ids)

    def _build(self, pace: Pace) -> App:
        builder = ApplicationBuilder().token(self._token).base_url(f"{self.settings.bot_api_url}/bot")
        builder = builder.base_file_url(f"{self.settings.bot_api_url}/file/bot")
        builder = builder.request(self._wires.answers).get_updates_request(self._wires.polling)
        application: App = builder.application_class(ForgetfulApplication).concurrent_updates(True).build()
        self.desk = Desk(
            database=self.database,
            clock=self.clock,
            admins=self.settings.admin_chat_ids,
            hold_above=self.settings.hold_above,
            planned=self._tick,
            trouble=self._trouble,
        )
        messenger = TelegramMessenger(application.bot, paid=self.settings.paid)
        speaker = Speaker(messenger, pace, self.clock, rich=self.rich)
        permission = Permission(application.bot, self.clock)
        self.desk.rooms = TelegramRooms(application.bot, permission)
        register(
            application,
            Conversation(self.desk, speaker, permission),
            Membership(self.desk, speaker, for_operators=self.settings.groups_for == "operators"),
            Inline(self.desk, self.rich),
            self.metrics,
        )
        return application

    async def _build_delivery(self, pace: Pace) -> tuple[Sender, ArchiveComposer]:
        settings = self.settings
        pusher = self._wires.bot(self._wires.pushes, settings, self._token)
        await self._wires.pushes.initialize()
        composer = ArchiveComposer(self.database, self.clock, bot=self.desk.bot, rich=self.rich)
        return Sender(
            self.database,
            TelegramMessenger(pusher, paid=settings.paid),
            composer,
            pace,
            self.clock,
            policy_of(settings),
            self._crash,
            self.metrics,
            self._begun,
        ), composer

    @property
    def running(self) -> Connected:
        """The parts that talk to Telegram; only after `connect`."""
        if self._connected is None:
            raise RuntimeError("the service is not connected")
        return self._connected

    async def stop(self) -> None:
        """No new work; requests in flight are awaited; the rest is left to its lease."""
        connected = self._connected
        if self._hearing is not None:
            self._hearing.stop()
        if connected is not None:
            connected.sender.stop()
        await self._windows.aclose()
        self._schedule.shutdown(wait=False)
        self.watch.stop()
        self._housekeeper.stop()
        self._timekeeper.stop()
        self._troubles.stop()
        if self._poller is not None:
            await self._poller.stop()
        await self.supervisor.stop(self.settings.stop_seconds + 5)
        await self._replica.leave()
        if connected is not None:
            await connected.application.stop()
            await connected.application.shutdown()
        for wire in (self._wires.polling, self._wires.answers, self._wires.pushes):
            await wire.shutdown()
        if self._begun is not None:
            self._begun.close()
        await self.database.close()

    def _tick(self) -> None:
        """Something may be due."""
        self._housekeeper.wake()
        self._timekeeper.wake()
        self._troubles.wake()
        if self._poller is not None:
            self._poller.wake()
        self._wake_sender()

    def _wake_sender(self) -> None:
        if self._connected is not None:
            self._connected.sender.wake()

    async def _hand_on(self, path: Path) -> None:
        name = str(path.relative_to(self.settings.dump_dir))
        report = await take_in_file(self.database, path, name, self.rules, self.clock, self._in_intake)
        self._took_in(report)
        self._crash("after-intake")
        self._news()

    async def _in_intake(self, _tx: Transaction, _report: Report) -> None:
        self._crash("in-intake")

    def _trouble(self, place: str, error: BaseException) -> None:
        self._troubles.came_up(place, error)

    def _took_in(self, report: Report) -> None:
        self.metrics.took_in(report.result)

    def _news(self) -> None:
        """Something was taken in."""
        if self._connected is not None:
            self._connected.composer.refresh()
            self._connected.sender.wake()

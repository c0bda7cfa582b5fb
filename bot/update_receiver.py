"""Update receiver: long polling, or a webhook where WEBHOOK_URL is set.

Every process receives webhook updates; only the holder of the `updates` lease polls or registers the webhook.
"""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from telegram import Bot, Update
from telegram.error import InvalidToken, TelegramError
from telegram.ext import Application
from telegram.request import BaseRequest

from bot.chat.commands import asker_of, may_change
from bot.error_alerts import described
from bot.leases import Replica
from bot.settings import Settings
from bot.supervisor import wait_for
from bot.telegram.update_parser import read_update
from bot.telegram.update_poller import UpdatePoller
from bot.telegram.webhook import serve_webhook
from bot.update_dedup import ChangeOrder
from bot.wiring import POLL_SECONDS
from storage.clock import Backoff, Clock
from storage.database import Database, Transaction

log = logging.getLogger(__name__)

App = Application[Any, Any, Any, Any, Any, Any]

UPDATES = [
    "message", "channel_post", "callback_query", "inline_query", "my_chat_member",
]  # fmt: skip
CHECK_SECONDS = 300.0  # interval at which a removed webhook is noticed and set again
CONNECTIONS = 100  # the maximum (Bot API, setWebhook)
LOOK_SECONDS, LONGEST_LOOK = 1.0, 15.0  # less often than a person's rate limit admits
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
ANSWERED_WITHIN = timedelta(hours=24)  # in which a question is answered; Telegram gives updates up after it
QUESTIONS_KEY = "waiting_questions:"  # of the rows with the questions of a backlog, and a number from 0


class UnreadableUpdateError(Exception):
    """An update that the library cannot parse; the text is the class and place of its error."""


class StoredQuestions:
    """Questions of a backlog in key-value rows, a row for each answer of getUpdates."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._rows = 0
        self._lock = asyncio.Lock()  # rows are counted one after the other

    async def load(self) -> list[dict[str, Any]]:
        """Return what is stored and was sent within `ANSWERED_WITHIN`; delete all if nothing was."""

        async def unit(tx: Transaction) -> list[str]:
            rows: list[str] = []
            while (row := await tx.key_values.get(f"{QUESTIONS_KEY}{len(rows)}")) is not None:
                rows.append(row)
            return rows

        rows = await self._database.read(unit)
        self._rows = len(rows)
        since = (self._clock.now() - ANSWERED_WITHIN).timestamp()
        left = [each for row in rows for each in _questions(row) if _date(each) >= since]
        if rows and not left:
            await self.clear()
        return left

    async def add(self, questions: Collection[Mapping[str, Any]]) -> None:
        if not questions:
            return
        async with self._lock:
            key, row = f"{QUESTIONS_KEY}{self._rows}", json.dumps([*questions])
            await self._database.write(lambda tx: tx.key_values.put(key, row), exclusive=False)
            self._rows += 1

    async def clear(self) -> None:
        async with self._lock:
            keys = [f"{QUESTIONS_KEY}{number}" for number in range(self._rows)]
            await self._database.write(lambda tx: tx.key_values.remove(*keys), exclusive=False)
            self._rows = 0


def _questions(row: str) -> list[dict[str, Any]]:
    """Return the questions in a stored row; none for a damaged one, which must not end polling."""
    try:
        return [*json.loads(row)]
    except (ValueError, TypeError):
        log.error("a row of waiting questions is damaged and skipped")
        return []


def _date(question: Any) -> int:
    """Return when a question was sent, in Unix seconds; 0 for a malformed one."""
    match question:
        case {"update_id": int(), "message": {"date": int(date)}}:
            return date
        case _:
            return 0


class UpdateReceiver:
    """Receives updates until `stop`; a lease of `replica` selects the process that polls."""

    def __init__(
        self,
        application: App,
        polling: BaseRequest,
        settings: Settings,
        token: str,
        database: Database,
        clock: Clock,
        replica: Replica,
        report: Callable[[BaseException], None],
        resumed: Callable[[], None],
        counted: Callable[[str, str], None] = lambda _port, _fault: None,
    ) -> None:
        """Use `polling` for getUpdates; call `report` for failed updates and polls, `counted` as a Port.

        `resumed` is called when a conflict with another program is over.
        """
        self._counted = counted
        self._questions = StoredQuestions(database, clock)
        self._order = ChangeOrder()
        self._application = application
        self._polling = polling
        self._report = report
        self._resumed = resumed
        self._settings = settings
        self._token = token
        self._lease = replica.updates
        self._once = replica.once
        self._stopped = False
        self._stop: Callable[[], None] = lambda: None

    async def start(self, exit_stack: AsyncExitStack) -> Callable[[], Awaitable[None]]:
        """Return the task to run until `stop`; a webhook listener lives as long as `windows`.

        Raises PortUnusableError.
        """
        bot, url = self._application.bot, self._settings.webhook_url
        runner: UpdatePoller | WebhookRegistrar
        if url is None:
            runner = UpdatePoller(
                bot,
                self._polling,
                self._lease.is_held,
                self._take_until_done,
                questions=self._questions,
                wanted=UPDATES,
                held_open=POLL_SECONDS,
                report=self._report,
                resumed=self._resumed,
                asker_of=self._asker_of,
            )
        else:
            secret = self._settings.webhook_secret_text() or secret_of(self._token)
            listener = serve_webhook(
                self._handle,
                url=url,
                secret=secret,
                host=self._settings.webhook_host,
                port=self._settings.webhook_port,
                counted=self._counted,
            )
            await exit_stack.enter_async_context(listener)
            runner = WebhookRegistrar(bot, self._lease.is_held, url, secret, self._report)
        self._stop = runner.stop

        async def run() -> None:
            await runner.run()
            await self._once.finished(self._settings.stop_seconds)

        return run

    def stop(self) -> None:
        self._stopped = True
        self._stop()

    def _asker_of(self, update: Mapping[str, Any]) -> int | None:
        return asker_of(update, self._application.bot.username)

    async def _handle(self, update: Mapping[str, Any]) -> bool:
        try:
            parsed = update_from(update, self._application.bot)
        except UnreadableUpdateError as error:
            log.warning("update %s is skipped, it cannot be parsed: %s", update["update_id"], error)
            self._report(error)
            return True
        return await self._take(parsed)

    async def _take(self, update: Update) -> bool:
        return await self._once.handle(update.update_id, lambda: self._application.process_update(update))

    async def _take_until_done(self, update: Mapping[str, Any]) -> bool:
        """Handle the update, also after another process that started it has died, or with the next token.

        Return False if the stop came first.
        """
        backoff = Backoff(LOOK_SECONDS, LONGEST_LOOK)
        changes = may_change(update, self._application.bot.username)
        async with self._order.turn(update, changes=changes):
            while not await self._handle(update):
                if not self._stopped:
                    await asyncio.sleep(backoff.fail())
                if self._stopped:
                    return False
        return True


class WebhookRegistrar:
    """Registers the webhook at Telegram, and again after another program changed it."""

    def __init__(
        self,
        bot: Bot,
        may: Callable[[], bool],
        url: str,
        secret: str,
        report: Callable[[BaseException], None] = lambda _error: None,
    ) -> None:
        """`report` is called with the error of a refused token."""
        self._report = report
        self._bot = bot
        self._may = may
        self._url = url
        self._secret = secret
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        registered, backoff = False, Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        while not self._stopping.is_set():
            if not self._may():
                registered = False
                await self._wait(LOOK_SECONDS)
                continue
            try:
                if not registered or (await self._bot.get_webhook_info()).url != self._url:
                    await self._bot.set_webhook(
                        self._url,
                        secret_token=self._secret,
                        allowed_updates=UPDATES,
                        max_connections=CONNECTIONS,
                    )
                registered = True
                backoff.reset()
                await self._wait(CHECK_SECONDS, while_mine=True)
            except TelegramError as error:
                log.warning("the webhook could not be registered: %s", error)
                if isinstance(error, InvalidToken):
                    self._report(error)
                await self._wait(backoff.fail())

    async def _wait(self, seconds: float, *, while_mine: bool = False) -> None:
        """Wait `seconds`, or until the stop, or until the lease is lost."""
        for _ in range(max(1, round(seconds / LOOK_SECONDS))):
            if await wait_for(self._stopping, LOOK_SECONDS) or (while_mine and not self._may()):
                return


def secret_of(token: str) -> str:
    """Return the default webhook secret, the same in every process of one bot."""
    return hmac.new(token.encode(), b"webhook", hashlib.sha256).hexdigest()


def update_from(update: Mapping[str, Any], bot: Bot) -> Update:
    """Return the parsed update. Raises UnreadableUpdateError for one that the library cannot parse."""
    try:
        return read_update(update, bot)
    except Exception as error:  # the library raises any error for a wrong shape
        # Without the error's text, which may hold what a user wrote.
        raise UnreadableUpdateError(described(error)) from None

"""Asking Telegram for updates, for as long as it is this process that may: one request after the other.

Knows getUpdates and its errors; knows not what an update means, nor why it may not ask.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence

from telegram import Bot, Update
from telegram.error import Conflict, RetryAfter, TelegramError, TimedOut

from bot.tasks import Nursery
from bot.telegram.outcomes import retry_seconds

log = logging.getLogger(__name__)

HANDLING_SECONDS = 5.0  # after which those who wait are not held up any longer by one who takes long
LOOK_SECONDS = 1.0  # between two looks whether it is this process's turn
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
CONFLICTS = 6  # in a row, until it cannot be the end of another process's last request any more


class Polling:
    """`may` says whether this process may ask; `hand_on` is given every update once."""

    def __init__(
        self,
        bot: Bot,
        may: Callable[[], bool],
        hand_on: Callable[[Update], Coroutine[object, object, None]],
        *,
        wanted: Sequence[str],
        held_open: float,
    ) -> None:
        """`wanted` are kinds of updates; a request stays open for `held_open` seconds.

        What was handed on is not asked for again when `hand_on` returns, or has taken long: to ask for the
        next tells Telegram that those before were had, and they would be lost with a process that dies.
        """
        self._bot = bot
        self._may = may
        self._hand_on = hand_on
        self._wanted = wanted
        self._held_open = held_open
        self._offset: int | None = None
        self._stopping = asyncio.Event()
        self._troubles = 0

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Ask until `stop`, then tell Telegram which updates need not come again."""
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._ask())
            await self._stopping.wait()
            asking.cancel()
        await self._confirm()

    async def _ask(self) -> None:
        mine = False
        while True:
            if not self._may():
                mine = False
                await asyncio.sleep(LOOK_SECONDS)
                continue
            try:
                if not mine:
                    await self._begin()
                    mine = True
                await self._ask_once()
                self._troubles = 0
            except TelegramError as error:
                await asyncio.sleep(self._after(error))

    async def _begin(self) -> None:
        """Telegram gives nothing away while it believes that there is a webhook."""
        await self._bot.delete_webhook()
        self._offset = None

    async def _ask_once(self) -> None:
        updates = await self._bot.get_updates(
            offset=self._offset, timeout=round(self._held_open), allowed_updates=self._wanted
        )
        if not self._may():
            return  # they come again, to whoever may
        if updates:
            await self._hand_on_all(updates)
            self._offset = updates[-1].update_id + 1

    async def _hand_on_all(self, updates: Sequence[Update]) -> None:
        handing = Nursery()
        for update in updates:
            handing.start(self._hand_on(update))
        if late := await handing.wait(HANDLING_SECONDS):
            log.info("%s updates take long, and the next ones do not wait for them", late)

    def _after(self, error: TelegramError) -> float:
        """Seconds to wait; what is said of it is said once."""
        self._troubles += 1
        pause = min(FIRST_PAUSE * 2.0 ** min(self._troubles - 1, 6), LONGEST_PAUSE)
        match error:
            case TimedOut():
                return FIRST_PAUSE
            case RetryAfter():
                return max(pause, retry_seconds(error))
            case Conflict():
                if self._troubles == CONFLICTS:
                    log.warning("another program asks for this bot's updates as well: %s", error)
            case _ if self._troubles == 1:
                log.warning("updates cannot be had for now: %s", error)
        return pause

    async def _confirm(self) -> None:
        if self._offset is None or not self._may():
            return
        try:
            await self._bot.get_updates(offset=self._offset, timeout=0, allowed_updates=self._wanted)
        except TelegramError as error:
            log.info("the last updates may come again: %s", error)

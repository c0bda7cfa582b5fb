"""Asking Telegram for updates, for as long as it is this process that may: one request after the other.

Knows getUpdates and its errors; knows not what an update means, nor why it may not ask.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from telegram import Bot, Update
from telegram.error import Conflict, RetryAfter, TelegramError, TimedOut

from bot.telegram.outcomes import retry_seconds

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # between two looks whether it is this process's turn
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
CONFLICTS = 6  # in a row, until it cannot be the end of another process's last request any more


class Polling:
    """`may` says whether this process may ask; `hand_on` is given every update once."""

    def __init__(
        self,
        bot: Bot,
        may: Callable[[], bool],
        hand_on: Callable[[Update], Awaitable[None]],
        *,
        wanted: Sequence[str],
        held_open: float,
    ) -> None:
        """`wanted` are kinds of updates; a request stays open for `held_open` seconds."""
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
        for update in updates:
            await self._hand_on(update)
            self._offset = update.update_id + 1

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

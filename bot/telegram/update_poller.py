"""Long polling for updates: one getUpdates request after another while this process may poll."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence

from telegram import Bot, Update
from telegram.error import Conflict, RetryAfter, TelegramError, TimedOut

from bot.supervisor import BackgroundTasks
from bot.telegram.errors import retry_seconds

log = logging.getLogger(__name__)

HANDLING_SECONDS = 5.0  # after which an update is not kept at Telegram any longer, though it is at work
ASIDE_SECONDS = 0.3  # between two looks at Telegram while something is at work
MOST = 100  # updates in one answer (Bot API, getUpdates)
LOOK_SECONDS = 1.0  # between two looks whether it is this process's turn
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
CONFLICTS = 6  # in a row, until it cannot be the end of another process's last request any more


class UpdatePoller:
    """Polls while `may` returns True; `hand_on` gets every update once."""

    def __init__(
        self,
        bot: Bot,
        may: Callable[[], bool],
        hand_on: Callable[[Update], Coroutine[object, object, None]],
        *,
        wanted: Sequence[str],
        held_open: float,
    ) -> None:
        """`wanted` are update kinds; a request stays open for `held_open` seconds.

        A request with an offset confirms all updates before it, and they would be lost with a process that
        dies. So an update is confirmed when `hand_on` has returned, or after `HANDLING_SECONDS`.
        """
        self._bot = bot
        self._may = may
        self._hand_on = hand_on
        self._wanted = wanted
        self._held_open = held_open
        self._offset: int | None = None
        self._stopping = asyncio.Event()
        self._failures = 0
        self._at_work: dict[int, float] = {}
        self._handing = BackgroundTasks()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Poll until `stop`, then confirm the handled updates."""
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._ask())
            await self._stopping.wait()
            asking.cancel()
        await self._handing.wait(HANDLING_SECONDS)
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
                self._failures = 0
            except TelegramError as error:
                await asyncio.sleep(self._after(error))

    async def _begin(self) -> None:
        """Delete the webhook: getUpdates is refused while one is set."""
        await self._bot.delete_webhook()
        self._offset = None

    async def _ask_once(self) -> None:
        """Request updates once; unfinished ones are requested again so that Telegram keeps them."""
        unfinished = self._oldest_at_work()
        updates = await self._bot.get_updates(
            offset=self._offset if unfinished is None else unfinished,
            timeout=round(self._held_open) if unfinished is None else 0,
            allowed_updates=self._wanted,
        )
        if not self._may():
            return  # the process that may poll gets them again
        fresh = [update for update in updates if self._offset is None or update.update_id >= self._offset]
        for update in fresh:
            self._at_work[update.update_id] = asyncio.get_running_loop().time()
            self._handing.start(self._hand(update))
            self._offset = update.update_id + 1
        if not fresh and len(updates) >= MOST:
            self._at_work.clear()  # they fill the answer, and others wait behind them
        await self._handing.wait(ASIDE_SECONDS)

    async def _hand(self, update: Update) -> None:
        try:
            await self._hand_on(update)
        finally:
            self._at_work.pop(update.update_id, None)

    def _oldest_at_work(self) -> int | None:
        """Return the lowest id that is still being handled and not overdue."""
        since = asyncio.get_running_loop().time() - HANDLING_SECONDS
        return min((number for number, began in self._at_work.items() if began > since), default=None)

    def _after(self, error: TelegramError) -> float:
        """Return the seconds to wait after `error`; log it once."""
        self._failures += 1
        pause = min(FIRST_PAUSE * 2.0 ** min(self._failures - 1, 6), LONGEST_PAUSE)
        match error:
            case TimedOut():
                return FIRST_PAUSE
            case RetryAfter():
                return max(pause, retry_seconds(error))
            case Conflict():
                if self._failures == CONFLICTS:
                    log.warning("another program polls for this bot's updates as well: %s", error)
            case _ if self._failures == 1:
                log.warning("getUpdates fails for now: %s", error)
        return pause

    async def _confirm(self) -> None:
        done = min(self._at_work, default=self._offset)
        if done is None or not self._may():
            return
        try:
            await self._bot.get_updates(offset=done, timeout=0, allowed_updates=self._wanted)
        except TelegramError as error:
            log.info("the last updates could not be confirmed: %s", error)

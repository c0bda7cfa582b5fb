"""`kexue-bot run`: the service until SIGTERM, SIGINT or the end of its terminal."""

import asyncio
import logging
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread

from telegram.error import InvalidToken, NetworkError, TelegramError

from bot import PortUnusableError, SettingsError
from bot.ops.memory import freeze_gc, limit_malloc_arenas, trim_heap
from bot.service import Service
from bot.settings import Settings
from bot.supervisor import stop_on_signals, wait_for
from bot.wiring import check_history, telegram_wires
from storage import UnusableDatabaseError
from storage.clock import Backoff

log = logging.getLogger(__name__)

TRIM_SECONDS = 10.0  # between two calls of trim_heap
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds between tries to reach Telegram at the start


async def serve(settings: Settings, *, new: bool = False) -> None:
    """Run the service; retry while the Bot API is unreachable.

    Raises SettingsError for a refused token, UnusableDatabaseError also for damage that is found later.
    """
    settings.check_webhook()
    limit_malloc_arenas()
    stopping = asyncio.Event()
    stop_on_signals(stopping)
    service = Service(settings, settings.token(), telegram_wires(settings), new=new)
    try:
        await service.open()
    except (SettingsError, PortUnusableError, UnusableDatabaseError):
        raise
    except Exception as failure:  # perhaps a statement of the start has met the damage
        if (error := await asyncio.to_thread(check_history, settings)) is not None:
            raise error from failure
        raise
    history = _checked_history(settings, stopping)  # not before: a reader would hold up the switch to a log
    try:
        if await _connect(service, stopping):
            freeze_gc()
            log.info("running as @%s", service.services.bot)
            await _trim_until(stopping)
        if history.done() and (error := history.result()) is not None:
            raise error
    finally:
        await service.stop()


def _checked_history(settings: Settings, stopping: asyncio.Event) -> Future[UnusableDatabaseError | None]:
    """Check a long history in a thread, which no end of the process waits for; set `stopping` for damage."""
    loop, found = asyncio.get_running_loop(), Future[UnusableDatabaseError | None]()

    def check() -> None:
        try:
            error = check_history(settings)
        except Exception as reason:  # nothing is known then, and the service goes on
            log.warning("the history cannot be checked: %s", reason)
            error = None
        found.set_result(error)
        if error is not None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(stopping.set)

    Thread(target=check, name="history", daemon=True).start()
    return found


async def _trim_until(stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        if not await wait_for(stopping, TRIM_SECONDS):
            trim_heap()


async def _connect(service: Service, stopping: asyncio.Event) -> bool:
    backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
    while not stopping.is_set():
        try:
            await service.connect()
        except InvalidToken as error:
            await service.token_state.refuse()
            raise SettingsError(
                "BOT_TOKEN is refused by the Bot API: copy it again from BotFather, or make a new one there"
            ) from error
        except (NetworkError, TelegramError) as error:
            pause = backoff.fail()
            log.warning("the Bot API cannot be reached (%s); trying again in %.0f s", error, pause)
            await wait_for(stopping, pause)
        else:
            return True
    return False

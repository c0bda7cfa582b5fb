"""`kexue-bot run`: the service until SIGTERM, SIGINT or the end of its terminal."""

import asyncio
import logging

from telegram.error import InvalidToken, NetworkError, TelegramError

from bot import SettingsError
from bot.ops.memory import freeze_gc, limit_malloc_arenas, trim_heap
from bot.service import Service
from bot.settings import Settings
from bot.supervisor import stop_on_signals, wait_for
from bot.wiring import telegram_wires
from storage.clock import Backoff

log = logging.getLogger(__name__)

TRIM_SECONDS = 10.0  # between two calls of trim_heap
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds between tries to reach Telegram at the start


async def serve(settings: Settings, *, new: bool = False) -> None:
    """Run the service; retry while the Bot API is unreachable. Raises SettingsError for a refused token."""
    settings.check_webhook()
    limit_malloc_arenas()
    stopping = asyncio.Event()
    stop_on_signals(stopping)
    service = Service(settings, settings.token(), telegram_wires(settings), new=new)
    await service.open()
    try:
        if await _connect(service, stopping):
            freeze_gc()
            log.info("running as @%s", service.services.bot)
            await _trim_until(stopping)
    finally:
        await service.stop()


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

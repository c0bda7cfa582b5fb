"""Getting updates: Telegram brings them to WEBHOOK_URL, or they are asked for. Knows not what they mean."""

import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from secrets import token_urlsafe
from typing import Any

from telegram import Update
from telegram.ext import Application

from bot.parts import POLL_SECONDS
from bot.settings import Settings
from bot.telegram.webhook import listening

log = logging.getLogger(__name__)

App = Application[Any, Any, Any, Any, Any, Any]

UPDATES = [
    "message", "channel_post", "callback_query", "inline_query", "my_chat_member",
]  # fmt: skip


async def hear(application: App, *, settings: Settings, windows: AsyncExitStack) -> None:
    """Begin to hear; a webhook's listener lives as long as `windows`. Raises OSError, Telegram's errors."""
    url = settings.webhook_url
    if url is None:
        if application.updater is not None:
            await application.updater.start_polling(
                timeout=POLL_SECONDS, allowed_updates=UPDATES, error_callback=_polling_failed
            )
        return

    async def handle(update: Mapping[str, Any]) -> None:
        parsed = Update.de_json(dict(update), application.bot)
        if parsed is not None:
            await application.process_update(parsed)

    secret = settings.webhook_secret_text() or token_urlsafe(32)
    listener = listening(
        handle, url=url, secret=secret, host=settings.webhook_host, port=settings.webhook_port
    )
    await windows.enter_async_context(listener)
    await application.bot.set_webhook(url, secret_token=secret, allowed_updates=UPDATES)


def _polling_failed(error: Exception) -> None:
    log.warning("updates cannot be had for now: %s", error)

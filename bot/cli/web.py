"""`kexue-bot web`: the web pages of the configured archive, without Telegram."""

import asyncio
import contextlib
import signal

import click

from bot.chat.context import Services
from bot.ops.memory import freeze_gc
from bot.settings import Settings
from bot.web.server import Room, serve_room
from bot.wiring import opened_database, site_of
from storage.clock import SystemClock


async def serve_archive(settings: Settings, port: int) -> None:
    """Serve until SIGINT or SIGTERM. Raises PortUnusableError, SettingsError and UnusableDatabaseError."""
    site = site_of(settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stopped.set)
    async with opened_database(settings) as database:
        services = Services(database=database, clock=SystemClock(), site=site)
        room = Room(services, None, url=settings.web_url or "")
        async with serve_room(room, host=settings.web_host, port=port) as bound:
            click.echo(f"http://{settings.web_host}:{bound}/")
            freeze_gc()
            await stopped.wait()

"""`kexue-bot web`: the web pages of the configured archive, without Telegram."""

import asyncio

import click

from bot.chat.context import Services
from bot.ops.memory import freeze_gc
from bot.settings import Settings
from bot.supervisor import stop_on_signals
from bot.web.server import Room, serve_room
from bot.wiring import opened_database, site_of
from storage.clock import SystemClock


async def serve_archive(settings: Settings, port: int) -> None:
    """Serve until a signal stops it. Raises PortUnusableError, SettingsError and UnusableDatabaseError."""
    site = site_of(settings)
    stopped = asyncio.Event()
    stop_on_signals(stopped)
    async with opened_database(settings) as database:
        services = Services(database=database, clock=SystemClock(), site=site)
        room = Room(services, None, url=settings.web_url or "")
        async with serve_room(room, host=settings.web_host, port=port) as bound:
            click.echo(f"http://{settings.web_host}:{bound}/")
            freeze_gc()
            await stopped.wait()

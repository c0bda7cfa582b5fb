"""Console: lines typed on a terminal become Telegram updates, handled by the bot's real application."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from telegram import Update

from bot.cli.terminal_api import Screen, TerminalRequest, open_screen, telegram_message
from bot.clock import Clock, SystemClock
from bot.rate_limit.limits import Limits
from bot.service import Service
from bot.settings import Settings, read_settings
from bot.web.server import Room, serve_room
from bot.wiring import Wires
from storage.model import State

TOKEN = "1:console"
PROMPT = "› "
ENDINGS = frozenset({"quit", "exit", "/quit", "/exit", ":q"})
UNPACED = Limits(per_second=None, private_gap=0.0, group_per_minute=1_000_000)  # a terminal has no limits
LONGEST_DRAIN = 30.0  # seconds until all deliveries of a script must be sent
DEMO = {
    "zh": (
        "kexue-bot 演示",
        "临时的数据库，两份样例快照，终端就是聊天窗口。输入 /help 看命令，输入数字按按钮，quit 结束。",
        "… 第二份快照落进了文件夹",
    ),
    "en": (
        "A demo of kexue-bot",
        "A temporary database and two sample dumps. Type /help, the number of a button, or quit.",
        "… a second dump lands in the folder",
    ),
}


class Console:
    """A chat of one person with the bot on a terminal."""

    def __init__(self, settings: Settings, clock: Clock | None = None, language: str = "zh") -> None:
        self.clock = clock or SystemClock()
        self.screen: Screen = open_screen(self.clock, language)
        wires = Wires(
            polling=TerminalRequest(self.screen),
            answers=TerminalRequest(self.screen),
            pushes=TerminalRequest(self.screen, push=True),
        )
        quick = settings.model_copy(update={"rich": False})
        self.service = Service(quick, TOKEN, wires, self.clock, UNPACED)
        self._update = 0

    async def say(self, line: str) -> None:
        """Handle one typed line: a command, plain text, or the number of a button."""
        line = line.strip()
        if not line:
            return
        self._update += 1
        if line.isdecimal() and len(line) < 4 and 1 <= int(line) <= len(self.screen.buttons):
            update = self._press(int(line))
            if update is None:
                return
        else:
            update = self._typed(line)
        application = self.service.running.application
        parsed = Update.de_json(update, application.bot)
        if parsed is not None:
            await application.process_update(parsed)

    def _typed(self, line: str) -> dict[str, Any]:
        message: dict[str, Any] = {
            "message_id": len(self.screen.messages) + 1,
            "date": int(self.clock.now().timestamp()),
            "chat": self.screen.chat,
            "from": self.screen.person,
            "text": line,
        }
        if line.startswith("/"):
            command = line.split(maxsplit=1)[0]
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(command)}]
        return {"update_id": self._update, "message": message}

    def _press(self, number: int) -> dict[str, Any] | None:
        message_id, button = self.screen.buttons[number - 1]
        if "callback_data" not in button:
            shown = button.get("url") or button.get("copy_text", {}).get("text", "")
            self.screen.console.print(shown, style="underline", markup=False, highlight=False)
            return None
        return {
            "update_id": self._update,
            "callback_query": {
                "id": str(self._update),
                "from": self.screen.person,
                "chat_instance": "1",
                "data": button["callback_data"],
                "message": telegram_message(self.screen, self.screen.messages[message_id]),
            },
        }

    async def drain(self) -> None:
        """Wait until the dump folder is read and all deliveries are sent."""
        await self.service.watch.unchanged_long_enough()
        async with asyncio.timeout(LONGEST_DRAIN):
            while True:
                counts = await self.service.database.read(lambda tx: tx.outbox.counts())
                if not counts.get(State.PENDING) and not counts.get(State.SENDING):
                    return
                self.service.running.sender.wake()
                await asyncio.sleep(0.02)

    async def talk(self) -> None:
        """Read lines until the input ends or one of `ENDINGS` is typed."""
        async for line in _lines(interactive=sys.stdin.isatty()):
            if line.strip().lower() in ENDINGS:
                break
            if not sys.stdin.isatty():
                self.screen.console.print(
                    f"{PROMPT}{line.strip()}", style="bold", markup=False, highlight=False
                )
            await self.say(line)
            if not sys.stdin.isatty():
                await self.drain()


async def _lines(*, interactive: bool) -> AsyncIterator[str]:
    while True:
        line = await asyncio.to_thread(_read, PROMPT if interactive else "")
        if line is None:
            return
        yield line


def _read(prompt: str) -> str | None:
    with contextlib.suppress(EOFError, KeyboardInterrupt, ValueError):
        if prompt:
            return input(prompt)
        return sys.stdin.readline() or None
    return None


async def demo(language: str = "zh") -> None:
    """Read a first dump without deliveries, subscribe, read a second one, then talk."""
    with tempfile.TemporaryDirectory(prefix="kexue-demo-") as folder:
        dumps = Path(folder) / "dumps"
        dumps.mkdir()
        settings = read_settings(
            _env_file=None,
            database_url=f"sqlite+aiosqlite:///{folder}/kexue.db",
            dump_dir=dumps,
            admin_chat_ids=(),
        )
        console = Console(settings, language=language)
        say = console.screen.console.print
        title, hint, landing = DEMO[language]
        say(title, style="bold", highlight=False)
        say(f"{hint}\n")
        _land("first.txt", dumps)
        await console.service.start(polling=False)
        try:
            await console.drain()
            await _show(console, "/start")
            await _show(console, "/subscribe 全部" if language == "zh" else "/subscribe all")
            say(landing, style="dim", highlight=False)
            _land("second.txt", dumps)
            console.service.watch.wake()
            await console.drain()
            await _show(console, "/latest")
            service = console.service
            room = Room(service.database, service.clock, service.services.search_service, None)
            async with serve_room(room, host="127.0.0.1", port=0) as port:
                say(f"阅览室 · the reading room: http://127.0.0.1:{port}/", style="bold", highlight=False)
                await console.talk()
        finally:
            await console.service.stop()


async def _show(console: Console, line: str) -> None:
    console.screen.echo(f"› {line}")
    await console.say(line)


def _land(sample: str, folder: Path) -> None:
    with as_file(files("bot") / "samples" / sample) as source:
        shutil.copyfile(source, folder / sample)

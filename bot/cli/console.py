"""Console: lines typed on a terminal become Telegram updates, and requests of the bot become text on it."""

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from html.parser import HTMLParser
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TextIO

import click
from telegram import Update
from telegram.request import BaseRequest, RequestData

from bot.messages.i18n import words_for
from bot.rate_limit.scheduler import Limits
from bot.service import Service
from bot.settings import Settings, read_settings
from bot.web.server import Room, serve_room
from bot.wiring import Wires
from storage.clock import Clock, SystemClock
from storage.model import State

TOKEN = "1:console"
PROMPT = "› "
ENDINGS = frozenset({"quit", "exit", "/quit", "/exit", ":q"})
UNPACED = Limits(per_second=None, private_gap=0.0, group_per_minute=1_000_000)  # a terminal has no limits
LONGEST_DRAIN = 30.0  # seconds until all deliveries of a script must be sent


class Console:
    """A chat of one person with the bot on a terminal."""

    def __init__(self, settings: Settings, clock: Clock | None = None, language: str = "zh") -> None:
        self.clock = clock or SystemClock()
        self.screen = Screen(clock=self.clock, language=language)
        wires = Wires(
            polling=TerminalRequest(self.screen),
            answers=TerminalRequest(self.screen),
            pushes=TerminalRequest(self.screen, push=True),
        )
        self.service = Service(replace(settings, rich=False), TOKEN, wires, self.clock, UNPACED)
        self._update = 0

    async def say(self, line: str) -> None:
        """Handle one typed line: a command, plain text, or the number of a button."""
        line = line.strip()
        if not line:
            return
        self._update += 1
        if line.isdecimal() and len(line) < 4 and 1 <= int(line) <= len(self.screen.buttons):
            update = self._press(int(line))
        else:
            update = self._typed(line)
        if update is not None:
            application = self.service.running.application
            await application.process_update(Update.de_json(update, application.bot))

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
            held = button | button.get("web_app", {}) | button.get("copy_text", {})
            self.screen.print(held.get("url") or held.get("text", ""), underline=True)
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
        if sys.stdin is None:  # closed by whatever started this
            return
        interactive = sys.stdin.isatty()
        while (line := await asyncio.to_thread(_read, PROMPT if interactive else "")) is not None:
            if line.strip().lower() in ENDINGS:
                break
            if not interactive:
                self.screen.echo(f"{PROMPT}{line.strip()}")
            await self.say(line)
            if not interactive:
                await self.drain()


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
        say = console.screen.print
        words = words_for(language)
        say(words.text("kexue-bot 演示"), bold=True)
        hint = words.text(
            "临时的数据库，两份样例快照，终端就是聊天窗口。输入 /help 看命令，输入数字按按钮，quit 结束。"
        )
        say(f"{hint}\n")
        _land("first.txt", dumps)
        await console.service.start(polling=False)
        try:
            await console.drain()
            await _show(console, "/start")
            await _show(console, "/subscribe 全部" if words.chinese else "/subscribe all")
            say(words.text("… 第二份快照落进了文件夹"), dim=True)
            _land("second.txt", dumps)
            console.service.watch.wake()
            await console.drain()
            await _show(console, "/latest")
            async with serve_room(Room(console.service.services, None), host="127.0.0.1", port=0) as port:
                say(f"阅览室 · the reading room: http://127.0.0.1:{port}/", bold=True)
                await console.talk()
        finally:
            await console.service.stop()


async def _show(console: Console, line: str) -> None:
    console.screen.echo(f"› {line}")
    await console.say(line)


def _land(sample: str, folder: Path) -> None:
    with as_file(files("bot") / "samples" / sample) as source:
        shutil.copyfile(source, folder / sample)


STYLES: Mapping[str, Mapping[str, Any]] = {
    "b": {"bold": True}, "i": {"italic": True}, "code": {"fg": "yellow"}, "pre": {"fg": "yellow"},
    "a": {"underline": True}, "blockquote": {"dim": True},
}  # fmt: skip


def show_html(html: str, *, plain: bool = False) -> str:
    """Return the message as text for a terminal, without styles if `plain`."""
    reader = _Reader(plain=plain)
    reader.feed(html.rstrip())
    reader.close()
    return "".join(reader.parts).rstrip()


class _Reader(HTMLParser):
    def __init__(self, *, plain: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._begins_line = True
        self._plain = plain
        self._open: list[str] = []

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        if "blockquote" in self._open:
            data = ("\u258e " if self._begins_line else "") + data.replace("\n", "\n\u258e ")
        self._begins_line = data.endswith("\n")
        style = {name: value for tag in self._open for name, value in STYLES.get(tag, {}).items()}
        self.parts.append(click.style(data, **style) if style and not self._plain else data)


ME = {
    "id": 1, "is_bot": True, "first_name": "kexue-bot",  # no username: a terminal cannot follow links
    "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False,
}  # fmt: skip
CHAT: dict[str, Any] = {"id": 7, "type": "private", "first_name": "you"}
PERSON = {"id": 7, "is_bot": False, "first_name": "you", "language_code": "zh"}


@dataclass(slots=True)
class Screen:
    """State of the terminal: the messages by number, and the buttons of the last one that had any.

    `chat` is where the person writes, `user_id` who it is, `role` their status there (Bot API, ChatMember).
    """

    clock: Clock
    language: str = "zh"
    chat: dict[str, Any] = field(default_factory=lambda: CHAT)
    user_id: int = 7
    role: str = "creator"
    times: bool = True  # show the time above a push
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    buttons: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    toast: str | None = None
    pushed: Callable[[], None] = lambda: None
    out: TextIO = field(default_factory=lambda: sys.stdout)

    @property
    def person(self) -> dict[str, Any]:
        return PERSON | {"id": self.user_id, "language_code": self.language}

    def print(self, text: str = "", **style: Any) -> None:
        """Print lines in this style; without styles where the output is no terminal."""
        click.secho(text, file=self.out, **style)

    def echo(self, typed: str) -> None:
        """Print what the person typed, where the terminal does not show it."""
        self.print(typed, bold=True)

    def show(self, message: dict[str, Any], *, push: bool) -> None:
        self.messages[message["message_id"]] = message
        if push:
            title = f"{datetime.now().astimezone():%H:%M:%S}" if self.times else "push"
            self.print(f"{title} {'─' * 60}", dim=True)
        self.print(show_html(message["html"]))
        rows = (message["reply_markup"] or {}).get("inline_keyboard", [])
        if rows:
            self.buttons = []
            for row in rows:
                labels = []
                for button in row:
                    self.buttons.append((message["message_id"], button))
                    labels.append(f"[{len(self.buttons)}] {button['text']}")
                self.print("  ".join(labels), fg="cyan")
        self.print()
        if push:
            self.pushed()


class TerminalRequest(BaseRequest):
    """Request class whose server is the screen; `push`: it carries deliveries, not replies."""

    def __init__(self, screen: Screen, *, push: bool = False) -> None:
        self._screen = screen
        self._push = push

    @property
    def read_timeout(self) -> float:
        return 5.0

    async def initialize(self) -> None:
        pass

    async def shutdown(self) -> None:
        pass

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_timeouts: Any, **_more: Any
    ) -> tuple[int, bytes]:
        """Answer a method, which is always posted."""
        del method
        name = url.rsplit("/", 1)[-1]
        fields = dict(request_data.parameters) if request_data is not None else {}
        if name == "sendDocument" and request_data is not None:
            self._show_files(request_data)
            fields["text"] = fields.get("caption", "")
            name = "sendMessage"
        result = self._answer(name, fields)
        if result is None:
            refusal = {"ok": False, "error_code": 404, "description": "Not Found: method not found"}
            return 404, json.dumps(refusal).encode()
        return 200, json.dumps({"ok": True, "result": result}).encode()

    def _show_files(self, request_data: RequestData) -> None:
        """Print the uploaded text files in place of sending them."""
        for name, content, *_ in (request_data.multipart_data or {}).values():
            text = content.decode(errors="replace") if isinstance(content, bytes) else str(content)
            self._screen.print(f"[{name}]\n{text}", dim=True)

    def _answer(self, name: str, fields: Mapping[str, Any]) -> object:
        match name:
            case "getMe":
                return ME
            case "sendMessage":
                return self._say(len(self._screen.messages) + 1, fields)
            case "editMessageText":
                return self._say(int(fields["message_id"]), fields)
            case "editMessageReplyMarkup":
                return self._rebutton(int(fields["message_id"]), fields)
            case "answerCallbackQuery":
                self._screen.toast = fields.get("text")
                if self._screen.toast:
                    self._screen.print(f"· {self._screen.toast}", dim=True)
                return True
            case "getUpdates" | "getMyCommands":
                return []
            case "getChatMember":
                return {"status": self._screen.role, "user": self._screen.person, "is_anonymous": False}
            case "sendRichMessage" | "sendPhoto":
                return None
            case _:
                return True

    def _say(self, number: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        message = {
            "message_id": number,
            "html": fields["text"],
            "reply_markup": _decoded(fields.get("reply_markup")),
            "chat": self._screen.chat,
        }
        self._screen.show(message, push=self._push)
        return telegram_message(self._screen, message)

    def _rebutton(self, number: int, fields: Mapping[str, Any]) -> object:
        message = self._screen.messages.get(number)
        if message is None:
            return True
        message["reply_markup"] = _decoded(fields.get("reply_markup"))
        return telegram_message(self._screen, message)


def telegram_message(screen: Screen, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message of the screen as the Bot API returns it."""
    return {
        "message_id": message["message_id"],
        "date": int(screen.clock.now().timestamp()),
        "chat": message.get("chat", screen.chat),
        "from": ME,
        "text": show_html(message["html"], plain=True) or " ",
    } | ({"reply_markup": message["reply_markup"]} if message["reply_markup"] else {})


def _decoded(markup: object) -> dict[str, Any] | None:
    if isinstance(markup, str):
        return dict(json.loads(markup))
    return dict(markup) if isinstance(markup, Mapping) else None

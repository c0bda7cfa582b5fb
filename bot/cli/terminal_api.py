"""Fake Bot API of the console: a request class that prints messages on the terminal and returns results."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

from rich.console import Console
from rich.text import Text
from telegram.request import BaseRequest, RequestData

from bot.clock import Clock

Shown = Text

STYLES = {
    "b": "bold", "i": "italic", "code": "yellow", "pre": "yellow", "a": "underline", "blockquote": "dim",
}  # fmt: skip


def show_html(html: str, *, plain: bool = False) -> Shown:
    """Return the message as text for a terminal, without styles if `plain`."""
    reader = _Reader(plain=plain)
    reader.feed(html)
    reader.close()
    reader.text.rstrip()
    return reader.text


class _Reader(HTMLParser):
    def __init__(self, *, plain: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.text = Text()
        self._plain = plain
        self._open: list[str] = []

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        style = "" if self._plain else " ".join(STYLES[tag] for tag in self._open if tag in STYLES)
        if "blockquote" in self._open:
            data = data.replace("\n", "\n\u258e ")
            if not self.text.plain or self.text.plain.endswith("\n"):
                data = "\u258e " + data
        self.text.append(data, style=style)


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

    console: Console
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

    @property
    def person(self) -> dict[str, Any]:
        return PERSON | {"id": self.user_id, "language_code": self.language}

    def echo(self, typed: str) -> None:
        """Print what the person typed, where the terminal does not show it."""
        self.console.print(typed, style="bold", markup=False, highlight=False)

    def show(self, message: dict[str, Any], *, push: bool) -> None:
        self.messages[message["message_id"]] = message
        if push:
            title = f"{datetime.now().astimezone():%H:%M:%S}" if self.times else "push"
            self.console.rule(title, style="dim", align="left")
        self.console.print(show_html(message["html"], plain=not self.console.is_terminal), highlight=False)
        rows = message["reply_markup"].get("inline_keyboard", []) if message["reply_markup"] else []
        if rows:
            self.buttons = []
            for row in rows:
                labels = []
                for button in row:
                    self.buttons.append((message["message_id"], button))
                    labels.append(f"[{len(self.buttons)}] {button['text']}")
                self.console.print("  ".join(labels), style="cyan", markup=False, highlight=False)
        self.console.print()
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
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *_timeouts: object,
        **_more: object,
    ) -> tuple[int, bytes]:
        del method  # always POST
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
            self._screen.console.print(f"[{name}]\n{text}", style="dim", markup=False, highlight=False)

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
                    self._screen.console.print(f"· {self._screen.toast}", style="dim", highlight=False)
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
        return self.received(message)

    def _rebutton(self, number: int, fields: Mapping[str, Any]) -> object:
        message = self._screen.messages.get(number)
        if message is None:
            return True
        message["reply_markup"] = _decoded(fields.get("reply_markup"))
        return self.received(message)

    def received(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return telegram_message(self._screen, message)


def telegram_message(screen: Screen, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message of the screen as the Bot API returns it."""
    shown: Shown = show_html(message["html"], plain=True)
    return {
        "message_id": message["message_id"],
        "date": int(screen.clock.now().timestamp()),
        "chat": message.get("chat", screen.chat),
        "from": ME,
        "text": str(shown) or " ",
    } | ({"reply_markup": message["reply_markup"]} if message["reply_markup"] else {})


def _decoded(markup: object) -> dict[str, Any] | None:
    if isinstance(markup, str):
        return dict(json.loads(markup))
    return dict(markup) if isinstance(markup, Mapping) else None


def open_screen(clock: Clock, language: str) -> Screen:
    return Screen(console=Console(soft_wrap=not sys.stdout.isatty()), clock=clock, language=language)

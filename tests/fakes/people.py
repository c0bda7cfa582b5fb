"""A fake Telegram for tests: a Bot API server on the loopback, and the people who talk to the bot through it.

Verbs in the third person do what people do; `await`ed ones wait for what the bot does.
"""

import re
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from tests.fakes.chats import BOT, BOT_ID, Chat, Posted
from tests.fakes.limits import Meter
from tests.fakes.methods import user_json
from tests.fakes.replies import Reply
from tests.fakes.server import Server
from tests.fakes.world import TOKEN, Call, World, member_json

READER = 1001  # the person of tests that name none
PATIENCE = 30.0  # seconds that an awaited thing may take; only a failing test uses them up

_COMMAND = re.compile(r"(?<!\S)/[A-Za-z0-9_]{1,32}(?:@\w+)?")


class FakeTelegram:
    """An async context manager; within it the server listens at `url`.

    `strangers`: whether chats exist that no verb has introduced. `rich`: whether the server supports
    sendRichMessage. `enforce`: whether it answers 429 beyond the limits. `latency`: seconds before an answer.
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        strangers: bool = True,
        rich: bool = True,
        enforce: bool = False,
        per_second: int = 30,
        private_gap: float = 1.0,
        group_per_minute: int = 20,
        latency: float = 0.0,
        port: int = 0,
    ) -> None:
        self.meter = Meter(
            per_second=per_second, private_gap=private_gap, group_per_minute=group_per_minute, enforce=enforce
        )
        self.world = World(meter=self.meter, token=token, strangers=strangers, rich=rich, latency=latency)
        self.administrators = self.world.administrators
        self._server = Server(self.world)
        self._port = port
        self._seen: dict[int, int] = {}

    async def __aenter__(self) -> Self:
        await self._server.start(self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.close()

    @property
    def token(self) -> str:
        return self.world.token

    @property
    def server(self) -> str:
        """The server's address, without a path."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def url(self) -> str:
        """What python-telegram-bot calls `base_url`."""
        return f"{self.server}/bot"

    # What people do.

    def opens(self, chat_id: int, kind: str | None = None, title: str | None = None) -> Chat:
        """The chat, made known to the server; its `standing`, `deleted` and `topics` may be set."""
        return self.world.chat(chat_id, kind, title)

    def user_says(
        self,
        text: str,
        *,
        chat_id: int | None = None,
        user_id: int = READER,
        language: str | None = "zh-hans",
        kind: str | None = None,
        title: str | None = None,
        thread_id: int | None = None,
        reply_to: Posted | None = None,
        edited: bool = False,
        **more: Any,
    ) -> int:
        """Send a text as a person; return the message id. `more` are further fields of the Message."""
        chat = self.world.chat(user_id if chat_id is None else chat_id, kind, title)
        message: dict[str, Any] = {
            "message_id": self.world.number(),
            "date": int(time.time()),
            "text": text,
            "entities": _commands(text),
        }
        if thread_id is not None:
            chat.topics.setdefault(thread_id, "open")
            message |= {"message_thread_id": thread_id, "is_topic_message": True}
        if reply_to is not None:
            message["reply_to_message"] = chat.message_json(reply_to)
        message["chat"] = chat.json()
        if chat.kind == "channel":
            message["sender_chat"] = chat.json()
        else:
            message["from"] = user_json(user_id, language)
        chat.said.add(message["message_id"])
        update = ("edited_" if edited else "") + ("channel_post" if chat.kind == "channel" else "message")
        self.world.feed(update, message | more)
        number: int = message["message_id"]
        return number

    def presses(
        self, message: Posted, button: str, *, user_id: int = READER, language: str | None = "zh-hans"
    ) -> str:
        """Press the button with this text or data; return the query's id for `answer`."""
        found = message.button(button)
        if "callback_data" not in found:
            raise AssertionError(f"the button {found['text']!r} does not call back: {found}")
        return self.sends_data(message, found["callback_data"], user_id=user_id, language=language)

    def sends_data(
        self, message: Posted, data: str, *, user_id: int = READER, language: str | None = "zh-hans"
    ) -> str:
        """A client sends callback data of its own making, or that of a button long gone."""
        query_id = str(self.world.number())
        self.world.pressed[query_id] = None
        query = {
            "id": query_id,
            "from": user_json(user_id, language),
            "message": self.world.chat(message.chat_id).message_json(message),
            "chat_instance": str(message.chat_id),
            "data": data,
        }
        self.world.feed("callback_query", query)
        return query_id

    def asks_inline(
        self,
        query: str,
        *,
        offset: str = "",
        user_id: int = READER,
        language: str | None = "zh-hans",
        chat_type: str = "sender",
    ) -> str:
        """Type `@bot query` in any chat; return the query's id for `inline_answer`."""
        query_id = str(self.world.number())
        self.world.asked[query_id] = None
        self.world.feed(
            "inline_query",
            {
                "id": query_id,
                "from": user_json(user_id, language),
                "query": query,
                "offset": offset,
                "chat_type": chat_type,
            },
        )
        return query_id

    def membership(
        self,
        chat_id: int,
        old: str,
        new: str,
        *,
        kind: str | None = None,
        title: str | None = None,
        user_id: int = READER,
        language: str | None = "zh-hans",
    ) -> None:
        """The bot's own status in a chat changes, by `user_id`; in a private chat `kicked` means blocked."""
        chat = self.world.chat(chat_id, kind, title)
        chat.standing = new
        self.world.feed(
            "my_chat_member",
            {
                "chat": chat.json(),
                "from": user_json(user_id, language),
                "date": int(time.time()),
                "old_chat_member": member_json(BOT, old, chat.kind),
                "new_chat_member": member_json(BOT, new, chat.kind),
            },
        )

    def chat_migrates(self, old: int, new: int, *, silently: bool = False) -> None:
        """A group becomes the supergroup `new`; `silently` spares the two service messages."""
        chat = self.world.chat(old, "group")
        self.world.chat(new, "supergroup", chat.title).standing = chat.standing
        chat.migrated_to = new
        if not silently:
            self._service(old, {"migrate_to_chat_id": new})
            self._service(new, {"migrate_from_chat_id": old})

    def _service(self, chat_id: int, fields: dict[str, Any]) -> None:
        message = {
            "message_id": self.world.number(),
            "date": int(time.time()),
            "chat": self.world.chat(chat_id).json(),
            "from": user_json(READER),
        }
        self.world.feed("message", message | fields)

    # What the server does.

    def answers(self, method: str, *replies: Reply, chat_id: int | None = None, always: bool = False) -> None:
        """Reply so, once each, in place of doing `method` ("*": any); `always` repeats a single reply."""
        self._server.script(method, replies, chat_id, always=always)

    def recovers(self) -> None:
        """Forget every scripted reply."""
        self._server.forget_script()

    # What the bot did.

    def messages(self, chat_id: int | None = None) -> list[Posted]:
        """Everything the bot posted, in order, in one chat or in all; without what it deleted."""
        where = self.world.posted if chat_id is None else self.world.chat(chat_id).posted
        return [posted for posted in where if not posted.deleted]

    def calls(self, method: str | None = None) -> Sequence[Call]:
        """The requests that reached the server, refused ones too; without `method` all but getUpdates."""
        if method is None:
            return [call for call in self.world.calls if call.method != "getUpdates"]
        return [call for call in self.world.calls if call.method.lower() == method.lower()]

    async def message(self, chat_id: int = READER, *, timeout: float = PATIENCE) -> Posted:
        """The next message in the chat that no earlier call has returned."""
        chat = self.world.chat(chat_id)
        index = self._seen.get(chat_id, 0)
        if not await self.world.until(lambda: len(chat.posted) > index, timeout):
            recent = [(call.method, call.params) for call in self.calls()[-5:]]
            raise AssertionError(f"no new message in {chat_id}; the last calls: {recent}")
        self._seen[chat_id] = index + 1
        return chat.posted[index]

    async def edit(self, message: Posted, *, after: int = 0, timeout: float = PATIENCE) -> Posted:
        """The message once it has been edited more than `after` times, or deleted."""
        if not await self.world.until(lambda: message.edits > after or message.deleted, timeout):
            raise AssertionError(f"not edited: {message.text!r}")
        return message

    async def answer(self, query_id: str, *, timeout: float = PATIENCE) -> dict[str, Any]:
        """The parameters with which the bot answered a pressed button."""
        await self.world.until(lambda: self.world.pressed[query_id] is not None, timeout)
        answer = self.world.pressed[query_id]
        if answer is None:
            raise AssertionError("the pressed button was not answered")
        return answer

    async def inline_answer(self, query_id: str, *, timeout: float = PATIENCE) -> dict[str, Any]:
        """The parameters with which the bot answered an inline query."""
        await self.world.until(lambda: self.world.asked[query_id] is not None, timeout)
        answer = self.world.asked[query_id]
        if answer is None:
            raise AssertionError("the inline query was not answered")
        return answer

    async def quiet(self, seconds: float = 0.2) -> Sequence[Call]:
        """Wait until nothing but getUpdates was called for `seconds`; the calls made meanwhile."""
        before = len(self.calls())
        while (left := self._quiet_left(seconds)) > 0:
            await self.world.until(lambda: False, left)
        return self.calls()[before:]

    def _quiet_left(self, seconds: float) -> float:
        return self.world.last_call + seconds - time.monotonic()

    def member(self, chat_id: int, user_id: int = BOT_ID) -> str:
        """The status of the bot or of a person in a chat."""
        status: str = self.world.member(chat_id, BOT if user_id == BOT_ID else user_json(user_id))["status"]
        return status


def _commands(text: str) -> list[dict[str, Any]]:
    def units(part: str) -> int:
        return len(part.encode("utf-16-le")) // 2

    return [
        {"type": "bot_command", "offset": units(text[: found.start()]), "length": units(found[0])}
        for found in _COMMAND.finditer(text)
    ]

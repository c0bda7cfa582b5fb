"""Bot API client for messages: one request for each call, returned as an Outcome; support of rich messages.

Never retries: the retry policy decides about a second request.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache
from telegram import Bot, InputMessageContent, Message, ReplyParameters
from telegram.constants import ParseMode

from bot.render import Rendered
from bot.telegram.errors import outcome_of
from bot.telegram.http_request import SendGate, acquire, as_json, ready
from storage.clock import Clock
from storage.model import Destination, InDoubt, Outcome, Pause, RetryLater, Sent

RICH_RETRY_SECONDS: Final = 86_400.0  # how long a server without rich messages is believed to have none


class RichCapability:
    """Whether rich messages may be sent: if `wanted`, until the server answers that it has none.

    A server may be updated at any time, so one message tries again after a day.
    """

    def __init__(self, clock: Clock, *, wanted: bool) -> None:
        self._clock = clock
        self._wanted = wanted
        self.again_at = float("-inf")

    def usable(self) -> bool:
        """Return whether a rich message may be tried now."""
        return self._wanted and self._clock.monotonic() >= self.again_at

    def missing(self) -> None:
        """Record that the server has no such method."""
        self.again_at = self._clock.monotonic() + RICH_RETRY_SECONDS


class InputRichMessageContent(InputMessageContent):
    """`rich_message` is an `InputRichMessage` as JSON."""

    __slots__ = ("rich_message",)

    def __init__(self, rich_message: Mapping[str, object]) -> None:
        super().__init__()
        with self._unfrozen():
            self.rich_message = dict(rich_message)


Upload = Callable[..., Awaitable[Message]]

PROBE_SECONDS = 10.0  # the longest wait for the answer to a probe
KEPT = 32  # messages whose JSON is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A chat, or a topic of it, and whether it is written to without a sound."""

    chat_id: int
    thread_id: int | None = None
    silent: bool = False


def address_of(to: Destination) -> Address:
    return Address(chat_id=to.chat_id, thread_id=to.thread_id, silent=to.preferences.silent)


def is_answer(outcome: Outcome) -> bool:
    """Return whether the server answered the request."""
    unreachable = isinstance(outcome, RetryLater) and outcome.pause is Pause.BOT
    return not unreachable and not isinstance(outcome, InDoubt)


class TelegramMessenger:
    """Sends and edits messages; `paid` allows more than 30 messages a second, paid in Stars.

    Without `allow_paid_broadcast` Telegram answers such a rate with 429 (Bot API, sendMessage); edits have no
    such parameter.
    """

    def __init__(self, bot: Bot, *, paid: bool = False) -> None:
        self._bot = bot
        self._paid = paid or None
        self._contents: LRUCache[int, tuple[Rendered, bytes]] = LRUCache(KEPT)

    async def send(
        self, to: Address, message: Rendered, *, reply_to: int | None = None, gate: SendGate | None = None
    ) -> Outcome:
        """Send `message` with one request."""
        fields: dict[str, object] = {"chat_id": to.chat_id}
        if to.thread_id is not None:
            fields["message_thread_id"] = to.thread_id
        if to.silent:
            fields["disable_notification"] = True
        if self._paid:
            fields["allow_paid_broadcast"] = True
        if reply_to is not None:
            fields["reply_parameters"] = {"message_id": reply_to, "allow_sending_without_reply": True}
        method = "sendMessage" if message.rich is None else "sendRichMessage"
        return await self._call(method, fields, message, gate)

    async def edit(
        self, to: Address, message_id: int, message: Rendered, *, gate: SendGate | None = None
    ) -> Outcome:
        """Edit a sent message with one request."""
        fields = {"chat_id": to.chat_id, "message_id": message_id}
        return await self._call("editMessageText", fields, message, gate)

    async def probe(self, chat_id: int | None = None) -> Outcome:
        """Make a request that repeats safely, to this chat or to none."""
        # A Bot API server answers getMe alone; a chat action goes to Telegram, as a message does.
        fields = {} if chat_id is None else {"chat_id": chat_id, "action": "typing"}
        url = f"{self._bot.base_url}/{'sendChatAction' if fields else 'getMe'}"
        try:
            await self._bot.request.post(url, ready(as_json(fields)), read_timeout=PROBE_SECONDS)
        except Exception as error:
            return outcome_of(error)
        return Sent(None)

    async def send_document(
        self, to: Address, name: str, content: bytes, *, gate: SendGate | None = None
    ) -> Outcome:
        """Send a file with one request."""
        fields = {"document": content, "filename": name}
        return await self._upload(self._bot.send_document, to, fields, gate)

    async def send_photo(
        self,
        to: Address,
        png: bytes,
        caption: Rendered,
        *,
        reply_to: int | None = None,
        gate: SendGate | None = None,
    ) -> Outcome:
        """Send a picture with one request; `caption` has at most 1024 UTF-16 units."""
        reply = ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to is not None else None
        text = {"caption": caption.html, "parse_mode": ParseMode.HTML, "reply_parameters": reply}
        return await self._upload(self._bot.send_photo, to, {"photo": png, **text}, gate)

    async def _upload(
        self, method: Upload, to: Address, fields: Mapping[str, object], gate: SendGate | None
    ) -> Outcome:
        try:
            await acquire(gate)  # a form is written in pieces, so the check is before its connection
            sent = await method(
                chat_id=to.chat_id,
                message_thread_id=to.thread_id,
                allow_paid_broadcast=self._paid,
                **fields,
            )
        except Exception as error:
            return outcome_of(error)
        return Sent(sent.message_id)

    async def _call(
        self, method: str, fields: Mapping[str, object], message: Rendered, gate: SendGate | None
    ) -> Outcome:
        try:
            body = as_json(fields)[:-1] + b", " + self._content(message)[1:]
            answer = await self._bot.request.post(f"{self._bot.base_url}/{method}", ready(body, gate))
        except Exception as error:
            return outcome_of(error)
        # The answer is not parsed further: an error after the sending would look like a failed one.
        message_id = answer.get("message_id") if isinstance(answer, dict) else None
        return Sent(message_id if type(message_id) is int else None)

    def _content(self, message: Rendered) -> bytes:
        """Return the JSON of `content`, cached by the identity of `message`."""
        kept = self._contents.get(id(message))
        if kept is None:
            kept = message, as_json(content(message))
            self._contents[id(message)] = kept  # with the message: its id must remain its own
        return kept[1]


def content(message: Rendered) -> dict[str, object]:
    """Return the request parameters for a message in either form."""
    fields: dict[str, object] = {}
    if message.rich is not None:
        fields["rich_message"] = message.rich
    else:
        fields["text"] = message.html
        if message.markup:
            fields["parse_mode"] = "HTML"
        fields["link_preview_options"] = (
            {"url": message.preview} if message.preview else {"is_disabled": True}
        )
    if message.keyboard is not None:
        fields["reply_markup"] = message.keyboard
    return fields

"""The chats of the fake server: who is in them, what was posted, and their Bot API form."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.checks import Keyboard
from tests.fakes.replies import Refusal, bad
from tests.tools.telegram_parser import Entity

BOT_ID = 4242
BOT: dict[str, Any] = {
    "id": BOT_ID,
    "is_bot": True,
    "first_name": "Kexue",
    "username": "kexue_test_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": True,
}


@dataclass(slots=True, kw_only=True, eq=False)
class Posted:
    """One message, as its readers see it now. `text` of a rich message is its blocks read as plain text."""

    chat_id: int
    message_id: int
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    html: str | None = None  # as it was sent, before parsing
    keyboard: Keyboard = field(default_factory=list)
    blocks: list[dict[str, Any]] | None = None
    thread_id: int | None = None
    reply_to: int | None = None
    silent: bool = False
    preview: dict[str, Any] | None = None
    media: str | None = None  # "photo" or "document"; then `text` is the caption
    upload: bytes | None = None
    by_bot: bool = True
    edits: int = 0
    deleted: bool = False
    time: float = field(default_factory=time.monotonic)

    def button(self, wanted: str) -> dict[str, Any]:
        """The button with this text or callback data; failing that, the first whose text contains it."""
        buttons = [button for row in self.keyboard for button in row]
        for button in buttons:
            if wanted in (button["text"], button.get("callback_data")):
                return button
        for button in buttons:
            if wanted in button["text"]:
                return button
        raise AssertionError(f"no button {wanted!r} among {[button['text'] for button in buttons]}")

    @property
    def buttons(self) -> list[list[str]]:
        """The texts of the buttons, row by row."""
        return [[button["text"] for button in row] for row in self.keyboard]

    def links(self) -> list[str]:
        """The addresses behind linked words, in order."""
        return [entity["url"] for entity in self.entities if entity["type"] == "text_link"]

    def content(self) -> str:
        """What an edit must differ in."""
        return json.dumps([self.text, self.entities, self.keyboard, self.blocks], sort_keys=True)


@dataclass(slots=True, kw_only=True, eq=False)
class Chat:
    """`standing` is the bot's own status in it; in a private chat `kicked` means blocked."""

    id: int
    kind: str
    title: str = "A chat"
    standing: str = "member"
    deleted: bool = False  # a deleted group, a deactivated user
    migrated_to: int | None = None
    topics: dict[int, str] = field(default_factory=dict)  # "open", "closed" or "deleted"
    posted: list[Posted] = field(default_factory=list)
    said: set[int] = field(default_factory=set)  # the numbers of people's messages

    def json(self) -> dict[str, Any]:
        named = {"first_name": "Reader"} if self.kind == "private" else {"title": self.title}
        forum = {"is_forum": True} if self.topics and self.kind == "supergroup" else {}
        return {"id": self.id, "type": self.kind, **named, **forum}

    def find(self, message_id: int | None) -> Posted | None:
        return next(
            (each for each in reversed(self.posted) if each.message_id == message_id and not each.deleted),
            None,
        )

    def check_open(self) -> None:
        """Refuse as Telegram does when the bot cannot write here at all."""
        where = {"group": "group chat", "supergroup": "supergroup chat"}.get(self.kind, "channel chat")
        if self.migrated_to is not None:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.migrated_to)
        if self.deleted:
            raise _forbidden(
                "user is deactivated" if self.kind == "private" else "the group chat was deleted"
            )
        if self.standing == "kicked" and self.kind == "private":
            raise _forbidden("bot was blocked by the user")
        if self.standing == "kicked":
            raise _forbidden(f"bot was kicked from the {where}")
        if self.standing == "left":
            raise _forbidden(f"bot is not a member of the {where}")
        if self.standing == "restricted":
            raise bad("not enough rights to send text messages to the chat")
        if self.kind == "channel" and self.standing == "member":
            raise bad("need administrator rights in the channel chat")

    def check_topic(self, thread_id: int | None, *, strangers: bool) -> None:
        if thread_id is None:
            if self.topics.get(1) == "closed":
                raise bad("TOPIC_CLOSED")
            return
        state = self.topics.get(thread_id)
        # The General topic has the number 1 but must be addressed by giving none.
        if thread_id == 1 or state == "deleted" or self.kind in {"group", "channel"}:
            raise bad("message thread not found")
        if state is None and not strangers:
            raise bad("message thread not found")
        if state == "closed":
            raise bad("TOPIC_CLOSED")

    def message_json(self, posted: Posted) -> dict[str, Any]:
        """The Message object of something the bot posted here."""
        data: dict[str, Any] = {
            "message_id": posted.message_id,
            "date": int(time.time()),
            "chat": self.json(),
        }
        if self.kind == "channel":
            data["sender_chat"] = self.json()
        else:
            data["from"] = {key: BOT[key] for key in ("id", "is_bot", "first_name", "username")}
        if posted.thread_id is not None:
            data |= {"message_thread_id": posted.thread_id, "is_topic_message": True}
        if posted.keyboard:
            data["reply_markup"] = {"inline_keyboard": posted.keyboard}
        if posted.edits:
            data["edit_date"] = data["date"]
        return data | _content_json(posted)


def _content_json(posted: Posted) -> dict[str, Any]:
    if posted.blocks is not None:
        return {"rich_message": {"blocks": posted.blocks}}
    if posted.media is None:
        return {"text": posted.text, "entities": posted.entities}
    file = {"file_id": f"file-{posted.message_id}", "file_unique_id": f"unique-{posted.message_id}"}
    media: Any = [{**file, "width": 800, "height": 600}] if posted.media == "photo" else file
    return {posted.media: media, "caption": posted.text, "caption_entities": posted.entities}


def kind_of(chat_id: int) -> str:
    """What a chat's number tells of its kind."""
    if chat_id > 0:
        return "private"
    return "supergroup" if chat_id <= -1_000_000_000_000 else "group"


def _forbidden(description: str) -> Refusal:
    return Refusal(403, f"Forbidden: {description}")

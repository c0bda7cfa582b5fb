"""State of the fake server: chats, pending updates, the bot's profile, every call."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.chats import BOT_ID, Chat, Posted, kind_of
from tests.fakes.limits import Meter
from tests.fakes.replies import bad

TOKEN = "4242:AAfakefakefakefakefakefakefakefakefake"

_NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that reached the server; `params` are decoded as far as their names tell how.

    `carried`: it came with the response to an update that the server brought.
    """

    method: str
    params: dict[str, Any]
    chat_id: int | None
    time: float
    carried: bool = False


@dataclass(slots=True, kw_only=True)
class World:
    meter: Meter
    token: str = TOKEN
    strangers: bool = True
    rich: bool = True
    latency: float = 0.0
    chats: dict[int, Chat] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    administrators: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    posted: list[Posted] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    profile: dict[tuple[str, str], Any] = field(default_factory=dict)
    pressed: dict[str, dict[str, Any] | None] = field(default_factory=dict)  # callback query -> its answer
    asked: dict[str, dict[str, Any] | None] = field(default_factory=dict)  # inline query -> its answer
    webhook: dict[str, Any] | None = None
    polls: int = 0
    tail: int = 0  # the id of the latest update
    closing: bool = False
    last_call: float = field(default_factory=time.monotonic)
    _number: int = 100
    _waiters: set[asyncio.Future[None]] = field(default_factory=set)

    def number(self) -> int:
        """The next number for a message, an update, a query or a topic; never used before."""
        self._number += 1
        return self._number

    def restart_ids(self, number: int) -> None:
        """Count updates and messages from `number` on."""
        self._number = number

    def chat(self, chat_id: int, kind: str | None = None, title: str | None = None) -> Chat:
        """The chat with this number, made if there is none."""
        chat = self.chats.get(chat_id)
        if chat is None:
            kind = kind or kind_of(chat_id)
            standing = "administrator" if kind == "channel" else "member"
            chat = self.chats[chat_id] = Chat(id=chat_id, kind=kind, standing=standing)
        if title is not None:
            chat.title = title
        return chat

    def known_chat(self, chat_id: int) -> Chat:
        if chat_id == 0 or chat_id in self.unknown or (chat_id not in self.chats and not self.strangers):
            raise bad("chat not found")
        return self.chat(chat_id)

    def post(self, posted: Posted) -> None:
        self.chats[posted.chat_id].posted.append(posted)
        self.posted.append(posted)
        self.changed()

    def feed(self, kind: str, content: dict[str, Any]) -> int:
        """Queue an update, unless the bot did not ask for its kind; returns its number."""
        update_id = self.tail = self.number()
        wanted = kind in self.allowed if self.allowed else kind not in _NOT_BY_DEFAULT
        if wanted:
            self.updates.append({"update_id": update_id, kind: content})
            self.changed()
        return update_id

    def changed(self) -> None:
        """Let everybody who waits look again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, holds: Callable[[], bool], timeout: float) -> bool:
        """Wait until `holds()`, at most `timeout` seconds; whether it does."""
        end = time.monotonic() + timeout
        while not holds():
            left = end - time.monotonic()
            if left <= 0 or self.closing:
                return False
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait([waiter], timeout=left)
            finally:
                self._waiters.discard(waiter)
        return True

    def member(self, chat_id: int, user: dict[str, Any]) -> dict[str, Any]:
        """The ChatMember object of a user in a chat."""
        if user["id"] == BOT_ID:
            chat = self.chat(chat_id)
            return member_json(user, chat.standing, chat.kind)
        status = "administrator" if user["id"] in self.administrators.get(chat_id, ()) else "member"
        return member_json(user, status, self.chat(chat_id).kind)


CHANNEL_RIGHTS = ("can_post_messages", "can_edit_messages")  # which administrators of groups have not at all


def member_json(user: dict[str, Any], status: str, kind: str) -> dict[str, Any]:
    """A ChatMember with every field that its status requires in a chat of this kind."""
    match status:
        case "creator":
            return {"user": user, "status": status, "is_anonymous": False}
        case "administrator":
            rights = (
                "can_manage_chat can_delete_messages can_manage_video_chats can_restrict_members "
                "can_promote_members can_change_info can_invite_users "
                "can_post_stories can_edit_stories can_delete_stories can_pin_messages can_manage_topics"
            )
            given = dict.fromkeys((*rights.split(), *(CHANNEL_RIGHTS if kind == "channel" else ())), True)
            return {"user": user, "status": status, "can_be_edited": False, "is_anonymous": False, **given}
        case "restricted":
            rights = (
                "can_change_info can_invite_users can_pin_messages can_send_messages can_send_polls "
                "can_send_other_messages can_add_web_page_previews can_manage_topics can_edit_tag "
                "can_react_to_messages can_send_audios can_send_documents "
                "can_send_photos can_send_videos can_send_video_notes can_send_voice_notes"
            )
            held = dict.fromkeys(rights.split(), False)
            return {"user": user, "status": status, "is_member": True, "until_date": 0, **held}
        case "kicked":
            return {"user": user, "status": status, "until_date": 0}
        case _:
            return {"user": user, "status": status}

"""Permissions to change a chat: in private the person, in a group or channel its administrators."""

import logging

from cachetools import TTLCache
from telegram import Bot, ChatMember, ChatMemberAdministrator, Message
from telegram.error import TelegramError

from bot.telegram.update_parser import fetch_chat_member
from storage.clock import Clock

log = logging.getLogger(__name__)

BELIEVED_SECONDS = 60.0
KEPT = 1000
LONGEST_NAME = 128  # Bot API: the name of a forum topic

ADMINISTRATORS = {ChatMember.ADMINISTRATOR, ChatMember.OWNER}


def speaks_for_chat(message: Message) -> bool:
    """Return whether an administrator speaks anonymously, as the group, or this is a channel's own post."""
    return message.sender_chat is not None and message.sender_chat.id == message.chat.id


class OtherChats:
    """Where else a person may act: nowhere for a bot without Telegram."""

    async def is_admin(self, chat_id: int, user_id: int) -> bool | None:
        """Return whether this person administers this group or channel; None if it is unknown."""
        del chat_id, user_id
        return False

    async def may_write(self, chat_id: int, *, channel: bool) -> bool:
        """Return whether the bot may post there."""
        del chat_id, channel
        return False

    async def open_topic(self, chat_id: int, name: str) -> int | None:
        """Open a forum topic and return its number; None where the bot may not open one."""
        del chat_id, name
        return None


class Permissions(OtherChats):
    """Asks Telegram about chats, and believes for a minute who administers one."""

    def __init__(self, bot: Bot, clock: Clock) -> None:
        self._bot = bot
        self._known: TTLCache[tuple[int, int], bool] = TTLCache(KEPT, BELIEVED_SECONDS, clock.monotonic)

    async def is_admin(self, chat_id: int, user_id: int) -> bool | None:
        known = self._known.get((chat_id, user_id))
        if known is not None:
            return known
        try:
            member = await fetch_chat_member(self._bot, chat_id, user_id)
        except TelegramError as error:
            log.warning("the administrators of chat %s could not be looked up: %s", chat_id, error)
            return None
        allowed = self._known[chat_id, user_id] = member.status in ADMINISTRATORS
        return allowed

    async def may_write(self, chat_id: int, *, channel: bool) -> bool:
        try:
            me = await fetch_chat_member(self._bot, chat_id, self._bot.id)
        except TelegramError as error:
            log.info("the bot cannot look into chat %s: %s", chat_id, error)
            return False
        if channel:
            return isinstance(me, ChatMemberAdministrator) and bool(me.can_post_messages)
        return me.status in (ChatMember.ADMINISTRATOR, ChatMember.MEMBER)

    async def open_topic(self, chat_id: int, name: str) -> int | None:
        try:
            topic = await self._bot.create_forum_topic(chat_id, name[:LONGEST_NAME])
        except TelegramError as error:
            log.info("no topic could be made in chat %s: %s", chat_id, error)
            return None
        return topic.message_thread_id

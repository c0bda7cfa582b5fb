"""What Telegram must be asked about other chats: who runs them, whether the bot may write there, new topics.

Knows the Bot API's methods; decides nothing about subscriptions.
"""

import logging
from typing import Protocol

from telegram import Bot, ChatMember, ChatMemberAdministrator
from telegram.error import TelegramError

from bot.chat.permission import Permission

log = logging.getLogger(__name__)

LONGEST_NAME = 128  # Bot API: the name of a forum topic


class Rooms(Protocol):
    """Where else a person may act."""

    async def runs(self, chat_id: int, user_id: int) -> bool:
        """Whether this person administers this group or channel."""
        ...

    async def may_write(self, chat_id: int, *, channel: bool) -> bool:
        """Whether the bot may post there."""
        ...

    async def open_topic(self, chat_id: int, name: str) -> int | None:
        """The number of a new forum topic; None where the bot may not make one."""
        ...


class NoRooms:
    """Without Telegram nobody runs anything."""

    async def runs(self, chat_id: int, user_id: int) -> bool:
        del chat_id, user_id
        return False

    async def may_write(self, chat_id: int, *, channel: bool) -> bool:
        del chat_id, channel
        return False

    async def open_topic(self, chat_id: int, name: str) -> int | None:
        del chat_id, name
        return None


class TelegramRooms:
    """The Rooms that Telegram knows."""

    def __init__(self, bot: Bot, permission: Permission) -> None:
        self._bot = bot
        self._permission = permission

    async def runs(self, chat_id: int, user_id: int) -> bool:
        return await self._permission.may_decide(chat_id, user_id)

    async def may_write(self, chat_id: int, *, channel: bool) -> bool:
        try:
            me = await self._bot.get_chat_member(chat_id, self._bot.id)
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

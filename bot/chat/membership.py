"""Handlers of the bot's membership: added, removed, blocked, migrated to a supergroup."""

import asyncio
import logging

from cachetools import TTLCache
from telegram import Chat, ChatMember, ChatMemberAdministrator, ChatMemberRestricted, Update
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot.chat.context import KINDS, Services
from bot.chat.replies import ReplySender
from bot.chat.user_rate_limit import group_join_bucket
from bot.delivery.messenger import Address
from bot.messages import notices
from bot.messages.help import group_greeting
from bot.messages.i18n import Words, words_for
from storage.database import Transaction
from storage.model import ChatKind, Standing

log = logging.getLogger(__name__)

OUT = {ChatMember.BANNED, ChatMember.LEFT}
MIGRATION_SECONDS = 1.0  # within which the messages about a migration follow the joining of its supergroup
KEPT, KEPT_SECONDS = 1000, 60.0  # supergroups that groups have migrated to


def is_out(member: ChatMember) -> bool:
    """Return whether the bot is not in the chat as this member."""
    if isinstance(member, ChatMemberRestricted):
        return not member.is_member
    return member.status in OUT


def may_write(member: ChatMember) -> bool:
    """Return whether the bot may write in the chat as this member."""
    match member:
        case ChatMemberRestricted():
            return member.can_send_messages
        case ChatMemberAdministrator():
            return member.can_post_messages is not False  # None in groups
        case _:
            return not is_out(member)


class MembershipHandlers:
    """Handlers that keep the standing of destinations up to date."""

    def __init__(self, services: Services, replies: ReplySender, *, for_operators: bool = False) -> None:
        """Create the handlers; `for_operators`: only operators may add the bot to chats."""
        self._services = services
        self._replies = replies
        self._for_operators = for_operators
        self._adding = group_join_bucket()
        self._migrated: TTLCache[int, None] = TTLCache(KEPT, KEPT_SECONDS, services.clock.monotonic)

    async def on_change(self, update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        change = update.my_chat_member
        if change is None:
            return
        chat, member = change.chat, change.new_chat_member
        if is_out(member):
            reason = f"the bot is {member.status if member.status in OUT else ChatMember.LEFT} there"
            await self._services.change(lambda tx: self._leave(tx, chat.id, reason))
            return
        if not is_out(change.old_chat_member) or await self._has_migrated(chat):
            if may_write(member):
                await self._services.change(lambda tx: tx.destinations.returned(chat.id))
            return
        kind = KINDS.get(chat.type, ChatKind.GROUP)
        words = words_for(change.from_user.language_code or "zh", self._services.site)
        if kind is not ChatKind.PRIVATE and not self._welcome(change.from_user.id):
            await self._go(chat, kind, words)
            return
        kept = await self._services.change(lambda tx: self._return(tx, chat.id))
        if kind is ChatKind.CHANNEL or (kind is ChatKind.PRIVATE and not kept):
            return
        bot = self._services.bot
        greeting = notices.welcome_back(words, kept) if kept else group_greeting(words, bot=bot)
        await self._replies.send(Address(chat_id=chat.id), greeting)

    async def _has_migrated(self, chat: Chat) -> bool:
        """Return whether a group has just become this supergroup, and no person has added the bot to it."""
        if chat.type == Chat.SUPERGROUP and chat.id not in self._migrated:
            await asyncio.sleep(MIGRATION_SECONDS)
        return chat.id in self._migrated

    def _welcome(self, adder: int) -> bool:
        """Return whether this person may add the bot to a chat."""
        if adder in self._services.admins:
            return True
        return not self._for_operators and self._adding.admits(self._services.clock.monotonic(), adder)

    async def _go(self, chat: Chat, kind: ChatKind, words: Words) -> None:
        """Leave a chat, with a notice to a group if only operators may add the bot."""
        if kind is ChatKind.GROUP and self._for_operators:
            await self._replies.send(Address(chat_id=chat.id), notices.not_for_strangers(words))
        try:
            await chat.leave()
        except TelegramError as error:
            log.info("a chat could not be left: %s", error)

    async def on_migration(self, update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.effective_message
        if message is None:
            return
        old = message.migrate_from_chat_id or message.chat.id
        new = message.migrate_to_chat_id or message.chat.id
        if old != new:
            self._migrated[new] = None
            await self._services.change(lambda tx: tx.destinations.migrate_chat(old, new))
            self._services.planned()

    async def _leave(self, tx: Transaction, chat_id: int, reason: str) -> None:
        await tx.destinations.gone(chat_id, reason)
        await tx.outbox.cancel_chat(chat_id, reason, self._services.clock.now())

    async def _return(self, tx: Transaction, chat_id: int) -> int:
        """Return the number of subscriptions that were kept for the chat's return."""
        waiting = [one for one in await tx.destinations.of_chat(chat_id) if one.standing is Standing.GONE]
        await tx.destinations.returned(chat_id)
        return sum([len(await tx.destinations.subscriptions(one.id)) for one in waiting])

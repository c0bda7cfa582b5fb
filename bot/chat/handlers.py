"""Update handlers and their registration: an update becomes a request, its reply becomes messages."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from telegram import CallbackQuery, InlineKeyboardMarkup, Update
from telegram import Message as Received
from telegram.error import TelegramError
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    ChatMemberHandler,
    ContextTypes,
    InlineQueryHandler,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot.caching import BatchLoader
from bot.callbacks.actions import Action
from bot.callbacks.codec import decode, encode
from bot.chat.actions import ACTIONS, answer
from bot.chat.commands import HANDLERS, ask
from bot.chat.context import KINDS, Handler, Reply, RequestContext, Services, title_with_topic
from bot.chat.inline import InlineQueries
from bot.chat.membership import MembershipHandlers
from bot.chat.permissions import speaks_for_chat
from bot.chat.plain_text import OpenQuestions
from bot.chat.replies import ReplySender
from bot.chat.subscribe import shared
from bot.chat.user_rate_limit import UserRateLimits
from bot.delivery.messenger import Address
from bot.messages import notices
from bot.messages.i18n import words_for
from bot.messages.links import bot_link
from bot.ops.metrics import Metrics
from bot.rate_limit import NOT_SOON
from bot.render.document import Pick
from bot.telegram.update_parser import topic_name
from bot.telegram.webhook import attach
from bot.update_dedup import DuplicateUpdateError
from storage.destinations import ContextKey
from storage.model import ChatKind, Destination, InDoubt, KnownAsker, Outcome, Sent, Standing

log = logging.getLogger(__name__)

Context = ContextTypes.DEFAULT_TYPE

DROP_SECONDS = 0.2  # within which the rate limiter refuses an answer that is not soon


class ChatHandlers:
    """Handlers of messages and button presses."""

    def __init__(self, services: Services, replies: ReplySender) -> None:
        self._services = services
        self._replies = replies
        self._limits = UserRateLimits()
        self._questions = OpenQuestions()
        self._contexts = BatchLoader(self._load_contexts)

    async def on_command(self, update: Update, _: Context) -> None:
        message = update.effective_message
        if message is None or message.text is None:
            return
        command, typed = split_command(message.text)
        name, addressee = (command + "@").split("@")[:2]
        if addressee and addressee.lower() != (self._services.bot or "").lower():
            return
        name = name.lower()
        handler = HANDLERS.get(name)
        if not self._admits(message, expensive=handler is not None and handler.expensive):
            return
        request = await self._request(message)
        self._questions.close(request)
        manager = await self._manages(request, handler, message)
        request = replace(request, manager=bool(manager))
        if handler is not None and handler.restricted and not manager:
            refusal = notices.notice(notices.administrators_unknown(request.words))
            if manager is not None:
                refusal = notices.only_administrators_may(request.words, name, bot_link(self._services.bot))
            await self._reply(request, message, Reply(message=refusal))
        else:
            await self._reply(request, message, await ask(self._services, request, name, typed))

    async def on_words(self, update: Update, _: Context) -> None:
        """Answer plain text in a private chat: the answer to a question, a link to a post, or a search."""
        message = update.effective_message
        if message is not None and message.text is not None and self._admits(message, expensive=True):
            request = await self._request(message)
            reply = await self._questions.answer(self._services, request, message.text)
            await self._reply(request, message, reply)

    async def on_shared(self, update: Update, _: Context) -> None:
        """Handle a chat chosen in Telegram's picker."""
        message = update.effective_message
        if message is None or message.chat_shared is None or not self._admits(message):
            return
        request = await self._request(message)
        chosen = message.chat_shared
        channel = chosen.request_id == Pick.CHANNEL
        reply = await shared(self._services, request, chosen.chat_id, chosen.title or "", channel=channel)
        await self._reply(request, message, reply)

    async def on_other(self, update: Update, _: Context) -> None:
        """Handle a picture, a voice message or a sticker in a private chat."""
        message = update.effective_message
        if message is not None and self._admits(message):
            request = await self._request(message)
            await self._reply(request, message, Reply(message=notices.unsupported(request.words)))

    async def on_button(self, update: Update, _: Context) -> None:
        query = update.callback_query
        if query is None:
            return
        message = query.message if isinstance(query.message, Received) else None
        if message is None:
            await self._toast(query, None)
            return
        request = await self._request(message, query)
        action = decode(query.data or "")
        now = self._services.clock.monotonic()
        handler = ACTIONS[type(action)] if action is not None else None
        expensive = handler is not None and handler.expensive
        if not self._limits.admit(now, request.chat_id, request.user_id, expensive=expensive):
            await self._toast(query, notices.too_fast(request.words))
            return
        if action is None or handler is None:
            await self._toast(query, notices.button_answer(request.words))
            too_old = Reply(message=notices.button_too_old(request.words), fresh=True)
            await self._show(request, message, too_old)
            return
        self._questions.close(request)
        manager = await self._manages(request, handler)
        request = replace(request, manager=bool(manager))
        if handler.restricted and not manager:
            unknown = manager is None
            refused = notices.administrators_unknown if unknown else notices.only_administrators
            await self._toast(query, refused(request.words))
        else:
            reply = await answer(self._services, request, action)
            await self._answer_button(request, message, query, reply)

    async def _answer_button(
        self, request: RequestContext, message: Received, query: CallbackQuery, reply: Reply
    ) -> None:
        """Send the toast and show the reply; the toast says so if the group's limit drops the reply."""
        if request.kind is not ChatKind.GROUP or reply.message is None:
            await self._toast(query, reply.toast)
            await self._show(request, message, reply, pressed=query.data)
            return
        async with asyncio.TaskGroup() as group:
            showing = group.create_task(self._show(request, message, reply, pressed=query.data))
            done, _ = await asyncio.wait({showing}, timeout=DROP_SECONDS)
            dropped = bool(done) and showing.result() == NOT_SOON
            toast = notices.answer_dropped(request.words, reply.toast) if dropped else reply.toast
            await self._toast(query, toast)

    async def on_error(self, update: object, context: Context) -> None:
        """Log an error of a handler and send a notice to the chat that waits for a reply."""
        if isinstance(context.error, DuplicateUpdateError):
            return  # and answered
        log.error("an update could not be answered", exc_info=context.error)
        if context.error is not None:
            self._services.trouble("handler", context.error)
        if not isinstance(update, Update):
            return
        user = update.effective_user
        words = words_for((user.language_code if user else None) or "zh", self._services.site)
        if update.callback_query is not None:
            await self._toast(update.callback_query, notices.button_answer(words))
        message = update.effective_message
        if message is not None:
            to = Address(chat_id=message.chat.id, thread_id=_topic_of(message))
            await self._replies.send(to, notices.went_wrong(words))

    async def _load_contexts(self, everyone: Collection[ContextKey]) -> Mapping[ContextKey, KnownAsker]:
        return await self._services.database.read(lambda tx: tx.destinations.request_contexts(everyone))

    def _admits(self, message: Received, *, expensive: bool = False) -> bool:
        user = message.from_user
        if message.is_automatic_forward or message.via_bot is not None:
            return False  # a channel's command in its discussion group is the channel's
        if user is not None and user.is_bot and message.sender_chat is None:
            return False
        # All who write as a chat have the same account: GroupAnonymousBot, or Channel_Bot.
        sender = message.sender_chat or user
        sender_id = sender.id if sender is not None else None
        return self._limits.admit(
            self._services.clock.monotonic(), message.chat.id, sender_id, expensive=expensive
        )

    async def _request(self, message: Received, query: CallbackQuery | None = None) -> RequestContext:
        user = query.from_user if query is not None else message.from_user
        chat = message.chat
        thread = _topic_of(message)
        who = ContextKey(chat.id, thread or 0, user.id if user is not None else 0)
        known = await self._contexts.get(who)
        destination = known.destination
        if destination is not None and destination.standing is Standing.GONE:
            # It speaks to us, so it is back; Telegram's own word of that may have been missed.
            await self._services.database.write(lambda tx: tx.destinations.returned(chat.id))
        return RequestContext(
            chat_id=chat.id,
            thread_id=thread,
            kind=KINDS.get(chat.type, ChatKind.GROUP),
            user_id=user.id if user is not None else None,
            title=_title_of(message, destination),
            client=(user.language_code if user is not None else None) or "zh",
            destination=destination,
            known=known,
            forum=bool(chat.is_forum),
            site=self._services.site,
        )

    async def _manages(
        self, request: RequestContext, handler: Handler | None, message: Received | None = None
    ) -> bool | None:
        """Return whether the person, or who sent `message`, may change the chat; None if it is unknown.

        It is looked up for handlers that depend on it only, and is True for others.
        """
        if handler is None or not (handler.restricted or handler.role) or request.kind is ChatKind.PRIVATE:
            return True
        if message is not None and speaks_for_chat(message):
            return True
        if request.user_id is None:
            return request.kind is ChatKind.CHANNEL
        return await self._services.other_chats.is_admin(request.chat_id, request.user_id)

    async def _reply(self, request: RequestContext, message: Received, reply: Reply) -> None:
        self._questions.open(request, reply, self._services.clock.monotonic())
        reply = await self._with_document(request, reply)
        to, reply_to = _address(request), message.message_id if request.kind is ChatKind.GROUP else None
        if reply.picture is not None:
            png, caption = reply.picture
            outcome = await self._replies.send_photo(to, png, caption, reply_to=reply_to)
            if isinstance(outcome, Sent | InDoubt):
                return
        if reply.message is not None:
            await self._replies.send(to, reply.message, wish=request.preferences.format, reply_to=reply_to)

    async def _with_document(self, request: RequestContext, reply: Reply) -> Reply:
        """Send the file of a reply; return the reply, without the file's caption if that was not sent."""
        if reply.document is None:
            return reply
        outcome = await self._replies.send_document(_address(request), *reply.document)
        if isinstance(outcome, Sent | InDoubt):
            return reply
        return replace(reply, message=notices.went_wrong(request.words))

    async def _show(
        self, request: RequestContext, message: Received, reply: Reply, pressed: str | None = None
    ) -> Outcome | None:
        """Edit the message whose button was pressed, or send a new one below it; return the outcome."""
        if reply.replacement_button is not None and pressed is not None:
            await self._replace_button(message, pressed, reply.replacement_button, reply.named)
        if reply.delete:
            try:
                await message.delete()
            except TelegramError as error:  # after two days a bot may not delete its own messages any more
                log.info("a message could not be deleted: %s", error)
        reply = await self._with_document(request, reply)
        if reply.message is None:
            return None
        return await self._replies.send(
            _address(request),
            reply.message,
            wish=request.preferences.format,
            in_place_of=None if reply.fresh else message.message_id,
        )

    async def _replace_button(
        self,
        message: Received,
        pressed: str,
        replacement: tuple[str, Action],
        named: tuple[str, str] | None,
    ) -> None:
        changed = swapped(message.reply_markup, pressed, replacement, named)
        if changed is None:
            return
        try:
            await message.edit_reply_markup(changed)
        except TelegramError as error:
            log.info("a button could not be changed: %s", error)

    async def _toast(self, query: CallbackQuery, text: str | None) -> None:
        async def send() -> None:
            try:
                await query.answer(text)
            except TelegramError as error:
                log.info("a button could not be answered: %s", error)

        fields = {"text": text} if text else {}
        call = {"method": "answerCallbackQuery", "callback_query_id": query.id, **fields}
        if not attach(call, send):
            await send()


def _topic_of(message: Received) -> int | None:
    return message.message_thread_id if message.is_topic_message else None


def _title_of(message: Received, destination: Destination | None) -> str:
    """Return the title of the chat, with the name of its topic where it is known."""
    chat = message.chat.title or message.chat.full_name or ""
    if not message.is_topic_message:
        return chat
    if (topic := topic_name(message)) is not None:
        return title_with_topic(chat, topic)
    known = destination is not None and destination.title.startswith(title_with_topic(chat, ""))
    return destination.title if destination is not None and known else chat


def split_command(text: str) -> tuple[str, str]:
    """Return `/series@bot RoPE` as ("series@bot", "RoPE"); a line break separates too."""
    command, *rest = text.split(maxsplit=1) or [""]
    return command.removeprefix("/"), rest[0] if rest else ""


def _address(request: RequestContext) -> Address:
    return Address(chat_id=request.chat_id, thread_id=request.thread_id)


def swapped(
    keyboard: InlineKeyboardMarkup | None,
    pressed: str,
    replacement: tuple[str, Action],
    named: tuple[str, str] | None = None,
) -> InlineKeyboardMarkup | None:
    """Return the keyboard with the `pressed` button replaced; None if it has no such button."""
    if keyboard is None:
        return None
    rows = keyboard.to_dict()["inline_keyboard"]
    found = [button for row in rows for button in row if button.get("callback_data") == pressed]
    for button in found:
        has_name = named is not None and named[1] in button["text"]
        button["text"] = named[0] if named is not None and has_name else replacement[0]
        button["callback_data"] = encode(replacement[1])
    return InlineKeyboardMarkup.de_json({"inline_keyboard": rows}, None) if found else None


NEW = filters.UpdateType.MESSAGE | filters.UpdateType.CHANNEL_POST
CONTENT = (
    filters.PHOTO | filters.VOICE | filters.VIDEO | filters.AUDIO | filters.Sticker.ALL | filters.Document.ALL
    | filters.LOCATION | filters.CONTACT | filters.POLL | filters.VIDEO_NOTE | filters.ANIMATION
)  # fmt: skip


Handle = Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]]


def register(
    application: Application,  # type: ignore[type-arg]
    conversation: ChatHandlers,
    membership: MembershipHandlers,
    inline: InlineQueries,
    metrics: Metrics,
) -> None:
    """Register a handler for every kind of update, each counted by its kind."""

    def measured(kind: str, handle: Handle) -> Handle:
        async def handled(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
            metrics.updated(kind)
            with metrics.handling(kind):
                await handle(update, context)

        return handled

    def message(which: filters.BaseFilter, kind: str, handle: Handle) -> None:
        application.add_handler(MessageHandler(which, measured(kind, handle)))

    mine = ChatMemberHandler.MY_CHAT_MEMBER
    application.add_handler(CallbackQueryHandler(measured("button", conversation.on_button)))
    application.add_handler(ChatMemberHandler(measured("membership", membership.on_change), mine))
    message(filters.StatusUpdate.MIGRATE, "migration", membership.on_migration)
    message(filters.StatusUpdate.CHAT_SHARED, "chosen chat", conversation.on_shared)
    application.add_handler(InlineQueryHandler(measured("inline query", inline.on_query)))
    message(NEW & filters.COMMAND, "command", conversation.on_command)
    private = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
    message(private & filters.TEXT, "words", conversation.on_words)
    message(private & CONTENT, "content", conversation.on_other)
    application.add_handler(TypeHandler(Update, measured("nothing for us", _pass_over)))
    application.add_error_handler(conversation.on_error)


async def _pass_over(_update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Ignore messages of a group and updates that need no reply."""

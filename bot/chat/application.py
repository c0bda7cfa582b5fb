"""Registration of the update handlers, in order: commands before plain text."""

from collections.abc import Callable, Coroutine
from typing import Any

from telegram import Update
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

from bot.chat.handlers import ChatHandlers
from bot.chat.inline import InlineQueries
from bot.chat.membership import MembershipHandlers
from bot.ops.metrics import Metrics

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

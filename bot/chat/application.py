"""Which update goes to which handler. Order matters: commands before plain words."""

from telegram.ext import (
    Application,
    CallbackQueryHandler,
    ChatMemberHandler,
    InlineQueryHandler,
    MessageHandler,
    filters,
)

from bot.chat.conversation import Conversation
from bot.chat.inline import Inline
from bot.chat.membership import Membership

NEW = filters.UpdateType.MESSAGE | filters.UpdateType.CHANNEL_POST
CONTENT = (
    filters.PHOTO | filters.VOICE | filters.VIDEO | filters.AUDIO | filters.Sticker.ALL | filters.Document.ALL
    | filters.LOCATION | filters.CONTACT | filters.POLL | filters.VIDEO_NOTE | filters.ANIMATION
)  # fmt: skip


def register(
    application: Application,  # type: ignore[type-arg]
    conversation: Conversation,
    membership: Membership,
    inline: Inline,
) -> None:
    application.add_handler(CallbackQueryHandler(conversation.on_button))
    application.add_handler(ChatMemberHandler(membership.on_change, ChatMemberHandler.MY_CHAT_MEMBER))
    application.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, membership.on_migration))
    application.add_handler(MessageHandler(filters.StatusUpdate.CHAT_SHARED, conversation.on_shared))
    application.add_handler(InlineQueryHandler(inline.on_query))
    application.add_handler(MessageHandler(NEW & filters.COMMAND, conversation.on_command))
    private = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
    application.add_handler(MessageHandler(private & filters.TEXT, conversation.on_words))
    application.add_handler(MessageHandler(private & CONTENT, conversation.on_other))
    application.add_error_handler(conversation.on_error)

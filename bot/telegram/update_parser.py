"""Update parser: builds the library's Update objects directly, without the fields that no handler reads.

With the library's own parser the webhook handles 0.73 times as many updates a second (median of five pairs of
runs), and in two of five fewer than the goal of 1,000.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from inspect import Parameter, signature
from typing import Any

from telegram import (
    Bot,
    CallbackQuery,
    Chat,
    ChatMember,
    ChatMemberAdministrator,
    ChatMemberBanned,
    ChatMemberOwner,
    ChatMemberRestricted,
    InlineKeyboardMarkup,
    Message,
    MessageEntity,
    Update,
    User,
)
from telegram.error import TelegramError
from telegram.ext import Application

from bot.telegram.http_request import as_json, ready

POSTS = ("message", "channel_post")
# The fields of most text messages.
PLAIN = frozenset({
    "message_id", "date", "chat", "from", "text", "entities", "message_thread_id", "is_topic_message",
    "reply_markup",
})  # fmt: skip
# The fields that are read of a message whose button was pressed; its text may be long.
PRESSED = PLAIN - {"text", "entities"}
# Fields that no handler reads.
UNREAD = frozenset({"reply_to_message", "external_reply", "quote", "link_preview_options", "pinned_message"})


MEMBERS: Mapping[str, type[ChatMember]] = {
    ChatMember.ADMINISTRATOR: ChatMemberAdministrator,
    ChatMember.RESTRICTED: ChatMemberRestricted,
    ChatMember.BANNED: ChatMemberBanned,
    ChatMember.OWNER: ChatMemberOwner,
}
NO_RIGHTS = frozenset({"user", "status", "api_kwargs"})


LARGEST = 2**63  # of an identifier in the database


class _Unchecked:
    """Mixin that skips the library's check at each of a hundred attribute assignments."""

    __slots__ = ()
    __setattr__ = object.__setattr__


class _Update(_Unchecked, Update):
    __slots__ = ()


class _Message(_Unchecked, Message):
    __slots__ = ()


class _Chat(_Unchecked, Chat):
    __slots__ = ()


class _User(_Unchecked, User):
    __slots__ = ()


def read_update(update: Mapping[str, Any], bot: Bot) -> Update:
    """Parse `update` without the fields that no handler reads. Raises any error for a wrong shape."""
    read = _parsed(update, bot)
    _check(read)
    return read


def _check(update: Update) -> None:
    """Raise TypeError where a field that handlers read has a wrong type: the library checks none."""
    chat, user, message = update.effective_chat, update.effective_user, update.effective_message
    query, inline = update.callback_query, update.inline_query
    placed, personal = message or update.my_chat_member, query or inline or update.my_chat_member
    if (placed is not None and chat is None) or (personal is not None and user is None):
        raise TypeError("a chat or a person is missing")
    texts = (
        user and user.language_code, chat and chat.title, chat and chat.type, message and message.text,
        query and query.data, query and query.id, inline and inline.query, inline and inline.offset,
    )  # fmt: skip
    if not all(text is None or isinstance(text, str) for text in texts):
        raise TypeError("a text has another type")
    numbers = [each.id for each in (user, chat, message) if each is not None]
    if message is not None and message.message_thread_id is not None:
        numbers.append(message.message_thread_id)
    if not all(type(number) is int and abs(number) < LARGEST for number in numbers):
        raise TypeError("an identifier is none")


def _parsed(update: Mapping[str, Any], bot: Bot) -> Update:
    for kind in POSTS:
        if (post := update.get(kind)) is not None:
            return _update(update, bot, {kind: _post(post, bot)})
    if (query := update.get("callback_query")) is not None:
        return _update(update, bot, {"callback_query": _query(query, bot)})
    if (change := update.get("my_chat_member")) is not None:
        members = {name: completed_member(change[name]) for name in ("old_chat_member", "new_chat_member")}
        update = {**update, "my_chat_member": {**change, **members}}
    return Update.de_json(dict(update), bot)


async def fetch_chat_member(bot: Bot, chat_id: int, user_id: int) -> ChatMember:
    """Return a member of a chat, also from a server whose Bot API lacks newer fields.

    Raises TelegramError.
    """
    body = as_json({"chat_id": chat_id, "user_id": user_id})
    answer = await bot.request.post(f"{bot.base_url}/getChatMember", ready(body))
    try:
        return ChatMember.de_json(completed_member(answer), bot)  # type: ignore[arg-type]
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise TelegramError(f"getChatMember: {type(error).__name__}") from None


def completed_member(member: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ChatMember with False for the required rights that a server older than Bot API 6.9 lacks.

    Optional ones that an administrator lacks mean nothing: those of channels are missing in groups. Of a
    restricted member they are optional in the library's signature only.
    """
    kind = MEMBERS.get(member["status"], ChatMember)
    every = kind is ChatMemberRestricted
    rights = [
        name
        for name, each in signature(kind).parameters.items()
        if name not in NO_RIGHTS and (each.default is Parameter.empty or (every and name.startswith("can_")))
    ]
    return dict.fromkeys(rights, False) | dict(member)


def _update(update: Mapping[str, Any], bot: Bot, part: Mapping[str, Any]) -> Update:
    read = _Update(update["update_id"], **part)
    read.set_bot(bot)
    return read


def _query(query: Mapping[str, Any], bot: Bot) -> CallbackQuery:
    message = query.get("message")
    if message is None:
        return CallbackQuery.de_json(dict(query), bot)
    read = CallbackQuery(
        id=query["id"],
        from_user=_User.de_json(query["from"], bot),
        chat_instance=query["chat_instance"],
        message=_plain({name: message[name] for name in PRESSED if name in message}, bot),
        data=query.get("data"),
    )
    read.set_bot(bot)
    return read


def _post(post: Mapping[str, Any], bot: Bot) -> Message:
    if post.keys() <= PLAIN:
        return _plain(post, bot)
    read = {name: value for name, value in post.items() if name not in UNREAD}
    if (topic := _topic_start(post)) is not None:
        read["reply_to_message"] = topic
    return _Message.de_json(read, bot)


def _topic_start(post: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the message that created the post's topic, which Telegram attaches to those of the topic."""
    first = post.get("reply_to_message")
    if not isinstance(first, dict) or "forum_topic_created" not in first:
        return None
    return {name: first[name] for name in ("message_id", "date", "chat", "forum_topic_created")}


def topic_name(message: Message) -> str | None:
    """Return the name of the message's topic, as it was created; None where Telegram does not tell it."""
    first = message.reply_to_message
    created = None if first is None else first.forum_topic_created
    return None if created is None else created.name


def _plain(post: Mapping[str, Any], bot: Bot) -> Message:
    sender, markup = post.get("from"), post.get("reply_markup")
    read = _Message(
        message_id=post["message_id"],
        date=datetime.fromtimestamp(post["date"], UTC),
        chat=_Chat.de_json(post["chat"], bot),
        from_user=None if sender is None else _User.de_json(sender, bot),
        text=post.get("text"),
        entities=MessageEntity.de_list(post.get("entities") or [], bot),
        message_thread_id=post.get("message_thread_id"),
        is_topic_message=post.get("is_topic_message"),
        reply_markup=None if markup is None else InlineKeyboardMarkup.de_json(markup, bot),
    )
    read.set_bot(bot)
    return read


class StatelessApplication(Application[Any, Any, Any, Any, Any, Any]):
    """Application that does not collect the ids of chats and people: 22 MB after 200,000 of them."""

    __slots__ = ()

    def _mark_for_persistence_update(
        self, *, update: object | None = None, job: object | None = None
    ) -> None:
        """Do nothing: there is no persistence that would use the ids."""

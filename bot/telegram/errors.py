"""Classification of Bot API errors: maps an exception of a send to an Outcome.

Error texts are no part of Telegram's contract and python-telegram-bot changes their case, so fragments are
matched in lower case. An unrecognised text is Rejected, never Sent.
"""

import re
import warnings
from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bot.ops.logging import redact
from bot.telegram.http_request import UNCLEAR_STATUSES, NotSentError, SlotExpiredError
from storage.model import Fault, Gone, InDoubt, Moved, Outcome, Pause, Rejected, RetryLater, Sent

# Seconds before a retry for which Telegram names none; the backoff may lengthen them.
_UNREACHABLE, _NOT_TELEGRAM, _BOT_PAUSE, _CONFLICT = 5.0, 30.0, 60.0, 30.0

_UNCHANGED = "message is not modified"

# Refusals of whatever the bot sends, to any chat.
_BOT_REFUSED = (
    "logged out",
    "already been closed",
    "unallowed token",  # another server has this bot
    "frozen_method_invalid",
    "balance_too_low",  # of the Stars that a paid rate costs
)

_GONE = (
    "bot was blocked",
    "user is deactivated",
    "user_deactivated",
    "user_is_blocked",
    "bot can't initiate conversation",
    "bot was kicked",
    "bot is not a member",
    "group chat was deleted",
    "group chat was deactivated",
    "can't send messages to the bot",
    "can't send messages to bots",
    "channel_private",
    "user_is_bot",
    "you_blocked_user",
    "group chat was upgraded",  # without the number of the new one
)

# The first fault with a fragment in the text wins: the rights a rich message needs are about its content.
_FAULTS: tuple[tuple[Fault, tuple[str, ...]], ...] = (
    (
        Fault.CHAT,
        ("chat not found", "chat_id_invalid", "peer_id_invalid", "channel_invalid", "can't access the chat"),
    ),
    (Fault.TOPIC, ("message thread not found", "topic_closed", "topic_deleted", "topic_id_invalid")),
    (
        Fault.TARGET,
        (
            "message to edit not found",
            "message to be replied not found",
            "message to reply not found",
            "replied message not found",
            "message to delete not found",
            "message can't be edited",
            "message can't be deleted",
            "message_id_invalid",
            "msg_id_invalid",
            "there is no text in the message to edit",
        ),
    ),
    (
        Fault.CONTENT,
        (
            "can't parse",
            "too long",
            "too_long",
            "text is empty",
            "message_empty",
            "must be non-empty",
            "rich_message_",
            "rich_validate_",
            "rich message",
            "not enough rights to send photos",  # text may still be allowed
            "not enough rights to send documents",
            "rich text",
            "list must be either",
            "block is not allowed",
            "heading size",
            "encoded in utf-8",
            "button_",
            "button url",
            "button web app url",
            "wrong http url",
            "reply_markup_invalid",
            "document_invalid",
            "entity ",
            "entities",
            "entity_",
            "too large",
            "too big",
            "photo_",
            "media_",
            "webpage_",
            "wrong file identifier",
            "wrong type of the web page content",
            "failed to get http url content",
            "image_process_failed",
            "file must be non-empty",
        ),
    ),
    (
        Fault.RIGHTS,
        (
            "not enough rights",
            "have no rights",
            "need administrator rights",
            "no write access",
            "chat_write_forbidden",
            "chat_restricted",
            "chat_admin_required",
            "chat_send_",
            "chat_guest_send_forbidden",
            "user_restricted",
            "user_banned_in_channel",
            "premium_required",
            "premium_account_required",
            "payment_required",
        ),
    ),
)


def outcome_of(error: BaseException) -> Outcome:
    """Return the outcome of a message whose request raised `error`.

    BadRequest is a NetworkError in python-telegram-bot, so the narrow classes are matched first. An error of
    another library leaves open whether the message was sent: the answer may have failed to parse.
    """
    reason = _reason(error)
    match error:
        case RetryAfter():
            return RetryLater(retry_seconds(error), reason, flood=True)
        case ChatMigrated(new_chat_id=chat_id):
            return Moved(chat_id)
        case SlotExpiredError():
            return RetryLater(0.0, reason, pause=Pause.NONE)
        case NotSentError():
            return RetryLater(_UNREACHABLE, reason, pause=Pause.BOT)
        case TelegramError() if _is_foreign_page(error):
            return _foreign_page(error, reason)
        case EndPointNotFound() | InvalidToken():
            return _token_or_method(error)
        case Conflict():
            return RetryLater(_CONFLICT, reason)
        case Forbidden():
            return Gone(reason) if _says(reason, _GONE) else Rejected(reason, Fault.RIGHTS)
        case BadRequest():
            return _bad_request(reason)
        case _:
            return InDoubt(reason)


def _bad_request(reason: str) -> Outcome:
    if _says(reason, (_UNCHANGED,)):
        return Sent(None)
    if _says(reason, _BOT_REFUSED):
        return RetryLater(_BOT_PAUSE, reason, pause=Pause.BOT)
    if _says(reason, _GONE):
        return Gone(reason)
    return Rejected(reason, next((fault for fault, words in _FAULTS if _says(reason, words)), Fault.OTHER))


def _is_foreign_page(error: TelegramError) -> bool:
    """Return whether the answer was not JSON: a page of a proxy, firewall or overloaded gateway."""
    return "Parsing the server response" in error.message


def _foreign_page(error: TelegramError, reason: str) -> Outcome:
    """Return the outcome of such a page: a refusal by it means that nothing was sent."""
    status = re.search(r"\((4\d\d)\)", error.message)
    if status is None or int(status[1]) in UNCLEAR_STATUSES:
        return InDoubt(_short(reason))
    if int(status[1]) == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Rejected(_short(reason), Fault.CONTENT)
    return RetryLater(_NOT_TELEGRAM, _short(reason), flood=True)  # of its chat, exactly so long


def _token_or_method(error: TelegramError) -> Outcome:
    """Return the outcome of a 401 or 404: python-telegram-bot has one class for token and method."""
    cause = error.__cause__ if isinstance(error.__cause__, TelegramError) else error
    if _is_foreign_page(cause):
        return _foreign_page(cause, _reason(cause))
    reason = _reason(cause)
    if _says(reason, ("method not found",)):
        return Rejected(reason, Fault.METHOD)
    return RetryLater(_BOT_PAUSE, reason, pause=Pause.TOKEN)


def retry_seconds(error: RetryAfter) -> float:
    """Return the seconds of a RetryAfter, whose type depends on the library's configuration."""
    with warnings.catch_warnings():  # the library warns that its type will change
        warnings.simplefilter("ignore")
        after = error.retry_after
    return after.total_seconds() if isinstance(after, timedelta) else float(after)


def _says(reason: str, fragments: Iterable[str]) -> bool:
    text = reason.lower()
    return any(fragment in text for fragment in fragments)


def _short(reason: str) -> str:
    return reason.partition(". Parsing")[0]


def _reason(error: BaseException) -> str:
    """Return one line for logs and for the delivery's row."""
    if isinstance(error, TelegramError):
        return redact(error.message)
    return redact(f"{type(error).__name__}: {error}").removesuffix(": ")

"""The update parser builds the objects of the library, without the unused fields."""

from typing import Any

import pytest
from telegram import Bot, Message, Update

from bot.telegram.update_parser import PRESSED, UNREAD, read_update

BOT = Bot("1:token")
READER = {"id": 5, "is_bot": False, "first_name": "A", "language_code": "zh-hans", "is_premium": True}
PRIVATE = {"id": 5, "type": "private", "first_name": "A"}
FORUM = {"id": -1005, "type": "supergroup", "title": "F", "is_forum": True}
WORDS = {"message_id": 3, "date": 1_700_000_000, "chat": PRIVATE, "from": READER, "text": "/tag 概率 😀"}
COMMAND = {"entities": [{"type": "bot_command", "offset": 0, "length": 4}]}
IN_TOPIC = {"chat": FORUM, "message_thread_id": 7, "is_topic_message": True}
OTHER = {"message_id": 1, "date": 1, "chat": FORUM, "text": "earlier"}
KEYBOARD = {
    "inline_keyboard": [[{"text": "+", "callback_data": "1l:2"}, {"text": "u", "url": "https://x.y"}]]
}
PHOTO = {"photo": [{"file_id": "f", "file_unique_id": "u", "width": 9, "height": 9}], "caption": "c"}
SHARED = {"chat_shared": {"request_id": 1, "chat_id": -1006, "title": "T"}}
CARD = {**WORDS, "text": "long", "reply_markup": KEYBOARD, "link_preview_options": {"is_disabled": True}}
QUERY = {"id": "9", "from": READER, "chat_instance": "1", "data": "1l:2"}
MEMBER = {"user": READER, "status": "member"}
CHANGE = {
    "chat": FORUM, "from": READER, "date": 1, "old_chat_member": MEMBER,
    "new_chat_member": {"user": READER, "status": "left"},
}  # fmt: skip

UPDATES: dict[str, dict[str, Any]] = {
    "words": {"message": WORDS},
    "a command": {"message": WORDS | COMMAND},
    "in a topic": {"message": WORDS | IN_TOPIC},
    "in a topic, answering": {"message": WORDS | IN_TOPIC | {"reply_to_message": OTHER}},
    "for its chat": {"message": WORDS | {"chat": FORUM, "sender_chat": FORUM}},
    "in a channel": {"channel_post": {"message_id": 3, "date": 1, "chat": FORUM, "text": "x"}},
    "a picture": {"message": {**{k: v for k, v in WORDS.items() if k != "text"}, **PHOTO}},
    "a chosen chat": {"message": {k: v for k, v in WORDS.items() if k != "text"} | SHARED},
    "a group that moved": {"message": WORDS | {"chat": FORUM, "migrate_to_chat_id": -1007}},
    "words with something new": {"message": WORDS | {"from": READER | {"mood": "good"}}},
    "a pressed button": {"callback_query": QUERY | {"message": CARD}},
    "one of a message that is gone": {
        "callback_query": QUERY | {"message": {"message_id": 3, "date": 0, "chat": PRIVATE}}
    },
    "one of a message sent from inline mode": {"callback_query": QUERY | {"inline_message_id": "i"}},
    "an inline query": {"inline_query": {"id": "1", "from": READER, "query": "q", "offset": ""}},
    "a membership": {"my_chat_member": CHANGE},
    "something new": {"brand_new": {"x": 1}},
}


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
def test_what_is_read(update: dict[str, Any]) -> None:
    given = {"update_id": 1, **update}
    theirs = Update.de_json(given, BOT)
    ours = read_update(given, BOT)
    assert looked_at(ours.to_dict()) == looked_at(theirs.to_dict())
    assert ours.effective_user == theirs.effective_user
    assert ours.effective_chat == theirs.effective_chat
    assert ours.effective_message == theirs.effective_message
    assert ours.get_bot() is BOT
    for message in (one for one in (ours.effective_message,) if isinstance(one, Message)):
        assert message.get_bot() is BOT
        assert message.chat.get_bot() is BOT


def looked_at(update: dict[str, Any]) -> dict[str, Any]:
    """Without what is left out on purpose."""
    shown = dict(update)
    for kind in ("message", "channel_post"):
        if kind in shown:
            shown[kind] = {name: value for name, value in shown[kind].items() if name not in UNREAD}
    if "message" in shown.get("callback_query", {}):
        pressed = shown["callback_query"]["message"]
        kept = {name: value for name, value in pressed.items() if name in PRESSED}
        shown["callback_query"] = shown["callback_query"] | {"message": kept}
    return shown


@pytest.mark.parametrize("status", ["administrator", "restricted", "kicked", "creator", "member", "left"])
def test_a_member_without_newer_fields_is_read(status: str) -> None:
    """A server older than Bot API 6.9 has fewer rights (CHANGELOG of the Bot API, 22 September 2023)."""
    change = {
        "update_id": 7,
        "my_chat_member": {
            "chat": {"id": -5, "type": "group", "title": "群"},
            "from": {"id": 1, "is_bot": False, "first_name": "甲"},
            "date": 1_700_000_000,
            "old_chat_member": {"user": {"id": 4242, "is_bot": True, "first_name": "b"}, "status": "left"},
            "new_chat_member": {"user": {"id": 4242, "is_bot": True, "first_name": "b"}, "status": status},
        },
    }
    read = read_update(change, BOT).my_chat_member
    assert read is not None
    assert read.new_chat_member.status == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": WORDS | {"chat": {"id": {}, "type": "private"}}},
        {"message": WORDS | {"chat": {"id": 5, "type": []}}},
        {"message": WORDS | {"from": READER | {"language_code": ["zh"]}}},
        {"message": WORDS | {"text": {"a": 1}}},
        {"message": WORDS | {"message_id": "3"}},
        {"callback_query": QUERY | {"message": CARD, "data": 7}},
        {"callback_query": QUERY | {"message": CARD, "from": None}},
        {"inline_query": {"id": "1", "from": None, "query": "q", "offset": ""}},
        {"inline_query": {"id": "1", "from": READER, "query": None, "offset": []}},
    ],
    ids=str,
)
def test_a_wrong_type_is_refused_before_a_handler_meets_it(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, AttributeError)):
        read_update({"update_id": 1, **wrong}, BOT)

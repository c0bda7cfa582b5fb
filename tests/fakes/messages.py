"""Sending, editing and deleting messages at the fake server."""

import time
from typing import Any

from tests.fakes.chats import Chat, Posted
from tests.fakes.checks import check_keyboard, check_text
from tests.fakes.params import Params
from tests.fakes.replies import Refusal, bad
from tests.fakes.rich import check_rich, shown
from tests.fakes.world import World

_SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as "
    "a current content and reply markup of the message"
)


def open_chat(world: World, params: Params) -> Chat:
    """The chat that the request names, if the bot may write there."""
    chat_id = params["chat_id"]
    if not isinstance(chat_id, int):
        raise bad("chat not found")
    chat = world.known_chat(chat_id)
    chat.check_open()
    chat.check_topic(params.get("message_thread_id"), strangers=world.strangers)
    return chat


def _new(world: World, chat: Chat, params: Params) -> Posted:
    """A message with everything that all kinds of messages share."""
    reply = params.get("reply_parameters") or {}
    reply_to = reply.get("message_id") or params.get("reply_to_message_id")
    ours = chat.find(reply_to) if reply_to else None
    if reply_to and not ours and reply_to not in chat.said and not reply.get("allow_sending_without_reply"):
        raise bad("message to be replied not found")
    return Posted(
        chat_id=chat.id,
        message_id=world.number(),
        keyboard=check_keyboard(params.get("reply_markup")),
        thread_id=params.get("message_thread_id"),
        reply_to=reply_to,
        silent=bool(params.get("disable_notification")),
    )


def _accept(world: World, chat: Chat, posted: Posted) -> Any:
    _meter(world, chat.id)
    world.post(posted)
    return chat.message_json(posted)


def _meter(world: World, chat_id: int) -> None:
    wait = world.meter.retry_after(time.monotonic(), chat_id)
    if wait is not None:
        raise Refusal(429, f"Too Many Requests: retry after {wait}", retry_after=wait)


async def send_message(world: World, params: Params) -> Any:
    chat = open_chat(world, params)
    posted = _new(world, chat, params)
    _fill_text(posted, params)
    return _accept(world, chat, posted)


def _fill_text(posted: Posted, params: Params) -> None:
    html = params.get("text")
    posted.text, posted.entities = check_text(html, params.get("parse_mode"), params.get("entities"))
    posted.html, posted.blocks = html, None
    posted.preview = params.get("link_preview_options")


async def send_rich_message(world: World, params: Params) -> Any:
    if not world.rich:
        raise Refusal(404, "Not Found: method not found")
    chat = open_chat(world, params)
    posted = _new(world, chat, params)
    _fill_rich(posted, params)
    return _accept(world, chat, posted)


def _fill_rich(posted: Posted, params: Params) -> None:
    posted.blocks = check_rich(params["rich_message"])
    posted.text, posted.entities, posted.html = shown(posted.blocks), [], None
    for name in _attached(posted.blocks):
        if name not in params.files:
            raise bad(f'file "{name}" not found')


def _attached(tree: Any) -> list[str]:
    """The names of uploads that the blocks refer to."""
    if isinstance(tree, str):
        return [tree.removeprefix("attach://")] if tree.startswith("attach://") else []
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [name for child in children for name in _attached(child)]


async def send_photo(world: World, params: Params) -> Any:
    return _send_file(world, params, "photo")


async def send_document(world: World, params: Params) -> Any:
    return _send_file(world, params, "document")


def _send_file(world: World, params: Params, media: str) -> Any:
    chat = open_chat(world, params)
    posted = _new(world, chat, params)
    posted.media, posted.upload = media, params.files.get(media)
    if posted.upload is None:
        name = str(params[media]).removeprefix("attach://")
        posted.upload = params.files.get(name)
    if posted.upload == b"":
        raise bad("file must be non-empty")
    posted.html = params.get("caption")
    posted.text, posted.entities = check_text(
        posted.html, params.get("parse_mode"), params.get("caption_entities"), most=1024, caption=True
    )
    return _accept(world, chat, posted)


def _editable(world: World, params: Params, verb: str) -> tuple[Chat, Posted]:
    chat = open_chat(world, params)
    posted = chat.find(params["message_id"])
    if posted is None:
        raise bad(f"message to {verb} not found")
    return chat, posted


async def edit_message_text(world: World, params: Params) -> Any:
    if params.get("inline_message_id"):
        check_text(params.get("text"), params.get("parse_mode"), params.get("entities"))
        return True
    chat, posted = _editable(world, params, "edit")
    if posted.media:
        raise bad("there is no text in the message to edit")
    before = posted.content()
    keyboard = check_keyboard(params.get("reply_markup"))
    trial = Posted(chat_id=chat.id, message_id=posted.message_id, keyboard=keyboard)
    if params.get("rich_message") and world.rich:
        _fill_rich(trial, params)
    else:
        _fill_text(trial, params)
    if trial.content() == before:
        raise bad(_SAME)
    _meter(world, chat.id)
    for name in ("text", "entities", "html", "blocks", "keyboard", "preview"):
        setattr(posted, name, getattr(trial, name))
    posted.edits += 1
    world.changed()
    return chat.message_json(posted)


async def edit_message_reply_markup(world: World, params: Params) -> Any:
    if params.get("inline_message_id"):
        return True
    chat, posted = _editable(world, params, "edit")
    keyboard = check_keyboard(params.get("reply_markup"))
    if keyboard == posted.keyboard:
        raise bad(_SAME)
    _meter(world, chat.id)
    posted.keyboard = keyboard
    posted.edits += 1
    world.changed()
    return chat.message_json(posted)


async def delete_message(world: World, params: Params) -> Any:
    _, posted = _editable(world, params, "delete")
    posted.deleted = True
    world.changed()
    return True

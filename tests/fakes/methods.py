"""The methods of the Bot API that the bot may use, each with the checks and the words of the real one."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.fakes.chats import BOT, BOT_ID
from tests.fakes.checks import check_commands, check_inline, check_url
from tests.fakes.messages import (
    delete_message,
    edit_message_reply_markup,
    edit_message_text,
    open_chat,
    send_document,
    send_message,
    send_photo,
    send_rich_message,
)
from tests.fakes.params import Params
from tests.fakes.replies import Refusal, bad
from tests.fakes.rich import check_rich
from tests.fakes.world import World
from tests.tools.telegram_parser import units

Method = Callable[[World, Params], Awaitable[Any]]

_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


async def get_me(_world: World, _params: Params) -> Any:
    return BOT


async def get_updates(world: World, params: Params) -> Any:
    if world.webhook is not None:
        raise Refusal(
            409,
            "Conflict: can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first",
        )
    world.polls += 1
    mine = world.polls
    world.changed()
    if params.get("allowed_updates") is not None:
        world.allowed = params.get("allowed_updates")
    offset = params.get("offset", 0)
    if offset < 0:
        del world.updates[:offset]
    elif offset <= world.tail + 10:  # above that tqueue answers from its head (td/tdutils, TQueue.cpp)
        world.updates[:] = [each for each in world.updates if each["update_id"] >= offset]
    await world.until(lambda: bool(world.updates) or world.polls != mine, params.get("timeout", 0))
    if world.polls != mine:
        raise Refusal(
            409,
            "Conflict: terminated by other getUpdates request; "
            "make sure that only one bot instance is running",
        )
    return world.updates[: params.get("limit", 100)]


async def set_webhook(world: World, params: Params) -> Any:
    world.webhook = dict(params.values) if params.get("url") else None
    _drop(world, params)
    return True


async def delete_webhook(world: World, params: Params) -> Any:
    world.webhook = None
    _drop(world, params)
    return True


def _drop(world: World, params: Params) -> None:
    if params.get("drop_pending_updates"):
        world.updates.clear()
    if params.get("allowed_updates") is not None:
        world.allowed = params.get("allowed_updates")
    world.changed()


async def get_webhook_info(world: World, _params: Params) -> Any:
    url = world.webhook["url"] if world.webhook else ""
    return {"url": url, "has_custom_certificate": False, "pending_update_count": len(world.updates)}


async def answer_callback_query(world: World, params: Params) -> Any:
    query_id = str(params["callback_query_id"])
    if query_id not in world.pressed:
        raise bad(_TOO_OLD)
    if units(params.get("text") or "") > 200:
        raise bad("MESSAGE_TOO_LONG")
    world.pressed[query_id] = dict(params.values)
    world.changed()
    return True


async def answer_inline_query(world: World, params: Params) -> Any:
    query_id = str(params["inline_query_id"])
    if query_id not in world.asked:
        raise bad(_TOO_OLD)
    results = params["results"]
    check_inline(results, params.get("next_offset") or "", params.get("button"))
    for result in results:
        content = result.get("input_message_content", {})
        if "rich_message" in content:
            check_rich(content["rich_message"])
    world.asked[query_id] = dict(params.values)
    world.changed()
    return True


async def set_my_commands(world: World, params: Params) -> Any:
    check_commands(params["commands"])
    world.profile[_commands_key(params)] = params["commands"]
    return True


async def set_chat_menu_button(world: World, params: Params) -> Any:
    button = params["menu_button"]
    if button["type"] == "web_app":
        check_url(button["web_app"]["url"], "menu button Web App URL")
    world.profile["menu button", ""] = button
    return True


async def get_my_commands(world: World, params: Params) -> Any:
    return world.profile.get(_commands_key(params), [])


async def delete_my_commands(world: World, params: Params) -> Any:
    world.profile.pop(_commands_key(params), None)
    return True


def _commands_key(params: Params) -> tuple[str, str]:
    scope = params.get("scope") or {"type": "default"}
    return f"commands {json.dumps(scope, sort_keys=True)}", params.get("language_code") or ""


def _setter(field: str, most: int) -> Method:
    async def set_it(world: World, params: Params) -> Any:
        text = params.get(field) or ""
        if units(text) > most:
            raise bad(f"{field} is too long")
        world.profile[field, params.get("language_code") or ""] = text
        return True

    return set_it


def _getter(field: str) -> Method:
    async def get_it(world: World, params: Params) -> Any:
        language = params.get("language_code") or ""
        return {field: world.profile.get((field, language), world.profile.get((field, ""), ""))}

    return get_it


async def get_chat(world: World, params: Params) -> Any:
    chat = world.known_chat(params["chat_id"])
    return {**chat.json(), "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}


_NO_GIFTS = dict.fromkeys(
    ["unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"], False
)


async def get_chat_member(world: World, params: Params) -> Any:
    chat = world.known_chat(params["chat_id"])
    user = BOT if params["user_id"] == BOT_ID else user_json(params["user_id"])
    return world.member(chat.id, user)


async def get_chat_administrators(world: World, params: Params) -> Any:
    chat = world.known_chat(params["chat_id"])
    if chat.kind == "private":
        raise bad("there are no administrators in the private chat")
    people = [
        world.member(chat.id, user_json(each)) for each in sorted(world.administrators.get(chat.id, ()))
    ]
    return people + ([world.member(chat.id, BOT)] if chat.standing == "administrator" else [])


async def send_chat_action(world: World, params: Params) -> Any:
    open_chat(world, params)
    return True


async def leave_chat(world: World, params: Params) -> Any:
    world.known_chat(params["chat_id"]).standing = "left"
    return True


async def create_forum_topic(world: World, params: Params) -> Any:
    chat = open_chat(world, params)
    if not 1 <= units(params["name"]) <= 128:
        raise bad("TOPIC_TITLE_EMPTY")
    thread_id = world.number()
    chat.topics[thread_id] = "open"
    return {"message_thread_id": thread_id, "name": params["name"], "icon_color": 7322096}


def user_json(user_id: int, language: str | None = None) -> dict[str, Any]:
    spoken = {"language_code": language} if language else {}
    return {"id": user_id, "is_bot": False, "first_name": "Reader", **spoken}


METHODS: dict[str, Method] = {
    "getme": get_me,
    "getupdates": get_updates,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
    "sendmessage": send_message,
    "sendrichmessage": send_rich_message,
    "sendphoto": send_photo,
    "senddocument": send_document,
    "editmessagetext": edit_message_text,
    "editmessagereplymarkup": edit_message_reply_markup,
    "deletemessage": delete_message,
    "answercallbackquery": answer_callback_query,
    "answerinlinequery": answer_inline_query,
    "setchatmenubutton": set_chat_menu_button,
    "setmycommands": set_my_commands,
    "getmycommands": get_my_commands,
    "deletemycommands": delete_my_commands,
    "setmyname": _setter("name", 64),
    "setmydescription": _setter("description", 512),
    "setmyshortdescription": _setter("short_description", 120),
    "getmyname": _getter("name"),
    "getmydescription": _getter("description"),
    "getmyshortdescription": _getter("short_description"),
    "getchat": get_chat,
    "getchatmember": get_chat_member,
    "getchatadministrators": get_chat_administrators,
    "sendchataction": send_chat_action,
    "leavechat": leave_chat,
    "createforumtopic": create_forum_topic,
}

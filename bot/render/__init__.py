"""Rendering of a message in one of three forms: rich, classic HTML or plain text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.render.document import Button, Keyboard, Message, Pick
from bot.render.html import MAX_UNITS, plain, render_classic
from bot.render.rich import gains_from_rich, render_rich
from storage.model import Form, Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Rendered message: `rich`, or `html` (plain text if `markup` is False), and the keyboard as JSON."""

    form: Form
    rich: Mapping[str, object] | None = None
    html: str = ""
    markup: bool = True
    keyboard: str | None = None
    preview: str | None = None


def choose(message: Message, wish: Format, *, at_most: Form | None = None, rich: bool = True) -> Form:
    """Return the form for a chat that prefers `wish`, on a server with or without `rich`, up to `at_most`."""
    if at_most is not None and at_most is not Form.RICH:
        return at_most
    if not rich or wish is Format.CLASSIC:
        return Form.CLASSIC
    return Form.RICH if wish is Format.RICH or gains_from_rich(message.body) else Form.CLASSIC


def render(message: Message, form: Form) -> Rendered:
    """Return `message` in `form`, or in the next simpler form if it does not fit; see `Rendered.form`."""
    keyboard = keyboard_json(message.keyboard)
    if form is Form.RICH and (rich := render_rich(message)) is not None:
        return Rendered(form=Form.RICH, rich=rich, keyboard=keyboard)
    if form is Form.PLAIN:
        text = plain(message.body)[: MAX_UNITS // 2]
        return Rendered(form=form, html=text, markup=False, keyboard=keyboard_json(_inside(message.keyboard)))
    # Every view fits in one message; of a longer one only the first part is sent.
    html = render_classic(message)[0]
    return Rendered(form=Form.CLASSIC, html=html, keyboard=keyboard, preview=message.preview)


def _inside(keyboard: Keyboard) -> Keyboard:
    """Return the buttons without addresses: one that Telegram refuses would hold up the plain text, too."""
    rows = (tuple(each for each in row if each.url is None and each.web_app is None) for row in keyboard)
    return tuple(row for row in rows if row)


def keyboard_json(keyboard: Keyboard) -> str | None:
    """Return the reply markup in the Bot API's JSON; None without buttons."""
    if not keyboard:
        return None
    if any(button.pick is not None for row in keyboard for button in row):
        picks = [[_picking(button) for button in row] for row in keyboard]
        return json.dumps(
            {"keyboard": picks, "resize_keyboard": True, "one_time_keyboard": True}, ensure_ascii=False
        )
    rows = [[_button(button) for button in row] for row in keyboard]
    return json.dumps({"inline_keyboard": rows}, ensure_ascii=False)


# Bot API, ChatAdministratorRights: the rights the bot requests, which its user must have as well.
POSTING = {
    name: name in ("can_manage_chat", "can_post_messages", "can_edit_messages")
    for name in (
        "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats",
        "can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users",
        "can_post_stories", "can_edit_stories", "can_delete_stories",
        "can_post_messages", "can_edit_messages",
    )
}  # fmt: skip
MANAGING = POSTING | {"can_post_messages": False, "can_edit_messages": False}


def _picking(button: Button) -> dict[str, Any]:
    """Return a button that opens Telegram's list of the chats its user administers."""
    channel = button.pick is Pick.CHANNEL
    request: dict[str, Any] = {
        "request_id": int(button.pick or Pick.GROUP),
        "chat_is_channel": channel,
        "request_title": True,
        "user_administrator_rights": POSTING if channel else MANAGING,
    }
    wanted = {"bot_administrator_rights": POSTING} if channel else {"bot_is_member": True}
    return {"text": button.text, "request_chat": request | wanted}


def _button(button: Button) -> dict[str, Any]:
    shown: dict[str, Any] = {"text": button.text}
    if button.action is not None:
        return shown | {"callback_data": button.action}
    if button.url is not None:
        return shown | {"url": button.url}
    if button.web_app is not None:
        return shown | {"web_app": {"url": button.web_app}}
    if button.copy is not None:
        return shown | {"copy_text": {"text": button.copy}}
    return shown | {"switch_inline_query": button.share or ""}

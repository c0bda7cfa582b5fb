"""The Bot API's checks of classic content: text, captions, keyboards, commands, inline results."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.replies import bad
from tests.tools.telegram_parser import Entity, ParseRefused, parse, trim, units

MOST_MARKUP_BYTES = 10_000  # undocumented; larger ones were refused
Keyboard = list[list[dict[str, Any]]]

_PAYLOADS = (
    "url",
    "callback_data",
    "copy_text",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "web_app",
    "login_url",
)


def check_text(
    text: str | None,
    mode: str | None,
    entities: list[Entity] | None = None,
    *,
    most: int = 4096,
    caption: bool = False,
) -> tuple[str, list[Entity]]:
    """The text as people see it; limits count after parsing."""
    if not text:
        if caption:
            return "", []
        raise bad("message text is empty")
    if mode:
        try:
            shown, found = parse(text, mode)
        except ParseRefused as refused:
            raise bad(str(refused)) from None
    else:
        shown, found = trim(text, _fitting(text, entities or []))
    if not shown and not caption:
        raise bad("text must be non-empty")
    if units(shown) > most:
        raise bad("message caption is too long" if caption else "message is too long")
    return shown, found


def _fitting(text: str, entities: list[Entity]) -> list[Entity]:
    length = units(text)
    for entity in entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        if start < 0:
            raise bad(f"receive an entity with incorrect offset {start}")
        if start >= length:
            raise bad(f"entity begins after the end of the text at UTF-16 offset {start}")
        if end > length:
            raise bad(
                f"entity beginning at UTF-16 offset {start} "
                f"ends after the end of the text at UTF-16 offset {end}"
            )
        if entity["type"] == "text_link":
            check_url(entity["url"], "entity URL")
    return entities


def check_keyboard(markup: dict[str, Any] | None) -> Keyboard:
    """The rows of an inline keyboard; other kinds of markup have none."""
    if not markup or "inline_keyboard" not in markup:
        return []
    rows: Keyboard = [row for row in markup["inline_keyboard"] if row]
    if len(json.dumps(markup, ensure_ascii=False).encode()) > MOST_MARKUP_BYTES:
        raise bad("reply markup is too long")
    if any(len(row) > 8 for row in rows) or sum(map(len, rows)) > 100:
        raise bad("reply markup is too long")
    for row in rows:
        for button in row:
            check_button(button)
    return rows


def check_button(button: dict[str, Any]) -> None:
    if not button.get("text", "").strip():
        raise bad("can't parse inline keyboard button: Text must be non-empty")
    given = [key for key in _PAYLOADS if key in button]
    if not given or button.get("callback_data") == "":
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(given) > 1:  # stricter than Telegram, which takes the first
        raise bad(f"can't parse inline keyboard button: more than one of {', '.join(given)}")
    if len(button.get("callback_data", "").encode()) > 64:
        raise bad("BUTTON_DATA_INVALID")
    if "url" in button:
        check_url(button["url"], "inline keyboard button URL")
    if "web_app" in button:
        check_url(button["web_app"]["url"], "inline keyboard button Web App URL")
    if "copy_text" in button and not 1 <= units(button["copy_text"]["text"]) <= 256:
        raise bad("BUTTON_COPY_TEXT_INVALID")
    if units(button.get("switch_inline_query") or button.get("switch_inline_query_current_chat") or "") > 256:
        raise bad("BUTTON_SWITCH_INLINE_QUERY_INVALID")


def check_url(url: str, what: str) -> None:
    """Telegram opens web addresses with a dotted host, and its own; not localhost."""
    parts = urlsplit(url)
    if parts.scheme == "tg":
        return
    if not parts.scheme or (parts.scheme in {"http", "https"} and "." not in (parts.hostname or "")):
        raise bad(f"{what} '{url}' is invalid: Wrong HTTP URL")
    if parts.scheme not in {"http", "https"}:
        raise bad(f"{what} '{url}' is invalid: Unsupported URL protocol")


def check_commands(commands: list[dict[str, Any]]) -> None:
    if len(commands) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= units(command["description"]) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")


def check_inline(results: list[dict[str, Any]], next_offset: str, button: dict[str, Any] | None) -> None:
    if len(results) > 50:
        raise bad("RESULTS_TOO_MUCH")
    ids = [result["id"] for result in results]
    if len(set(ids)) < len(ids):
        raise bad("RESULT_ID_DUPLICATE")
    if any(not 1 <= len(each.encode()) <= 64 for each in ids):
        raise bad("RESULT_ID_INVALID")
    if len(next_offset.encode()) > 64:
        raise bad("NEXT_OFFSET_INVALID")
    start = (button or {}).get("start_parameter", "x")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", start):
        raise bad("START_PARAM_INVALID")
    for result in results:
        if not result.get("title", "?"):
            raise bad("ARTICLE_TITLE_EMPTY")
        content = result.get("input_message_content", {})
        if "message_text" in content:
            check_text(content["message_text"], content.get("parse_mode"), content.get("entities"))
        check_keyboard(result.get("reply_markup"))

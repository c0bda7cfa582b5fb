"""A message that is about to be sent, as HTML laid out the way a client lays it out.

Reads what the Bot API would be given, rich blocks or classic HTML and the keyboard, so that it cannot show
anything that would not be sent. Pure.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from bot.messages.rendering import Rendered

_STYLES = {"bold": "b", "italic": "i", "code": "code"}


def bubble(message: Rendered) -> str:
    """The message with the buttons below it."""
    if message.rich is not None:
        blocks = message.rich["blocks"]
        said = _blocks(blocks if isinstance(blocks, list) else [])
        kind = "rich"
    else:
        said = _classic(message.html) if message.markup else escape(message.html, quote=False)
        kind = "classic"
    return f'<div class="message"><div class="bubble {kind}">{said}</div>{_keyboard(message.keyboard)}</div>'


def _classic(html: str) -> str:
    """Telegram's HTML is nearly a browser's; a line end after a quote or a listing belongs to it."""
    return html.replace("</blockquote>\n", "</blockquote>").replace("</pre>\n", "</pre>")


def _keyboard(keyboard: str | None) -> str:
    if keyboard is None:
        return ""
    markup = json.loads(keyboard)
    rows: Sequence[Sequence[Mapping[str, Any]]] = markup.get("inline_keyboard") or markup["keyboard"]
    shown = (f'<div class="row">{"".join(_button(button) for button in row)}</div>' for row in rows)
    return f'<div class="keyboard">{"".join(shown)}</div>'


def _button(button: Mapping[str, Any]) -> str:
    corner = (
        "↗"
        if "url" in button
        else "⧉"
        if "copy_text" in button
        else "⤳"
        if "switch_inline_query" in button
        else ""
    )
    mark = f"<sup>{corner}</sup>" if corner else ""
    return f"<span>{escape(str(button['text']))}{mark}</span>"


def _blocks(blocks: Iterable[Mapping[str, Any]]) -> str:
    return "".join(_block(block) for block in blocks)


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "paragraph":
            return f"<p>{_text(block['text'])}</p>"
        case "heading":
            return f"<h{block['size']}>{_text(block['text'])}</h{block['size']}>"
        case "footer":
            return f"<footer>{_text(block['text'])}</footer>"
        case "pre":
            return f"<pre>{_text(block['text'])}</pre>"
        case "mathematical_expression":
            return f'<div class="tex" data-display="1">{escape(block["expression"])}</div>'
        case "blockquote":
            return f"<blockquote>{_blocks(block['blocks'])}</blockquote>"
        case "list":
            return _list(block["items"])
        case kind:
            raise ValueError(f"the preview does not know blocks of the type {kind}")


def _list(items: Sequence[Mapping[str, Any]]) -> str:
    tag = "ol" if items and "type" in items[0] else "ul"
    lines = (f"<li{_value(item)}>{_blocks(item['blocks'])}</li>" for item in items)
    return f"<{tag}>{''.join(lines)}</{tag}>"


def _value(item: Mapping[str, Any]) -> str:
    return f' value="{int(item["value"])}"' if "value" in item else ""


def _text(text: Any) -> str:
    if isinstance(text, str):
        return escape(text, quote=False)
    if isinstance(text, list):
        return "".join(_text(each) for each in text)
    match text["type"]:
        case "mathematical_expression":
            return f'<span class="tex">{escape(text["expression"])}</span>'
        case "url":
            return f'<a href="{escape(text["url"])}">{_text(text["text"])}</a>'
        case kind:
            tag = _STYLES[kind]
            return f"<{tag}>{_text(text['text'])}</{tag}>"

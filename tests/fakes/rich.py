"""The checks and limits of rich messages (Bot API 10.3), and their text as people read it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.fakes.checks import check_button
from tests.fakes.replies import bad

Tree = dict[str, Any]

MOST_TEXT, MOST_BLOCKS, MOST_DEPTH, MOST_MEDIA, MOST_COLUMNS = 32_768, 500, 16, 50, 20

_MEDIA = {"photo", "video", "animation", "audio", "voice_note", "document"}
# type -> required fields, optional fields
_BLOCKS: dict[str, tuple[set[str], set[str]]] = {
    "paragraph": ({"text"}, set()),
    "heading": ({"text", "size"}, set()),
    "pre": ({"text"}, {"language"}),
    "footer": ({"text"}, set()),
    "divider": (set(), set()),
    "mathematical_expression": ({"expression"}, set()),
    "anchor": ({"name"}, set()),
    "list": ({"items"}, set()),
    "blockquote": ({"blocks"}, {"credit"}),
    "expandable_blockquote": ({"text"}, {"credit"}),
    "pullquote": ({"text"}, {"credit"}),
    "table": ({"cells"}, {"is_bordered", "is_striped", "is_compact", "caption"}),
    "details": ({"summary", "blocks"}, {"is_open"}),
    "collage": ({"blocks"}, {"caption"}),
    "slideshow": ({"blocks"}, {"caption"}),
    "map": ({"location", "zoom", "width", "height"}, {"caption"}),
    "buttons": ({"buttons"}, {"align"}),
    **{name: ({name}, {"caption"}) for name in _MEDIA},
}
_STYLES = {
    "bold", "italic", "underline", "strikethrough", "spoiler", "marked", "subscript", "superscript", "code"
}  # fmt: skip
_INLINES: dict[str, tuple[set[str], set[str]]] = {
    **{name: ({"text"}, set()) for name in _STYLES},
    "url": ({"text", "url"}, set()),
    "email_address": ({"text", "email_address"}, set()),
    "phone_number": ({"text", "phone_number"}, set()),
    "text_mention": ({"text", "user"}, set()),
    "date_time": ({"text", "unix_time"}, {"date_time_format"}),
    "custom_emoji": ({"custom_emoji_id", "alternative_text"}, set()),
    "mathematical_expression": ({"expression"}, set()),
    "anchor": ({"name"}, set()),
    "anchor_link": ({"text", "anchor_name"}, set()),
    "reference": ({"text", "name"}, set()),
    "reference_link": ({"text", "reference_name"}, set()),
    "button": ({"button"}, set()),
}
_CELL = {"text", "align", "valign", "is_header", "colspan", "rowspan"}
_ITEM = {"blocks", "has_checkbox", "is_checked", "value", "type"}


@dataclass(slots=True)
class _Tally:
    characters: int = 0
    blocks: int = 0
    media: int = 0


def check_rich(rich: Tree) -> list[Tree]:
    """The blocks of an InputRichMessage; html and markdown, parsed by Telegram alone, as one raw block."""
    forms = [name for name in ("blocks", "html", "markdown") if rich.get(name)]
    if len(forms) != 1:
        raise bad("rich message must be non-empty")
    if forms[0] != "blocks":
        return [{"type": "paragraph", "text": rich[forms[0]]}]
    tally = _Tally()
    for block in rich["blocks"]:
        _block(block, 1, tally)
    if tally.characters > MOST_TEXT:
        raise bad("RICH_MESSAGE_TEXT_TOO_LONG")
    if tally.blocks > MOST_BLOCKS:
        raise bad("RICH_MESSAGE_BLOCKS_TOO_MANY")
    if tally.media > MOST_MEDIA:
        raise bad("RICH_MESSAGE_MEDIA_TOO_MANY")
    blocks: list[Tree] = rich["blocks"]
    return blocks


def _fields(node: Tree, kinds: dict[str, tuple[set[str], set[str]]], what: str) -> str:
    kind = node.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise bad(f"can't parse {what}: Unsupported type specified")
    required, optional = kinds[kind]
    for name in sorted(required - node.keys()):
        raise bad(f"can't parse {what}: Can't find field \"{name}\"")
    _known(node, required | optional | {"type"}, what)
    return kind


def _known(node: Tree, names: set[str], what: str) -> None:
    # Telegram ignores unknown fields and then reports missing content; a test should name the field.
    for name in sorted(node.keys() - names):
        raise bad(f'can\'t parse {what}: unknown field "{name}"')


def _block(node: Any, depth: int, tally: _Tally) -> None:
    if not isinstance(node, dict):
        raise bad("can't parse InputRichBlock: expected an Object")
    _deep(depth)
    kind = _fields(node, _BLOCKS, "InputRichBlock")
    tally.blocks += 1
    for name in {"text", "summary", "credit"} & node.keys():
        _inline(node[name], depth + 1, tally)
    _content(node, kind, depth, tally)


def _content(node: Tree, kind: str, depth: int, tally: _Tally) -> None:
    if kind in {"heading", "pre"} and not plain(node["text"]).strip():
        raise bad("RICH_MESSAGE_CONTENT_REQUIRED")
    match kind:
        case "heading" if node["size"] not in range(1, 7):
            raise bad("heading size must be between 1 and 6")
        case "mathematical_expression":
            _formula(node, tally)
        case "list":
            _list(node["items"], depth, tally)
        case "table":
            _table(node, depth, tally)
        case "buttons":
            _buttons(node["buttons"])
        case "blockquote" | "details" | "collage" | "slideshow":
            _nested(node["blocks"], depth, tally)
        case _ if kind in _MEDIA:
            _media(node, kind, tally)
        case _:
            pass


def _buttons(buttons: list[Tree]) -> None:
    if not 1 <= len(buttons) <= 8:
        raise bad("can't parse InputRichBlock: wrong number of buttons")
    for button in buttons:
        check_button(button)


def _nested(blocks: list[Any], depth: int, tally: _Tally) -> None:
    if not blocks:
        raise bad("RICH_MESSAGE_CONTENT_REQUIRED")
    for block in blocks:
        _block(block, depth + 1, tally)


def _list(items: list[Tree], depth: int, tally: _Tally) -> None:
    if not items or len({"type" in item for item in items}) > 1:
        raise bad("List must be either ordered or unordered")
    for item in items:
        _known(item, _ITEM, "InputRichBlockListItem")
        if item.get("type", "1") not in {"a", "A", "i", "I", "1"}:
            raise bad("can't parse InputRichBlockListItem: wrong type")
        tally.blocks += 1
        _nested(item.get("blocks", []), depth, tally)


def _table(node: Tree, depth: int, tally: _Tally) -> None:
    if "caption" in node:
        _inline(node["caption"], depth + 1, tally)
    for row in node["cells"]:
        tally.blocks += 1
        if sum(cell.get("colspan", 1) for cell in row) > MOST_COLUMNS:
            raise bad("RICH_MESSAGE_TABLE_COLS_TOO_MANY")
        for cell in row:
            _known(cell, _CELL, "RichBlockTableCell")
            _inline(cell.get("text", ""), depth + 1, tally)


def _media(node: Tree, kind: str, tally: _Tally) -> None:
    tally.media += 1
    if not node[kind].get("media"):
        raise bad(f"RICH_MESSAGE_{kind.upper()}_INVALID")
    caption = node.get("caption")
    if caption is not None:
        if not isinstance(caption, dict):
            raise bad("can't parse RichBlockCaption: expected an Object")
        _inline(caption.get("text", ""), 1, tally)


def _inline(node: Any, depth: int, tally: _Tally) -> None:
    match node:
        case str():
            tally.characters += len(node)
        case list():
            for each in node:
                _inline(each, depth, tally)
        case dict():
            _deep(depth)
            _inline_object(node, _fields(node, _INLINES, "RichText"), depth, tally)
        case _:
            raise bad("can't parse RichText: Unsupported rich text type")


def _inline_object(node: Tree, kind: str, depth: int, tally: _Tally) -> None:
    if kind == "mathematical_expression":
        _formula(node, tally)
    elif kind == "button":
        check_button(node["button"])
    elif kind == "custom_emoji":
        tally.characters += len(node["alternative_text"])
    elif kind == "url" and not node["url"].startswith(
        ("http://", "https://", "mailto:", "tel:", "tg://", "#")
    ):
        raise bad("RICH_MESSAGE_URL_INVALID")
    if "text" in node:
        _inline(node["text"], depth + 1, tally)


def _formula(node: Tree, tally: _Tally) -> None:
    if not node["expression"].strip():
        raise bad("RICH_MESSAGE_CONTENT_REQUIRED")
    tally.characters += len(node["expression"])


def _deep(depth: int) -> None:
    if depth > MOST_DEPTH:
        raise bad("RICH_MESSAGE_DEPTH_INVALID")


def plain(node: Any) -> str:
    """The text of a block, of rich text or of a list of either; formulas as their source."""
    return "".join(_words(node))


def shown(blocks: list[Tree]) -> str:
    """The whole message as text, a line a block."""
    return "\n".join(plain(block) for block in blocks)


def _words(node: Any) -> Iterator[str]:
    match node:
        case str():
            yield node
        case list():
            for each in node:
                yield from _words(each)
        case dict():
            for name in ("summary", "text", "expression", "alternative_text", "credit"):
                if name in node:
                    yield from _words(node[name])
            for name in ("blocks", "items", "cells"):
                for child in node.get(name, []):
                    yield "\n"
                    yield from _words(child)
        case _:
            return

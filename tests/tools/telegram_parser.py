"""Telegram's own parser of message markup, which the package tdjson carries; offline and thread safe."""

import json
from functools import cache
from typing import Any

import tdjson

Entity = dict[str, Any]

_MODES: dict[str, dict[str, Any]] = {
    "html": {"@type": "textParseModeHTML"},
    "markdownv2": {"@type": "textParseModeMarkdown", "version": 2},
    "markdown": {"@type": "textParseModeMarkdown", "version": 1},
}
_KINDS = {
    "textEntityTypeTextUrl": "text_link",
    "textEntityTypeMentionName": "text_mention",
    "textEntityTypePreCode": "pre",
    "textEntityTypeBlockQuote": "blockquote",
    "textEntityTypeExpandableBlockQuote": "expandable_blockquote",
    "textEntityTypeCustomEmoji": "custom_emoji",
    "textEntityTypeDateTime": "date_time",
}
MOST_ENTITIES = 100


class ParseRefused(Exception):  # noqa: N818 - what Telegram says, not a fault of the parser
    """Telegram does not take this text; `str()` is its description, without `Bad Request: `."""


def parse_html(text: str) -> tuple[str, list[Entity]]:
    """What people would see of `text`, trimmed, and its entities in Bot API form, in UTF-16 units."""
    return parse(text, "HTML")


def parse(text: str, mode: str) -> tuple[str, list[Entity]]:
    """As `parse_html`, for any `parse_mode`. Telegram drops all entities beyond the hundredth."""
    form = _MODES.get(mode.lower())
    if form is None:
        raise ParseRefused("unsupported parse_mode")
    answer = _execute({"@type": "parseTextEntities", "text": text, "parse_mode": form})
    if answer["@type"] == "error":
        message = answer["message"]
        raise ParseRefused(message[:1].lower() + message[1:])
    return trim(answer["text"], [_entity(each) for each in answer["entities"]])


def trim(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """The text without blanks around it, its entities moved and cut to fit."""
    shown = text.strip()
    lead = units(text[: len(text) - len(text.lstrip())])
    length = units(shown)
    kept = []
    for entity in entities:
        start = max(entity["offset"] - lead, 0)
        end = min(entity["offset"] - lead + entity["length"], length)
        if start < end:
            kept.append({**entity, "offset": start, "length": end - start})
    return shown, kept[:MOST_ENTITIES]


def units(text: str) -> int:
    """The length as Telegram counts it, in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _entity(entity: dict[str, Any]) -> Entity:
    kind = entity["type"]
    name = kind["@type"]
    plain = name.removeprefix("textEntityType").lower()
    shown: Entity = {"type": _KINDS.get(name, plain), "offset": entity["offset"], "length": entity["length"]}
    for key in ("url", "language", "custom_emoji_id", "unix_time"):
        if key in kind:
            shown[key] = kind[key]
    if "user_id" in kind:
        shown["user"] = {"id": kind["user_id"], "is_bot": False, "first_name": "?"}
    return shown


def _execute(query: dict[str, Any]) -> dict[str, Any]:
    _hush()
    return _ask(query)


@cache
def _hush() -> None:
    _ask({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0})


def _ask(query: dict[str, Any]) -> dict[str, Any]:
    answer = tdjson.td_execute(json.dumps(query).encode())
    assert answer is not None
    parsed: dict[str, Any] = json.loads(answer)
    return parsed

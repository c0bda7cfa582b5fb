"""What a rich message may be: block and text shapes, and limits, written from the Bot API's documentation."""

from collections.abc import Iterable, Iterator
from typing import Any

MOST_CHARACTERS, MOST_BLOCKS, MOST_LEVELS, LONGEST_FORMULA = 30_000, 400, 8, 1000

_TEXTED = {
    "paragraph": {"text"},
    "heading": {"text", "size"},
    "pre": {"text", "language"},
    "footer": {"text"},
}
_INLINE = {
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "marked",
    "subscript",
    "superscript",
    "code",
}


def faults(message: Any) -> list[str]:
    """What is wrong with an InputRichMessage; empty when Telegram would take it and we meant it so."""
    if not isinstance(message, dict) or set(message) != {"skip_entity_detection", "blocks"}:
        return ["not an InputRichMessage of blocks without detection"]
    blocks = message["blocks"]
    if not isinstance(blocks, list) or not blocks:
        return ["no blocks"]
    found = [fault for block in blocks for fault in _block(block, 1)]
    if sum(_blocks(block) for block in blocks) > MOST_BLOCKS:
        found.append("too many blocks")
    if sum(len(text) for block in blocks for text in texts(block)) > MOST_CHARACTERS:
        found.append("too many characters")
    return found


def texts(node: Any) -> Iterator[str]:
    """All text of a block or rich text, with the source of formulas, in order."""
    match node:
        case str():
            yield node
        case list():
            for each in node:
                yield from texts(each)
        case dict():
            for name in ("text", "expression", "blocks", "items"):
                if name in node:
                    yield from texts(node[name])
        case _:
            pass


def formulas(node: Any) -> Iterator[str]:
    """The source of every formula below `node`."""
    match node:
        case list():
            for each in node:
                yield from formulas(each)
        case {"type": "mathematical_expression", "expression": str(expression)}:
            yield expression
        case dict():
            for child in node.values():
                yield from formulas(child)
        case _:
            pass


def _block(block: Any, level: int) -> Iterator[str]:
    if level > MOST_LEVELS:
        yield "too deep"
        return
    match block:
        case {"type": str(kind), "text": text, **rest} if kind in _TEXTED:
            yield from _only(kind, rest, _TEXTED[kind])
            yield from _text(text, level + 1)
            if kind == "heading" and block.get("size") not in range(1, 7):
                yield "a heading without a size"
            if kind == "pre" and not isinstance(text, str):
                yield "formatting in code"
            if not "".join(texts(text)).strip():
                yield f"an empty {kind}"
        case {"type": "mathematical_expression", "expression": str(expression), **rest}:
            yield from _only("formula", rest, set())
            yield from _formula(expression)
        case {"type": "blockquote", "blocks": [*inner], **rest} if inner:
            yield from _only("quote", rest, {"credit"})
            for each in inner:
                yield from _block(each, level + 1)
        case {"type": "list", "items": [*items], **rest} if items:
            yield from _only("list", rest, set())
            yield from _list(items, level)
        case _:
            yield f"no such block: {str(block)[:80]}"


def _list(items: list[Any], level: int) -> Iterator[str]:
    if len({"type" in item for item in items}) > 1:
        yield "a list half ordered"
    for item in items:
        yield from _only("item", item, {"blocks", "value", "type"})
        if item.get("type", "1") not in ("a", "A", "i", "I", "1") or ("value" in item and "type" not in item):
            yield "an item with a wrong number"
        if not item.get("blocks"):
            yield "an empty item"
        for each in item.get("blocks", ()):
            yield from _block(each, level + 1)


def _text(text: Any, level: int) -> Iterator[str]:
    if level > MOST_LEVELS + 1:
        yield "too deep"
        return
    match text:
        case str():
            if any(
                "\ud800" <= character <= "\udfff" or character in "\x00\u202e\u200b" for character in text
            ):
                yield "text that does not show itself"
        case [*children]:
            for child in children:
                yield from _text(child, level)
        case {"type": str(kind), "text": inner, **rest} if kind in _INLINE:
            yield from _only(kind, rest, set())
            yield from _text(inner, level + 1)
        case {"type": "url", "text": inner, "url": str(url), **rest}:
            yield from _only("url", rest, set())
            yield from _text(inner, level + 1)
            if not url.startswith(("https://", "http://", "tg://")) or any(map(str.isspace, url)):
                yield f"no address: {url[:80]}"
        case {"type": "mathematical_expression", "expression": str(expression), **rest}:
            yield from _only("formula", rest, set())
            yield from _formula(expression)
        case _:
            yield f"no such text: {str(text)[:80]}"


def _formula(expression: str) -> Iterator[str]:
    if not expression.strip():
        yield "an empty formula"
    if len(expression) > LONGEST_FORMULA:
        yield "a long formula"


def _only(what: str, names: Iterable[Any], known: set[str]) -> Iterator[str]:
    # Telegram ignores an unknown field and then reports missing content.
    for name in sorted(set(names) - known):
        yield f"{what} has no field {name}"


def _blocks(node: Any) -> int:
    """Blocks as Telegram counts them: nested ones and items each."""
    items = node.get("items", ())
    inner = [*node.get("blocks", ()), *(block for item in items for block in item["blocks"])]
    return 1 + len(items) + sum(_blocks(block) for block in inner)

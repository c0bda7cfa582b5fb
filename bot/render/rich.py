"""Renderer for rich messages: the `blocks` tree of Bot API 10.2, with drawn formulas.

Enforces the limits on characters, blocks and depth; formulas outside the profile are sent as code.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, assert_never

from bot.render.document import (
    Block,
    Body,
    Bold,
    Code,
    DisplayFormula,
    Footer,
    Formula,
    Heading,
    Inline,
    Italic,
    Items,
    Link,
    Message,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from bot.render.html import openable
from bot.text_sanitizer import clean

# The Bot API allows 32768 characters, 500 blocks and 16 levels; these leave a margin.
MAX_CHARACTERS: Final = 30_000
MAX_BLOCKS: Final = 400
MAX_DEPTH: Final = 8
_NUMBERED: Final = re.compile(r"(|.*?\D)(\d{1,3})\D?")  # years do not fit into the margin of a list
_RANGE: Final = re.compile(r"(\d{1,9})–(\d{1,9})")  # folded gaps of a series
_BULLETS: Final = frozenset("·•-*")
_CONTENTS: Final = ("text", "blocks", "items")

RichBlock = dict[str, Any]
RichText = str | dict[str, Any] | list[Any]


def render_rich(message: Message) -> dict[str, object] | None:
    """Return the `InputRichMessage` of a message's body; None if it is empty or over the limits.

    Entity detection is off: a word that looks like an address but is invalid makes Telegram reject the
    message. A quote is a block with blocks inside, because the expandable kind holds no display formula.
    """
    blocks = list(_blocks(message.body))
    if not blocks or sum(_count(block) for block in blocks) > MAX_BLOCKS:
        return None
    if _characters(blocks) > MAX_CHARACTERS or _depth(blocks) > MAX_DEPTH:
        return None
    return {"skip_entity_detection": True, "blocks": blocks}


def gains_from_rich(body: Body) -> bool:
    """Return whether the rich form shows more of `body`: a formula, or a heading or list inside a quote."""
    return _gains(list(_blocks(body)), quoted=False)


def _gains(node: Any, *, quoted: bool) -> bool:
    match node:
        case list():
            return any(_gains(each, quoted=quoted) for each in node)
        case {"type": "mathematical_expression"}:
            return True
        case {"type": "heading" | "list"} if quoted:
            return True
        case dict():
            inside = quoted or node.get("type") == "blockquote"
            return any(_gains(node[key], quoted=inside) for key in _CONTENTS if key in node)
        case _:
            return False


def _blocks(body: Body) -> Iterator[RichBlock]:
    for block in body:
        shown = _block(block)
        if shown is not None:
            yield shown


def _block(block: Block) -> RichBlock | None:
    match block:
        case Paragraph():
            return _texted({"type": "paragraph"}, block.children)
        case Heading():
            return _texted({"type": "heading", "size": min(max(block.level, 1), 6)}, block.children)
        case Footer():
            return _texted({"type": "footer"}, block.children)
        case Items():
            return _list(block)
        case DisplayFormula():
            expression = _safe_tex(block.tex)
            if expression is None:
                return _preformatted(block.tex)
            return {"type": "mathematical_expression", "expression": expression}
        case Preformatted():
            return _preformatted(block.text, block.language)
        case Quote():
            inside = list(_blocks(block.blocks))
            return {"type": "blockquote", "blocks": inside} if inside else None
        case _:
            assert_never(block)


def _texted(block: RichBlock, children: Iterable[Inline]) -> RichBlock | None:
    text = _text(children)
    return None if _is_blank(text) else {**block, "text": _stripped(text)}


def _preformatted(source: str, language: str = "latex") -> RichBlock | None:
    text = clean(source).strip()
    named = {"language": language} if language else {}
    return {"type": "pre", "text": text, **named} if text else None


def _list(block: Items) -> RichBlock | None:
    """Return a numbered list if every label ends in a number, otherwise a list with bullets."""
    numbers = [_NUMBERED.fullmatch(clean(item.label or "").strip()) for item in block.items]
    ordered = all(numbers)
    items: list[RichBlock] = []
    for item, number in zip(block.items, numbers, strict=True):
        label = (number.group(1) if ordered and number else clean(item.label or "")).strip()
        value = number.group(2) if number else ""
        if ordered and (span := _RANGE.fullmatch(clean(item.label or "").strip())):
            value, label = span.group(1), f"– {span.group(2)}"
        before = Text(f"{label} " if label and label not in _BULLETS else "")
        paragraph = _block(Paragraph((before, *item.children)))
        if paragraph is None:
            continue
        counted = {"type": "1", "value": int(value)} if ordered and number else {}
        items.append({"blocks": [paragraph], **counted})
    return {"type": "list", "items": items} if items else None


def _text(children: Iterable[Inline]) -> RichText:
    """Return a string, one object, or a list without empty ones and with adjacent strings merged."""
    found: list[Any] = []
    for child in children:
        shown = _inline(child)
        for each in shown if isinstance(shown, list) else [shown]:
            if isinstance(each, str) and found and isinstance(found[-1], str):
                found[-1] += each
            elif each:
                found.append(each)
    return found[0] if len(found) == 1 else found


def _stripped(text: RichText) -> RichText:
    """Return the text without blanks at both ends, as far as they are bare strings."""
    if isinstance(text, str):
        return text.strip()
    if not isinstance(text, list):
        return text
    if isinstance(text[0], str):
        text = [text[0].lstrip(), *text[1:]]
    if isinstance(text[-1], str):
        text = [*text[:-1], text[-1].rstrip()]
    return [each for each in text if each]


def _inline(child: Inline) -> RichText:
    match child:
        case Text():
            return clean(child.text)
        case Code():
            return _wrapped("code", clean(child.text))
        case Formula():
            expression = _safe_tex(child.tex)
            if expression is None:
                return _wrapped("code", clean(" ".join(child.tex.split())))
            return {"type": "mathematical_expression", "expression": expression}
        case Bold():
            return _wrapped("bold", _text(child.children))
        case Italic():
            return _wrapped("italic", _text(child.children))
        case Link():
            text = _text(child.children)
            url = openable(child.url)
            return {"type": "url", "text": text, "url": url} if url and not _is_blank(text) else text
        case _:
            assert_never(child)


def _wrapped(kind: str, text: RichText) -> RichText:
    return text if _is_blank(text) else {"type": kind, "text": text}


def _is_blank(text: RichText) -> bool:
    match text:
        case str():
            return not text.strip()
        case list():
            return all(_is_blank(each) for each in text)
        case _:
            return "expression" not in text and _is_blank(text["text"])


def _count(block: RichBlock) -> int:
    """Return the number of blocks as the limit counts them: nested ones and list items each."""
    inner = [*block.get("blocks", ()), *block.get("items", ())]
    return 1 + sum(map(_count, inner))


def _characters(node: Any) -> int:
    """Return the length of all text in blocks, including the source of formulas."""
    match node:
        case str():
            return len(node)
        case list():
            return sum(_characters(each) for each in node)
        case dict():
            return sum(_characters(node[key]) for key in ("expression", *_CONTENTS) if key in node)
        case _:
            return 0


def _depth(node: Any) -> int:
    """Return the nesting depth of blocks and formatting; a block with bare text is 1."""
    match node:
        case list():
            return max((_depth(each) for each in node), default=0)
        case dict():
            return 1 + max(_depth(node.get(key)) for key in _CONTENTS)
        case _:
            return 0


def _safe_tex(tex: str) -> str | None:
    from bot.latex.telegram_subset import safe_tex  # the TeX parser, 2 MB, comes with the first formula

    return safe_tex(tex)

"""Renderer for plain text: the last fallback, and the measure of visible length.

The gaps between blocks are decided here; the classic renderer shows the same text with markup.
"""

from collections.abc import Iterable
from typing import assert_never

from bot.latex.unicode import unicode_tex
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
    Item,
    Items,
    Link,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from bot.text_sanitizer import clean


def plain(body: Body) -> str:
    """Return `body` without markup; formulas in Unicode, or their source."""
    pieces: list[str] = []
    before: Block | None = None
    for block in body:
        text = _block(block)
        if not text:
            continue
        pieces += [gap(before, block), text] if before is not None else [text]
        before = block
    return "".join(pieces)


def inline_text(children: Iterable[Inline]) -> str:
    """Return the visible text of `children`."""
    return "".join(_inline(child) for child in children)


def gap(before: Block, after: Block) -> str:
    """Return the line ends between two adjacent blocks.

    A heading is close to its text (a smaller one begins a new part), a display formula to its sentence, and
    a title of level 1 or 2 to the line above it.
    """
    match before, after:
        case Heading(level=above), Heading(level=below) if above < below:
            return "\n\n"
        case Heading(), _:
            return "\n"
        case _, Heading(level=level) if level <= 2:
            return "\n"
        case (DisplayFormula() | Quote(), _) | (_, DisplayFormula() | Quote()):
            return "\n"
        case Paragraph(), Items() | Preformatted():
            return "\n"
        case _:
            return "\n\n"


def label(item: Item) -> str:
    """Return the marker before a list item."""
    return f"{clean(item.label)}\u2002" if item.label is not None else "•\u2002"


def shown_formula(tex: str) -> str:
    """Return a formula as text: Unicode, or its source."""
    readable = unicode_tex(tex)
    return clean(" ".join(tex.split())) if readable is None else clean(readable)


def _block(block: Block) -> str:
    match block:
        case Paragraph() | Heading() | Footer():
            return inline_text(block.children).strip()
        case Items():
            return "\n".join(label(item) + inline_text(item.children).strip() for item in block.items)
        case DisplayFormula():
            return shown_formula(block.tex).strip()
        case Preformatted():
            return clean(block.text).strip()
        case Quote():
            return plain(block.blocks)
        case _:
            assert_never(block)


def _inline(child: Inline) -> str:
    match child:
        case Text() | Code():
            return clean(child.text)
        case Formula():
            return shown_formula(child.tex)
        case Bold() | Italic() | Link():
            return inline_text(child.children)
        case _:
            assert_never(child)

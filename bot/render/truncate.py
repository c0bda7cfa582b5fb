"""Truncation of a body at block, sentence or clause borders, never inside a formula."""

import re
from typing import Final, assert_never

from bot.render.document import (
    Block,
    Body,
    Bold,
    DisplayFormula,
    Footer,
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
from bot.render.plain import inline_text, plain
from bot.text_sanitizer import clean, fitting, units

_ELLIPSIS: Final = "…"
_SENTENCE_END: Final = re.compile(r"[。！？!?；;][”’」』）)]*(?![》”’」』）)])|\.(?=\s)")
_CLAUSE_END: Final = re.compile(r"[，、：,:](?!\d)|\s")
_LOOSE: Final = " \t\n\u3000。，、；：,;:.…"


def shorten(body: Body, room: int) -> Body:
    """Return the beginning of `body` with at most `room` UTF-16 units of visible text, ending in "…" if cut.

    Cuts after a block or a sentence, otherwise after a clause, otherwise between characters; formulas and
    code are kept whole or dropped, and so is a heading without its text. A body that fits is returned as is.
    """
    if units(plain(body)) <= room:
        return body
    if room < 1:
        return ()
    kept: list[Block] = []
    for block in body:
        if units(plain((*kept, block))) <= room - 1:
            kept.append(block)
            continue
        cut = _cut(block, room - 1 - units(plain((*kept, Paragraph((Text("x"),))))) + 1)
        if cut is not None:
            kept.append(cut)
        break
    while kept and isinstance(kept[-1], Heading):
        kept.pop()
    return _with_ellipsis(kept, room)


def _with_ellipsis(kept: list[Block], room: int) -> Body:
    """Return `kept` with the ellipsis at its end, without blocks that leave no room for it."""
    while True:
        body = (*kept[:-1], *_block_with_ellipsis(kept[-1])) if kept else (Paragraph((Text(_ELLIPSIS),)),)
        if units(plain(body)) <= room or not kept:
            return body
        kept.pop()


def _block_with_ellipsis(block: Block) -> Body:
    match block:
        case Paragraph():
            return (Paragraph(_closed(block.children)),)
        case Footer():
            return (Footer(_closed(block.children)),)
        case Heading():
            return (Heading(_closed(block.children), level=block.level),)
        case Items():
            *others, last = block.items
            return (Items((*others, Item(_closed(last.children), label=last.label))),)
        case Quote():
            return (Quote(_with_ellipsis(list(block.blocks), units(plain(block.blocks)) + 2)),)
        case DisplayFormula() | Preformatted():
            return (block, Paragraph((Text(_ELLIPSIS),)))
        case _:
            assert_never(block)


def _closed(children: tuple[Inline, ...]) -> tuple[Inline, ...]:
    """Return `children` ending in the ellipsis instead of a comma or a full stop."""
    if not children or not isinstance(last := children[-1], Text):
        return (*children, Text(_ELLIPSIS))
    bare = last.text.rstrip(_LOOSE)
    return (*children[:-1], Text(bare + _ELLIPSIS)) if bare else _closed(children[:-1])


def _cut(block: Block, room: int) -> Block | None:
    """Return the beginning of `block` in `room` units; None if no part of it is useful alone."""
    match block:
        case Paragraph():
            children = _cut_inlines(block.children, room)
            return Paragraph(children) if children else None
        case Footer():
            children = _cut_inlines(block.children, room)
            return Footer(children) if children else None
        case Items():
            items = list(block.items)
            while items and units(plain((Items(tuple(items)),))) > room:
                items.pop()
            return Items(tuple(items)) if items else None
        case Quote():
            inside = shorten(block.blocks, room + 1)  # it ends in the ellipsis already
            return Quote(inside) if inside else None
        case Heading() | DisplayFormula() | Preformatted():
            return None
        case _:
            assert_never(block)


def _cut_inlines(children: tuple[Inline, ...], room: int) -> tuple[Inline, ...]:
    """Return the longest beginning of `children` that ends a sentence, a clause or at worst a word."""
    kept: list[Inline] = []
    left = room
    for child in children:
        size = units(inline_text((child,)))
        if size <= left:
            kept.append(child)
            left -= size
            continue
        if isinstance(child, Text) and (text := _cut_text(child.text, left)):
            kept.append(Text(text))
        elif isinstance(child, Bold | Italic | Link):
            kept += _cut_wrapped(child, left)
        break
    return _ended(tuple(kept), room)


def _cut_wrapped(child: Bold | Italic | Link, room: int) -> tuple[Inline, ...]:
    inside = _cut_inlines(child.children, room)
    match child:
        case _ if not inside:
            return ()
        case Bold():
            return (Bold(inside),)
        case Italic():
            return (Italic(inside),)
        case Link():
            return (Link(child.url, inside),)
        case _:
            assert_never(child)


def _cut_text(text: str, room: int) -> str:
    return clean(text)[: fitting(clean(text), room)]


def _ended(kept: tuple[Inline, ...], room: int) -> tuple[Inline, ...]:
    """Return `kept` up to the last end of a sentence in its second half, otherwise of a clause."""
    for pattern, least in ((_SENTENCE_END, room // 2), (_CLAUSE_END, room * 2 // 3)):
        for index in range(len(kept) - 1, -1, -1):
            child = kept[index]
            before = units(inline_text(kept[:index]))
            if isinstance(child, Text):
                ends = [found.end() for found in pattern.finditer(child.text)]
                if ends and before + units(child.text[: ends[-1]]) >= least:
                    return (*kept[:index], Text(child.text[: ends[-1]]))
            if before < least:
                break
    return kept

"""A body made shorter: cut at borders of blocks and sentences, never inside a formula.

Knows the tree and what a reader sees of it (plain.py); knows no limit of Telegram's.
"""

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

_MARK: Final = "…"
_SENTENCE_END: Final = re.compile(r"[。！？!?；;][”’」』）)]*(?![》”’」』）)])|\.(?=\s)")
_CLAUSE_END: Final = re.compile(r"[，、：,:](?!\d)|\s")
_LOOSE: Final = " \t\n\u3000。，、；：,;:.…"


def shorten(body: Body, room: int) -> Body:
    """The beginning of `body` with at most `room` UTF-16 units of visible text, closed by "…" where cut.

    Cuts after a block or a sentence, else after a clause, else between characters; formulas and code are kept
    whole or left out. No heading is left without what it heads. A body that fits comes back as it is.
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
    return _marked(kept, room)


def _marked(kept: list[Block], room: int) -> Body:
    """`kept` with the mark at its end, without blocks that leave no room for it."""
    while True:
        body = (*kept[:-1], *_with_mark(kept[-1])) if kept else (Paragraph((Text(_MARK),)),)
        if units(plain(body)) <= room or not kept:
            return body
        kept.pop()


def _with_mark(block: Block) -> Body:
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
            return (Quote(_marked(list(block.blocks), units(plain(block.blocks)) + 2)),)
        case DisplayFormula() | Preformatted():
            return (block, Paragraph((Text(_MARK),)))
        case _:
            assert_never(block)


def _closed(children: tuple[Inline, ...]) -> tuple[Inline, ...]:
    """`children` ending in the mark instead of a comma or a full stop."""
    if not children or not isinstance(last := children[-1], Text):
        return (*children, Text(_MARK))
    bare = last.text.rstrip(_LOOSE)
    return (*children[:-1], Text(bare + _MARK)) if bare else _closed(children[:-1])


def _cut(block: Block, room: int) -> Block | None:
    """The beginning of `block` in `room` units; None where nothing of it can stand alone."""
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
            inside = shorten(block.blocks, room + 1)  # it ends in the mark already
            return Quote(inside) if inside else None
        case Heading() | DisplayFormula() | Preformatted():
            return None
        case _:
            assert_never(block)


def _cut_inlines(children: tuple[Inline, ...], room: int) -> tuple[Inline, ...]:
    """The longest beginning of `children` that ends a sentence, a clause or at worst a word."""
    kept: list[Inline] = []
    left = room
    for child in children:
        size = units(inline_text((child,)))
        if size <= left:
            kept.append(child)
            left -= size
            continue
        if isinstance(child, Text) and (said := _cut_text(child.text, left)):
            kept.append(Text(said))
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
    """`kept` back to the last end of a sentence in its second half, else to the last end of a clause."""
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

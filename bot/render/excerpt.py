"""Excerpt parser: captured text as paragraphs, headings, lists and formulas, and its truncation.

Splits the text at formula delimiters, numbers the equations as MathJax does and recognises headings
and lists by their shape. A body is cut at block borders, then after sentences.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from bot.latex.definitions import Budget, Definitions, collect, expand, is_defining
from bot.latex.delimiters import Segment, SegmentKind, split_segments
from bot.latex.nodes import TexError
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
from bot.render.html import gap, inline_text, plain
from bot.text_sanitizer import clean, fitting, units

_MATHEMATICS: Final = (SegmentKind.INLINE, SegmentKind.DISPLAY)
_LABEL: Final = re.compile(r"\\label\s*\{([^{}]*)\}")
_TAG: Final = re.compile(r"\\tag\*?\s*\{([^{}]*)\}")
_REFERENCE: Final = re.compile(r"\\((?:eq)?ref)\s*\{([^{}]*)\}")
_NUMBERED: Final = ("equation", "multline")  # amsmath's environments with a number, here and by row
_NUMBERED_ROWS: Final = ("align", "gather", "alignat", "flalign", "eqnarray")
_UNNUMBERED: Final = re.compile(r"\\(?:nonumber|notag)(?![A-Za-z])")
_INSIDE: Final = re.compile(r"\\begin\s*\{(\w+\*?)\}.{0,2000}?\\end\s*\{\1\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Labels:
    """Equation numbers by label, and the labels that are referred to."""

    numbers: dict[str, str]
    wanted: frozenset[str]

    def shown(self, key: str, macro: str) -> str:
        r"""Return the text of \eqref, "(1)", or of \ref, "1"; without a number the label's own name."""
        number = self.numbers.get(key) or key.rpartition(":")[2] or "…"
        return f"({number})" if macro == "eqref" else number


def labels_of(found: Iterable[Segment]) -> Labels:
    r"""Return the labels of all display formulas, numbered as amsmath does; a \tag in the row overrides it.

    Environments such as equation and each row of align count even without a label; where only a formula in
    dollars has one, it counts, too.
    """
    numbers: dict[str, str] = {}
    wanted: set[str] = set()
    count = 0
    for segment in found:
        if segment.kind is SegmentKind.REFERENCE:
            wanted.add(segment.text)
        elif segment.kind in _MATHEMATICS and "ref" in segment.text:
            wanted.update(key.strip() for _, key in _REFERENCE.findall(segment.text))
        if segment.kind is not SegmentKind.DISPLAY:
            continue
        for row in _rows(segment):
            tag, keys = _TAG.search(row), _LABEL.findall(row)
            counted = segment.environment in (*_NUMBERED, *_NUMBERED_ROWS) and not _UNNUMBERED.search(row)
            if tag is None and row.strip() and (counted or keys):
                count += 1
            for key in keys:
                numbers.setdefault(key.strip(), tag.group(1) if tag else str(count))
    return Labels(numbers, frozenset(wanted))


def _rows(segment: Segment) -> list[str]:
    """Return the source of a display formula in the parts that have a number each."""
    if segment.environment in _NUMBERED:
        return [segment.text]
    text = segment.text
    if segment.environment in _NUMBERED_ROWS:
        text = _INSIDE.sub(lambda found: found.group().replace(r"\\", " "), text)
    return text.split(r"\\")


def resolved(tex: str, labels: Labels) -> str:
    r"""Return `tex` without labels and references; a label referred to becomes a \tag with its number."""
    if r"\label" not in tex and "ref" not in tex:
        return tex
    tags = set(_TAG.findall(tex))
    tex = _LABEL.sub(lambda found: _tag(found.group(1).strip(), tags, labels), tex)
    return _REFERENCE.sub(lambda found: rf"\text{{{_shown(found, labels)}}}", tex).strip()


def _shown(reference: re.Match[str], labels: Labels) -> str:
    return labels.shown(reference.group(2).strip(), reference.group(1))


def _tag(key: str, tags: set[str], labels: Labels) -> str:
    number = labels.numbers.get(key, "")
    return "" if key not in labels.wanted or number in tags else rf"\tag{{{number}}}"


_BARE: Final = ("equation", "displaymath", "math", "subequations")
_ITEM: Final = re.compile(r"(?:(\d{1,2})[、.．)）](?![\d.])|[(（](\d{1,2})[)）]、?|([•·●◦▪*-])(?=\s))\s*")
_LINKING: Final = """
其中 即 或 或者 以及 于是 所以 因此 得到 这里 此时 那么 也就是 可得 从而 同理 类似地 换言之
首先 其次 最后 反之 代入 where and or thus
"""
_CONNECTIVES: Final = frozenset(_LINKING.split())
# Beginnings of a continued sentence, ends of one, table rows, and lines without any letter or digit.
_NO_HEADING: Final = re.compile(
    r"^[，。、；：！？,;:!?)）\]】》”+=<>|]|[。!?！？：:；;，,、.…~～)）\]】》”\"=+|]$|^\W*$"
)
_HEADING_WIDTH: Final = 44  # a Chinese character counts two


@dataclass(frozen=True, slots=True)
class _Line:
    """Line of running text; `heads` is whether its shape allows it to be a heading."""

    children: tuple[Inline, ...]
    heads: bool = True


def excerpt_body(excerpt: str) -> Body:
    """Return the blocks of an excerpt as captured (one paragraph a line; formulas may span lines).

    References become the numbers of the labels, counted in the order of the excerpt; a referenced formula
    shows its number. Macros that the excerpt defines are expanded. Never raises; drops only delimiters,
    definitions and invisible characters.
    """
    text = clean(excerpt).strip()
    if not text:
        return ()
    found: Iterable[Segment] = split_segments(text)
    if is_defining(text):
        found = _expanded(list(found))
    labels = Labels({}, frozenset())
    if "ref" in text:
        found = list(found)
        labels = labels_of(found)
    lines = [line for line in _lines(found, labels) if not isinstance(line, _Line) or line.children]
    return _blocks(lines)


def _expanded(found: list[Segment]) -> list[Segment]:
    """Return the segments with the macros expanded that any formula of the excerpt defines."""
    definitions = collect(segment.text for segment in found if segment.kind in _MATHEMATICS)
    if not definitions:
        return found
    budget = Budget()
    expanded = [
        segment if segment.kind not in _MATHEMATICS else _expanded_formula(segment, definitions, budget)
        for segment in found
    ]
    return [segment for segment in expanded if segment.text.strip() or segment.kind not in _MATHEMATICS]


def _expanded_formula(segment: Segment, definitions: Definitions, budget: Budget) -> Segment:
    """Return a formula with its macros expanded; a formula of definitions alone becomes empty."""
    try:
        return segment._replace(text=expand(segment.text, definitions, budget))
    except TexError:
        return segment


def _lines(found: Iterable[Segment], labels: Labels) -> Iterator[_Line | Block]:
    """Yield the lines of running text as inlines, and display blocks, in order."""
    line: list[Inline] = []
    words = ""  # text after the last inline of `line`
    heads = True
    for segment in found:
        match segment.kind:
            case SegmentKind.TEXT:
                first, *rest = segment.text.split("\n")
                words += first
                for following in rest:
                    yield _line(line, words, heads=heads)
                    line, words, heads = [], following, True
            case SegmentKind.REFERENCE:
                words += labels.shown(segment.text, segment.environment)
                heads = False
            case SegmentKind.BROKEN if not _is_block(segment.text):
                _append(line, words, Code(segment.text.strip()))
                words = ""
            case SegmentKind.INLINE:
                inline = _inline(segment.text, labels)
                if isinstance(inline, str):
                    words += inline
                    continue
                _append(line, words, inline)
                words = ""
            case SegmentKind.DISPLAY | SegmentKind.BROKEN | SegmentKind.CODE:
                yield _line(line, words, heads=False)
                line, words, heads = [], "", False
                yield _display(segment, labels)
            case _:
                assert_never(segment.kind)
    yield _line(line, words, heads=heads)


def _append(line: list[Inline], words: str, inline: Inline) -> None:
    """Append the text before an inline, without blanks at the beginning of the line, and the inline."""
    if words and (line or (words := words.lstrip())):
        line.append(Text(words))
    line.append(inline)


def _line(line: list[Inline], words: str, *, heads: bool) -> _Line:
    """Return the line with the text at its end, without blanks at its ends."""
    words = words.rstrip() if line else words.strip()
    return _Line((*line, Text(words)) if words else tuple(line), heads)


def _is_block(source: str) -> bool:
    """Return whether source without its closing delimiter is that of a display formula."""
    return "\n" in source or source.startswith(("\\[", "\\b", "$$"))


def _inline(tex: str, labels: Labels) -> Formula | str:
    """Return an inline formula, or the text of a reference in its delimiters."""
    source = tex.strip()
    if "\\" not in source:
        return Formula(source)
    if "ref" in source and (key := _REFERENCE.fullmatch(source)):
        return _shown(key, labels)
    return Formula(resolved(source, labels))


def _display(segment: Segment, labels: Labels) -> Block:
    if segment.kind is SegmentKind.CODE:
        return Preformatted(segment.text, segment.environment)
    if segment.kind is SegmentKind.BROKEN:
        return Preformatted(segment.text.strip())
    tex = resolved(segment.text.strip(), labels)
    name = segment.environment
    if not tex:
        return Preformatted(rf"\begin{{{name}}}\end{{{name}}}")
    if name and name.rstrip("*") not in _BARE:
        return DisplayFormula(rf"\begin{{{name}}}{tex}\end{{{name}}}")
    return DisplayFormula(tex)


def _blocks(lines: Sequence[_Line | Block]) -> Body:
    found = [_item(line) for line in lines]
    several = len(lines) - found.count(None) > 1
    blocks: list[Block] = []
    items: list[Item] = []
    for index, (line, item) in enumerate(zip(lines, found, strict=True)):
        if item is not None and not several and not _announced(blocks):
            item = None
        if item is not None:
            items.append(item)
            continue
        if items:
            blocks.append(Items(tuple(items)))
            items = []
        if not isinstance(line, _Line):
            blocks.append(line)
        elif _is_heading(line, blocks, lines[index + 1] if index + 1 < len(lines) else None):
            blocks.append(Heading(line.children, level=4))
        else:
            blocks.append(Paragraph(line.children))
    if items:
        blocks.append(Items(tuple(items)))
    return tuple(blocks)


def _item(line: _Line | Block) -> Item | None:
    if not isinstance(line, _Line) or not isinstance(first := line.children[0], Text):
        return None
    mark = _ITEM.match(first.text)
    if mark is None:
        return None
    rest = first.text[mark.end() :]
    children = (Text(rest), *line.children[1:]) if rest else line.children[1:]
    return Item(children, label=mark.group(1) or mark.group(2)) if children else None


def _announced(blocks: list[Block]) -> bool:
    """Return whether the line before ends in a colon, so that a single item is already a list."""
    match blocks:
        case [*_, Paragraph((*_, Text(text)))]:
            return text.endswith((":", "："))
        case _:
            return False


def _is_heading(line: _Line, before: list[Block], after: _Line | Block | None) -> bool:
    """Return whether a line is short, no sentence, not the first, and not the words around a formula."""
    children = line.children
    if not line.heads or not before or isinstance(before[-1], Heading):
        return False
    if not isinstance(last := children[-1], Text) or last.text[-1:] in "。，；：！？":
        return False
    if any(not isinstance(child, Text | Formula) for child in children):
        return False
    if after is not None and not isinstance(after, _Line):
        return False
    text = "".join(child.text if isinstance(child, Text) else "xx" for child in children)
    if len(text) > _HEADING_WIDTH or _NO_HEADING.search(text):
        return False
    if re.split("[，,、；;]", text)[-1].strip() in _CONNECTIVES:
        return False
    return sum(1 if character < "\u2e80" else 2 for character in text) <= _HEADING_WIDTH


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
    left = room - 1
    shown: Block | None = None  # the last one with a text
    for block in body:
        text = plain((block,))
        size = units(text) + (units(gap(shown, block)) if shown is not None and text else 0)
        if size <= left:
            kept.append(block)
            left -= size
            shown = block if text else shown
            continue
        cut = _cut(block, left - (units(gap(shown, Paragraph(()))) if shown is not None else 0))
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
        case Paragraph() | Footer() | Heading():
            return (replace(block, children=_closed(block.children)),)
        case Items():
            *others, last = block.items
            return (Items((*others, replace(last, children=_closed(last.children)))),)
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
        case Paragraph() | Footer():
            children = _cut_inlines(block.children, room)
            return replace(block, children=children) if children else None
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
        elif isinstance(child, Bold | Italic | Link) and (inside := _cut_inlines(child.children, left)):
            kept.append(replace(child, children=inside))
        break
    return _ended(tuple(kept), room)


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

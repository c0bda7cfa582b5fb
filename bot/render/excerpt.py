"""Excerpt parser: text as captured in a dump, as paragraphs, headings, lists and formulas.

Splits the text at formula delimiters, numbers the equations as MathJax does and recognises headings
and lists by their shape.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from bot.latex.delimiters import Segment, SegmentKind, split_segments
from bot.render.document import (
    Block,
    Body,
    Code,
    DisplayFormula,
    Formula,
    Heading,
    Inline,
    Item,
    Items,
    Paragraph,
    Preformatted,
    Text,
)
from bot.render.truncate import shorten
from bot.text_sanitizer import clean

_LABEL: Final = re.compile(r"\\label\s*\{([^{}]*)\}")
_TAG: Final = re.compile(r"\\tag\*?\s*\{([^{}]*)\}")
_REFERENCE: Final = re.compile(r"\\(?:eq)?ref\s*\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Labels:
    """Equation numbers by label, and the labels that are referred to."""

    numbers: dict[str, str]
    wanted: frozenset[str]

    def shown(self, key: str) -> str:
        """Return the text of a reference: "(1)", or the label without its prefix if its number is unknown."""
        return f"({self.numbers.get(key) or key.rpartition(':')[2] or '…'})"


def labels_of(found: Iterable[Segment]) -> Labels:
    r"""Return the labels of all display formulas, numbered in order; a \tag in the row overrides it."""
    numbers: dict[str, str] = {}
    wanted: set[str] = set()
    for segment in found:
        match segment.kind:
            case SegmentKind.REFERENCE:
                wanted.add(segment.text)
            case SegmentKind.INLINE | SegmentKind.DISPLAY:
                wanted.update(key.strip() for key in _REFERENCE.findall(segment.text))
            case SegmentKind.TEXT | SegmentKind.BROKEN:
                continue
        if segment.kind is SegmentKind.DISPLAY:
            for row in segment.text.split(r"\\"):
                tag = _TAG.search(row)
                for key in _LABEL.findall(row):
                    numbers.setdefault(key.strip(), tag.group(1) if tag else str(len(numbers) + 1))
    return Labels(numbers, frozenset(wanted))


def resolved(tex: str, labels: Labels) -> str:
    r"""Return `tex` without labels and references; a label referred to becomes a \tag with its number."""
    if r"\label" not in tex and "ref" not in tex:
        return tex
    tex = _LABEL.sub(lambda found: _tag(found.group(1).strip(), tex, labels), tex)
    return _REFERENCE.sub(lambda found: rf"\text{{{labels.shown(found.group(1).strip())}}}", tex).strip()


def _tag(key: str, tex: str, labels: Labels) -> str:
    if key not in labels.wanted or _TAG.search(tex):
        return ""
    return rf"\tag{{{labels.numbers.get(key, '')}}}"


__all__ = ["excerpt_body", "shorten"]

_BARE: Final = ("equation", "displaymath", "math", "subequations")
_ITEM: Final = re.compile(r"(?:(\d{1,2})[、.．)）](?![\d.])|[(（](\d{1,2})[)）]、?|([•·●◦▪*-])(?=\s))\s*")
_ENDS_SENTENCE: Final = re.compile(r"[。!?！？：:；;，,、.…~～)）\]】》”\"=+]$")
_CONNECTIVES: Final = frozenset(
    {
        "其中",
        "即",
        "或",
        "或者",
        "以及",
        "于是",
        "所以",
        "因此",
        "得到",
        "这里",
        "此时",
        "那么",
        "也就是",
        "可得",
    }
    | {
        "从而",
        "同理",
        "类似地",
        "换言之",
        "首先",
        "其次",
        "最后",
        "反之",
        "代入",
        "where",
        "and",
        "or",
        "thus",
    }
)
_HEADING_WIDTH: Final = 44  # a Chinese character counts two


def excerpt_body(excerpt: str) -> Body:
    """Return the blocks of an excerpt as captured (one paragraph a line; formulas may span lines).

    References become the numbers of the labels, counted in the order of the excerpt; a referenced formula
    shows its number. Never raises; drops only delimiters and invisible characters.
    """
    text = clean(excerpt).strip()
    if not text:
        return ()
    found = list(split_segments(text))
    labels = labels_of(found)
    lines = [line for line in _lines(found, labels) if line]
    return _blocks(lines)


def _lines(found: list[Segment], labels: Labels) -> Iterator[tuple[Inline, ...] | Block]:
    """Yield the lines of running text as inlines, and display blocks, in order."""
    line: list[Inline] = []
    for segment in found:
        match segment.kind:
            case SegmentKind.TEXT:
                first, *rest = segment.text.split("\n")
                line += _words(first)
                for following in rest:
                    yield _trimmed(line)
                    line = list(_words(following))
            case SegmentKind.INLINE:
                line.append(_inline(segment.text, labels))
            case SegmentKind.REFERENCE:
                line.append(Text(labels.shown(segment.text)))
            case SegmentKind.DISPLAY:
                yield _trimmed(line)
                line = []
                yield _display(segment, labels)
            case SegmentKind.BROKEN if "\n" in segment.text or segment.text.startswith(("\\[", "\\b", "$$")):
                yield _trimmed(line)
                line = []
                yield Preformatted(segment.text.strip())
            case SegmentKind.BROKEN:
                line.append(Code(segment.text.strip()))
    yield _trimmed(line)


def _words(text: str) -> tuple[Inline, ...]:
    return (Text(text),) if text else ()


def _trimmed(line: list[Inline]) -> tuple[Inline, ...]:
    """Return the line without blanks at its ends and with adjacent texts merged."""
    joined: list[Inline] = []
    for child in line:
        match joined, child:
            case [*_, Text(before)], Text(after):
                joined[-1] = Text(before + after)
            case _:
                joined.append(child)
    if joined and isinstance(joined[0], Text):
        joined[0] = Text(joined[0].text.lstrip())
    if joined and isinstance(joined[-1], Text):
        joined[-1] = Text(joined[-1].text.rstrip())
    return tuple(child for child in joined if child != Text(""))


def _inline(tex: str, labels: Labels) -> Inline:
    source = tex.strip()
    if key := re.fullmatch(r"\\(?:eq)?ref\s*\{([^{}]+)\}", source):
        return Text(labels.shown(key.group(1).strip()))
    return Formula(resolved(source, labels))


def _display(segment: Segment, labels: Labels) -> Block:
    tex = resolved(segment.text.strip(), labels)
    name = segment.environment
    if not tex:
        return Preformatted(rf"\begin{{{name}}}\end{{{name}}}")
    if name and name.rstrip("*") not in _BARE:
        return DisplayFormula(rf"\begin{{{name}}}{tex}\end{{{name}}}")
    return DisplayFormula(tex)


def _blocks(lines: list[tuple[Inline, ...] | Block]) -> Body:
    several = sum(_item(line) is not None for line in lines) > 1
    blocks: list[Block] = []
    items: list[Item] = []
    for index, line in enumerate(lines):
        item = _item(line) if several or _announced(blocks) else None
        if item is not None:
            items.append(item)
            continue
        if items:
            blocks.append(Items(tuple(items)))
            items = []
        if not isinstance(line, tuple):
            blocks.append(line)
        elif _is_heading(line, blocks, lines[index + 1 :]):
            blocks.append(Heading(line, level=4))
        else:
            blocks.append(Paragraph(line))
    if items:
        blocks.append(Items(tuple(items)))
    return tuple(blocks)


def _item(line: tuple[Inline, ...] | Block) -> Item | None:
    if not isinstance(line, tuple) or not isinstance(line[0], Text):
        return None
    mark = _ITEM.match(line[0].text)
    if mark is None:
        return None
    rest = line[0].text[mark.end() :]
    children = (Text(rest), *line[1:]) if rest else line[1:]
    return Item(children, label=mark.group(1) or mark.group(2)) if children else None


def _announced(blocks: list[Block]) -> bool:
    """Return whether the line before ends in a colon, so that a single item is already a list."""
    match blocks:
        case [*_, Paragraph((*_, Text(text)))]:
            return text.endswith((":", "："))
        case _:
            return False


def _is_heading(
    line: tuple[Inline, ...], before: list[Block], after: list[tuple[Inline, ...] | Block]
) -> bool:
    """Return whether a line is short, no sentence, not the first, and not the words before a formula."""
    if not before or isinstance(before[-1], Heading):
        return False
    if any(not isinstance(child, Text | Formula) for child in line) or not isinstance(line[-1], Text):
        return False
    if after and not isinstance(after[0], tuple):
        return False
    text = "".join(child.text if isinstance(child, Text) else "xx" for child in line)
    width = sum(1 if character < "\u2e80" else 2 for character in text)
    return width <= _HEADING_WIDTH and not _ENDS_SENTENCE.search(text) and text not in _CONNECTIVES

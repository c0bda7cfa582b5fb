"""A formula as readable Unicode characters, for messages that cannot show real ones.

Reads the tree of tex_parser.py. When unsure it gives up, and the source is shown instead.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final, assert_never

from bot.messages import tex_names as names
from bot.messages import tex_symbols as symbols
from bot.messages.characters import clean
from bot.messages.tex import (
    Cell,
    Environment,
    Fenced,
    Group,
    Macro,
    Node,
    Nodes,
    Row,
    Script,
    Sign,
    Space,
    TexError,
    Words,
)
from bot.messages.tex_parser import parse
from bot.messages.unicode_constructs import accented, classed, constructed, faced, scripted
from bot.messages.unicode_joining import Kind, Part, joined
from bot.messages.unicode_rows import in_line, rows_in_line, rows_in_lines
from bot.messages.unicode_signs import fence, sign, symbol

LONGEST_UNICODE: Final = 200
# Telegram makes a command of "/x" after a bracket; this sign of division looks the same and is none.
_COMMAND: Final = re.compile(r"(?<!\w)/(?=\w)")


@lru_cache(maxsize=1024)
def unicode_tex(tex: str) -> str | None:
    """`tex`, without delimiters, in Unicode; rows of a display formula become lines.

    Scripts are Unicode only if every character has such a form, else _(…) and ^(…); fractions have brackets.
    None where the source reads better: unknown macros, broken source, large matrices, accents over words, a
    result that is empty or longer than LONGEST_UNICODE.
    """
    try:
        shown = _shown(parse(clean(tex)))
    except TexError:
        return None
    shown = _COMMAND.sub("∕", unicodedata.normalize("NFC", shown).replace("′′", "″"))
    lines = "\n".join(line.strip() for line in shown.split("\n") if line.strip())
    if not lines or len(lines) > LONGEST_UNICODE or clean(lines) != lines:
        return None
    return lines


def _shown(nodes: Nodes) -> str:
    """A whole formula: an environment that is all of it, or at its end, may have lines."""
    meant = [node for node in nodes if not isinstance(node, Space)]
    match meant:
        case [Environment(name=("aligned" | "gathered" | "split" | "array"), nodes=inside)]:
            return rows_in_lines(_cells(inside))
        case [
            Environment(name=("aligned" | "gathered" | "split"), nodes=inside),
            Macro(name="qquad"),
            *number,
        ]:
            return f"{rows_in_lines(_cells(inside))}   {_line(tuple(number))}"
        case _ if any(isinstance(node, Row | Cell) for node in meant):
            return rows_in_lines(_cells(nodes))
        case _:
            return _line(nodes)


def _line(nodes: Nodes, *, tight: bool = False) -> str:
    return joined(_parts(nodes), tight=tight)


def _cells(nodes: Nodes, *, tight: bool = False) -> list[list[str]]:
    """The rows and columns of an environment."""
    rows: list[list[str]] = []
    row: list[str] = []
    cell: list[Node] = []
    for node in (*nodes, Row()):
        if isinstance(node, Cell | Row):
            row.append(_line(tuple(cell), tight=tight))
            cell = []
        else:
            cell.append(node)
        if isinstance(node, Row):
            rows.append(row)
            row = []
    return [row for row in rows if any(row)]


def _parts(nodes: Nodes) -> list[Part]:
    parts: list[Part] = []
    for node, scripts, spaced in _with_scripts(nodes):
        made = [Part("")] if node is None else _part(node)
        if scripts:
            marked = [(script.mark, _parts(script.nodes)) for script in scripts]
            made = scripted(made, marked, fenced=isinstance(node, Fenced))
        if spaced and made:
            made[-1] = replace(made[-1], blank_after=True)
        parts += made
    return parts


def _with_scripts(nodes: Nodes) -> Iterator[tuple[Node | None, list[Script], bool]]:
    """Each node with the scripts that stand on it, and whether white space follows."""
    base: Node | None = None
    scripts: list[Script] = []
    spaced = False
    for node in nodes:
        match node:
            case Space():
                spaced = True
            case Macro(name=name) if name in symbols.SILENT:
                continue
            case Script():
                scripts.append(node)
            case _:
                if base is not None or scripts:
                    yield base, scripts, spaced
                base, scripts, spaced = node, [], False
    if base is not None or scripts:
        yield base, scripts, spaced


def _part(node: Node) -> list[Part]:
    match node:
        case Sign():
            return [sign(node.text)]
        case Words():
            return [Part(node.text)]
        case Group():
            return _parts(node.nodes)
        case Fenced(opening="middle"):
            return [Part(fence(node.closing))]
        case Fenced():
            opening = Part(fence(node.opening), Kind.OPENING)
            return [opening, *_parts(node.nodes), Part(fence(node.closing), Kind.CLOSING)]
        case Environment():
            return [Part(in_line(node.name, _cells(node.nodes)))]
        case Macro():
            return _macro(node)
        case Cell() | Row():
            raise TexError("a row out of place")
        case Space() | Script():
            return []
        case _:
            assert_never(node)


def _macro(node: Macro) -> list[Part]:
    if (known := symbol(node.name)) is not None:
        return [known]
    if node.name in symbols.SILENT or node.name.endswith("phantom"):
        return []
    if node.name == "substack":
        return [Part(rows_in_line(_cells(node.arguments[0], tight=True), " ", between=","))]
    arguments = [_parts(each) for each in node.arguments]
    if node.name in names.ALPHABETS:
        return faced(arguments[0], node.name)
    if node.name in names.ACCENTS:
        return [accented(arguments[0], node.name)]
    if node.name in names.CLASSES:
        return [classed(arguments[0], node.name)]
    optional = None if node.optional is None else _parts(node.optional)
    return [constructed(node.name, arguments, optional)]

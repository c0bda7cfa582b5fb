"""A formula as readable Unicode characters, for messages that cannot show real ones.

Reads the tree of tex_parser.py. When unsure it gives up, and the source is shown instead.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, assert_never

from bot.latex import macros
from bot.latex.macros import ACCENTS
from bot.latex.nodes import (
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
from bot.latex.parser import parse
from bot.latex.unicode_tables import Kind, Part, above, below, fence, in_face, joined, sign, symbol
from bot.text_sanitizer import clean

_BARE_ABOVE: Final = {"*": "*", "∗": "*", "⋆": "*", "†": "†", "‡": "‡", "∘": "°", "′": "′", "′′": "″"}
_DEFINED: Final = {"def": "≝", "Δ": "≜", "△": "≜"}
_CLASS_KINDS: Final = {"mathop": Kind.FUNCTION, "mathbin": Kind.OPERATION, "mathrel": Kind.RELATION}
_ROOTS: Final = {"2": "√", "3": "∛", "4": "∜"}


def scripted(
    parts: list[Part], scripts: Sequence[tuple[str, list[Part]]], *, fenced: bool = False
) -> list[Part]:
    """`parts` with (mark, script) on the last of them; several are bracketed, unless they are `fenced`."""
    if len(parts) > 1 and not fenced:
        parts = [Part(f"({joined(parts)})")]
    *others, last = parts or [Part("")]
    text = f"({last.text})" if last.kind is Kind.FRACTION or "√" in last.text[:2] else last.text
    for mark, script in sorted(scripts, key=lambda each: each[0] == "^"):
        text += _script(mark, script)
    return [*others, Part(text, Kind.CLOSING if last.kind is Kind.FRACTION else last.kind)]


def _script(mark: str, parts: list[Part]) -> str:
    text = joined(parts, tight=True).strip()
    small = above(text) if mark == "^" else below(text)
    if small is not None or not text:
        return small or ""
    if mark == "^" and text in _BARE_ABOVE:
        return _BARE_ABOVE[text]
    return mark + (text if len(text) == 1 or _is_bracketed(text) else f"({text})")


def faced(parts: list[Part], alphabet: str) -> list[Part]:
    """`parts` in the face of a macro such as \\mathbb; several letters are one word."""
    letters = [replace(part, text=in_face(part.text, alphabet)) for part in parts]
    if len(letters) > 1 and all(part.kind is Kind.ORDINARY for part in letters):
        return [Part(joined(letters))]
    return letters


def accented(parts: list[Part], accent: str) -> Part:
    """One letter under a macro such as \\hat, or a short word under or over a line."""
    mark = ACCENTS[accent]
    said = joined(parts, tight=True)
    if accent in ("overline", "underline") and len(said) <= 12 and said.isalnum():
        return Part("".join(letter + mark for letter in said))
    letter, rest = said[:1], said[1:]
    if not letter.isalnum() or any(each.isascii() for each in rest) or len(parts) > 1:
        raise TexError("an accent over more than a letter")
    return Part(letter + mark + rest)


def classed(parts: list[Part], name: str) -> Part:
    """`parts` as one that stands among others as a macro such as \\mathbin says."""
    return Part(joined(parts), _CLASS_KINDS.get(name, Kind.ORDINARY))


def constructed(name: str, arguments: Sequence[list[Part]], optional: list[Part] | None = None) -> Part:
    """What the macro `name` puts together of its arguments."""
    match name, arguments:
        case "frac" | "dfrac" | "tfrac" | "cfrac", (upper, lower):
            return Part(f"{_numerator(upper)}/{_factor(lower)}", Kind.FRACTION)
        case "binom", (upper, lower):
            return Part(f"C({joined(upper)}, {joined(lower)})")
        case "sqrt", (inside,):
            degree = "2" if optional is None else joined(optional, tight=True)
            root = _ROOTS.get(degree) or f"{above(degree) or f'({degree})'}√"
            return Part(root + _factor(inside))
        case "operatorname" | "operatorname*", (inside,):
            return Part(joined(inside), Kind.FUNCTION)
        case "overset" | "stackrel", (upper, sign):
            return _over(upper, sign)
        case "underset", (lower, sign):
            return scripted(sign, [("_", lower)])[-1]
        case "underbrace" | "overbrace", (inside,):
            return Part(_factor(inside), Kind.CLOSING)
        case "xrightarrow", (over,) if optional is None:
            return Part(f"—{said}→" if (said := joined(over, tight=True)) else "⟶", Kind.RELATION)
        case "xleftarrow", (over,) if optional is None:
            return Part(f"←{said}—" if (said := joined(over, tight=True)) else "⟵", Kind.RELATION)
        case "pmod", (inside,):
            return Part(f" (mod {joined(inside)})")
        case _:
            raise TexError(f"no Unicode for \\{name}")


def _over(upper: list[Part], sign: list[Part]) -> Part:
    over = joined(upper, tight=True)
    if [part.text for part in sign] == ["="] and over in _DEFINED:
        return Part(_DEFINED[over], Kind.RELATION)
    return scripted(sign, [("^", upper)])[-1]


def _numerator(parts: list[Part]) -> str:
    said = joined(parts)
    plain = all(part.kind in (Kind.ORDINARY, Kind.OPENING, Kind.CLOSING) for part in parts)
    return said if said and plain and " " not in said and "/" not in said else f"({said})"


def _factor(parts: list[Part]) -> str:
    """`parts` so that they stay together after "/" or "√"."""
    said = joined(parts)
    single = len(parts) == 1 and parts[0].kind is Kind.ORDINARY and " " not in said
    derivative = len(parts) == 2 and parts[0].text in ("∂", "d") and parts[1].kind is Kind.ORDINARY
    number = said.replace(".", "").isdigit()
    call = len(parts) > 2 and parts[0].kind is Kind.ORDINARY and _is_bracketed(joined(parts[1:]))
    return said if single or derivative or number or call or _is_bracketed(said) else f"({said})"


def _is_bracketed(text: str) -> bool:
    """Whether one pair of round brackets is around all of `text`."""
    depth = 0
    for index, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth == 0:
            return index == len(text) - 1 and char == ")"
    return False


_BRACKETS: Final = {"": "", "p": "()", "b": "[]", "B": "{}", "v": "||", "V": "‖‖", "small": ""}


def rows_in_lines(cells: list[list[str]]) -> str:
    """One line for each row: aligned equations, tables."""
    return "\n".join(" ".join(cell for cell in row if cell) for row in cells)


def rows_in_line(cells: list[list[str]], column: str, *, between: str = "; ", most: int = 6) -> str:
    """All rows in one line; raises TexError for more than `most` rows or columns."""
    if len(cells) > most or any(len(row) > most for row in cells):
        raise TexError("a large matrix")
    if (
        column == " "
        and any(" " in cell for row in cells for cell in row)
        and any(len(row) > 1 for row in cells)
    ):
        column = ", " if most == 4 else " "
    return between.join(column.join(cell.strip(",; ") for cell in row if cell.strip()) for row in cells)


def in_line(environment: str, cells: list[list[str]]) -> str:
    """An environment among others in a line, with its brackets."""
    if environment == "cases":
        return "{ " + rows_in_line(cells, ", ") + " }"
    if environment.endswith("matrix"):
        brackets = _BRACKETS[environment.removesuffix("matrix")]
        return brackets[:1] + rows_in_line(cells, " ", most=4) + brackets[1:]
    return rows_in_line(cells, " ")


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
            case Macro(name=name) if name in macros.SILENT:
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
    if node.name in macros.SILENT or node.name.endswith("phantom"):
        return []
    if node.name == "substack":
        return [Part(rows_in_line(_cells(node.arguments[0], tight=True), " ", between=","))]
    arguments = [_parts(each) for each in node.arguments]
    if node.name in macros.ALPHABETS:
        return faced(arguments[0], node.name)
    if node.name in macros.ACCENTS:
        return [accented(arguments[0], node.name)]
    if node.name in macros.CLASSES:
        return [classed(arguments[0], node.name)]
    optional = None if node.optional is None else _parts(node.optional)
    return [constructed(node.name, arguments, optional)]

"""Unicode rendering of a formula, for messages without drawn mathematics.

Renders the parsed tree as one line of text, or one line a row. Ambiguous constructs raise TexError,
and the source is rendered instead.
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
from bot.latex.parser import render
from bot.latex.unicode_tables import (
    AtomType,
    Part,
    fence,
    in_face,
    in_script,
    is_bracketed,
    joined,
    sign,
    symbol,
)
from bot.text_sanitizer import clean

_BARE_ABOVE: Final = {"*": "*", "∗": "*", "⋆": "*", "†": "†", "‡": "‡", "∘": "°", "′": "′", "′′": "″"}
_DEFINED: Final = {"def": "≝", "Δ": "≜", "△": "≜"}
_CLASS_KINDS: Final = {
    "mathop": AtomType.FUNCTION,
    "mathbin": AtomType.OPERATION,
    "mathrel": AtomType.RELATION,
}
_ROOTS: Final = {"2": "√", "3": "∛", "4": "∜"}
_ONE_SIDED: Final = {r"\{.": ("{ ", ""), r".\}": ("", " }")}  # delimiters of an array read as cases
_BARE_ENVIRONMENTS: Final = frozenset(("array", "aligned", "gathered", "matrix", "smallmatrix"))


def scripted(
    parts: list[Part], scripts: Sequence[tuple[str, list[Part]]], *, fenced: bool = False
) -> list[Part]:
    """Return `parts` with (mark, script) pairs on the last; several are bracketed unless `fenced`."""
    if len(parts) > 1 and not fenced:
        text = joined(parts)
        parts = [Part(text if is_bracketed(text) else f"({text})")]
    *others, last = parts or [Part("")]
    if last.kind is AtomType.LABELLED:
        labels = (last.label, *(joined(script, tight=True).strip() for _, script in scripts))
        return [*others, replace(last, label="; ".join(label for label in labels if label))]
    bracketed = last.kind in (AtomType.FRACTION, AtomType.ROOT)
    text = f"({last.text})" if bracketed else last.text
    for mark, script in sorted(scripts, key=lambda each: each[0] == "^"):
        text += _script(mark, script)
    return [*others, Part(text, AtomType.ORDINARY if bracketed else last.kind)]


def _script(mark: str, parts: list[Part]) -> str:
    text = joined(parts, tight=True).strip()
    small = in_script(text, mark)
    if small is not None or not text:
        return small or ""
    if mark == "^" and text in _BARE_ABOVE:
        return _BARE_ABOVE[text]
    return mark + (text if len(text) == 1 or is_bracketed(text) else f"({text})")


def faced(parts: list[Part], alphabet: str) -> list[Part]:
    r"""Return `parts` in the face of a macro such as \mathbb; several letters become one word."""
    letters = [replace(part, text=in_face(part.text, alphabet)) for part in parts]
    if len(letters) > 1 and all(part.kind is AtomType.ORDINARY for part in letters):
        return [Part(joined(letters))]
    return letters


def accented(parts: list[Part], accent: str) -> Part:
    r"""Return one letter with the accent of a macro such as \hat, or a short word with a line."""
    text = joined(parts, tight=True)
    if accent == "overline" and len(text) == 1:
        accent = "bar"  # whose lines do not join those of the letters after it
    mark = ACCENTS[accent]
    if accent in ("overline", "underline") and len(text) <= 12 and text.isalnum():
        return Part("".join(letter + mark for letter in text))
    letter, rest = text[:1], text[1:]
    if not letter.isalnum() or any(each.isascii() for each in rest) or len(parts) > 1:
        raise TexError("an accent over more than a letter")
    return Part(letter + mark + rest)


def constructed(name: str, arguments: Sequence[list[Part]], optional: list[Part] | None = None) -> Part:
    """Return the rendering of the macro `name` with its rendered arguments."""
    match name, arguments:
        case "frac" | "dfrac" | "tfrac" | "cfrac", (upper, lower):
            return Part(f"{_numerator(upper)}/{_factor(lower)}", AtomType.FRACTION)
        case "binom", (upper, lower):
            return Part(f"C({joined(upper)}, {joined(lower)})")
        case "sqrt", (inside,):
            degree = "2" if optional is None else joined(optional, tight=True)
            root = _ROOTS.get(degree) or in_script(degree, "^")
            if root is None:
                raise TexError("a degree that would read as a factor")
            return Part((root if degree in _ROOTS else f"{root}√") + _factor(inside), AtomType.ROOT)
        case "operatorname", (inside,):
            return Part(joined(inside, tight=True).replace("−", "-"), AtomType.FUNCTION)
        case "overset" | "stackrel", (upper, sign):
            return _over(upper, sign)
        case "underset", (lower, sign):
            return scripted(sign, [("_", lower)])[-1]
        case "underbrace" | "overbrace", (inside,):
            return Part(joined(inside), AtomType.LABELLED)
        case "xrightarrow" | "xleftarrow", (over,):
            text, right = joined(over, tight=True), name == "xrightarrow"
            if optional:
                arrow = [Part("⟶" if right else "⟵", AtomType.RELATION)]
                return scripted(arrow, [("^", over), ("_", optional)] if text else [("_", optional)])[-1]
            return Part(
                (f"—{text}→" if right else f"←{text}—") if text else "⟶⟵"[not right], AtomType.RELATION
            )
        case "pmod" | "pod", (inside,):
            return Part(f" ({'mod ' if name == 'pmod' else ''}{joined(inside)})")
        case _:
            raise TexError(f"no Unicode for \\{name}")


_TAKES_SIGNS: Final = (AtomType.RELATION, AtomType.OPERATION, AtomType.FUNCTION, AtomType.LABELLED)


def _over(upper: list[Part], sign: list[Part]) -> Part:
    over = joined(upper, tight=True)
    if [part.text for part in sign] == ["="] and over in _DEFINED:
        return Part(_DEFINED[over], AtomType.RELATION)
    if len(sign) == 1 and sign[0].kind in _TAKES_SIGNS:
        return scripted(sign, [("^", upper)])[-1]
    return Part(joined(sign), AtomType.LABELLED, label=over.strip())  # over a letter it would be a power


_PLAIN: Final = (AtomType.ORDINARY, AtomType.OPENING, AtomType.CLOSING, AtomType.ROOT)


def _numerator(parts: list[Part]) -> str:
    text = joined(parts)
    plain = bool(text) and all(part.kind in _PLAIN for part in parts) and not set(text) & {" ", "/"}
    return text if plain or is_bracketed(text) else f"({text})"


def _factor(parts: list[Part]) -> str:
    """Return `parts` bracketed where they would fall apart after "/" or "√"."""
    text = joined(parts)
    single = len(parts) == 1 and parts[0].kind in (AtomType.ORDINARY, AtomType.ROOT) and " " not in text
    derivative = len(parts) == 2 and parts[0].text in ("∂", "d") and parts[1].kind is AtomType.ORDINARY
    number = text.replace(".", "").isdigit()
    call = len(parts) > 2 and parts[0].kind is AtomType.ORDINARY and is_bracketed(joined(parts[1:]))
    return text if single or derivative or number or call or is_bracketed(text) else f"({text})"


_BRACKETS: Final = {"": "", "p": "()", "b": "[]", "B": "{}", "v": "||", "V": "‖‖", "small": ""}


def rows_in_lines(environment: str, cells: list[list[str]]) -> str:
    """Return one line for each row: aligned equations, tables with a dot in each empty cell."""
    if environment != "array":
        return "\n".join("   ".join(filter(None, row)) for row in _equations(cells))
    inside = [cell for row in cells for cell in row if cell]
    if not any(sign(cell[0]).kind is AtomType.RELATION or set(cell) & _DOTS for cell in inside):
        cells = _filled(cells)
    return "\n".join(" ".join(filter(None, row)) for row in cells)


def _equations(cells: list[list[str]]) -> list[list[str]]:
    """Return the rows of an alignment with one cell for each two columns, the sides of an equation."""
    sides = [[" ".join(filter(None, row[at : at + 2])) for at in range(0, len(row), 2)] for row in cells]
    return [[side if index == 0 else side.strip() for index, side in enumerate(row)] for row in sides]


def rows_in_line(cells: list[list[str]], column: str, *, between: str = "; ", most: int = 6) -> str:
    """Return all rows in one line; raises TexError for more than `most` rows or columns."""
    if len(cells) > most or any(len(row) > most for row in cells):
        raise TexError("a large matrix")
    return between.join(column.join(cell.strip(",; ") for cell in row if cell.strip()) for row in cells)


def in_line(environment: str, cells: list[list[str]]) -> str:
    """Return an environment inside a line, with its brackets; raises TexError for a diagonal with dots."""
    if environment == "cases":
        return "{ " + one_sided(cells) + " }"
    if environment == "rcases":
        return one_sided(cells) + " }"
    if environment.endswith("matrix"):
        brackets = _BRACKETS[environment.removesuffix("matrix")]
        filled = _filled(cells)
        alone = len(filled) == 1  # (a −b) would read as a difference
        columns = any(len(row) > 1 for row in filled)
        blanks = alone or (columns and any(" " in cell for row in filled for cell in row))
        return brackets[:1] + rows_in_line(filled, ", " if blanks else " ", most=4) + brackets[1:]
    if environment == "array":
        return rows_in_line(_filled(cells), " ")
    return rows_in_line(_equations(cells), ", ")


_DOTS: Final = frozenset("⋱⋮⋯…")


def _filled(cells: list[list[str]]) -> list[list[str]]:
    """Return the cells with a dot in each empty one, unless only the ends of rows are empty."""
    inside = (not cell and any(row[index:]) for row in cells for index, cell in enumerate(row))
    if not any(inside) and all(map(any, cells)):
        return cells
    if any(set(cell) & _DOTS for row in cells for cell in row):
        raise TexError("a pattern of dots")
    width = max(len(row) for row in cells)
    return [[cell or "·" for cell in row] + ["·"] * (width - len(row)) for row in cells]


def one_sided(cells: list[list[str]]) -> str:
    r"""Return the rows of cases, or of an array after \left\{ alone: the value, then the condition."""
    if len(cells) > 6 or any(len(row) > 6 for row in cells):
        raise TexError("a large matrix")
    return "; ".join(_case(row) for row in cells)


def _case(row: list[str]) -> str:
    text = ""
    for cell in (cell.strip(",; ") for cell in row):
        if not text or not cell:
            text += cell
            continue
        aligned = sign(cell[0]).kind is AtomType.RELATION or sign(text[-1]).kind is AtomType.RELATION
        text += (" " if aligned else ", ") + cell
    return text


LONGEST_UNICODE: Final = 200
# Telegram detects "/x" after a bracket as a command; U+2215 looks the same and is not detected.
_COMMAND: Final = re.compile(r"(?<!\w)/(?=\w)")


@lru_cache(maxsize=1024)
def unicode_tex(tex: str) -> str | None:
    """Return `tex`, without delimiters, in Unicode; rows of a display formula become lines.

    Scripts are Unicode only if every character has such a form, otherwise _(…) and ^(…); fractions have
    brackets. None if the source is easier to read: unknown macros, broken source, large or sparse
    matrices, accents over words, an empty result or one longer than LONGEST_UNICODE.
    """
    rendered = render(tex, _render)
    rendered = _COMMAND.sub("∕", unicodedata.normalize("NFC", rendered).replace("′′", "″"))
    lines = "\n".join(line.strip() for line in rendered.split("\n") if line.strip())
    if not lines or len(lines) > LONGEST_UNICODE or clean(lines) != lines:
        return None
    return lines


def _render(nodes: Nodes) -> str:
    """Return a whole formula; an environment that is all of it, or its end, may have lines."""
    meant = [node for node in nodes if not isinstance(node, Space)]
    match meant:
        case [Environment(name=("aligned" | "gathered" | "split" | "array") as name, nodes=inside)]:
            return rows_in_lines(name, _cells(inside))
        case [
            Environment(name=("aligned" | "gathered" | "split") as name, nodes=inside),
            Macro(name="qquad"),
            *number,
        ]:
            return f"{rows_in_lines(name, _cells(inside))}   {_line(tuple(number))}"
        case _ if any(isinstance(node, Row | Cell) for node in meant):
            return rows_in_lines("aligned", _cells(nodes))
        case _:
            return _line(nodes)


def _line(nodes: Nodes, *, tight: bool = False) -> str:
    return joined(_parts(nodes), tight=tight)


def _cells(nodes: Nodes, *, tight: bool = False, keep_empty: bool = False) -> list[list[str]]:
    r"""Return the rows and columns of an environment; with `keep_empty` all but what follows the last \\."""
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
    if keep_empty:
        return rows if any(rows[-1]) or len(rows[-1]) > 1 else rows[:-1]
    return [row for row in rows if any(row)]


def _parts(nodes: Nodes) -> list[Part]:
    parts: list[Part] = []
    for node, scripts, spaced in _with_scripts(nodes):
        made = [Part("")] if node is None else _part(node)
        if scripts:
            marked = [(script.mark, _parts(script.nodes)) for script in scripts]
            over = isinstance(node, Macro) and node.name in ("overset", "stackrel")
            labelled = over and made[-1].kind is AtomType.LABELLED  # whose scripts are no labels
            if len(made) == 1 and (labelled or _runs_together(node, scripts)):
                made = [Part(f"({joined(made)})")]
            made = scripted(made, marked, fenced=isinstance(node, Fenced))
        if spaced and made:
            made[-1] = replace(made[-1], blank_after=True)
        parts += made
    return parts


def _runs_together(node: Node | None, scripts: list[Script]) -> bool:
    """Return whether `node` ends in scripts or cells of its own, with which `scripts` would run together."""
    match node:
        case Environment(name=name):
            return name in _BARE_ENVIRONMENTS
        case Group(nodes=inside):
            nodes = inside
        case Macro(name=name, arguments=(inside,)) if name in macros.ALPHABETS | macros.CLASSES:
            nodes = inside
        case _:
            return False
    inner = {each.mark for each in nodes if isinstance(each, Script)}
    outer = {script.mark for script in scripts}
    if "^" in inner or inner & outer:
        return True
    return len(nodes) == 1 and _runs_together(nodes[0], scripts)


def _with_scripts(nodes: Nodes) -> Iterator[tuple[Node | None, list[Script], bool]]:
    """Yield each node with its scripts and whether white space follows."""
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
        case Fenced():
            return _fenced(node)
        case Environment():
            kept = node.name == "array" or node.name.endswith("matrix")
            return [Part(in_line(node.name, _cells(node.nodes, keep_empty=kept)))]
        case Macro():
            return _macro(node)
        case Cell() | Row():
            raise TexError("a row out of place")
        case Space() | Script():
            return []
        case _:
            assert_never(node)


def _fenced(node: Fenced) -> list[Part]:
    r"""Return the parts between delimiters; a sum or an equation before \right| alone gets brackets."""
    opening, closing = fence(node.opening), fence(node.closing)
    match node:
        case Fenced(opening="middle"):
            return [Part(closing)]
        case Fenced(opens, (Environment("array", _, inside),), closes) if (
            opens + closes in _ONE_SIDED and Cell() in inside
        ):
            before, after = _ONE_SIDED[opens + closes]
            return [Part(f"{before}{one_sided(_cells(inside))}{after}")]
        case Fenced(nodes=(Macro("substack", (rows,)) | Group((Macro("substack", (rows,)),)),)):
            parts = [Part(rows_in_line(_cells(rows), " "))]  # a column, no pair or interval
        case _ if "/" in (opening, closing):
            raise TexError("a slash beside a sum or a fraction")
        case _:
            parts = _parts(node.nodes)
    if not opening and closing in ("|", "‖") and _is_sum(parts):
        parts = [Part(f"({joined(parts)})")]
    return [Part(opening, AtomType.OPENING), *parts, Part(closing, AtomType.CLOSING)]


def _is_sum(parts: list[Part]) -> bool:
    """Return whether an operation, a relation or a function such as ∑ is outside all brackets."""
    depth = 0
    for part in parts:
        if depth == 0 and part.kind in (AtomType.OPERATION, AtomType.RELATION, AtomType.FUNCTION):
            return True
        depth = max(0, depth + (part.kind is AtomType.OPENING) - (part.kind is AtomType.CLOSING))
    return False


def _macro(node: Macro) -> list[Part]:
    if (part := symbol(node.name)) is not None:
        return [part]
    if node.name in macros.SILENT or node.name.endswith("phantom"):
        return []
    if node.name == "substack":
        return [Part(rows_in_line(_cells(node.arguments[0], tight=True), " ", between=","))]
    arguments = [_parts(each) for each in node.arguments]
    if node.name in macros.ALPHABETS:
        return faced(arguments[0], node.name)
    if node.name in macros.ACCENTS:
        return [accented(arguments[0], node.name)]
    if node.name == "not" and len(arguments[0]) == 1:
        negated = arguments[0][0]
        return [replace(negated, text=f"{negated.text[:1]}\u0338{negated.text[1:]}")]
    if node.name in macros.CLASSES:
        return [Part(joined(arguments[0]), _CLASS_KINDS.get(node.name, AtomType.ORDINARY))]
    optional = None if node.optional is None else _parts(node.optional)
    return [constructed(node.name, arguments, optional)]

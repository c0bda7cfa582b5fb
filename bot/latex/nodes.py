"""Syntax tree of a formula: its nodes, checks on lists of nodes, environments, columns and lengths."""

import re
from dataclasses import dataclass
from typing import Final

from bot.latex import macros


class TexError(ValueError):
    """Error in the source, or a construct that some client cannot draw."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One character."""

    text: str


@dataclass(frozen=True, slots=True)
class Space:
    """White space in the source, which mathematics does not show."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Separator "&" of two columns."""


@dataclass(frozen=True, slots=True)
class Row:
    """End of a row."""


@dataclass(frozen=True, slots=True)
class Macro:
    """Macro with its parsed arguments."""

    name: str
    arguments: "tuple[Nodes, ...]" = ()
    optional: "Nodes | None" = None


@dataclass(frozen=True, slots=True)
class Words:
    """Text inside a formula, in the face `name`."""

    text: str
    name: str = "text"


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes in braces."""

    nodes: "Nodes"


@dataclass(frozen=True, slots=True)
class Script:
    """Subscript ("_") or superscript ("^") of the node before it; `braced` keeps the braces of the source."""

    mark: str
    nodes: "Nodes"
    braced: bool = False


@dataclass(frozen=True, slots=True)
class Fenced:
    r"""\left … \right, with the delimiters as written after these words."""

    opening: str
    nodes: "Nodes"
    closing: str


@dataclass(frozen=True, slots=True)
class Environment:
    """Environment; `columns` is the column specification of an array."""

    name: str
    columns: str
    nodes: "Nodes"


Node = Sign | Space | Cell | Row | Macro | Words | Group | Script | Fenced | Environment
Nodes = tuple[Node, ...]


def append(found: list[Node], node: Node) -> None:
    """Append `node` to `found`, merging text of the same face."""
    match found, node:
        case [*_, Words(before, name)], Words(after, same) if name == same:
            found[-1] = Words(before + after, name)
        case _:
            found.append(node)


def strip_spaces(found: list[Node] | Nodes) -> Nodes:
    """Return the nodes without white space at both ends."""
    nodes = list(found)
    while nodes and isinstance(nodes[0], Space):
        nodes.pop(0)
    while nodes and isinstance(nodes[-1], Space):
        nodes.pop()
    return tuple(nodes)


def require_one_cell(nodes: Nodes) -> Nodes:
    """Return `nodes`; raises TexError if they reach over a cell or a row."""
    if any(isinstance(node, Cell | Row) for node in nodes):
        raise TexError("over two cells")
    return nodes


def check_scripts(found: list[Node]) -> None:
    """Raise TexError if one node has two scripts of the same kind."""
    marks = ""
    for node in found:
        if isinstance(node, Script):
            if node.mark in marks:
                raise TexError("a double script")
            marks += node.mark
        elif node == Sign("'"):
            if "^" in marks:
                raise TexError("a prime after a superscript")
        elif not isinstance(node, Space):
            marks = ""


def drop_second_marks(nodes: Nodes) -> Nodes:
    """Return the rows of an eqnarray with the one column mark that aligned takes."""
    kept: list[Node] = []
    marks = 0
    for node in nodes:
        marks = 0 if isinstance(node, Row) else marks + isinstance(node, Cell)
        if not (isinstance(node, Cell) and marks > 1):
            kept.append(node)
    return tuple(kept)


def environment_nodes(name: str, shown: str, columns: str, inside: Nodes) -> list[Node]:
    """Return the environment `name` as it is written: `shown`, between delimiters, or its body alone."""
    if not shown:
        return [Group(inside)] if any(isinstance(node, Cell | Row) for node in inside) else list(inside)
    if shown == "substack":
        return [Macro("substack", (one_column(inside),))]
    if shown == "gathered" and any(isinstance(node, Cell) for node in inside):
        shown = "aligned"
    if Macro("hline") in inside and shown != "array" and not shown.endswith("matrix"):
        raise TexError("a line outside an array")
    if shown == "array":
        return [Environment("array", _padded(columns, inside), inside)]
    environment = Environment(shown, "", inside)
    if shown == "smallmatrix" and name != shown:
        opening, closing = macros.SMALL_FENCES[name[0]]
        return [Fenced(opening, (environment,), closing)]
    return [environment]


def one_column(nodes: Nodes) -> Nodes:
    """Return the rows of a stack; raises TexError if one has two columns."""
    if any(isinstance(node, Cell) for node in nodes):
        raise TexError("two columns in a stack")
    return nodes


_REPEATED: Final = re.compile(r"\*\s*\{\s*(\d{1,2})\s*\}\s*\{([^{}]*)\}")
_COLUMN_EXTRAS: Final = re.compile(r"[@!<>]\s*\{[^{}]*\}")
_PARAGRAPH_COLUMNS: Final = re.compile(r"[pmb]\s*\{[^{}]*\}")


def array_columns(written: str) -> str:
    r"""Return the column specification with l, c, r and | alone; repetitions such as *{3}{c} are expanded."""
    expanded = _REPEATED.sub(lambda found: found.group(2) * int(found.group(1)), written)
    plain = _PARAGRAPH_COLUMNS.sub("l", _COLUMN_EXTRAS.sub("", expanded))
    return "".join(sign for sign in plain.replace(":", "|") if sign in "lcr|")


def columns_of(inside: Nodes) -> int:
    """Return how many cells the widest row has."""
    most = count = 1
    for node in inside:
        count = 1 if isinstance(node, Row) else count + isinstance(node, Cell)
        most = max(most, count)
    return most


def _padded(columns: str, inside: Nodes) -> str:
    """Return `columns` with at least as many columns as the widest row has cells."""
    missing = columns_of(inside) - sum(sign != "|" for sign in columns)
    return columns + "c" * max(missing, 0)


# Widths in mu, 1/18 em, of the units at a font size of 10 pt.
_UNITS: Final = {
    "em": 18.0,
    "ex": 7.75,
    "mu": 1.0,
    "pt": 1.8,
    "px": 1.35,
    "mm": 5.12,
    "cm": 51.2,
    "in": 130.0,
    "pc": 21.6,
    "bp": 1.81,
    "dd": 1.93,
    "cc": 23.1,
    "sp": 0.0,
}
_LENGTH: Final = re.compile(r"\s*([+-]?\s*(?:\d+\.?\d*|\.\d+))\s*([a-z]{2})\s*(?:plus.*|minus.*)?")
_SPACES: Final = ((1.0, ""), (3.5, ","), (4.5, ":"), (9.0, ";"), (27.0, "quad"))


def space_of(length: str) -> list[Node]:
    """Return the space of a length such as -3pt; raises TexError for what is no length."""
    found = _LENGTH.fullmatch(length)
    if found is None or found.group(2) not in _UNITS:
        raise TexError("no length")
    width = float(found.group(1).replace(" ", "")) * _UNITS[found.group(2)]
    if width <= -1:
        return [Macro("!")]
    name = next((name for limit, name in _SPACES if width < limit), "qquad")
    return [Macro(name)] if name else []

"""Syntax tree of a formula, with the checks on lists of nodes."""

from dataclasses import dataclass


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

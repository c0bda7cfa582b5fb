"""The tree of a formula: nodes under names that all clients know, and what holds of several in a row.

Knows neither the source it is read from nor what is written from it.
"""

from dataclasses import dataclass


class TexError(ValueError):
    """The source is broken, or has something that cannot be shown for sure."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One character."""

    text: str


@dataclass(frozen=True, slots=True)
class Space:
    """White space in the source, which mathematics does not show."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The "&" between two columns."""


@dataclass(frozen=True, slots=True)
class Row:
    """The end of a line."""


@dataclass(frozen=True, slots=True)
class Macro:
    name: str
    arguments: "tuple[Nodes, ...]" = ()
    optional: "Nodes | None" = None


@dataclass(frozen=True, slots=True)
class Words:
    """Words inside a formula, in the face that `name` says."""

    text: str
    name: str = "text"


@dataclass(frozen=True, slots=True)
class Group:
    nodes: "Nodes"


@dataclass(frozen=True, slots=True)
class Script:
    """What stands below ("_") or above ("^") the node before."""

    mark: str
    nodes: "Nodes"


@dataclass(frozen=True, slots=True)
class Fenced:
    """\\left … \\right; the fences as they are written after these words."""

    opening: str
    nodes: "Nodes"
    closing: str


@dataclass(frozen=True, slots=True)
class Environment:
    name: str
    columns: str
    nodes: "Nodes"


Node = Sign | Space | Cell | Row | Macro | Words | Group | Script | Fenced | Environment
Nodes = tuple[Node, ...]


def append(found: list[Node], node: Node) -> None:
    """Add `node`, words to the words before them."""
    match found, node:
        case [*_, Words(before, name)], Words(after, same) if name == same:
            found[-1] = Words(before + after, name)
        case _:
            found.append(node)


def bare(found: list[Node] | Nodes) -> Nodes:
    """Without white space at the ends."""
    nodes = list(found)
    while nodes and isinstance(nodes[0], Space):
        nodes.pop(0)
    while nodes and isinstance(nodes[-1], Space):
        nodes.pop()
    return tuple(nodes)


def one_cell(nodes: Nodes) -> Nodes:
    """`nodes`, which must not reach over a cell or a line; raises TexError."""
    if any(isinstance(node, Cell | Row) for node in nodes):
        raise TexError("over two cells")
    return nodes


def check_scripts(found: list[Node]) -> None:
    """No two scripts of one kind stand on the same node; raises TexError."""
    marks = ""
    for node in found:
        if isinstance(node, Script):
            if node.mark in marks:
                raise TexError("a double script")
            marks += node.mark
        elif not isinstance(node, Space):
            marks = ""


def one_mark_a_row(nodes: Nodes) -> Nodes:
    """eqnarray has a mark on both sides of its relation; aligned has one."""
    kept: list[Node] = []
    marks = 0
    for node in nodes:
        marks = 0 if isinstance(node, Row) else marks + isinstance(node, Cell)
        if not (isinstance(node, Cell) and marks > 1):
            kept.append(node)
    return tuple(kept)

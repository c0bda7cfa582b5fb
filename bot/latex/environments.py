"""Environments of a formula: their replacements, and the columns of arrays."""

import re
from typing import Final

from bot.latex import macros
from bot.latex.nodes import Cell, Environment, Fenced, Group, Macro, Node, Nodes, Row, TexError


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
    return "".join(sign for sign in plain if sign in "lcr|")


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

"""Lengths of explicit spaces, as the spacing macro of about the same width."""

import re
from typing import Final

from bot.latex.nodes import Macro, Node, TexError

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

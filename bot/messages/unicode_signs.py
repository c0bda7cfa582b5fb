"""What one sign, symbol or fence of a formula looks like in Unicode, and how it stands among others.

Look-ups only; what the symbols look like stands in tex_symbols.py.
"""

from typing import Final

from bot.messages import tex_symbols as symbols
from bot.messages.unicode_joining import Kind, Part

_RELATION_SIGNS: Final = frozenset("=<>≤≥≠≈≡∼∝∈→←↔⇒⇐⇔:")
_OPENINGS: Final = ("{", "langle", "lceil", "lfloor", "ulcorner", "llcorner")
_CLOSINGS: Final = ("}", "rangle", "rceil", "rfloor", "urcorner", "lrcorner")
_KINDS: Final = (
    (symbols.SPACES, Kind.BLANK),
    ({**symbols.BIG_OPERATORS, **symbols.FUNCTIONS}, Kind.FUNCTION),
    (symbols.OPERATIONS, Kind.OPERATION),
    (symbols.RELATIONS, Kind.RELATION),
    (symbols.ORDINARY, Kind.ORDINARY),
    ({name: symbols.ORDINARY[name] for name in _CLOSINGS}, Kind.CLOSING),
    ({name: symbols.ORDINARY[name] for name in _OPENINGS}, Kind.OPENING),
)
_SYMBOLS: Final = {name: Part(shown, kind) for table, kind in _KINDS for name, shown in table.items()}
_FENCES: Final = {
    ".": "",
    **{f"\\{name}": sign for name, sign in {**symbols.ORDINARY, **symbols.RELATIONS}.items()},
}


def sign(text: str) -> Part:
    """A character that stands for itself, or for one that looks better."""
    match text:
        case "-" | "+" | "*":
            return Part("−" if text == "-" else text, Kind.OPERATION)
        case "(" | "[":
            return Part(text, Kind.OPENING)
        case ")" | "]":
            return Part(text, Kind.CLOSING)
        case "," | ";":
            return Part(text, Kind.COMMA)
        case "'":
            return Part("′")
        case _:
            return Part(text, Kind.RELATION if text in _RELATION_SIGNS else Kind.ORDINARY)


def symbol(name: str) -> Part | None:
    """What the macro `name` stands for; None where it is no symbol."""
    return _SYMBOLS.get(name)


def fence(written: str) -> str:
    """The sign of what is written after \\left, \\middle or \\right."""
    return _FENCES.get(written, written)

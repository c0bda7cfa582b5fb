"""A formula's source as a tree in which every macro has a name that all clients know.

Tokens are pylatexenc's; what becomes of each macro stands in tex_names.py. Knows nothing of what is
written from the tree.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pylatexenc.latexnodes import LatexTokenReader, LatexWalkerEndOfStream, LatexWalkerError, ParsingState

from bot.messages.tex_names import ALIASES, EXPANSIONS

LONGEST: Final = 4000
DEEPEST: Final = 24


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


@dataclass(frozen=True, slots=True)
class Token:
    """One token: a `kind` of pylatexenc's, what it says, and the white space around it."""

    kind: str
    text: str
    before: str
    after: str
    source: str


_STATE: Final = ParsingState(in_math_mode=True, enable_double_newline_paragraphs=False)


def tokens(tex: str) -> list[Token]:
    """The tokens of `tex` without comments; raises TexError for what is no TeX."""
    if len(tex) > LONGEST:
        raise TexError("too long")
    reader = LatexTokenReader(tex)
    found: list[Token] = []
    while True:
        try:
            token = reader.next_token(_STATE)
        except LatexWalkerEndOfStream:
            return found
        except LatexWalkerError as error:
            raise TexError("no TeX") from error
        if token.tok == "comment":
            continue
        after = getattr(token, "post_space", "") or ""
        found += _known(Token(token.tok, token.arg, token.pre_space, after, tex[token.pos : token.pos_end]))


def _known(token: Token) -> list[Token]:
    """The token under a name that is known, or what stands in its stead."""
    if token.kind != "macro":
        return [token]
    if token.text in EXPANSIONS:
        return list(_expansion(token.text))
    name = ALIASES.get(token.text)
    return [token] if name is None else [Token("macro", name, token.before, token.after, "\\" + name)]


@lru_cache(maxsize=256)
def _expansion(name: str) -> tuple[Token, ...]:
    return tuple(tokens(EXPANSIONS[name]))

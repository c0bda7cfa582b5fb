"""A formula's source as tokens, each macro under the name that all clients know, and the way through them.

The tokens are pylatexenc's; the names stand in tex_names.py. Knows no tree.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pylatexenc.latexnodes import LatexTokenReader, LatexWalkerEndOfStream, LatexWalkerError, ParsingState

from bot.messages.tex import TexError
from bot.messages.tex_names import ALIASES, EXPANSIONS

LONGEST: Final = 4000
_UNITS: Final = ("em", "ex", "pt", "mm", "cm", "in", "mu", "px")
_STATE: Final = ParsingState(in_math_mode=True, enable_double_newline_paragraphs=False)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: a `kind` of pylatexenc's, what it says, and the white space around it."""

    kind: str
    text: str
    before: str
    after: str
    source: str


_END: Final = Token("end", "", "", "", "")


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


class TokenStream:
    """A place in a list of tokens; after the last one comes the end, again and again."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0

    def peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def take(self) -> Token:
        token = self.peek()
        self._at += 1
        return token

    def taken(self) -> Token:
        """The token that was taken last, which is not the end."""
        return self._tokens[self._at - 1]

    def takes(self, sign: str, *, adjoining: bool = False) -> bool:
        """Whether this character comes next, which is then taken; `adjoining`: without white space before."""
        token = self.peek()
        if token.kind != "char" or token.text != sign or (adjoining and token.before):
            return False
        self._at += 1
        return True

    def starred(self) -> bool:
        return self.takes("*", adjoining=True)

    def raw(self) -> str:
        """The source of one group."""
        return "".join(token.before + token.source + token.after for token in self.raw_tokens())

    def raw_tokens(self) -> list[Token]:
        """The tokens of one group, or one character; raises TexError for anything else."""
        if (first := self.take()).kind != "brace_open":
            if first.kind == "char":
                return [first]
            raise TexError("no group")
        found: list[Token] = []
        depth = 1
        while True:
            token = self.take()
            depth += {"brace_open": 1, "brace_close": -1}.get(token.kind, 0)
            if token.kind == "end":
                raise TexError("an open group")
            if depth == 0:
                return [*found, Token("char", "", token.before, "", "")] if token.before else found
            found.append(token)

    def length_follows(self) -> bool:
        """Whether a length such as [2pt] comes next, as after the end of a line."""
        first = self.peek()
        if first.kind != "char" or first.text != "[" or first.before:
            return False
        inside = "".join(token.text for token in self._tokens[self._at + 1 : self._at + 8])
        amount, closed, _ = inside.partition("]")
        return bool(closed) and amount.lstrip("-").strip()[:1].isdigit() and amount.strip()[-2:] in _UNITS

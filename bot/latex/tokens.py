"""Token stream of a formula, read by pylatexenc, with macros under their standard names."""

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pylatexenc.latexnodes import LatexTokenReader, LatexWalkerEndOfStream, LatexWalkerError, ParsingState

from bot.latex.macros import ALIASES, ESCAPES, EXPANSIONS, WORDS
from bot.latex.nodes import Node, Nodes, TexError, Words

LONGEST: Final = 4000
_UNITS: Final = ("em", "ex", "pt", "mm", "cm", "in", "mu", "px")
_SPACES: Final = re.compile(" {2,}")
_STATE: Final = ParsingState(in_math_mode=True, enable_double_newline_paragraphs=False)


@dataclass(frozen=True, slots=True)
class Token:
    """Token of kind `kind` (pylatexenc's names), with its text and the white space around it."""

    kind: str
    text: str
    before: str
    after: str
    source: str


_END: Final = Token("end", "", "", "", "")


def tokens(tex: str) -> list[Token]:
    """Return the tokens of `tex` without comments; raises TexError for malformed source."""
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
        found += _standard(
            Token(token.tok, token.arg, token.pre_space, after, tex[token.pos : token.pos_end])
        )


def _standard(token: Token) -> list[Token]:
    """Return the token under its standard name, or the tokens of its expansion."""
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
    """Cursor over a list of tokens; after the last one it returns the end token forever."""

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
        """Return the token taken last, which is not the end."""
        return self._tokens[self._at - 1]

    def takes(self, sign: str, *, adjoining: bool = False) -> bool:
        """Take the next token if it is the character `sign`, if `adjoining` without a space before."""
        token = self.peek()
        if token.kind != "char" or token.text != sign or (adjoining and token.before):
            return False
        self._at += 1
        return True

    def starred(self) -> bool:
        return self.takes("*", adjoining=True)

    def option_follows(self, allowed: str) -> bool:
        """Return whether one of the letters `allowed` follows in square brackets."""
        inside = self._tokens[self._at : self._at + 3]
        return (
            len(inside) == 3
            and all(token.kind == "char" for token in inside)
            and (inside[0].text, inside[2].text) == ("[", "]")
            and inside[1].text in allowed
        )

    def run_of(self, characters: Container[str]) -> str:
        """Take the adjoining characters that `characters` contains."""
        start = self._at
        while (token := self.peek()).kind == "char" and token.text in characters and not token.before:
            self._at += 1
        return "".join(token.text for token in self._tokens[start : self._at])

    def length(self) -> str:
        r"""Take a length without braces, such as -3pt after \kern; the unit is two letters."""
        taken = ""
        while (token := self.peek()).kind == "char" and (
            token.text in "+-.0123456789" or (token.text.isalpha() and not taken[-2:].isalpha())
        ):
            taken += token.text
            self._at += 1
            if taken[-2:].isalpha():
                break
        return taken

    def raw(self) -> str:
        """Return the source of one group."""
        return "".join(token.before + token.source + token.after for token in self.raw_tokens())

    def raw_tokens(self) -> list[Token]:
        """Return the tokens of one group, or one character; raises TexError for other tokens."""
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
        """Return whether a length such as [2pt] follows, as after the end of a row."""
        first = self.peek()
        if first.kind != "char" or first.text != "[" or first.before:
            return False
        inside = "".join(token.text for token in self._tokens[self._at + 1 : self._at + 8])
        amount, closed, _ = inside.partition("]")
        return bool(closed) and amount.lstrip("-").strip()[:1].isdigit() and amount.strip()[-2:] in _UNITS


def words(found: list[Token], name: str, parse: Callable[[str], Nodes]) -> Iterator[Node]:
    """Yield the text of `found` in the face `name`; raises TexError for macros that text cannot hold."""
    text = ""
    maths: list[Token] | None = None
    for token in found:
        if token.kind == "mathmode_inline":
            if maths is None:
                text += " " if token.before else ""
                maths = []
                continue
            if text:
                yield Words(_SPACES.sub(" ", text), name)
            text = ""
            yield from parse("".join(each.before + each.source + each.after for each in maths))
            maths = None
        elif maths is not None:
            maths.append(token)
        else:
            text += _text_of(token)
    if maths is not None:
        raise TexError("an open dollar")
    if text:
        yield Words(_SPACES.sub(" ", text), name)


def _text_of(token: Token) -> str:
    before = " " if token.before else ""
    match token.kind:
        case "char":
            return before + (" " if token.text == "~" else token.text)
        case "brace_open" | "brace_close":
            return before
        case "macro" if token.text in ESCAPES:
            return before + ESCAPES[token.text]
        case "macro" if token.text in WORDS:
            return before
        case _:
            raise TexError(f"out of place among words: {token.source}")

"""Parser for the source of one formula.

Tokens are read by pylatexenc and renamed by the macro tables; a recursive descent with bounded depth
builds the tree. Raises TexError for broken source and for unknown macros.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pylatexenc.latexnodes import LatexTokenReader, LatexWalkerEndOfStream, LatexWalkerError, ParsingState

from bot.latex import macros
from bot.latex.macros import ALIASES, EXPANSIONS, WORDS
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
    append,
    check_scripts,
    drop_second_marks,
    require_one_cell,
    strip_spaces,
)
from bot.text_sanitizer import clean

LONGEST: Final = 4000
_UNITS: Final = ("em", "ex", "pt", "mm", "cm", "in", "mu", "px")
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


_ESCAPES = {
    "%": "%",
    "#": "#",
    "_": "_",
    "$": "$",
    "&": "&",
    "{": "{",
    "}": "}",
    " ": " ",
    ",": " ",
    ";": " ",
    "\\": " ",
}
_ESCAPES |= {
    "quad": " ",
    "qquad": " ",
    "textasciitilde": "~",
    "ldots": "…",
    "-": "",
    "!": "",
    ":": " ",
    "/": "",
}


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
                yield Words(text, name)
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
        yield Words(text, name)


def _text_of(token: Token) -> str:
    before = " " if token.before else ""
    match token.kind:
        case "char":
            return before + (" " if token.text == "~" else token.text)
        case "brace_open" | "brace_close":
            return before
        case "macro" if token.text in _ESCAPES:
            return before + _ESCAPES[token.text]
        case "macro" if token.text in WORDS:
            return before
        case _:
            raise TexError(f"out of place among words: {token.source}")


_DEEPEST: Final = 24
_BETWEEN: Final = {"over": "frac", "choose": "binom"}


@lru_cache(maxsize=1024)
def parse(tex: str) -> Nodes:
    """Return the tree of `tex`, the source of one formula without delimiters; raises TexError."""
    return _Parser(tex).nodes("end")


class _Parser:
    """Recursive descent over a token stream; `depth` is the current nesting."""

    def __init__(self, tex: str) -> None:
        self.tokens = TokenStream(tokens(tex))
        self.depth = 0

    def nodes(self, closing: str, name: str = "") -> Nodes:
        """Return the nodes up to the closing token, which is taken."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise TexError("too deep")
        found: list[Node] = []
        while True:
            token = self.tokens.take()
            if token.before and found and not isinstance(found[-1], Space):
                found.append(Space())
            if token.kind == closing and (not name or token.text == name):
                break
            if closing == "]" and token.kind == "char" and token.text == "]":
                break
            if closing == "right" and token.kind == "macro" and token.text == "right":
                break
            if token.kind == "macro" and token.text in macros.SWITCHES:
                found.append(
                    Macro(macros.SWITCHES[token.text], (require_one_cell(self.nodes(closing, name)),))
                )
                break
            if token.kind == "macro" and token.text in _BETWEEN:
                below = require_one_cell(self.nodes(closing, name))
                found = [Macro(_BETWEEN[token.text], (require_one_cell(strip_spaces(found)), below))]
                break
            for node in self.node(token):
                append(found, node)
            if token.after and found and not isinstance(found[-1], Space):
                found.append(Space())
        self.depth -= 1
        check_scripts(found)
        return strip_spaces(found)

    def node(self, token: Token) -> list[Node]:
        match token.kind:
            case "char":
                return self.char(token.text)
            case "macro":
                return self.macro(token.text)
            case "brace_open":
                return [Group(self.nodes("brace_close"))]
            case "begin_environment":
                return self.environment(token.text)
            case _:
                raise TexError(f"out of place: {token.source or 'the end'}")

    def char(self, text: str) -> list[Node]:
        match text:
            case "^" | "_":
                return [Script(text, self.argument())]
            case "&":
                return [Cell()]
            case "~":
                return [Macro(" ")]
            case "#":
                raise TexError("a parameter")
            case _:
                return [Words(text) if "\u2e80" <= text <= "\ufaff" else Sign(text)]

    def argument(self) -> Nodes:
        """Return one group, or one token with its own arguments."""
        token = self.tokens.take()
        match token.kind:
            case "brace_open":
                return self.nodes("brace_close")
            case "char" if token.text in "^_&~#":
                raise TexError("no argument")
            case "char" | "macro":
                if token.text in macros.SWITCHES or token.text in (*_BETWEEN, "right", "\\"):
                    raise TexError("no argument")
                return tuple(self.node(token))
            case _:
                raise TexError("no argument")

    def optional(self) -> Nodes | None:
        return self.nodes("]") if self.tokens.takes("[") else None

    def macro(self, name: str) -> list[Node]:
        if name in macros.SILENT or name in macros.SIMPLE:
            return [Macro(name)]
        if name in macros.ARGUMENTS:
            return self.macro_with_arguments(name)
        if name in macros.WORDS:
            return list(words(self.tokens.raw_tokens(), macros.WORDS[name], parse))
        if name in macros.DROPPED:
            return []
        if name in macros.DROPPED_WITH:
            self.tokens.starred()
            self.tokens.raw()
            return []
        return self.replaced(name)

    def macro_with_arguments(self, name: str) -> list[Node]:
        if name == "operatorname" and self.tokens.starred():
            name = "operatorname*"
        optional = self.optional() if name in macros.OPTIONAL or name == "cfrac" else None
        count = macros.ARGUMENTS[name]
        arguments = tuple(self.argument() for _ in range(count))
        return [Macro(name, arguments, optional if name in macros.OPTIONAL else None)]

    def replaced(self, name: str) -> list[Node]:
        """Return the replacement of a macro that is not drawn as written."""
        if name in macros.WRAPPERS:
            for _ in range(macros.WRAPPERS[name]):
                self.tokens.raw()
            return [Group(self.argument())]
        if name in macros.STRETCHED:
            self.optional()
            return [Macro("overset", (self.argument(), parse(macros.STRETCHED[name])))]
        if name in macros.FENCES:
            self.tokens.starred()
            fence = macros.FENCES[name]
            return [Fenced(fence, self.argument(), fence)]
        match name:
            case "\\":
                return self.row()
            case "left":
                opening = self.delimiter()
                inside = require_one_cell(self.nodes("right"))
                return [Fenced(opening, inside, self.delimiter()), *self.gap()]
            case "middle":
                return [Fenced("middle", (), self.delimiter()), *self.gap()]
            case "not":
                return self.negation()
            case "tag":
                opening, closing = ("", "") if self.tokens.starred() else ("(", ")")
                number = words(self.tokens.raw_tokens(), "text", parse)
                return [Macro("qquad"), *map(Sign, opening), *number, *map(Sign, closing)]
            case "hspace" | "mspace":
                self.tokens.starred()
                self.tokens.raw()
                return [Macro("quad")]
            case "unicode":
                return [_character(self.tokens.raw())]
            case _:
                raise TexError(f"unknown: \\{name}")

    def row(self) -> list[Node]:
        self.tokens.starred()
        if self.tokens.length_follows():
            self.optional()
        return [Row()]

    def delimiter(self) -> str:
        token = self.tokens.take()
        if token.kind == "char" and token.text in macros.DELIMITER_SIGNS:
            return {"<": r"\langle", ">": r"\rangle"}.get(token.text, token.text)
        if token.kind == "macro" and token.text in macros.DELIMITERS:
            return "\\" + token.text
        raise TexError("no delimiter")

    def gap(self) -> list[Node]:
        """Return the white space after the token taken last."""
        return [Space()] if self.tokens.taken().after else []

    def negation(self) -> list[Node]:
        token = self.tokens.take()
        if token.kind in ("char", "macro") and token.text in macros.NEGATIONS:
            return [Macro(macros.NEGATIONS[token.text])]
        raise TexError("an unknown negation")

    def environment(self, full: str) -> list[Node]:
        name = full.removesuffix("*")
        if name not in macros.ENVIRONMENTS:
            raise TexError(f"unknown environment: {full}")
        shown = macros.ENVIRONMENTS[name]
        columns = ""
        if name in ("array", "aligned", "gathered", "split") or full.endswith("matrix*"):
            self.optional()
        if name in ("alignat", "alignedat", "xalignat"):
            self.tokens.raw()
        if name == "array":
            columns = "".join(sign for sign in self.tokens.raw() if sign in "lcr|")
        inside = self.nodes("end_environment", full)
        if name == "eqnarray":
            inside = drop_second_marks(inside)
        if not shown:
            return [Group(inside)] if any(isinstance(node, Cell | Row) for node in inside) else list(inside)
        return [Environment(shown, columns or ("c" if shown == "array" else ""), inside)]


def _character(raw: str) -> Node:
    """Return the character of a code point; raises TexError unless it is visible and not special in TeX."""
    number = raw.strip()
    try:
        character = chr(int(number.removeprefix("x"), 16 if number.startswith("x") else 10))
    except (ValueError, OverflowError) as error:
        raise TexError("no character") from error
    if character <= "\xa0" or clean(character) != character:
        raise TexError("no character to show")
    return Sign(character)

"""Tokens of a formula become its tree; whatever is broken or unknown raises TexError.

Here, and only here, macros get their arguments and forbidden ones are replaced (tables: tex_names.py).
"""

from functools import lru_cache
from typing import Final

from bot.messages import tex_names as names
from bot.messages import tex_symbols as symbols
from bot.messages.characters import clean
from bot.messages.tex import (
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
    bare,
    check_scripts,
    one_cell,
    one_mark_a_row,
)
from bot.messages.tex_tokens import Token, TokenStream, tokens
from bot.messages.tex_words import words

_DEEPEST: Final = 24
_BETWEEN: Final = {"over": "frac", "choose": "binom"}


@lru_cache(maxsize=1024)
def parse(tex: str) -> Nodes:
    """The tree of `tex`, the source of one formula without delimiters; raises TexError."""
    return _Parser(tex).nodes("end")


class _Parser:
    """The tokens that are still to be read, and how deep the groups are there."""

    def __init__(self, tex: str) -> None:
        self.tokens = TokenStream(tokens(tex))
        self.depth = 0

    def nodes(self, closing: str, name: str = "") -> Nodes:
        """The nodes to the token that closes them, which is taken."""
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
            if token.kind == "macro" and token.text in names.SWITCHES:
                found.append(Macro(names.SWITCHES[token.text], (one_cell(self.nodes(closing, name)),)))
                break
            if token.kind == "macro" and token.text in _BETWEEN:
                below = one_cell(self.nodes(closing, name))
                found = [Macro(_BETWEEN[token.text], (one_cell(bare(found)), below))]
                break
            for node in self.node(token):
                append(found, node)
            if token.after and found and not isinstance(found[-1], Space):
                found.append(Space())
        self.depth -= 1
        check_scripts(found)
        return bare(found)

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
        """One group, or one token with what it needs."""
        token = self.tokens.take()
        match token.kind:
            case "brace_open":
                return self.nodes("brace_close")
            case "char" if token.text in "^_&~#":
                raise TexError("no argument")
            case "char" | "macro":
                if token.text in names.SWITCHES or token.text in (*_BETWEEN, "right", "\\"):
                    raise TexError("no argument")
                return tuple(self.node(token))
            case _:
                raise TexError("no argument")

    def optional(self) -> Nodes | None:
        return self.nodes("]") if self.tokens.takes("[") else None

    def macro(self, name: str) -> list[Node]:
        if name in symbols.SILENT or name in symbols.SIMPLE:
            return [Macro(name)]
        if name in names.ARGUMENTS:
            return self.known(name)
        if name in names.WORDS:
            return list(words(self.tokens.raw_tokens(), names.WORDS[name], parse))
        if name in names.DROPPED:
            return []
        if name in names.DROPPED_WITH:
            self.tokens.starred()
            self.tokens.raw()
            return []
        return self.replaced(name)

    def known(self, name: str) -> list[Node]:
        if name == "operatorname" and self.tokens.starred():
            name = "operatorname*"
        optional = self.optional() if name in names.OPTIONAL or name == "cfrac" else None
        count = names.ARGUMENTS[name]
        arguments = tuple(self.argument() for _ in range(count))
        return [Macro(name, arguments, optional if name in names.OPTIONAL else None)]

    def replaced(self, name: str) -> list[Node]:
        """Macros that take something of what follows and leave something else."""
        if name in names.WRAPPERS:
            for _ in range(names.WRAPPERS[name]):
                self.tokens.raw()
            return [Group(self.argument())]
        if name in names.STRETCHED:
            self.optional()
            return [Macro("overset", (self.argument(), parse(names.STRETCHED[name])))]
        if name in names.FENCES:
            self.tokens.starred()
            fence = names.FENCES[name]
            return [Fenced(fence, self.argument(), fence)]
        match name:
            case "\\":
                return self.row()
            case "left":
                opening = self.delimiter()
                inside = one_cell(self.nodes("right"))
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
        if token.kind == "char" and token.text in names.DELIMITER_SIGNS:
            return {"<": r"\langle", ">": r"\rangle"}.get(token.text, token.text)
        if token.kind == "macro" and token.text in names.DELIMITERS:
            return "\\" + token.text
        raise TexError("no delimiter")

    def gap(self) -> list[Node]:
        """The white space after the token taken last."""
        return [Space()] if self.tokens.taken().after else []

    def negation(self) -> list[Node]:
        token = self.tokens.take()
        if token.kind in ("char", "macro") and token.text in names.NEGATIONS:
            return [Macro(names.NEGATIONS[token.text])]
        raise TexError("an unknown negation")

    def environment(self, full: str) -> list[Node]:
        name = full.removesuffix("*")
        if name not in names.ENVIRONMENTS:
            raise TexError(f"unknown environment: {full}")
        shown = names.ENVIRONMENTS[name]
        columns = ""
        if name in ("array", "aligned", "gathered", "split") or full.endswith("matrix*"):
            self.optional()
        if name in ("alignat", "alignedat", "xalignat"):
            self.tokens.raw()
        if name == "array":
            columns = "".join(sign for sign in self.tokens.raw() if sign in "lcr|")
        inside = self.nodes("end_environment", full)
        if name == "eqnarray":
            inside = one_mark_a_row(inside)
        if not shown:
            return [Group(inside)] if any(isinstance(node, Cell | Row) for node in inside) else list(inside)
        return [Environment(shown, columns or ("c" if shown == "array" else ""), inside)]


def _character(raw: str) -> Node:
    """The character of a code point, which must be no sign of TeX's own and show itself."""
    number = raw.strip()
    try:
        character = chr(int(number.removeprefix("x"), 16 if number.startswith("x") else 10))
    except (ValueError, OverflowError) as error:
        raise TexError("no character") from error
    if character <= "\xa0" or clean(character) != character:
        raise TexError("no character to show")
    return Sign(character)

"""Tokens of a formula become its tree; whatever is broken or unknown raises TexError.

Here, and only here, macros get their arguments and forbidden ones are replaced (tables: tex_names.py).
"""

from functools import lru_cache

from bot.messages import tex_names as names
from bot.messages import tex_symbols as symbols
from bot.messages.characters import clean
from bot.messages.tex import (
    DEEPEST,
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
    Token,
    Words,
    tokens,
)
from bot.messages.tex_words import words

_END = Token("end", "", "", "", "")


@lru_cache(maxsize=1024)
def parse(tex: str) -> Nodes:
    """The tree of `tex`, the source of one formula without delimiters; raises TexError."""
    return _Parser(tokens(tex)).nodes("end")


class _Parser:
    """A place in a list of tokens, and how deep the groups are there."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.depth = 0

    def peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else _END

    def take(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def nodes(self, closing: str, name: str = "") -> Nodes:
        """The nodes to the token that closes them, which is taken."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise TexError("too deep")
        found: list[Node] = []
        while True:
            token = self.take()
            if token.before and found and not isinstance(found[-1], Space):
                found.append(Space())
            if token.kind == closing and (not name or token.text == name):
                break
            if closing == "]" and token.kind == "char" and token.text == "]":
                break
            if closing == "right" and token.kind == "macro" and token.text == "right":
                break
            if token.kind == "macro" and token.text in names.SWITCHES:
                found.append(Macro(names.SWITCHES[token.text], (_one_cell(self.nodes(closing, name)),)))
                break
            if token.kind == "macro" and token.text in _BETWEEN:
                below = _one_cell(self.nodes(closing, name))
                found = [Macro(_BETWEEN[token.text], (_one_cell(_bare(found)), below))]
                break
            for node in self.node(token):
                _append(found, node)
            if token.after and found and not isinstance(found[-1], Space):
                found.append(Space())
        self.depth -= 1
        _check(found)
        return _bare(found)

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
        token = self.take()
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

    def raw(self) -> str:
        """The source of one group."""
        return "".join(token.before + token.source + token.after for token in self.raw_tokens())

    def raw_tokens(self) -> list[Token]:
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

    def optional(self) -> Nodes | None:
        if self.peek().kind == "char" and self.peek().text == "[":
            self.take()
            return self.nodes("]")
        return None

    def starred(self) -> bool:
        if self.peek().kind == "char" and self.peek().text == "*" and not self.peek().before:
            self.take()
            return True
        return False

    def macro(self, name: str) -> list[Node]:
        if name in symbols.SILENT or name in symbols.SIMPLE:
            return [Macro(name)]
        if name in names.ARGUMENTS:
            return self.known(name)
        if name in names.WORDS:
            return list(words(self.raw_tokens(), names.WORDS[name], parse))
        if name in names.DROPPED:
            return []
        if name in names.DROPPED_WITH:
            self.starred()
            self.raw()
            return []
        return self.replaced(name)

    def known(self, name: str) -> list[Node]:
        if name == "operatorname" and self.starred():
            name = "operatorname*"
        optional = self.optional() if name in names.OPTIONAL or name == "cfrac" else None
        count = names.ARGUMENTS[name]
        arguments = tuple(self.argument() for _ in range(count))
        return [Macro(name, arguments, optional if name in names.OPTIONAL else None)]

    def replaced(self, name: str) -> list[Node]:
        """Macros that take something of what follows and leave something else."""
        if name in names.WRAPPERS:
            for _ in range(names.WRAPPERS[name]):
                self.raw()
            return [Group(self.argument())]
        if name in names.STRETCHED:
            self.optional()
            return [Macro("overset", (self.argument(), parse(names.STRETCHED[name])))]
        if name in names.FENCES:
            self.starred()
            fence = names.FENCES[name]
            return [Fenced(fence, self.argument(), fence)]
        match name:
            case "\\":
                return self.row()
            case "left":
                opening = self.delimiter()
                inside = _one_cell(self.nodes("right"))
                return [Fenced(opening, inside, self.delimiter()), *self.gap()]
            case "middle":
                return [Fenced("middle", (), self.delimiter()), *self.gap()]
            case "not":
                return self.negation()
            case "tag":
                opening, closing = ("", "") if self.starred() else ("(", ")")
                number = words(self.raw_tokens(), "text", parse)
                return [Macro("qquad"), *map(Sign, opening), *number, *map(Sign, closing)]
            case "hspace" | "mspace":
                self.starred()
                self.raw()
                return [Macro("quad")]
            case "unicode":
                return [_character(self.raw())]
            case _:
                raise TexError(f"unknown: \\{name}")

    def row(self) -> list[Node]:
        self.starred()
        if self.peek().kind == "char" and self.peek().text == "[" and not self.peek().before:
            inside = "".join(token.text for token in self.tokens[self.at + 1 : self.at + 8])
            amount, closed, _ = inside.partition("]")
            if closed and amount.lstrip("-").strip()[:1].isdigit() and amount.strip()[-2:] in _LENGTHS:
                self.optional()
        return [Row()]

    def delimiter(self) -> str:
        token = self.take()
        if token.kind == "char" and token.text in names.DELIMITER_SIGNS:
            return {"<": r"\langle", ">": r"\rangle"}.get(token.text, token.text)
        if token.kind == "macro" and token.text in names.DELIMITERS:
            return "\\" + token.text
        raise TexError("no delimiter")

    def gap(self) -> list[Node]:
        """The white space after the token taken last."""
        return [Space()] if self.tokens[self.at - 1].after else []

    def negation(self) -> list[Node]:
        token = self.take()
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
            self.raw()
        if name == "array":
            columns = "".join(sign for sign in self.raw() if sign in "lcr|")
        inside = self.nodes("end_environment", full)
        if name == "eqnarray":
            inside = _one_mark_a_row(inside)
        if not shown:
            return [Group(inside)] if any(isinstance(node, Cell | Row) for node in inside) else list(inside)
        return [Environment(shown, columns or ("c" if shown == "array" else ""), inside)]


_BETWEEN = {"over": "frac", "choose": "binom"}
_LENGTHS = ("em", "ex", "pt", "mm", "cm", "in", "mu", "px")


def _append(found: list[Node], node: Node) -> None:
    """Add `node`, words to the words before them."""
    match found, node:
        case [*_, Words(before, name)], Words(after, same) if name == same:
            found[-1] = Words(before + after, name)
        case _:
            found.append(node)


def _bare(found: list[Node] | Nodes) -> Nodes:
    """Without white space at the ends."""
    nodes = list(found)
    while nodes and isinstance(nodes[0], Space):
        nodes.pop(0)
    while nodes and isinstance(nodes[-1], Space):
        nodes.pop()
    return tuple(nodes)


def _one_cell(nodes: Nodes) -> Nodes:
    """`nodes`, which must not reach over a cell or a line."""
    if any(isinstance(node, Cell | Row) for node in nodes):
        raise TexError("over two cells")
    return nodes


def _check(found: list[Node]) -> None:
    """No two scripts of one kind on the same node."""
    marks = ""
    for node in found:
        if isinstance(node, Script):
            if node.mark in marks:
                raise TexError("a double script")
            marks += node.mark
        elif not isinstance(node, Space):
            marks = ""


def _one_mark_a_row(nodes: Nodes) -> Nodes:
    """eqnarray has a mark on both sides of its relation; aligned has one."""
    kept: list[Node] = []
    marks = 0
    for node in nodes:
        marks = 0 if isinstance(node, Row) else marks + isinstance(node, Cell)
        if not (isinstance(node, Cell) and marks > 1):
            kept.append(node)
    return tuple(kept)


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

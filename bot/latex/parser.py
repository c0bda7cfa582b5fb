"""Parser for the source of one formula.

A recursive descent with bounded depth over the token stream; macros that not every engine draws are
replaced by the tables on the way. Raises TexError for broken source and for unknown macros.
"""

import html
import logging
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from bot.latex import macros, symbols
from bot.latex.definitions import expand
from bot.latex.nodes import (
    Cell,
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
    array_columns,
    check_scripts,
    drop_second_marks,
    environment_nodes,
    one_column,
    require_one_cell,
    space_of,
    strip_spaces,
)
from bot.latex.tokens import Token, TokenStream, tokens, words
from bot.text_sanitizer import clean

log = logging.getLogger(__name__)

_DEEPEST: Final = 24
_BETWEEN: Final = frozenset(("over", "choose", "atop", "brace", "brack"))
_BETWEEN_FENCES: Final = {"brace": (r"\{", r"\}"), "brack": ("[", "]")}
_LIMITS: Final = frozenset(("limits", "nolimits"))
_NO_ARGUMENT: Final = frozenset((*_BETWEEN, *_LIMITS, "hline", "middle", "right", "\\"))
_ENTITY: Final = re.compile(r"(?<!\\)&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,12}[0-9]{0,2});")


@lru_cache(maxsize=1024)
def parse(tex: str) -> Nodes:
    """Return the tree of `tex`, the source of one formula without delimiters; raises TexError."""
    source = unicodedata.normalize("NFC", _without_entities(tex)) if not tex.isascii() or "&" in tex else tex
    return _Parser(expand(source, {})).nodes("end")


def render(tex: str, write: Callable[[Nodes], str]) -> str:
    """Return what `write` makes of the tree of `tex`; empty for refused source, and for an error."""
    try:
        return write(parse(clean(tex)))
    except TexError:
        return ""
    except Exception:
        # One formula must never keep a message from being sent.
        log.exception("formula not rendered: %r", tex[:200])
        return ""


def _without_entities(tex: str) -> str:
    """Return `tex` with HTML entities as characters, of text that was escaped once or twice too often."""
    for _ in range(2):
        if "&" not in tex or not _ENTITY.search(tex):
            break
        tex = _ENTITY.sub(lambda found: html.unescape(found.group()).replace("\xa0", " "), tex)
    return tex


@lru_cache(maxsize=512)
def character_nodes(character: str) -> Nodes:
    """Return the nodes of one character that is not ASCII."""
    if (source := symbols.source_of(character)) is not None:
        return _Parser(source).nodes("end")
    return (Words(character) if symbols.is_word(character) else Sign(character),)


class _Parser:
    """Recursive descent over a token stream; `depth` is the current nesting."""

    def __init__(self, tex: str) -> None:
        self.tokens = TokenStream(tokens(tex))
        self.depth = 0

    def nodes(self, closing: str, name: str = "") -> Nodes:
        """Return the nodes up to the closing token, which is taken."""
        self._descend()
        found: list[Node] = []
        while True:
            token = self.tokens.take()
            if token.before and found and not isinstance(found[-1], Space):
                found.append(Space())
            if self._closes(token, closing, name):
                break
            if token.kind == "macro" and token.text in macros.SWITCHES:
                inside = require_one_cell(self.nodes(closing, name))
                found.append(Macro(macros.SWITCHES[token.text], (inside,)))
                break
            if token.kind == "macro" and token.text in _BETWEEN:
                found = [self._between(token.text, found, require_one_cell(self.nodes(closing, name)))]
                break
            if token.kind == "macro":
                _check_place(token.text, found, closing)
            if token.kind == "macro" and token.text in _LIMITS:
                self._set_limits(found, token.text)
            elif token.kind == "char" and unicodedata.combining(token.text):
                self._mark(found, token.text)
            else:
                for node in self.node(token):
                    if isinstance(node, Script) and len(found) > 1 and isinstance(found[-1], Space):
                        found.pop()
                    append(found, node)
            if token.after and self.tokens.taken() is token and found and not isinstance(found[-1], Space):
                found.append(Space())
        self.depth -= 1
        check_scripts(found)
        return strip_spaces(found)

    def _descend(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise TexError("too deep")

    def _closes(self, token: Token, closing: str, name: str) -> bool:
        if token.kind == closing and (not name or token.text == name):
            return True
        if closing == "]":
            return token.kind == "char" and token.text == "]"
        return closing == "right" and token.kind == "macro" and token.text == "right"

    def _between(self, name: str, above: list[Node], below: Nodes) -> Node:
        r"""Return the construct of an infix macro such as \over, with all nodes before and after it."""
        upper = require_one_cell(strip_spaces(above))
        match name:
            case "over":
                return Macro("frac", (upper, below))
            case "choose":
                return Macro("binom", (upper, below))
            case _:
                stack = Macro("substack", ((*upper, Row(), *below),))
                opening, closing = _BETWEEN_FENCES.get(name, ("", ""))
                return Fenced(opening, (stack,), closing) if opening else stack

    def _set_limits(self, found: list[Node], name: str) -> None:
        r"""Append \limits or \nolimits in the form that all engines take: right after an operator."""
        while found and isinstance(found[-1], Space):
            found.pop()
        match found:
            case [] | [*_, Row() | Cell()]:
                return
            case [*_, Macro(name=size), _] if size in macros.SIZES:
                return
            case [*_, Macro(name="limits" | "nolimits")]:
                found[-1] = Macro(name)
            case [*_, Macro(name=operator)] if operator in macros.TAKES_LIMITS:
                found.append(Macro(name))
            case [*_, Macro(name="operatorname", arguments=arguments)] if name == "limits":
                found[-1:] = [Macro("mathop", ((Macro("mathrm", arguments),),)), Macro(name)]
            case [*_, Macro(name="underbrace" | "overbrace")]:
                found += self._scripts()
            case [*before, Script() as script]:
                self._set_limits(before, name)
                found[:] = [*before, script]
            case [*_, node] if name == "limits":
                found[-1:] = [Macro("mathop", ((node,),)), Macro(name)]
            case _:
                return

    def _scripts(self) -> list[Node]:
        """Return the scripts that follow, with braces only where they are needed."""
        scripts: list[Node] = []
        while (token := self.tokens.peek()).kind == "char" and token.text in ("^", "_"):
            self.tokens.take()
            scripts.append(Script(token.text, self.argument()))
        return scripts

    def _mark(self, found: list[Node], mark: str) -> None:
        """Put the combining character `mark` over the last node of `found`."""
        if not found or isinstance(found[-1], Space | Script | Row | Cell):
            raise TexError("an accent over nothing")
        if mark == symbols.NEGATION_MARK:
            found[-1] = _negated((found[-1],))
        elif mark in symbols.MARKS:
            found[-1] = Macro(symbols.MARKS[mark], ((found[-1],),))

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
        if text in "^_":
            braced = self.tokens.peek().kind == "brace_open"
            nodes = self.argument()
            match nodes:
                case (Script(mark=mark, nodes=inside),) if mark == text:  # the sign in 90^° is raised itself
                    nodes = inside
            return [Script(text, nodes, braced)]
        match text:
            case "&":
                return [Cell()]
            case "~":
                return [Macro(" ")]
            case "@":  # text, or the profile would write each of several in a macro of its own
                return [Words("@")]
            case "#":
                raise TexError("a parameter")
            case _ if text.isascii():
                return [Sign(text)]
            case _ if text in symbols.SUPERSCRIPTS:
                return [symbols.scripts_of(text + self.tokens.run_of(symbols.SUPERSCRIPTS), "^")]
            case _ if text in symbols.SUBSCRIPTS:
                return [symbols.scripts_of(text + self.tokens.run_of(symbols.SUBSCRIPTS), "_")]
            case _:
                return list(character_nodes(text))

    def argument(self) -> Nodes:
        """Return one group, or one token with its own arguments."""
        token = self.tokens.take()
        match token.kind:
            case "brace_open":
                return self.nodes("brace_close")
            case "char" if token.text in "^_&~#":
                raise TexError("no argument")
            case "char" | "macro":
                if token.text in macros.SWITCHES or token.text in _NO_ARGUMENT:
                    raise TexError("no argument")
                self._descend()
                nodes = strip_spaces(self.node(token))
                self.depth -= 1
                return nodes
            case _:
                raise TexError("no argument")

    def optional(self) -> Nodes | None:
        return self.nodes("]") if self.tokens.takes("[") else None

    def macro(self, name: str) -> list[Node]:
        if name in macros.SIZES:
            return self.sized(name)
        if name in macros.SILENT or name in macros.SIMPLE:
            return [Macro(name)]
        if name in macros.ARGUMENTS:
            return self.macro_with_arguments(name)
        if name in macros.OPTION_DROPPED:
            self.optional()
        if name in macros.WORDS:
            for _ in range(macros.WRAPPERS.get(name, 0)):
                self.tokens.raw()
            return list(words(self.tokens.raw_tokens(), macros.WORDS[name], parse))
        if name in macros.DROPPED:
            return []
        if name in macros.DROPPED_WITH:
            self.tokens.starred()
            self.tokens.raw()
            return []
        return self.replaced(name)

    def sized(self, name: str) -> list[Node]:
        r"""Return a macro such as \big with its delimiter; without one the source is broken."""
        delimiter = self.delimiter()
        if delimiter == ".":
            return []
        return [Macro(name), Macro(delimiter[1:]) if delimiter.startswith("\\") else Sign(delimiter)]

    def macro_with_arguments(self, name: str) -> list[Node]:
        if name == "operatorname" and self.tokens.starred():
            name = "operatorname*"
        optional = self.optional() if name in macros.OPTIONAL or name == "cfrac" else None
        count = macros.ARGUMENTS[name]
        arguments = tuple(self.argument() for _ in range(count))
        if name == "substack":
            arguments = (one_column(arguments[0]),)
        if name == "operatorname*":
            return [Macro("mathop", ((Macro("mathrm", arguments),),))]
        return [Macro(name, arguments, optional or None if name in macros.OPTIONAL else None)]

    def replaced(self, name: str) -> list[Node]:
        """Return the replacement of a macro that is not drawn as written."""
        if name in macros.WRAPPERS:
            for _ in range(macros.WRAPPERS[name]):
                self.tokens.raw()
            return [Group(self.argument())]
        if name in macros.STRETCHED:
            return [self.stretched(name)]
        if name in macros.FENCES:
            self.tokens.starred()
            fence = macros.FENCES[name]
            return [Fenced(fence, require_one_cell(self.argument()), fence)]
        if name in macros.BRACKETED:
            before, after = macros.BRACKETED[name]
            inside = require_one_cell(self.argument())
            if name[0].isupper():
                return [Fenced(before, inside, after)]
            return [*parse(before), *inside, *parse(after)]
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
            case _:
                return self.rebuilt(name)

    def rebuilt(self, name: str) -> list[Node]:
        """Return a construct of several arguments, or an explicit space, built from simpler macros."""
        match name:
            case "genfrac":
                return [self.fraction()]
            case "prescript":
                above, below, base = self.argument(), self.argument(), self.argument()
                scripts = Script("^", above, braced=True), Script("_", below, braced=True)
                return [Group(()), *scripts, Group(base)]
            case "mathchoice":
                displayed, *_ = [self.argument() for _ in range(4)]
                return [Group(displayed)]
            case "sideset":
                return [self.with_sides()]
            case "unicode":
                return list(_code_point(self.tokens.raw()))
            case "hspace" | "mspace":
                self.tokens.starred()
                return space_of(self.tokens.raw())
            case "kern" | "mkern" | "hskip" | "mskip":
                return space_of(self.tokens.length())
            case _:
                raise TexError(f"unknown: \\{name}")

    def stretched(self, name: str) -> Node:
        """Return an extensible arrow as an arrow of fixed length with its labels over and under it."""
        below = self.optional()
        above = self.argument()
        sign: Nodes = parse(macros.STRETCHED[name])
        if above:
            sign = (Macro("overset", (above, sign)),)
        return Macro("underset", (below, sign)) if below else Group(sign) if len(sign) > 1 else sign[0]

    def fraction(self) -> Node:
        r"""Return \genfrac as a fraction, or as a stack if its line has no thickness, in its delimiters."""
        opening, closing, thickness, _ = (
            self.tokens.take().source if self.tokens.peek().kind == "macro" else self.tokens.raw().strip()
            for _ in range(4)
        )
        above, below = require_one_cell(self.argument()), require_one_cell(self.argument())
        lined = not thickness or any(digit in thickness for digit in "123456789")
        if not lined and (opening, closing) == ("(", ")"):
            return Macro("binom", (above, below))
        inside: Node = Macro("frac", (above, below))
        if not lined:
            inside = Macro("substack", ((*above, Row(), *below),))
        if not opening and not closing:
            return inside
        fences = TokenStream(tokens(f"{opening or '.'} {closing or '.'}"))
        return Fenced(_delimiter(fences.take()), (inside,), _delimiter(fences.take()))

    def with_sides(self) -> Node:
        r"""Return \sideset as an operator of the scripts before and after the next node."""
        before, after = self.argument(), self.argument()
        operator = self.argument()
        scripts = (Macro("nolimits"), *after) if after else ()
        return Macro("mathop", ((*((Group(()), *before) if before else ()), *operator, *scripts),))

    def row(self) -> list[Node]:
        self.tokens.starred()
        if self.tokens.length_follows():
            self.optional()
        return [Row()]

    def delimiter(self) -> str:
        token = self.tokens.take()
        if token.kind != "brace_open":
            return _delimiter(token)
        delimiter = _delimiter(self.tokens.take())
        if self.tokens.take().kind != "brace_close":
            raise TexError("no delimiter")
        return delimiter

    def gap(self) -> list[Node]:
        """Return the white space after the token taken last."""
        return [Space()] if self.tokens.taken().after else []

    def negation(self) -> list[Node]:
        r"""Return the negated relation after \not, as one macro where there is one."""
        token = self.tokens.take()
        braced = token.kind == "brace_open"
        if braced:
            token = self.tokens.take()
        if token.kind == "macro" and (token.text in macros.NEGATABLE or token.text in macros.NEGATIONS):
            negated = _negated((Macro(token.text),))
        elif token.kind == "char" and (token.text.isalnum() or token.text in "<>=|") and token.text.isascii():
            negated = _negated((Sign(token.text),))
        elif token.kind == "char" and not token.text.isascii():
            negated = _negated(character_nodes(token.text))
        else:
            raise TexError("an unknown negation")
        if braced and self.tokens.take().kind != "brace_close":
            raise TexError("a negation of several signs")
        return [negated, *self.gap()]

    def environment(self, full: str) -> list[Node]:
        name = full.removesuffix("*")
        if name not in macros.ENVIRONMENTS or full in macros.TEXT_ENVIRONMENTS:
            raise TexError(f"unknown environment: {full}")
        shown = macros.ENVIRONMENTS[name]
        columns = ""
        # Any other bracket is content: [A,B] at the beginning of aligned is a commutator.
        if (self.tokens.option_follows("tbc") and name in macros.POSITIONED) or (
            full.endswith("matrix*") and self.tokens.option_follows("lcr")
        ):
            self.optional()
        if name in ("alignat", "alignedat", "xalignat", "xxalignat"):
            self.tokens.raw()
        if name == "array":
            columns = array_columns(self.tokens.raw())
        elif name == "subarray":
            self.tokens.raw()
        inside = self.nodes("end_environment", full)
        if name == "eqnarray":
            inside = drop_second_marks(inside)
        return environment_nodes(name, shown, columns, inside)


def _check_place(name: str, before: list[Node], closing: str) -> None:
    r"""Raise TexError for \middle outside \left and \right, and for \hline inside a row."""
    if name == "middle" and closing != "right":
        raise TexError(r"\middle outside \left and \right")
    if name == "hline":
        row = strip_spaces(before)
        if closing != "end_environment" or (row and row[-1] not in (Row(), Macro("hline"))):
            raise TexError("a line outside an array")


def _negated(nodes: Nodes) -> Node:
    r"""Return one sign under \not; raises TexError for anything that is no sign."""
    match nodes:
        case (Sign(text=name) | Macro(name=name, arguments=()),) if name in macros.NEGATIONS:
            return Macro(macros.NEGATIONS[name])
        case (Sign() | Macro(arguments=()),):
            return Macro("not", (nodes,))
        case _:
            raise TexError("a negation of several signs")


def _delimiter(token: Token) -> str:
    """Return the delimiter of a token as written after a size; raises TexError if it is none."""
    if token.kind == "char":
        if token.text in macros.DELIMITER_SIGNS:
            return {"<": r"\langle", ">": r"\rangle"}.get(token.text, token.text)
        match () if token.text.isascii() else character_nodes(token.text):
            case (Macro(name=name),) if name in macros.DELIMITERS:
                return f"\\{name}"
            case (Sign(text=sign),) if sign in macros.DELIMITER_SIGNS:
                return sign
    if token.kind == "macro" and token.text in macros.DELIMITERS:
        return "\\" + token.text
    raise TexError("no delimiter")


def _code_point(raw: str) -> Nodes:
    """Return the nodes of a code point; raises TexError unless it is visible and not special in TeX."""
    number = raw.strip()
    try:
        character = chr(int(number.removeprefix("x"), 16 if number.startswith("x") else 10))
    except (ValueError, OverflowError) as error:
        raise TexError("no character") from error
    if character <= "\xa0" or clean(character) != character:
        raise TexError("no character to show")
    if character in symbols.SUPERSCRIPTS or character in symbols.SUBSCRIPTS:
        return (symbols.scripts_of(character, "^" if character in symbols.SUPERSCRIPTS else "_"),)
    return character_nodes(character)

r"""User-defined macros: collection of definitions and their bounded expansion.

Reads \newcommand, \renewcommand, \providecommand, \def, \let and \DeclareMathOperator, with arguments
and a default for the first one. Expansion is TeX's: tokens are replaced from left to right and read again.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bot.latex.nodes import TexError

MAX_STEPS: Final = 20_000  # tokens read, of the source and of all expansions
MAX_LENGTH: Final = 20_000  # characters of the result
MAX_PAGE_STEPS: Final = 60_000  # tokens read in all formulas of a page; one of the blog has some thousands
_NEW: Final = frozenset(("newcommand", "renewcommand", "providecommand"))
_DEF: Final = frozenset(("def", "gdef", "edef", "xdef"))
_OPERATOR: Final = "DeclareMathOperator"
_DEFINING: Final = re.compile(
    rf"\\(?:(?:re)?newcommand|providecommand|[gex]?def|let|{_OPERATOR})(?![A-Za-z])"
)
_TOKEN: Final = re.compile(r"\\(?:[A-Za-z]+|.)|[{}\[\]#*=]|\s+|[^\\{}\[\]#*=\s]+|\\", re.DOTALL)
_MACRO: Final = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
_NAME: Final = re.compile(r"\\[A-Za-z]+\Z")


@dataclass(frozen=True, slots=True)
class Definition:
    """Macro with `parameters` arguments.

    `default` makes the first argument optional; the body of a `final` macro is not expanded again.
    """

    body: str
    parameters: int = 0
    default: str | None = None
    final: bool = False


Definitions = dict[str, Definition]


@dataclass(slots=True)
class Budget:
    """Tokens that may still be read in the formulas of one page."""

    left: int = MAX_PAGE_STEPS


def is_defining(tex: str) -> bool:
    """Return whether `tex` has a definition."""
    return _DEFINING.search(tex) is not None


def collect(sources: Iterable[str]) -> Definitions:
    """Return the definitions of all sources up to `MAX_PAGE_STEPS`, the first one of each name."""
    found: Definitions = {}
    budget = Budget()
    for tex in sources:
        if budget.left > 0 and is_defining(tex):
            own: Definitions = {}
            with suppress(TexError):
                _Expansion(tex, own, budget).read_definitions()
            for name, definition in own.items():
                found.setdefault(name, definition)
    return found


def expand(tex: str, definitions: Definitions, budget: Budget | None = None) -> str:
    """Return `tex` without definitions and with the defined macros expanded; `definitions` is updated.

    The formulas of one page share a `budget`. Raises TexError for a malformed definition, a missing argument
    or an expansion over the bounds.
    """
    if definitions.keys().isdisjoint(_MACRO.findall(tex)) and not is_defining(tex):
        return tex
    return _Expansion(tex, definitions, budget or Budget()).result()


class _Expansion:
    """Tokens still to be read in reverse order: macros, signs with a meaning, runs of other characters."""

    def __init__(self, tex: str, definitions: Definitions, budget: Budget) -> None:
        if budget.left <= 0:
            raise TexError("a page over the bound")
        self._rest: list[str] = _TOKEN.findall(tex)[::-1]
        self._definitions = definitions
        self._budget = budget
        self._least = max(0, budget.left - MAX_STEPS)

    def result(self) -> str:
        output: list[str] = []
        length = 0
        while self._rest:
            token = self._take()
            if token[0] == "\\":
                name = token[1:]
                if self._is_defined_here(name):
                    continue
                if (definition := self._definitions.get(name)) is not None:
                    if not definition.final:
                        self._push(definition)
                        continue
                    token = definition.body
            output.append(token)
            length += len(token)
            if length > MAX_LENGTH:
                raise TexError("a long expansion")
        return _joined(output)

    def read_definitions(self) -> None:
        """Read the definitions of the source itself, and expand nothing."""
        while self._rest:
            token = self._take()
            if token[0] == "\\":
                self._is_defined_here(token[1:])

    def _take(self) -> str:
        if self._budget.left <= self._least:
            raise TexError("an endless expansion")
        self._budget.left -= 1
        if not self._rest:
            raise TexError("an argument is missing")
        return self._rest.pop()

    def _next(self) -> str:
        """Take the next token that is no white space, of a run of characters the first one."""
        while (token := self._take()).isspace():
            pass
        if len(token) > 1 and token[0] != "\\":
            self._rest.append(token[1:])
            return token[0]
        return token

    def _follows(self, character: str) -> bool:
        """Take the next token if it is `character`, after white space."""
        while self._rest and self._rest[-1].isspace():
            self._take()
        if self._rest and self._rest[-1] == character:
            self._take()
            return True
        return False

    def _is_defined_here(self, name: str) -> bool:
        """Read the definition that the macro `name` begins, if it begins one."""
        if name in _NEW:
            self._follows("*")
            target = self._target()
            count, default = 0, None
            if self._follows("["):
                digits = self._until("]").strip()
                count = int(digits) if len(digits) == 1 and digits.isdecimal() else -1
                if self._follows("["):
                    default = self._until("]")
            self._define(target, Definition(self._argument(), count, default))
        elif name in _DEF:
            target = self._target()
            self._define(target, self._delimited())
        elif name == "let":
            target = self._target()
            self._follows("=")
            value = self._next()
            known = self._definitions.get(value[1:]) if value[0] == "\\" else None
            self._define(target, known or Definition(value, final=True))
        elif name == _OPERATOR:
            star = "*" if self._follows("*") else ""
            target = self._target()
            self._define(target, Definition(rf"\operatorname{star}{{{self._argument()}}}"))
        else:
            return False
        return True

    def _define(self, target: str, definition: Definition) -> None:
        if definition.parameters < 0 or (definition.default is not None and not definition.parameters):
            raise TexError("a malformed definition")
        self._definitions[target] = definition

    def _target(self) -> str:
        r"""Return the name that is defined, written \x, {\x} or {x}."""
        token = self._next()
        name = self._until("}").strip() if token == "{" else token
        name = name.removeprefix("\\")
        if not name or not (name.isalpha() or len(name) == 1) or not name.isascii():
            raise TexError("a malformed definition")
        return name

    def _delimited(self) -> Definition:
        r"""Return the parameters and the body after \def; delimited parameters are unsupported."""
        count = 0
        while (token := self._next()) != "{":
            if token != "#" or self._next() != str(count + 1):
                raise TexError("delimited parameters")
            count += 1
        return Definition(self._until("}"), count)

    def _until(self, closing: str) -> str:
        """Return the source up to a sign outside braces."""
        inside: list[str] = []
        depth = 0
        while (token := self._take()) != closing or depth:
            depth += {"{": 1, "}": -1}.get(token, 0)
            inside.append(token)
        return _joined(inside)

    def _argument(self) -> str:
        token = self._next()
        if token == "}":
            raise TexError("an argument is missing")
        return self._until("}") if token == "{" else token

    def _push(self, definition: Definition) -> None:
        arguments: list[str] = []
        if definition.default is not None:
            arguments.append(self._until("]") if self._follows("[") else definition.default)
        while len(arguments) < definition.parameters:
            arguments.append(self._argument())
        body: list[str] = []
        tokens = iter(_TOKEN.findall(definition.body))
        for token in tokens:
            if token != "#":
                body.append(token)
                continue
            run = next(tokens, "")
            number = run[:1]
            if not number.isdecimal() or not 1 <= int(number) <= len(arguments):
                raise TexError("an unknown parameter")
            body += _TOKEN.findall(arguments[int(number) - 1])
            body += filter(None, (run[1:],))
            if len(body) > MAX_STEPS:
                raise TexError("a long expansion")
        if self._rest and body and _NAME.match(body[-1]) and self._rest[-1][0].isalpha():
            body.append(" ")
        self._rest += reversed(body)


def _joined(tokens: list[str]) -> str:
    """Return the source of `tokens`, with a space where a name would run into a letter."""
    parts: list[str] = []
    after_name = False
    for token in tokens:
        first = token[0]
        if after_name and first.isascii() and first.isalpha():
            parts.append(" ")
        parts.append(token)
        after_name = first == "\\" and token[-1].isascii() and token[-1].isalpha()
    return "".join(parts)

"""LaTeX profile writer: the subset that every Telegram client draws.

Android and Desktop show the whole source of a formula with one unknown macro, so only macros of the
tables are written. The output is accepted by JLaTeXMath, MicroTeX, KaTeX, MathJax and Temml.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, assert_never

from bot.latex import macros, symbols
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
    columns_of,
)
from bot.latex.parser import character_nodes, render

LONGEST_FORMULA: Final = 1000
# Greek, punctuation, letterlike symbols, arrows, operators, technical and geometric symbols.
_MATHEMATICAL: Final = (
    "¬°±·×÷§¶¡¿£¥©\u0391-\u03ff\u2010-\u2027\u2030-\u205e\u2100-\u23ff\u2460-\u24ff\u25a0-\u266f"
    "\u27c0-\u27ff\u2900-\u2aff"
)
_CHINESE: Final = "\u3000-\u30ff\u3400-\u9fff\uff01-\uff5e"
_IN_MATHEMATICS: Final = re.compile(rf"[\x00-?A-\x7f{_MATHEMATICAL}]")  # not @
_IN_TEXT: Final = re.compile(rf"[\x00-\x7f{_MATHEMATICAL}{_CHINESE}]*")
# Signs that KaTeX or Temml refuses inside \text, as measured by tests/quality_engines.
_OUTSIDE_TEXT: Final = frozenset(
    "‼ℋℌℐℒℛℨℬℭℰℱℳ↤∉∌∏∐∑∫∬∭∮∯∰∱∲∷∹≔≕≘≙≚≛≝≞≟≠⊕⋀⋁⋂⋃⌜⌝⌞⌟⟂⟦⟧⦃⦄⦵⨀⨁⨂⨃⨄⨅⨆⨇⨈⨉⨌⨍⨎⨏⨒⨓⨕⨖⨗⨘⨙⨚⩴"
)
_WIDE_AT: Final = "＠"  # JLaTeXMath has no other one


@lru_cache(maxsize=1024)
def safe_tex(tex: str) -> str | None:
    """Return `tex`, without delimiters, rewritten in the profile; None if it cannot be.

    None stands for source that is sent as code: unknown macros, unbalanced source, characters without a
    glyph, or more than LONGEST_FORMULA characters. Idempotent.
    """
    written = render(tex, lambda nodes: _write(_in_rows(nodes)))
    return written if written.strip() and len(written) <= LONGEST_FORMULA else None


def _in_rows(nodes: Nodes) -> Nodes:
    """Return the nodes inside an environment if they have rows or cells, which MathJax takes without one."""
    if any(isinstance(node, Cell) for node in nodes):
        return (Environment("aligned", "", nodes),)
    if any(isinstance(node, Row) for node in nodes):
        return (Environment("gathered", "", nodes),)
    return nodes


def _write(nodes: Nodes) -> str:
    parts: list[str] = []
    after_name = False  # whether a letter or an opening bracket would join what was written before
    after_row = False
    braced = _half_sized(nodes)
    for index, node in enumerate(nodes):
        written = _node(node, first=not parts)
        if index - 1 in braced or _needs_braces(node, nodes[index + 1 : index + 2]):
            written = f"{{{written}}}"
        if not written:
            continue
        if after_name and written[0].isascii() and written[0].isalpha():
            parts.append(" ")
        if after_row and written.lstrip().startswith(("[", "*")):
            parts.append("{}")
        parts.append(written)
        after_name = _ends_in_name(written)
        after_row = isinstance(node, Row) or (after_row and isinstance(node, Space))
    return "".join(parts)


def _half_sized(nodes: Nodes) -> frozenset[int]:
    r"""Return the places of sizes whose delimiter is closed by one without a size, as in \big(x).

    Temml takes such a delimiter in braces alone.
    """
    open_at: dict[str, list[int | None]] = {}
    found: set[int] = set()
    for index, node in enumerate(nodes):
        if not isinstance(node, Sign | Macro):
            continue
        name = node.text if isinstance(node, Sign) else node.name
        before = nodes[index - 1] if index else None
        sized = isinstance(before, Macro) and before.name in macros.SIZES
        if name in macros.DELIMITER_PAIRS:
            open_at.setdefault(macros.DELIMITER_PAIRS[name], []).append(index - 1 if sized else None)
        elif (stack := open_at.get(name)) and (place := stack.pop()) is not None and not sized:
            found.add(place)
    return frozenset(found)


def _needs_braces(node: Node, following: Nodes) -> bool:
    """Return whether scripts after an alphabet would meet those inside it, as they do in MathJax."""
    return (
        isinstance(node, Macro)
        and node.name in macros.ALPHABETS
        and any(isinstance(script, Script) for script in following)
        and any(isinstance(inside, Script) for inside in node.arguments[0])
    )


def _ends_in_name(written: str) -> bool:
    head, backslash, name = written.rpartition("\\")
    return bool(backslash) and not head.endswith("\\") and name.isalpha()


def _node(node: Node, *, first: bool) -> str:
    match node:
        case Sign():
            return _sign(node.text)
        case Space():
            return " "
        case Cell():
            return "&"
        case Row():
            return r"\\"
        case Macro():
            return _macro(node)
        case Words():
            return _text(node)
        case Group():
            return "{" + _write(_in_rows(node.nodes)) + "}"
        case Script():
            return ("{}" if first else "") + node.mark + _argument(node)
        case Fenced(opening="middle"):
            return rf"\middle{node.closing}"
        case Fenced():
            inside = _write(node.nodes)
            gap = " " if _ends_in_name(node.opening) and inside[:1].isalpha() else ""
            return rf"\left{node.opening}{gap}{inside}\right{node.closing}"
        case Environment():
            return _environment(node)
        case _:
            assert_never(node)


def _environment(node: Environment) -> str:
    if node.name in ("cases", "rcases"):
        # JLaTeXMath leaves no gap between the columns of cases.
        array = _environment(Environment("array", "l" * columns_of(node.nodes), node.nodes))
        return rf"\left\{{{array}\right." if node.name == "cases" else rf"\left.{array}\right\}}"
    columns = f"{{{node.columns}}}" if node.name == "array" else ""
    inside = _write(node.nodes)
    # A leading bracket would be an option of the environment.
    guard = "{}" if inside.lstrip().startswith("[") else ""
    return rf"\begin{{{node.name}}}{columns}{guard}{inside}\end{{{node.name}}}"


def _macro(node: Macro) -> str:
    if node.name == "not":
        negated = _write(node.arguments[0])
        return rf"\not {negated}" if negated[0].isalpha() else rf"\not{negated}"
    optional = "" if node.optional is None else f"[{_write(_in_rows(node.optional))}]"
    if node.optional is not None and "]" in optional[:-1]:
        raise TexError("a bracket inside brackets")
    rows = node.name == "substack"
    arguments = "".join("{" + _write(each if rows else _in_rows(each)) + "}" for each in node.arguments)
    return f"\\{node.name}{optional}{arguments}"


def _argument(script: Script) -> str:
    """Return the argument of a script: one letter or digit without braces, unless the source has them."""
    written = _write(_in_rows(script.nodes))
    short = len(written) == 1 and written.isascii() and written.isalnum()
    return written if short and not script.braced else "{" + written + "}"


def _sign(character: str) -> str:
    if _IN_MATHEMATICS.fullmatch(character):
        return character
    return rf"\text{{{_words(character)}}}"


def _text(node: Words) -> str:
    r"""Return text in its macro; signs that \text cannot hold are written between two such macros."""
    parts: list[str] = []
    inside = ""
    for character in node.text:
        outside = _outside(character)
        if not outside:
            inside += character
            continue
        if inside:
            parts.append(rf"\{node.name}{{{_words(inside)}}}")
        inside = ""
        parts += [_node(each, first=not parts) for each in outside]
    if inside:
        parts.append(rf"\{node.name}{{{_words(inside)}}}")
    alone = len(parts) == 1 and not parts[0].startswith("{}")
    return parts[0] if alone else "{" + "".join(parts) + "}" if parts else ""


def _outside(character: str) -> Nodes:
    r"""Return the nodes of a character that \text cannot hold; empty if it can."""
    if character in symbols.SUPERSCRIPTS:
        return (symbols.scripts_of(character, "^"),)
    if character in symbols.SUBSCRIPTS:
        return (symbols.scripts_of(character, "_"),)
    return character_nodes(character) if character in _OUTSIDE_TEXT else ()


def _words(text: str) -> str:
    r"""Return the inside of \text: Chinese and symbols, Latin without accents, TeX's signs escaped."""
    plain = _without_accents(text)
    if not _IN_TEXT.fullmatch(plain):
        raise TexError("no glyph")
    return _escaped(plain).replace("@", _WIDE_AT)


def _escaped(text: str) -> str:
    """Return `text` with TeX's special characters escaped, valid in text and in mathematics."""
    if any(each in "\\~^" for each in text):
        raise TexError("no sign to show")
    return "".join(f"\\{each}" if each in "%#_$&{}" else each for each in text)


def _without_accents(text: str) -> str:
    """Return `text` with its Latin letters without accents, on which MicroTeX crashes."""
    if text.isascii():
        return text
    return "".join(
        base if each.isalpha() and (base := unicodedata.normalize("NFD", each)[0]).isascii() else each
        for each in text
    )

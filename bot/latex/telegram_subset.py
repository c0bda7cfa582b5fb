"""LaTeX profile writer: the subset that every Telegram client draws.

Android and Desktop show the whole source of a formula with one unknown macro, so only macros of the
tables are written. The output is accepted by JLaTeXMath, MicroTeX, KaTeX, MathJax and Temml.
"""

import unicodedata
from functools import lru_cache
from typing import Final, assert_never

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
)
from bot.latex.parser import parse
from bot.text_sanitizer import clean

LONGEST_FORMULA: Final = 1000
# Greek, punctuation, letterlike symbols, arrows, operators, technical and geometric symbols.
_BLOCKS: Final = (
    *((0x0391, 0x03FF), (0x2010, 0x2027), (0x2030, 0x205E), (0x2100, 0x214F), (0x2190, 0x23FF)),
    *((0x25A0, 0x266F), (0x27C0, 0x27FF), (0x2900, 0x297F), (0x2A00, 0x2AFF)),
)
_LATIN_SIGNS: Final = frozenset("¬°±·×÷§¶¡¿£¥©")


@lru_cache(maxsize=1024)
def safe_tex(tex: str) -> str | None:
    """Return `tex`, without delimiters, rewritten in the profile; None if it cannot be.

    None stands for source that is sent as code: unknown macros, unbalanced source, characters without a
    glyph, or more than LONGEST_FORMULA characters. Idempotent.
    """
    try:
        nodes = parse(clean(tex))
        written = _write(_in_rows(nodes))
    except TexError:
        return None
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
    for node in nodes:
        written = _node(node, first=not parts)
        if not written:
            continue
        if after_name and written[0].isascii() and written[0].isalpha():
            parts.append(" ")
        if after_row and written.lstrip().startswith(("[", "*")):
            parts.append("{}")
        parts.append(written)
        after_name = isinstance(node, Macro | Fenced) and _ends_in_name(written)
        after_row = isinstance(node, Row) or (after_row and isinstance(node, Space))
    return "".join(parts)


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
            return rf"\{node.name}{{{_words(node.text)}}}" if node.text else ""
        case Group():
            return "{" + _write(_in_rows(node.nodes)) + "}"
        case Script():
            return ("{}" if first else "") + node.mark + _argument(node.nodes)
        case Fenced(opening="middle"):
            return rf"\middle{node.closing}"
        case Fenced():
            inside = _write(node.nodes)
            gap = " " if _ends_in_name(node.opening) and inside[:1].isalpha() else ""
            return rf"\left{node.opening}{gap}{inside}\right{node.closing}"
        case Environment():
            columns = f"{{{node.columns}}}" if node.name == "array" else ""
            inside = _write(node.nodes)
            guard = (
                "{}" if inside.lstrip().startswith("[") else ""
            )  # otherwise parsed as an option of the environment
            return rf"\begin{{{node.name}}}{columns}{guard}{inside}\end{{{node.name}}}"
        case _:
            assert_never(node)


def _macro(node: Macro) -> str:
    optional = "" if node.optional is None else f"[{_write(_in_rows(node.optional))}]"
    if node.optional is not None and "]" in optional[:-1]:
        raise TexError("a bracket inside brackets")
    rows = node.name == "substack"
    arguments = "".join("{" + _write(each if rows else _in_rows(each)) + "}" for each in node.arguments)
    return f"\\{node.name}{optional}{arguments}"


def _argument(nodes: Nodes) -> str:
    """Return the argument of a script: one letter or digit without braces."""
    written = _write(_in_rows(nodes))
    return written if len(written) == 1 and written.isascii() and written.isalnum() else "{" + written + "}"


def _sign(character: str) -> str:
    if character.isascii():
        return character
    plain = _without_accents(unicodedata.normalize("NFKC", character))
    if plain.isascii():
        return _escaped(plain)
    if len(plain) == 1 and _is_mathematical(plain):
        return plain
    return rf"\text{{{_words(character)}}}"


def _words(text: str) -> str:
    r"""Return the inside of \text: Chinese and symbols, Latin without accents, TeX's signs escaped."""
    plain = _without_accents(text)
    for character in plain:
        if not (character.isascii() or _is_mathematical(character) or _is_chinese(character)):
            raise TexError("no glyph")
    return _escaped(plain)


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


def _is_mathematical(character: str) -> bool:
    code = ord(character)
    return character in _LATIN_SIGNS or any(first <= code <= last for first, last in _BLOCKS)


def _is_chinese(character: str) -> bool:
    code = ord(character)
    return 0x3000 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or 0xFF01 <= code <= 0xFF5E

"""A formula as readable Unicode characters, for messages that cannot show real ones.

Reads the tree of tex_parser.py. When unsure it gives up, and the source is shown instead.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final, assert_never

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
)
from bot.messages.tex_parser import parse
from bot.messages.unicode_faces import above, below, in_face
from bot.messages.unicode_joining import Kind, Part, joined
from bot.messages.unicode_rows import rows_in_line, rows_in_lines

LONGEST_UNICODE: Final = 200
_RELATION_SIGNS: Final = frozenset("=<>≤≥≠≈≡∼∝∈→←↔⇒⇐⇔:")
# Telegram makes a command of "/x" after a bracket; this sign of division looks the same and is none.
_COMMAND: Final = re.compile(r"(?<!\w)/(?=\w)")
_BARE_ABOVE: Final = {"*": "*", "∗": "*", "⋆": "*", "†": "†", "‡": "‡", "∘": "°", "′": "′", "′′": "″"}
_DEFINED: Final = {"def": "≝", "Δ": "≜", "△": "≜"}
_BRACKETS: Final = {"": "", "p": "()", "b": "[]", "B": "{}", "v": "||", "V": "‖‖", "small": ""}
_OPENINGS: Final = ("{", "langle", "lceil", "lfloor", "ulcorner", "llcorner")
_CLOSINGS: Final = ("}", "rangle", "rceil", "rfloor", "urcorner", "lrcorner")
_KINDS: Final = (
    ({name: symbols.ORDINARY[name] for name in _OPENINGS}, Kind.OPENING),
    ({name: symbols.ORDINARY[name] for name in _CLOSINGS}, Kind.CLOSING),
    (symbols.ORDINARY, Kind.ORDINARY),
    (symbols.RELATIONS, Kind.RELATION),
    (symbols.OPERATIONS, Kind.OPERATION),
    ({**symbols.BIG_OPERATORS, **symbols.FUNCTIONS}, Kind.FUNCTION),
    (symbols.SPACES, Kind.BLANK),
)
_CLASS_KINDS: Final = {"mathop": Kind.FUNCTION, "mathbin": Kind.OPERATION, "mathrel": Kind.RELATION}
_ROOTS: Final = {"2": "√", "3": "∛", "4": "∜"}
_FENCES: Final = {
    ".": "",
    **{f"\\{name}": sign for name, sign in {**symbols.ORDINARY, **symbols.RELATIONS}.items()},
}


@lru_cache(maxsize=1024)
def unicode_tex(tex: str) -> str | None:
    """`tex`, without delimiters, in Unicode; rows of a display formula become lines.

    Scripts are Unicode only if every character has such a form, else _(…) and ^(…); fractions have brackets.
    None where the source reads better: unknown macros, broken source, large matrices, accents over words, a
    result that is empty or longer than LONGEST_UNICODE.
    """
    try:
        shown = _shown(parse(clean(tex)))
    except TexError:
        return None
    shown = _COMMAND.sub("∕", unicodedata.normalize("NFC", shown).replace("′′", "″"))
    lines = "\n".join(line.strip() for line in shown.split("\n") if line.strip())
    if not lines or len(lines) > LONGEST_UNICODE or clean(lines) != lines:
        return None
    return lines


def _shown(nodes: Nodes) -> str:
    """A whole formula: an environment that is all of it, or at its end, may have lines."""
    meant = [node for node in nodes if not isinstance(node, Space)]
    match meant:
        case [Environment(name=("aligned" | "gathered" | "split" | "array"), nodes=inside)]:
            return rows_in_lines(_cells(inside))
        case [
            Environment(name=("aligned" | "gathered" | "split"), nodes=inside),
            Macro(name="qquad"),
            *number,
        ]:
            return f"{rows_in_lines(_cells(inside))}   {_line(tuple(number))}"
        case _ if any(isinstance(node, Row | Cell) for node in meant):
            return rows_in_lines(_cells(nodes))
        case _:
            return _line(nodes)


def _line(nodes: Nodes, *, tight: bool = False) -> str:
    return joined(_parts(nodes), tight=tight)


def _cells(nodes: Nodes, *, tight: bool = False) -> list[list[str]]:
    """The rows and columns of an environment."""
    rows: list[list[str]] = []
    row: list[str] = []
    cell: list[Node] = []
    for node in (*nodes, Row()):
        if isinstance(node, Cell | Row):
            row.append(_line(tuple(cell), tight=tight))
            cell = []
        else:
            cell.append(node)
        if isinstance(node, Row):
            rows.append(row)
            row = []
    return [row for row in rows if any(row)]


def _parts(nodes: Nodes) -> list[Part]:
    parts: list[Part] = []
    for node, scripts, spaced in _with_scripts(nodes):
        made = [Part("")] if node is None else _part(node)
        if scripts:
            made = _scripted(made, node, scripts)
        if spaced and made:
            made[-1] = replace(made[-1], blank_after=True)
        parts += made
    return parts


def _with_scripts(nodes: Nodes) -> Iterator[tuple[Node | None, list[Script], bool]]:
    """Each node with the scripts that stand on it, and whether white space follows."""
    base: Node | None = None
    scripts: list[Script] = []
    spaced = False
    for node in nodes:
        match node:
            case Space():
                spaced = True
            case Macro(name=name) if name in symbols.SILENT:
                continue
            case Script():
                scripts.append(node)
            case _:
                if base is not None or scripts:
                    yield base, scripts, spaced
                base, scripts, spaced = node, [], False
    if base is not None or scripts:
        yield base, scripts, spaced


def _scripted(made: list[Part], base: Node | None, scripts: list[Script]) -> list[Part]:
    """The parts of `base` with its scripts on the last of them; several parts as one, in brackets."""
    if len(made) > 1 and not isinstance(base, Fenced):
        made = [Part(f"({joined(made)})")]
    *others, last = made or [Part("")]
    text = f"({last.text})" if last.kind is Kind.FRACTION or "√" in last.text[:2] else last.text
    for script in sorted(scripts, key=lambda script: script.mark == "^"):
        text += _script(script)
    return [*others, Part(text, Kind.CLOSING if last.kind is Kind.FRACTION else last.kind)]


def _script(script: Script) -> str:
    text = _line(script.nodes, tight=True).strip()
    small = above(text) if script.mark == "^" else below(text)
    if small is not None or not text:
        return small or ""
    if script.mark == "^" and text in _BARE_ABOVE:
        return _BARE_ABOVE[text]
    return script.mark + (text if len(text) == 1 or _is_bracketed(text) else f"({text})")


def _is_bracketed(text: str) -> bool:
    """Whether one pair of round brackets is around all of `text`."""
    depth = 0
    for index, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return index == len(text) - 1 and sign == ")"
    return False


def _part(node: Node) -> list[Part]:
    match node:
        case Sign():
            return [_sign(node.text)]
        case Words():
            return [Part(node.text)]
        case Group():
            return _parts(node.nodes)
        case Fenced(opening="middle"):
            return [Part(_fence(node.closing))]
        case Fenced():
            opening, closing = (
                Part(_fence(node.opening), Kind.OPENING),
                Part(_fence(node.closing), Kind.CLOSING),
            )
            return [opening, *_parts(node.nodes), closing]
        case Environment():
            return [Part(_in_line(node))]
        case Macro():
            return _macro(node)
        case Cell() | Row():
            raise TexError("a row out of place")
        case Space() | Script():
            return []
        case _:
            assert_never(node)


def _sign(text: str) -> Part:
    match text:
        case "-" | "+" | "*":
            return Part("−" if text == "-" else text, Kind.OPERATION)
        case "(" | "[":
            return Part(text, Kind.OPENING)
        case ")" | "]":
            return Part(text, Kind.CLOSING)
        case "," | ";":
            return Part(text, Kind.COMMA)
        case "'":
            return Part("′")
        case _:
            return Part(text, Kind.RELATION if text in _RELATION_SIGNS else Kind.ORDINARY)


def _fence(written: str) -> str:
    return _FENCES.get(written, written)


def _in_line(node: Environment) -> str:
    cells = _cells(node.nodes)
    if node.name == "cases":
        return "{ " + rows_in_line(cells, ", ") + " }"
    if node.name.endswith("matrix"):
        brackets = _BRACKETS[node.name.removesuffix("matrix")]
        return brackets[:1] + rows_in_line(cells, " ", most=4) + brackets[1:]
    return rows_in_line(cells, " ")


def _macro(node: Macro) -> list[Part]:
    name = node.name
    for table, kind in _KINDS:
        if name in table:
            return [Part(table[name], kind)]
    if name in symbols.SILENT or name.endswith("phantom"):
        return []
    if name in names.ALPHABETS:
        return _faced(_parts(node.arguments[0]), name)
    if name in names.ACCENTS:
        return [Part(_accented(_parts(node.arguments[0]), name))]
    if name in names.CLASSES:
        return [Part(_line(node.arguments[0]), _CLASS_KINDS.get(name, Kind.ORDINARY))]
    return [_constructed(node)]


def _constructed(node: Macro) -> Part:
    """Macros that put their arguments together."""
    match node.name, node.arguments:
        case "frac" | "dfrac" | "tfrac" | "cfrac", (upper, lower):
            return Part(f"{_numerator(_parts(upper))}/{_factor(_parts(lower))}", Kind.FRACTION)
        case "binom", (upper, lower):
            return Part(f"C({_line(upper)}, {_line(lower)})")
        case "sqrt", (inside,):
            degree = "2" if node.optional is None else _line(node.optional, tight=True)
            root = _ROOTS.get(degree) or f"{above(degree) or f'({degree})'}√"
            return Part(root + _factor(_parts(inside)))
        case "operatorname" | "operatorname*", (inside,):
            return Part(_line(inside), Kind.FUNCTION)
        case "overset" | "stackrel", (upper, base):
            return _over(upper, base)
        case "underset", (lower, base):
            made = _parts(base)
            return _scripted(made, None, [Script("_", lower)])[-1]
        case "underbrace" | "overbrace", (inside,):
            return Part(_factor(_parts(inside)), Kind.CLOSING)
        case "xrightarrow", (over,) if node.optional is None:
            return Part(f"—{said}→" if (said := _line(over, tight=True)) else "⟶", Kind.RELATION)
        case "xleftarrow", (over,) if node.optional is None:
            return Part(f"←{said}—" if (said := _line(over, tight=True)) else "⟵", Kind.RELATION)
        case "substack", (inside,):
            return Part(rows_in_line(_cells(inside, tight=True), " ", between=","))
        case "pmod", (inside,):
            return Part(f" (mod {_line(inside)})")
        case _:
            raise TexError(f"no Unicode for \\{node.name}")


def _over(upper: Nodes, base: Nodes) -> Part:
    over, sign = _line(upper, tight=True), _parts(base)
    if [part.text for part in sign] == ["="] and over in _DEFINED:
        return Part(_DEFINED[over], Kind.RELATION)
    return _scripted(sign, None, [Script("^", upper)])[-1]


def _numerator(parts: list[Part]) -> str:
    said = joined(parts)
    plain = all(part.kind in (Kind.ORDINARY, Kind.OPENING, Kind.CLOSING) for part in parts)
    return said if said and plain and " " not in said and "/" not in said else f"({said})"


def _factor(parts: list[Part]) -> str:
    """`parts` so that they stay together after "/" or "√"."""
    said = joined(parts)
    single = len(parts) == 1 and parts[0].kind is Kind.ORDINARY and " " not in said
    derivative = len(parts) == 2 and parts[0].text in ("∂", "d") and parts[1].kind is Kind.ORDINARY
    number = said.replace(".", "").isdigit()
    call = len(parts) > 2 and parts[0].kind is Kind.ORDINARY and _is_bracketed(joined(parts[1:]))
    return said if single or derivative or number or call or _is_bracketed(said) else f"({said})"


def _faced(parts: list[Part], alphabet: str) -> list[Part]:
    faced = [replace(part, text=in_face(part.text, alphabet)) for part in parts]
    if len(faced) > 1 and all(part.kind is Kind.ORDINARY for part in faced):
        return [Part(joined(faced))]
    return faced


def _accented(parts: list[Part], name: str) -> str:
    mark = names.ACCENTS[name]
    said = joined(parts, tight=True)
    if name in ("overline", "underline") and len(said) <= 12 and said.isalnum():
        return "".join(letter + mark for letter in said)
    letter, rest = said[:1], said[1:]
    if not letter.isalnum() or any(each.isascii() for each in rest) or len(parts) > 1:
        raise TexError("an accent over more than a letter")
    return letter + mark + rest

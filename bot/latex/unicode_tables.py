"""Unicode character tables: alphabets, scripts and the spacing classes of signs."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import cycle
from typing import Final

from bot.latex import macros
from bot.latex.symbols import SUBSCRIPTS, SUPERSCRIPTS

_BELOW: Final = {plain: sign for sign, plain in SUBSCRIPTS.items()} | {"−": "₋"}
_ABOVE: Final = {plain: sign for sign, plain in SUPERSCRIPTS.items()} | {
    "−": "⁻",
    "⊤": "ᵀ",
    "′": "′",
    "″": "″",
}
_NAMES: Final = {"mathbb": "DOUBLE-STRUCK", "mathcal": "SCRIPT", "mathscr": "SCRIPT", "mathfrak": "FRAKTUR"}


def in_script(text: str, mark: str) -> str | None:
    """Return `text` in superscript ("^") or subscript characters; None unless every one has such a form."""
    forms = _ABOVE if mark == "^" else _BELOW
    found = [forms[each] for each in text if each in forms]
    return "".join(found) if text and len(found) == len(text) else None


def in_face(text: str, alphabet: str) -> str:
    r"""Return `text` with its Latin letters in the alphabet of a macro such as \mathbb, if they exist."""
    name = _NAMES.get(alphabet)
    return text if name is None else "".join(_letter(each, name) for each in text)


def _letter(letter: str, face: str) -> str:
    if not (letter.isascii() and letter.isalnum()) or (letter.isdigit() and face != "DOUBLE-STRUCK"):
        return letter
    case = "DIGIT" if letter.isdigit() else "CAPITAL" if letter.isupper() else "SMALL"
    letter_name = unicodedata.name(letter).split()[-1]
    for name in (
        f"MATHEMATICAL {face} {case} {letter_name}",
        f"{face} {case} {letter_name}",
        f"BLACK-LETTER {case} {letter_name}",
    ):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return letter


class AtomType(Enum):
    """Spacing class of a part, as TeX's atom types."""

    ORDINARY = "ordinary"
    FUNCTION = "function"  # log, ∑: a blank before the argument
    RELATION = "relation"
    OPERATION = "operation"
    OPENING = "opening"
    CLOSING = "closing"
    COMMA = "comma"
    FRACTION = "fraction"
    ROOT = "root"
    LABELLED = "labelled"  # under or over a brace with a label
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Part:
    """Rendered text with its spacing class."""

    text: str
    kind: AtomType = AtomType.ORDINARY
    blank_after: bool = False  # the source has white space after it
    label: str = ""


_OPERANDS = (AtomType.ORDINARY, AtomType.CLOSING, AtomType.FRACTION, AtomType.ROOT, AtomType.LABELLED)
_STARTS = (AtomType.ORDINARY, AtomType.FUNCTION, AtomType.FRACTION, AtomType.ROOT, AtomType.LABELLED)
_THIN: Final = " "
_BARS: Final = ("|", "‖")
_NO_FACTORS: Final = (*"−+±∓", ".", "?")
_AFTER_ROOT: Final = ("/", "\\", "…", "⋮", "⋱", *_BARS)  # signs before which a root ends by itself
_POSTFIX: Final = ("!", "′", "%")
_STARS: Final = ("*", "∗", "⋆")  # scripts that would read as a product with what follows


def joined(parts: Sequence[Part], *, tight: bool = False) -> str:
    """Return the parts in one line; `tight` omits the blanks around relations and operations, for scripts."""
    typed = _with_atom_types([part for part in parts if part.text])
    line = ""
    for index, part in enumerate(typed):
        before = typed[index - 1] if index else None
        if (
            before is not None
            and _blank(before, part, tight=tight)
            and not line.endswith(" ")
            and part.text[0] != " "
        ):
            line += " "
        line += part.text
    return line


def _with_atom_types(parts: list[Part]) -> list[Part]:
    """Return the parts with unary signs as ordinary ones, and unambiguous factors in products."""
    bars = _paired_bars(parts)
    typed: list[Part] = []
    for index, part in enumerate(parts):
        before = typed[-1] if typed else None
        if part.kind is AtomType.OPERATION and (
            before is None or before.kind not in _OPERANDS or index + 1 == len(parts)
        ):
            part = replace(part, kind=AtomType.ORDINARY)
        elif part.kind in (AtomType.FRACTION, AtomType.ROOT, AtomType.LABELLED):
            spaced = index + 1 < len(parts) and parts[index + 1].kind is AtomType.BLANK
            previous = _neighbour(parts, index, -1, bars)
            part = _factor(part, previous, _neighbour(parts, index, 1, bars), spaced=spaced)
        typed.append(part)
    return typed


def _factor(part: Part, before: Part | None, after: Part | None, *, spaced: bool) -> Part:
    """Return a fraction, root or labelled part so that its extent is clear among its neighbours.

    `spaced` is whether a thin space is between `part` and `after`.
    """
    adjoining = before is not None and before.kind is not AtomType.BLANK and _ends_factor(before)
    match part.kind:
        case AtomType.FRACTION if (before and _ends_factor(before)) or (after and _begins_factor(after)):
            letter = before is not None and before.kind is AtomType.ORDINARY and before.text[-1:].isalnum()
            return replace(part, text=f"{'·' if adjoining and letter else ''}({part.text})")
        case AtomType.ROOT:
            dot = "·" if adjoining and part.text[0] not in "√∛∜" else ""
            inside = part.text.lstrip("√∛∜")
            bracketed = inside.startswith("(") and inside.endswith(")")
            if after is not None and after.text.startswith(_POSTFIX):
                return replace(part, text=f"({part.text})")
            if after is None or bracketed or not _begins_factor(after) or _ends_root(after):
                return replace(part, text=dot + part.text)
            if spaced or after.kind is AtomType.FUNCTION:
                return replace(part, text=f"({part.text})")
            return replace(part, text=f"{dot}{part.text}·")
        case AtomType.LABELLED:
            single = before is None and after is None
            operands = part.text.replace(" [", "[")
            nested = operands != part.text and " " in operands
            apart = adjoining or (" " in part.text and not single)
            text = f"({part.text})" if (nested or apart) and not is_bracketed(part.text) else part.text
            return replace(part, text=f"{text} [{part.label}]", label="")
        case _:
            return part


def is_bracketed(text: str) -> bool:
    """Return whether one pair of round brackets is around all of `text`."""
    depth = 0
    for index, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth == 0:
            return index == len(text) - 1 and char == ")"
    return False


def _neighbour(parts: list[Part], index: int, step: int, bars: dict[int, AtomType]) -> Part | None:
    """Return the part before or after `index` across thin spaces; one of a pair of bars opens or closes."""
    at = index + step
    while 0 <= at < len(parts) and parts[at].kind is AtomType.BLANK and parts[at].text == _THIN:
        at += step
    if not 0 <= at < len(parts):
        return None
    return replace(parts[at], kind=bars.get(at, parts[at].kind))


def _paired_bars(parts: list[Part]) -> dict[int, AtomType]:
    """Return whether bars open or close a pair such as |x|, at the same depth of brackets, by their index."""
    paired: dict[int, AtomType] = {}
    levels: list[dict[str, list[int]]] = [{}]
    for index, part in enumerate(parts):
        if part.kind is AtomType.OPENING:
            levels.append({})
        elif part.kind is AtomType.CLOSING and len(levels) > 1:
            paired.update(_pairs(levels.pop()))
        elif part.text[:1] in _BARS and part.kind is AtomType.ORDINARY:
            levels[-1].setdefault(part.text[0], []).append(index)
    for level in levels:
        paired.update(_pairs(level))
    return paired


def _pairs(found: dict[str, list[int]]) -> Iterator[tuple[int, AtomType]]:
    for bars in found.values():
        if len(bars) % 2 == 0:
            yield from zip(bars, cycle((AtomType.OPENING, AtomType.CLOSING)), strict=False)


def _ends_factor(part: Part) -> bool:
    """Return whether a factor after `part` is multiplied by it, or is its argument."""
    if part.text in _BARS:
        return part.kind is AtomType.CLOSING
    ends = part.kind in (*_OPERANDS, AtomType.FUNCTION)
    return ends and not _is_word(part.text[-1]) and part.text not in _NO_FACTORS


def _begins_factor(part: Part) -> bool:
    """Return whether a factor before `part` is multiplied by it; a bar with a script is no factor."""
    if part.text[0] in _BARS:
        return part.kind is not AtomType.CLOSING and len(part.text) == 1
    starts = part.kind in (*_STARTS, AtomType.OPENING)
    return starts and not _is_word(part.text[0]) and part.text not in _NO_FACTORS


def _is_word(character: str) -> bool:
    """Return whether a part that begins or ends with `character` is text and no factor: Chinese, a blank."""
    return character == " " or "\u2e80" <= character <= "\uffef"


def _ends_root(after: Part) -> bool:
    return after.text[0] in _AFTER_ROOT and after.kind is not AtomType.OPENING


def _blank(before: Part, part: Part, *, tight: bool) -> bool:
    if AtomType.BLANK in (before.kind, part.kind) or part.text.startswith("′"):
        return False
    if len(before.text) > 1 and before.text.endswith(_STARS) and _begins_factor(part):
        return part.kind is not AtomType.OPENING and part.text[0] not in _BARS
    if before.kind is AtomType.LABELLED:
        return part.kind not in (AtomType.COMMA, AtomType.CLOSING)
    if before.kind is AtomType.COMMA:
        return before.blank_after and not tight
    if part.kind in (AtomType.COMMA, AtomType.CLOSING) or before.kind is AtomType.OPENING:
        return False
    if AtomType.RELATION in (before.kind, part.kind):
        return not tight and not (before.kind is AtomType.RELATION and part.kind is AtomType.RELATION)
    if AtomType.OPERATION in (before.kind, part.kind):
        return not tight
    if before.kind is AtomType.FUNCTION:
        return part.kind in _STARTS and not part.text.startswith("(")
    if part.kind is AtomType.FUNCTION:
        return before.kind in _OPERANDS and before.text not in _NO_FACTORS
    return _words_meet(before.text, part.text)


def _words_meet(before: str, after: str) -> bool:
    """Return whether two words, such as a name and a letter, would run together."""
    left = len(before) > 1 and before[-2:].isalpha() and before.isascii()
    right = len(after) > 1 and after[:2].isalpha() and after.isascii()
    return (left and after[0].isalpha()) or (right and before[-1].isalpha())


_RELATION_SIGNS: Final = frozenset("=<>≤≥≠≈≡∼∝∈→←↔⇒⇐⇔:")
_OPENINGS: Final = ("{", "langle", "lceil", "lfloor", "ulcorner", "llcorner")
_CLOSINGS: Final = ("}", "rangle", "rceil", "rfloor", "urcorner", "lrcorner")
_KINDS: Final = (
    (macros.SPACES, AtomType.BLANK),
    ({**macros.BIG_OPERATORS, **macros.FUNCTIONS}, AtomType.FUNCTION),
    (macros.OPERATIONS, AtomType.OPERATION),
    (macros.RELATIONS, AtomType.RELATION),
    (macros.ORDINARY, AtomType.ORDINARY),
    ({name: macros.ORDINARY[name] for name in _CLOSINGS}, AtomType.CLOSING),
    ({name: macros.ORDINARY[name] for name in _OPENINGS}, AtomType.OPENING),
)
_SYMBOLS: Final = {name: Part(shown, kind) for table, kind in _KINDS for name, shown in table.items()}
_FENCES: Final = {
    ".": "",
    **{f"\\{name}": sign for name, sign in {**macros.ORDINARY, **macros.RELATIONS}.items()},
}


def sign(text: str) -> Part:
    """Return the part of a single character."""
    match text:
        case "-" | "+" | "*":
            return Part("−" if text == "-" else text, AtomType.OPERATION)
        case "(" | "[":
            return Part(text, AtomType.OPENING)
        case ")" | "]":
            return Part(text, AtomType.CLOSING)
        case "," | ";":
            return Part(text, AtomType.COMMA)
        case "'":
            return Part("′")
        case _:
            return Part(text, AtomType.RELATION if text in _RELATION_SIGNS else AtomType.ORDINARY)


def symbol(name: str) -> Part | None:
    """Return the part of the macro `name`; None if it is no symbol."""
    return _SYMBOLS.get(name)


def fence(written: str) -> str:
    r"""Return the character of a delimiter as written after \left, \middle or \right."""
    return _FENCES.get(written, written)

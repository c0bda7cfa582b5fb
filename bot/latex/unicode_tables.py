"""Unicode character tables: alphabets, scripts and the spacing classes of signs."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from bot.latex import macros

_BELOW: Final = dict(
    zip("0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True)
)
_ABOVE: Final = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθ⊤′″",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵀ′″",
        strict=True,
    )
)
_NAMES: Final = {"mathbb": "DOUBLE-STRUCK", "mathcal": "SCRIPT", "mathscr": "SCRIPT", "mathfrak": "FRAKTUR"}


def below(text: str) -> str | None:
    """Return `text` in subscript characters; None unless every one has such a form."""
    return _each(text, _BELOW)


def above(text: str) -> str | None:
    """Return `text` in superscript characters; None unless every one has such a form."""
    return _each(text, _ABOVE)


def in_face(text: str, alphabet: str) -> str:
    r"""Return `text` with its Latin letters in the alphabet of a macro such as \mathbb, if they exist."""
    name = _NAMES.get(alphabet)
    return text if name is None else "".join(_letter(each, name) for each in text)


def _each(text: str, forms: dict[str, str]) -> str | None:
    found = [forms.get(each) for each in text]
    return "".join(each for each in found if each is not None) if text and None not in found else None


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
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Part:
    """Rendered text with its spacing class."""

    text: str
    kind: AtomType = AtomType.ORDINARY
    blank_after: bool = False  # the source has white space after it


_OPERANDS = (AtomType.ORDINARY, AtomType.CLOSING, AtomType.FRACTION)
_STARTS = (AtomType.ORDINARY, AtomType.FUNCTION, AtomType.FRACTION)


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
    """Return the parts with unary signs as ordinary ones and fractions in products bracketed."""
    typed: list[Part] = []
    for index, part in enumerate(parts):
        before = typed[-1] if typed else None
        after = parts[index + 1] if index + 1 < len(parts) else None
        if part.kind is AtomType.OPERATION and (
            before is None or before.kind not in _OPERANDS or after is None
        ):
            part = replace(part, kind=AtomType.ORDINARY)
        if part.kind is AtomType.FRACTION and _in_product(before, after):
            dot = before is not None and before.kind is AtomType.ORDINARY and before.text[-1:].isalnum()
            part = replace(part, text=f"{'·' if dot else ''}({part.text})")
        typed.append(part)
    return typed


def _in_product(before: Part | None, after: Part | None) -> bool:
    left = (
        before is not None and before.kind in (*_OPERANDS, AtomType.FUNCTION) and before.text not in "−+±∓|‖"
    )
    right = after is not None and after.kind in (*_STARTS, AtomType.OPENING) and after.text not in "|‖"
    return left or right


def _blank(before: Part, part: Part, *, tight: bool) -> bool:
    if AtomType.BLANK in (before.kind, part.kind):
        return False
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
        return before.kind in _OPERANDS and before.text not in "−+±∓"
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

"""Letters in other faces and places: double-struck, script, above and below the line. Look-ups only."""

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
    """`text` in subscript characters; None unless every one has such a form."""
    return _each(text, _BELOW)


def above(text: str) -> str | None:
    """`text` in superscript characters; None unless every one has such a form."""
    return _each(text, _ABOVE)


def in_face(text: str, alphabet: str) -> str:
    """`text` with its Latin letters in the face of a macro such as \\mathbb, where they have one."""
    name = _NAMES.get(alphabet)
    return text if name is None else "".join(_letter(each, name) for each in text)


def _each(text: str, forms: dict[str, str]) -> str | None:
    found = [forms.get(each) for each in text]
    return "".join(each for each in found if each is not None) if text and None not in found else None


def _letter(letter: str, face: str) -> str:
    if not (letter.isascii() and letter.isalnum()) or (letter.isdigit() and face != "DOUBLE-STRUCK"):
        return letter
    case = "DIGIT" if letter.isdigit() else "CAPITAL" if letter.isupper() else "SMALL"
    said = unicodedata.name(letter).split()[-1]
    for name in (
        f"MATHEMATICAL {face} {case} {said}",
        f"{face} {case} {said}",
        f"BLACK-LETTER {case} {said}",
    ):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return letter


class Kind(Enum):
    ORDINARY = "ordinary"
    FUNCTION = "function"  # log, ∑: a blank before what it is applied to
    RELATION = "relation"
    OPERATION = "operation"
    OPENING = "opening"
    CLOSING = "closing"
    COMMA = "comma"
    FRACTION = "fraction"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    kind: Kind = Kind.ORDINARY
    blank_after: bool = False  # the source had white space here


_OPERANDS = (Kind.ORDINARY, Kind.CLOSING, Kind.FRACTION)
_STARTS = (Kind.ORDINARY, Kind.FUNCTION, Kind.FRACTION)


def joined(parts: Sequence[Part], *, tight: bool = False) -> str:
    """The parts in one line; `tight` without the blanks around relations and operations, for scripts."""
    settled = _settled([part for part in parts if part.text])
    line = ""
    for index, part in enumerate(settled):
        before = settled[index - 1] if index else None
        if (
            before is not None
            and _blank(before, part, tight=tight)
            and not line.endswith(" ")
            and part.text[0] != " "
        ):
            line += " "
        line += part.text
    return line


def _settled(parts: list[Part]) -> list[Part]:
    """Signs that stand for themselves are no operations, and a fraction in a product gets brackets."""
    settled: list[Part] = []
    for index, part in enumerate(parts):
        before = settled[-1] if settled else None
        after = parts[index + 1] if index + 1 < len(parts) else None
        if part.kind is Kind.OPERATION and (before is None or before.kind not in _OPERANDS or after is None):
            part = replace(part, kind=Kind.ORDINARY)
        if part.kind is Kind.FRACTION and _in_product(before, after):
            dot = before is not None and before.kind is Kind.ORDINARY and before.text[-1:].isalnum()
            part = replace(part, text=f"{'·' if dot else ''}({part.text})")
        settled.append(part)
    return settled


def _in_product(before: Part | None, after: Part | None) -> bool:
    left = before is not None and before.kind in (*_OPERANDS, Kind.FUNCTION) and before.text not in "−+±∓|‖"
    right = after is not None and after.kind in (*_STARTS, Kind.OPENING) and after.text not in "|‖"
    return left or right


def _blank(before: Part, part: Part, *, tight: bool) -> bool:
    if Kind.BLANK in (before.kind, part.kind):
        return False
    if before.kind is Kind.COMMA:
        return before.blank_after and not tight
    if part.kind in (Kind.COMMA, Kind.CLOSING) or before.kind is Kind.OPENING:
        return False
    if Kind.RELATION in (before.kind, part.kind):
        return not tight and not (before.kind is Kind.RELATION and part.kind is Kind.RELATION)
    if Kind.OPERATION in (before.kind, part.kind):
        return not tight
    if before.kind is Kind.FUNCTION:
        return part.kind in _STARTS and not part.text.startswith("(")
    if part.kind is Kind.FUNCTION:
        return before.kind in _OPERANDS and before.text not in "−+±∓"
    return _words_meet(before.text, part.text)


def _words_meet(before: str, after: str) -> bool:
    """Whether two words, such as a name and a letter, would become one."""
    left = len(before) > 1 and before[-2:].isalpha() and before.isascii()
    right = len(after) > 1 and after[:2].isalpha() and after.isascii()
    return (left and after[0].isalpha()) or (right and before[-1].isalpha())


_RELATION_SIGNS: Final = frozenset("=<>≤≥≠≈≡∼∝∈→←↔⇒⇐⇔:")
_OPENINGS: Final = ("{", "langle", "lceil", "lfloor", "ulcorner", "llcorner")
_CLOSINGS: Final = ("}", "rangle", "rceil", "rfloor", "urcorner", "lrcorner")
_KINDS: Final = (
    (macros.SPACES, Kind.BLANK),
    ({**macros.BIG_OPERATORS, **macros.FUNCTIONS}, Kind.FUNCTION),
    (macros.OPERATIONS, Kind.OPERATION),
    (macros.RELATIONS, Kind.RELATION),
    (macros.ORDINARY, Kind.ORDINARY),
    ({name: macros.ORDINARY[name] for name in _CLOSINGS}, Kind.CLOSING),
    ({name: macros.ORDINARY[name] for name in _OPENINGS}, Kind.OPENING),
)
_SYMBOLS: Final = {name: Part(shown, kind) for table, kind in _KINDS for name, shown in table.items()}
_FENCES: Final = {
    ".": "",
    **{f"\\{name}": sign for name, sign in {**macros.ORDINARY, **macros.RELATIONS}.items()},
}


def sign(text: str) -> Part:
    """A character that stands for itself, or for one that looks better."""
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


def symbol(name: str) -> Part | None:
    """What the macro `name` stands for; None where it is no symbol."""
    return _SYMBOLS.get(name)


def fence(written: str) -> str:
    """The sign of what is written after \\left, \\middle or \\right."""
    return _FENCES.get(written, written)

"""What TeX sets above, below or over something, in one line of Unicode: scripts, fractions, roots, accents.

Knows the names of macros and the parts of their arguments, not the tree. Raises TexError where the source
reads better.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.messages.tex import TexError
from bot.messages.tex_names import ACCENTS
from bot.messages.unicode_faces import above, below, in_face
from bot.messages.unicode_joining import Kind, Part, joined

_BARE_ABOVE: Final = {"*": "*", "∗": "*", "⋆": "*", "†": "†", "‡": "‡", "∘": "°", "′": "′", "′′": "″"}
_DEFINED: Final = {"def": "≝", "Δ": "≜", "△": "≜"}
_CLASS_KINDS: Final = {"mathop": Kind.FUNCTION, "mathbin": Kind.OPERATION, "mathrel": Kind.RELATION}
_ROOTS: Final = {"2": "√", "3": "∛", "4": "∜"}


def scripted(
    parts: list[Part], scripts: Sequence[tuple[str, list[Part]]], *, fenced: bool = False
) -> list[Part]:
    """`parts` with (mark, script) on the last of them; several are bracketed, unless they are `fenced`."""
    if len(parts) > 1 and not fenced:
        parts = [Part(f"({joined(parts)})")]
    *others, last = parts or [Part("")]
    text = f"({last.text})" if last.kind is Kind.FRACTION or "√" in last.text[:2] else last.text
    for mark, script in sorted(scripts, key=lambda each: each[0] == "^"):
        text += _script(mark, script)
    return [*others, Part(text, Kind.CLOSING if last.kind is Kind.FRACTION else last.kind)]


def _script(mark: str, parts: list[Part]) -> str:
    text = joined(parts, tight=True).strip()
    small = above(text) if mark == "^" else below(text)
    if small is not None or not text:
        return small or ""
    if mark == "^" and text in _BARE_ABOVE:
        return _BARE_ABOVE[text]
    return mark + (text if len(text) == 1 or _is_bracketed(text) else f"({text})")


def faced(parts: list[Part], alphabet: str) -> list[Part]:
    """`parts` in the face of a macro such as \\mathbb; several letters are one word."""
    letters = [replace(part, text=in_face(part.text, alphabet)) for part in parts]
    if len(letters) > 1 and all(part.kind is Kind.ORDINARY for part in letters):
        return [Part(joined(letters))]
    return letters


def accented(parts: list[Part], accent: str) -> Part:
    """One letter under a macro such as \\hat, or a short word under or over a line."""
    mark = ACCENTS[accent]
    said = joined(parts, tight=True)
    if accent in ("overline", "underline") and len(said) <= 12 and said.isalnum():
        return Part("".join(letter + mark for letter in said))
    letter, rest = said[:1], said[1:]
    if not letter.isalnum() or any(each.isascii() for each in rest) or len(parts) > 1:
        raise TexError("an accent over more than a letter")
    return Part(letter + mark + rest)


def classed(parts: list[Part], name: str) -> Part:
    """`parts` as one that stands among others as a macro such as \\mathbin says."""
    return Part(joined(parts), _CLASS_KINDS.get(name, Kind.ORDINARY))


def constructed(name: str, arguments: Sequence[list[Part]], optional: list[Part] | None = None) -> Part:
    """What the macro `name` puts together of its arguments."""
    match name, arguments:
        case "frac" | "dfrac" | "tfrac" | "cfrac", (upper, lower):
            return Part(f"{_numerator(upper)}/{_factor(lower)}", Kind.FRACTION)
        case "binom", (upper, lower):
            return Part(f"C({joined(upper)}, {joined(lower)})")
        case "sqrt", (inside,):
            degree = "2" if optional is None else joined(optional, tight=True)
            root = _ROOTS.get(degree) or f"{above(degree) or f'({degree})'}√"
            return Part(root + _factor(inside))
        case "operatorname" | "operatorname*", (inside,):
            return Part(joined(inside), Kind.FUNCTION)
        case "overset" | "stackrel", (upper, sign):
            return _over(upper, sign)
        case "underset", (lower, sign):
            return scripted(sign, [("_", lower)])[-1]
        case "underbrace" | "overbrace", (inside,):
            return Part(_factor(inside), Kind.CLOSING)
        case "xrightarrow", (over,) if optional is None:
            return Part(f"—{said}→" if (said := joined(over, tight=True)) else "⟶", Kind.RELATION)
        case "xleftarrow", (over,) if optional is None:
            return Part(f"←{said}—" if (said := joined(over, tight=True)) else "⟵", Kind.RELATION)
        case "pmod", (inside,):
            return Part(f" (mod {joined(inside)})")
        case _:
            raise TexError(f"no Unicode for \\{name}")


def _over(upper: list[Part], sign: list[Part]) -> Part:
    over = joined(upper, tight=True)
    if [part.text for part in sign] == ["="] and over in _DEFINED:
        return Part(_DEFINED[over], Kind.RELATION)
    return scripted(sign, [("^", upper)])[-1]


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


def _is_bracketed(text: str) -> bool:
    """Whether one pair of round brackets is around all of `text`."""
    depth = 0
    for index, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return index == len(text) - 1 and sign == ")"
    return False

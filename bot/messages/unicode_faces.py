"""Letters in other faces and places: double-struck, script, above and below the line. Look-ups only."""

import unicodedata
from typing import Final

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

"""Unicode characters in the source of a formula, as the nodes of the macros with the same meaning.

Characters keep their meaning (x², ℝ, ϕ and φ, ∬): nothing is folded by compatibility normalization
but full-width forms, ligatures and letters of the mathematical alphabets, which become their macro.
"""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from bot.latex import macros
from bot.latex.nodes import Macro, Node, Script, Sign, TexError

SUPERSCRIPTS: Final = dict(
    zip(
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿ",
        "0123456789+-=()niabcdefghjklmoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθ",
        strict=True,
    )
)
SUBSCRIPTS: Final = dict(
    zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", "0123456789+-=()aehijklmnoprstuvxβγρφχ", strict=True)
)
MARKS: Final = {mark: name for name, mark in reversed(macros.ACCENTS.items())} | {
    "\u0302": "hat",
    "\u0303": "tilde",
    "\u0305": "overline",
    "\u20d7": "vec",
}
NEGATION_MARK: Final = "\u0338"
_TEXT_MARKS: Final = frozenset("、。〃々〆〇〈〉《》「」『』【】〔〕〖〗")


def _macro_names() -> Mapping[str, str]:
    """Return the first macro of each character, of letters and signs that are not ASCII."""
    found: dict[str, str] = {}
    tables = (macros.RELATIONS, macros.OPERATIONS, macros.BIG_OPERATORS, macros.ORDINARY)
    for table in tables:
        for name, shown in table.items():
            if len(shown) == 1 and not shown.isascii():
                found.setdefault(shown, name)
    return found


_NAMES: Final = _macro_names()


@lru_cache(maxsize=512)
def source_of(character: str) -> str | None:
    """Return the TeX source with the meaning of one character; None if it has no macro.

    Raises TexError for a letter in an alphabet that the engines do not have.
    """
    if (source := macros.CHARACTERS.get(character)) is not None:
        return source
    if (name := _NAMES.get(character)) is not None:
        return f"\\{name} "
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    if "\u2460" <= character <= "\u24ff":
        return None
    return _styled(character) or _decomposed(character)


def _styled(character: str) -> str | None:
    r"""Return a letter of a mathematical alphabet with its macro, such as \mathbb{E} for 𝔼."""
    if character.isascii() or not (decomposition := unicodedata.decomposition(character)).startswith(
        "<font>"
    ):
        return None
    base = chr(int(decomposition.split()[1], 16))
    words = unicodedata.name(character).removeprefix("MATHEMATICAL ").split()
    style = " ".join(words[: next((at for at, word in enumerate(words) if word in _ENDS_STYLE), len(words))])
    letter = base if base.isascii() else source_of(base)
    face = macros.ALPHABET_STYLES.get(style)
    if face is None or letter is None:
        return letter
    if face.endswith("mathcal") and not base.isupper():
        return r"\ell " if base == "l" else _no_glyph(character)
    if not base.isascii() and face:
        face = "boldsymbol" if "BOLD" in style else ""
    for name in reversed(face.split()):
        letter = f"\\{name}{{{letter}}}"
    return letter


_ENDS_STYLE: Final = frozenset(("CAPITAL", "SMALL", "DIGIT", "NABLA", "PARTIAL", "EPSILON", "THETA", "KAPPA",
                                "PHI", "RHO", "PI", "DOTLESS"))  # fmt: skip


def _no_glyph(character: str) -> str:
    raise TexError(f"no glyph: {character}")


def _decomposed(character: str) -> str | None:
    r"""Return an accented letter as its letter under accents, such as \acute{e} for é, or a ligature."""
    decomposed = unicodedata.normalize("NFD", character)
    base, marks = decomposed[0], decomposed[1:]
    if marks == NEGATION_MARK:
        return f"\\not {source_of(base) or base}"
    if marks and base.isascii() and base.isalpha():
        for mark in marks:
            base = f"\\{MARKS[mark]}{{{base}}}" if mark in MARKS else base
        return base
    if "\ufb00" <= character <= "\ufb06" or "\u2160" <= character <= "\u217f":
        return rf"\mathrm{{{unicodedata.normalize('NFKC', character)}}}"
    return None


def is_word(character: str) -> bool:
    r"""Return whether a character is text inside a formula, written in \text: Chinese, kana, CJK marks."""
    return character in _TEXT_MARKS or ("\u2e80" <= character <= "\ufaff" and character != "・")


def scripts_of(run: str, mark: str) -> Script:
    """Return the script that a run of Unicode superscripts or subscripts means."""
    forms = SUPERSCRIPTS if mark == "^" else SUBSCRIPTS
    nodes: list[Node] = []
    for character in run:
        plain = forms[character]
        nodes.append(Sign(plain) if plain.isascii() else Macro(_NAMES[plain]))
    return Script(mark, tuple(nodes), braced=True)

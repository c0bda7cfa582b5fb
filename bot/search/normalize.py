"""The form in which texts and words are compared by the search, and the way back to the text as written.

Case, width and kind of quote do not count, nor does the markup of formulas: \\boldsymbol{A} is "a". Pure.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Markup that stands for nothing a reader would type: it goes, with the blank that ends its name.
_STYLES = frozenset(
    word
    for line in (
        "boldsymbol bm mathbf mathbb mathcal mathrm mathscr mathfrak mathsf operatorname",
        "left right big Big bigg Bigg tiny small large displaystyle textstyle hat tilde bar vec dot ddot",
        "text textbf textit textrm overline underline widehat widetilde limits nolimits nonumber quad qquad",
    )
    for word in line.split()
)
_SMALL = "αβγδεζηθικλμνξπρστυφχψω"
_GREEK = {
    unicodedata.name(sign).removeprefix("GREEK SMALL LETTER ").lower().replace("lamda", "lambda"): sign
    for sign in _SMALL
}
_GREEK |= {name.capitalize(): sign.upper() for name, sign in _GREEK.items()}
_GREEK |= {"varepsilon": "ε", "vartheta": "θ", "varphi": "φ", "varrho": "ρ"}

_MARKUP = re.compile(
    r"\\(?:label|tag|eqref|ref|begin|end)\*?\{[^{}]*\}|\\([A-Za-z]+)\*?[ \t]*|\\[,;:!\\ ]|[{}$]"
)
# Blanks only part Latin words: between Chinese words they are a matter of taste.
_BLANKS = re.compile(r"(?<![0-9a-z])\s+|\s+(?![0-9a-z\s])")
_QUOTES = {ord(sign): plain for signs, plain in (("“”„«»", '"'), ("‘’‚", "'")) for sign in signs}


class _Folds(dict[int, str]):
    """One character's fold, found once."""

    def __missing__(self, code: int) -> str:
        folded = unicodedata.normalize("NFKC", chr(code)).casefold()
        self[code] = folded
        return folded


_FOLDS = _Folds(_QUOTES)


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """A folded text; its sign at `i` was made of the original from `starts[i]` to `ends[i]`."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def normalize(text: str) -> str:
    """`text` as it is compared."""
    if "\\" in text or "$" in text or "{" in text or "}" in text:
        text = _MARKUP.sub(_spoken, text)
    return _BLANKS.sub("", text.translate(_FOLDS))


def normalize_with_offsets(text: str) -> NormalizedText:
    """`fold(text)`, and where each of its signs came from."""
    signs: list[tuple[str, int, int]] = []
    for piece, start, end in _pieces(text):
        signs.extend((sign, start, end) for sign in piece.translate(_FOLDS))
    folded = "".join(sign for sign, _, _ in signs)
    dropped = {place for blank in _BLANKS.finditer(folded) for place in range(*blank.span())}
    kept = [sign for place, sign in enumerate(signs) if place not in dropped]
    return NormalizedText(
        "".join(sign for sign, _, _ in kept),
        tuple(start for _, start, _ in kept),
        tuple(end for _, _, end in kept),
    )


def _spoken(markup: re.Match[str]) -> str:
    name = markup[1]
    if name is None or name in _STYLES:
        return ""
    return _GREEK.get(name, name)


def _pieces(text: str) -> Iterator[tuple[str, int, int]]:
    """The text character by character, a command of a formula as one."""
    done = 0
    for markup in _MARKUP.finditer(text):
        yield from ((text[place], place, place + 1) for place in range(done, markup.start()))
        if spoken := _spoken(markup):
            yield spoken, markup.start(), markup.start() + len(markup[0].rstrip())
        done = markup.end()
    yield from ((text[place], place, place + 1) for place in range(done, len(text)))

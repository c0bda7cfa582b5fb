"""Normalized text of the search, with offsets into the original.

NFKC and case folding, Latin letters without accents, simplified Chinese characters (OpenCC), ASCII quotes;
the markup of a formula is reduced to its tokens, so `\\boldsymbol{A}` is "a". Except for blanks, no character
depends on its neighbours.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.text_sanitizer import simplified

# Commands that add no token: the look of a symbol, spacing, and the structure that braces already had.
_STYLES = frozenset(
    word
    for line in (
        "boldsymbol bm mathbf mathbb mathcal mathrm mathscr mathfrak mathsf mathit operatorname mathop",
        "left right big Big bigg Bigg bigl bigr Bigl Bigr tiny small large displaystyle textstyle",
        "hat tilde bar vec dot ddot text textbf textit textrm overline underline widehat widetilde",
        "limits nolimits nonumber notag quad qquad frac dfrac tfrac cfrac cdot times middle aligned",
    )
    for word in line.split()
)
_SMALL = "αβγδεζηθικλμνξπρστυφχψω"
_GREEK = {
    unicodedata.name(sign).removeprefix("GREEK SMALL LETTER ").lower().replace("lamda", "lambda"): sign
    for sign in _SMALL
}
_COMMANDS = _GREEK | {name.capitalize(): sign.upper() for name, sign in _GREEK.items()}
_COMMANDS |= {"varepsilon": "ε", "vartheta": "θ", "varphi": "φ", "varrho": "ρ"}
_COMMANDS |= {"top": "t", "intercal": "t", "leq": "le", "geq": "ge", "neq": "ne", "to": "rightarrow"}
_COMMANDS |= {"lVert": "||", "rVert": "||", "Vert": "||", "lvert": "|", "rvert": "|", "vert": "|"}
# Unicode symbols with the name of the TeX command that draws them.
_SYMBOLS = {
    "⊤": "t", "∑": "sum", "∏": "prod", "∫": "int", "√": "sqrt", "∞": "infty", "∂": "partial", "∇": "nabla",
    "≤": "le", "≥": "ge", "≠": "ne", "≈": "approx", "∈": "in", "→": "rightarrow", "‖": "||", "∥": "||",
    "×": "", "⋅": "", "−": "-",
}  # fmt: skip

_MARKUP = re.compile(
    r"\\(?:label|tag|eqref|ref|begin|end)\*?\{[^{}]*\}|\\([A-Za-z]+)\*?[ \t]*|\\[,;:!\\ |]|[{}$]"
)
# A blank separates Latin words; between Chinese words it is a matter of taste.
_BLANK = re.compile(r" (?:(?![0-9a-z])|(?<![0-9a-z] ))")
_KEPT = re.compile(r"[^ ]|(?<=[0-9a-z]) (?= *[0-9a-z])", re.DOTALL)
_QUOTES = {sign: plain for signs, plain in (("“”„«»「」『』", '"'), ("‘’‚", "'")) for sign in signs}
_LATIN = frozenset("0123456789abcdefghijklmnopqrstuvwxyz")
_HAN = range(0x4E00, 0xA000)


class _Folds(dict[int, str]):
    """Cache of the normalized form of each character."""

    def __missing__(self, code: int) -> str:
        folded = unicodedata.normalize("NFKC", chr(code)).casefold()
        if len(folded) == 1 and ord(folded) in _HAN:
            folded = simplified(folded)
        elif (base := unicodedata.normalize("NFD", folded)[:1]) in _LATIN:
            folded = base if len(folded) == 1 else folded
        self[code] = folded
        return folded


_FOLDS = _Folds({ord(sign): plain for sign, plain in (_QUOTES | _SYMBOLS).items()})


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """A normalized text; the character at `i` stems from the original between `starts[i]` and `ends[i]`."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def normalize(text: str) -> str:
    """Return the normalized form of `text`."""
    if "\\" in text or "$" in text or "{" in text or "}" in text:
        text = _MARKUP.sub(_token, text)
    return _BLANK.sub("", " ".join(text.translate(_FOLDS).split()))


def normalize_with_offsets(text: str) -> NormalizedText:
    """Return `normalize(text)` and the span in `text` of each of its characters."""
    pieces = [(piece.translate(_FOLDS), start, end) for piece, start, end in _pieces(text)]
    spans = [(start, end) for folded, start, end in pieces for _ in folded]
    plain = "".join(" " if sign.isspace() else sign for folded, _, _ in pieces for sign in folded)
    kept = [found.start() for found in _KEPT.finditer(plain)]
    return NormalizedText(
        "".join(plain[place] for place in kept),
        tuple(spans[place][0] for place in kept),
        tuple(spans[place][1] for place in kept),
    )


def word_edges(text: str, word: str) -> int:
    """Return at how many of its ends the Latin `word` ends a word of `text`, at the best of its places."""
    best, place = 0, text.find(word)
    while place >= 0 and best < 2:
        end = place + len(word)
        starts = place == 0 or text[place - 1] not in _LATIN
        best = max(best, starts + (text[end : end + 1] not in _LATIN))
        place = text.find(word, place + 1)
    return best


def is_han(sign: str) -> bool:
    """Return whether `sign` is a Chinese character of the basic block."""
    return ord(sign) in _HAN


def _token(markup: re.Match[str]) -> str:
    name = markup[1]
    if name is None:
        return "||" if markup[0] == "\\|" else ""
    if name in _STYLES:
        return ""
    return _COMMANDS.get(name, name)


def _pieces(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the characters of `text` with their spans, each command of a formula as one piece."""
    done = 0
    for markup in _MARKUP.finditer(text):
        yield from ((text[place], place, place + 1) for place in range(done, markup.start()))
        if token := _token(markup):
            yield token, markup.start(), markup.start() + len(markup[0].rstrip())
        done = markup.end()
    yield from ((text[place], place, place + 1) for place in range(done, len(text)))


Snippet = tuple[tuple[str, bool], ...]  # pieces of the original text, True where they match

_BEFORE, _AFTER = 24, 56  # characters of context around the first match
_LONGEST_FORMULA = 80  # a formula up to this long is not cut in two at the edge of the context
_FORMULA = re.compile(r"\$[^$]+\$")
_BREAKS = re.compile(r"\s+")


def marked(text: str, words: Sequence[str], *, whole: bool) -> Snippet:
    """Return `text`, or unless `whole` the context of the first match; () if no normalized word matches."""
    formulas = [formula.span() for formula in _FORMULA.finditer(text)]
    spans = _spans(text, words, formulas)
    if not spans:
        return ()
    start, end = (0, len(text)) if whole else _window(len(text), spans[0], formulas)
    pieces: list[tuple[str, bool]] = []
    done, lead = start, "…" if start else ""
    for begin, close in spans:
        if close <= end:
            pieces += [(lead + text[done:begin], False), (text[begin:close], True)]
            done, lead = close, ""
    pieces.append((text[done:end] + ("…" if end < len(text) else ""), False))
    return tuple((_BREAKS.sub(" ", piece), match) for piece, match in pieces if piece)


def _spans(text: str, words: Sequence[str], formulas: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans of `words` in the original, merged where they touch; in a formula, all of it."""
    traced = normalize_with_offsets(text)
    found: list[tuple[int, int]] = []
    for word in filter(None, words):
        place = traced.text.find(word)
        while place >= 0:
            found.append((traced.starts[place], traced.ends[place + len(word) - 1]))
            place = traced.text.find(word, place + len(word))
    found += [formula for formula in formulas if any(_overlap(formula, span) for span in found)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _window(length: int, match: tuple[int, int], formulas: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the span of the context; a formula at its edge is included if it is short, else left out."""
    start, end = max(0, match[0] - _BEFORE), min(length, match[1] + _AFTER)
    for opens, closes in formulas:
        short = closes - opens <= _LONGEST_FORMULA
        if opens < start < closes:
            start = opens if short else closes
        if opens < end < closes:
            end = closes if short else opens
    return min(start, match[0]), max(end, match[1])


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]

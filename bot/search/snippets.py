"""Snippets: pieces of the original text around the matches, with the matches marked."""

import re
from collections.abc import Sequence

from bot.search.normalize import normalize_with_offsets

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
    for word in words:
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

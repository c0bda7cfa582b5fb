r"""Delimiter scanner: splits running text into prose and mathematics, in linear time.

Recognises `$`, `$$`, `\(`, `\[`, display environments, references and code fences. Dollar signs of one
paragraph are paired together, at the least total cost, so that money and a stray dollar do not shift
the pairs after them.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Final

from bot.latex.dollars import PUNCTUATION, has_prose, looks_cut_off, pair_dollars


class SegmentKind(Enum):
    """Kind of a segment."""

    TEXT = "text"
    INLINE = "inline"
    DISPLAY = "display"
    REFERENCE = "reference"  # \eqref or \ref; the text is the key
    CODE = "code"  # between two fences
    BROKEN = "broken"  # source without its closing delimiter


@dataclass(frozen=True, slots=True)
class Segment:
    """Segment of the scanned text: prose, or the source between two delimiters."""

    kind: SegmentKind
    text: str
    environment: str = ""


ENVIRONMENTS: Final = (
    *("equation", "align", "gather", "multline", "eqnarray", "displaymath", "math", "alignat", "flalign"),
    *("subequations", "aligned", "alignedat", "gathered", "split", "cases", "dcases", "rcases", "array"),
    *("matrix", "smallmatrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix"),
)
# Environments that MathJax takes without delimiters; the others can be part of an inline formula.
_DISPLAYS: Final = frozenset(ENVIRONMENTS[:10])
_BEGIN: Final = r"\\begin[ \t]*\{(?:" + "|".join(ENVIRONMENTS) + r")\*?\}"
_EDGE: Final = re.compile(r"\\(begin|end)[ \t]*\{([A-Za-z]+\*?)\}")
_FENCE: Final = r"^[ \t]*(?:`{3,}|~{3,})[^\n`]*$"
_REFERENCE: Final = r"\\(?:eq)?ref\s*\{[^{}\n]{1,80}\}"
_OPENING: Final = re.compile(rf"\\[$\\]|\\\[|\\\(|{_BEGIN}|{_REFERENCE}|\$\$?|{_FENCE}", re.MULTILINE)
_IN_PARAGRAPH: Final = re.compile(rf"\\[$\\]|\\\[|{_BEGIN}|\$\$?|\n\n|{_FENCE}", re.MULTILINE)
_LONGEST_INLINE: Final = 2000
_TRAILING: Final = re.compile(rf"[{PUNCTUATION}]*\Z")


def split_segments(text: str) -> Iterator[Segment]:
    """Yield the segments of `text` in order; nothing but delimiters is dropped.

    A formula without its closing delimiter is BROKEN, with its opening, up to the next line of prose.
    """
    if not any(sign in text for sign in "\\$`~"):
        if text:
            yield Segment(SegmentKind.TEXT, text)
        return
    prose = ""
    for segment in _Scanner(text).segments():
        if segment.kind is SegmentKind.TEXT:
            prose += segment.text
            continue
        if prose:
            yield Segment(SegmentKind.TEXT, prose)
        prose = ""
        yield segment
    if prose:
        yield Segment(SegmentKind.TEXT, prose)


class _Scanner:
    """Text with the places of its closing delimiters, each found in one pass."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pairs: dict[int, int] = {}  # opening dollar: closing dollar
        self._paired_to = 0  # dollars before this place are decided

    def segments(self) -> Iterator[Segment]:
        text = self._text
        at = 0
        while match := _OPENING.search(text, at):
            if match.start() > at:
                yield Segment(SegmentKind.TEXT, text[at : match.start()])
            found = self._formula(match)
            if found is None:
                # An escaped dollar loses its backslash; any other unmatched opening is kept as written.
                kept = "$" if match.group() == r"\$" else match.group()
                yield Segment(SegmentKind.TEXT, kept)
                at = match.end()
                continue
            segment, at = found
            if segment.kind is SegmentKind.INLINE and segment.text.rstrip()[-1:] in PUNCTUATION:
                yield from _trimmed(segment)
            else:
                yield segment
        if at < len(text):
            yield Segment(SegmentKind.TEXT, text[at:])

    def _formula(self, match: re.Match[str]) -> tuple[Segment, int] | None:
        """Return the segment that opens at `match` and its end; None if nothing opens there."""
        opening = match.group()
        match opening:
            case r"\$" | r"\\":
                return None
            case "$":
                return self._dollar(match.start())
            case "$$":
                # Of a formula closed by the first of the two, the second one opens the next.
                if match.start() in self._pairs:
                    return self._dollar(match.start())
                return self._delimited(match, self._double_dollars, SegmentKind.DISPLAY)
            case r"\[":
                return self._delimited(match, self._square_brackets, SegmentKind.DISPLAY)
            case r"\(":
                return self._delimited(match, self._round_brackets, SegmentKind.INLINE)
            case _ if opening.startswith(r"\begin"):
                return self._environment(match)
            case _ if opening.startswith("\\"):
                key = opening[opening.index("{") + 1 : -1].strip()
                return Segment(SegmentKind.REFERENCE, key), match.end()
            case _:
                return self._fence(match)

    @cached_property
    def _double_dollars(self) -> list[int]:
        return [found.start() for found in re.finditer(r"(?<!\\)\$\$|(?<=\\\\)\$\$", self._text)]

    @cached_property
    def _square_brackets(self) -> list[int]:
        return [found.start() for found in re.finditer(r"(?:(?<!\\)|(?<=\\\\))\\\]", self._text)]

    @cached_property
    def _round_brackets(self) -> list[int]:
        return [found.start() for found in re.finditer(r"(?:(?<!\\)|(?<=\\\\))\\\)", self._text)]

    @cached_property
    def _fences(self) -> list[tuple[int, int]]:
        return [found.span() for found in re.finditer(_FENCE, self._text, re.MULTILINE)]

    @cached_property
    def _environment_ends(self) -> dict[int, tuple[int, int]]:
        r"""The span of the \end of each \begin, by the place of the latter."""
        open_at: dict[str, list[int]] = {}
        ends: dict[int, tuple[int, int]] = {}
        for edge in _EDGE.finditer(self._text):
            stack = open_at.setdefault(edge.group(2), [])
            if edge.group(1) == "begin":
                stack.append(edge.start())
            elif stack:
                ends[stack.pop()] = edge.span()
        return ends

    def _delimited(
        self, match: re.Match[str], closings: list[int], kind: SegmentKind
    ) -> tuple[Segment, int] | None:
        index = bisect_left(closings, match.end())
        if index == len(closings):
            return self._broken(match.start())
        end = closings[index]
        inside = self._text[match.end() : end]
        if not inside.strip():
            return Segment(SegmentKind.TEXT, self._text[match.start() : end + 2]), end + 2
        if kind is SegmentKind.INLINE and (len(inside) > _LONGEST_INLINE or "\n\n" in inside):
            return None
        return Segment(kind, inside), end + 2

    def _environment(self, match: re.Match[str]) -> tuple[Segment, int]:
        end = self._environment_ends.get(match.start())
        if end is None:
            return self._broken(match.start())
        opening = match.group()
        name = opening[opening.index("{") + 1 : -1]
        return Segment(SegmentKind.DISPLAY, self._text[match.end() : end[0]], name), end[1]

    def _fence(self, match: re.Match[str]) -> tuple[Segment, int]:
        """Return the code up to the closing fence, or to the end of the text."""
        language = match.group().strip().strip("`~").strip()
        index = bisect_left(self._fences, (match.end(), 0))
        start, end = self._fences[index] if index < len(self._fences) else (len(self._text), len(self._text))
        return Segment(SegmentKind.CODE, self._text[match.end() : start].strip("\n"), language), end

    def _dollar(self, start: int) -> tuple[Segment, int] | None:
        if start >= self._paired_to:
            self._pair_paragraph(start)
        end = self._pairs.get(start)
        if end is not None:
            return Segment(SegmentKind.INLINE, self._text[start + 1 : end]), end + 1
        following = self._text.find("$", start + 1)
        line_end = self._text.find("\n", start, following if following >= 0 else len(self._text))
        if line_end < 0:
            if following >= 0:
                return None
            line_end = len(self._text)
        if looks_cut_off(self._text[start + 1 : line_end]):
            return Segment(SegmentKind.BROKEN, self._text[start:line_end]), line_end
        return None

    def _pair_paragraph(self, start: int) -> None:
        """Pair the dollars from `start` to the end of the paragraph or to the next display formula."""
        dollars: list[int] = []
        at = start
        end = len(self._text)
        while found := _IN_PARAGRAPH.search(self._text, at):
            sign = found.group()
            at = found.end()
            if sign == "$":
                dollars.append(found.start())
            elif sign == "$$" and len(dollars) % 2:
                dollars += (found.start(), found.start() + 1)
            elif sign in (r"\$", r"\\") or (sign.startswith(r"\begin") and len(dollars) % 2 and _inner(sign)):
                continue
            else:
                end = found.start()
                break
        self._paired_to = max(end, start + 1)
        self._pairs.update(pair_dollars(self._text, dollars))

    def _broken(self, start: int) -> tuple[Segment, int]:
        """Return source without its closing delimiter: up to the first line of prose, or the end."""
        text = self._text
        end = text.find("\n", start)
        while 0 <= end < len(text):
            after = text.find("\n", end + 1)
            line = text[end + 1 : len(text) if after < 0 else after]
            if not line.strip() or ("\\" not in line and "&" not in line and has_prose(line)):
                return Segment(SegmentKind.BROKEN, text[start:end]), end
            end = after
        return Segment(SegmentKind.BROKEN, text[start:]), len(text)


def _inner(begin: str) -> bool:
    r"""Return whether a \begin can be inside an inline formula, as that of a matrix can."""
    return begin[begin.index("{") + 1 : -1].rstrip("*") not in _DISPLAYS


def _trimmed(segment: Segment) -> Iterator[Segment]:
    """Yield an inline formula, and the Chinese punctuation at its end as text after it."""
    bare = segment.text.rstrip()
    end = _TRAILING.search(bare)
    cut = end.start() if end else len(bare)
    if not cut or cut == len(bare):
        yield segment
        return
    yield Segment(segment.kind, bare[:cut])
    yield Segment(SegmentKind.TEXT, bare[cut:])

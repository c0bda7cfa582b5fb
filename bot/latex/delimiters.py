r"""Delimiter scanner: splits running text into prose and mathematics.

Recognises `$`, `$$`, `\(`, `\[`, display environments and references as MathJax does, and decides
whether a dollar sign is a delimiter or money.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final


class SegmentKind(Enum):
    """SegmentKind of a segment."""

    TEXT = "text"
    INLINE = "inline"
    DISPLAY = "display"
    REFERENCE = "reference"  # \eqref or \ref; the text is the key
    BROKEN = "broken"  # source without its closing delimiter


@dataclass(frozen=True, slots=True)
class Segment:
    """Segment of the scanned text: prose, or the source between two delimiters."""

    kind: SegmentKind
    text: str
    environment: str = ""


ENVIRONMENTS: Final = (
    *("equation", "align", "gather", "multline", "eqnarray", "displaymath", "math", "alignat", "flalign"),
    *("aligned", "gathered", "split", "cases", "dcases", "array", "matrix", "smallmatrix", "subequations"),
    *("pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix"),
)
_BEGIN: Final = re.compile(r"\\begin\s*\{(" + "|".join(ENVIRONMENTS) + r")(\*?)\}")
_OPENING: Final = re.compile(r"\\(?:[$\\]|\[|\(|begin\s*\{|(?:eq)?ref\s*\{[^{}\n]{1,80}\})|\$\$?")
_NEXT_DOLLAR: Final = re.compile(r"(?<!\\)(?:\\\\)*\$")
_CJK: Final = "\u2e80-\u303f\u3040-\u9fff\uf900-\ufaff\uff00-\uffef"
_PROSE: Final = re.compile(f"[{_CJK}]")
_BRACED: Final = re.compile(r"\{[^{}]*\}")
_WORDS: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,} [A-Za-z]{3,}")
_STRONG: Final = re.compile(r"[\\^_{}=<>+]|^[A-Za-z](?:[A-Za-z]|'+)?$|^[A-Za-z]+\(")


def split_segments(text: str) -> Iterator[Segment]:
    """Yield the segments of `text` in order; nothing but delimiters is dropped.

    A formula without its closing delimiter is BROKEN, with its opening, up to the next line of prose.
    """
    words: list[str] = []
    at = 0
    while match := _OPENING.search(text, at):
        words.append(text[at : match.start()])
        found = _formula(text, match)
        if found is None:
            # An escaped dollar loses its backslash; any other unmatched opening is kept as written.
            words.append("$" if match.group() == r"\$" else match.group())
            at = match.end()
            continue
        segment, at = found
        if prose := "".join(words):
            yield Segment(SegmentKind.TEXT, prose)
        words = []
        yield segment
    if prose := "".join([*words, text[at:]]):
        yield Segment(SegmentKind.TEXT, prose)


def _formula(text: str, match: re.Match[str]) -> tuple[Segment, int] | None:
    """Return the segment that opens at `match` and its end; None if nothing opens there."""
    opening = match.group()
    match opening:
        case r"\$" | r"\\":
            return None
        case "$":
            return _dollar(text, match.start())
        case "$$":
            return _delimited(text, match, "$$", SegmentKind.DISPLAY)
        case r"\[":
            return _delimited(text, match, r"\]", SegmentKind.DISPLAY)
        case r"\(":
            return _delimited(text, match, r"\)", SegmentKind.INLINE)
        case _ if opening.startswith(r"\begin"):
            return _environment(text, match.start())
        case _:
            return Segment(SegmentKind.REFERENCE, opening[opening.index("{") + 1 : -1].strip()), match.end()


def _delimited(
    text: str, match: re.Match[str], closing: str, kind: SegmentKind
) -> tuple[Segment, int] | None:
    end = text.find(closing, match.end())
    while end > 0 and text[end - 1] == "\\" and not text.endswith(r"\\", 0, end):
        end = text.find(closing, end + 1)
    if end < 0:
        return _broken(text, match.start())
    inside = text[match.end() : end]
    if not inside.strip():
        return Segment(SegmentKind.TEXT, text[match.start() : end + len(closing)]), end + len(closing)
    if kind is SegmentKind.INLINE and (len(inside) > 2000 or "\n\n" in inside):
        return None
    return Segment(kind, inside), end + len(closing)


def _environment(text: str, start: int) -> tuple[Segment, int] | None:
    begin = _BEGIN.match(text, start)
    if begin is None:
        return None
    name = begin.group(1) + begin.group(2)
    edge = re.compile(r"\\(begin|end)\s*\{" + re.escape(name) + r"\}")
    depth = 0
    for found in edge.finditer(text, start):
        depth += 1 if found.group(1) == "begin" else -1
        if depth == 0:
            return Segment(SegmentKind.DISPLAY, text[begin.end() : found.start()], name), found.end()
    return _broken(text, start)


def _dollar(text: str, start: int) -> tuple[Segment, int] | None:
    closing = _NEXT_DOLLAR.search(text, start + 1)
    line_end = text.find("\n\n", start)
    if closing is None or (0 <= line_end < closing.start()):
        return _broken_inline(text, start)
    end = closing.end() - 1
    inside = text[start + 1 : end]
    following = text[end + 1 : end + 2]
    if "\n" in inside and ("\\" not in inside or _prose(inside)):
        return _broken_inline(text, start)
    if _is_formula(inside, following):
        return Segment(SegmentKind.INLINE, inside), end + 1
    return None


def _is_formula(inside: str, following: str) -> bool:
    """Return whether the text between two dollar signs is mathematics, not money or shell variables."""
    bare = inside.strip()
    if not bare or len(bare) > 2000 or _prose(bare):
        return False
    if "\\" in bare or re.search(r"[\^_]", bare):
        return not (inside != bare and _WORDS.search(bare))
    if inside != bare and not (_STRONG.search(bare) and inside[0] == inside[-1] == " "):
        return False
    if _WORDS.search(bare):
        return False
    if following.isascii() and following.isalnum():
        return False  # "$5-$10", "$HOME:$PATH"
    return bare[-1] not in "/:,;" or bare[0].isalpha() is False


def _prose(tex: str) -> bool:
    """Return whether `tex` has Chinese text outside all braces, as prose between two formulas has."""
    while (inner := _BRACED.sub("", tex)) != tex:
        tex = inner
    return _PROSE.search(tex) is not None


def _broken(text: str, start: int) -> tuple[Segment, int]:
    """Return source without its closing delimiter: up to the first line of prose, or the end."""
    end = text.find("\n", start)
    while 0 <= end < len(text):
        after = text.find("\n", end + 1)
        line = text[end + 1 : len(text) if after < 0 else after]
        if not line.strip() or ("\\" not in line and "&" not in line and _prose(line)):
            return Segment(SegmentKind.BROKEN, text[start:end]), end
        end = after
    return Segment(SegmentKind.BROKEN, text[start:]), len(text)


def _broken_inline(text: str, start: int) -> tuple[Segment, int] | None:
    """Return an inline formula cut off by the end of its line; None if the dollar is no delimiter."""
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    inside = text[start + 1 : end]
    if (
        re.search(r"[\\^_]", inside)
        and not _prose(inside)
        and not _WORDS.search(inside)
        and inside[:1].strip()
    ):
        return Segment(SegmentKind.BROKEN, text[start:end]), end
    return None

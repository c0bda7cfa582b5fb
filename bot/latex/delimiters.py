r"""Delimiter scanner: splits running text into prose and mathematics, in linear time.

Recognises `$`, `$$`, `\(`, `\[`, display environments, references and code fences. Dollar signs of one
paragraph are paired together, at the least total cost, so that money and a stray dollar do not shift
the pairs after them.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import cached_property
from typing import Final, NamedTuple


class SegmentKind(Enum):
    TEXT = "text"
    INLINE = "inline"
    DISPLAY = "display"
    REFERENCE = "reference"  # \eqref or \ref, as its `environment` says; the text is the key
    CODE = "code"  # between two fences
    BROKEN = "broken"  # source without its closing delimiter


class Segment(NamedTuple):
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
_LONGEST_PAIR: Final = 2000
_NESTED: Final = 9  # dollars looked at for the closing one
PUNCTUATION: Final = "，。；：！？、"
_NEVER: Final = 1000.0
_LONE: Final = 1.0
_MONEY: Final = 0.6
_CLEAR: Final = 0.0  # such pairs are taken at once
_LIKELY: Final = 0.2
_UNBALANCED: Final = 0.5
_WINDOW: Final = 64  # dollars divided together
_DECIDED: Final = 48  # of which so many are decided
# Formulas of the commonest shapes: short, without words, balanced, not ending in an operator.
_PLAIN: Final = re.compile(
    r"""[A-Za-z\\]
    (?: [\w^=+\-*<>()\[\]|,.'\\]
      | [ ](?=[=+\-<>\\]) | (?<=[=+\-<>,])[ ](?![=+\-<>\\\s])
      | \{[\w^=+\-*<>()\[\]|,.'\\]{0,40}\}
    ){0,80}
    (?<![,=+\-*<>|.:\\])""",
    re.ASCII | re.VERBOSE,
)
_IDEOGRAPH: Final = re.compile(r"[\u2e80-\u2fdf\u3005-\u3007\u3040-\u9fff\uf900-\ufaff]")
_PROSE: Final = re.compile(r"[\u2e80-\u303f\u3040-\u9fff\uf900-\ufaff\uff00-\uffef]")
_LONG_PROSE: Final = re.compile(r"[\u2e80-\u2fdf\u3005-\u3007\u3040-\u9fff\uf900-\ufaff]{9}")
_SENTENCE: Final = re.compile(r"[。！？；](?!\s*\Z)")
_WORDS: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,} [A-Za-z]{3,}")
_SURE: Final = re.compile(r"[\\^_]")
_SIGNS: Final = re.compile(
    r"[\\^_{}=<>+＝＜＞＋≤≥≠≈∈→×·∑∫∏√∞²³\u0370-\u03ff\u2070-\u209f\u2200-\u22ff]"
    r"|[A-Za-z][(（]|[A-Za-z0-9)]\s*[-−*/|]\s*[A-Za-z0-9(]|'"
)
_STRONG: Final = re.compile(r"[\\^_{}=<>+]|^[A-Za-z](?:[A-Za-z]|'+)?$|^[A-Za-z]+\(")
_LETTER: Final = re.compile(r"[A-Za-z]'*\Z|[\u0370-\u03ff\u2100-\u214f]\Z")
_LETTERS: Final = re.compile(r"[A-Za-z]\w?'*(?:[,，、]\s*[A-Za-z0-9]\w?'*)+\Z")
_GROUP: Final = re.compile(r"\{[^{}]*\}")
_FLAT: Final = 6  # levels of braces that are removed by substitution, whose time grows with the depth
_SHELL: Final = re.compile(r"[A-Za-z_]\w+[/:;,]?\Z|[A-Za-z_]\w+/")


def split_segments(text: str) -> Iterator[Segment]:
    """Yield the segments of `text` in order; nothing but delimiters is dropped.

    A formula without its closing delimiter is BROKEN, with its opening, up to the next line of prose.
    """
    if not any(sign in text for sign in "\\$`~"):
        if text:
            yield Segment(SegmentKind.TEXT, text)
        return
    yield from _Scanner(text).segments()


class _Scanner:
    """Text with the places of its closing delimiters, each found in one pass."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._closings: dict[str, list[int]] = {}
        self._pairs: dict[int, int] = {}  # opening dollar: closing dollar
        self._paired_to = 0  # dollars before this place are decided

    def segments(self) -> Iterator[Segment]:
        text = self._text
        prose, at = "", 0
        while match := _OPENING.search(text, at):
            start = match.start()
            prose += text[at:start]
            found = self._dollar(start) if match.group() == "$" else self._formula(match)
            if found is None:
                # An escaped dollar loses its backslash; any other unmatched opening is kept as written.
                prose += "$" if match.group() == r"\$" else match.group()
                at = match.end()
                continue
            segment, at = found
            if segment.kind is SegmentKind.TEXT:
                prose += segment.text
                continue
            if prose:
                yield Segment(SegmentKind.TEXT, prose)
                prose = ""
            if segment.kind is SegmentKind.INLINE and segment.text.rstrip()[-1:] in PUNCTUATION:
                segment, prose = _trimmed(segment)
            yield segment
        prose += text[at:]
        if prose:
            yield Segment(SegmentKind.TEXT, prose)

    def _formula(self, match: re.Match[str]) -> tuple[Segment, int] | None:
        """Return the segment that opens at `match` and its end; None if nothing opens there."""
        opening = match.group()
        match opening:
            case r"\$" | r"\\":
                return None
            case "$$":
                # Of a formula closed by the first of the two, the second one opens the next.
                if match.start() in self._pairs:
                    return self._dollar(match.start())
                return self._delimited(match, "$$", SegmentKind.DISPLAY)
            case r"\[":
                return self._delimited(match, r"\]", SegmentKind.DISPLAY)
            case r"\(":
                return self._delimited(match, r"\)", SegmentKind.INLINE)
            case _ if opening.startswith(r"\begin"):
                return self._environment(match)
            case _ if opening.startswith("\\"):
                name, key = opening[1:-1].split("{")
                return Segment(SegmentKind.REFERENCE, key.strip(), name.rstrip()), match.end()
            case _:
                return self._fence(match)

    def _places(self, closing: str) -> list[int]:
        """Return the places of a closing delimiter, without escaped ones."""
        if closing not in self._closings:
            found = re.finditer(rf"(?:(?<!\\)|(?<=\\\\)){re.escape(closing)}", self._text)
            self._closings[closing] = [each.start() for each in found]
        return self._closings[closing]

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

    def _delimited(self, match: re.Match[str], closing: str, kind: SegmentKind) -> tuple[Segment, int] | None:
        closings = self._places(closing)
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
        end = len(self._text)
        for found in _IN_PARAGRAPH.finditer(self._text, start):
            sign = found.group()
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


def _trimmed(segment: Segment) -> tuple[Segment, str]:
    """Return an inline formula without the Chinese punctuation at its end, and the latter."""
    bare = segment.text.rstrip()
    cut = len(bare.rstrip(PUNCTUATION))
    if not cut or cut == len(bare):
        return segment, ""
    return Segment(segment.kind, bare[:cut]), bare[cut:]


def pair_dollars(text: str, dollars: Sequence[int]) -> dict[int, int]:
    """Return the closing dollar of each opening one, of the dollars at these places of `text`."""
    pairs: dict[int, int] = {}
    count = len(dollars)
    index = 0
    while index < count:
        start, end = dollars[index], dollars[index + 1] if index + 1 < count else dollars[index]
        if end > start and _pair_cost(text, start, end) <= _CLEAR:
            pairs[start] = end
            index += 2
            continue
        window = dollars[index : index + _WINDOW]
        decided = count - index if len(window) < _WINDOW else _DECIDED
        taken = 0
        for opening, closing in _cheapest(text, window):
            if opening >= decided:
                break
            pairs[window[opening]] = window[closing]
            taken = closing + 1
        index += max(taken, decided)
    return pairs


def _cheapest(text: str, dollars: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs, as indices into `dollars`, of the division with the least total cost."""
    count = len(dollars)
    best = [0.0] * (count + 1)
    partner = [0] * count
    for index in range(count - 1, -1, -1):
        best[index] = best[index + 1] + _lone_cost(text, dollars[index])
        other = _closing(text, dollars, index)
        if other < count:
            cost = best[other + 1] + _pair_cost(text, dollars[index], dollars[other])
            if cost < best[index]:
                best[index] = cost
                partner[index] = other
    pairs: list[tuple[int, int]] = []
    index = 0
    while index < count:
        if partner[index]:
            pairs.append((index, partner[index]))
            index = partner[index]
        index += 1
    return pairs


def _closing(text: str, dollars: Sequence[int], index: int) -> int:
    """Return the index of the dollar that can close another: the next one outside braces."""
    if index + 1 == len(dollars) or text.find("{", dollars[index], dollars[index + 1]) < 0:
        return index + 1
    depth = 0
    for other in range(index + 1, min(index + 1 + _NESTED, len(dollars))):
        if dollars[other] - dollars[index] > _LONGEST_PAIR:
            break
        depth += _open_braces(text[dollars[other - 1] + 1 : dollars[other]])
        if depth <= 0:
            return other
    return index + 1


def _open_braces(inside: str) -> int:
    """Return how many more braces are opened than closed."""
    if "{" not in inside and "}" not in inside:
        return 0
    return inside.count("{") - inside.count("}") - inside.count(r"\{") + inside.count(r"\}")


def _lone_cost(text: str, at: int) -> float:
    return _MONEY if text[at + 1 : at + 2].isdigit() else _LONE


def _pair_cost(text: str, start: int, end: int) -> float:
    if end - start > _LONGEST_PAIR:
        return _NEVER
    inside = text[start + 1 : end]
    following = text[end + 1 : end + 2]
    before_letter = following.isascii() and following.isalnum()
    if not before_letter and _PLAIN.fullmatch(inside):
        return _CLEAR
    bare = inside.strip()
    if not bare:
        return _NEVER
    outside = bare if "{" not in bare else outside_braces(bare)
    chinese = _IDEOGRAPH.search(outside) is not None
    if "\n" in inside and (chinese or _WORDS.search(outside)):
        return _NEVER
    if chinese:
        return _cost_with_chinese(outside)
    if _SURE.search(bare):
        if inside != bare and _WORDS.search(bare):
            return _NEVER
        return _CLEAR if _open_braces(inside) == 0 else _UNBALANCED
    if before_letter and not _before_letter(bare):
        return _NEVER
    return _cost_without_macros(inside, bare)


def _cost_without_macros(inside: str, bare: str) -> float:
    """Return the cost of a pair with letters and signs alone, such as f（x）=1 or 5."""
    if _WORDS.search(bare):
        return _NEVER
    if "\n" in inside:
        return _LIKELY if _SIGNS.search(bare) else _NEVER
    if inside != bare and not _STRONG.search(bare):
        return _NEVER
    if inside != bare and not inside[0] == inside[-1] == " ":
        return _LIKELY  # such as $ x$
    if _PROSE.search(bare):
        plain = bare.rstrip(PUNCTUATION)
        likely = _SIGNS.search(plain) or _LETTERS.match(plain) or _LETTER.match(plain)
        return _LIKELY if likely else _NEVER
    return _NEVER if bare[-1] in "/:,;" and bare[0].isalpha() else _CLEAR


def _before_letter(bare: str) -> bool:
    """Return whether a formula may be directly before a letter: $k$NN and $n$th, not $5$10 or $HOME$PATH."""
    if _LETTER.match(bare):
        return True
    return bool(_SIGNS.search(bare)) and bare[-1] not in "+-*/=<>:;," and not _SHELL.match(bare)


def _cost_with_chinese(outside: str) -> float:
    """Return the cost of a pair with Chinese outside its braces: names in a formula, or prose between two."""
    if not _SIGNS.search(outside) or _SENTENCE.search(outside) or _LONG_PROSE.search(outside):
        return _NEVER
    ends = _IDEOGRAPH.match(outside) is not None, _IDEOGRAPH.match(outside[-1]) is not None
    if all(ends) and ("，" in outside or "、" in outside or not _SURE.search(outside)):
        return 1.5 if len(outside) < 12 and "=" in outside and "，" not in outside else _NEVER
    return 0.8


def has_prose(tex: str) -> bool:
    """Return whether `tex` has Chinese text outside all braces, as prose between two formulas has."""
    return _PROSE.search(outside_braces(tex)) is not None


def looks_cut_off(inside: str) -> bool:
    """Return whether the rest of a line after a lone dollar is the beginning of a formula."""
    return bool(
        inside[:1].strip()
        and _SURE.search(inside)
        and "$" not in inside
        and not has_prose(inside)
        and not _WORDS.search(inside)
    )


def outside_braces(tex: str) -> str:
    """Return `tex` without what is in braces; an unmatched brace is kept with what follows it."""
    for _ in range(_FLAT):
        if "{" not in tex or (shorter := _GROUP.sub("", tex)) == tex:
            return tex
        tex = shorter
    kept: list[str] = []
    open_at: list[int] = []
    for character in tex:
        if character == "{":
            open_at.append(len(kept))
        if character == "}" and open_at:
            del kept[open_at.pop() :]
            continue
        kept.append(character)
    return "".join(kept)

"""Pairing of dollar signs: which of them delimit formulas, and which are money or shell variables.

Pairs that are clearly formulas are taken at once. Where one is not, dynamic programming divides the next
dollars: a pair has the cost of its content, a lone dollar one of its own. Linear time.
"""

import re
from collections.abc import Sequence
from typing import Final

LONGEST: Final = 2000
_NESTED: Final = 9  # dollars looked at for the closing one
PUNCTUATION: Final = "，。；：！？、"
_NEVER: Final = 1000.0
_LONE: Final = 1.0
_MONEY: Final = 0.6
_CLEAR: Final = 0.0  # such pairs are taken at once
_LIKELY: Final = 0.2
_UNBALANCED: Final = 0.5
_WINDOW: Final = 32  # dollars divided together; the first half is decided
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
_SHELL: Final = re.compile(r"[A-Za-z_]\w+[/:;,]?\Z|[A-Za-z_]\w+/")


def pair_dollars(text: str, dollars: Sequence[int]) -> dict[int, int]:
    """Return the closing dollar of each opening one, of the dollars at these places of `text`."""
    pairs: dict[int, int] = {}
    count = len(dollars)
    index = 0
    while index < count:
        if index + 1 < count and _pair_cost(text, dollars[index], dollars[index + 1]) <= _CLEAR:
            pairs[dollars[index]] = dollars[index + 1]
            index += 2
            continue
        window = dollars[index : index + _WINDOW]
        decided = count - index if len(window) < _WINDOW else _WINDOW // 2
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
    depth = 0
    for other in range(index + 1, min(index + 1 + _NESTED, len(dollars))):
        if dollars[other] - dollars[index] > LONGEST:
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
    if end - start > LONGEST:
        return _NEVER
    inside = text[start + 1 : end]
    following = text[end + 1 : end + 2]
    before_letter = following.isascii() and following.isalnum()
    if not before_letter and _PLAIN.fullmatch(inside):
        return _CLEAR
    bare = inside.strip()
    if not bare:
        return _NEVER
    outside = outside_braces(bare)
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
    if inside != bare and not (_STRONG.search(bare) and inside[0] == inside[-1] == " "):
        return _NEVER
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
    if "{" not in tex:
        return tex
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

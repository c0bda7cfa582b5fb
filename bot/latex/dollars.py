"""Pairing of dollar signs: which of them delimit formulas, and which are money or shell variables.

Dynamic programming over the dollars of one paragraph: two adjacent dollars may form a pair at the cost
of its content, a lone dollar has a cost of its own, and the cheapest division wins. Linear time.
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
    pairs: dict[int, int] = {}
    index = 0
    while index < count:
        if partner[index]:
            pairs[dollars[index]] = dollars[partner[index]]
            index = partner[index]
        index += 1
    return pairs


def _closing(text: str, dollars: Sequence[int], index: int) -> int:
    r"""Return the index of the dollar that can close another: the next one outside braces."""
    depth = 0
    for other in range(index + 1, min(index + 1 + _NESTED, len(dollars))):
        inside = text[dollars[other - 1] + 1 : dollars[other]]
        if dollars[other] - dollars[index] > LONGEST:
            break
        depth += inside.count("{") - inside.count("}") - inside.count(r"\{") + inside.count(r"\}")
        if depth <= 0:
            return other
    return index + 1


def _lone_cost(text: str, at: int) -> float:
    return _MONEY if text[at + 1 : at + 2].isdigit() else _LONE


def _pair_cost(text: str, start: int, end: int) -> float:
    if end - start > LONGEST:
        return _NEVER
    inside = text[start + 1 : end]
    bare = inside.strip()
    if not bare:
        return _NEVER
    outside = outside_braces(bare)
    if "\n" in inside and (_IDEOGRAPH.search(outside) or _WORDS.search(outside)):
        return _NEVER
    if _IDEOGRAPH.search(outside):
        return _cost_with_chinese(outside)
    if _SURE.search(bare):
        return _NEVER if inside != bare and _WORDS.search(bare) else 0.0
    if _WORDS.search(bare):
        return _NEVER
    if "\n" in inside:
        return 0.2 if _SIGNS.search(bare) else _NEVER
    if inside != bare and not (_STRONG.search(bare) and inside[0] == inside[-1] == " "):
        return _NEVER
    following = text[end + 1 : end + 2]
    if following.isascii() and following.isalnum() and not _before_letter(bare):
        return _NEVER
    if _PROSE.search(bare):
        plain = bare.rstrip(PUNCTUATION)
        return 0.2 if _SIGNS.search(plain) or _LETTERS.match(plain) or _LETTER.match(plain) else _NEVER
    if bare[-1] in "/:,;" and bare[0].isalpha():
        return _NEVER
    return 0.1


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

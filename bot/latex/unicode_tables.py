"""How the parts of a formula stand beside each other in a line of Unicode: blanks, brackets, a dot.

Knows parts and their kinds, not TeX.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum


class Kind(Enum):
    ORDINARY = "ordinary"
    FUNCTION = "function"  # log, ∑: a blank before what it is applied to
    RELATION = "relation"
    OPERATION = "operation"
    OPENING = "opening"
    CLOSING = "closing"
    COMMA = "comma"
    FRACTION = "fraction"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    kind: Kind = Kind.ORDINARY
    blank_after: bool = False  # the source had white space here


_OPERANDS = (Kind.ORDINARY, Kind.CLOSING, Kind.FRACTION)
_STARTS = (Kind.ORDINARY, Kind.FUNCTION, Kind.FRACTION)


def joined(parts: Sequence[Part], *, tight: bool = False) -> str:
    """The parts in one line; `tight` without the blanks around relations and operations, for scripts."""
    settled = _settled([part for part in parts if part.text])
    line = ""
    for index, part in enumerate(settled):
        before = settled[index - 1] if index else None
        if (
            before is not None
            and _blank(before, part, tight=tight)
            and not line.endswith(" ")
            and part.text[0] != " "
        ):
            line += " "
        line += part.text
    return line


def _settled(parts: list[Part]) -> list[Part]:
    """Signs that stand for themselves are no operations, and a fraction in a product gets brackets."""
    settled: list[Part] = []
    for index, part in enumerate(parts):
        before = settled[-1] if settled else None
        after = parts[index + 1] if index + 1 < len(parts) else None
        if part.kind is Kind.OPERATION and (before is None or before.kind not in _OPERANDS or after is None):
            part = replace(part, kind=Kind.ORDINARY)
        if part.kind is Kind.FRACTION and _in_product(before, after):
            dot = before is not None and before.kind is Kind.ORDINARY and before.text[-1:].isalnum()
            part = replace(part, text=f"{'·' if dot else ''}({part.text})")
        settled.append(part)
    return settled


def _in_product(before: Part | None, after: Part | None) -> bool:
    left = before is not None and before.kind in (*_OPERANDS, Kind.FUNCTION) and before.text not in "−+±∓|‖"
    right = after is not None and after.kind in (*_STARTS, Kind.OPENING) and after.text not in "|‖"
    return left or right


def _blank(before: Part, part: Part, *, tight: bool) -> bool:
    if Kind.BLANK in (before.kind, part.kind):
        return False
    if before.kind is Kind.COMMA:
        return before.blank_after and not tight
    if part.kind in (Kind.COMMA, Kind.CLOSING) or before.kind is Kind.OPENING:
        return False
    if Kind.RELATION in (before.kind, part.kind):
        return not tight and not (before.kind is Kind.RELATION and part.kind is Kind.RELATION)
    if Kind.OPERATION in (before.kind, part.kind):
        return not tight
    if before.kind is Kind.FUNCTION:
        return part.kind in _STARTS and not part.text.startswith("(")
    if part.kind is Kind.FUNCTION:
        return before.kind in _OPERANDS and before.text not in "−+±∓"
    return _words_meet(before.text, part.text)


def _words_meet(before: str, after: str) -> bool:
    """Whether two words, such as a name and a letter, would become one."""
    left = len(before) > 1 and before[-2:].isalpha() and before.isascii()
    right = len(after) > 1 and after[:2].isalpha() and after.isascii()
    return (left and after[0].isalpha()) or (right and before[-1].isalpha())

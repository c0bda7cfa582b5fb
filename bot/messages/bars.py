"""Numbers as bars of blocks in a text: a part of a whole, a small chart. Knows not what is counted."""

from collections.abc import Sequence
from typing import Final

from bot.messages.document import Item, Items, Text
from bot.messages.words import Words

_LONGEST: Final = 10  # cells of the largest number of a chart


def bar(have: int, of: int, cells: int = 14) -> str:
    """`have` of `of` as ▓▓▓░: full only if nothing lacks, begun if there is anything."""
    if of <= 0:
        return ""
    filled = _filled(have, of, cells)
    return "▓" * filled + "░" * (cells - filled)


def bar_chart(rows: Sequence[tuple[str, int]], words: Words) -> Items:
    """A line for each (name, number): a bar as long as the number is beside the largest, and the number."""
    most = max((number for _, number in rows), default=0)
    return Items(
        tuple(
            Item((Text(f"{'▓' * _filled(number, most, _LONGEST)} {words.number(number)}"),), label=name)
            for name, number in rows
        )
    )


def _filled(have: int, of: int, cells: int) -> int:
    if have <= 0 or of <= 0:
        return 0
    return max(1, min(cells, have * cells // of))

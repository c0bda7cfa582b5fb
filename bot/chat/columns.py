"""A sieve for texts: tells in microseconds which of many texts cannot hold a word.

Each pair of neighbouring signs has a column, a row of bits with one for each text; several pairs share a
column, so what is left must still be looked at. Knows only strings and positions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import add
from typing import TypeVar

T = TypeVar("T")

_COLUMNS = 4096  # a text of 500 signs is in about a tenth of them
_BITS = bytes.maketrans(b"01", b"\x00\x01")


@dataclass(frozen=True, slots=True)
class Columns:
    """The bits of all texts by column; the first text is the highest of `width` bits.

    With `singles` each sign has a column too; without, words of one sign pass every text.
    """

    bits: tuple[int, ...] = ()
    width: int = 0
    singles: bool = False

    def sift(self, things: Sequence[T], words: Iterable[str]) -> Iterable[T]:
        """Of things in the order of the texts, those whose text may hold all the words; in that order."""
        if not things:
            return ()
        left = (1 << self.width) - 1
        for word in words:
            for column in _columns(word, self.singles):
                left &= self.bits[column]
        return compress(things, f"{left:0{self.width}b}".encode().translate(_BITS))


def columns_of(texts: Sequence[str], *, singles: bool = False) -> Columns:
    """The columns of `texts`; with `singles` they take half as long again to make."""
    size = (len(texts) + 7) // 8
    rows = [bytearray(size) for _ in range(_COLUMNS)]
    for place, text in enumerate(texts):
        byte, bit = place >> 3, 128 >> (place & 7)
        for column in _columns(text, singles):
            rows[column][byte] |= bit
    return Columns(tuple(int.from_bytes(row) for row in rows), 8 * size, singles)


def _columns(text: str, singles: bool) -> set[int]:
    pieces = set(map(add, text, text[1:]))
    if singles:
        pieces.update(text)
    return {hash(piece) % _COLUMNS for piece in pieces}

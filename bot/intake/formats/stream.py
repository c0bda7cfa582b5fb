"""Byte streams of files and of members of containers, with look-ahead and gzip decompression.

At most one look-ahead is held in memory, whatever the size of the file.
"""

import zlib
from collections.abc import Callable, Iterator

CHUNK = 256 * 1024
"""Bytes that are read at once."""

_GZIP = b"\x1f\x8b"


class Stream:
    """Reader of bytes with look-ahead; `read_chunk` returns at most so many bytes, none at the end."""

    def __init__(self, read_chunk: Callable[[int], bytes]) -> None:
        self._read_chunk = read_chunk
        self._ahead = b""
        self._at = 0

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes without consuming them, fewer at the end."""
        pieces = [self._ahead[self._at :]] if self._at else [self._ahead]
        missing = size - len(pieces[0])
        if missing > 0:
            while missing > 0 and (chunk := self._read_chunk(max(missing, CHUNK))):
                pieces.append(chunk)
                missing -= len(chunk)
            self._ahead, self._at = b"".join(pieces), 0
        return self._ahead[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end."""
        block = self.peek(size)
        self._at += len(block)
        return block

    def unread(self, block: bytes) -> None:
        """Put `block` back in front of the next byte."""
        self._ahead, self._at = block + self._ahead[self._at :], 0

    def skip_to(self, mark: bytes, most: int | None = None) -> bool:
        """Skip to the next `mark`, at most `most` bytes; return whether the stream stands at one."""
        left = most
        while True:
            block = self.peek(CHUNK if left is None else min(left + len(mark), CHUNK))
            found = block.find(mark)
            skipped = found if found >= 0 else max(len(block) - len(mark) + 1, 0)
            if left is not None:
                skipped = min(skipped, left)
                left -= skipped
            self._at += skipped
            if self._ahead.startswith(mark, self._at):
                return True
            if left == 0 or len(block) <= len(mark):
                return False

    def lines(self, longest: int) -> Iterator[bytes]:
        """Yield the lines without their ends; of a longer one only its first `longest` bytes."""
        while block := self.peek(CHUNK):
            size = len(block)
            while (end := block.find(b"\n")) < 0 and size < longest and len(block) == size:
                size = min(4 * size, longest)
                block = self.peek(size)
            if end >= 0:
                self._at += end + 1
                yield block[:end]
            else:
                yield self.read(len(block))
                if self.skip_to(b"\n"):
                    self._at += 1


class GzipReader:
    """Decompressor of a gzip file of one or several members; `fault` is set for a cut or damaged one.

    Behind a damaged member the next one is searched.
    """

    def __init__(self, packed: Stream) -> None:
        self._packed = packed
        self._member = zlib.decompressobj(wbits=31)
        self.fault: str | None = None

    def read(self, size: int) -> bytes:
        """Return at most `size` decompressed bytes, none at the end."""
        while True:
            if self._member.eof:
                self._packed.unread(self._member.unused_data)
                if self._packed.peek(2) != _GZIP:
                    return b""
                self._member = zlib.decompressobj(wbits=31)
            block = self._member.unconsumed_tail or self._packed.read(CHUNK)
            if not block:
                self.fault = self.fault or "the compressed file is cut short"
                return b""
            try:
                content = self._member.decompress(block, size)
            except zlib.error:
                self.fault = "the compressed file is damaged"
                self._packed.unread(block[1:])
                if not self._packed.skip_to(_GZIP + b"\x08"):
                    return b""
                self._member = zlib.decompressobj(wbits=31)
                return b"\n"  # separates the record of the next member from the damaged one
            if content:
                return content

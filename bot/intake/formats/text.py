"""Decoding of dumps: compression, character set, line ends, control characters."""

import codecs
import zlib

from bot.intake.formats.result import UnreadableDumpError
from storage.model import Note, NoteKind

MAX_BYTES = 20 * 1024 * 1024
"""Maximum size of a dump in bytes, compressed or not; the archive page of all posts has less than 1 MB."""

_CONTROLS = bytes(code for code in (*range(32), 127) if code not in (9, 10))


def decode(content: bytes, author: str) -> tuple[str, tuple[Note, ...]]:
    """Return the text of a dump with "\\n" line ends and without control characters, and notes.

    Bytes that are not UTF-8 are GB18030 if they contain the name of `author` in that encoding.
    Raises UnreadableDumpError for an empty, too large, wrongly compressed or binary dump.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableDumpError(_too_large(f"{len(content) / 1e6:.0f} MB"))
    notes: list[Note] = []
    if content.startswith(b"\x1f\x8b"):
        content = _decompressed(content, notes)
    if not content.strip():
        raise UnreadableDumpError("the file is empty: save the capture again")
    text = _as_text(content, notes, author)
    return text, tuple(notes)


def _decompressed(content: bytes, notes: list[Note]) -> bytes:
    parts: list[bytes] = []
    room = MAX_BYTES + 1
    try:
        while content.startswith(b"\x1f\x8b") and room > 0:
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(content, room))
            room -= len(parts[-1])
            content = member.unused_data
            if not member.eof and room > 0:
                notes.append(Note(NoteKind.CUT, "the compressed file is cut short"))
    except zlib.error as error:
        if not any(parts):
            raise UnreadableDumpError(
                f"the compressed file is damaged ({error}): compress it again"
            ) from None
        notes.append(Note(NoteKind.CUT, "the compressed file is damaged after its beginning"))
    if room <= 0:
        raise UnreadableDumpError(_too_large("uncompressed, more"))
    return b"".join(parts)


def _too_large(size: str) -> str:
    return f"the file is too large ({size}; a dump has at most {MAX_BYTES // 2**20} MiB): split it"


def _as_text(content: bytes, notes: list[Note], author: str) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", "replace").encode("utf-8", "replace")
    cleaned = _with_plain_line_ends(content).translate(None, _CONTROLS)
    try:
        text, odd = cleaned.decode(), 0
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            cleaned = cleaned[: error.start]
            notes.append(Note(NoteKind.CUT, "the last character is cut in the middle: the file is truncated"))
        charset = "gb18030" if author.encode("gb18030") in cleaned else "utf-8"
        text = cleaned.decode(charset, "replace")
        odd = text.count("\ufffd")
        if odd:
            notes.append(Note(NoteKind.CHARSET, f"{odd} invalid bytes were replaced by U+FFFD"))
    controls = len(content) - content.count(b"\r") - len(cleaned.replace(b"\r", b""))
    if controls + odd > len(text) / 10:
        raise UnreadableDumpError("the file is binary, no text: save the page as text, HTML or feed XML")
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise UnreadableDumpError("the file holds only blanks: save the capture again")
    return text


def _with_plain_line_ends(content: bytes) -> bytes:
    """Replace a lone `\\r`; next to `\\n` it is removed with the other controls."""
    if b"\r" in content and b"\n" not in content:
        return content.replace(b"\r", b"\n")
    return content


def without_outer_blank_lines(block: str) -> str:
    """Return `block` from its first to its last line that is not blank."""
    inner = block.strip("\n")
    if inner and not inner[0].isspace() and not inner[-1].isspace():
        return inner
    end = len(block.rstrip())
    start = end - len(block[:end].lstrip())
    first = block.rfind("\n", 0, start) + 1
    last = block.find("\n", end)
    return block[first : last if last >= 0 else len(block)]

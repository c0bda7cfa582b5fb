"""Decoding of dumps: compression, character set, line ends, control and invisible characters.

Captures of different character sets that were joined in one file are split before they are decoded.
"""

import codecs
import re
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby, pairwise

from bot.intake.formats import UnreadableDumpError
from bot.site_profile import SiteProfile
from storage.model import Note, NoteKind

MAX_BYTES = 20 * 1024 * 1024
"""Maximum size of a dump in bytes, compressed or not; the archive page of all posts has less than 1 MB."""

_CONTROLS = bytes(code for code in (*range(32), 127) if code not in (9, 10, 11, 12))
_FEEDS = bytes.maketrans(b"\x0b\x0c", b"\n\n")
_LINE_ENDS = "\x85\u2028\u2029"
_INVISIBLE = (
    "\xad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
_RARE = re.compile(f"[{_INVISIBLE}{_LINE_ENDS}]")
# A browser's text has the operators between drawn parts of a formula on lines of their own.
_OPERATOR_LINE = re.compile(r"\n[ \t]*[\u2061-\u2064][ \t]*(?=\n)")
_TERMINAL = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]{0,999}(?:\x07|\x1b\\))"
)  # ECMA-48: colours, links
_RARE_SIGNS = str.maketrans(_LINE_ENDS, "\n" * len(_LINE_ENDS), _INVISIBLE)
_DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([a-zA-Z0-9_.:-]{2,20})", re.IGNORECASE)
# Names under which pages declare a subset of GB18030.
_GB18030 = frozenset(("gb2312", "gbk", "gb18030", "gb_2312-80", "x-gbk", "cp936", "hz-gb-2312"))


def decode(content: bytes, site: SiteProfile) -> tuple[str, tuple[Note, ...]]:
    """Return the text of a dump with "\\n" line ends and without control characters, and notes.

    Raises UnreadableDumpError for an empty, too large, wrongly compressed or binary dump.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableDumpError(_too_large(f"{len(content) / 1e6:.0f} MB"))
    notes: list[Note] = []
    if content.startswith(b"\x1f\x8b"):
        content = decompress(content, notes)
    if not content.strip():
        raise UnreadableDumpError("the file is empty: save the capture again")
    text = _as_text(content, notes, site)
    return text, tuple(notes)


def decompress(content: bytes, notes: list[Note], limit: int = MAX_BYTES) -> bytes:
    """Return the content of a gzip file of one or several members; of a cut one its beginning, with a note.

    Raises UnreadableDumpError for damage at the beginning and for more than `limit` bytes.
    """
    parts: list[bytes] = []
    room = limit + 1
    at = 0
    try:
        while content.startswith(b"\x1f\x8b", at) and room > 0:
            member = zlib.decompressobj(wbits=31)
            while at < len(content) and room > 0 and not member.eof:
                block = content[at : at + 4096]  # small: what a tiny member leaves is copied
                parts.append(member.decompress(block, room))
                room -= len(parts[-1])
                at += len(block) - len(member.unused_data)
            if not member.eof and room > 0:
                notes.append(Note(NoteKind.CUT, "the compressed file is cut short"))
    except zlib.error as error:
        if not any(parts):
            raise UnreadableDumpError(
                f"the compressed file is damaged ({error}): compress it again"
            ) from None
        notes.append(Note(NoteKind.CUT, "the compressed file is damaged after its beginning"))
    if room <= 0:
        raise UnreadableDumpError(_too_large("uncompressed, more", limit))
    return b"".join(parts)


def _too_large(size: str, limit: int = MAX_BYTES) -> str:
    return f"the file is too large ({size}; a dump has at most {limit // 2**20} MiB): split it"


def _as_text(content: bytes, notes: list[Note], site: SiteProfile) -> str:
    content = _from_utf16(content, notes, site)
    if b"\x1b" in content:
        content = _TERMINAL.sub(b"", content)
    plain = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in content else content
    cleaned = plain.translate(_FEEDS, _CONTROLS)
    try:
        text, odd = cleaned.decode(), 0
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            cleaned = cleaned[: error.start]
            notes.append(Note(NoteKind.CUT, "the last character is cut in the middle: the file is truncated"))
        text = cleaned.decode(_charset(cleaned, notes, site), "replace")
        odd = text.count("\ufffd")
        if odd:
            notes.append(Note(NoteKind.CHARSET, f"{odd} invalid bytes were replaced by U+FFFD"))
    controls = len(content) - content.count(b"\r") - len(cleaned.replace(b"\r", b""))
    if controls + odd > len(text) / 10:
        raise UnreadableDumpError("the file is binary, no text: save the page as text, HTML or feed XML")
    if _RARE.search(text) is not None:
        text = _OPERATOR_LINE.sub("", text).translate(_RARE_SIGNS)
    if not text.strip():
        raise UnreadableDumpError("the file holds only blanks: save the capture again")
    return text


def _words(site: SiteProfile) -> tuple[str, ...]:
    """Return words of every page of the blog; found in a character set, they prove it."""
    words = (site.author, site.name, "阅读全文", "最近评论")
    return tuple(word for word in words if not word.isascii())


def _from_utf16(content: bytes, notes: list[Note], site: SiteProfile) -> bytes:
    """Return UTF-16 and UTF-32 content as UTF-8, other content unchanged.

    Without a byte order mark, UTF-16 is recognized by words of the blog.
    """
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return content.decode("utf-32", "replace").encode("utf-8", "replace")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").encode("utf-8", "replace")
    if b"\x00" not in content[:4000]:
        return content
    for charset in ("utf-16-le", "utf-16-be"):
        if any(word.encode(charset) in content for word in _words(site)):
            notes.append(Note(NoteKind.CHARSET, f"the character set was guessed: {charset.upper()}"))
            return content.decode(charset, "replace").encode("utf-8", "replace")
    return content


def _charset(content: bytes, notes: list[Note], site: SiteProfile) -> str:
    """Return the character set of content that is not UTF-8: declared, or proved by the blog's words."""
    declared = _DECLARED.search(content, 0, 2000)
    if any(word.encode() in content for word in _words(site)):
        return "utf-8"
    if declared is not None:
        name = declared[1].decode("ascii").lower()
        if name in _GB18030:
            return "gb18030"
        try:
            name = codecs.lookup(name).name
        except LookupError:
            name = "utf-8"
        if name in ("big5", "big5hkscs", "cp950", "shift_jis", "euc_jp", "euc_kr"):
            return name
    if any(word.encode("gb18030") in content for word in _words(site)):
        notes.append(Note(NoteKind.CHARSET, "the character set was guessed: GB18030"))
        return "gb18030"
    return "utf-8"


_NEXT_MARKUP = re.compile(
    rb"</(?:html|rss|feed|rdf:RDF)>\s*(?=<(?:!doctype|html|\?xml|rss|feed|rdf:RDF)\b|[^<\s])", re.IGNORECASE
)
_FIRST_MARKUP = re.compile(
    rb"<\?xml [^>]{0,99}>\s*(?P<feed><(?:rss|feed|rdf:RDF)\b)"
    rb"|<(?:!doctype html|html)\b(?:(?!<title|</head).){0,2000}<title>(?P<title>[^<]{0,300})",
    re.IGNORECASE | re.DOTALL,
)
_UTF8_TAIL = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})*+\Z"
)
_IDEOGRAPHS = re.compile(rb"[^\n]*[\xe2-\xef][\x80-\xbf]{2}")
_BOMS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
_CHARSETS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
_HEAD = 3000


@cache
def _proofs(site: SiteProfile) -> tuple[re.Pattern[bytes], dict[bytes, str]]:
    """Compile the blog's words in every character set; return them with the set that each proves."""
    proved = {word.encode(charset): charset for charset in _CHARSETS for word in _words(site)}
    return re.compile(b"|".join(map(re.escape, proved))), proved


def joined_parts(content: bytes, site: SiteProfile) -> Sequence[bytes]:
    """Split a file at pages, feeds and texts in other character sets that were joined in it.

    Captures that are all text in one character set are split by their layouts (`text_pages.py`).
    """
    return [part for piece in _by_markup(content, site) for part in _by_charset(piece, site)]


def _by_markup(content: bytes, site: SiteProfile) -> Iterator[bytes]:
    proof, _ = _proofs(site)
    start = 0
    while True:
        if content[start : start + _HEAD].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
            behind = _NEXT_MARKUP.search(content, start)
            end = None if behind is None else behind.end()
        else:
            first = _FIRST_MARKUP.search(content, start)
            end = None
            if first is not None and (first["feed"] or proof.search(first["title"])):
                end = first.start() if proof.search(content, start, first.start()) else None
        if end is None or proof.search(content, end) is None:
            yield content[start:]
            return
        yield content[start:end]
        start = end


def _by_charset(content: bytes, site: SiteProfile) -> Sequence[bytes]:
    """Split a text where the words of the blog change their character set."""
    try:
        content.decode()
    except UnicodeDecodeError:
        pass
    else:
        return (content,)
    pattern, proved = _proofs(site)
    proofs = [(found.start(), found.end(), proved[found[0]]) for found in pattern.finditer(content)]
    runs = [(charset, list(run)) for charset, run in groupby(proofs, key=lambda proof: proof[2])]
    bounds = [
        _charset_bound(content, before[-1][1], behind[0][0], (charset, following), site)
        for (charset, before), (following, behind) in pairwise(runs)
    ]
    return [content[start:end] for start, end in pairwise((0, *bounds, len(content)))]


def _charset_bound(content: bytes, low: int, high: int, charsets: tuple[str, str], site: SiteProfile) -> int:
    """Return where the second character set begins between the offsets `low` and `high`."""
    before, behind = charsets
    mark = _BOMS.get(behind)
    if mark is not None and (found := content.find(mark, low, high)) >= 0:
        return found
    if behind == "utf-8":
        tail = _UTF8_TAIL.search(content, low, high)
        return high if tail is None else tail.start()
    if before != "utf-8":
        return max(content.rfind(b"\n", low, high) + 1, low)
    try:
        content[low:high].decode()
        odd = high
    except UnicodeDecodeError as error:
        odd = low + error.start
    line = max(content.rfind(b"\n", low, odd) + 1, low)
    if line > low and content.startswith(site.by.encode(), line):  # the title above is ASCII
        odd, line = line - 1, max(content.rfind(b"\n", low, line - 1) + 1, low)
    # Behind the last ideograph of the line: two bytes of GB18030 may be a letter in UTF-8.
    ideographs = _IDEOGRAPHS.match(content, line, odd)
    return line if ideographs is None else ideographs.end()


_INDENT = re.compile(r"\n[ \t\u3000]+")
_TRAIL = re.compile(r"[ \t]+(?=\n)")


def normalize(text: str) -> str:
    """Return a text capture with a leading line end, plain blanks and no blanks at line starts and ends."""
    text = "\n" + text.replace("\xa0", " ")
    if "\n " in text or "\n\t" in text or "\n\u3000" in text:
        text = _INDENT.sub("\n", text)
    if " \n" in text or "\t\n" in text:
        text = _TRAIL.sub("", text)
    return text

"""WARC parser: the pages of a web archive (WARC) and of its extracted text (WET), one at a time.

The declared length and checksum of every record are verified; libraries return cut and damaged records
without an error. Damage inside a record does not affect the ones behind it.
"""

import base64
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.intake.formats.stream import Stream

_MARK = b"WARC/1."
_PAGES = ("text/", "application/xhtml", "application/xml", "application/rss", "application/atom")
_HEADER_END = (b"\r\n\r\n", b"\n\n")
_LONGEST_HEADER = 64 * 1024
_DIGESTS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "md5": hashlib.md5}


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcPage:
    """A page in a web archive; `fault` is the reason if its record is cut or damaged."""

    address: str
    content: bytes
    captured_at: datetime | None
    fault: str | None = None


def is_warc(head: bytes) -> bool:
    """Return whether `head` is the beginning of an uncompressed web archive."""
    return head.lstrip().startswith(_MARK)


def warc_pages(archive: Stream, limit: int) -> Iterator[WarcPage]:
    """Yield the pages of an uncompressed archive; of one, at most `limit` bytes after its decoding."""
    found = archive.skip_to(_MARK)
    while found:
        archive.skip_to(_MARK)
        head = archive.peek(_LONGEST_HEADER)
        header_end, length = _header_end(head)
        headers = _headers(head[:header_end]) if header_end >= 0 else {}
        archive.read(len(_MARK) if header_end < 0 else header_end + length)
        declared = _number(headers.get("content-length"))
        if declared is not None and (page := _page_of(archive, headers, declared, limit)) is not None:
            yield page
        found = _is_at_record(archive)
        if not found and (found := archive.skip_to(b"\n" + _MARK)):
            archive.read(1)


def _is_at_record(archive: Stream) -> bool:
    return archive.peek(8 + len(_MARK)).lstrip(b"\r\n").startswith(_MARK)


def _page_of(archive: Stream, headers: Mapping[str, str], declared: int, limit: int) -> WarcPage | None:
    """Consume the block of one record and return its page."""
    block = archive.read(min(declared, limit))
    if len(block) < declared or (archive.peek(1) and not _is_at_record(archive)):
        inner = block.find(b"\n" + _MARK)
        if inner >= 0:  # the record was cut in the middle of the file
            archive.unread(block[inner:])
            block = block[:inner].rstrip(b"\r\n")
        elif declared > limit:
            archive.skip_to(b"\n" + _MARK, declared - limit)
    return _page(headers, block, _fault(block, declared, headers), limit)


def _header_end(head: bytes) -> tuple[int, int]:
    """Return the offset of the blank line behind the header, and its length; -1 without one."""
    found = [(at, len(blank)) for blank in _HEADER_END if (at := head.find(blank)) >= 0]
    return min(found, default=(-1, 0))


def _headers(block: bytes) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def _number(value: str | None) -> int | None:
    return (
        int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 12 else None
    )


def _fault(block: bytes, declared: int, headers: Mapping[str, str]) -> str | None:
    if len(block) < declared:
        return f"the record is cut: {len(block)} of {declared} bytes"
    name, _, expected = headers.get("warc-block-digest", "").partition(":")
    digest = _DIGESTS.get(name.lower())
    if digest is None or not expected:
        return None
    found = digest(block, usedforsecurity=False)
    if expected.upper() == base64.b32encode(found.digest()).decode().rstrip("="):
        return None
    return None if expected.lower() == found.hexdigest() else "the record's checksum is wrong"


def _page(headers: Mapping[str, str], block: bytes, fault: str | None, limit: int) -> WarcPage | None:
    """Return the page of a record, None for requests, redirects, pictures and the like."""
    address = headers.get("warc-target-uri", "").strip("<>")
    kind = headers.get("warc-type", "")
    if kind == "response" and headers.get("content-type", "").startswith("application/http"):
        end, length = _header_end(block)
        status = block[: block.find(b"\n")].split()
        if end < 0 or len(status) < 2 or status[1] != b"200":
            return None
        http = _headers(block[:end])
        content, decoded_fault = _decoded(block[end + length :], http, limit)
        fault = fault or decoded_fault
        content_type = http.get("content-type", "text/html")
    elif kind in ("conversion", "resource", "response"):
        content, content_type = block, headers.get("content-type", "text/plain")
    else:
        return None
    if not content_type.lower().startswith(_PAGES):
        return None
    return WarcPage(
        address=address, content=content, captured_at=parse_time(headers.get("warc-date")), fault=fault
    )


def _decoded(body: bytes, headers: Mapping[str, str], limit: int) -> tuple[bytes, str | None]:
    """Undo the transfer and content encoding of a HTTP body; return it with the fault found in it."""
    fault = None
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body, is_whole = _unchunked(body)
        fault = None if is_whole else "the page is cut inside a chunk"
    elif (declared := _number(headers.get("content-length"))) is not None and len(body) < declared:
        fault = f"the page is cut: {len(body)} of {declared} bytes"
    encoding = headers.get("content-encoding", "").lower()
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return body, fault
    decoder = zlib.decompressobj(wbits=47 if body[:2] != b"" and body[:1] in (b"\x1f", b"\x78") else -15)
    try:
        content = decoder.decompress(body, limit)
    except zlib.error:
        # Archives of some tools keep the header of a body that they have decoded already.
        return body, fault
    return content, fault if decoder.eof else "the compressed page is cut"


def _unchunked(body: bytes) -> tuple[bytes, bool]:
    """Join the chunks of a body; a body without chunks is returned as it is."""
    pieces: list[bytes] = []
    at = 0
    while True:
        line_end = body.find(b"\r\n", at)
        size = body[at:line_end].split(b";")[0].strip() if line_end >= 0 else b""
        try:
            length = int(size, 16)
        except ValueError:
            return (b"".join(pieces), False) if pieces else (body, True)
        if length == 0:
            return b"".join(pieces), True
        chunk = body[line_end + 2 : line_end + 2 + length]
        pieces.append(chunk)
        if len(chunk) < length:
            return b"".join(pieces), False
        at = line_end + 2 + length + 2


def parse_time(value: str | None) -> datetime | None:
    """Parse an ISO 8601 time; one without a zone is UTC. Return None for other text."""
    try:
        moment = datetime.fromisoformat((value or "").strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None

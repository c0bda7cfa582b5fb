"""Container formats: WARC, WET, JSON, JSON Lines, MHTML, gzip, zip and joined text captures.

Every capture becomes a dump with its own address and time. A container is read record by record: sizes,
compression ratio, nesting and the number of members are limited; nothing is written to disk.
"""

import codecs
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from bot.intake.formats import UnreadableDumpError
from bot.intake.formats.detect import HEAD, is_container, is_mhtml, joined_captures
from bot.intake.formats.stream import CHUNK, GzipReader, Stream
from bot.intake.formats.text import MAX_BYTES, decode
from bot.intake.formats.warc import is_warc, parse_time, warc_pages
from bot.site_profile import SiteProfile, split_address
from storage.model import Dump, Note, NoteKind

if TYPE_CHECKING:
    from email.message import EmailMessage

MAX_UNPACKED = 4 * 1024**3
"""Maximum size in bytes of everything in one container."""

MAX_MEMBERS = 100_000
MAX_RATIO = 200
"""Maximum ratio of unpacked to packed size; pages of the blog compress to a tenth."""

_FREE = 4 * 1024 * 1024
"""Unpacked bytes below which the ratio is not checked."""

_DEPTH = 3


@dataclass(slots=True)
class _Budget:
    """What may still be unpacked from one file; `faults` are those of its compressed parts."""

    packed: int
    unpacked: int = 0
    members: int = 0
    faults: list[str] = field(default_factory=list)

    def take(self, size: int) -> None:
        """Count one member of `size` bytes. Raises UnreadableDumpError beyond a limit."""
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise UnreadableDumpError(f"the container has more than {MAX_MEMBERS} members: split it")
        self.count(size)

    def count(self, size: int) -> None:
        """Count `size` unpacked bytes. Raises UnreadableDumpError beyond a limit."""
        self.unpacked += size
        if self.unpacked > min(MAX_UNPACKED, max(_FREE, MAX_RATIO * self.packed)):
            size_mb = self.unpacked / 1e6
            raise UnreadableDumpError(
                f"the container is too large (unpacked, over {size_mb:.0f} MB): split it"
            )


def unpack(file: BinaryIO, dump: Dump, size: int, site: SiteProfile) -> Iterator[Dump]:
    """Yield the captures in a seekable file of `size` bytes that `dump` names; its content is ignored.

    A file that is one capture itself is yielded unchanged. Records of other sites are left out and counted in
    a note of the last capture. Raises UnreadableDumpError at the place where a container is damaged or too
    large, and for one without a capture of the blog.
    """
    budget = _Budget(packed=size)
    members = _members(Stream(file.read), dump, budget, _DEPTH, file)
    if members is None:
        file.seek(0)
        yield from joined_captures(replace(dump, content=file.read(MAX_BYTES + 1)), site)
        return
    found = left_out = 0
    last: Dump | None = None
    for member in members:
        if not _is_of_blog(member, site):
            left_out += 1
            continue
        if last is not None:
            yield from joined_captures(last, site)
        last, found = member, found + 1
    if last is None:
        raise UnreadableDumpError(
            f"none of the {left_out} records in the container is of the blog: check the file"
        )
    notes = [Note(NoteKind.CUT, fault) for fault in budget.faults]
    if left_out:
        text = f"{left_out} of {found + left_out} records in the container are not of the blog, left out"
        notes.append(Note(NoteKind.SKIPPED, text))
    yield from joined_captures(replace(last, notes=(*last.notes, *notes)), site)


def _is_of_blog(dump: Dump, site: SiteProfile) -> bool:
    if dump.address is not None:
        return site.has_host(split_address(dump.address).netloc)
    try:
        text, _ = decode(dump.content, site)
    except UnreadableDumpError:
        return False
    return site.name in text or site.author in text or any(host in text for host in site.hosts)


def _members(
    stream: Stream, dump: Dump, budget: _Budget, depth: int, file: BinaryIO | None = None
) -> Iterator[Dump] | None:
    """Return the members of a container, None for a stream that is none; `file` is its seekable source."""
    head = stream.peek(HEAD)
    if depth > 0 and head.startswith(b"\x1f\x8b"):
        is_capture = not is_container(_beginning(stream.peek(CHUNK)))
        return None if is_capture else _gzip_members(GzipReader(stream), dump, budget, depth)
    if depth > 0 and head.startswith(b"PK\x03\x04"):
        return _zip_members(file or io.BytesIO(_whole(stream)), dump, budget, depth)
    if is_warc(head):
        return _warc_members(stream, dump, budget)
    if is_mhtml(head):
        return _mhtml_members(_whole(stream), dump, budget)
    if (
        head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"[")
        and (records := _json_records(stream)) is not None
    ):
        return _json_members(dump, records, budget)
    return None


def _whole(stream: Stream) -> bytes:
    """Return the rest of `stream`. Raises UnreadableDumpError for more than a capture may have."""
    content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UnreadableDumpError(
            f"a part of the container is too large (over {MAX_BYTES // 2**20} MiB): split it"
        )
    return content


def _counted(read: Callable[[int], bytes], budget: _Budget) -> Stream:
    def read_counted(size: int) -> bytes:
        content = read(size)
        budget.count(len(content))
        return content

    return Stream(read_counted)


def _gzip_members(packed: GzipReader, dump: Dump, budget: _Budget, depth: int) -> Iterator[Dump]:
    yield from _member(_counted(packed.read, budget), dump, budget, depth)
    if packed.fault is not None:
        budget.faults.append(packed.fault)


def _member(stream: Stream, dump: Dump, budget: _Budget, depth: int) -> Iterator[Dump]:
    """Yield a member of a container, or its own members if it is a container itself."""
    members = _members(stream, dump, budget, depth - 1)
    if members is not None:
        yield from members
    else:
        budget.take(0)
        yield replace(dump, content=stream.read(MAX_BYTES + 1))


def _beginning(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(content, HEAD)
    except zlib.error:
        return b""


def _zip_members(file: BinaryIO, dump: Dump, budget: _Budget, depth: int) -> Iterator[Dump]:
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                if info.is_dir() or info.filename.rpartition("/")[2].startswith("."):
                    continue
                if info.flag_bits & 1:
                    raise UnreadableDumpError("the zip file is encrypted: unpack it and save its files")
                found = replace(dump, name=f"{dump.name}/{info.filename}", captured_at=_zip_time(info, dump))
                with archive.open(info) as packed:
                    yield from _member(_counted(packed.read, budget), found, budget, depth)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError) as error:
        raise UnreadableDumpError(f"the zip file is damaged ({error}): pack it again") from None


def _zip_time(info: zipfile.ZipInfo, dump: Dump) -> datetime:
    """Return the time of a member; zip stores no zone, so it is taken for UTC and never after the file's."""
    try:
        moment = datetime(*info.date_time, tzinfo=UTC)
    except ValueError:
        return dump.captured_at
    return min(moment, dump.captured_at) if moment.year >= _FIRST_YEAR else dump.captured_at


_FIRST_YEAR = 2009
"""The year of the blog's first post; an earlier time of a capture is a default of its tool."""


def _captured(dump: Dump, moment: datetime | None) -> Dump:
    """Return `dump` captured at the stated `moment`, unless that is missing or before the blog began."""
    if moment is None or moment.year < _FIRST_YEAR:
        return dump
    return replace(dump, captured_at=min(moment, dump.captured_at), time_known=True)


def _warc_members(archive: Stream, dump: Dump, budget: _Budget) -> Iterator[Dump]:
    for number, page in enumerate(warc_pages(archive, MAX_BYTES), 1):
        budget.take(len(page.content))
        notes = () if page.fault is None else (Note(NoteKind.CUT, page.fault),)
        yield replace(
            _captured(dump, page.captured_at),
            name=f"{dump.name}#{number}",
            content=page.content,
            address=page.address or None,
            truncated=page.fault is not None,
            notes=notes,
        )


def _mhtml_members(content: bytes, dump: Dump, budget: _Budget) -> Iterator[Dump]:
    from email import message_from_bytes, policy

    message = message_from_bytes(content, policy=policy.default)
    address = message.get("Snapshot-Content-Location")
    try:
        moment = parsedate_to_datetime(str(message.get("Date")))
    except (ValueError, TypeError):
        moment = None
    for part in message.walk():
        if part.get_content_type() not in ("text/html", "application/xhtml+xml"):
            continue
        page = _payload(part)
        budget.take(len(page))
        place = str(part.get("Content-Location") or address or "").strip() or None
        stated = moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
        yield replace(_captured(dump, stated), content=page, address=place)
        return
    raise UnreadableDumpError("the MHTML file has no HTML part: save the page again")


def _payload(part: "EmailMessage") -> bytes:
    with suppress(ValueError, LookupError):
        if isinstance(payload := part.get_payload(decode=True), bytes):
            return payload
    return b""


_ADDRESS_KEYS = (
    "url", "address", "uri", "link", "source_url", "sourceurl", "target_uri", "warc-target-uri",
)  # fmt: skip
_HTML_KEYS = ("html", "raw_html", "page_html", "rawhtml")
_TEXT_KEYS = ("text", "content", "raw_content", "markdown", "body", "raw_text")
_TIME_KEYS = (
    "captured_at", "crawl_date", "fetched_at", "fetch_time", "crawled_at", "date_download", "warc-date",
    "filedate", "timestamp",
)  # fmt: skip
_UNSURE_TIME_KEYS = ("date", "time")  # of the capture, or of the article
_ARTICLE_KEYS = ("author", "authors", "byline", "title")


_Records = Iterator[Mapping[str, Any]]
_BETWEEN = re.compile(r"[\s,]*")
_ARRAY = re.compile(r'\s*(?:\{\s*"[^"\\]{1,100}"\s*:\s*)?\[')


def _json_records(stream: Stream) -> _Records | None:
    """Return the records of JSON or JSON Lines, None for other content.

    A cut or damaged record is an empty one. A document that is larger than a capture is read record by
    record; it has to be a list, alone or in an object.
    """
    head = stream.peek(MAX_BYTES + 1)
    if len(head) <= MAX_BYTES:
        try:
            document = json.loads(head.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            pass
        else:
            records = _records_in(document)
            if not any(_first(record, (*_HTML_KEYS, *_TEXT_KEYS)) for record in records):
                raise UnreadableDumpError(
                    "the JSON has no record with a page under html, text or content: save it with one"
                )
            return iter(records)
    lines = _line_records(stream.peek(MAX_BYTES).removeprefix(codecs.BOM_UTF8).split(b"\n", 50)[:50])
    if any(lines):
        return _line_records(stream.lines(MAX_BYTES))
    start = _ARRAY.match(head[:HEAD].decode("utf-8-sig", "replace"))
    if len(head) <= MAX_BYTES or start is None:
        return None
    stream.read(len(start[0].encode()))
    return _array_records(stream)


def _line_records(lines: Iterable[bytes]) -> _Records:
    for line in lines:
        try:
            yield from _records_in(json.loads(line.removeprefix(codecs.BOM_UTF8))) if line.strip() else ()
        except (ValueError, RecursionError):
            yield {}


def _array_records(stream: Stream) -> _Records:
    """Yield the objects of a list, up to the first damaged one."""
    decode_value = json.JSONDecoder().raw_decode
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text, at = "", 0
    while not text.startswith("]", at):
        try:
            value, at = decode_value(text, at)
        except (ValueError, RecursionError):
            block = stream.read(max(len(text) - at, CHUNK)) if len(text) - at <= MAX_BYTES else b""
            if not block:
                yield {}
                return
            text, at = text[at:] + decoder.decode(block), 0
        else:
            yield from _records_in(value)
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]


def _records_in(value: object) -> Sequence[Mapping[str, Any]]:
    if isinstance(value, list):
        return [record for record in value if isinstance(record, dict)]
    if not isinstance(value, dict):
        return ()
    if _first(value, (*_HTML_KEYS, *_TEXT_KEYS)) is not None:
        return [value]
    lists = [inner for inner in value.values() if isinstance(inner, list) and inner]
    return [record for inner in lists for record in inner if isinstance(record, dict)]


def _json_members(dump: Dump, records: _Records, budget: _Budget) -> Iterator[Dump]:
    for number, record in enumerate(records, 1):
        text = _first(record, _HTML_KEYS) or _first(record, _TEXT_KEYS) or ""
        content = text.encode("utf-8", "replace")
        budget.take(len(content))
        yield replace(
            _captured(dump, _json_time(record)),
            name=f"{dump.name}#{number}",
            content=content,
            address=_first(record, _ADDRESS_KEYS) or _source(record),
        )


def _levels(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the record and the ones inside (`metadata`), their keys in small letters."""
    for level in (record, *(value for value in record.values() if isinstance(value, dict))):
        yield {key.lower(): value for key, value in level.items() if isinstance(key, str)}


def _first(record: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """Return the first text under one of `keys`, also one level down."""
    values = (level.get(key) for level in _levels(record) for key in keys)
    return next((value for value in values if isinstance(value, str) and value.strip()), None)


def _source(record: Mapping[str, Any]) -> str | None:
    """Return the `source` of a record if it is an address, not the name of a tool or a data set."""
    source = _first(record, ("source",))
    return source if source is not None and "://" in source else None


def _json_time(record: Mapping[str, Any]) -> datetime | None:
    """Return the time of the capture; a `date` next to title or author is that of the article."""
    is_article = any(key in level for level in _levels(record) for key in _ARTICLE_KEYS)
    keys = _TIME_KEYS if is_article else (*_TIME_KEYS, *_UNSURE_TIME_KEYS)
    moments = (_moment(level.get(key)) for level in _levels(record) for key in keys)
    return next((moment for moment in moments if moment is not None), None)


def _moment(value: object) -> datetime | None:
    """Parse a time in ISO 8601, as digits (20250930123456) or in seconds since 1970."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = value / 1000 if value > 1e11 else value
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    if not isinstance(value, str):
        return None
    if len(value) == 14 and value.isdigit():
        value = f"{value[:8]}T{value[8:]}"
    return parse_time(value)

"""Container formats: WARC, WET, JSON, JSON Lines, MHTML, gzip, zip and joined text captures.

Every capture becomes a dump with its own address and time. Sizes, compression ratio, nesting and the number
of members are limited; nothing is written to disk.
"""

import email
import email.policy
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from bot.intake.formats import UnreadableDumpError
from bot.intake.formats.detect import text_captures
from bot.intake.formats.text import MAX_BYTES, decode, decompress
from bot.intake.formats.warc import is_warc, parse_time, warc_pages
from bot.site_profile import KEXUE, SiteProfile
from storage.model import Dump, Note, NoteKind

MAX_UNPACKED = 256 * 1024 * 1024
"""Maximum size in bytes of everything in one container."""

MAX_MEMBERS = 5000
MAX_RATIO = 200
"""Maximum ratio of unpacked to packed size; pages of the blog compress to a tenth."""

_FREE = 4 * 1024 * 1024
"""Unpacked bytes below which the ratio is not checked."""

_DEPTH = 3


@dataclass(slots=True)
class _Budget:
    """What may still be unpacked from one file."""

    packed: int
    unpacked: int = 0
    members: int = 0

    def take(self, size: int) -> None:
        """Count one member of `size` bytes. Raises UnreadableDumpError beyond a limit."""
        self.members += 1
        self.unpacked += size
        if self.members > MAX_MEMBERS:
            raise UnreadableDumpError(f"the container has more than {MAX_MEMBERS} members: split it")
        if self.unpacked > MAX_UNPACKED or (
            self.unpacked > _FREE and self.unpacked > MAX_RATIO * max(self.packed, 1)
        ):
            size_mb = self.unpacked / 1e6
            raise UnreadableDumpError(
                f"the container is too large (unpacked, over {size_mb:.0f} MB): split it"
            )

    @property
    def room(self) -> int:
        """Return how many bytes the next member may have."""
        most = min(MAX_UNPACKED, max(_FREE, MAX_RATIO * self.packed))
        return max(0, most - self.unpacked)


def unpack(dump: Dump, site: SiteProfile = KEXUE) -> Sequence[Dump]:
    """Return the captures in `dump`; a file that is one capture itself is returned unchanged.

    Records of other sites are left out and counted in a note of the first capture. Raises UnreadableDumpError
    for a damaged or too large container, and for one without a capture of the blog.
    """
    if len(dump.content) > MAX_BYTES:
        return (dump,)  # refused with its reason when it is parsed
    members = list(_members(dump, _Budget(packed=len(dump.content)), _DEPTH))
    if members == [dump]:
        return _split(dump, site)
    captures = [member for member in members if _is_of_blog(member, site)]
    if not captures:
        raise UnreadableDumpError(
            f"none of the {len(members)} records in the container is of the blog: check the file"
        )
    if left_out := len(members) - len(captures):
        text = f"{left_out} of {len(members)} records in the container are not of the blog, left out"
        captures[0] = replace(captures[0], notes=(*captures[0].notes, Note(NoteKind.SKIPPED, text)))
    return [part for capture in captures for part in _split(capture, site)]


def _split(dump: Dump, site: SiteProfile) -> Sequence[Dump]:
    """Return the text captures that were joined in one file."""
    parts = text_captures(dump, site)
    if len(parts) < 2:
        return (dump,)
    return [
        replace(dump, name=f"{dump.name} ({number} of {len(parts)})", content=part.encode())
        for number, part in enumerate(parts, 1)
    ]


def _is_of_blog(dump: Dump, site: SiteProfile) -> bool:
    if dump.address is not None:
        return site.has_host(urlsplit(dump.address).netloc)
    try:
        text, _ = decode(dump.content, site)
    except UnreadableDumpError:
        return False
    return site.name in text or site.author in text or any(host in text for host in site.hosts)


def _members(dump: Dump, budget: _Budget, depth: int) -> Iterator[Dump]:
    """Yield the members of a container, or `dump` itself if it is none."""
    content = dump.content
    if depth > 0 and content.startswith(b"\x1f\x8b"):
        yield from _gzip_members(dump, budget, depth)
    elif depth > 0 and content.startswith(b"PK\x03\x04"):
        yield from _zip_members(dump, budget, depth)
    elif is_warc(content):
        yield from _warc_members(dump, budget)
    elif _is_mhtml(content):
        yield from _mhtml_members(dump, budget)
    elif content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"[") and (records := _json_records(content)):
        yield from _json_members(dump, records, budget)
    else:
        yield dump


def _gzip_members(dump: Dump, budget: _Budget, depth: int) -> Iterator[Dump]:
    """Yield the members of a container compressed with gzip; a compressed capture stays compressed."""
    notes: list[Note] = []
    head = _beginning(dump.content)
    if not (
        head.startswith(b"PK\x03\x04")
        or is_warc(head)
        or _is_mhtml(head)
        or head.lstrip()[:1] in (b"{", b"[")
    ):
        yield dump
        return
    content = decompress(dump.content, notes, budget.room)
    budget.take(len(content))
    inner = replace(dump, content=content, notes=(*dump.notes, *notes))
    members = list(_members(inner, budget, depth - 1))
    yield from [dump] if members == [inner] else members


def _beginning(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(content, 4000)
    except zlib.error:
        return b""


def _zip_members(dump: Dump, budget: _Budget, depth: int) -> Iterator[Dump]:
    try:
        with zipfile.ZipFile(io.BytesIO(dump.content)) as archive:
            for info in archive.infolist():
                if info.is_dir() or info.filename.rpartition("/")[2].startswith("."):
                    continue
                if info.flag_bits & 1:
                    raise UnreadableDumpError("the zip file is encrypted: unpack it and save its files")
                with archive.open(info) as member:
                    content = member.read(budget.room + 1)
                budget.take(len(content))
                name = f"{dump.name}/{info.filename}"
                found = replace(dump, name=name, content=content, captured_at=_zip_time(info, dump))
                yield from _members(found, budget, depth - 1)
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


def _warc_members(dump: Dump, budget: _Budget) -> Iterator[Dump]:
    for number, page in enumerate(warc_pages(dump.content, MAX_BYTES), 1):
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


def _is_mhtml(content: bytes) -> bool:
    head = content[:4000].lower()
    return b"multipart/related" in head and b"mime-version:" in head and not head.lstrip().startswith(b"<")


def _mhtml_members(dump: Dump, budget: _Budget) -> Iterator[Dump]:
    message = email.message_from_bytes(dump.content, policy=email.policy.default)
    address = message.get("Snapshot-Content-Location")
    try:
        moment = parsedate_to_datetime(str(message.get("Date")))
    except (ValueError, TypeError):
        moment = None
    for part in message.walk():
        if part.get_content_type() not in ("text/html", "application/xhtml+xml"):
            continue
        content = _payload(part)
        budget.take(len(content))
        place = str(part.get("Content-Location") or address or "").strip() or None
        stated = moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
        yield replace(_captured(dump, stated), content=content, address=place)
        return
    raise UnreadableDumpError("the MHTML file has no HTML part: save the page again")


def _payload(part: EmailMessage) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError):
        payload = None
    return payload if isinstance(payload, bytes) else b""


_ADDRESS_KEYS = ("url", "address", "uri", "link", "source_url", "target_uri", "warc-target-uri")
_HTML_KEYS = ("html", "raw_html", "page_html", "rawhtml")
_TEXT_KEYS = ("text", "content", "raw_content", "markdown", "body", "raw_text")
_TIME_KEYS = (
    "date", "timestamp", "captured_at", "crawl_date", "fetched_at", "fetch_time", "crawled_at", "time",
    "date_download", "warc-date",
)  # fmt: skip


def _json_records(content: bytes) -> Sequence[Mapping[str, Any]]:
    """Return the records of JSON or JSON Lines; an empty sequence for other content."""
    text = content.decode("utf-8-sig", "replace").strip()
    try:
        return _records_in(json.loads(text))
    except (ValueError, RecursionError):
        pass
    records: list[Mapping[str, Any]] = []
    for line in text.split("\n"):
        try:
            records += _records_in(json.loads(line)) if line.strip() else ()
        except (ValueError, RecursionError):
            records.append({})  # a cut or damaged line is counted as a record that is left out
    return records if any(records) else ()


def _records_in(value: object) -> Sequence[Mapping[str, Any]]:
    if isinstance(value, list):
        return [record for record in value if isinstance(record, dict)]
    if not isinstance(value, dict):
        return ()
    if _first(value, (*_HTML_KEYS, *_TEXT_KEYS)) is not None:
        return [value]
    lists = [inner for inner in value.values() if isinstance(inner, list) and inner]
    return [record for inner in lists for record in inner if isinstance(record, dict)]


def _json_members(dump: Dump, records: Sequence[Mapping[str, Any]], budget: _Budget) -> Iterator[Dump]:
    for number, record in enumerate(records, 1):
        text = _first(record, _HTML_KEYS) or _first(record, _TEXT_KEYS) or ""
        content = text.encode("utf-8", "replace")
        budget.take(len(content))
        yield replace(
            _captured(dump, _json_time(record)),
            name=f"{dump.name}#{number}",
            content=content,
            address=_first(record, _ADDRESS_KEYS),
        )


def _first(record: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """Return the first text under one of `keys`, also one level down (`metadata`)."""
    for level in (record, *(value for value in record.values() if isinstance(value, dict))):
        folded = {key.lower(): value for key, value in level.items() if isinstance(key, str)}
        for key in keys:
            value = folded.get(key)
            if isinstance(value, str) and value.strip():
                return value
    return None


def _json_time(record: Mapping[str, Any]) -> datetime | None:
    for level in (record, *(value for value in record.values() if isinstance(value, dict))):
        folded = {key.lower(): value for key, value in level.items() if isinstance(key, str)}
        for key in _TIME_KEYS:
            if (moment := _moment(folded.get(key))) is not None:
                return moment
    return None


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

"""Containers: every capture in them with its own address and time, limits, and what is left out."""

import base64
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake.formats import UnreadableDumpError, containers
from bot.intake.formats.containers import unpack
from bot.intake.formats.detect import read_dump
from storage.model import Dump
from tests.intake.formats.samples import FOLDER, read

LISTING = (FOLDER / "listing.txt").read_bytes()
POST = (FOLDER / "post_page.html").read_bytes()
LIST = (FOLDER / "list_page.html").read_bytes()
FILED = datetime(2026, 9, 1, tzinfo=UTC)
SEEN = datetime(2025, 10, 9, 8, 7, 6, tzinfo=UTC)
PLACE = "https://kexue.fm/archives/7546"


def _unpacked(content: bytes, name: str = "file") -> Sequence[Dump]:
    return unpack(Dump(name=name, content=content, captured_at=FILED))


def _http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", "Content-Type: text/html; charset=UTF-8", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _record(
    block: bytes,
    *,
    address: str = PLACE,
    kind: str = "response",
    content_type: str = "application/http; msgtype=response",
    length: int | None = None,
    digest: str | None = None,
    moment: str = "2025-10-09T08:07:06Z",
) -> bytes:
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Target-URI: {address}",
        f"WARC-Date: {moment}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block) if length is None else length}",
    ]
    if digest is not None:
        lines.append(f"WARC-Block-Digest: {digest}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


INFO = _record(b"software: x\r\n", kind="warcinfo", content_type="application/warc-fields")
PAGE = _record(_http(POST))
OTHER = _record(_http(LIST), address="https://kexue.fm/category/Big-Data")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(INFO + PAGE + OTHER, id="plain"),
        pytest.param(b"".join(gzip.compress(record) for record in (INFO, PAGE, OTHER)), id="member a record"),
        pytest.param(gzip.compress(INFO + PAGE + OTHER), id="single member"),
    ],
)
def test_each_page_of_a_web_archive_is_a_dump_with_its_address_and_time(content: bytes) -> None:
    first, second = _unpacked(content)
    assert (first.address, first.captured_at, first.content) == (PLACE, SEEN, POST)
    assert second.content == LIST
    assert len({first.name, second.name}) == 2
    assert not first.truncated
    assert read_dump(first).sightings == read(POST).sightings


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(POST), ("Content-Encoding: gzip",)),
        (b"%x\r\n%s\r\n0\r\n\r\n" % (len(POST), POST), ("Transfer-Encoding: chunked",)),
        (POST, ("Content-Encoding: gzip", "Transfer-Encoding: chunked")),
    ],
    ids=["gzip", "chunked", "decoded already"],
)
def test_the_encodings_of_a_page_are_undone(body: bytes, headers: tuple[str, ...]) -> None:
    (page,) = _unpacked(_record(_http(body, *headers)))
    assert (page.content, page.truncated) == (POST, False)


def test_extracted_text_is_read() -> None:
    wet = _record(LISTING, kind="conversion", content_type="text/plain")
    (page,) = _unpacked(INFO + wet)
    assert read_dump(page).sightings == read(LISTING).sightings


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PAGE[:-2000], id="cut at the end"),
        pytest.param(_record(_http(POST), length=len(_http(POST)) + 300) + OTHER, id="shorter than declared"),
        pytest.param(_record(_http(POST), digest="sha1:" + "A" * 32), id="wrong checksum"),
        pytest.param(_record(_http(gzip.compress(POST)[:-900], "Content-Encoding: gzip")), id="compressed"),
        pytest.param(_record(_http(POST, f"Content-Length: {len(POST) + 1}")), id="HTTP length"),
    ],
)
def test_a_damaged_record_is_marked_and_the_next_one_is_read(content: bytes) -> None:
    pages = _unpacked(content)
    assert pages[0].truncated
    assert pages[0].notes
    if content.count(b"WARC-Target-URI") > 1:
        assert pages[1].content == LIST
        assert not pages[1].truncated


def test_a_right_checksum_is_accepted() -> None:
    block = _http(POST)
    digest = base64.b32encode(hashlib.sha1(block).digest()).decode()
    (page,) = _unpacked(_record(block, digest=f"sha1:{digest}"))
    assert not page.truncated


def test_records_of_other_sites_are_counted_and_left_out() -> None:
    foreign = _record(_http(b"<html>x</html>"), address="https://example.org/archives/7546")
    (page,) = _unpacked(foreign + PAGE + foreign)
    assert [note.text for note in page.notes] == [
        "2 of 3 records in the container are not of the blog, left out"
    ]
    with pytest.raises(UnreadableDumpError, match="none of the 2 records"):
        _unpacked(foreign * 2)


@pytest.mark.parametrize("status", ["301 Moved", "403 Forbidden", "404 Not Found"])
def test_answers_without_a_page_are_no_captures(status: str) -> None:
    (page,) = _unpacked(_record(_http(POST, status=status)) + OTHER)
    assert page.content == LIST


RECORDS = [
    {"url": PLACE, "text": LISTING.decode(), "date": "2025-10-09T08:07:06Z"},
    {"url": PLACE, "html": POST.decode(), "text": "x", "timestamp": "20251009080706"},
    {"metadata": {"url": PLACE, "date": "2025-10-09T16:07:06+08:00"}, "text": LISTING.decode()},
    {"url": PLACE, "raw_content": LISTING.decode(), "crawled_at": SEEN.timestamp()},
]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\n".join(json.dumps(record) for record in RECORDS).encode(), id="lines"),
        pytest.param(json.dumps(RECORDS, ensure_ascii=False, indent=1).encode(), id="list"),
        pytest.param(json.dumps({"pages": RECORDS}).encode(), id="wrapped list"),
        pytest.param(gzip.compress("\n".join(json.dumps(r) for r in RECORDS).encode()), id="compressed"),
    ],
)
def test_each_record_of_json_is_a_dump(content: bytes) -> None:
    dumps = _unpacked(content)
    assert [(dump.address, dump.captured_at) for dump in dumps] == [(PLACE, SEEN)] * 4
    assert dumps[1].content == POST
    assert read_dump(dumps[0]).sightings == read(LISTING).sightings


def test_a_cut_line_of_json_loses_only_itself() -> None:
    lines = "\n".join(json.dumps(record) for record in RECORDS).encode()
    dumps = _unpacked(lines[:-40])
    assert len(dumps) == 3
    assert "1 of 4 records" in dumps[0].notes[0].text


MHTML = (
    b"From: <Saved by Blink>\r\nSnapshot-Content-Location: " + PLACE.encode() + b"\r\n"
    b"Subject: x\r\nDate: Thu, 9 Oct 2025 08:07:06 -0000\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/related; type="text/html"; boundary="--b"\r\n\r\n'
    b"----b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\nContent-Location: "
    + PLACE.encode()
    + b"\r\n\r\n"
    + base64.encodebytes(POST)
    + b"\r\n----b\r\nContent-Type: text/css\r\n\r\np{}\r\n----b--\r\n"
)


def test_a_page_saved_as_mhtml_is_read() -> None:
    (page,) = _unpacked(MHTML)
    assert (page.address, page.captured_at) == (PLACE, SEEN)
    assert read_dump(page).sightings == read(POST).sightings


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 10, 9, 8, 7, 6)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def test_a_zip_file_gives_its_members_and_those_of_containers_in_it() -> None:
    dumps = _unpacked(_zip({"a/1.txt": LISTING, "b.warc.gz": gzip.compress(PAGE), "../../etc/x.html": LIST}))
    assert [dump.content for dump in dumps] == [LISTING, POST, LIST]
    assert [dump.captured_at for dump in dumps] == [SEEN] * 3


def test_limits_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = _zip({"a": LISTING, "b": bytes(60_000_000)})
    with pytest.raises(UnreadableDumpError, match="too large"):
        _unpacked(bomb)
    with pytest.raises(UnreadableDumpError, match="too large"):
        _unpacked(gzip.compress(b"WARC/1.0\r\n" + bytes(60_000_000)))
    monkeypatch.setattr(containers, "MAX_MEMBERS", 5)
    with pytest.raises(UnreadableDumpError, match="members"):
        _unpacked(_zip({f"{number}.txt": LISTING for number in range(6)}))


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04" + bytes(50), _zip({"a": LISTING})[:-30], _zip({"a": LISTING})[:90]]
)
def test_a_damaged_zip_file_has_its_reason(content: bytes) -> None:
    with pytest.raises(UnreadableDumpError, match="zip file is damaged"):
        _unpacked(content)


def test_joined_captures_are_dumps_of_their_own() -> None:
    home = (FOLDER / "home.txt").read_bytes()
    first, second, third = _unpacked(
        home + b"\n" + LISTING + "另一题\n".encode() + LISTING.split(b"\n", 2)[2]
    )
    assert read_dump(first).sightings == read(home).sightings
    assert read_dump(second).sightings == read(LISTING).sightings
    assert len(read_dump(third).sightings) == 4


@pytest.mark.parametrize("sample", sorted(FOLDER.glob("*.*ml")) + sorted(FOLDER.glob("*.txt")))
def test_a_capture_that_is_no_container_is_returned_unchanged(sample: object) -> None:
    content = FOLDER.joinpath(str(sample)).read_bytes()
    for stored in (content, gzip.compress(content)):
        (dump,) = _unpacked(stored)
        assert dump.content == stored


WHOLE = [PAGE + OTHER, gzip.compress(PAGE) + gzip.compress(OTHER), MHTML, _zip({"a": LISTING, "b": POST})]


def _outcome(content: bytes) -> Sequence[Dump] | str:
    try:
        return _unpacked(content)
    except UnreadableDumpError as reason:
        return str(reason) if "\n" not in str(reason) else ""


@given(st.sampled_from(WHOLE), st.integers(0, 20_000), st.binary(max_size=40))
def test_any_damage_gives_dumps_or_a_reason(content: bytes, at: int, damage: bytes) -> None:
    at %= len(content)
    for damaged in (content[:at], content[:at] + damage + content[at + len(damage) :]):
        assert _outcome(damaged)

"""Containers: every capture in them with its own address and time, limits, and what is left out."""

import base64
import gzip
import hashlib
import io
import json
import random
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake.dump_folder import captures
from bot.intake.formats import UnreadableDumpError, containers
from bot.intake.formats.detect import read_dump
from bot.site_profile import KEXUE
from storage.model import Dump
from tests.intake.formats.samples import FOLDER, read, unpacked

LISTING = (FOLDER / "listing.txt").read_bytes()
POST = (FOLDER / "post_page.html").read_bytes()
LIST = (FOLDER / "list_page.html").read_bytes()
FILED = datetime(2026, 9, 1, tzinfo=UTC)
SEEN = datetime(2025, 10, 9, 8, 7, 6, tzinfo=UTC)
PLACE = "https://kexue.fm/archives/7546"


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
    first, second = unpacked(content)
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
    (page,) = unpacked(_record(_http(body, *headers)))
    assert (page.content, page.truncated) == (POST, False)


def test_extracted_text_is_read() -> None:
    wet = _record(LISTING, kind="conversion", content_type="text/plain")
    (page,) = unpacked(INFO + wet)
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
    pages = unpacked(content)
    assert pages[0].truncated
    assert pages[0].notes
    if content.count(b"WARC-Target-URI") > 1:
        assert pages[1].content == LIST
        assert not pages[1].truncated


def test_a_right_checksum_is_accepted() -> None:
    block = _http(POST)
    digest = base64.b32encode(hashlib.sha1(block).digest()).decode()
    (page,) = unpacked(_record(block, digest=f"sha1:{digest}"))
    assert not page.truncated


def test_records_of_other_sites_are_counted_and_left_out() -> None:
    foreign = _record(_http(b"<html>x</html>"), address="https://example.org/archives/7546")
    (page,) = unpacked(foreign + PAGE + foreign)
    assert [note.text for note in page.notes] == [
        "2 of 3 records in the container are not of the blog, left out"
    ]
    with pytest.raises(UnreadableDumpError, match="none of the 2 records"):
        unpacked(foreign * 2)


@pytest.mark.parametrize("status", ["301 Moved", "403 Forbidden", "404 Not Found"])
def test_answers_without_a_page_are_no_captures(status: str) -> None:
    (page,) = unpacked(_record(_http(POST, status=status)) + OTHER)
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
    dumps = unpacked(content)
    assert [(dump.address, dump.captured_at) for dump in dumps] == [(PLACE, SEEN)] * 4
    assert dumps[1].content == POST
    assert read_dump(dumps[0]).sightings == read(LISTING).sightings


def test_the_date_of_an_article_is_no_time_of_its_capture() -> None:
    """As trafilatura writes it: an edited title would lose against those of older captures."""
    record = {"title": "甲", "date": "2020-07-04", "source": PLACE, "text": LISTING.decode()}
    (dump,) = unpacked(json.dumps(record).encode())
    assert (dump.address, dump.time_known) == (PLACE, False)
    (dump,) = unpacked(json.dumps(record | {"filedate": "2025-10-09T08:07:06Z"}).encode())
    assert (dump.captured_at, dump.time_known) == (SEEN, True)


@pytest.mark.parametrize(
    "document",
    [
        [{"title": "甲", "link": "https://kexue.fm/archives/1", "summary": "科学空间"}],
        {
            "version": "https://jsonfeed.org/version/1.1",
            "items": [{"url": PLACE, "content_html": "<p>科学空间</p>"}],
        },
        {"log": {"entries": [{"request": {"url": PLACE}, "response": {"content": {"text": "科学空间"}}}]}},
    ],
)
def test_json_without_pages_has_its_own_reason(document: object) -> None:
    with pytest.raises(UnreadableDumpError, match="JSON has no record"):
        unpacked(json.dumps(document).encode())


def test_a_cut_line_of_json_loses_only_itself() -> None:
    lines = "\n".join(json.dumps(record) for record in RECORDS).encode()
    dumps = unpacked(lines[:-40])
    assert len(dumps) == 3
    assert "1 of 4 records" in dumps[-1].notes[0].text


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


ONE_PART = MHTML[: MHTML.index(b"Content-Type")] + MHTML[MHTML.index(b"Content-Type: text/html") :]


@pytest.mark.parametrize(
    "content", [MHTML, ONE_PART[: ONE_PART.index(b"\r\n----b")]], ids=["with its files", "alone"]
)
def test_a_page_saved_as_mhtml_is_read(content: bytes) -> None:
    (page,) = unpacked(content)
    assert (page.address, page.captured_at) == (PLACE, SEEN)
    assert read_dump(page).sightings == read(POST).sightings


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 10, 9, 8, 7, 6)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def test_a_zip_file_gives_its_members_and_those_of_containers_in_it() -> None:
    dumps = unpacked(_zip({"a/1.txt": LISTING, "b.warc.gz": gzip.compress(PAGE), "../../etc/x.html": LIST}))
    assert [dump.content for dump in dumps] == [LISTING, POST, LIST]
    assert [dump.captured_at for dump in dumps] == [SEEN] * 3


def test_limits_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = _zip({"a": LISTING, "b": bytes(60_000_000)})
    with pytest.raises(UnreadableDumpError, match="too large"):
        unpacked(bomb)
    with pytest.raises(UnreadableDumpError, match="too large"):
        unpacked(gzip.compress(b"WARC/1.0\r\n" + bytes(60_000_000)))
    monkeypatch.setattr(containers, "MAX_MEMBERS", 5)
    with pytest.raises(UnreadableDumpError, match="members"):
        unpacked(_zip({f"{number}.txt": LISTING for number in range(6)}))


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04" + bytes(50), _zip({"a": LISTING})[:-30], _zip({"a": LISTING})[:90]]
)
def test_a_damaged_zip_file_has_its_reason(content: bytes) -> None:
    with pytest.raises(UnreadableDumpError, match="zip file is damaged"):
        unpacked(content)


def test_joined_captures_are_dumps_of_their_own() -> None:
    home = (FOLDER / "home.txt").read_bytes()
    first, second, third = unpacked(home + b"\n" + LISTING + "另一题\n".encode() + LISTING.split(b"\n", 2)[2])
    assert read_dump(first).sightings == read(home).sightings
    assert read_dump(second).sightings == read(LISTING).sightings
    assert len(read_dump(third).sightings) == 4


@pytest.mark.parametrize("sample", sorted(FOLDER.glob("*.*ml")) + sorted(FOLDER.glob("*.txt")))
def test_a_capture_that_is_no_container_is_returned_unchanged(sample: object) -> None:
    content = FOLDER.joinpath(str(sample)).read_bytes()
    for stored in (content, gzip.compress(content)):
        (dump,) = unpacked(stored)
        assert dump.content == stored


WHOLE = [PAGE + OTHER, gzip.compress(PAGE) + gzip.compress(OTHER), MHTML, _zip({"a": LISTING, "b": POST})]


def _outcome(content: bytes) -> Sequence[Dump] | str:
    try:
        return unpacked(content)
    except UnreadableDumpError as reason:
        return str(reason) if "\n" not in str(reason) else ""


@given(st.sampled_from(WHOLE), st.integers(0, 20_000), st.binary(max_size=40))
def test_any_damage_gives_dumps_or_a_reason(content: bytes, at: int, damage: bytes) -> None:
    at %= len(content)
    for damaged in (content[:at], content[:at] + damage + content[at + len(damage) :]):
        assert _outcome(damaged)


MEGABYTES = 250


def _large_warc(path: Path) -> None:
    foreign = _record(_http(b"x" * 1_000_000), address="https://example.org/")
    with path.open("wb") as file:
        file.write(PAGE)
        for _ in range(MEGABYTES):
            file.write(foreign)
        file.write(OTHER)


def _large_gzip(path: Path) -> None:
    foreign = gzip.compress(
        _record(_http(random.Random(7).randbytes(1_000_000)), address="https://example.org/")
    )
    with path.open("wb") as file:
        file.write(gzip.compress(PAGE))
        for _ in range(MEGABYTES):
            file.write(foreign)
        file.write(gzip.compress(OTHER))


def _large_lines(path: Path) -> None:
    foreign = json.dumps({"url": "https://example.org/", "text": "x" * 1_000_000}).encode() + b"\n"
    with path.open("wb") as file:
        file.write(json.dumps({"url": PLACE, "html": POST.decode()}).encode() + b"\n")
        for _ in range(MEGABYTES):
            file.write(foreign)
        file.write(json.dumps({"url": PLACE, "html": LIST.decode()}).encode())


def _large_list(path: Path) -> None:
    foreign = json.dumps({"url": "https://example.org/", "text": "x" * 1_000_000}).encode()
    with path.open("wb") as file:
        file.write(b'{"pages": [' + json.dumps({"url": PLACE, "html": POST.decode()}, indent=1).encode())
        for _ in range(MEGABYTES):
            file.write(b",\n" + foreign)
        file.write(b",\n" + json.dumps({"url": PLACE, "html": LIST.decode()}).encode() + b"]}")


def _large_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("first.html", POST)
        for number in range(MEGABYTES // 10):
            archive.writestr(f"{number}.bin", b"x" * 10_000_000)
        archive.writestr("last.html", LIST)


@pytest.mark.parametrize("large", [_large_warc, _large_gzip, _large_lines, _large_list, _large_zip])
def test_a_large_container_is_read_record_by_record(large: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "large"
    large(path)
    assert path.stat().st_size > MEGABYTES * 1_000_000 * 0.9
    tracemalloc.start()
    try:
        pages = [dump.content for dump in captures(path, path.name, FILED, KEXUE)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert pages == [POST, LIST]
    assert peak < 120_000_000


def test_a_text_that_is_too_large_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.write(LISTING)
        file.truncate(300_000_000)
    with pytest.raises(UnreadableDumpError, match="too large"):
        list(captures(path, path.name, FILED, KEXUE))


def test_a_damaged_member_of_a_compressed_archive_loses_only_itself() -> None:
    broken = bytearray(gzip.compress(PAGE))
    broken[len(broken) // 2] ^= 0xFF
    pages = unpacked(gzip.compress(PAGE) + bytes(broken) + gzip.compress(OTHER))
    assert pages[0].content == POST
    assert pages[-1].content == LIST
    assert "the compressed file is damaged" in [note.text for note in pages[-1].notes]


def test_headers_of_a_message_inside_a_text_are_text() -> None:
    content = LISTING.replace("引用".encode(), b"\nMIME-Version: 1.0\nContent-Type: text/html\n", 1)
    assert [dump.content for dump in unpacked(content)] == [content]


def test_the_mark_of_a_record_inside_a_page_is_text() -> None:
    page = _record(_http(POST + b"\nWARC/1.0 is a format"))
    assert [dump.truncated for dump in unpacked(page + OTHER)] == [False, False]

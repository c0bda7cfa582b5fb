"""Bytes that are no clean text: what is mended with a note, what is refused with its reason."""

import gzip
import random

import pytest

from bot.intake.formats import MAX_BYTES, UnreadableDumpError
from tests.intake.formats.samples import FOLDER, read, texts

LISTING = (FOLDER / "listing.txt").read_bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b"\xef\xbb\xbf", "blanks"),
        (random.Random(1).randbytes(5000), "binary"),
        (b"\x89PNG\r\n\x1a\n" + bytes(3000), "binary"),
        (bytes(5000), "binary"),
        (b"%PDF-1.7\n" + random.Random(2).randbytes(3000), "binary"),
        (b"a" * (MAX_BYTES + 1), "too large"),
        (gzip.compress(bytes(MAX_BYTES + 1)), "too large"),
        (gzip.compress(gzip.compress(LISTING)), "binary"),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 50, "damaged"),
        ("狐狸跳过了懒狗。\n".encode() * 20, "not a dump of the blog"),
        ("14 Aug\n\n日记\n\n今天\n".encode(), "not a dump of the blog"),
        (b"key = value\n[table]\n", "not a dump of the blog"),
        ("宇宙驿站感谢\n\n参与科学空间\n\n会员注册".encode(), "before its first post"),
        ("By 苏剑林 | 2022-03-09 | 5位读者 | 引用".encode(), "no complete post"),
        ("科学空间\n\n14 Aug\n\nTransformer升级".encode(), "no complete post"),
    ],
)
def test_what_cannot_be_read_has_its_reason_in_one_line(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDumpError, match=reason) as raised:
        read(content)
    assert "\n" not in str(raised.value)


def test_invalid_bytes_become_replacement_characters_with_a_note() -> None:
    reading = read(LISTING.replace("第二段".encode(), b"\xff\xfe\xe7"))
    assert "\ufffd谈更新量" in (reading.sightings[0].excerpt or "")
    assert texts(reading) == ["3 invalid bytes were replaced by U+FFFD"]


def test_an_encoded_surrogate_is_replaced() -> None:
    assert "\ufffd" in (read(LISTING.replace(b"1\xe3\x80\x81", b"\xed\xa0\x80")).sightings[3].excerpt or "")


def test_a_character_cut_in_the_middle_is_dropped_with_a_note() -> None:
    cut = LISTING[: LISTING.index("小节标题".encode()) + 4]
    reading = read(cut)
    assert (reading.sightings[0].excerpt or "").endswith("速度。\n增量爆炸")
    assert texts(reading)[0].startswith("the last character is cut")
    assert texts(reading)[1].startswith("no closing line 最近评论")


def test_a_dump_saved_as_gb18030_is_read() -> None:
    assert read(LISTING.decode().encode("gb18030")).sightings == read(LISTING).sightings


def test_a_compressed_dump_cut_short_gives_what_it_has() -> None:
    whole = gzip.compress(LISTING)
    reading = read(whole[:-200])
    assert reading.sightings[0] == read(LISTING).sightings[0]
    assert texts(reading)[0] == "the compressed file is cut short"


def test_joined_compressed_dumps_are_all_read() -> None:
    assert len(read(gzip.compress(LISTING) + gzip.compress(b"\n" + LISTING)).sightings) == 8

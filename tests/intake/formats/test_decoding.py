"""Bytes that are no clean text: what is mended with a note, what is refused with its reason."""

import gzip
import random

import pytest

from bot.intake.formats import UnreadableDumpError
from bot.intake.formats.text import MAX_BYTES
from storage.model import NoteKind
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


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "utf-32", "gbk", "gb18030"])
def test_a_character_set_is_recognized_by_the_words_of_the_blog(charset: str) -> None:
    parsed_dump = read(LISTING.decode().encode(charset))
    assert parsed_dump.sightings == read(LISTING).sightings
    is_guessed = charset != "utf-32"
    assert [note.kind for note in parsed_dump.notes] == [NoteKind.CHARSET] * is_guessed


def test_a_declared_character_set_is_used_without_a_note() -> None:
    page = (FOLDER / "post_page.html").read_text()
    declared = page.replace('charset="UTF-8"', 'charset="gb2312"').encode("gb18030")
    parsed_dump = read(declared)
    assert (parsed_dump.sightings, parsed_dump.notes) == (read(page).sightings, ())


def test_a_wrong_declaration_gives_way_to_the_words_of_the_blog() -> None:
    page = (FOLDER / "post_page.html").read_text().replace('charset="UTF-8"', 'charset="gb2312"')
    damaged = page.encode().replace("示例评论".encode(), b"\xe6\x40", 1)
    assert read(damaged).sightings == read(page).sightings


@pytest.mark.parametrize("sign", ["\u200b", "\ufeff", "\xad", "\u200e", "\u2060"])
def test_invisible_characters_are_dropped(sign: str) -> None:
    text = LISTING.decode()
    damaged = text.replace("题", f"{sign}题").replace("\nBy", f"\n{sign}By").replace("读者", f"读{sign}者")
    assert read(damaged).sightings == read(text).sightings


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\r", "\r\n"])
def test_every_line_end_is_one(sign: str) -> None:
    text = LISTING.decode()
    assert read(text.replace("\n", sign)).sightings == read(text).sightings
    assert read(text.replace("\n", sign, 3)).sightings == read(text).sightings


@pytest.mark.parametrize("blank", ["  ", "\t", "\u3000", "\xa0\xa0"])
def test_indented_lines_are_read(blank: str) -> None:
    text = LISTING.decode()
    assert read(text.replace("\n", f"\n{blank}")).sightings == read(text).sightings


def test_a_compressed_dump_cut_short_gives_what_it_has() -> None:
    whole = gzip.compress(LISTING)
    reading = read(whole[:-200])
    assert reading.sightings[0] == read(LISTING).sightings[0]
    assert texts(reading)[0] == "the compressed file is cut short"


def test_joined_compressed_dumps_are_all_read() -> None:
    assert len(read(gzip.compress(LISTING) + gzip.compress(b"\n" + LISTING)).sightings) == 8

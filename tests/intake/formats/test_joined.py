"""Several captures in one file: split by layout, kind and character set, each with its own posts."""

from itertools import cycle, permutations

import pytest

from bot.intake.formats.detect import read_dump
from tests.intake.formats.samples import read, unpacked
from tests.intake.formats.test_captures import CAPTURES, SECOND, A, B


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("joined/home-then-listing.txt", [["第三篇新文"], [A.title, B.title]]),
        ("joined/two-listings-no-newline.txt", [[A.title, B.title], ["第三篇新文"]]),
    ],
)
def test_joined_captures_are_split(name: str, titles: list[list[str]]) -> None:
    content = (CAPTURES / name).read_bytes()
    whole = read(content)
    parts = unpacked(content, name)
    assert [[post.title for post in read(part.content).sightings] for part in parts] == titles
    assert whole.sightings == tuple(post for part in parts for post in read(part.content).sightings)


PARTS = {
    "listing": "base/listing.txt",
    "home": "charset/home-text-gb18030.txt",
    "archive": "by-forms/content-html-as-text.txt",
    "post": "full-text/post-page.txt",
}


@pytest.mark.parametrize("glue", ["", "\n", "\n\n"])
@pytest.mark.parametrize("order", [*permutations(PARTS, 2), tuple(PARTS), ("post", "post", "listing")])
def test_captures_of_every_layout_are_split(order: tuple[str, ...], glue: str) -> None:
    texts = [(CAPTURES / PARTS[kind]).read_bytes() for kind in order]
    decoded = [
        text.decode("gb18030" if kind == "home" else "utf-8") for kind, text in zip(order, texts, strict=True)
    ]
    joined = (glue or "\n").join(text.rstrip("\n") for text in decoded)
    if not glue:
        joined = joined.replace("最近评论\n", "最近评论")
    alone = [read(text.encode()) for text in decoded]
    parts = [read_dump(part) for part in unpacked(joined.encode())]
    assert [part.format for part in parts] == [part.format for part in alone]
    assert [part.sightings for part in parts] == [part.sightings for part in alone]


WEB = (CAPTURES.parent / "dumps" / "list_page.html").read_bytes()
FEEDS = (CAPTURES.parent / "dumps" / "feed_rss2.xml").read_bytes()
LISTED = (CAPTURES / "base" / "listing.txt").read_text()
ASCII = LISTED.replace(A.title, "Muon")
HOME_TEXT = (CAPTURES / "charset" / "home-text-gb18030.txt").read_bytes().decode("gb18030")


@pytest.mark.parametrize("glue", ["", "\n", "\n\n"])
@pytest.mark.parametrize(
    "charsets",
    [
        ("utf-8", "gb18030"),
        ("gb18030", "utf-8"),
        ("utf-8", "utf-16"),
        ("utf-16", "utf-8"),
        ("gb18030", "utf-16"),
        ("utf-8-sig", "gb18030", "utf-8", "utf-16", "utf-8-sig"),
    ],
)
@pytest.mark.parametrize("texts", [(LISTED, HOME_TEXT), (HOME_TEXT, ASCII), (ASCII, LISTED)])
def test_joined_captures_have_character_sets_of_their_own(
    texts: tuple[str, str], charsets: tuple[str, ...], glue: str
) -> None:
    alone = [text.strip("\n") for text, _ in zip(cycle(texts), charsets, strict=False)]
    joined = b"".join((text + glue).encode(charset) for text, charset in zip(alone, charsets, strict=True))
    found = [read(part.content) for part in unpacked(joined)]
    assert [part.sightings for part in found] == [read(text).sightings for text in alone]
    assert not any("U+FFFD" in note.text for part in found for note in part.notes)


@pytest.mark.parametrize("glue", [b"", b"\n"])
@pytest.mark.parametrize("order", [*permutations((WEB, FEEDS, LISTED.encode()), 3), (WEB, WEB)])
def test_pages_feeds_and_texts_are_split(order: tuple[bytes, ...], glue: bytes) -> None:
    found = [read(part.content) for part in unpacked(glue.join(order))]
    assert [part.sightings for part in found] == [read(part).sightings for part in order]
    assert [part.format for part in found] == [read(part).format for part in order]


def test_markup_in_the_text_of_an_article_splits_nothing() -> None:
    text = LISTED.replace(SECOND, f"{SECOND}\n<!DOCTYPE html>\n<html><body>x</body></html>\n完。")
    (whole,) = unpacked(text.encode())
    assert [post.title for post in read(whole.content).sightings] == [A.title, B.title]

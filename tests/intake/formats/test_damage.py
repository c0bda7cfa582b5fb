"""Whatever happens to a dump: a reason or whole posts, never another exception, never part of a post."""

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake.formats import ParsedDump, UnreadableDumpError
from storage.model import Sighting
from tests.intake.formats.samples import EXPECTED, SAMPLES, as_json, read, read_or_reason, unpacked
from tests.tools.dumps import Shown, listing
from tests.tools.shared import SHARED

DUMPS = [
    *SAMPLES,
    *sorted(SHARED.glob("dumps/*.txt")),
    *sorted(SHARED.glob("data/feed_synthetic_*.xml")),
]
FRAGMENTS = [
    *(
        b"<",
        b">",
        b"&",
        b"]]>",
        b"<![CDATA[",
        b"\x00",
        b"\xff\xfe",
        b"\n",
        b"\r\n",
        b"$",
        b"-->",
        b'"',
        b"</html>",
    ),
    *("\nBy 苏剑林 | 2022-03-09 |".encode(), b"\n14 Aug\n", "最近评论".encode(), "\n分类:".encode()),
    *(
        b"<item>",
        b"</item>",
        b"<entry>",
        b"<!DOCTYPE x>",
        b"<h1>",
        b"</div>",
        b"<script>",
        b"\\begin{equation}",
    ),
]


def assert_sound(outcome: ParsedDump | str) -> None:
    if isinstance(outcome, str):
        assert outcome
        assert "\n" not in outcome
        return
    assert outcome.sightings or any("password" in note.text for note in outcome.notes)
    for sighting in outcome.sightings:
        assert sighting.title == sighting.title.strip()
        assert sighting.title or (sighting.untitled and sighting.archive_id)
        assert "\n" not in sighting.title
        assert sighting.date or sighting.month_day or sighting.archive_id
        assert sighting.month_day is None or re.fullmatch(r"[01][0-9]-[0-3][0-9]", sighting.month_day)
        assert (sighting.archive_id is None) == (sighting.url is None)
        assert sighting.excerpt is None or sighting.excerpt.strip()
        "".join((sighting.title, sighting.excerpt or "", *(sighting.tags or ()))).encode()


@pytest.mark.parametrize("address", ["http://[::1/archives/5", "http://[x]/archives/5", "//[/archives/5"])
def test_an_invalid_address_in_a_dump_is_no_error(address: str) -> None:
    link = f'<a href="{address}">x</a>'
    texts = [
        f"URL: {address}\nTitle: x\n\n题目\nBy 苏剑林 | 2022-03-09 | 7位读者 | 引用摘要",
        f'<html><div class="Post"><h2>{link}</h2></div>{link}</html>',
        f"<rss><channel><item><title>x</title><link>{address}</link></item></channel></rss>",
    ]
    for text in texts:
        assert_sound(read_or_reason(text.encode()))
        with pytest.raises(UnreadableDumpError, match="none of the 1 records"):
            unpacked(json.dumps([{"url": address, "text": text}]).encode())


@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.name)
def test_a_dump_cut_at_every_hundredth_byte(dump: Path) -> None:
    content = dump.read_bytes()
    for length in range(0, len(content), 100):
        assert_sound(read_or_reason(content[:length]))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_cut_anywhere_shows_only_what_the_whole_shows(sample: Path) -> None:
    content = sample.read_bytes()
    whole = {entry["title"]: entry for entry in EXPECTED[sample.name]["sightings"]}
    step = 31 if sample.suffix == ".xml" else 1  # feedparser needs milliseconds for each
    for length in range(0, len(content) - 1, step):
        outcome = read_or_reason(content[:length])
        assert_sound(outcome)
        sightings = outcome.sightings if isinstance(outcome, ParsedDump) else ()
        for number, shown in enumerate(sightings, 1):
            assert_part_of(shown, whole[shown.title], last=number == len(sightings))


def assert_part_of(shown: Sighting, expected: dict[str, object], *, last: bool) -> None:
    entry = as_json(shown)
    for key in ("date", "month_day", "archive_id", "url"):
        assert entry[key] == expected[key]
    for key in ("readers", "comments", "category", "tags"):
        assert entry[key] in (None, expected[key])
    if not last:
        assert entry["excerpt"] == expected["excerpt"]


@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.name)
def test_a_thousand_mutations(dump: Path) -> None:
    chance = random.Random(dump.name)
    content = dump.read_bytes()
    for _ in range(1000 // len(DUMPS) + 1):
        mutant = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            start = chance.randrange(len(mutant))
            match chance.randrange(4):
                case 0:
                    mutant[start] = chance.randrange(256)
                case 1:
                    del mutant[start : start + chance.randint(1, 60)]
                case 2:
                    mutant[start:start] = chance.choice(FRAGMENTS)
                case _:
                    mutant[start:start] = mutant[start : start + chance.randint(1, 400)]
        assert_sound(read_or_reason(bytes(mutant)))


CAPTURES = [
    path
    for folder in ("captures", "extracts", "blog")
    for path in sorted((Path(__file__).parents[2] / "data" / folder).rglob("*.*"))
    if path.suffix in {".txt", ".xml", ".html"} and "requirements" not in path.name
]


@pytest.mark.parametrize("folder", sorted({path.parent for path in CAPTURES}), ids=lambda path: path.name)
def test_captures_of_other_tools_with_damage(folder: Path) -> None:
    chance = random.Random(folder.name)
    for capture in CAPTURES:
        if capture.parent != folder:
            continue
        content = capture.read_bytes()
        for _ in range(6):
            start, length = chance.randrange(len(content)), chance.randint(0, 200)
            damaged = content[:start] + chance.choice(FRAGMENTS) + content[start + length :]
            assert_sound(read_or_reason(damaged))
            assert_sound(read_or_reason(content[:start]))


@given(st.binary(max_size=2000))
def test_any_bytes(content: bytes) -> None:
    assert_sound(read_or_reason(content))


@given(
    st.sampled_from(["", "<html>", "<rss><channel>", "\x1f\x8b", "宇宙驿站\n", '<?xml version="1.0"?>']),
    st.lists(
        st.sampled_from(FRAGMENTS) | st.text(max_size=20).map(lambda text: text.encode(errors="replace"))
    ),
)
def test_any_heap_of_fragments(start: str, fragments: list[bytes]) -> None:
    assert_sound(read_or_reason(start.encode("latin-1", "replace") + b"".join(fragments)))


@pytest.mark.parametrize("count", ["2147483648", "99,999,999,999", "999999999999999"])
def test_a_count_that_no_post_can_have_is_noted_and_left_out(count: str) -> None:
    """A column of PostgreSQL does not take it: one damaged count had the whole dump refused."""
    told = listing(Shown(title="数字太大的一篇"), Shown(title="另一篇"))
    parsed_dump = read(re.sub("[0-9]+位读者", f"{count}位读者", told, count=1))
    assert [sighting.readers is None for sighting in parsed_dump.sightings] == [True, False]
    assert "readers of ‹数字太大的一篇›, ignored" in "\n".join(map(str, parsed_dump.notes))


def test_titles_of_acronyms_are_not_taken_for_capital_letters() -> None:
    shown = [Shown(title=title) for title in ("漫谈(一):DDPM = 拆楼 + 建楼", "漫谈(二):DDPM = 自回归式VAE")]
    assert len(read(listing(*shown)).sightings) == 2

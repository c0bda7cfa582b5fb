"""The five real text dumps, where they are at hand: all 39 entries, and not a line lost."""

import json
from typing import Any

import pytest

from storage.model import Layout
from tests.intake.formats.samples import as_json, read
from tests.tools.shared import SHARED, needs_shared

NAMES = [
    "000_625ea0d6f15e8742.txt",
    "001_071606df010ddc4a.txt",
    "002_cf712e781de2ffae.txt",
    "003_2c449f956113b970.txt",
    "004_a659db3ddfce0f14.txt",
]
FEEDS = ["typecho-1.1", "typecho-1.3", "typecho-master-2026-07"]


def _dump(name: str) -> str:
    return (SHARED / "dumps" / name).read_bytes().decode()


@needs_shared
@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_as_expected(name: str) -> None:
    expected: list[dict[str, Any]] = json.loads((SHARED / "data" / "expected_seeds.json").read_text())[name]
    reading = read(_dump(name))
    assert not reading.notes
    assert not any(sighting.excerpt_partial for sighting in reading.sightings)
    shown = [as_json(sighting) for sighting in reading.sightings]
    for entry in shown:
        entry["excerpt_start"] = entry["excerpt"][:20]
    assert [{key: entry[key] for key in expected[0]} for entry in shown] == expected


@needs_shared
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("003")])
def test_a_listing_can_be_rebuilt_from_its_sightings(name: str) -> None:
    reading = read(_dump(name))
    assert reading.format is Layout.LISTING
    posts = [
        f"{s.title}\nBy 苏剑林 | {s.date} | {s.readers}位读者 | 引用{s.excerpt}\n" for s in reading.sightings
    ]
    assert "".join(posts) + "最近评论" == _dump(name)


@needs_shared
def test_a_home_page_can_be_rebuilt_from_its_sightings() -> None:
    dump = _dump(NAMES[3])
    reading = read(dump)
    assert reading.format is Layout.HOME
    names = {"06": "Jun", "07": "Jul", "08": "Aug"}
    posts = []
    for sighting in reading.sightings:
        month, _, day = (sighting.month_day or "").partition("-")
        posts.append(
            f"{int(day)} {names[month]}\n\n{sighting.title}\n\n{sighting.excerpt}\n\n点击阅读全文...\n\n"
        )
    assert dump[dump.index("14 Aug") :] == "".join(posts) + dump[dump.index("分类:") :]


@needs_shared
@pytest.mark.parametrize("name", FEEDS)
def test_a_synthetic_feed_gives_its_three_posts(name: str) -> None:
    reading = read((SHARED / "data" / f"feed_synthetic_{name}.xml").read_bytes())
    assert (reading.format, reading.notes) == (Layout.FEED, ())
    category = (None, None, None) if name == "typecho-1.1" else ("信息时代", "数学研究", "数学研究")
    assert [(s.archive_id, str(s.date), s.comments, s.category, s.tags) for s in reading.sightings] == [
        (11833, "2026-07-29", 7, category[0], None),
        (11777, "2026-06-08", 12, category[1], None),
        (11307, "2025-10-01", 31, category[2], None),
    ]
    assert [s.excerpt for s in reading.sightings] == [
        "解构Scaling Law的摘要示例文字。" * 12,
        "流形上的最速下降的摘要示例文字，含公式 $a<b$ 与 A&B。" * 8,
        "AdamW的摘要示例文字。" * 4,
    ]

"""Parsing, ingesting and exporting, as other programs call them: what is printed, where, and how it ends."""

import json
import os
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from bot.cli import main
from tests.cli.program import call, lines
from tests.fakes.blog import FEED
from tests.tools.dumps import ARCHIVE, land
from tests.tools.shared import SHARED, needs_shared

FIELDS = (
    "file", "layout", "title", "date", "month_day", "readers", "comments", "category", "tags", "excerpt",
    "series", "episode", "archive_id", "url",
)  # fmt: skip
COUNTS = ("dump", "layout", "sightings", "new", "edited", "unchanged", "skipped", "error", "notes")


def parse(*files: Path) -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(main, ["parse", *map(str, files)])
    return result.exit_code, lines(result.stdout), result.stderr


@needs_shared
def test_parse_gives_the_expected_values_of_every_entry() -> None:
    expected: dict[str, list[dict[str, Any]]] = json.loads(
        (SHARED / "data" / "expected_seeds.json").read_text(encoding="utf-8")
    )
    files = sorted((SHARED / "dumps").glob("*.txt"))
    code, shown, complaints = parse(*files)
    assert (code, complaints) == (0, "")
    wanted = [{"file": name, **entry} for name in sorted(expected) for entry in expected[name]]
    assert len(wanted) == len(shown) == 39
    for want, entry in zip(wanted, shown, strict=True):
        assert entry["excerpt"].startswith(want.pop("excerpt_start"))
        assert {name: entry[name] for name in want} == want


def test_parse_prints_the_fields_of_the_contract_first_and_in_order(here: Path) -> None:
    _, shown, _ = parse(here / "dumps" / "a.txt", here / "dumps" / "b.txt")
    assert {tuple(entry)[: len(FIELDS)] for entry in shown} == {FIELDS}
    assert {entry["layout"] for entry in shown} == {"home", "listing"}
    first, episode = shown[0], next(entry for entry in shown if "拆楼" in entry["title"])
    assert (first["month_day"], first["date"], first["tags"]) == ("08-14", None, ["attention", "位置编码"])
    assert (first["archive_id"], first["url"], first["readers"]) == (None, None, None)
    assert (episode["series"], episode["episode"], episode["date"]) == ("生成扩散模型漫谈", 1, "2022-06-13")


def test_parse_prints_the_readable_files_and_complains_of_the_others(here: Path) -> None:
    code, shown, complaints = parse(here / "none.txt", here, here / "dumps" / "a.txt")
    assert (code, len(shown)) == (1, 3)
    assert [line.split(": ")[0] for line in complaints.splitlines()] == [str(here / "none.txt"), str(here)]


def test_ingest_prints_a_line_for_each_dump_and_export_what_is_stored(here: Path) -> None:
    land(here / "dumps", "c.txt", b"nothing of the blog")
    taken = call(here, "ingest", "dumps", "--json")
    assert taken.exit_code == 1
    reports = sorted(lines(taken.stdout), key=lambda report: report["dump"])
    assert {tuple(report) for report in reports} == {COUNTS}
    assert [(r["dump"], r["layout"], r["sightings"], r["new"], r["unchanged"]) for r in reports] == [
        ("a.txt", "home", 3, 3, 0),
        ("b.txt", "listing", 22, 22, 0),
        ("c.txt", None, 0, 0, 0),
    ]
    assert reports[2]["error"]
    again = call(here, "ingest", "dumps/a.txt", "dumps/b.txt")
    assert again.exit_code == 0
    assert [line.partition(":")[0] for line in again.stdout.splitlines()] == ["a.txt", "b.txt"]
    assert all(" 0 new" in line for line in again.stdout.splitlines())
    exported = call(here, "export", "posts")
    posts = lines(exported.stdout)
    assert (exported.exit_code, len(posts)) == (0, 25)
    assert sum(post["readers"] or 0 for post in posts) == sum(shown.readers for shown in ARCHIVE)
    assert call(here, "export", "chats").stdout == ""


def test_the_same_bytes_again_are_unchanged_and_what_was_skipped_is_skipped_again(here: Path) -> None:
    """Each sighting is counted once: new, edited and unchanged together are all of them."""
    feed = FEED.replace(b"</title>", b"<b</title>", 3).replace(b"<b</title>", b"</title>", 2)
    land(here / "dumps", "feed.xml", feed)
    figures = []
    for _ in range(2):
        reports = lines(call(here, "ingest", "dumps", "--json").stdout)
        assert all(r["new"] + r["edited"] + r["unchanged"] == r["sightings"] for r in reports)
        figures.append([(r["dump"], r["sightings"], r["unchanged"], r["skipped"]) for r in reports])
    first, again = figures
    assert [(name, seen, skipped) for name, seen, _, skipped in again] == [
        (name, seen, skipped) for name, seen, _, skipped in first
    ]
    assert all(seen == unchanged for _, seen, unchanged, _ in again)
    assert sum(skipped for *_, skipped in again) == 1
    notes = [note for report in reports for note in report["notes"]]
    assert notes == [{"kind": "skipped", "text": "item 2: not well-formed, skipped"}]


@needs_shared
def test_ingesting_the_five_dumps_gives_thirty_five_posts_and_then_none(here: Path) -> None:
    counts = []
    for _ in range(2):
        taken = call(here, "ingest", str(SHARED / "dumps"), "--json")
        assert taken.exit_code == 0
        counts.append(sum(report["new"] for report in lines(taken.stdout)))
    assert counts == [35, 0]


def test_ingest_and_parse_take_every_capture_of_a_container(here: Path) -> None:
    captures = [(here / "dumps" / name).read_bytes() for name in ("a.txt", "b.txt")]
    records = [
        {"url": f"https://kexue.fm/page/{number}/", "text": text.decode(), "date": "2026-01-02T03:04:05Z"}
        for number, text in enumerate(captures, 1)
    ]
    records.append({"url": "https://example.org/", "text": "x"})
    kept = here / "kept"
    kept.mkdir()
    land(kept, "crawl.jsonl", "\n".join(map(json.dumps, records)))
    taken = call(here, "ingest", "kept", "--json")
    assert taken.exit_code == 0
    assert [(r["dump"], r["sightings"]) for r in lines(taken.stdout)] == [
        ("crawl.jsonl#1", 3),
        ("crawl.jsonl#2", 22),
    ]
    code, shown, complaints = parse(kept / "crawl.jsonl")
    assert (code, len(shown)) == (0, 25)
    assert "1 of 3 records in the container are not of the blog" in complaints


def test_names_of_any_bytes_are_printed_escaped(here: Path) -> None:
    content = (here / "dumps" / "a.txt").read_bytes()
    folder = here / "odd"
    folder.mkdir()
    for name in (b"\xff\xfe.txt", b"line\nbreak.txt", b"junk\x1b.txt"):
        file = folder / os.fsdecode(name)
        file.write_bytes(content if name.endswith(b".txt") and b"junk" not in name else b"\x00")
    ended = call(here, "ingest", "odd")
    assert ended.exit_code == 1
    said = ended.output.splitlines()
    assert [line.partition(":")[0] for line in said] == [r"junk\x1b.txt", r"line\nbreak.txt", r"\xff\xfe.txt"]
    code, shown, complaints = parse(*sorted(folder.iterdir()))
    assert code == 1
    assert {entry["file"] for entry in shown} == {r"line\nbreak.txt", r"\xff\xfe.txt"}
    assert r"junk\x1b.txt: " in complaints

"""What the command line shows of how posts are understood: series, episodes, dates, tags, mentions."""

import json
from pathlib import Path

import pytest

from bot.cli.archive import export_stored, list_series, parse_file
from bot.settings import read_settings
from tests.end_to_end.whole_bot import WholeBot
from tests.tools.dumps import Shown, listing

FIRST = Shown(title="两步走(一):Attention的开头", excerpt="开头,为测试而写。")
THIRD = Shown(title="两步走(三):结尾", excerpt="接着《两步走(二):中间》,为测试而写。")
UNDERSTOOD = {"series", "episode", "style", "date_certainty", "tags", "inferred_tags", "mentions"}


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_parse_shows_how_posts_are_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dump.txt"
    file.write_text(listing(FIRST, THIRD), encoding="utf-8")
    assert parse_file(file)
    first, third = _lines(capsys)
    assert set(first) >= UNDERSTOOD
    assert (first["series"], first["episode"], first["date_certainty"]) == ("两步走", 1, "given")
    assert (first["tags"], first["inferred_tags"]) == (None, ["attention"])
    assert third["mentions"] == ["两步走(二):中间"]


async def test_export_shows_the_same_of_what_is_stored(
    resting_bot: WholeBot, capsys: pytest.CaptureFixture[str]
) -> None:
    await resting_bot.knows(FIRST, THIRD)
    await export_stored(read_settings(_env_file=None, database_url=resting_bot.url), "posts")
    first, third = _lines(capsys)
    assert set(first) >= UNDERSTOOD
    assert (first["series"], first["episode"], first["inferred_tags"]) == ("两步走", 1, ["attention"])
    assert third["mentions"] == [{"title": "两步走(二):中间", "kind": "post", "post": None}]


async def test_series_are_listed_with_their_gaps(
    resting_bot: WholeBot, capsys: pytest.CaptureFixture[str]
) -> None:
    await resting_bot.knows(FIRST, THIRD)
    await list_series(read_settings(_env_file=None, database_url=resting_bot.url))
    assert capsys.readouterr().out == "两步走  2/3  (missing: 2)\n"

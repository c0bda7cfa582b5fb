"""SITE_FILE: another blog's dumps are parsed by its profile, wrong files end with one line."""

import json
from pathlib import Path

import pytest

from tests.cli.program import call

PROFILE = 'name = "示例博客"\nauthor = "某人"\nhome = "https://blog.example.org"\n'
LISTING = """示例博客的第一篇
By 某人 | 2026-03-04 | 12位读者 | 引用
这是第一篇的摘要。
点击阅读全文...
最近评论
"""


def test_the_author_of_the_profile_opens_the_by_line(here: Path) -> None:
    (here / "site.toml").write_text(PROFILE, encoding="utf-8")
    (here / "one.txt").write_text(LISTING, encoding="utf-8")
    parsed = call(here, "parse", "one.txt", SITE_FILE="site.toml")
    assert parsed.exit_code == 0
    (line,) = parsed.stdout.splitlines()
    shown = json.loads(line)
    assert (shown["title"], shown["date"], shown["readers"]) == ("示例博客的第一篇", "2026-03-04", 12)
    assert call(here, "parse", "one.txt").exit_code == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'name = "a"\nauthor = 3\nhome = "https://x.org"\n', "line 2: 'author' must be a text"),
        (b'name = "a"\nauthor = "b"\n', "'home' is missing"),
    ],
)
@pytest.mark.parametrize("command", [("run",), ("parse", "one.txt"), ("backfill",)])
def test_a_wrong_file_is_one_line(
    here: Path, content: bytes | None, words: str, command: tuple[str, ...]
) -> None:
    if content is not None:
        (here / "site.toml").write_bytes(content)
    ended = call(here, *command, SITE_FILE="site.toml", BOT_TOKEN="1:x", FEED_URL="https://x.org/feed")
    assert ended.exit_code == 2
    (line,) = ended.stderr.splitlines()
    assert "SITE_FILE" in line
    assert words in line

"""Damage of a long history, which is checked after the start: the service ends with the reason."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.ops.backup import HISTORY, QUICKLY_READ, damage
from storage.database import open_database
from tests.cli.program import PATIENCE, environment
from tests.fakes.people import FakeTelegram
from tests.tools.programs import started

FILLED = """
INSERT INTO destinations (id, chat_id, thread_id, title, standing, kind, language, format, "when", hour,
                          weekday, time_zone, silent, excerpt, pictures, created_at)
VALUES (1, 7, 0, 'a', 'active', 'private', 'zh', 'auto', 'instant', 20, 6, 'Asia/Shanghai', 0, 'full', 1, 0);
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000)
INSERT INTO deliveries (destination_id, duty, kind, state, priority, due_at, token, attempts, created_at,
                        updated_at)
SELECT 1, 'old:' || n, 'text', 'sent', 2, 0, 'ended', 1, 0, 0 FROM numbers;
CREATE TABLE much (bytes BLOB);
"""
INTERIOR_HEADER = 12  # bytes before the pointers: https://sqlite.org/fileformat.html#b_tree_pages


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A sound database whose whole check would hold up a start."""
    file = tmp_path / "kexue.db"
    await (await open_database(f"sqlite+aiosqlite:///{file}")).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(FILLED)
        connection.execute("INSERT INTO much VALUES (zeroblob(?))", (QUICKLY_READ,))
        connection.commit()
    assert damage(file) is None
    return file


def _page(file: Path, part: str) -> tuple[int, int]:
    """The offset and the size of the page that is to be damaged."""
    with closing(sqlite3.connect(file)) as connection:
        roots = dict(
            connection.execute("SELECT name, rootpage FROM sqlite_master WHERE tbl_name = ?", (HISTORY,))
        )
        size = int(connection.execute("PRAGMA page_size").fetchone()[0])
    root = size * (roots[HISTORY] - 1)
    content = file.read_bytes()
    match part:
        case "its root":
            return root, size
        case "an index":
            return size * (next(page for name, page in roots.items() if name != HISTORY) - 1), size
        case _:
            first = root + int.from_bytes(content[root + INTERIOR_HEADER :][:2])
            return size * (int.from_bytes(content[first : first + 4]) - 1), size


@pytest.mark.sqlite_only
@pytest.mark.parametrize("part", ["its root", "an index", "a page of old rows"])
async def test_the_service_ends_with_the_reason(file: Path, telegram: FakeTelegram, part: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # as in a restored copy
    at, size = _page(file, part)
    with file.open("r+b") as content:
        content.seek(at)
        content.write(b"\x00\xff" * (size // 2))
    settings = {
        "BOT_TOKEN": telegram.token, "BOT_API_URL": telegram.server,
        "DATABASE_URL": f"sqlite+aiosqlite:///{file}",
    }  # fmt: skip
    log = file.parent / "said"
    process = started("run", folder=file.parent, environment=environment(file.parent, **settings), log=log)
    code = await asyncio.to_thread(process.wait, PATIENCE)
    said = log.read_text(encoding="utf-8")
    assert code == 2, said
    last = said.splitlines()[-1]
    assert last.startswith(f"kexue-bot: DATABASE_URL: the database {file} is damaged (")
    assert "kexue-bot restore COPY" in last


@pytest.mark.sqlite_only
def test_a_schema_that_is_no_text_is_damage(file: Path) -> None:
    content = file.read_bytes()
    at = content.index(b"CREATE TABLE bookmarks") + 7
    with file.open("r+b") as damaged:
        damaged.seek(at)
        damaged.write(b"\xff\xfe\xfd")
    assert damage(file) == damage(file, lambda table: table != HISTORY) == "its schema is not readable"


@pytest.mark.sqlite_only
def test_other_damage_is_met_before_the_start(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'posts'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as content:
        content.seek((page - 1) * size)
        content.write(b"\xff" * size)
    found = damage(file, lambda table: table != HISTORY)
    assert found is not None
    assert damage(file, HISTORY.__eq__) is None

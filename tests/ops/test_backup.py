"""A copy made under use is whole, is found, is forgotten in its turn, and comes back."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.ops.backup import BackupError, back_up, copies, copy_database, damage, put_back, sqlite_file
from storage.database import open_database

NIGHT = datetime(2025, 3, 1, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite+aiosqlite:////data/kexue.db", "/data/kexue.db"),
        ("sqlite+aiosqlite:///data/kexue.db", "data/kexue.db"),
        ("sqlite+aiosqlite:///data/kexue.db?timeout=3", "data/kexue.db"),
        ("sqlite:///k.db", "k.db"),
        ("sqlite+aiosqlite://", None),
        ("sqlite+aiosqlite:///:memory:", None),
        ("postgresql+asyncpg://me:hush@host/kexue", None),
    ],
)
def test_the_file_of_an_address(url: str, file: str | None) -> None:
    assert sqlite_file(url) == (Path(file) if file else None)


@pytest.fixture
async def used(tmp_path: Path) -> Path:
    """A database of the bot with a write that is only in its write-ahead log."""
    file = tmp_path / "kexue.db"
    database = await open_database(f"sqlite+aiosqlite:///{file}")
    await database.close()
    return file


async def test_a_copy_holds_what_was_committed_and_nothing_else(used: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(used, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE probe (x)")
        writer.execute("INSERT INTO probe VALUES (1)")
        assert used.with_name("kexue.db-wal").stat().st_size
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO probe VALUES (2)")
        copy = await back_up(used, tmp_path / "backups", keep=3, now=NIGHT)
        writer.execute("COMMIT")
    assert copy.name == "kexue-20250301T033000Z.db"
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as reader:
        assert reader.execute("SELECT x FROM probe").fetchall() == [(1,)]
    assert [file.name for file in (tmp_path / "backups").iterdir()] == [copy.name]


async def test_the_newest_are_kept_and_foreign_files_too(used: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "kexue-before-the-move.db").write_bytes(b"mine")
    made = [await back_up(used, folder, keep=2, now=NIGHT + timedelta(days=day)) for day in range(4)]
    assert copies(used, folder) == made[2:]
    assert (folder / "kexue-before-the-move.db").exists()
    await back_up(used, folder, keep=0, now=NIGHT + timedelta(days=9))
    assert len(copies(used, folder)) == 1


async def test_a_copy_never_replaces_another(used: Path, tmp_path: Path) -> None:
    first = copy_database(used, tmp_path, NIGHT)
    content = first.read_bytes()
    with pytest.raises(BackupError, match="already"):
        copy_database(used, tmp_path, NIGHT)
    assert first.read_bytes() == content
    assert not list(tmp_path.glob("*.partial"))


def test_nothing_to_copy_and_nowhere_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="not there"):
        copy_database(tmp_path / "none.db", tmp_path, NIGHT)
    source, blocked = tmp_path / "a.db", tmp_path / "file"
    source.touch()
    blocked.touch()
    with pytest.raises(BackupError, match="cannot be written"):
        copy_database(source, blocked, NIGHT)


async def test_a_sound_database_has_no_damage(used: Path, tmp_path: Path) -> None:
    assert damage(used) is None
    assert damage(tmp_path / "none.db") is None
    assert not (tmp_path / "none.db").exists()


async def test_damage_is_found_and_not_copied(used: Path, tmp_path: Path) -> None:
    content = bytearray(used.read_bytes())
    content[4096 * 2 : 4096 * 6] = b"\xff" * 4096 * 4
    used.write_bytes(content)
    assert damage(used)
    with pytest.raises(BackupError):
        await back_up(used, tmp_path / "backups", keep=3, now=NIGHT)
    assert not list((tmp_path / "backups").iterdir())
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at" * 20)
    assert "not a database" in (damage(tmp_path / "text.db") or "")


async def test_a_copy_put_back_opens_again(used: Path, tmp_path: Path) -> None:
    copy = copy_database(used, tmp_path / "backups", NIGHT)
    restored = tmp_path / "new" / "kexue.db"
    put_back(copy, restored)
    database = await open_database(f"sqlite+aiosqlite:///{restored}")
    assert await database.read(lambda tx: tx.posts.count()) == 0
    await database.close()


@pytest.mark.parametrize("lying", ["kexue.db", "kexue.db-wal", "kexue.db-shm", "kexue.db-journal"])
async def test_what_is_in_the_way_stays(used: Path, tmp_path: Path, lying: str) -> None:
    copy = copy_database(used, tmp_path / "backups", NIGHT)
    there = tmp_path / "old" / lying
    there.parent.mkdir()
    there.write_bytes(b"precious")
    with pytest.raises(BackupError, match="in the way"):
        put_back(copy, tmp_path / "old" / "kexue.db")
    assert [(file.name, file.read_bytes()) for file in there.parent.iterdir()] == [(lying, b"precious")]


@pytest.mark.parametrize("content", [b"", b"no database" * 500], ids=["empty", "damaged"])
def test_a_bad_copy_is_not_put_back(tmp_path: Path, content: bytes) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(content)
    with pytest.raises(BackupError, match="another copy"):
        put_back(copy, tmp_path / "kexue.db")
    assert not (tmp_path / "kexue.db").exists()

"""A copy made under use is whole, is found, is forgotten in its turn, and comes back."""

import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.ops.backup import (
    BackupError,
    back_up,
    contents,
    copies,
    copy_database,
    damage,
    past_copies,
    put_back,
    refuse_gone,
    sqlite_file,
)
from storage.database import open_database
from storage.migrate import newest

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
    assert list(copies(used, folder)) == made[2:]
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


def rows(file: Path, table: str, count: int) -> None:
    """Fill a table of the file with so many rows."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        columns = [row for row in connection.execute(f"PRAGMA table_info({table})") if row[3] and not row[5]]
        names = ", ".join(f'"{row[1]}"' for row in columns)
        for number in range(count):
            given = [number + 1 if "INT" in row[2].upper() else f"{table}{number}" for row in columns]
            marks = ", ".join("?" * len(given))
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", given)


@pytest.mark.parametrize("table", ["posts", "destinations"])
async def test_the_last_copy_with_more_in_it_is_never_rotated_away(
    used: Path, tmp_path: Path, table: str
) -> None:
    folder = tmp_path / "backups"
    rows(used, table, 3)
    full = [await back_up(used, folder, keep=2, now=NIGHT + timedelta(days=day)) for day in range(2)]
    with closing(sqlite3.connect(used)) as connection, connection:
        connection.execute(f"DELETE FROM {table}")
    for day in range(2, 7):
        newest = await back_up(used, folder, keep=2, now=NIGHT + timedelta(days=day))
    kept = list(copies(used, folder))
    assert kept[0] == full[1]
    assert len(kept) == 3
    assert kept[-1] == newest
    rows(used, table, 3)
    for day in range(7, 9):
        await back_up(used, folder, keep=2, now=NIGHT + timedelta(days=day))
    assert len(copies(used, folder)) == 2


async def test_copies_dated_in_the_future_are_neither_counted_nor_deleted(used: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    ahead = copy_database(used, folder, NIGHT + timedelta(days=400))
    for day in range(3):
        await back_up(used, folder, keep=2, now=NIGHT + timedelta(days=day))
    assert [file == ahead for file in copies(used, folder)] == [False, False, True]
    assert ahead not in past_copies(used, folder, NIGHT)


async def test_a_database_that_is_gone_is_told_by_its_copies(used: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    refuse_gone(used, folder)
    copy = copy_database(used, folder, NIGHT)
    refuse_gone(used, folder)
    used.write_bytes(b"")
    with pytest.raises(BackupError, match=f"is gone, but .* has 1 copies .*restore {copy}`, or .*--new"):
        refuse_gone(used, folder)
    used.unlink()
    with pytest.raises(BackupError, match="is gone"):
        refuse_gone(used, folder)


@pytest.mark.parametrize("name", ["-kexue.db", "a[1].db", "...", "a b'c.db", "机器人.db", "k"])
async def test_a_database_of_any_name_is_copied_found_and_put_back(
    used: Path, tmp_path: Path, name: str
) -> None:
    file, folder = used.rename(tmp_path / name), tmp_path / "backups"
    made = [await back_up(file, folder, keep=2, now=NIGHT + timedelta(days=day)) for day in range(3)]
    assert list(copies(file, folder)) == made[1:]
    file.unlink()
    with pytest.raises(BackupError, match="is gone") as refused:
        refuse_gone(file, folder)
    assert shlex.split(str(refused.value).partition("`")[2].partition("`")[0])[2:] == [str(made[2])]
    put_back(made[2], file)
    assert damage(file) is None


async def test_a_database_behind_a_link_is_read_with_its_log(used: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(used)
    with closing(sqlite3.connect(used)) as writer, writer:
        writer.execute("PRAGMA wal_autocheckpoint=0")
        rows(used, "posts", 2)
        writer.execute("SELECT 1 FROM posts")
        assert contents(tmp_path / "link.db").posts == 2


async def test_what_a_file_holds_is_read_without_touching_it(used: Path, tmp_path: Path) -> None:
    rows(used, "posts", 2)
    copy = copy_database(used, tmp_path / "backups", NIGHT)
    before = sorted(path.name for path in copy.parent.iterdir())
    found = contents(copy)
    assert (found.schema, found.posts, found.chats) == (newest(), 2, 0)
    assert str(found) == f"schema {newest()}, 2 posts, 0 chats, 0 subscriptions"
    assert sorted(path.name for path in copy.parent.iterdir()) == before
    with closing(sqlite3.connect(tmp_path / "other.db")) as other, other:
        other.execute("CREATE TABLE posts (id)")
    with pytest.raises(BackupError, match="not a database of this program"):
        put_back(tmp_path / "other.db", tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


FULL_DISK = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.ops.backup import BackupError, copy_database, put_back
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
source, folder = Path(sys.argv[2]), Path(sys.argv[3])
try:
    if sys.argv[1] == "copy":
        copy_database(source, folder, datetime.now(UTC))
    else:
        put_back(source, folder / "kexue.db")
except BackupError as error:
    print(error)
"""


@pytest.mark.parametrize("act", ["copy", "restore"])
async def test_no_half_file_is_left_on_a_full_disk(used: Path, tmp_path: Path, act: str) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, act, used, folder], capture_output=True, text=True, check=True
    )
    assert "cannot be " in done.stdout
    assert list(folder.iterdir()) == []

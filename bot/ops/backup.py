"""Backups of the SQLite database: online copy, integrity check, rotation, restore.

VACUUM INTO makes the copy, since copying the file would miss the pages of the write-ahead log.
"""

import asyncio
import os
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from errno import EDQUOT, ENOSPC
from glob import escape
from pathlib import Path
from typing import Literal
from urllib.parse import quote

_STAMP = "%Y%m%dT%H%M%SZ"
_PARTIAL = ".partial"
FUTURE = timedelta(hours=1)  # tolerance for a clock that was ahead
_SHOWN = 3  # errors of a check
HISTORY = "deliveries"  # the table that grows with every message, up to KEEP_DAYS
QUICKLY_READ = 64 * 2**20  # bytes
_SIDE_FILES = ("-wal", "-shm", "-journal")


class BackupError(Exception):
    """A backup or a restore failed; the message is one line with the reason and the fix."""


class BlankDatabaseError(BackupError):
    """The file holds no table, as after a first start that was killed at once."""


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite DATABASE_URL; None for other databases and those in memory."""
    scheme, _, rest = url.partition("://")
    name = rest.partition("/")[2].partition("?")[0]
    if scheme.partition("+")[0] != "sqlite" or not name or name.startswith((":memory:", "file:")):
        return None
    return Path(name)


def has_long_history(file: Path) -> bool:
    """Return whether a check of the whole file would hold up a start by more than some 0.15 s."""
    try:
        return file.stat().st_size > QUICKLY_READ
    except OSError:
        return False


def damage(
    file: Path, is_checked: Callable[[str], bool] | None = None, *, in_use: bool = False
) -> str | None:
    """Return the first errors of SQLite's quick_check in one line, or None.

    Reads the whole file, or of the tables those whose names `is_checked` accepts, each with its indexes. One
    that this process writes meanwhile is `in_use`: without the locks of a reader its pages would not agree.
    A missing or empty file has no errors: a database will be created in its place. Neither has one that
    cannot be opened for lack of rights or space.
    """
    try:
        if not file.is_file() or not file.stat().st_size:
            return None
        mode: Literal["ro", "rw"] = "rw" if in_use or _is_logged(file) else "ro"
        with closing(sqlite3.connect(_address(file, mode), uri=True)) as connection:
            checks = [f"PRAGMA quick_check({_SHOWN})"]
            if is_checked is not None:
                checks = _of_tables(connection, is_checked)
            found = [str(row[0]) for check in checks for row in connection.execute(check)]
    except OSError:
        return None
    except sqlite3.DatabaseError as error:
        # The low byte is the kind of an extended code: https://sqlite.org/rescode.html
        kind = error.sqlite_errorcode & 0xFF if hasattr(error, "sqlite_errorcode") else sqlite3.SQLITE_CORRUPT
        return str(error) if kind in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} else None
    except UnicodeDecodeError:
        return "its schema is not readable"
    errors = [error for error in found if error != "ok"]
    return " ".join("; ".join(errors[:_SHOWN]).split()) or None


def _of_tables(connection: sqlite3.Connection, is_checked: Callable[[str], bool]) -> list[str]:
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [f'PRAGMA quick_check("{name}")' for name in names if is_checked(name)]


@dataclass(frozen=True, slots=True)
class Contents:
    """What an SQLite database of the bot holds: revision of its schema, rows of its main tables."""

    schema: str
    posts: int
    chats: int
    subscriptions: int

    def __str__(self) -> str:
        return (
            f"schema {self.schema}, {self.posts:,} posts, {self.chats:,} chats, "
            f"{self.subscriptions:,} subscriptions"
        )


def contents(file: Path) -> Contents:
    """Look into a database without creating or changing anything. Raises BackupError.

    A database that is open elsewhere has a write-ahead log; without one the file alone is read.
    """
    try:
        with closing(sqlite3.connect(_address(file, "ro"), uri=True, timeout=30)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
                raise BlankDatabaseError(f"{file} is empty: choose another")
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            posts, chats, subscriptions = (
                int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
                for table in ("posts", "destinations", "subscriptions")
            )
    except sqlite3.Error as error:
        raise BackupError(f"{file} is not a database of this program ({error}): choose another") from error
    if revision is None:
        raise BackupError(f"{file} has no schema: choose another")
    return Contents(str(revision[0]), posts, chats, subscriptions)


async def back_up(source: Path, folder: Path, *, keep: int, now: datetime) -> Path:
    """Copy `source` to `folder` with `now` in the name, then delete all but the `keep` newest copies.

    Safe while the bot runs. Raises BackupError before any copy is deleted.
    """
    copy = await asyncio.to_thread(copy_database, source, folder, now)
    await asyncio.to_thread(delete_old, source, folder, keep, now)
    return copy


def copy_database(source: Path, folder: Path, now: datetime) -> Path:
    """Make a consistent, checked copy of `source` in `folder`, named by `now`. Raises BackupError."""
    target = folder / f"{source.stem}-{now.astimezone(UTC).strftime(_STAMP)}{source.suffix}"
    partial = target.with_name(target.name + _PARTIAL)
    if not source.is_file():
        raise BackupError(f"{source} is not there: nothing to copy")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(f"{folder} cannot be written to ({error}): change its permissions") from error
    try:
        partial.touch(mode=0o600)
        with closing(sqlite3.connect(_address(source, "rw"), uri=True, timeout=30)) as connection:
            connection.execute("VACUUM INTO ?", (str(partial),))
        if fault := damage(partial):
            raise BackupError(f"the copy of {source} is damaged ({fault}): check the disk")
        _flush(partial)
        _name(partial, target)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{source} cannot be copied to {target} ({error}){_space(error)}") from error
    finally:
        for end in ("", *_SIDE_FILES):
            partial.with_name(partial.name + end).unlink(missing_ok=True)
    return target


def copies(source: Path, folder: Path) -> dict[Path, datetime]:
    """Return the copies of `source` in `folder` with their times, oldest first; other names are ignored."""
    found = {}
    for file in folder.glob(f"{escape(source.stem)}-*{escape(source.suffix)}"):
        stamp = file.name.removeprefix(f"{source.stem}-").removesuffix(source.suffix)
        try:
            found[file] = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
        except ValueError:
            continue
    return dict(sorted(found.items()))


def past_copies(source: Path, folder: Path, now: datetime) -> dict[Path, datetime]:
    """Return the copies that are not dated in the future, with `FUTURE` of tolerance."""
    return {file: at for file, at in copies(source, folder).items() if at <= now + FUTURE}


def delete_old(source: Path, folder: Path, keep: int, now: datetime) -> list[Path]:
    """Delete all copies but the `keep` newest, at least one; return the deleted ones.

    If the newest has lost posts or chats, the newest copy with more of them is kept as well. Copies dated in
    the future are neither counted nor deleted.
    """
    made = list(past_copies(source, folder, now))
    old, kept = made[: -max(1, keep)], made[-max(1, keep) :]
    if old:
        newest = contents(kept[-1])
        if not any(_holds_more(file, newest) for file in kept[:-1]):
            richest = next((file for file in reversed(old) if _holds_more(file, newest)), None)
            old = [file for file in old if file != richest]
    for file in old:
        file.unlink(missing_ok=True)
    return old


def _holds_more(file: Path, other: Contents) -> bool:
    try:
        found = contents(file)
    except BackupError:
        return False
    return found.posts > other.posts or found.chats > other.chats


def refuse_gone(source: Path, folder: Path) -> None:
    """Raise BackupError if there is no database at `source` but copies of it are in `folder`."""
    made = list(copies(source, folder))
    if made and not (source.exists() and source.stat().st_size):
        raise BackupError(
            f"the database {source} is gone, but {folder} has {len(made)} copies of it: put the newest back "
            f"with `kexue-bot restore {shlex.quote(str(made[-1]))}`, or begin a new one with --new"
        )


def _space(error: Exception) -> str:
    """Return the hint that the disk is full, if `error` comes from that."""
    full = isinstance(error, OSError) and error.errno in {ENOSPC, EDQUOT}
    return ": free space on its disk" if full or "full" in str(error) else ""


def put_back(copy: Path, target: Path) -> None:
    """Restore `copy` as the database at `target`, which must not exist. The bot must be stopped.

    A write-ahead log left next to `target` is refused too: SQLite would apply it to the copy.
    Raises BackupError.
    """
    if not copy.is_file() or not copy.stat().st_size:
        raise BackupError(f"{copy} is not there or empty: choose another copy")
    if fault := damage(copy):
        raise BackupError(f"{copy} is damaged ({fault}): choose another copy")
    contents(copy)
    for existing in (target, *(target.with_name(target.name + end) for end in _SIDE_FILES)):
        if existing.exists():
            raise BackupError(f"{existing} is in the way: stop the bot and move it away first")
    partial = target.with_name(target.name + _PARTIAL)
    try:
        # The send log belongs to the claims of the other file, not to those in the copy.
        target.with_name(f"{target.name}.begun").unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy, partial)
        partial.chmod(0o600)
        _flush(partial)
        _name(partial, target)
    except OSError as error:
        raise BackupError(f"{copy} cannot be put at {target} ({error}){_space(error)}") from error
    finally:
        partial.unlink(missing_ok=True)


def _address(file: Path, mode: Literal["ro", "rw"]) -> str:
    """Return the URI that opens an existing database without creating one.

    A file without a log next to it is read as it is, so that SQLite creates none.
    """
    logged = mode == "rw" or _is_logged(file)
    return f"file:{quote(str(file.absolute()))}?mode={mode}" + ("" if logged else "&immutable=1")


def _is_logged(file: Path) -> bool:
    """Return whether SQLite's log lies next to the file, or next to the one that a link leads to."""
    file = file.resolve()
    return any(file.with_name(file.name + end).exists() for end in _SIDE_FILES)


def _name(partial: Path, target: Path) -> None:
    if target.exists():
        raise FileExistsError("there is a file of that name already")
    partial.rename(target)
    _flush(target.parent)


def _flush(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

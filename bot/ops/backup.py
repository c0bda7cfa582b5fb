"""Copies of the SQLite database: made while it is in use, checked, kept for a while, put back.

Knows files and SQLite; nothing of what the database holds. A copy of the file alone would miss the
write-ahead log beside it, which is why SQLite itself makes the copy.
"""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

_STAMP = "%Y%m%dT%H%M%SZ"
_PARTIAL = ".partial"
_BESIDE = ("-wal", "-shm", "-journal")


class BackupError(Exception):
    """No copy was made or put back; the text is one line with the reason and the mend."""


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite DATABASE_URL; None for another database or one in memory."""
    scheme, _, rest = url.partition("://")
    name = rest.partition("/")[2].partition("?")[0]
    if scheme.partition("+")[0] != "sqlite" or not name or name.startswith((":memory:", "file:")):
        return None
    return Path(name)


def damage(file: Path) -> str | None:
    """What SQLite finds wrong with `file`, in one line; None for a sound one. Reads all of it.

    A file that is not there or empty is sound: a database will be made in its place.
    """
    if not file.exists() or not file.stat().st_size:
        return None
    try:
        with closing(sqlite3.connect(_address(file), uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == ["ok"] else " ".join("; ".join(found).split())


async def back_up(source: Path, folder: Path, *, keep: int, now: datetime) -> Path:
    """Copy `source` into `folder` under the time `now`, then remove all but the `keep` newest copies.

    Does not disturb the running bot. Raises BackupError; older copies are then all kept.
    """
    copy = await asyncio.to_thread(copy_database, source, folder, now)
    await asyncio.to_thread(forget_old, source, folder, keep)
    return copy


def copy_database(source: Path, folder: Path, now: datetime) -> Path:
    """A consistent, checked copy of `source` in `folder`, named after `now`. Raises BackupError."""
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
        with closing(sqlite3.connect(_address(source), uri=True, timeout=30)) as connection:
            connection.execute("VACUUM INTO ?", (str(partial),))
        if fault := damage(partial):
            raise BackupError(f"the copy of {source} is damaged ({fault}): check the disk")
        _flush(partial)
        _name(partial, target)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{source} cannot be copied to {target} ({error})") from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def copies(source: Path, folder: Path) -> list[Path]:
    """The copies of `source` in `folder`, oldest first; nothing but files named as we name them."""
    found = []
    for file in folder.glob(f"{source.stem}-*{source.suffix}"):
        stamp = file.name.removeprefix(f"{source.stem}-").removesuffix(source.suffix)
        try:
            datetime.strptime(stamp, _STAMP)  # noqa: DTZ007 (only its form is of interest)
        except ValueError:
            continue
        found.append(file)
    return sorted(found)


def forget_old(source: Path, folder: Path, keep: int) -> list[Path]:
    """Remove all copies but the `keep` newest, at least one; returns those removed."""
    old = copies(source, folder)[: -max(1, keep)]
    for file in old:
        file.unlink(missing_ok=True)
    return old


def put_back(copy: Path, target: Path) -> None:
    """Make `copy` the database at `target`, where nothing may lie yet. Raises BackupError.

    The bot must be stopped. A write-ahead log left beside `target` would be applied to the copy and
    destroy it, so its presence is refused as well.
    """
    if not copy.is_file() or not copy.stat().st_size:
        raise BackupError(f"{copy} is not there or empty: choose another copy")
    if fault := damage(copy):
        raise BackupError(f"{copy} is damaged ({fault}): choose another copy")
    for lying in (target, *(target.with_name(target.name + end) for end in _BESIDE)):
        if lying.exists():
            raise BackupError(f"{lying} is in the way: stop the bot and move it away first")
    partial = target.with_name(target.name + _PARTIAL)
    try:
        # It tells which requests the claims in the other file had begun, and nothing of those in the copy.
        target.with_name(f"{target.name}.begun").unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy, partial)
        partial.chmod(0o600)
        _flush(partial)
        _name(partial, target)
    except OSError as error:
        raise BackupError(f"{copy} cannot be put at {target} ({error})") from error
    finally:
        partial.unlink(missing_ok=True)


def _address(file: Path) -> str:
    """Opens a database only where one lies, without creating it."""
    return f"file:{quote(str(file.absolute()))}?mode=rw"


def _name(partial: Path, target: Path) -> None:
    if target.exists():
        raise FileExistsError("there is a file of that name already")
    partial.rename(target)
    _flush(target.parent)


def _flush(path: Path) -> None:
    """Wait until the disk has it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

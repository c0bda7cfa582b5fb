"""The dump folder: which files are there, which have come to rest, and their bytes as dumps.

Knows neither layouts nor storage. Names of files are shown, never used as paths for writing.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storage.model import Dump

MAX_BYTES = 20 * 1024 * 1024
UNFINISHED = (".part", ".tmp", ".partial", ".crdownload", "~")


class UnreadableFileError(Exception):
    """A file that cannot become a dump; the text is one line with the cause and the mend."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file in the folder, with what changes whenever its content does."""

    path: Path
    size: int
    modified: int  # nanoseconds since 1970
    inode: int


def scan(folder: Path) -> list[Found]:
    """Every regular file below `folder` that may be a dump, by name. Raises OSError if it is unusable.

    Symbolic links are not followed, hidden and unfinished files (.part, .tmp) are passed over.
    """
    return sorted(_walk(folder), key=lambda found: found.path)


def _walk(folder: Path) -> Iterator[Found]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.endswith(UNFINISHED) or entry.is_symlink():
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # it vanished between the listing and the look
                yield Found(Path(entry.path), status.st_size, status.st_mtime_ns, status.st_ino)


def read_file(path: Path, name: str, now: datetime, limit: int = MAX_BYTES) -> Dump:
    """The file as a dump, captured when it was last modified (but not after `now`).

    Raises UnreadableFileError: not a regular file, larger than `limit` bytes, gone, not allowed.
    """
    try:
        # O_NONBLOCK: opening a pipe would otherwise wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableFileError(_cause(error)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError("it is not a regular file: put the capture itself there")
        if status.st_size > limit:
            raise UnreadableFileError(
                f"it is too large ({status.st_size / 1e6:,.0f} MB, at most {limit / 1e6:,.0f}): "
                "a capture of the blog is far smaller, split it if it is one"
            )
        with os.fdopen(os.dup(descriptor), "rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise UnreadableFileError(_cause(error)) from error
    finally:
        os.close(descriptor)
    captured = datetime.fromtimestamp(status.st_mtime, UTC)
    return Dump(name=name, content=content, captured_at=min(captured, now))


def fingerprint(path: Path) -> str:
    """Stands for the bytes of a file that cannot be read: what changes whenever its content may have."""
    try:
        status = path.lstat()
        seen = f"{path.name}:{status.st_size}:{status.st_mtime_ns}"
    except OSError:
        seen = path.name
    return hashlib.sha256(seen.encode(errors="surrogateescape")).hexdigest()


def _cause(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return "there is no such file: see that the path is right"
        case errno.ELOOP:
            return "it is a symbolic link, and links are not followed: put the file itself there"
        case errno.EACCES | errno.EPERM:
            return "this user may not read it: change its permissions"
        case errno.EISDIR:
            return "it is a folder: name the files in it, or use ingest"
        case _:
            return f"it cannot be read ({os.strerror(error.errno or 0)}): see to the disk and try again"

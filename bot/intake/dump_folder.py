"""Watcher of the dump folder.

Each new or changed file is passed to a callback once its size and modification time have not changed for
`REST_SECONDS`; a file renamed from an unfinished name is passed at once.
"""

import asyncio
import errno
import hashlib
import logging
import os
import stat
import time
import unicodedata
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from watchfiles import Change, awatch

from bot.intake.formats import UnreadableDumpError
from bot.intake.formats.containers import unpack
from bot.intake.formats.detect import HEAD, is_container, joined_captures
from bot.intake.formats.text import MAX_BYTES
from bot.intake.year_inference import FIRST_YEAR
from bot.site_profile import SiteProfile
from storage.model import Dump

UNFINISHED = (".part", ".tmp", ".partial", ".filepart", ".crdownload", ".opdownload", ".download", "~")


class UnreadableFileError(Exception):
    """Raised for a file that cannot become a dump; the message is one line with the cause and the fix."""


@dataclass(frozen=True, slots=True)
class DumpFile:
    """A file in the folder, with the attributes that change whenever its content or permissions do."""

    path: Path
    size: int
    modified: int  # nanoseconds since 1970
    changed: int  # likewise; unlike an inode it is stable on every network file system


NAME_HEAD, NAME_TAIL = 200, 40  # characters of a longer name that are shown


def shown_name(path: Path) -> str:
    """Return the printable form of a file name: bytes that are not UTF-8 and control characters escaped."""
    return printable(os.fsencode(path).decode(errors="backslashreplace"))


def printable(name: str) -> str:
    """Return `name` with control characters escaped, and without the middle of a very long one."""
    name = "".join(
        sign if sign.isprintable() or unicodedata.category(sign) == "Zs" else _escaped(sign) for sign in name
    )
    return name if len(name) <= NAME_HEAD + NAME_TAIL else f"{name[:NAME_HEAD]}…{name[-NAME_TAIL:]}"


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


def scan(folder: Path) -> list[DumpFile]:
    """Return every regular file below `folder` that may be a dump, the newest first. Raises OSError.

    Symbolic links, hidden and unfinished files (.part, .tmp) are skipped, and hard links whose owner is not
    that of the folder: they lead out of it.
    """
    owner = folder.stat().st_uid
    found = (file for each in _folders(folder) for file in _files(each, owner))
    return sorted(found, key=lambda file: (-file.modified, file.path))


def _folders(folder: Path) -> Iterator[Path]:
    """Yield `folder` and every folder below it that can be read; symbolic links are not followed."""
    waiting = [folder]
    while waiting:
        yield (found := waiting.pop())
        try:
            with os.scandir(found) as entries:
                waiting += (
                    Path(entry.path)
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
                )
        except OSError:
            if found == folder:
                raise


def _files(folder: Path, owner: int) -> Iterator[DumpFile]:
    try:
        entries = os.scandir(folder)
    except OSError:  # deleted meanwhile, not readable, or too deep
        return
    with entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.endswith(UNFINISHED):
                continue
            try:
                if not entry.is_file(follow_symlinks=False):
                    continue
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # deleted between the listing and the stat
            if status.st_nlink > 1 and status.st_uid != owner:
                continue
            yield DumpFile(Path(entry.path), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def captures(path: Path, name: str, now: datetime, site: SiteProfile) -> Generator[Dump]:
    """Yield the captures in a file; their time is that of their container, or the file's, at most `now`.

    Raises UnreadableFileError for a file that is no regular one, deleted or not readable, and
    UnreadableDumpError for a damaged or too large one.
    """
    try:
        with _open(path) as file:
            status = os.fstat(file.fileno())
            dump = Dump(name=name, content=b"", captured_at=_capture_time(status.st_mtime, now))
            for capture in captures_in(file, dump, status.st_size, site):
                yield replace(capture, name=printable(capture.name))
    except OSError as error:
        raise UnreadableFileError(_cause(error)) from error


def _capture_time(modified: float, now: datetime) -> datetime:
    """Return a file's time, or `now` for one of the future or before the blog: a tool's default."""
    is_plausible = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp() <= modified < now.timestamp()
    return datetime.fromtimestamp(modified, UTC) if is_plausible else now


def _open(path: Path) -> BinaryIO:
    """Open a regular file. Raises OSError, also for a link, and UnreadableFileError."""
    # O_NONBLOCK: opening a pipe would otherwise wait for its writer.
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UnreadableFileError("it is not a regular file: put the capture into the folder")
    return file


def captures_in(file: BinaryIO, dump: Dump, size: int, site: SiteProfile) -> Iterator[Dump]:
    """Yield the captures in a seekable file of `size` bytes that `dump` names; its content is ignored."""
    head = file.read(HEAD)
    file.seek(0)
    if is_container(head):
        yield from unpack(file, dump, size, site)
    elif size > MAX_BYTES:
        raise UnreadableDumpError(
            f"it is too large ({size / 1e6:,.0f} MB, at most {MAX_BYTES / 1e6:,.0f}): "
            "a capture of the blog is far smaller, split it if it is one"
        )
    else:
        yield from joined_captures(replace(dump, content=file.read(MAX_BYTES + 1)), site)


def fingerprint(path: Path) -> str:
    """Return a SHA-256 that identifies a file without a readable capture.

    It is that of size and content, of a larger file of `MAX_BYTES` at both of its ends: a renamed copy is the
    same file. A file that cannot be read at all is identified by name, size and time.
    """
    try:
        status = path.lstat()
    except OSError:
        return hashlib.sha256(os.fsencode(path.name)).hexdigest()
    digest = hashlib.sha256(f"{status.st_size}:".encode())
    try:
        with _open(path) as file:
            digest.update(file.read(MAX_BYTES))
            file.seek(max(file.tell(), status.st_size - MAX_BYTES))
            digest.update(file.read(MAX_BYTES))
    except (OSError, UnreadableFileError):
        digest.update(os.fsencode(path.name) + f":{status.st_mtime_ns}".encode())
    return digest.hexdigest()


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


log = logging.getLogger(__name__)

REST_SECONDS = 0.3  # a file whose size and time did not change for this long is complete
SETTLING_SECONDS = 0.1  # debounce of file system events
TURN_SECONDS = 5.0  # of handling, after which newer files are looked for
MAX_WATCHED = 1000  # folders with file system events; deeper ones are found by scans


def moved_in(changes: Iterable[tuple[Change, str]]) -> set[Path]:
    """Return the files that were complete when they appeared: renamed from an unfinished or hidden name.

    `changes` are one batch of file system events; a rename shows as one deleted and one added path.
    """
    added, gone, written = (
        {Path(path) for change, path in changes if change is kind}
        for kind in (Change.added, Change.deleted, Change.modified)
    )
    unfinished = [path for path in gone if path.name.startswith(".") or path.name.endswith(UNFINISHED)]
    return {
        path
        for path in added - written
        if any(
            path.parent == other.parent and other.name.lstrip(".").startswith(path.stem)
            for other in unfinished
        )
    }


class DumpFolderWatcher:
    """Watches a folder and awaits `on_file` for each file; a file is handled once that call returns."""

    def __init__(
        self,
        folder: Path,
        on_file: Callable[[Path], Awaitable[None]],
        on_error: Callable[[str, Exception], None] = lambda _place, _error: None,
        on_idle: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Create a watcher.

        `on_error` is called with the error of a file that could not be handed on, `on_idle` awaited when none
        is left to hand on.
        """
        self._on_error = on_error
        self._on_idle = on_idle
        self._folder = folder
        self._on_file = on_file
        self._handled: dict[Path, DumpFile] = {}
        self._failed: dict[Path, DumpFile] = {}
        self._errors: Counter[type[Exception]] = Counter()  # of this scan
        self._whole: set[Path] = set()
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._unusable: str | None = None
        self._unwatched = ""  # why events failed last

    def wake(self) -> None:
        """Request a scan."""
        self._news.set()

    @property
    def awake(self) -> bool:
        """Return whether a scan is requested that has not begun."""
        return self._news.is_set()

    def stop(self) -> None:
        """Request `run` and `listen` to return."""
        self._stopping.set()
        self._news.set()

    async def run(self) -> None:
        """Scan now, and again after each file system event or call of `wake`, until `stop`."""
        while not self._stopping.is_set():
            self._news.clear()
            if await self.scan():
                continue
            if self._on_idle is not None:
                await self._on_idle()
            await self._news.wait()

    async def listen(self) -> None:
        """Call `wake` for file system events; while the folder is missing, check for it once a second."""
        while not self._stopping.is_set():
            if not self._folder.is_dir():
                await asyncio.sleep(1)
                continue
            folders = self._watched()
            notices = awatch(
                *folders,
                recursive=False,  # a recursive watch follows symbolic links
                stop_event=self._stopping,
                debounce=int(SETTLING_SECONDS * 1000),
                step=20,
                rust_timeout=1000,
                yield_on_timeout=True,
                watch_filter=None,
            )
            try:
                async for changes in notices:
                    if changes:
                        self._whole |= moved_in(changes)
                        self.wake()
                        if self._watched() != folders:
                            break
                    if not self._folder.is_dir():
                        break
            except (ExceptionGroup, RuntimeError, OSError, UnicodeError) as error:
                # A name that is not UTF-8, a folder deleted before it was watched, or no watches left.
                cause = str(error.exceptions[0] if isinstance(error, ExceptionGroup) else error)
                if cause != self._unwatched:
                    log.warning("file system events of DUMP_DIR fail (%s): it is scanned meanwhile", cause)
                self._unwatched = cause
                self.wake()
                await asyncio.sleep(1)

    def _watched(self) -> list[Path]:
        try:
            return list(islice(_folders(self._folder), MAX_WATCHED))
        except OSError:
            return [self._folder]

    async def unchanged_long_enough(self) -> None:
        """Return when every file now in the folder was handed on."""
        while self._changed() and not self._stopping.is_set():
            self.wake()
            await asyncio.sleep(0.02)

    async def scan(self) -> bool:
        """Hand on complete files, the newest first, for about `TURN_SECONDS`; return whether any remain."""
        self._errors.clear()
        try:
            return await self._scan()
        finally:
            if more := self._errors.total() - len(self._errors):
                log.error("%s further files could not be taken in and are tried again", more)

    async def _scan(self) -> bool:
        found = await self._looked()
        if not found:
            return False
        whole, self._whole = self._whole, set()
        if any(file.path not in whole for file in found):
            await asyncio.sleep(REST_SECONDS)
        rested = set(await self._looked())
        moving = False
        end = time.monotonic() + TURN_SECONDS
        for file in found:
            if time.monotonic() > end or self._stopping.is_set():
                return True
            if file not in rested:
                moving = True
                continue
            await self._handle(file)
        return moving

    async def _handle(self, file: DumpFile) -> None:
        """Hand one file on; a file that fails is retried by the next scan and does not delay the others."""
        try:
            await self._on_file(file.path)
        except Exception as error:
            again = self._failed.get(file.path) == file  # its traceback was logged before
            if not self._errors[type(error)]:  # a full disk fails for every file
                log.error(
                    "%s could not be taken in (%r) and is tried again",
                    shown_name(file.path.relative_to(self._folder)),
                    error,
                    exc_info=None if again else error,
                )
            self._errors[type(error)] += 1
            self._failed[file.path] = file
            self._on_error("intake", error)
        else:
            self._handled[file.path] = file
            self._failed.pop(file.path, None)

    async def _looked(self) -> list[DumpFile]:
        return await asyncio.to_thread(self._changed)

    def _changed(self) -> list[DumpFile]:
        try:
            found = scan(self._folder)
        except OSError as error:
            reason = f"{type(error).__name__}: {error.strerror}"
            if reason != self._unusable:
                log.error(
                    "DUMP_DIR %s cannot be read (%s): make the folder, or set DUMP_DIR to another",
                    self._folder,
                    reason,
                )
            self._unusable = reason
            return []
        self._unusable = None
        present = {file.path for file in found}
        self._handled = {path: file for path, file in self._handled.items() if path in present}
        self._failed = {path: file for path, file in self._failed.items() if path in present}
        return [file for file in found if self._handled.get(file.path) != file]

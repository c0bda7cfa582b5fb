"""Noticing what lands in the dump folder: each new or changed file that has come to rest is handed on.

Knows neither layouts nor storage.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from watchfiles import Change, awatch

from bot.intake.sources import UNFINISHED, Found, scan

log = logging.getLogger(__name__)

REST_SECONDS = 0.3  # a file whose size and time stay the same for this long is not being written any more
SETTLING_SECONDS = 0.1  # how long changes are gathered before they are looked at


def moved_in(changes: Iterable[tuple[Change, str]]) -> set[Path]:
    """The files that were whole when they appeared: each was renamed from its own unfinished or hidden name.

    `changes` are those of one moment; a rename shows as one path gone and another added.
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


class Watch:
    """Watches a folder and calls `hand_on` for each file; a file counts as handled when that returns."""

    def __init__(
        self,
        folder: Path,
        hand_on: Callable[[Path], Awaitable[None]],
        trouble: Callable[[str, Exception], None] = lambda _place, _error: None,
    ) -> None:
        """`trouble` hears of a file that could not be handed on."""
        self._trouble = trouble
        self._folder = folder
        self._hand_on = hand_on
        self._handled: dict[Path, Found] = {}
        self._failed: dict[Path, Found] = {}
        self._whole: set[Path] = set()
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._unusable: str | None = None

    def wake(self) -> None:
        """Scan now."""
        self._news.set()

    def stop(self) -> None:
        self._stopping.set()
        self._news.set()

    async def run(self) -> None:
        """Scan at once, and again whenever something changes or `wake` is called."""
        while not self._stopping.is_set():
            self._news.clear()
            if await self.scan():
                continue
            await self._news.wait()

    async def listen(self) -> None:
        """Turn the operating system's notices into wakes; where the folder is missing, wait for it."""
        while not self._stopping.is_set():
            if not self._folder.is_dir():
                await asyncio.sleep(1)
                continue
            notices = awatch(
                self._folder,
                stop_event=self._stopping,
                debounce=int(SETTLING_SECONDS * 1000),
                step=20,
                rust_timeout=1000,
                yield_on_timeout=True,
                watch_filter=None,
            )
            async for changes in notices:
                if changes:
                    self._whole |= moved_in(changes)
                    self.wake()
                if not self._folder.is_dir():
                    break

    async def settled(self) -> None:
        """Return when every file that is in the folder now was handed on."""
        while self._changed() and not self._stopping.is_set():
            self.wake()
            await asyncio.sleep(0.02)

    async def scan(self) -> bool:
        """Hand on what has come to rest; returns whether files are left that have not."""
        found = self._changed()
        if not found:
            return False
        whole, self._whole = self._whole, set()
        if any(file.path not in whole for file in found):
            await asyncio.sleep(REST_SECONDS)
        rested = set(self._changed())
        moving = False
        for file in found:
            if file not in rested:
                moving = True
                continue
            if self._stopping.is_set():
                return False
            await self._handle(file)
        return moving

    async def _handle(self, file: Found) -> None:
        """Hand one file on; what fails is left for the next scan and holds up no other."""
        try:
            await self._hand_on(file.path)
        except Exception as error:
            again = self._failed.get(file.path) == file  # its traceback is in the log already
            name = file.path.relative_to(self._folder)
            log.error(
                "%s could not be taken in (%r) and is tried again",
                name,
                error,
                exc_info=None if again else error,
            )
            self._failed[file.path] = file
            self._trouble("intake", error)
        else:
            self._handled[file.path] = file
            self._failed.pop(file.path, None)

    def _changed(self) -> list[Found]:
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

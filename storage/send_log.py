"""Send log: a file next to the SQLite database with a line per started and per answered request.

After a kill it separates requests that were not sent, sent, and in doubt, which a commit
before and after each request would do as well, at the cost of the commits. The kernel keeps the lines of a
killed process, but not those of a machine that lost its power: lines of an earlier boot are not believed.
"""

import errno
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storage.model import DeliveryId

log = logging.getLogger(__name__)

Claim = tuple[DeliveryId, str]  # a delivery under the token of a claim

LARGE = 1_000_000  # bytes after which only what is still open is kept
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class SendLogSnapshot:
    """What a dead process wrote: the claims whose requests it began, and the messages that became of some."""

    begun: frozenset[Claim] = frozenset()
    sent: Mapping[Claim, int | None] = field(default_factory=dict)


class SendLog:
    """For one process at a time; `read` what the last one left, then `start_over`."""

    def __init__(self, file: Path, *, large: int = LARGE) -> None:
        self._file = file
        self._large = large
        self._open: dict[DeliveryId, tuple[str, bytes]] = {}  # the token and the latest line
        self._descriptor: int | None = None
        self._size = 0

    def read(self) -> SendLogSnapshot | None:
        """Return the log of the last process; None if it is missing, damaged or of an earlier boot."""
        boot = _boot()
        begun: set[Claim] = set()
        sent: dict[Claim, int | None] = {}
        try:
            head, *lines = self._file.read_text(encoding="utf-8").splitlines()
            for number, token, *message in map(str.split, lines):
                claim = (DeliveryId(int(number)), token)
                begun.add(claim)
                if message:
                    sent[claim] = int(message[0]) or None
        except (OSError, ValueError):
            return None
        return SendLogSnapshot(frozenset(begun), sent) if boot is not None and head == boot else None

    def reset(self) -> None:
        """Forget the claims of the last process. Raises OSError."""
        self._open.clear()
        self._rewrite()

    def record_start(self, delivery_id: DeliveryId, token: str) -> None:
        """Record the start of a request before it is sent. Raises OSError; then it must not be sent."""
        if self._descriptor is None or self._size > self._large:
            self._rewrite()
        self._note(delivery_id, token, f"{delivery_id} {token}\n".encode())

    def record_sent(self, delivery_id: DeliveryId, token: str, message_id: int | None) -> None:
        """Telegram has it, as this message, and no row says so yet. Unwritten, it is as if unsaid."""
        try:
            self._note(delivery_id, token, f"{delivery_id} {token} {message_id or 0}\n".encode())
        except OSError as error:
            log.warning("the answer to delivery %s is not noted: %s", delivery_id, error)

    def ended(self, claims: Iterable[Claim]) -> None:
        """Remove claims whose outcomes are committed."""
        for delivery_id, token in claims:
            if self._open.get(delivery_id, ("", b""))[0] == token:
                del self._open[delivery_id]

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _note(self, delivery_id: DeliveryId, token: str, line: bytes) -> None:
        self._open[delivery_id] = (token, line)
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the file is not open")
        if os.write(self._descriptor, line) < len(line):
            self.close()  # rewritten before the next request: half a line would corrupt the following one
            raise OSError(errno.ENOSPC, "the disk is full")
        self._size += len(line)

    def _rewrite(self) -> None:
        content = f"{_boot() or ''}\n".encode() + b"".join(line for _, line in self._open.values())
        part = self._file.with_name(f"{self._file.name}.part")
        part.touch(mode=0o600)
        part.write_bytes(content)
        part.replace(self._file)
        self.close()
        self._descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._size = 0


def _boot() -> str | None:
    """Return the boot id of the machine; None where the system has none."""
    try:
        return BOOT.read_text(encoding="ascii").strip() or None
    except OSError:
        return None

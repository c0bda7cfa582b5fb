"""Which claims' requests were begun: a line for each in a file beside the database, written before it leaves.

After a death it tells what was surely not sent from what may have been, which a commit for each request would
tell too, at the price of the commit. The kernel keeps the lines of a killed process, but not those of a
machine that lost its power: lines of an earlier boot are not believed.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from storage.model import DeliveryId

Claim = tuple[DeliveryId, str]  # a delivery under the token of a claim

LARGE = 1_000_000  # bytes after which only what is still open is kept
BOOT = Path("/proc/sys/kernel/random/boot_id")


class BegunLog:
    """For one process at a time; `read` what the last one left, then `start_over`."""

    def __init__(self, file: Path, *, large: int = LARGE) -> None:
        self._file = file
        self._large = large
        self._open: dict[DeliveryId, str] = {}
        self._descriptor: int | None = None
        self._size = 0

    def read(self) -> frozenset[Claim] | None:
        """The claims whose requests the last process may have made; None if that is not known."""
        boot = _boot()
        try:
            head, *lines = self._file.read_text(encoding="utf-8").splitlines()
            claims = frozenset((DeliveryId(int(number)), token) for number, token in map(str.split, lines))
        except (OSError, ValueError):
            return None
        return claims if boot is not None and head == boot else None

    def start_over(self) -> None:
        """Forget the claims of the last process. Raises OSError."""
        self._open.clear()
        self._rewrite()

    def begin(self, delivery_id: DeliveryId, token: str) -> None:
        """The request of this claim is about to be made. Raises OSError; then it must not be made."""
        if self._descriptor is None or self._size > self._large:
            self._rewrite()
        assert self._descriptor is not None
        self._open[delivery_id] = token
        self._size += os.write(self._descriptor, _line(delivery_id, token))

    def ended(self, claims: Iterable[Claim]) -> None:
        """What became of these claims is written."""
        for delivery_id, token in claims:
            if self._open.get(delivery_id) == token:
                del self._open[delivery_id]

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _rewrite(self) -> None:
        content = f"{_boot() or ''}\n".encode() + b"".join(_line(*claim) for claim in self._open.items())
        part = self._file.with_name(f"{self._file.name}.part")
        part.touch(mode=0o600)
        part.write_bytes(content)
        part.replace(self._file)
        self.close()
        self._descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._size = 0


def _line(delivery_id: DeliveryId, token: str) -> bytes:
    return f"{delivery_id} {token}\n".encode()


def _boot() -> str | None:
    """What is different after every start of the machine; None where the system does not tell."""
    try:
        return BOOT.read_text(encoding="ascii").strip() or None
    except OSError:
        return None

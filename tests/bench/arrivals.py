"""When bytes arrived, by the system's clock: a server that is kept from running must not count them later.

On Linux the system stamps what arrives (SO_TIMESTAMPNS, socket(7)); elsewhere the time of reading has to do.
"""

import asyncio
import os
import socket
import struct
import sys
import time
from collections.abc import Callable

_STAMP = 35  # SO_TIMESTAMPNS, and SCM_TIMESTAMPNS, which Python does not name
_TIMESPEC = struct.Struct("qq")

Arrived = Callable[[bytes, float], None]


class Arrivals:
    """Hands on what arrives at all connections together, in the order in which it arrived."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[float, int, bytes, Arrived]] = []

    @staticmethod
    def stamp(listening: socket.socket) -> None:
        """Have what arrives at accepted connections stamped from their first byte on."""
        if sys.platform == "linux":
            listening.setsockopt(socket.SOL_SOCKET, _STAMP, 1)

    def listen(self, transport: asyncio.Transport, arrived: Arrived) -> None:
        """Replace the reading side of this transport; writing stays with it."""
        transport.pause_reading()
        own = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        own.setblocking(False)
        if sys.platform == "linux":
            own.setsockopt(socket.SOL_SOCKET, _STAMP, 1)

        def readable() -> None:
            try:
                data, stamps, _, _ = own.recvmsg(1 << 16, socket.CMSG_SPACE(_TIMESPEC.size))
            except BlockingIOError:
                return
            except OSError:
                data, stamps = b"", []
            if data:
                self._add(_time_of(stamps), data, arrived)
                return
            self._loop.remove_reader(own.fileno())
            own.close()
            transport.close()

        self._loop.add_reader(own.fileno(), readable)

    def _add(self, at: float, data: bytes, arrived: Arrived) -> None:
        if not self._waiting:
            self._loop.call_soon(self._hand_on)
        self._waiting.append((at, len(self._waiting), data, arrived))

    def _hand_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        for at, _, data, arrived in sorted(waiting, key=lambda each: each[:2]):
            arrived(data, at)


def _time_of(stamps: list[tuple[int, int, bytes]]) -> float:
    for level, kind, value in stamps:
        if (level, kind) == (socket.SOL_SOCKET, _STAMP):
            seconds, nanoseconds = _TIMESPEC.unpack(value[: _TIMESPEC.size])
            return float(seconds + nanoseconds / 1e9)
    return time.time()

"""Crash points: named places where a test kills the process."""

import os
import signal
from collections.abc import Callable


def crash_point(wanted: str | None) -> Callable[[str], None]:
    """Return a function to call at each named place; "name:n" kills the process at its n-th call."""
    if wanted is None:
        return lambda _: None
    name, _, count = wanted.partition(":")
    left = int(count or 1)

    def reached(place: str) -> None:
        nonlocal left
        if place == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached

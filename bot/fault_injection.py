"""Named places at which a test may have the process killed, to see that nothing is lost there."""

import os
import signal
from collections.abc import Callable


def crash_point(wanted: str | None) -> Callable[[str], None]:
    """A function to call at each named place; it kills the process at the n-th call with "name:n"."""
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

"""How the C library keeps memory: in one heap, and large pieces apart, so that what is free is given back.

By default every thread gets a heap of its own, and the size from which a piece lies apart grows with the
largest ever freed: then messages and pages that live long come to lie between ones that do not, and a service
that uses no more than at first takes half a megabyte more each minute.
"""

import ctypes
import gc
import sys
from collections.abc import Callable

# See mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_APART = 128 * 1024  # bytes


def limit_malloc_arenas() -> bool:
    """To be called before the first thread is started; False where the C library knows no such choice."""
    choose = _of_library("mallopt")
    if choose is None:
        return False
    choices = {_ARENA_MAX: 1, _MMAP_THRESHOLD: _APART, _TRIM_THRESHOLD: _APART}
    return all(choose(name, value) == 1 for name, value in choices.items())


def trim_heap() -> bool:
    """Give the pages that are free to the system, also between ones in use; takes one or two milliseconds."""
    trim = _of_library("malloc_trim")
    return trim is not None and trim(0) == 1


def _of_library(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


# Young objects before a look at them, and looks before one at the older. What most of an update makes goes
# away by itself when nobody refers to it any more; only circles wait for a look.
YOUNG, OLDER, OLDEST = 20_000, 20, 20


def freeze_gc() -> None:
    """To be called when everything is loaded and open: that stays, and need not be looked through again.

    A look at all objects of the running service takes a tenth of a second, in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)

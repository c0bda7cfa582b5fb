"""Memory settings of the interpreter, malloc and the garbage collector.

One malloc arena and a fixed mmap threshold keep the heap from fragmenting: with glibc's defaults the
resident size of an idle service grows by half a megabyte a minute.
"""

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

# See mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_MMAP_BYTES = 128 * 1024


def restart_without_docstrings(package: str) -> None:
    """Replace this process by the same command under `python -OO`: docstrings take 6 MB of the service.

    Does nothing where the operator has set PYTHONOPTIMIZE or -O, where the compiled modules of the standard
    library or of the packages cannot be kept, or where the interpreter cannot be found or executed again;
    `package` is the file of one of the packages.
    """
    wished = sys.flags.optimize or "PYTHONOPTIMIZE" in os.environ  # noqa: TID251 - the interpreter's own
    if wished or os.name != "posix" or not sys.executable:  # empty if argv[0] is a name of its own
        return
    if _compiled_once(os.__file__) and _compiled_once(package):
        with suppress(OSError):
            os.execv(sys.executable, [sys.executable, "-OO", *sys.orig_argv[1:]])  # noqa: S606 - no shell


def _compiled_once(source: str) -> bool:
    """Return whether the module's code without docstrings is cached, or will be by its first import."""
    cached = Path(cache_from_source(source, optimization=2))
    if os.access(cached, os.R_OK):  # False, where Path.exists raises, in a folder of another user
        return True
    folder = next(folder for folder in cached.parents if os.access(folder, os.F_OK))
    return not sys.dont_write_bytecode and os.access(folder, os.W_OK | os.X_OK)


def skip_httpx_command_line() -> None:
    """Keep httpx from importing its command line: 3.9 MB where rich and pygments are installed, as for tests.

    python-telegram-bot imports httpx in any case; httpx does without where this import fails. Call before the
    first import of telegram.
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # "not importable" (sys.modules)


def limit_malloc_arenas() -> bool:
    """Set one arena and fixed thresholds, before the first thread; return False without mallopt."""
    mallopt = _of_library("mallopt")
    if mallopt is None:
        return False
    options = {_ARENA_MAX: 1, _MMAP_THRESHOLD: _MMAP_BYTES, _TRIM_THRESHOLD: _MMAP_BYTES}
    return all(mallopt(name, value) == 1 for name, value in options.items())


def trim_heap() -> bool:
    """Return free heap pages to the system (malloc_trim); takes one or two milliseconds."""
    trim = _of_library("malloc_trim")
    return trim is not None and trim(0) == 1


def _of_library(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


# Thresholds of gc.set_threshold. Reference counting frees almost all objects of an update; only cycles
# wait for a collection.
YOUNG, OLDER, OLDEST = 20_000, 20, 20


def freeze_gc() -> None:
    """Exclude all present objects from garbage collection; call after the start.

    A full collection of the running service takes 0.1 s, during which the event loop is blocked.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)

"""Takes from the image what no run of the bot needs, and makes its bytes the same in every build.

A step of the image's build; nothing of the running bot uses it. The locales are those the bot speaks.
"""

import os
import py_compile
import shutil
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

LANGUAGES = ("root", "zh", "en")
LEXERS = ("__init__", "_mapping", "python", "special")  # rich colours nothing but its own tracebacks here
SOURCES = ("*.c", "*.cpp", "*.h", "*.pyx", "*.pxd", "*.pyi")
DIALECTS = ("mssql", "mysql", "oracle")  # of SQLAlchemy and Alembic
TWINS = ("rapidfuzz/*_avx2*.so", "rapidfuzz/*/*_avx2*.so", "multidict/_testcapi*.so")
# Below the root: installers, headers, what only builds, logs, and programs that change users or mounts.
ROOT = (
    "usr/local/include", "usr/local/lib/pkgconfig", "usr/local/share", "usr/include", "usr/share/man",
    "usr/share/info", "usr/share/bash-completion", "usr/share/lintian", "usr/share/locale",
    "usr/local/bin/pip*", "usr/local/bin/idle*", "usr/local/bin/pydoc*", "usr/local/bin/*-config",
    "usr/local/lib/python3*/site-packages/*", "usr/local/lib/python3*/ensurepip",
    "usr/local/lib/python3*/idlelib", "usr/local/lib/python3*/lib2to3", "usr/local/lib/python3*/tkinter",
    "usr/local/lib/python3*/turtledemo", "usr/local/lib/python3*/test", "usr/local/lib/python3*/config-*",
    "usr/local/lib/python3*/lib-dynload/_test*", "usr/local/lib/python3*/lib-dynload/xx*",
    "usr/local/lib/python3*/lib-dynload/_xxtest*", "usr/local/lib/python3*/lib-dynload/_ctypes_test*",
    "usr/lib/apt", "usr/bin/apt*", "usr/lib/*-linux-gnu/libapt-*", "etc/apt", "var/lib/apt", "var/cache",
    "usr/bin/dpkg*", "usr/lib/dpkg", "var/lib/dpkg/info", "usr/bin/perl*", "usr/lib/*-linux-gnu/perl*",
    "usr/lib/*-linux-gnu/gconv", "var/log", "tmp", "run", "root/.cache", "build", "etc/*-",
)  # fmt: skip
_ELF64_LITTLE = b"\x7fELF\x02\x01"


def slim(packages: Path) -> int:
    """Slim the folder `packages` (a site-packages) and return the bytes that were taken away."""
    before = _size(packages)
    for unneeded in [*_unneeded(packages)]:
        _remove(unneeded)
    _slim_libraries(packages)
    ddl = packages / "alembic" / "ddl" / "__init__.py"
    if ddl.exists():
        unused = tuple(f"from . import {dialect}" for dialect in DIALECTS)
        lines = ddl.read_text().splitlines(keepends=True)
        ddl.write_text("".join(line for line in lines if line.strip() not in unused))
    return before - _size(packages)


def slim_root(root: Path) -> int:
    """Slim a copy of the whole file system; no program of it changes its user any more."""
    before = _size(root)
    for pattern in ROOT:
        for unneeded in root.glob(pattern):
            _remove(unneeded)
    _slim_libraries(root / "usr" / "local")
    for file in root.rglob("*"):
        mode = file.lstat().st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            file.unlink()
    for folder in ("tmp", "run", "var/log", "var/cache"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    return before - _size(root)


def settle(root: Path, at: int) -> None:
    """Give every file and folder the same times, in seconds since 1970."""
    for path in [*root.rglob("*"), root]:
        os.utime(path, (at, at), follow_symlinks=False)


def recompile(cache: Path) -> None:
    """Compile the modules of a PYTHONPYCACHEPREFIX again, without times in the files.

    Unchecked hashes (PEP 552): the sources never change in an image.
    """
    for compiled in sorted(cache.rglob("*.pyc")):
        module = compiled.name.split(".", 1)[0] + ".py"
        source = Path("/") / compiled.relative_to(cache).parent / module
        compiled.unlink()
        py_compile.compile(
            str(source),
            cfile=str(compiled),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


def _slim_libraries(folder: Path) -> None:
    for library in folder.rglob("*.so*"):
        if library.is_symlink() or not library.is_file():
            continue
        content = library.read_bytes()
        if len(slimmer := without_sections(content)) < len(content):
            library.write_bytes(slimmer)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def without_sections(library: bytes) -> bytes:
    """Return a shared library without the bytes after its segments: debug symbols and the section table.

    The loader reads segments only (System V ABI, chapter 5). What is no 64-bit little-endian ELF file is
    returned as it is.
    """
    if not library.startswith(_ELF64_LITTLE):
        return library
    segments, size, count = *struct.unpack_from("<Q", library, 32), *struct.unpack_from("<HH", library, 54)
    ends = [segments + size * count]
    for number in range(count):
        header = segments + size * number
        ends.append(sum(struct.unpack_from("<Q", library, header + at)[0] for at in (8, 32)))  # offset, size
    kept = bytearray(library[: max(ends)])
    struct.pack_into("<Q", kept, 40, 0)  # e_shoff
    struct.pack_into("<HH", kept, 60, 0, 0)  # e_shnum, e_shstrndx
    return bytes(kept)


def _unneeded(packages: Path) -> Iterator[Path]:
    for pattern in SOURCES:
        yield from packages.rglob(pattern)
    for unused in ("*/tests", "*/testing", *TWINS):
        yield from packages.glob(unused)
    for dialect in DIALECTS:
        yield from (
            packages / "sqlalchemy" / "dialects" / dialect,
            packages / "alembic/ddl" / f"{dialect}.py",
        )
    yield from (each for each in packages.glob("pygments/lexers/*.py") if each.stem not in LEXERS)
    for data in packages.glob("babel/locale-data/*.dat"):
        if data.stem.split("_")[0] not in LANGUAGES:
            yield data


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    """`slim_image.py packages|recompile FOLDER`, or `root FOLDER SECONDS`, which also sets the times."""
    step, folder = sys.argv[1], Path(sys.argv[2])
    match step:
        case "packages":
            sys.stdout.write(f"{slim(folder) / 1e6:.0f} MB less\n")
        case "root":
            sys.stdout.write(f"{slim_root(folder) / 1e6:.0f} MB less\n")
            settle(folder, int(sys.argv[3]))
        case "recompile":
            recompile(folder)
        case _:
            sys.exit(main.__doc__)


if __name__ == "__main__":
    main()

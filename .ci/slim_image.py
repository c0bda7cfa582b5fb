"""Takes from an installed environment what no run of the bot needs: C, tests, locales, symbols.

A step of the image's build; nothing of the running bot uses it. The locales are those the bot speaks.
"""

import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

LANGUAGES = ("root", "zh", "en")
LEXERS = ("__init__", "_mapping", "python", "special")  # rich colours nothing but its own tracebacks here
SOURCES = ("*.c", "*.cpp", "*.h", "*.pyx", "*.pxd", "*.pyi")
_ELF64_LITTLE = b"\x7fELF\x02\x01"


def slim(packages: Path) -> int:
    """Slim the folder `packages` (a site-packages) and return the bytes that were taken away."""
    before = _size(packages)
    for unneeded in [*_unneeded(packages)]:
        if unneeded.is_dir():
            shutil.rmtree(unneeded)
        else:
            unneeded.unlink(missing_ok=True)
    for library in packages.rglob("*.so*"):
        content = library.read_bytes()
        if len(slimmer := without_sections(content)) < len(content):
            library.write_bytes(slimmer)
    return before - _size(packages)


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
    for tests in ("*/tests", "*/testing"):
        yield from packages.glob(tests)
    yield from (each for each in packages.glob("pygments/lexers/*.py") if each.stem not in LEXERS)
    for data in packages.glob("babel/locale-data/*.dat"):
        if data.stem.split("_")[0] not in LANGUAGES:
            yield data


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    """`slimming.py SITE_PACKAGES` tells how much was taken away."""
    sys.stdout.write(f"{slim(Path(sys.argv[1])) / 1e6:.0f} MB less\n")


if __name__ == "__main__":
    main()

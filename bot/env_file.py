"""The `.env` file, and reading of small files that settings name, which may be pipes."""

import os
import re
import select
from collections.abc import Collection
from difflib import get_close_matches
from errno import EFBIG, ETIMEDOUT
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv.main import resolve_variables
from dotenv.parser import Binding, parse_stream

from bot import SettingsError

MAX_BYTES = 1 << 20
PIPE_SECONDS = 5.0  # for the writer of a named pipe
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
# Names that are for Docker Compose and the programs in its containers.
_OTHERS: Final = re.compile(
    r"(?:COMPOSE|DOCKER|POSTGRES|PG|CADDY|PIP|PYTHON)[A-Z0-9_]*|DOMAIN|TZ|LANG|LC_[A-Z]+"
)


def read_text(file: Path) -> str:
    """Return the text of a small file, which may be a pipe. Raises OSError and UnicodeDecodeError.

    Also for a pipe that has no writer, a device without an end, and NUL, as UTF-16 without a mark has.
    """
    content = b""
    # O_NONBLOCK: opening a pipe would otherwise wait for its writer.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while True:
            if not select.select([descriptor], [], [], PIPE_SECONDS)[0]:
                raise TimeoutError(ETIMEDOUT, "no program writes to this pipe")
            content += (block := os.read(descriptor, MAX_BYTES))
            if not block:
                break
            if len(content) > MAX_BYTES:
                raise OSError(EFBIG, "it is too large")
    finally:
        os.close(descriptor)
    if (at := content.find(0)) >= 0:
        raise UnicodeDecodeError("utf-8", content, at, at + 1, "a NUL")
    return content.decode("utf-8-sig")


def _lines(file: str | None) -> list[Binding]:
    """Return the lines of an .env file. Raises SettingsError for an unreadable one."""
    if file is None or not os.path.lexists(file):
        return []
    try:
        return list(parse_stream(StringIO(read_text(Path(file)))))
    except UnicodeDecodeError:
        raise SettingsError(".env is not UTF-8: save it again in that encoding") from None
    except OSError as error:
        raise SettingsError(
            f".env cannot be read ({error.strerror}): see that it is a file and that this user may read it"
        ) from None


def env_texts(file: str | None) -> dict[str, str]:
    """Return the values of an .env file by their small names. Raises SettingsError for an unreadable one."""
    given = [(line.key, line.value) for line in _lines(file) if line.key is not None]
    found = resolve_variables(given, override=True)
    return {name.lower(): text for name, text in found.items() if text is not None}


def warnings_of(file: str, known: Collection[str]) -> list[str]:
    """Return the unknown names, each with the `known` one spelt like it, and the lines without a value."""
    if not Path(file).is_file():  # a pipe is read once
        return []
    unknown, left_out = [], []
    for line in _lines(file):
        name = (line.key or "").upper()
        if line.error or (name and (line.value is None or not _NAME.fullmatch(name))):
            text = line.original.string
            blank = text[: len(text) - len(text.lstrip())].count("\n")
            left_out.append(f"line {line.original.line + blank} is left out: write it as NAME=value")
        elif name and name not in known and not _OTHERS.fullmatch(name):
            nearest = get_close_matches(name, known, n=1, cutoff=0.7)
            unknown.append(f"{line.key} ({nearest[0]}?)" if nearest else str(line.key))
    return ([f"unknown {', '.join(dict.fromkeys(unknown))}"] if unknown else []) + left_out

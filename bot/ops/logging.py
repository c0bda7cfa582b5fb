"""How log lines look, for people or for machines, and the trail that ties the lines of one matter together.

Knows no settings and no secrets of its own: both are handed over.
"""

import json
import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

from bot.telegram.redaction import protect_logs

QUIET = (
    "aiohttp",
    "aiosqlite",
    "alembic",
    "apscheduler",
    "asyncio",
    "httpcore",
    "httpx",
    "telegram",
    "watchfiles",
)
HASH_SIGNS = 12  # of a dump's hash, enough to tell dumps apart
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\\n", 9: "\t"}

_trail: ContextVar[str] = ContextVar("trail", default="")


@contextmanager
def correlate(trail: str) -> Iterator[None]:
    """Lines logged inside, also by tasks started there, belong to `trail`, such as "dump 12".

    Within another trail it is appended: "dump 12 / delivery 40"; within the same one nothing changes.
    """
    outer = _trail.get()
    token = _trail.set(f"{outer} / {trail}" if outer and outer != trail else trail)
    try:
        yield
    finally:
        _trail.reset(token)


def current_correlation_id() -> str:
    """The trail that lines logged now belong to, or nothing."""
    return _trail.get()


def new_correlation_id(*hashes: str) -> str:
    """The trail of what these dumps brought, by the hashes of their contents; from file to message."""
    return f"dump {', '.join(sha256[:HASH_SIGNS] for sha256 in hashes)}" if hashes else ""


class HumanLines(logging.Formatter):
    """A line for people. Control characters of a message are shown, so that no text can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        trail = f" [{_trail.get()}]" if _trail.get() else ""
        message = record.getMessage().translate(_CONTROLS)
        line = f"{_time(record, 'seconds')} {record.levelname:<7} {record.name}{trail}  {message}"
        return "\n".join(filter(None, (line, _traceback(self, record))))


class JsonLines(logging.Formatter):
    """A JSON object in one line: time (UTC), level, logger, message, and trail and error where there are."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record, "milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "trail": _trail.get(),
            "error": _traceback(self, record),
        }
        return json.dumps({key: value for key, value in line.items() if value}, ensure_ascii=False)


def set_up_logs(
    level: str,
    format: Literal["human", "json"],  # noqa: A002 (the setting's own name)
    secrets: Collection[str],
    stream: TextIO | None = None,
) -> None:
    """Let the root logger write to `stream` (standard error), and nothing that is in `secrets`.

    May be called again: the last call holds. Libraries are heard from WARNING on.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else HumanLines())
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each.formatter, HumanLines | JsonLines)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    protect_logs(secrets)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _time(record: logging.LogRecord, precision: str) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec=precision)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    text = record.exc_text or (formatter.formatException(record.exc_info) if record.exc_info else "")
    return "\n".join(filter(None, (text, record.stack_info)))

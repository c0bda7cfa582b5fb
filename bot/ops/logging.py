"""Log formatters (text, JSON) and the correlation id of related lines.

Control characters are escaped, so that no message can forge a line; secrets are redacted.
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
HASH_SIGNS = 12  # of a dump's SHA-256 in its correlation id
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\\n", 9: "\t"}

_correlation_id: ContextVar[str] = ContextVar("correlation id", default="")


@contextmanager
def correlate(correlation_id: str) -> Iterator[None]:
    """Set the correlation id of lines logged in the context and in tasks started there.

    Nested ids are joined: "dump 12 / delivery 40"; the same id is not repeated.
    """
    outer = _correlation_id.get()
    joined = f"{outer} / {correlation_id}" if outer and outer != correlation_id else correlation_id
    token = _correlation_id.set(joined)
    try:
        yield
    finally:
        _correlation_id.reset(token)


def current_correlation_id() -> str:
    """Return the current correlation id, or an empty text."""
    return _correlation_id.get()


def new_correlation_id(*hashes: str) -> str:
    """Return the correlation id of dumps, made of their SHA-256; used from the file to the message."""
    return f"dump {', '.join(sha256[:HASH_SIGNS] for sha256 in hashes)}" if hashes else ""


class HumanLines(logging.Formatter):
    """Formatter of text lines; control characters in messages are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        suffix = f" [{_correlation_id.get()}]" if _correlation_id.get() else ""
        message = record.getMessage().translate(_CONTROLS)
        line = f"{_time(record, 'seconds')} {record.levelname:<7} {record.name}{suffix}  {message}"
        return "\n".join(filter(None, (line, _traceback(self, record))))


class JsonLines(logging.Formatter):
    """Formatter of JSON lines: time (UTC), level, logger, message, and optional trail and error."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record, "milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "trail": _correlation_id.get(),
            "error": _traceback(self, record),
        }
        return json.dumps({key: value for key, value in line.items() if value}, ensure_ascii=False)


def set_up_logs(
    level: str,
    format: Literal["human", "json"],  # noqa: A002 (the name of the setting)
    secrets: Collection[str],
    stream: TextIO | None = None,
) -> None:
    """Configure the root logger to write to `stream` (default: standard error) with `secrets` redacted.

    Each call replaces the previous configuration. Loggers of libraries start at WARNING.
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

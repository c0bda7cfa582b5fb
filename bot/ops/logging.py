"""Log formatters (text, JSON), redaction of secrets, and the correlation id of related lines.

Control characters are escaped, so that no message can forge a line; secrets are redacted.
"""

import json
import logging
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

QUIET = (
    "aiohttp", "aiosqlite", "alembic", "apscheduler", "asyncio", "httpcore", "httpx", "telegram",
    "watchfiles",
)  # fmt: skip
HASH_SIGNS = 12  # of a dump's SHA-256 in its correlation id
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\\n", 9: "\t"}

_TOKEN = re.compile(r"/bot\d+(?::|%3A)[^/\s'\"]+|\d+(?::|%3A)[A-Za-z0-9_-]{35,}", re.IGNORECASE)
_CHATTY = ("httpx", "httpcore", "aiohttp", "telegram")  # finer messages have addresses, hence the token

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


def redact(text: str, secrets: Collection[str] = ()) -> str:
    """Return `text` without anything that looks like a bot token, and without the given secrets."""
    text = _TOKEN.sub(lambda found: "/bot<token>" if found[0][0] == "/" else "<token>", text)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "<secret>")
    return text


class Redaction(logging.Filter):
    """Logging filter that redacts message, arguments, traceback and stack of every record.

    It must be added to handlers: a filter on a logger does not see the records of child loggers.
    """

    def __init__(self, secrets: Collection[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # the call's own mistake must not leak its arguments
            message = f"{record.msg} {record.args!r}"
        record.msg, record.args = redact(message, self._secrets), ()
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = redact(record.exc_text, self._secrets)
        if record.stack_info:
            record.stack_info = redact(record.stack_info, self._secrets)
        return True


def protect_logs(secrets: Collection[str] = ()) -> None:
    """Put a Redaction on every handler of the root logger and keep HTTP libraries from logging addresses."""
    for handler in logging.getLogger().handlers:
        for old in [each for each in handler.filters if isinstance(each, Redaction)]:
            handler.removeFilter(old)
        handler.addFilter(Redaction(secrets))
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)

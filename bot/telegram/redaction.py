"""Log redaction: bot tokens by their shape, other secrets by their value."""

import logging
import re
from collections.abc import Collection

_TOKEN = re.compile(r"/bot\d+(?::|%3A)[^/\s'\"]+|\d+(?::|%3A)[A-Za-z0-9_-]{35,}", re.IGNORECASE)
_CHATTY = ("httpx", "httpcore", "aiohttp", "telegram")


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
    quiet_wire()


def quiet_wire() -> None:
    """Hold the loggers at WARNING whose finer messages contain request addresses, hence the token."""
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)

"""Validation of a Mini App's `initData` (core.telegram.org/bots/webapps, "Validating data")."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

MAX_AGE = timedelta(days=1)
MAX_LENGTH = 8192  # characters; Telegram's are below 2,000
MAX_ID = 2**52  # Bot API, User: an id has at most 52 significant bits
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class WebUser:
    """The person whose Telegram client signed the data."""

    id: int
    name: str
    language: str | None


class ForgedInitDataError(Exception):
    """Report that the data is not signed by Telegram for this bot, or is too old."""


def read_init_data(init_data: str, token: str, now: datetime) -> WebUser:
    """Return the signed user; the signature is compared in constant time. Raises ForgedInitDataError."""
    if len(init_data) > MAX_LENGTH:
        raise ForgedInitDataError("too long")
    pairs = parse_qsl(init_data, keep_blank_values=True)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ForgedInitDataError("a field is repeated")
    given = fields.pop("hash", "")
    try:
        lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields)).encode()
    except UnicodeEncodeError:
        raise ForgedInitDataError("not UTF-8") from None
    secret = hmac.digest(b"WebAppData", token.encode(), hashlib.sha256)
    expected = hmac.new(secret, lines, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise ForgedInitDataError("wrong signature")
    try:
        signed_at = datetime.fromtimestamp(int(fields["auth_date"]), UTC)
        user = json.loads(fields["user"])
        names = (user.get("first_name"), user.get("last_name"))
        number, language = int(user["id"]), user.get("language_code")
        name = " ".join(part for part in names if isinstance(part, str) and part)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        raise ForgedInitDataError("incomplete") from None
    if not 0 < number < MAX_ID:
        raise ForgedInitDataError("incomplete")
    if now - signed_at > MAX_AGE or signed_at - now > CLOCK_SKEW:
        raise ForgedInitDataError("expired")
    return WebUser(number, name, language if isinstance(language, str) else None)

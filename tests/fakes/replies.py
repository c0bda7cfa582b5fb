"""Scripted responses of the fake Bot API server, in Telegram's words."""

from dataclasses import dataclass, field
from typing import Any


class Refusal(Exception):  # noqa: N818 - an answer of the server
    """An answer that is not ok. `description` has its prefix (`Bad Request: `), as on the wire."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.parameters = parameters


def bad(description: str, **parameters: Any) -> Refusal:
    """A refusal of the request itself, status 400."""
    return Refusal(400, f"Bad Request: {description}", **parameters)


@dataclass(frozen=True, slots=True)
class Error:
    """Answered instead of doing anything."""

    code: int
    description: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks: before the request is taken note of, after, or within the answer's body."""

    when: str


@dataclass(frozen=True, slots=True)
class Delay:
    """The request is done and recorded at once, and answered only after `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Raw:
    """A body that the Bot API would never send. `recorded` tells whether the request is done nevertheless."""

    status: int
    body: bytes
    recorded: bool


Reply = Error | Cut | Delay | Raw


def error(code: int, description: str, **parameters: Any) -> Error:
    return Error(code, description, parameters)


def flood(retry_after: int) -> Error:
    return error(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


def blocked() -> Error:
    return error(403, "Forbidden: bot was blocked by the user")


def migrated(new_id: int) -> Error:
    return error(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=new_id)


def delay(seconds: float) -> Delay:
    return Delay(seconds)


def page(status: int, body: str = "<html><body>Bad Gateway</body></html>") -> Raw:
    """What a machine in front of the Bot API answers when that is out of reach."""
    return Raw(status, body.encode(), recorded=False)


cut_before = Cut("before")
cut_after = Cut("after")
cut_body = Cut("body")
garbage = Raw(200, b'{"ok": true, "result": {"mess', recorded=True)
empty = Raw(200, b"", recorded=True)

"""Reads a Bot API request: form, multipart or JSON, as the server takes all three."""

import json
from typing import Any

from aiohttp import web

from tests.fakes.replies import bad

_TREES = frozenset(
    [
        "reply_markup",
        "entities",
        "caption_entities",
        "rich_message",
        "link_preview_options",
        "reply_parameters",
        "results",
        "button",
        "commands",
        "scope",
        "allowed_updates",
        "media",
    ]
)
_WHOLE = frozenset(
    [
        "message_id",
        "message_thread_id",
        "user_id",
        "timeout",
        "offset",
        "limit",
        "reply_to_message_id",
        "max_connections",
    ]
)
_FLAGS = frozenset(
    [
        "disable_notification",
        "protect_content",
        "is_personal",
        "show_alert",
        "drop_pending_updates",
        "allow_paid_broadcast",
    ]
)


class Params:
    """The parameters of one request, decoded by name, and its uploaded files."""

    def __init__(self, given: dict[str, Any], files: dict[str, bytes]) -> None:
        self.values = {name: _decoded(name, value) for name, value in given.items()}
        self.files = files

    def __getitem__(self, name: str) -> Any:
        value = self.values.get(name)
        if value is None:
            raise bad(f'parameter "{name}" is required')
        return value

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    @property
    def chat_id(self) -> int | None:
        value = self.values.get("chat_id")
        return value if isinstance(value, int) else None


async def read_params(request: web.Request) -> Params:
    given: dict[str, Any] = dict(request.query)
    files: dict[str, bytes] = {}
    if request.content_type == "application/json":
        given |= json.loads(await request.read() or b"{}")
        return Params(given, files)
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = value.file.read()
        else:
            given[name] = value if isinstance(value, str) else bytes(value).decode()
    return Params(given, files)


def _decoded(name: str, value: Any) -> Any:
    if name == "chat_id" and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if not isinstance(value, str):
        return value
    if name in _TREES:
        try:
            return json.loads(value)
        except ValueError:
            raise bad(f"can't parse {name} JSON object") from None
    if name in _WHOLE:
        return int(value)
    if name in _FLAGS:
        return value.lower() in {"true", "1"}
    return value

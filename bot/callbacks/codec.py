"""Codec of actions as callback data: compact, versioned, at most 64 bytes.

A decoded action is well formed but not authorised: a client can send any data.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import StrEnum
from types import NoneType
from typing import Final, get_args, get_type_hints

from bot.callbacks import actions
from bot.callbacks.actions import Action

VERSION: Final = "1"
MAX_BYTES: Final = 64  # Bot API: callback_data of 1-64 bytes
LARGEST: Final = 2**63 - 1
_SEPARATOR: Final = ":"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_VALUE: Final = re.compile(r"[A-Za-z0-9_+/-]{1,32}")  # "America/Argentina/ComodRivadavia" has 32

# A code is never given to another action, so that buttons of older versions keep their meaning or lose it.
CODES: Final[Mapping[str, type[Action]]] = {
    "p": actions.ShowPost, "l": actions.Latest, "si": actions.SeriesIndex, "ti": actions.TagIndex,
    "ci": actions.CategoryIndex, "s": actions.ShowScope, "qa": actions.AskSearch, "q": actions.SearchPage,
    "a": actions.Archive, "r": actions.Random, "h": actions.Hot, "d": actions.Step, "pr": actions.Related,
    "pc": actions.Cite, "pp": actions.Papers, "v": actions.Save, "vx": actions.Unsave, "vs": actions.Saved,
    "k": actions.MarkRead, "kx": actions.MarkUnread, "ks": actions.Reading, "b": actions.Subscribe,
    "bx": actions.Unsubscribe, "m": actions.Mute, "mx": actions.Unmute, "t": actions.TopicFor,
    "bs": actions.Subscriptions, "o": actions.Settings, "oo": actions.Options, "oc": actions.Choose,
    "cs": actions.CourseStart, "cn": actions.CourseNext, "cp": actions.CoursePause,
    "cr": actions.CourseResume, "cx": actions.CourseStop, "f": actions.Forget, "z": actions.Start,
    "zh": actions.HelpPage, "za": actions.About, "n": actions.Nothing, "x": actions.Dismiss,
    "us": actions.Status, "ud": actions.Dumps, "ur": actions.Release, "ux": actions.Discard,
    "ut": actions.Retry, "ub": actions.Broadcast, "bm": actions.SubscribeMenu, "ba": actions.UnsubscribeAll,
    "br": actions.Restore, "co": actions.CourseOffer, "cl": actions.Courses, "e": actions.Files,
    "ef": actions.SendFile,
}  # fmt: skip
_CODE_OF: Final = {action: code for code, action in CODES.items()}
_TYPES: Final[Mapping[type[Action], tuple[object, ...]]] = {
    action: tuple(get_type_hints(action)[part.name] for part in fields(action)) for action in CODES.values()
}


def encode(action: Action) -> str:
    """Return `action` as callback data. Raises ValueError for a value that `decode` refuses."""
    parts = [_written(getattr(action, part.name)) for part in fields(action)]
    while parts and parts[-1] == "":
        parts.pop()
    data = _SEPARATOR.join((VERSION + _CODE_OF[type(action)], *parts))
    if decode(data) != action:
        raise ValueError(f"{action!r} cannot be a button")
    return data


def decode(data: str) -> Action | None:
    """Return the action of callback data; None if it is forged, damaged or of another version."""
    if len(data) > MAX_BYTES or not data.isascii() or not data.startswith(VERSION):
        return None
    code, *parts = data[len(VERSION) :].split(_SEPARATOR)
    action = CODES.get(code)
    if action is None:
        return None
    types = _TYPES[action]
    if len(parts) > len(types) or (parts and parts[-1] == ""):
        return None
    parts += [""] * (len(types) - len(parts))
    values: list[object] = []
    for part, kind in zip(parts, types, strict=True):
        read = _read(part, kind)
        if read is _WRONG:
            return None
        values.append(read)
    build: Callable[..., Action] = action
    return build(*values)


def _written(value: object) -> str:
    if value is None:
        return ""
    return str(int(value) if isinstance(value, bool) else value)


_WRONG: Final = object()


def _read(part: str, kind: object) -> object:
    """Return `part` as a value of a field's type, or _WRONG."""
    options = get_args(kind)
    if NoneType in options:
        return (
            None if part == "" else _read(part, next(option for option in options if option is not NoneType))
        )
    if kind is bool:
        return part == "1" if part in ("0", "1") else _WRONG
    if kind is int:
        return int(part) if _NUMBER.fullmatch(part) and int(part) <= LARGEST else _WRONG
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next((member for member in kind if member.value == part), _WRONG)
    return part if _VALUE.fullmatch(part) else _WRONG

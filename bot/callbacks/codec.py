"""Codec of actions as callback data: compact, versioned, at most 64 bytes.

A decoded action is well formed but not authorised: a client can send any data.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import StrEnum
from types import NoneType
from typing import Final, get_args, get_type_hints

from bot.callbacks.actions import (
    About,
    Action,
    Archive,
    AskSearch,
    Broadcast,
    CategoryIndex,
    Choose,
    Cite,
    CourseNext,
    CourseOffer,
    CoursePause,
    CourseResume,
    Courses,
    CourseStart,
    CourseStop,
    Discard,
    Dismiss,
    Dumps,
    Files,
    Forget,
    HelpPage,
    Hot,
    Latest,
    MarkRead,
    MarkUnread,
    Mute,
    Nothing,
    Options,
    Papers,
    Random,
    Reading,
    Related,
    Release,
    Restore,
    Retry,
    Save,
    Saved,
    SearchPage,
    SendFile,
    SeriesIndex,
    Settings,
    ShowPost,
    ShowScope,
    Start,
    Status,
    Step,
    Subscribe,
    SubscribeMenu,
    Subscriptions,
    TagIndex,
    TopicFor,
    Unmute,
    Unsave,
    Unsubscribe,
    UnsubscribeAll,
)

VERSION: Final = "1"
MAX_BYTES: Final = 64  # Bot API: callback_data of 1-64 bytes
LARGEST: Final = 2**63 - 1
_SEPARATOR: Final = ":"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_VALUE: Final = re.compile(r"[A-Za-z0-9_+/-]{1,32}")  # "America/Argentina/ComodRivadavia" has 32

# A code is never given to another action, so that buttons of older versions keep their meaning or lose it.
CODES: Final[Mapping[str, type[Action]]] = {
    "p": ShowPost, "l": Latest, "si": SeriesIndex, "ti": TagIndex, "ci": CategoryIndex, "s": ShowScope,
    "qa": AskSearch, "q": SearchPage, "a": Archive, "r": Random, "h": Hot, "d": Step,
    "pr": Related, "pc": Cite, "pp": Papers, "v": Save, "vx": Unsave, "vs": Saved, "k": MarkRead,
    "kx": MarkUnread, "ks": Reading, "b": Subscribe, "bx": Unsubscribe, "m": Mute, "mx": Unmute,
    "t": TopicFor, "bs": Subscriptions, "o": Settings, "oo": Options, "oc": Choose, "cs": CourseStart,
    "cn": CourseNext, "cp": CoursePause, "cr": CourseResume, "cx": CourseStop, "f": Forget, "z": Start,
    "zh": HelpPage, "za": About, "n": Nothing, "x": Dismiss, "us": Status, "ud": Dumps, "ur": Release,
    "ux": Discard, "ut": Retry, "ub": Broadcast, "bm": SubscribeMenu, "ba": UnsubscribeAll, "br": Restore,
    "co": CourseOffer, "cl": Courses, "e": Files, "ef": SendFile,
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
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case _:
            return str(value)


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
